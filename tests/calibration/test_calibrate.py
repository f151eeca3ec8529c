"""Right models pass, and wrong ones are caught by the same code."""

from dataclasses import replace

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.calibration import LOG_LIKELIHOOD, simulation
from bayesscale.errors import ConvergenceWarning, DomainError
from bayesscale.inference import compile_model

SIMULATIONS = 60


def wrong_jacobian(compiled, data, space):
    i, right = space.names.index("irreducible_share"), compiled.bind(data)

    def density(u):
        value, gradient = right(u)
        return value + u[i], gradient + np.eye(len(u))[i]

    return density


def dropped_likelihood(compiled, data, space):
    mu, sigma = data["hyperparameters"].T

    def density(u):
        z = (u - mu) / sigma
        return -0.5 * z @ z, -z / sigma

    return density


def too_narrow(compiled, data, space):
    right = compiled.bind(data)

    def density(u):
        value, gradient = right(u)
        return value / 0.75**2, gradient / 0.75**2

    return density


def breaks(monkeypatch, how):
    def compile_broken(spec, runs):
        compiled = compile_model(spec, runs)
        return replace(compiled, bind=lambda data: how(compiled, data, spec.space))

    monkeypatch.setattr(simulation, "compile_model", compile_broken)


def test_a_right_model_passes(calibrate):
    c = calibrate(simulations=SIMULATIONS)
    assert c.passed, c.text
    assert c.ranks.shape == (SIMULATIONS, 6)
    assert c.ranks.to_numpy().min() >= 0
    assert c.ranks.to_numpy().max() <= c.ranked_among
    assert c.text.startswith("The law 'kaplan_params_irreducible' with no discrepancy and normal")
    assert f"in {SIMULATIONS} simulations the truth ranked uniformly" in c.text
    assert c.summary.index.tolist() == [
        "level", "slope_N", "irreducible_share", "sigma", LOG_LIKELIHOOD, "loss at 1.9e21 FLOP",
    ]  # fmt: skip
    assert c.text in c._repr_html_().replace("&#x27;", "'")


def test_a_wrong_jacobian_is_caught(calibrate, monkeypatch):
    breaks(monkeypatch, wrong_jacobian)
    c = calibrate(simulations=2 * SIMULATIONS)
    assert not c.passed
    assert not c.summary.loc["irreducible_share", "inside"]
    assert "IS NOT CALIBRATED" in c.text
    assert "irreducible_share (posteriors too" in c.text


def test_a_dropped_likelihood_is_caught_by_the_likelihood_alone(calibrate, monkeypatch):
    breaks(monkeypatch, dropped_likelihood)
    c = calibrate(simulations=SIMULATIONS)
    assert not c.passed
    # the prior ranks its own draws uniformly: nothing else shows
    outside = c.summary.index[~c.summary["inside"]].tolist()
    assert outside == [LOG_LIKELIHOOD]


def test_a_posterior_a_quarter_too_narrow_is_caught(calibrate, monkeypatch):
    breaks(monkeypatch, too_narrow)
    c = calibrate(simulations=2 * SIMULATIONS)
    assert not c.passed
    assert not c.summary.loc[LOG_LIKELIHOOD, "inside"]
    assert c.summary.loc[["level", "slope_N", "sigma"], "rank_spread"].mean() > 1


def test_fits_that_do_not_converge_count_and_are_told_of(calibrate, monkeypatch):
    monkeypatch.setattr(simulation, "ESS_MIN", np.inf)
    with pytest.warns(ConvergenceWarning, match="DID NOT CONVERGE"):
        c = calibrate(simulations=10)
    assert c.unconverged == len(c.ranks) == 10
    assert not c.passed
    assert c.summary["inside"].all()
    assert (c.fits["draws"] == simulation.LONGER * 200).all()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"simulations": 5}, "simulations must be a whole number of at least 10"),
        ({"draws": 50}, "draws must be a whole number of at least 100"),
        ({"chains": 1}, "chains"),
        ({"random_seed": -1}, "random_seed"),
        ({"false_alarm": 0.0}, "false_alarm must be between 0 and 1"),
        ({"target_accept": "high"}, "target_accept must be between 0 and 1"),
        ({"flops": -1e24}, "flops must be positive"),
    ],
)
def test_what_is_refused(short_ladder, option, message):
    with pytest.raises(DomainError, match=message):
        bs.calibrate(short_ladder, **option)
