"""Questions asked the other way round: they invert the law, and say what is out of reach."""

import warnings

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.accounting import PowerCost
from bayesscale.errors import DomainError, ExtrapolationWarning
from bayesscale.forecast import Frontier, allocate, gain, required_flops, required_tokens
from bayesscale.laws import LEVEL, Law, two_terms
from tests.simulate import TRUTH, fit_at, simulate_runs

TWO_VARIABLE = ["chinchilla", "unified", "kaplan", "kaplan_irreducible"]


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


def loss_at(fit, **sizes):
    log_loss = fit.posterior.log_loss({name: np.array([v]) for name, v in sizes.items()})
    return np.exp(log_loss)[..., 0]


@pytest.mark.parametrize("law", TWO_VARIABLE)
def test_required_flops_inverts_the_frontier(runs, law):
    fit = fit_at(runs, law, spread=0.01)
    flops = np.array([1e19, 1e21])
    forward = allocate(fit, flops=flops)
    for i, budget in enumerate(flops):
        loss = float(forward.draws["optimal_loss"][0, 0, i])
        back = required_flops(fit, loss=loss).draws["flops"]
        assert float(back[0, 0, 0]) == pytest.approx(budget, rel=1e-8)


@pytest.mark.parametrize("law", ["kaplan_compute", "kaplan_compute_irreducible"])
def test_required_flops_of_a_law_of_compute(runs, law):
    fit = fit_at(runs, law, spread=0.01)
    loss = float(loss_at(fit, flops=2e21)[0, 0])
    assert float(required_flops(fit, loss=loss).draws["flops"][0, 0, 0]) == pytest.approx(2e21)


@pytest.mark.parametrize("law", ["kaplan_data", "kaplan_data_irreducible"])
def test_required_tokens_of_a_law_of_tokens(runs, law):
    fit = fit_at(runs, law, spread=0.01)
    loss = float(loss_at(fit, tokens=2e11)[0, 0])
    assert float(required_tokens(fit, loss=loss).draws["tokens"][0, 0, 0]) == pytest.approx(2e11)


def test_required_tokens_inverts_the_law(runs):
    fit = fit_at(runs)
    answer = required_tokens(fit, params=1e9, loss=2.5).summary
    at = loss_at(fit, params=1e9, tokens=answer.loc[2.5, "tokens"])
    np.testing.assert_allclose(at, 2.5, rtol=1e-9)


def test_a_cost_function_is_solved_in_a_few_splits(runs, monkeypatch):
    fit, calls, split = fit_at(runs, spread=0.01, draws=10), [], Frontier.split
    with pytest.warns(ExtrapolationWarning):
        closed = required_flops(fit, loss=[1.0, 2.4]).summary
    monkeypatch.setattr(Frontier, "split", lambda *a: calls.append(a) or split(*a))
    with pytest.warns(ExtrapolationWarning):
        solved = required_flops(
            fit, loss=[1.0, 2.4], terms=bs.Terms(cost=lambda n, d: 6 * n * d)
        ).summary
    np.testing.assert_allclose(solved, closed, rtol=1e-8)
    assert len(calls) <= 10


def test_a_loss_below_the_floor_is_out_of_reach(runs):
    fit = fit_at(runs)
    floor = float(fit.draws["posterior"]["E"].median())
    with pytest.warns(ExtrapolationWarning, match=rf"1 \(0 %\).* law's loss is {floor:.4g} nats"):
        answer = required_flops(fit, loss=[1.0, 2.5]).summary
    assert answer.loc[1.0, "reachable"] == 0
    assert np.isinf(answer.loc[1.0, "flops"])
    assert answer.loc[2.5, "reachable"] == 1


def test_a_floor_that_the_draws_disagree_on(runs):
    fit = fit_at(runs, spread=0.05)
    floors = fit.draws["posterior"]["E"].to_numpy()
    target = float(np.quantile(floors, 0.7))
    with pytest.warns(ExtrapolationWarning, match="times the compute"):
        answer = required_flops(fit, loss=target)
    assert answer.summary["reachable"].iloc[0] == np.mean(floors < target)
    np.testing.assert_array_equal(np.isfinite(answer.draws["flops"][..., 0]), floors < target)


def test_a_law_without_a_floor_reaches_every_loss(runs):
    """Kaplan's frontier falls with C as a power: each factor takes the same factor of compute."""
    fit = fit_at(runs, "kaplan")
    with pytest.warns(ExtrapolationWarning, match="times the compute"):
        table = required_flops(fit, loss=[1e-6, 1e-3, 1.0, 1e-200]).summary
    assert (table["reachable"] == 1).all()
    low, middle, high, overflow = np.log(table["flops"])
    _, alpha_n, alpha_d = two_terms(TRUTH)
    exponent = alpha_n * alpha_d / (alpha_n + alpha_d)
    assert low - middle == pytest.approx(np.log(1000) / exponent, rel=1e-8)
    assert middle - high == pytest.approx(np.log(1000) / exponent, rel=1e-8)
    assert np.isinf(overflow)


class Bounded(Law):
    """A law that falls from one loss to another."""

    name = "bounded"
    inputs = ("tokens",)
    coordinates = (LEVEL,)

    def log_loss(self, c, x, xp):
        return xp.log(c["level"] * (1 + 0.3 / (1 + xp.exp(x["tokens"]))))


def test_a_loss_above_the_law_has_no_answer(runs):
    fit = fit_at(runs, Bounded())
    highest = float(1.3 * TRUTH["level"] * fit.spec.reference["loss"])
    answer = required_tokens(fit, loss=[highest + 0.1, highest - 0.1])
    assert np.isnan(answer.summary["tokens"].iloc[0])
    assert answer.summary["reachable"].tolist() == [1, 1]
    tokens = answer.summary["tokens"].iloc[1]
    np.testing.assert_allclose(loss_at(fit, tokens=tokens), highest - 0.1, rtol=1e-9)


def test_kaplan_gains_of_ten_times_more(runs):
    """Kaplan et al. (2020), table 5: 10x parameters lower the loss by 16.05 % at .076."""
    fit = fit_at(runs, "kaplan_params", truth=TRUTH | {"slope_N": 0.076})
    table = gain(fit, params=1e9).summary
    assert table.index.tolist() == ["params"]
    assert table.loc["params", "saved_percent"] == pytest.approx(16.05, abs=0.005)


def test_gain_is_the_difference_of_losses(runs):
    fit = fit_at(runs, spread=0.01)
    answer = gain(fit, params=1e9, tokens=2e10, factor=2)
    base = loss_at(fit, params=1e9, tokens=2e10)
    for name, (n, d) in {"params": (2e9, 2e10), "tokens": (1e9, 4e10)}.items():
        saved = base - loss_at(fit, params=n, tokens=d)
        np.testing.assert_allclose(answer.draws["saved"].sel(what=name), saved, rtol=1e-9)
    ends = allocate(fit, flops=[1.2e20, 2.4e20]).draws["optimal_loss"].to_numpy()
    np.testing.assert_allclose(
        answer.draws["saved"].sel(what="flops"), ends[..., 0] - ends[..., 1], rtol=1e-9
    )


@pytest.mark.parametrize(("law", "question", "message"), [
    ("chinchilla", lambda f: required_tokens(f, params=[1e9, 2e9], loss=2), "one number"),
    ("chinchilla", lambda f: required_tokens(f, loss=2), "but got tokens"),
    ("kaplan_data", lambda f: required_tokens(f, params=1e9, loss=2), "but got params and"),
    ("kaplan_params", lambda f: required_tokens(f, loss=2), "got tokens"),
    ("kaplan_params", lambda f: required_flops(f, loss=2), "nothing to split"),
    ("chinchilla", lambda f: required_flops(f, loss=13), "worse than guessing"),
    ("kaplan_compute", lambda f: required_flops(f, loss=2, terms=bs.Terms(cost=PowerCost())),
     "Leave them out"),
    ("chinchilla", lambda f: gain(f, params=1e9, tokens=2e10, factor=1), "changes nothing"),
    ("chinchilla", lambda f: gain(f, params=1e9, tokens=2e10, factor=[2, 10]), "one number"),
    ("chinchilla", lambda f: gain(f, params=[1e9, 4e9], tokens=2e10), "one number"),
    ("chinchilla", lambda f: gain(f, params=1e9), "but got params"),
    ("kaplan_params", lambda f: gain(f, params=1e9, terms=bs.Terms(cost=PowerCost())),
     "Leave them out"),
    ("chinchilla", lambda f: required_flops(f, loss=2, ci_prob=90), "between 0 and 1"),
])  # fmt: skip
def test_questions_without_an_answer(runs, law, question, message):
    with pytest.raises(DomainError, match=message):
        question(fit_at(runs, law))


def test_answers_say_who_answers_and_whether_to_trust_it(runs):
    fit = fit_at(runs, spread=0.02, draws=400)
    for answer, told in (
        (required_flops(fit, loss=2.5), "ever reached"),
        (gain(fit, params=1e9, tokens=2e10, factor=2), "2× compute"),
        (allocate(fit, flops=1e21), "nearly as good"),
    ):
        assert answer.severity == fit.severity
        for shown in (repr(answer), answer._repr_html_(), answer.text + told):
            assert told in shown
        assert "fitted to 48 runs" in repr(answer)
        assert "90 % interval" in repr(answer)


def test_near_questions_are_silent(runs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        required_flops(fit_at(runs), loss=2.5)
        required_tokens(fit_at(runs), params=1e9, loss=2.5)
        gain(fit_at(runs), params=1e9, tokens=2e10, factor=2)
