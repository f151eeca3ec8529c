"""The exponent of the split over the runs, of laws and of surfaces."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.forecast import Purchase
from bayesscale.inference.split import LEVELS, exponent_over_runs
from tests.simulate import fit_at, simulate_runs


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


def test_of_an_exact_law_it_is_the_laws(runs):
    fit = fit_at(runs, "chinchilla", discrepancy="none", spread=0.02, draws=50)
    alpha_n, alpha_d = (np.asarray(fit.published[f"alpha_{x}"]) for x in "ND")
    expected = alpha_d / (alpha_n + alpha_d)
    np.testing.assert_allclose(exponent_over_runs(fit.posterior, runs), expected, rtol=1e-12)


def test_of_a_surface_it_is_the_slope_of_the_optima(runs):
    fit = fit_at(runs, "unified", discrepancy="drift", spread=0.1, draws=100)
    spent = runs.params * runs.tokens
    budgets = 6 * np.geomspace(spent.min(), spent.max(), LEVELS)
    optima = np.log(Purchase.of(fit).optima(budgets)["params"])
    slope = np.polynomial.polynomial.polyfit(np.log(budgets), optima.reshape(-1, LEVELS).T, 1)[1]
    found = np.ravel(exponent_over_runs(fit.posterior, runs))
    np.testing.assert_allclose(found, slope, atol=2e-4)
    assert found.std() > 0.005  # these surfaces differ


def test_fit_and_allocation_quote_the_same_number(runs):
    fit = fit_at(runs, "unified", discrepancy="drift", spread=0.05, draws=100)
    row = fit.summary().loc["params_exponent"]
    split = bs.allocate(fit, flops=3 * runs.flops.max())
    answer = split.summary.iloc[0]
    for mine, theirs in (("median", ""), ("lower", "_lower"), ("upper", "_upper")):
        assert answer[f"params_exponent_over_runs{theirs}"] == pytest.approx(row[mine], rel=1e-12)
    assert f"C^{row['median']:.2f}" in split.text


@pytest.mark.parametrize("law", ["kaplan_params", "kaplan_compute"])
def test_laws_without_a_split_have_none(runs, law):
    fit = fit_at(runs, law, discrepancy="none", spread=0.02, draws=50)
    assert exponent_over_runs(fit.posterior, runs) is None
