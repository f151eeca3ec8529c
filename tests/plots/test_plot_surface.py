"""Slices at fixed compute, and contours: what is drawn is what forecasts and draws say."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.plots import levels_of, plot_contour, plot_isoflops

QUANTILES = ["", "_lower", "_upper"]
BUDGETS = [1e19, 1e20]


def solid(ax):
    return [line for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 2]


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_slices_are_what_extrapolate_says(fit):
    data = bs.plot_data("isoflops", fit, flops=BUDGETS, ci_prob=0.8)
    for budget, slice_ in data.slices.groupby("flops"):
        np.testing.assert_allclose(6 * slice_["params"] * slice_["tokens"], budget)
        expected = bs.extrapolate(
            fit, params=slice_["params"], tokens=slice_["tokens"], ci_prob=0.8
        ).summary
        for quantile in QUANTILES:
            np.testing.assert_allclose(
                slice_[f"law_loss{quantile}"], expected[f"law_loss{quantile}"]
            )


def test_densities_are_those_of_the_best_size(fit):
    data = bs.plot_data("isoflops", fit, flops=BUDGETS)
    draws = bs.allocate(fit, flops=BUDGETS).draws["params"]
    for i, (_, ridge) in enumerate(data.optima.groupby("flops")):
        x, density = np.log(ridge["params"].to_numpy()), ridge["density"].to_numpy()
        mass = np.trapezoid(density, x)
        assert mass == pytest.approx(1, abs=0.02)
        logs = np.log(draws[..., i].to_numpy().ravel())
        assert np.trapezoid(x * density, x) / mass == pytest.approx(
            logs.mean(), abs=0.1 * logs.std()
        )


def test_runs_stand_on_their_own_slice(fit, ax):
    levels = levels_of(fit.runs.flops)
    data = bs.plot_data("isoflops", fit)
    assert data.slices["flops"].unique()[-1] == pytest.approx(10 * fit.runs.flops.max())
    assert data.slices.groupby("flops")["extrapolated"].all().iloc[-1]
    np.testing.assert_allclose(data.slices["flops"].unique()[:-1], levels)
    assert (np.abs(np.log(data.runs["flops"] / data.runs["slice_flops"])) <= np.log(1.3)).all()
    plot_isoflops(fit, ax=ax)
    shown = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in shown) == len(data.runs)
    assert len([line for line in ax.lines if line.get_linestyle() == "--"]) == 1


def test_levels_are_where_runs_gather():
    flops = np.concatenate([[1e18 * (1 + 0.01 * i) for i in range(4)], [5e18] * 3, [1e20]])
    np.testing.assert_allclose(levels_of(flops), [1.015e18, 5e18])
    spread = levels_of(np.geomspace(1e18, 1e21, 13))
    np.testing.assert_allclose(spread, np.geomspace(1e18, 1e21, 4))


def test_slices_of_several_fits_and_of_an_average(fit, make_fit, average, ax):
    fits = {"a": fit, "b": make_fit("kaplan"), "c": average}
    plot_isoflops(fits, flops=BUDGETS, color=["red", "green", "blue"], ax=ax)
    data = bs.plot_data("isoflops", fits, flops=BUDGETS)
    curves = [line for line in ax.lines if len(line.get_xdata()) > 40]
    assert [line.get_color() for line in curves] == [
        c for c in ("red", "green", "blue") for _ in BUDGETS
    ]
    for line, ((_, _), own) in zip(curves, data.slices.groupby(["fit", "flops"]), strict=True):
        np.testing.assert_array_equal(np.transpose(line.get_data()), own[["params", "law_loss"]])


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_the_contour_is_the_median_surface(fit, ax):
    data = bs.plot_data("contour", fit)
    some = data.surface.iloc[::97]
    expected = bs.extrapolate(fit, params=some["params"], tokens=some["tokens"]).summary
    np.testing.assert_allclose(some["law_loss"], expected["law_loss"])
    best = bs.allocate(fit, flops=data.frontier["flops"]).summary
    for name in ("params", "params_lower", "params_upper", "tokens"):
        np.testing.assert_allclose(data.frontier[name], best[name])
    # of one draw, more parameters are fewer tokens: opposite ends belong to one budget
    ends = data.frontier["params_lower"] * data.frontier["tokens_upper"]
    np.testing.assert_allclose(6 * ends, data.frontier["flops"], rtol=1e-3)
    plot_contour(fit, ax=ax)
    inside = data.frontier["flops"] <= data.extrapolation_begins
    (line,) = solid(ax)
    np.testing.assert_array_equal(line.get_xdata(), data.frontier["params"][inside])
    points = ax.collections[-1].get_offsets()
    np.testing.assert_array_equal(points, data.runs[["params", "tokens"]])


@pytest.mark.usefixtures("own_figure")
def test_an_average_has_a_contour(average):
    assert plot_contour(average, legend=False).get_legend() is None


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize("plot", [plot_isoflops, plot_contour])
def test_what_is_refused(fit, make_fit, ladder, plot):
    with pytest.raises(DomainError, match="nothing to split"):
        plot(make_fit("kaplan_compute"))
    with pytest.raises(DomainError, match="ci_prob"):
        plot(fit, ci_prob=2)
    with pytest.raises(DomainError, match="Expected a Fit"):
        plot(ladder[0])
    with pytest.raises(DomainError, match="flops"):
        plot(fit, **{"flops" if plot is plot_isoflops else "flops_max": -1})
