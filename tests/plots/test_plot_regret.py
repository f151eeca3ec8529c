"""The picture of regret shows what `regret` says."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.plots import plot_regret


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_intervals_are_those_of_the_draws(fit, ax):
    found = bs.regret(fit, params=[1e8, 4e8, 2e9], flops=1e20, names=["<b>", "$x_{", ""])
    data = bs.plot_data("regret", found).excess_compute
    np.testing.assert_allclose(data[0.5], found.summary["excess_compute"])
    np.testing.assert_allclose(data[0.05], found.summary["excess_compute_lower"])
    plot_regret(found, ax=ax)
    (medians,) = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(medians.get_xdata(), data[0.5])
    ax.figure.canvas.draw()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["<b>", r"\$x_{", "(no name)"]
    shares = {f"{100 * share:.0f} %" for share in found.summary["within_prob"]}
    assert shares <= {text.get_text() for text in ax.texts}


@pytest.mark.usefixtures("no_figure")
def test_only_a_regret_is_drawn():
    with pytest.raises(DomainError, match=r"bs\.regret"):
        plot_regret("no")
