"""Compute-optimal splits: closed form against solver, and against published constants."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.accounting import PowerCost
from bayesscale.errors import DomainError, ExtrapolationWarning
from bayesscale.forecast import Frontier, OwnCost, Terms, allocate
from bayesscale.laws import EXPONENT_RATIO, LEVEL, Law
from tests.forecast.published import BESIROGLU, chinchilla_at, fit_of_published
from tests.simulate import ALPHA_D, ALPHA_N, TRUTH, fit_at, on_slopes, simulate_runs

TWO_VARIABLE = ["chinchilla", "unified", "kaplan", "kaplan_irreducible"]
COSTS = [PowerCost(), PowerCost(kappa=7.3, params_exponent=0.9, tokens_exponent=1.1)]


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


@pytest.mark.parametrize("cost", COSTS, ids=["6ND", "general"])
@pytest.mark.parametrize("law", TWO_VARIABLE)
def test_closed_form_equals_numerical_optimum(runs, law, cost):
    draws = fit_at(runs, law, spread=0.2, draws=5).posterior.flat()
    flops = np.geomspace(1e17, 1e26, 4)
    frontier = Frontier.of(draws, flops, Terms(cost=cost), {})
    closed, solved = frontier.split(), frontier.split(frontier.lowest()[0])
    np.testing.assert_allclose(closed.params, solved.params, rtol=1e-8)
    np.testing.assert_allclose(closed.tokens, solved.tokens, rtol=1e-8)
    x = np.log(closed.params / draws.spec.reference["params"])
    for known, found in zip(frontier.exponents(x), frontier._exponents_of(x), strict=True):
        np.testing.assert_allclose(found, known, rtol=1e-6)
    np.testing.assert_allclose(cost.flops(closed.params, closed.tokens), flops + 0 * closed.params)


@pytest.mark.parametrize("law", TWO_VARIABLE)
def test_no_split_of_the_same_budget_is_better(runs, law):
    surface = fit_at(runs, law).posterior.flat()
    flops, cost = np.array([1e22]), PowerCost()
    best = Frontier.of(surface, flops, Terms(cost=cost), {}).split()
    at = surface.log_loss({"params": best.params, "tokens": best.tokens})
    for factor in np.geomspace(0.1, 10, 20):
        n = best.params * factor
        assert (surface.log_loss({"params": n, "tokens": cost.tokens(n, flops)}) >= at).all()


@pytest.mark.parametrize(("flops", "params", "tokens", "loss"), [
    (1e24, 9.601e10, 1.736e12, 1.9592),
    (1e25, 3.126e11, 5.332e12, 1.9113),
    (1e26, 1.018e12, 1.638e13, 1.8795),
])  # fmt: skip
def test_besiroglu_allocation(flops, params, tokens, loss):
    """Besiroglu et al. (2024), arXiv:2404.10102: optimum at the replication's constants."""
    fit = chinchilla_at(*BESIROGLU)
    with pytest.warns(ExtrapolationWarning):
        row = allocate(fit, flops=flops).summary.iloc[0]
    assert row["params"] == pytest.approx(params, rel=1e-3)
    assert row["tokens"] == pytest.approx(tokens, rel=1e-3)
    assert row["law_loss"] == pytest.approx(loss, abs=1e-4)
    assert row["params_exponent"] == pytest.approx(0.5126, abs=1e-4)


@pytest.mark.parametrize(
    ("flops", "params", "tokens", "loss"),
    [(1e20, 1.6564e9, 1.0062e10, 2.36230), (1e22, 2.3442e10, 7.110e10, 1.93140)],
)
def test_kaplan_joint_fit_allocation(flops, params, tokens, loss):
    """Optimum of Kaplan et al. (2020) eq. 1.5 at their Table 2, with C = 6ND."""
    n_c, d_c, alpha_n, alpha_d = 6.4e13, 1.8e13, 0.076, 0.103
    n0, d0 = 1e9, 1e10
    terms = np.array([(n_c / n0) ** (alpha_n / alpha_d), d_c / d0])
    share = float(terms[0] / terms.sum())
    c = {"level": float(terms.sum() ** alpha_d), **on_slopes(share, alpha_n, alpha_d)}
    fit = fit_of_published(
        "kaplan", c, {"params": n0, "tokens": d0, "flops": 6 * n0 * d0, "loss": 1.0}
    )
    surface = fit.posterior.flat()
    frontier = Frontier.of(surface, np.array([flops]), Terms(cost=PowerCost()), {})
    split = frontier.split()
    assert split.params[0, 0] == pytest.approx(params, rel=1e-4)
    assert split.tokens[0, 0] == pytest.approx(tokens, rel=1e-4)
    at = surface.log_loss({"params": split.params, "tokens": split.tokens})
    assert np.exp(at[0, 0]) == pytest.approx(loss, rel=1e-5)
    of_params, _ = frontier.exponents(np.zeros(frontier.shape))
    assert of_params[0, 0] == pytest.approx(0.575, abs=1e-3)


def test_a_cost_function_of_ones_own(runs):
    """6ND written as a function is solved to the closed form; attention makes models smaller."""
    fit = fit_at(runs, draws=3)
    closed = allocate(fit, flops=1e21).summary.iloc[0]
    written = allocate(fit, flops=1e21, terms=bs.Terms(cost=lambda n, d: 6 * n * d)).summary.iloc[0]
    assert written["params"] == pytest.approx(closed["params"], rel=1e-8)
    dearer = allocate(
        fit, flops=1e21, terms=bs.Terms(cost=lambda n, d: 6 * n * d * (1 + n / 1e10))
    ).summary.iloc[0]
    assert dearer["params"] < closed["params"]


@pytest.mark.filterwarnings("ignore:Far outside")
def test_a_cost_that_some_sizes_exceed_untrained(runs):
    """With a price on parameters alone, the centre of the runs is beyond a small budget."""
    fit = fit_at(runs, draws=3)
    cheap = allocate(
        fit, flops=1e18, terms=bs.Terms(cost=lambda n, d: 6 * n * d + 1e11 * n)
    ).summary.iloc[0]
    plain = allocate(fit, flops=1e18).summary.iloc[0]
    assert cheap["params"] < plain["params"]
    spent = 6 * cheap["params"] * cheap["tokens"] + 1e11 * cheap["params"]
    assert spent == pytest.approx(1e18, rel=1e-8)


class Product(Law):
    """A law without a trade-off: the split of a budget does not matter."""

    name = "product"
    inputs = ("params", "tokens")
    coordinates = (LEVEL, EXPONENT_RATIO)

    def log_loss(self, c, x, xp):
        return xp.log(c["level"]) - 0.1 * (x["params"] + x["tokens"])


@pytest.mark.parametrize(("question", "message"), [
    (lambda runs: allocate(fit_at(runs, "kaplan_params"), flops=1e21), "nothing to split"),
    (lambda runs: allocate(fit_at(runs), flops=-1.0), "positive and finite"),
    (lambda runs: allocate(fit_at(runs), flops=1e21, terms=bs.Terms(cost=6)),
     "must be a PowerCost or"),
    (lambda runs: allocate(fit_at(runs), flops=1e21, terms=bs.Terms(cost=lambda n, d: n - d)),
     "positive, finite FLOP"),
    (lambda runs: allocate(fit_at(runs), flops=1e21, terms=bs.Terms(cost=lambda n: n)),
     "fails on arrays"),
    (lambda runs: allocate(fit_at(runs, Product()), flops=1e21), "no best split"),
    (lambda _: PowerCost(kappa=-6), "kappa"),
    (lambda runs: allocate(fit_at(runs), flops=1e21, random_seed=-1), "whole number from 0"),
])  # fmt: skip
def test_questions_without_an_answer(runs, question, message):
    with pytest.raises(DomainError, match=message):
        question(runs)


def test_near_optimal_range_holds_the_optimum_and_is_flat(runs):
    fit = fit_at(runs)
    row = allocate(fit, flops=1e21).summary.iloc[0]
    # at N* e^t the reducible loss is up by ½ αβ t² (Chinchilla's law, to second order)
    floor = TRUTH["irreducible_share"] * TRUTH["level"] * fit.spec.reference["loss"]
    reducible = 1 - floor / row["law_loss"]
    t = np.sqrt(2 * 0.001 / (ALPHA_N * ALPHA_D * reducible))
    # and to third order by ⅙ αβ (β - α) t³, which is below 1 % of that here
    assert np.log(row["near_params_upper"] / row["params"]) == pytest.approx(t, rel=0.01)
    assert np.log(row["params"] / row["near_params_lower"]) == pytest.approx(t, rel=0.01)


def test_near_optimal_range_under_a_cost_of_ones_own(runs):
    fit = fit_at(runs, spread=0.02)
    names = ["recommended_params", "near_params_lower", "near_params_upper"]
    closed = allocate(fit, flops=[1e19, 1e21]).summary
    written = allocate(fit, flops=[1e19, 1e21], terms=bs.Terms(cost=lambda n, d: 6 * n * d)).summary
    np.testing.assert_allclose(written[names], closed[names], rtol=1e-6)


def test_sizes_that_a_budget_does_not_pay_for_are_no_bet(runs):
    draws, sizes = fit_at(runs).posterior.flat(), np.array([1e9, 2e10])
    cost = OwnCost(lambda n, d: 6 * n * d + 1e11 * n, 1e10)
    frontier = Frontier.of(draws, np.full(2, 1e21), Terms(cost=cost), {})
    loss = frontier.log_loss(np.log(sizes / draws.spec.reference["params"]))
    assert np.isfinite(loss[:, 0]).all()
    assert np.isinf(loss[:, 1]).all()  # 1e11 FLOP a parameter are 2e21, without a single token
