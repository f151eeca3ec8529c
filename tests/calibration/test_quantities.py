"""What is ranked is what the rest of the package would say, at known parameters."""

import numpy as np
import pytest
from scipy.stats import norm

import bayesscale as bs
from bayesscale.calibration import LOG_LIKELIHOOD, RANKED_AMONG, Ladder, ranks_of_truth, thinned
from bayesscale.inference import Setup
from bayesscale.model import Posterior
from tests.simulate import TRUTH, fit_at, simulate_runs

FLOPS = 1e23


def ladder_of(runs, law="chinchilla", noise="student_t", discrepancy=None):
    return Ladder(Setup.of(runs, law=law, noise=noise, discrepancy=discrepancy), (FLOPS,))


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
@pytest.mark.parametrize(("law", "discrepancy"), [("chinchilla", None), ("unified", "drift")])
def test_answers_are_those_of_a_fit(law, discrepancy):
    runs = simulate_runs()
    fit = fit_at(runs, law, spread=0.1, draws=20, discrepancy=discrepancy)
    c = {k.name: fit.coordinates[k.name].to_numpy().ravel() for k in fit.spec.coordinates}
    ranked = ladder_of(runs, law, discrepancy=discrepancy).quantities(c, np.log(runs.loss))
    split = bs.allocate(fit, flops=FLOPS).draws["params"].to_numpy().ravel()
    best = ranked["N* at 1e23 FLOP"] + np.log(fit.spec.reference["params"])
    np.testing.assert_allclose(best, np.log(split), atol=0.01)
    at, far = runs.flops.argmax(), np.sqrt(FLOPS / runs.flops.max())
    asked = bs.extrapolate(fit, params=far * runs.params[at], tokens=far * runs.tokens[at])
    loss = asked.draws["law_loss"].to_numpy().ravel()
    np.testing.assert_allclose(ranked["loss at 1e23 FLOP"], np.log(loss), rtol=1e-9)


def test_likelihood_and_simulation_know_errors_of_measurement():
    frame = simulate_runs().to_frame().assign(loss_se=0.1)
    ladder = ladder_of(bs.Runs.from_frame(frame), noise="normal")
    c = {name: np.full(500, value) for name, value in TRUTH.items()}
    scale = np.hypot(TRUTH["sigma"], 0.1 / ladder.runs.loss)
    posterior = Posterior.of(ladder.spec, c)
    simulated = posterior.simulate(ladder.runs, np.random.default_rng(0))
    z = (simulated - posterior.log_loss(ladder.runs)) / scale
    assert np.std(z) == pytest.approx(1, abs=4 / np.sqrt(2 * z.size))
    said = ladder.quantities(c, simulated[0])[LOG_LIKELIHOOD]
    np.testing.assert_allclose(said, (norm.logpdf(z[0]) - np.log(scale)).sum())


@pytest.mark.parametrize("discrepancy", [None, "drift"])
def test_every_draw_of_the_prior_can_be_ranked(discrepancy):
    ladder = ladder_of(simulate_runs(), "unified", discrepancy=discrepancy)
    rng = np.random.default_rng(1)
    c = ladder.spec.space.draw(rng, 2000)
    simulated = Posterior.of(ladder.spec, c).simulate(ladder.runs, rng)
    quantities = ladder.quantities(c, simulated[0])
    assert all(np.isfinite(values).all() for values in quantities.values())


def test_ranks_count_draws_below_and_break_ties_at_random():
    ladder = ladder_of(simulate_runs(), "kaplan_params", noise="normal")
    middle = {"level": 1.0, "slope_N": 0.3, "sigma": 0.01, "sigma_slope_C": 0.0}
    truth = {name: np.array([value]) for name, value in middle.items()}
    draws = {
        "level": np.linspace(0.5, 0.9, 100),
        "slope_N": np.r_[np.full(70, 0.2), np.full(30, 0.4)],
        "sigma": np.full(100, 0.01),
        "sigma_slope_C": np.zeros(100),
    }
    rng = np.random.default_rng(0)
    log_loss = Posterior.of(ladder.spec, truth).log_loss(ladder.runs)[0]
    ranks = [ranks_of_truth(ladder, truth, draws, log_loss, rng) for _ in range(300)]
    assert {r["level"] for r in ranks} == {100}
    assert {r["slope_N"] for r in ranks} == {70}
    assert {r[LOG_LIKELIHOOD] for r in ranks} == {100}  # nothing fits better than the truth
    ties = np.array([r["sigma"] for r in ranks])
    assert ties.min() >= 0
    assert ties.max() <= 100
    assert ties.mean() == pytest.approx(50, abs=4 * np.sqrt(101**2 / 12 / 300))


def test_thinning_takes_evenly_from_all_chains():
    u = np.arange(2 * 250, dtype=float).reshape(2, 250, 1)
    taken = thinned(u)[:, 0]
    assert len(taken) == RANKED_AMONG
    assert (taken < 250).sum() == RANKED_AMONG / 2
    assert np.ptp(np.diff(taken)) <= 1
