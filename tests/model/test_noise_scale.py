"""Noise that changes with size: the same scale in draws, densities, forecasts and whitening."""

import numpy as np
import pytest
from scipy import stats

import bayesscale as bs
from bayesscale.model import Posterior, scale_coordinates, specify
from tests.simulate import TRUTH, design, fit_at, simulate_runs

SLOPES = {"sigma_slope_C": -0.3, "sigma_slope_ratio": 0.2}


def drawn(spec, n=1, **more):
    c = {k: np.full(n, v) for k, v in (TRUTH | SLOPES | more).items()}
    return Posterior(spec, {k.name: c[k.name][:, None] for k in spec.coordinates})


def test_the_scale_is_log_linear_in_compute_and_in_tokens_per_parameter():
    runs = simulate_runs()
    spec = specify(runs, law="chinchilla", discrepancy=None)
    at = {"params": spec.reference["params"] * np.array([1, 10, 1, 10]),
          "tokens": spec.reference["tokens"] * np.array([1, 1, 10, 10])}  # fmt: skip
    found = drawn(spec).noise_at(at)["sigma"][0] / TRUTH["sigma"]
    np.testing.assert_allclose(found, [1, 10 ** (-0.3 - 0.2), 10 ** (-0.3 + 0.2), 10**-0.6])


def test_a_density_is_that_of_every_runs_own_scale():
    runs = simulate_runs()
    spec = specify(runs, law="chinchilla", noise="normal", discrepancy=None)
    draws = drawn(spec)
    x = spec.centred(runs)
    scale = TRUTH["sigma"] * np.exp(
        -0.3 * (x["params"] + x["tokens"]) + 0.2 * (x["tokens"] - x["params"])
    )
    exact = stats.norm(scale=scale).logpdf(draws.residuals(runs)[0])
    np.testing.assert_allclose(draws.log_likelihood(runs)[0], exact)


def test_the_rows_of_a_cluster_share_an_effect_in_proportion_to_their_scales():
    frame = simulate_runs().frame.iloc[[3, 9, 17, 25, 33]].assign(run=["a", "b", "a", "a", "b"])
    runs = bs.Runs.from_frame(frame, cluster="run")
    spec = specify(runs, law="chinchilla", noise="normal", discrepancy=None)
    draws = drawn(spec, cluster_share=0.6)
    scale = draws.noise_at(runs)["sigma"][0]
    for j, rows in enumerate(([0, 2, 3], [1, 4])):
        covariance = np.outer(scale[rows], scale[rows]) * (0.6 + 0.4 * np.eye(len(rows)))
        exact = stats.multivariate_normal(np.zeros(len(rows)), covariance)
        found = draws.log_likelihood(runs)[0, j]
        assert found == pytest.approx(exact.logpdf(draws.residuals(runs)[0, rows]), rel=1e-9)
    simulated = drawn(spec, 40_000, cluster_share=0.6).simulate(runs, np.random.default_rng(1))
    np.testing.assert_allclose(simulated.std(axis=0), scale, rtol=0.03)
    assert np.corrcoef(simulated[:, [0, 2]].T)[0, 1] == pytest.approx(0.6, abs=0.02)


def test_a_forecast_has_the_noise_of_its_own_size():
    runs = simulate_runs()
    fit = fit_at(runs, draws=5000, truth=TRUTH | SLOPES | {"nu_minus_one": 1e6})
    p = bs.extrapolate(fit, params=[1e8, 1e10], tokens=[2e9, 2e11], random_seed=1)
    spread = np.log(p.draws["loss"]).std(("chain", "draw")).to_numpy()
    # a hundred times the parameters and tokens, as many tokens per parameter
    assert spread[1] / spread[0] == pytest.approx(1e4**-0.3, rel=0.03)


def test_sampling_finds_the_slope():
    runs = simulate_runs(sizes=design(16, 12), truth=TRUTH | {"sigma": 1e-9})
    x = np.log(runs.flops / np.exp(np.log(runs.flops).mean()))
    noise = 0.004 * np.exp(-0.25 * x) * np.random.default_rng(2).standard_t(6, len(x))
    frame = runs.frame.assign(loss=runs.loss * np.exp(noise))
    fit = bs.fit(
        bs.Runs.from_frame(frame[["params", "tokens", "loss"]]), law="chinchilla",
        discrepancy=None, random_seed=1, progress=False,
    )  # fmt: skip
    row = fit.summary().loc["sigma_slope_C"]
    assert row["lower"] < -0.25 < row["upper"]
    assert row["upper"] < -0.1


@pytest.mark.parametrize(
    ("law", "count"), [("unified", 2), ("kaplan_compute", 1), ("kaplan_params_irreducible", 1)]
)
def test_laws_have_the_slopes_that_their_inputs_allow(law, count):
    assert len(scale_coordinates(specify(simulate_runs(), law=law).law)) == count
