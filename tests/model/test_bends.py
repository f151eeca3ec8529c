"""Changes of slope in place of steps: a shear, there and back, and what it straightens."""

import numpy as np

import bayesscale as bs
from bayesscale.model.discrepancy import LOSS_STEPS
from bayesscale.model.spec import specify
from tests.simulate import simulate_runs


def spec_and_points(**model):
    spec = specify(simulate_runs(), **model)
    mu, sigma = spec.space.hyperparameters().T
    return spec, mu + sigma * np.random.default_rng(0).normal(size=(5, 7, len(mu)))


def test_there_and_back():
    spec, u = spec_and_points()
    moved = spec.space.bends.to_steps(u)
    np.testing.assert_allclose(spec.space.bends.of_steps(moved), u, atol=1e-12)
    changed = {n for i, n in enumerate(spec.space.names) if (moved[..., i] != u[..., i]).any()}
    assert changed == set(LOSS_STEPS)
    c = spec.space.constrain(u)
    np.testing.assert_allclose(spec.space.unconstrain(c), u, atol=1e-9)


def test_its_jacobian_is_one():
    spec, u = spec_and_points()
    h = 1e-6
    at = u[0, 0]
    columns = [
        (spec.space.bends.to_steps(at + h * e) - spec.space.bends.to_steps(at - h * e)) / (2 * h)
        for e in np.eye(len(at))
    ]
    np.testing.assert_allclose(np.linalg.det(np.array(columns)), 1, rtol=1e-6)


def test_models_without_the_share_or_the_steps_move_nothing():
    beta = {"irreducible_share": bs.Prior("Beta", alpha=2, beta=2)}
    for model in ({"law": "kaplan"}, {"discrepancy": None}, {"priors": beta}):
        spec, u = spec_and_points(**model)
        assert spec.space.bends.steps == ()
        np.testing.assert_array_equal(spec.space.bends.to_steps(u), u)


def test_the_slope_that_a_law_bends_by_is_what_is_counted():
    """To first order in the distance, e / (1 - e) a unit of log loss."""
    e, t = 0.6, 1e-4

    def log_slope(log_loss):  # d ln L / d ln R of L = e + (1 - e) R, at a loss
        loss = np.exp(log_loss)
        return np.log((loss - e) / loss)

    bend = log_slope(-t) - log_slope(0.0)
    np.testing.assert_allclose(bend / -t, e / (1 - e), rtol=1e-3)
