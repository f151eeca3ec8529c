"""Stacking weights: a closed form, brute force, and a certificate of the optimum."""

import itertools

import numpy as np
import pytest

from bayesscale.comparison import stacking_errors, stacking_weights
from bayesscale.errors import DomainError


@pytest.mark.parametrize(("n", "of_first"), [(8, 6), (100, 60), (10, 5)])
def test_two_laws_that_are_right_in_turns(n, of_first):
    """With densities .9 and .1 in turns the weight w solves .1 + .8 w = share of the first."""
    density = np.where(np.arange(n)[:, None] < of_first, [0.9, 0.1], [0.1, 0.9])
    w = (of_first / n - 0.1) / 0.8
    np.testing.assert_allclose(stacking_weights(np.log(density)), [w, 1 - w], atol=1e-6)


def test_brute_force_over_the_simplex():
    log_density = np.random.default_rng(1).normal([0.0, 0.2, -0.1], size=(30, 3))
    steps = range(101)
    grid = np.array([(i, j, 100 - i - j) for i, j in itertools.product(steps, steps)
                     if i + j <= 100]) / 100  # fmt: skip
    scores = np.log(np.exp(log_density) @ grid.T).sum(axis=0)
    w = stacking_weights(log_density)
    assert np.log(np.exp(log_density) @ w).sum() >= scores.max() - 1e-9
    np.testing.assert_allclose(w, grid[scores.argmax()], atol=0.01)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 10, 1e3])
def test_the_optimum_is_certified_at_any_scale(scale):
    """For a concave score, n (max_k g_k - 1) bounds what any other weights could gain."""
    rng = np.random.default_rng(2)
    for k in (2, 3, 6):
        log_density = rng.normal(size=(50, k)) * scale + rng.normal(size=k) * scale
        w = stacking_weights(log_density)
        relative = np.exp(log_density - log_density.max(axis=1, keepdims=True))
        with np.errstate(over="ignore"):
            gradient = (relative / (relative @ w)[:, None]).sum(axis=0)
        assert gradient.max() - 50 < 1e-4  # nats, over all 50
        assert w.sum() == pytest.approx(1)
        assert w.min() >= 0


def test_what_one_law_excludes_needs_the_other():
    w = stacking_weights(np.array([[0.0, -np.inf], [-np.inf, 0.0], [-5000.0, 0.0]]))
    np.testing.assert_allclose(w, [1 / 3, 2 / 3], atol=1e-6)


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [-np.inf, -np.inf]])
def test_what_no_mixture_can_be_scored_on(bad):
    with pytest.raises(DomainError, match="1 of 2 observations"):
        stacking_weights(np.array([[0.0, 0.0], bad]))


def test_the_error_of_a_weight_is_that_of_the_share():
    """The weight in turns is (share - .1) / .8, and a share has a binomial error."""
    n, of_first = 400, 240
    density = np.where(np.arange(n)[:, None] < of_first, [0.9, 0.1], [0.1, 0.9])
    errors = stacking_errors(np.log(density), random_seed=1)
    expected = np.sqrt(0.6 * 0.4 / n) / 0.8
    np.testing.assert_allclose(errors, expected, rtol=4 / np.sqrt(2 * 100))
