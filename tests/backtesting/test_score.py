"""The big run came in: its score is a back-test's, and the refit is a fit of all runs."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.backtesting import METHODS, joined
from bayesscale.errors import DomainError, RunsError
from bayesscale.runs import Runs
from tests.simulate import fit_at, simulate_runs

# refits are made up
pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.LackOfFitWarning")


@pytest.fixture(scope="module")
def ladder():
    return simulate_runs().split_by_compute(factor=10)


@pytest.fixture(scope="module")
def fit(ladder):
    return fit_at(ladder[0], spread=0.02, draws=100)


@pytest.fixture
def asked(sample_with):
    """Refits are made up; lists the setups that were asked for."""
    return sample_with(lambda setup: fit_at(setup.runs, spread=0.02, draws=400))


def test_predictions_are_those_of_extrapolate(ladder, fit, asked):
    _, large = ladder
    found = bs.score(fit, large)
    expected = bs.extrapolate(fit, params=large.params, tokens=large.tokens).summary
    np.testing.assert_allclose(found.points["median"], expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(found.points["lower90"], expected["loss_lower"], rtol=1e-6)
    np.testing.assert_array_equal(found.points["observed"], large.loss)
    assert set(found.backtest.points["method"]) == set(METHODS)
    assert f"of {len(large)} observed losses" in found.text


def test_the_refit_has_all_runs_and_the_fits_settings(ladder, fit, asked):
    small, large = ladder
    found = bs.score(fit, large)
    (setup,) = asked
    runs = setup.runs
    assert len(runs) == len(small) + len(large)
    np.testing.assert_array_equal(runs.loss, np.concatenate([small.loss, large.loss]))
    assert setup.spec.law is fit.law
    assert setup.sampling == fit.sampling
    assert setup.spec.options()["discrepancy"] is None
    row = found.moved.loc["alpha_N"]
    before, after = fit.summary().loc["alpha_N"], found.refit.summary().loc["alpha_N"]
    assert row["shift"] == pytest.approx((after["median"] - before["median"]) / before["sd"])
    assert bs.score(fit, large, refit=False).refit is None


@pytest.mark.parametrize(("times", "severity"), [(1.0, "ok"), (1.5, "caution")])
def test_one_run_is_judged_by_itself(ladder, fit, times, severity):
    first = ladder[1].to_frame().head(1)
    foreseen = bs.extrapolate(fit, params=first["params"], tokens=first["tokens"]).summary["loss"]
    run = Runs.from_frame(first.assign(loss=times * foreseen.to_numpy()))
    found = bs.score(fit, run, refit=False)
    assert found.sections()[1].severity == severity
    assert ("outside" in found.text) == (times != 1.0)


def test_tables_that_cannot_be_joined(ladder, fit):
    small, large = ladder
    frame = large.to_frame()[["params", "tokens", "loss"]]
    with pytest.raises(RunsError, match="count total parameters"):
        joined(small, Runs.from_frame(frame, param_count="non_embedding"))
    clustered = Runs.from_frame(small.to_frame().assign(c="a"), group="c")
    with pytest.raises(RunsError, match="the others do not"):
        joined(clustered, large)
    with pytest.raises(DomainError, match="must be Runs"):
        bs.score(fit, frame)
    with pytest.raises(DomainError, match="fitted already"):
        bs.score(fit, small)
