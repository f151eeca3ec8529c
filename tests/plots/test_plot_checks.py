"""Residuals, predictive check, laws of one variable: numbers and pictures."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt

from bayesscale.errors import DomainError
from bayesscale.plots import plot_data, plot_power_laws, plot_predictive_check, plot_residuals
from bayesscale.runs import Runs
from tests.simulate import fit_at


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


def test_ladders_of_the_model_look_like_the_models(ladder, ax):
    """Runs that the model made leave its band as seldom as they should; others do not stay."""
    model = fit_at(ladder[0], spread=1e-4)
    rng = np.random.default_rng(1)
    runs = ladder[0].to_frame()[["params", "tokens"]]
    made = np.exp(model.posterior.flat().thin(40).simulate(ladder[0], rng))
    ladders = [replace(model, runs=Runs.from_frame(runs.assign(loss=loss))) for loss in made]
    shares = [inside(each) for each in ladders]
    error = np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) == pytest.approx(0.9, abs=4 * error)
    sigma = float(model.posterior.c["sigma"].mean())
    wild = made[0] * np.exp(rng.normal(0, 10 * sigma, len(runs)))
    assert inside(replace(model, runs=Runs.from_frame(runs.assign(loss=wild)))) < 0.5
    plot_predictive_check(ladders[0], ax=ax)
    misses = plot_data("predictive_check", ladders[0]).misses
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == len(runs)]
    np.testing.assert_array_equal(line.get_xdata(), misses["observed"])


def inside(fit):
    """Return the share of ranks inside the 90 % band."""
    misses = plot_data("predictive_check", fit).misses
    return misses["observed"].between(misses["simulated_lower"], misses["simulated_upper"]).mean()


@pytest.mark.usefixtures("own_figure")
def test_laws_of_one_variable_side_by_side(make_fit, fit):
    laws = ("kaplan_compute", "kaplan_data", "kaplan_params")
    fits = {law: make_fit(law) for law in laws}
    figure = plot_power_laws(fits)
    data = plot_data("power_laws", fits)
    panels = [ax for ax in figure.axes if ax.get_legend()]
    said = [ax.get_legend().get_texts()[0].get_text() for ax in panels]
    assert said == [f"{law}, 90 %" for law in laws]
    for ax, law in zip(panels, laws, strict=True):
        (curve,) = [line for line in ax.lines if line.get_linestyle() == "-"]
        expected = data[law].frontier[[data[law].x, "law_loss"]]
        np.testing.assert_array_equal(np.transpose(curve.get_data()), expected)
    assert [data[law].x for law in laws] == ["flops", "tokens", "params"]
    with pytest.raises(DomainError, match="law of params and tokens"):
        plot_power_laws({"c": fit})
    with pytest.raises(DomainError, match="mapping"):
        plot_power_laws(fit)


def test_panels_are_drawn_into_the_axes_that_are_given(fit):
    figure, axes = plt.subplots(1, 3)
    assert plot_residuals(fit, ax=axes) is figure
    with pytest.raises(DomainError, match="3 Matplotlib axes"):
        plot_residuals(fit, ax=axes[:2])
    plt.close(figure)
