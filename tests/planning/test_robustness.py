"""What a plan rests on: other assumptions, asked the same question."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import RunsError
from bayesscale.planning.robustness import check_robustness
from tests.simulate import SIMULATED_LOSS, TRUTH, fit_at, good_fit, simulate_runs


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


def silent(*_):
    pass


def drifting(runs, **moved):
    level = TRUTH["level"] * SIMULATED_LOSS / np.exp(np.log(runs.loss).mean())
    truth = TRUTH | {"sigma": 0.1, "level": level} | moved
    return fit_at(runs, truth=truth, discrepancy="drift", spread=0.02, draws=400)


def checked(fit, budgets=(1e22,)):
    terms = bs.Terms()
    plan = bs.Plan.of(fit, list(budgets), terms=terms)
    return plan, check_robustness(fit, plan.allocation, plan.prediction, terms, report=silent)


def test_assumptions_that_agree_pass(sample_with, runs):
    asked = sample_with(lambda setup: drifting(runs))  # whatever is asked
    plan, found = checked(drifting(runs))
    assert found.severity == "ok"
    assert found.table.index.unique("fit").tolist() == [
        "this fit", "law assumed exact", "larger half of runs", "law 'kaplan'",
    ]  # fmt: skip
    exact, half, kaplan = asked
    assert exact.spec.discrepancy.name == "none"
    assert half.runs.flops.min() >= np.median(runs.flops)
    assert kaplan.spec.law.name == "kaplan"
    own = found.table.loc["this fit"].iloc[0]
    assert own["loss"] == plan.summary["loss"].iloc[0]
    assert own["params_upper"] == plan.allocation.summary["params_upper"].iloc[0]


def test_an_assumption_that_moves_the_answer_is_a_caution(sample_with, runs):
    moved = {"slope_D": 2 * TRUTH["slope_D"]}  # tokens are worth more to the larger half
    described = simulate_runs(truth=TRUTH | moved)

    def other(setup):
        return drifting(described, **moved) if len(setup.runs) < len(runs) else drifting(runs)

    sample_with(other)
    _, found = checked(drifting(runs))
    assert (found.severity, found.name) == ("caution", "assumptions")
    conflict = found.table["conflict"]
    assert "size" in conflict.loc["larger half of runs"].iloc[0]
    assert not conflict.loc["law assumed exact"].iloc[0]
    assert "larger half of runs" in found.text


def test_what_cannot_be_fitted_is_not_compared(sample_with, runs):
    def fails(setup):
        raise RunsError("All have one size.")

    sample_with(fails)
    _, found = checked(good_fit(runs))
    assert set(found.table["not_compared"]) == {"", "All have one size."}
    assert found.severity == "note"


def test_too_few_runs_have_no_half(sample_with, runs):
    asked = sample_with(lambda setup: good_fit(setup.runs, setup.spec.law))
    few = runs.select(np.arange(len(runs)) % 4 == 0)
    _, found = checked(good_fit(few))
    assert "too few" in found.table.loc["larger half of runs", "not_compared"].iloc[0]
    assert all(len(setup.runs) == len(few) for setup in asked)
