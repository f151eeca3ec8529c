"""Slices at fixed compute: what is drawn is what forecasts and draws say."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.plots import levels_of, plot_isoflops

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


@pytest.mark.usefixtures("no_figure")
def test_what_is_refused(fit, make_fit, ladder):
    with pytest.raises(DomainError, match="nothing to split"):
        plot_isoflops(make_fit("kaplan_compute"))
    with pytest.raises(DomainError, match="ci_prob"):
        plot_isoflops(fit, ci_prob=2)
    with pytest.raises(DomainError, match="Expected a Fit"):
        plot_isoflops(ladder[0])
    with pytest.raises(DomainError, match="flops"):
        plot_isoflops(fit, flops=-1)
