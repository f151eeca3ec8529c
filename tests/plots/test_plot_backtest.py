"""The back-test's picture shows the back-test's numbers."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.backtesting import LEVELS
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.plots import plot_backtest


@pytest.fixture
def backtest():
    n = 12
    reach, observed = np.geomspace(40, 1.5, n), np.linspace(2, 3, n)
    table = {"fold": 1, "run": np.arange(n), "reach": reach, "observed": observed}
    table |= {f"lower{k}": observed * (1 - k / 1000) for k in LEVELS}
    table |= {f"upper{k}": observed * (1 + k / 1000) for k in LEVELS}
    points = pd.DataFrame(table).assign(method="bayesscale", median=observed * 1.01)
    points.loc[3, "lower90"] = points.loc[3, "upper90"]  # above what was observed
    return bs.Backtest(points, pd.DataFrame(), (), "chinchilla", 1)


def test_the_numbers_are_relative_to_what_was_observed(backtest):
    points = bs.plot_data("backtest", backtest).points
    assert points["reach"].is_monotonic_increasing
    np.testing.assert_allclose(points["median"], 0.01)
    np.testing.assert_allclose(points["upper"], 0.09)
    assert points.loc[~points["covered"], "run"].tolist() == [3]
    np.testing.assert_allclose(bs.plot_data("backtest", backtest, level=50).points["lower"], -0.05)


def test_the_picture_shows_the_numbers(backtest, ax):
    assert plot_backtest(backtest, ax=ax) is ax
    data = bs.plot_data("backtest", backtest).points
    inside, outside = ax.collections
    ends = np.array([segment[:, 1] for segment in inside.get_segments()])
    np.testing.assert_allclose(ends, data.loc[data["covered"], ["lower", "upper"]])
    assert len(outside.get_segments()) == 1
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["inside its 90 % interval: 11", "outside its 90 % interval: 1"]
    assert ax.get_xscale() == "log"


@pytest.mark.usefixtures("no_figure")
def test_what_is_refused(backtest):
    with pytest.raises(UnknownNameError, match="bayesscale"):
        plot_backtest(backtest, method="baysscale")
    with pytest.raises(DomainError, match="one of"):
        plot_backtest(backtest, level=99)
    with pytest.raises(DomainError, match=r"bs\.backtest"):
        plot_backtest("b")  # type: ignore[arg-type]
