"""Pictures of comparisons, grids of priors and coverage show the tables' numbers."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.plots import plot_comparison, plot_coverage, plot_sensitivity


@pytest.fixture
def comparison(average):
    table = pd.DataFrame(
        {
            "law": ["chinchilla", "kaplan"], "ln_bf": [0.0, -2.5], "ln_bf_mcse": [0.0, 0.02],
            "probability": [0.92, 0.08], "elpd_diff": [0.0, -3.0], "elpd_diff_se": [0.0, 1.5],
            "stacking": [0.8, 0.2],
        },
        index=pd.Index(["chinchilla", "kaplan"], name="fit"),
    )  # fmt: skip
    return bs.Comparison(average.fits, table, None, "Verdict.", (), pd.DataFrame(), None, 1)


@pytest.fixture
def sensitivity():
    rows = [("all", 1.0), ("all", 0.5), ("all", 2.0), ("alpha_N", 0.5), ("alpha_N", 2.0)]
    index = pd.MultiIndex.from_tuples(rows, names=["prior", "scale"])
    table = pd.DataFrame({"ln_bf": [2.0, 3.0, 1.0, 2.5, -0.5], "ln_bf_mcse": 0.05}, index=index)
    return bs.PriorSensitivity(table, ("a", "b"), pd.DataFrame(), "It turns.", prior_decides=True)


@pytest.fixture
def backtest():
    """Predictions whose PIT is uniform for one method and at the ends for another."""
    n = 400
    pit = (np.arange(n) + 0.5) / n
    point = pd.DataFrame({"fold": 1, "run": np.arange(n), "reach": np.linspace(2, 20, n)})
    good = point.assign(method="bayesscale", pit=pit)
    bad = point.assign(method="approach3", pit=np.where(pit < 0.5, 0.0, 1.0))
    return bs.Backtest(pd.concat([good, bad]), pd.DataFrame(), (), "chinchilla", 1)


def test_a_forest_of_the_criteria_with_their_errors(comparison, ax):
    scores = bs.plot_data("comparison", comparison).scores
    assert scores["score"].tolist() == [0.0, -2.5, 0.0, -3.0]
    assert scores["error"].tolist() == [0.0, 0.02, 0.0, 1.5]
    assert plot_comparison(comparison, ax=ax) is ax
    drawn = [line for line in ax.lines if line.get_marker() in ("o", "s")]
    assert [line.get_xdata().tolist() for line in drawn] == [[0.0, -2.5], [0.0, -3.0]]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["evidence, ± Monte Carlo error", "leave-one-out, ± standard error"]
    assert ax.get_xscale() == "linear"


def test_a_forest_of_laws_far_apart(comparison, ax):
    comparison.summary["ln_bf"] = [0.0, -488.0]
    plot_comparison(comparison, ax=ax)
    assert ax.get_xscale() == "symlog"


def test_every_prior_passes_through_the_fits_own(sensitivity, ax):
    grid = bs.plot_data("sensitivity", sensitivity).grid
    assert grid.loc[grid["scale"] == 1, "ln_bf"].tolist() == [2.0, 2.0]
    plot_sensitivity(sensitivity, ax=ax)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 3]
    drawn = {tuple(line.get_ydata()) for line in curves}
    assert drawn == {(3.0, 2.0, 1.0), (2.5, 2.0, -0.5)}
    assert "a over b" in ax.get_ylabel()


def test_coverage_is_the_share_inside_central_intervals(backtest, ax):
    data = bs.plot_data("coverage", backtest, methods=["bayesscale", "approach3"])
    good = data.coverage[data.coverage["method"] == "bayesscale"]
    np.testing.assert_allclose(good["covered"], good["level"], atol=1 / 400)
    assert (data.coverage.loc[data.coverage["method"] == "approach3", "covered"] == 0).all()
    assert data.n == 400
    assert bs.plot_data("coverage", backtest, methods=["bayesscale"], reach_min=11).n == 200
    plot_coverage(backtest, methods=["bayesscale", "approach3"], ax=ax)
    curves = [line.get_ydata() for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(curves[0], good["covered"])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["bayesscale", "Approach 3"]


@pytest.mark.usefixtures("no_figure")
def test_what_is_refused(backtest):
    for plot in (plot_comparison, plot_sensitivity, plot_coverage):
        with pytest.raises(DomainError, match="Expected a"):
            plot("nothing")
    with pytest.raises(UnknownNameError, match="approach3"):
        plot_coverage(backtest, methods=["approach2"])
    with pytest.raises(DomainError, match="farthest is 20"):
        plot_coverage(backtest, methods=["bayesscale"], reach_min=100)
