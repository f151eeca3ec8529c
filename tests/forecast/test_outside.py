"""A target far outside the fitted runs by N, by D or by D/N alone is a caution, whoever answers."""

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import bayesscale as bs
from bayesscale.errors import ExtrapolationWarning
from bayesscale.forecast.outside import RATIO_REACH, SIZE_REACH, check_outside
from tests.simulate import REPEATED, fit_at, repeated_runs, simulate_runs

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")

FIT = fit_at(simulate_runs(), spread=0.02)
RUNS = FIT.runs
N, D, RATIO = RUNS.params, RUNS.tokens, RUNS.tokens / RUNS.params


def far(value, seen, factor):
    return value > factor * seen.max() or value < seen.min() / factor


@given(st.lists(st.tuples(st.floats(6, 13), st.floats(7, 14)), min_size=1, max_size=6))
@settings(max_examples=200, deadline=None)
def test_every_target_is_compared_by_each_size(targets):
    n, d = (10.0 ** np.array(column) for column in zip(*targets, strict=True))
    found = check_outside(FIT, {"params": n, "tokens": d})
    expected = {
        "parameters": sum(far(v, N, SIZE_REACH) for v in n),
        "tokens": sum(far(v, D, SIZE_REACH) for v in d),
        "tokens per parameter": sum(far(v, RATIO, RATIO_REACH) for v in d / n),
    }
    if not any(expected.values()):
        assert found is None
        return
    assert (found.severity, found.warning) == ("caution", ExtrapolationWarning)
    assert len(found.table) == len(n)
    for noun, count in expected.items():
        s = "s" if len(n) > 1 else ""
        assert (f"{noun} of {count} of {len(n)} target{s} (" in found.text) == (count > 0)


CORNER = bs.Limits(tokens_max=1e9)
ASKED = {
    "allocate": lambda: bs.allocate(FIT, flops=1e22, terms=bs.Terms(limits=CORNER)),
    "extrapolate": lambda: bs.extrapolate(FIT, params=[1e9, 1e9], tokens=[1e10, 1e13]),
    "regret": lambda: bs.regret(FIT, params=1e12, tokens=1e9),
    "landmarks": lambda: bs.landmarks(FIT),
    "gain": lambda: bs.gain(FIT, params=1e12, tokens=1e9, factor=2),
    "required_tokens": lambda: bs.required_tokens(FIT, params=1e13, loss=2.2),
    "design": lambda: bs.design(
        FIT, target=1e22, budget=1e20, terms=bs.Terms(limits=bs.Limits(params_min=1e12))
    ),
    "plan": lambda: bs.Plan.of(FIT, 1e22, terms=bs.Terms(limits=CORNER)),
}


@pytest.mark.parametrize("question", ASKED)
def test_every_answer_carries_it_as_a_caution_and_warns(question):
    expected = pytest.warns(ExtrapolationWarning, match="Far outside the fitted runs")
    with nullcontext() if question == "plan" else expected:  # a plan says it in its verdict
        answer = ASKED[question]()
    assert "far from the runs" in [check.name for check in answer.checks]
    assert answer.severity in ("caution", "stop")
    assert "Far outside the fitted runs" in repr(answer).replace("\n", " ")


def test_an_answer_among_the_runs_has_none():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        inside = bs.extrapolate(FIT, params=N[:3], tokens=D[:3])
    assert inside.outside is None


def test_repetition_beyond_the_runs_is_far_by_epochs_and_by_parameters_per_unique_token():
    fit = fit_at(repeated_runs(), "data_constrained", truth=REPEATED)
    runs = fit.runs
    unique = runs["unique_tokens"]
    epochs, excess = (runs.tokens / unique).max(), (runs.params / unique).max()
    at = {"params": runs.params[:1], "tokens": np.array([1e9])}
    near = {**at, "unique_tokens": np.maximum(at["tokens"] / epochs, at["params"] / excess)}
    assert check_outside(fit, near) is None
    many = check_outside(fit, {**at, "unique_tokens": at["tokens"] / (2 * epochs)})
    assert "epochs of 1 of 1 target" in many.text
    assert "never trained" in many.text
    large = {"params": 3 * excess * unique[:1], "tokens": unique[:1], "unique_tokens": unique[:1]}
    few = check_outside(fit, large)
    assert "parameters per unique token of 1 of 1 target" in few.text
    assert few.table["params_per_unique_token"].iloc[0] == pytest.approx(3)
    plenty = {**at, "unique_tokens": at["tokens"] * 1.0}
    assert check_outside(fit, plenty) is None


def test_further_inputs_beyond_the_runs_are_far():
    n = np.geomspace(1e7, 1e9, 24)
    table = {"params": n, "experts": np.resize([1.0, 8, 64], 24), "loss": 2 + 300 * n**-0.3}
    fit = fit_at(bs.Runs.from_frame(table), "routed_params", spread=0.01)
    assert bs.extrapolate(fit, params=1e9, experts=64).outside is None
    for answer in (
        bs.extrapolate(fit, params=1e9, experts=128),
        bs.effective_params(fit, params=1e9, experts=[8, 128]),
    ):
        assert "experts of 1 of" in answer.outside.text
        assert "2 times the largest" in answer.outside.text
    repeated = fit_at(repeated_runs(), "data_constrained", truth=REPEATED)
    many = bs.worth_of_epochs(repeated, unique_tokens=1e8, epochs=[2, 5000])
    assert "epochs of 1 of 2 targets" in many.outside.text
