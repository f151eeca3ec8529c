"""Right models pass, and wrong ones are caught by the same code."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.calibration import LOG_LIKELIHOOD, simulation
from bayesscale.density import BoundDensity
from bayesscale.errors import ConvergenceWarning, DomainError
from bayesscale.inference import compile_model

SIMULATIONS = 60

Numbers = ctypes.POINTER(ctypes.c_double)


def called_from_machine_code(density, n):
    """Return a Python function as samplers call densities."""

    @ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, Numbers, Numbers, Numbers, ctypes.c_void_p)
    def call(dim, u, gradient, value, data):
        value[0], slope = density(np.ctypeslib.as_array(u, (n,)))
        np.ctypeslib.as_array(gradient, (n,))[:] = slope
        return 0

    address = ctypes.cast(call, ctypes.c_void_p).value
    return BoundDensity(address, n, np.zeros(1, dtype=np.int64), call)


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


@pytest.fixture
def calibrate_with(calibrate, monkeypatch):
    """Calibrate with a density that is made wrong."""

    def run(how, simulations):
        def compile_broken(spec, runs):
            compiled = compile_model(spec, runs)

            def bind(data):
                density = how(compiled, data, spec.space)
                return called_from_machine_code(density, len(spec.coordinates))

            return replace(compiled, bind=bind)

        monkeypatch.setattr(simulation, "compile_model", compile_broken)
        c = calibrate(simulations=simulations)
        assert (c.passed, c.severity) == (False, "stop")
        return c

    return run


def test_a_right_model_passes(calibrate):
    c = calibrate(simulations=SIMULATIONS)
    assert c.passed, c.text
    assert c.ranks.shape == (SIMULATIONS, 7)
    assert c.ranks.to_numpy().min() >= 0
    assert c.ranks.to_numpy().max() <= c.ranked_among
    assert c.summary.index.tolist() == [
        "level", "slope_N", "irreducible_share", "sigma", "sigma_slope_C", LOG_LIKELIHOOD,
        "loss at 1.9e21 FLOP",
    ]  # fmt: skip
    assert c.text in c._repr_html_().replace("&#x27;", "'")


@pytest.mark.slow
def test_a_wrong_jacobian_is_caught(calibrate_with):
    c = calibrate_with(wrong_jacobian, 2 * SIMULATIONS)
    assert not c.summary.loc["irreducible_share", "inside"]
    assert "irreducible_share (posteriors too" in c.text


def test_a_dropped_likelihood_is_caught_by_the_likelihood_alone(calibrate_with):
    c = calibrate_with(dropped_likelihood, SIMULATIONS)
    # the prior ranks its own draws uniformly: nothing else shows
    assert c.summary.index[~c.summary["inside"]].tolist() == [LOG_LIKELIHOOD]


@pytest.mark.slow
def test_a_posterior_a_quarter_too_narrow_is_caught(calibrate_with):
    c = calibrate_with(too_narrow, 2 * SIMULATIONS)
    assert not c.summary.loc[LOG_LIKELIHOOD, "inside"]
    assert c.summary.loc[["level", "slope_N", "sigma"], "rank_spread"].mean() > 1


def test_fits_that_do_not_converge_count_and_are_told_of(calibrate, monkeypatch):
    monkeypatch.setattr(simulation, "ESS_MIN", np.inf)
    with pytest.warns(ConvergenceWarning, match="10 of 10"):
        c = calibrate(simulations=10)
    assert c.unconverged == len(c.ranks) == 10
    assert not c.passed
    assert c.summary["inside"].all()
    assert (c.fits["draws"] == simulation.LONGER * 200).all()


@pytest.mark.parametrize(
    "option",
    [{"simulations": 5}, {"draws": 50}, {"chains": 1}, {"random_seed": -1}, {"false_alarm": 0.0},
     {"target_accept": "high"}, {"flops": -1e24}],
    ids=str,
)  # fmt: skip
def test_what_is_refused(short_ladder, option):
    with pytest.raises(DomainError, match=next(iter(option))):
        bs.calibrate(short_ladder, **option)
