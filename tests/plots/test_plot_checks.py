"""Residuals: numbers and pictures."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from bayesscale.errors import DomainError
from bayesscale.plots import plot_data, plot_residuals


@pytest.fixture
def fits(fit, make_fit):
    return {"a": fit, "b": make_fit("kaplan")}


@pytest.mark.usefixtures("own_figure")
def test_residuals_are_observed_over_fitted(fit, fits, average):
    table = plot_data("residuals", fit, ci_prob=0.8).residuals
    drawn = fit.posterior.residuals(fit.runs)
    np.testing.assert_allclose(table["residual"], np.median(drawn, axis=(0, 1)))
    np.testing.assert_allclose(table["residual_lower"], np.quantile(drawn, 0.1, axis=(0, 1)))
    figure = plot_residuals(fits | {"c": average}, color=["red", "green", "blue"])
    assert [ax.get_xlabel() for ax in figure.axes] == [
        "parameters", "training tokens", "training compute (FLOP)",
    ]  # fmt: skip
    shown = {
        line.get_color(): line for line in figure.axes[2].lines if line.get_marker() == "o"
    }  # fmt: skip
    np.testing.assert_array_equal(shown["red"].get_ydata(), table["residual"])
    np.testing.assert_array_equal(shown["green"].get_xdata(), table["flops"])
    beside = shown["red"].get_xdata() / table["flops"]  # side by side, all by as much
    np.testing.assert_allclose(beside, beside[0])
    assert 0.7 < beside[0] < 1


def test_noise_lines_hold_the_noise(fit):
    sigma = float(fit.posterior.c["sigma"].mean())
    half = plot_data("residuals", fit, ci_prob=0.68).noise["chinchilla"]
    assert sigma / 2 < half < 2 * sigma


def test_panels_are_drawn_into_the_axes_that_are_given(fit):
    figure, axes = plt.subplots(1, 3)
    assert plot_residuals(fit, ax=axes) is figure
    with pytest.raises(DomainError, match="3 Matplotlib axes"):
        plot_residuals(fit, ax=axes[:2])
    plt.close(figure)
