"""Budgets that a law does not want to spend: more epochs of too few tokens do harm."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.forecast.search import least
from tests.simulate import REPEATED, fit_at, repeated_runs, simulate_runs

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
BUDGETS = np.geomspace(1e18, 1e23, 11)
SCARCE = 3e8


@pytest.fixture(scope="module")
def sharp() -> bs.Fit:
    return fit_at(repeated_runs(), "data_constrained", truth=REPEATED)


def test_the_loss_of_the_best_run_never_rises_with_the_budget(sharp):
    table = bs.allocate(sharp, flops=BUDGETS, unique_tokens=SCARCE, random_seed=1).summary
    assert (np.diff(table["optimal_loss"]) <= 1e-9).all()
    assert (np.diff(table["law_loss"]) <= 1e-9).all()
    spent = table["recommended_flops"]
    assert (spent <= BUDGETS * (1 + 1e-12)).all()
    few = table["unspent_prob"] == 0
    assert few.any()
    assert (~few).any()
    np.testing.assert_allclose(spent[few], BUDGETS[few], rtol=1e-9)
    beyond = table[~few]
    assert beyond["recommended_flops"].nunique() == 1
    assert beyond["recommended_flops"].iloc[0] < beyond.index[0]
    assert (beyond[["params_exponent", "tokens_exponent"]] == 0).all(axis=None)
    assert (table["excess_compute"] < 1e-4).all()


def test_it_is_the_best_of_all_runs_that_cost_as_much_or_less(sharp):
    row = bs.allocate(sharp, flops=1e22, unique_tokens=SCARCE, random_seed=1).summary.iloc[0]
    grid = np.meshgrid(np.geomspace(1e6, 1e12, 61), np.geomspace(1e7, 1e14, 141))
    n, d = (v[6 * grid[0] * grid[1] <= 1e22] for v in grid)
    posterior = sharp.posterior.flat().thin(1)
    every = posterior.law_loss({"params": n, "tokens": d, "unique_tokens": SCARCE})
    assert row["optimal_loss"] <= every.min() + 1e-9
    assert row["optimal_loss"] == pytest.approx(every.min(), rel=1e-3)
    around = np.exp(0.02 * np.array([-1, 1, 0, 0])), np.exp(0.02 * np.array([0, 0, -1, 1]))
    at = {"params": row["params"] * around[0], "tokens": row["tokens"] * around[1],
          "unique_tokens": SCARCE}  # fmt: skip
    assert (posterior.law_loss(at) > row["optimal_loss"]).all()


def test_it_is_said_where_more_compute_stops_to_help(sharp):
    text = bs.allocate(sharp, flops=1e22, unique_tokens=SCARCE, random_seed=1).text
    assert "is not spent: the best run costs less than the budget with probability 100 %" in text
    assert "FLOP FLOP" not in text
    assert "N* grows" not in text


def test_limits_hold_where_compute_is_left(sharp):
    terms = bs.Terms(limits=bs.Limits(params_max=2e7, tokens_max=2e9))
    asked = {"flops": 1e22, "unique_tokens": SCARCE, "terms": terms}
    table = bs.allocate(sharp, **asked, random_seed=1).summary
    assert table["params"].iloc[0] == pytest.approx(2e7, rel=1e-9)
    assert table["recommended_params"].iloc[0] <= 2e7 * (1 + 1e-9)
    assert table["recommended_tokens"].iloc[0] <= 2e9 * (1 + 1e-9)


def test_a_law_that_only_falls_spends_all_and_says_nothing_of_it():
    table = bs.allocate(fit_at(simulate_runs()), flops=[1e22, 1e24], random_seed=1).summary
    assert not {"recommended_flops", "unspent_prob"} & set(table)


def test_required_compute_and_tokens_are_those_that_help(sharp):
    best = bs.allocate(sharp, flops=1e23, unique_tokens=SCARCE, random_seed=1).summary.iloc[0]
    losses = best["optimal_loss"] * np.array([1.05, 1.001, 0.999])
    needed = bs.required_flops(sharp, loss=losses, unique_tokens=SCARCE).summary
    assert needed["reachable"].tolist() == [1.0, 1.0, 0.0]
    assert needed["flops"].iloc[2] == np.inf
    assert (np.diff(needed["flops"].iloc[:2]) > 0).all()
    again = bs.allocate(sharp, flops=needed["flops"].iloc[:2].to_numpy(), unique_tokens=SCARCE)
    np.testing.assert_allclose(again.summary["optimal_loss"], losses[:2], rtol=1e-8)
    n = float(best["params"])
    tokens = bs.required_tokens(sharp, params=n, loss=losses, unique_tokens=SCARCE).summary
    assert tokens["reachable"].tolist() == [1.0, 1.0, 0.0]
    at = bs.extrapolate(sharp, params=n, tokens=tokens["tokens"].iloc[:2].to_numpy(),
                        unique_tokens=SCARCE).summary  # fmt: skip
    np.testing.assert_allclose(at["law_loss"], losses[:2], rtol=1e-8)


def test_a_plan_beyond_what_helps_is_compared_with_the_cheaper_run(sharp):
    row = bs.regret(sharp, params=3e7, flops=5e19, unique_tokens=SCARCE).summary.iloc[0]
    best = bs.allocate(sharp, flops=5e19, unique_tokens=SCARCE).summary.iloc[0]
    assert row["optimal_loss"] == pytest.approx(best["optimal_loss"], rel=1e-9)
    assert row["excess_compute"] > 1 - best["recommended_flops"] / 5e19


def test_the_least_of_a_function_of_two_variables():
    a, b = np.array([[-2.3, 4.0]]), np.array([[1.7, -3.0]])

    def valley(x, y):
        return 0.01 * (x - a + y - b) ** 2 + 1e-4 * (x - a - y + b) ** 2 + np.abs(y - b) * 1e-3

    free = (-np.inf, np.inf)
    x, y = least(valley, (1, 2), (free, free))
    np.testing.assert_allclose((x, y), (a, b), atol=1e-4)
    x, y = least(valley, (1, 2), ((-np.inf, -3.0), free))
    assert np.isclose(x, -3.0).all()
    x, _ = least(lambda x, y: np.exp(-x - y), (1, 2), (free, free))
    assert np.isnan(x).all()
