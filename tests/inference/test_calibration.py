"""Simulation-based calibration: draws of the truth from the prior rank uniformly in posteriors.

Talts et al. (2018), arXiv:1804.06788. A wrong Jacobian, constant or link shows here.
"""

import numpy as np
import pytest
from scipy.stats import chisquare

from bayesscale.inference.compiled import compile_model
from bayesscale.inference.sampler import sample_nuts
from bayesscale.laws import LAWS
from bayesscale.model.build import model_data
from bayesscale.model.links import LINKS
from bayesscale.model.prior_predictive import draw_priors
from bayesscale.model.spec import log_inputs, specify
from tests.simulate import design, simulate_runs

SIMULATIONS, BINS = 100, 10


def ranks(law: str, noise: str, *, simulations: int = SIMULATIONS, backward=None) -> np.ndarray:
    """Rank every coordinate's truth among 100 thinned draws, shape (simulation, coordinate)."""
    runs = simulate_runs(sizes=design(n_budgets=6, sizes=5))
    spec = specify(runs, law=law, noise=noise, discrepancy=None)
    compiled, data = compile_model(spec, runs), model_data(spec, runs)
    inputs = log_inputs(runs, spec.law, spec.reference)
    rng = np.random.default_rng(20)
    result = []
    for i in range(simulations):
        c = {name: value[0] for name, value in draw_priors(spec, rng, 1).items()}
        log_loss = data["log_loss_reference"] + spec.law.log_loss(c, inputs, np)
        simulated = log_loss + spec.noise.draw(rng, log_loss.shape, c)
        u, _ = sample_nuts(
            compiled, spec, data | {"log_loss_observed": simulated}, draws=300, tune=400, chains=2,
            target_accept=0.9, random_seed=i, report=lambda *_: None,
        )  # fmt: skip
        thinned = u[:, ::6].reshape(100, -1)
        truth = [LINKS[k.link].forward(np.asarray(c[k.name])) for k in spec.coordinates]
        result.append((thinned < truth).sum(axis=0))
    return np.array(result)


def p_values(ranked: np.ndarray) -> np.ndarray:
    """Chi-square p-values of uniformity, one a coordinate; ranks run from 0 to 100."""
    rng = np.random.default_rng(0)
    uniform = (ranked + rng.uniform(size=ranked.shape)) / 101  # breaks the ties of discrete ranks
    counts = np.stack([np.histogram(column, BINS, (0, 1))[0] for column in uniform.T])
    return chisquare(counts, axis=1).pvalue


@pytest.mark.parametrize(
    ("law", "noise"),
    [
        ("chinchilla", "student_t"),
        pytest.param("unified", "student_t", marks=pytest.mark.slow),
        pytest.param("chinchilla", "normal", marks=pytest.mark.slow),
        *(
            pytest.param(law, "student_t", marks=pytest.mark.slow)
            for law in LAWS
            if law not in ("chinchilla", "unified")
        ),
    ],
)
def test_ranks_are_uniform(law, noise):
    p = p_values(ranks(law, noise))
    # one test in a thousand laws may fail by chance
    assert p.min() > 0.001 / len(p), dict(enumerate(p))


def test_the_test_catches_a_wrong_posterior():
    """Ranks of a posterior that is a quarter too narrow, or shifted, are not uniform."""
    rng = np.random.default_rng(1)
    truth, draws = rng.normal(size=(1000, 1)), rng.normal(size=(1000, 100))
    right = (draws < truth).sum(axis=1)[:, None]
    narrow = (0.75 * draws < truth).sum(axis=1)[:, None]
    assert p_values(right).min() > 0.001
    shifted = (draws + 0.2 < truth).sum(axis=1)[:, None]
    assert p_values(narrow).min() < 0.001
    assert p_values(shifted).min() < 0.001
