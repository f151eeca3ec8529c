"""Averages answer like fits: each law with its share of the draws, summaries of the mixture."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar

import bayesscale as bs
from bayesscale.accounting import PowerCost
from bayesscale.errors import DomainError, ExtrapolationWarning
from bayesscale.forecast import allocate, extrapolate, gain, required_flops, required_tokens
from tests.simulate import TRUTH, average_of, fit_at, on_slopes, simulate_runs

QUESTIONS = {
    "extrapolate": lambda f: extrapolate(f, params=[1e9, 2e9], tokens=2e10),
    "allocate": lambda f: allocate(f, flops=[1e20, 1e21]),
    "allocate at own cost": lambda f: allocate(
        f, flops=1e21, terms=bs.Terms(cost=lambda n, d: 6 * n * d + n)
    ),
    "required_flops": lambda f: required_flops(f, loss=[2.5, 2.7]),
    "required_tokens": lambda f: required_tokens(f, params=1e9, loss=[2.6, 2.7]),
    "gain": lambda f: gain(f, params=1e9, tokens=2e10, factor=2),
}


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


@pytest.fixture(scope="module")
def fits(runs):
    """Two laws that disagree by more than their own uncertainty."""
    return {
        "low": fit_at(runs, "chinchilla", spread=0.003, draws=200),
        "high": fit_at(
            runs, "unified", spread=0.003, draws=300, truth=TRUTH | {"irreducible_share": 0.75}
        ),
    }


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize(("name", "weights"), [("low", (1, 0)), ("high", (0, 1))])
def test_all_weight_on_one_law_is_that_law(fits, question, name, weights):
    """Also where the chains of that law are longer than those of the first: quantiles agree."""
    alone, mixed = question(fits[name]), question(average_of(fits, *weights))
    # regrets of a law this sure are below 1e-6, and their medians all Monte Carlo error
    rtol, atol = (1e-12, 1e-12) if name == "low" else (0.02, 1e-5)
    pd.testing.assert_frame_equal(
        mixed.summary, alone.summary, rtol=rtol, atol=atol, check_dtype=False
    )
    for variable in alone.draws.data_vars:
        assert mixed.draws[variable].dims == alone.draws[variable].dims
        assert mixed.draws[variable].attrs == alone.draws[variable].attrs
    assert mixed.draws.sizes["draw"] == 200
    assert set(mixed.draws["fit"].to_numpy().ravel()) == {name}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_summaries_are_of_the_mixed_draws(fits, question):
    answer = question(average_of(fits, 0.3, 0.7))
    who = answer.draws["fit"].to_numpy()
    assert (who == "low").mean() == pytest.approx(0.3, abs=1 / 800)
    assert all(0 < share < 1 for share in (who == "low").mean(axis=1))  # in every chain
    for name, values in answer.draws.data_vars.items():
        if name in answer.summary:
            median = np.quantile(values, 0.5, axis=(0, 1))
            np.testing.assert_allclose(answer.summary[name], median, rtol=0.01)


def test_the_interval_holds_both_laws_where_they_disagree(fits):
    at = {"params": 1e10, "tokens": 2e11}
    low, high = (extrapolate(f, **at).summary.iloc[0] for f in fits.values())
    assert low["law_loss_upper"] < high["law_loss_lower"]
    answer = extrapolate(average_of(fits, 0.3, 0.7), **at)
    mixed = answer.summary.iloc[0]
    # the lower end is the sixth of the low law's draws, the upper one near the other's
    q = extrapolate(fits["low"], **at).draws["law_loss"].quantile(0.05 / 0.3).item()
    assert mixed["law_loss_lower"] == pytest.approx(q, rel=2e-3)
    assert high["law_loss_lower"] < mixed["law_loss"] < high["law_loss_upper"]
    law_loss = answer.draws["law_loss"]
    for name, fit in fits.items():
        own = law_loss.to_numpy()[..., 0][answer.draws["fit"].to_numpy() == name]
        every = extrapolate(fit, **at).draws["law_loss"].to_numpy().ravel()
        assert set(own) <= set(every)
        assert len(set(own)) == len(own)  # no draw stands twice where there are enough
        assert own.mean() == pytest.approx(every.mean(), abs=4 * every.std() / np.sqrt(len(own)))


def test_the_recommended_run_is_that_of_the_average_of(runs):
    """Laws without uncertainty: the expected loss is the weighted mean of two curves."""
    truths = [on_slopes(0.35, 0.4, 0.37, 0.6), on_slopes(0.65, 0.3, 0.37, 0.6)]
    fits = {str(i): fit_at(runs, truth=TRUTH | t, draws=100) for i, t in enumerate(truths)}
    weights, budget, cost = (0.25, 0.75), 1e22, PowerCost()
    row = allocate(average_of(fits, *weights), flops=budget).summary.iloc[0]

    def expected(log_params):
        n = np.exp(np.array([log_params]))
        sizes = {"params": n, "tokens": cost.tokens(n, np.array([budget]))}
        losses = [np.exp(f.posterior.log_loss(sizes))[0, 0, 0] for f in fits.values()]
        return np.dot(weights, losses)

    options = {"xatol": 1e-10}
    found = minimize_scalar(expected, bounds=np.log([1e8, 1e12]), method="bounded", options=options)
    # a minimiser that compares values tells places apart to the root of the rounding error
    assert np.log(row["recommended_params"]) == pytest.approx(found.x, abs=1e-6)
    for edge in ("near_params_lower", "near_params_upper"):
        assert expected(np.log(row[edge])) == pytest.approx(found.fun * 1.001, rel=1e-9)
    alone = [allocate(f, flops=budget).summary["recommended_params"].iloc[0] for f in fits.values()]
    assert min(alone) < row["recommended_params"] < max(alone)


def test_noise_is_reproducible_and_differs_between_laws(fits):
    same = {"a": fits["low"], "b": fits["low"]}
    at = {"params": 1e9, "tokens": 2e10}
    first = extrapolate(average_of(same, 0.5, 0.5), **at).draws
    again = extrapolate(average_of(same, 0.5, 0.5), **at).draws
    np.testing.assert_array_equal(first["loss"], again["loss"])
    noise, who = np.log(first["loss"] / first["law_loss"]).to_numpy()[..., 0], first["fit"]
    a, b = (noise[who.to_numpy() == name] for name in "ab")
    assert not np.intersect1d(a.round(12), b.round(12)).size
    other = extrapolate(average_of(same, 0.5, 0.5), **at, random_seed=2).draws
    np.testing.assert_array_equal(first["law_loss"], other["law_loss"])
    assert (first["loss"] != other["loss"]).all()
    moved = extrapolate(average_of(same, 0.5, 0.5, seed=2), **at).draws
    assert (moved["fit"] != first["fit"]).any()


def test_shares_are_unbiased(fits):
    """A weight of a third of a draw gets a draw in a third of the averages."""
    at = {"params": 1e9, "tokens": 2e10}
    n = 300
    counts = [
        (extrapolate(average_of(fits, 1 / 2400, 1 - 1 / 2400, seed=s), **at).draws["fit"] == "low")
        .sum().item()
        for s in range(n)
    ]  # fmt: skip
    assert set(counts) == {0, 1}
    assert np.mean(counts) == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / n))


def test_warnings_and_refusals_are_those_of_a_fit(runs, fits):
    average = average_of(fits, 0.5, 0.5)
    with pytest.warns(ExtrapolationWarning, match="times the compute") as caught:
        answer = extrapolate(average, params=1e12, tokens=2e13)
    assert caught[0].filename == __file__
    assert answer.summary["reach_flops"].iloc[0] == pytest.approx(1.2e26 / runs.flops.max())
    with pytest.warns(ExtrapolationWarning, match="Fewer than half"):
        assert required_flops(average, loss=1.0).summary["reachable"].iloc[0] == 0
    with pytest.raises(DomainError, match="params and tokens"):
        extrapolate(average, flops=1e21)
    one = {name: fit_at(runs, "kaplan_params") for name in "ab"}
    with pytest.raises(DomainError, match="nothing to split"):
        allocate(average_of(one, 0.5, 0.5), flops=1e21)


def test_an_average_passes_if_those_with_a_say_do(fits):
    doubtful = fit_at(fits["low"].runs, spread=0.01, draws=20)
    both = {"low": fit_at(fits["low"].runs, spread=0.3, draws=500), "doubtful": doubtful}
    assert not doubtful.passed
    assert average_of(both, 1.0, 0.0).passed == both["low"].passed
    assert not average_of(both, 0.9, 0.1).passed
