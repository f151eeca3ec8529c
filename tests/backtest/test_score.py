"""The big run came in: its score is a back-test's, and the refit is a fit of all runs."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.backtesting import METHODS, joined
from bayesscale.errors import DomainError, RunsError
from bayesscale.runs import Runs
from tests.backtest.conftest import shorten_bootstrap
from tests.simulate import fit_at, simulate_runs


@pytest.fixture
def ladder(monkeypatch):
    shorten_bootstrap(monkeypatch)
    return simulate_runs().split_by_compute(factor=10)


@pytest.fixture
def no_sampling(monkeypatch, ladder):
    """Refits are made up; lists what each was asked for."""
    calls = []

    def fit(runs, **options):
        calls.append((runs, options))
        return fit_at(runs, spread=0.02)

    monkeypatch.setattr("bayesscale.backtesting.score.fit_again", fit)
    return calls


def test_predictions_are_those_of_extrapolate(ladder, no_sampling):
    small, large = ladder
    fit = fit_at(small, spread=0.02)
    found = bs.score(fit, large)
    expected = bs.extrapolate(fit, params=large.params, tokens=large.tokens).summary
    np.testing.assert_allclose(found.points["median"], expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(found.points["lower90"], expected["loss_lower"], rtol=1e-6)
    np.testing.assert_array_equal(found.points["observed"], large.loss)
    assert set(found.backtest.points["method"]) == set(METHODS)
    assert f"of {len(large)} losses came out inside their 90 % intervals" in found.text


def test_the_refit_has_all_runs_and_the_fits_settings(ladder, no_sampling):
    small, large = ladder
    fit = fit_at(small, spread=0.02)
    found = bs.score(fit, large)
    ((runs, options),) = no_sampling
    assert len(runs) == len(small) + len(large)
    np.testing.assert_array_equal(runs.loss, np.concatenate([small.loss, large.loss]))
    assert options["law"] is fit.law
    assert options["random_seed"] == fit.sampling.random_seed
    assert options["discrepancy"] is None
    row = found.moved.loc["alpha_N"]
    before, after = fit.summary().loc["alpha_N"], found.refit.summary().loc["alpha_N"]
    assert row["shift"] == pytest.approx((after["median"] - before["median"]) / before["sd"])
    assert bs.score(fit, large, refit=False).refit is None


@pytest.mark.parametrize(("times", "said"), [(1.0, "inside the 90 %"), (1.5, "OUTSIDE the 90 %")])
def test_one_run_is_told_of_by_itself(ladder, no_sampling, times, said):
    small, large = ladder
    fit = fit_at(small, spread=0.02)
    first = large.to_frame().head(1)
    foreseen = bs.extrapolate(fit, params=first["params"], tokens=first["tokens"]).summary["loss"]
    run = Runs.from_frame(first.assign(loss=times * foreseen.to_numpy()))
    found = bs.score(fit, run, refit=False)
    assert said in found.text
    assert (found.severity != "ok") or times == 1.0


def test_runs_that_were_fitted_are_no_test(ladder):
    small, _ = ladder
    with pytest.raises(DomainError, match="were fitted already"):
        bs.score(fit_at(small, spread=0.02), small)


def test_tables_that_count_otherwise_are_not_joined(ladder):
    small, large = ladder
    frame = large.to_frame()[["params", "tokens", "loss"]]
    with pytest.raises(RunsError, match="count total parameters"):
        joined(small, Runs.from_frame(frame, param_count="non_embedding"))
    clustered = Runs.from_frame(small.to_frame().assign(c="a"), group="c")
    with pytest.raises(RunsError, match="the others do not"):
        joined(clustered, large)
    with pytest.raises(DomainError, match="must be Runs"):
        bs.score(fit_at(small, spread=0.02), frame)
