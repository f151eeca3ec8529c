"""Many rows: what a pilot foretells, and that it leaves the posterior alone."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.density import whitened
from bayesscale.inference import Pilot, compile_model, sample_nuts, sampler
from bayesscale.model import model_data, some_rows, specify
from tests.simulate import design, simulate_runs


def normal_draws(covariance, *, chains=4, draws=4000, seed=0):
    rng = np.random.default_rng(seed)
    u = rng.multivariate_normal(np.zeros(len(covariance)), covariance, (chains, draws))
    log_density = -0.5 * np.einsum("cdi,ij,cdj->cd", u, np.linalg.inv(covariance), u)
    return u, log_density


def test_a_linear_models_posterior_is_foretold():
    """There, the precision of n rows is that of the prior and n / m times that of m rows."""
    rng = np.random.default_rng(1)
    scale = np.array([0.5, 1.0, 2.0])
    rows = rng.normal(size=(50, 3)) @ np.diag([3.0, 1.0, 0.05])
    information, prior = rows.T @ rows, np.diag(scale**-2)
    u, log_density = normal_draws(np.linalg.inv(information + prior), draws=40_000)
    pilot = Pilot.of(u, log_density, prior_scale=scale, more_rows=20.0)
    exact = np.linalg.inv(20 * information + prior)
    ratio = np.linalg.eigvals(np.linalg.solve(exact, pilot.factor @ pilot.factor.T))
    np.testing.assert_allclose(ratio.real, 1, atol=0.05)  # 160,000 draws tell it to a percent


def test_whitened_points_go_forth_and_back():
    u, log_density = normal_draws(np.array([[2.0, 0.9], [0.9, 0.5]]))
    pilot = Pilot.of(u, log_density, prior_scale=np.array([3.0, 1.0]), more_rows=5.0)
    v = np.random.default_rng(0).normal(size=(3, 7, 2))
    turned = np.einsum("ij,cdj->cdi", pilot.inverse, pilot.back(v) - pilot.mean)
    np.testing.assert_allclose(turned, v, rtol=1e-10)
    starts = pilot.back(np.array([pilot.start(seed) for seed in range(5)]))
    for start in starts:
        assert np.abs(pilot.draws - start).max(axis=1).min() < 1e-12


def test_chains_in_a_corner_without_mass_teach_nothing():
    u, log_density = normal_draws(np.eye(2))
    u[3] += 100.0
    log_density[3] -= 60.0
    pilot = Pilot.of(u, log_density, prior_scale=np.full(2, 200.0), more_rows=1.0)
    assert len(pilot.draws) == 3 * u.shape[1]
    log_density[3] += 60.0  # as much mass as anywhere
    pilot = Pilot.of(u, log_density, prior_scale=np.full(2, 200.0), more_rows=1.0)
    assert len(pilot.draws) == 4 * u.shape[1]


def test_a_whitened_density_is_the_density():
    runs = simulate_runs()
    spec = specify(runs)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    rng = np.random.default_rng(0)
    n = len(spec.coordinates)
    mean = np.array([k.loc for k in spec.coordinates])
    factor, v = 0.1 * rng.normal(size=(n, n)), rng.normal(size=n)
    turned = whitened(density, mean, factor)
    value, gradient = turned(v)
    expected, slope = density(mean + factor @ v)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, factor.T @ slope, rtol=1e-9, atol=1e-9)


def test_some_rows_keep_their_clusters():
    frame = simulate_runs().frame
    frame["run"] = np.arange(len(frame)) // 4
    runs = bs.Runs.from_frame(frame, cluster="run")
    spec = specify(runs)
    data = model_data(spec, runs)
    rows = np.array([0, 1, 5, 9, 10, 11, 40])
    some = some_rows(data, rows)
    mask = np.isin(np.arange(len(runs)), rows)
    alone = model_data(spec, runs.select(mask))
    assert some.keys() == alone.keys()
    for name, value in alone.items():
        np.testing.assert_array_equal(some[name], value, err_msg=name)


def many_rows():
    return simulate_runs(sizes=design(36, 36), seed=2)


HOW = {"draws": 400, "tune": 400, "chains": 2, "target_accept": 0.9, "random_seed": 1}


def test_a_pilot_does_not_change_the_posterior(monkeypatch):
    runs = many_rows()
    assert len(runs) > sampler.MANY_ROWS
    spec = specify(runs, law="chinchilla", discrepancy=None)
    compiled, data = compile_model(spec, runs), model_data(spec, runs)
    told = []
    u, _ = sample_nuts(compiled, spec, data, report=lambda *a: told.append(a[0]), **HOW)
    assert any(text.startswith("Sampling 600 of 1,296 rows") for text in told)
    again, _ = sample_nuts(compiled, spec, data, report=lambda *a: None, **HOW)
    np.testing.assert_array_equal(again, u)
    monkeypatch.setattr(sampler, "MANY_ROWS", 10**9)
    plain, _ = sample_nuts(compiled, spec, data, report=lambda *a: None, **HOW)
    sd = plain.std(axis=(0, 1))
    assert (np.abs(u.mean(axis=(0, 1)) - plain.mean(axis=(0, 1))) < 0.25 * sd).all()
    np.testing.assert_allclose(u.std(axis=(0, 1)), sd, rtol=0.25)  # some 300 effective draws each
