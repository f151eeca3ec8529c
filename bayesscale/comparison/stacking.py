"""Stacking: the weights under which a mixture of predictions would have done best."""

from typing import Any

import numpy as np
from scipy.optimize import minimize

from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.errors import DomainError

RESAMPLED = 100
"""Sets of observations that standard errors of weights are taken from."""

SMALLEST = 1e-300
"""Smallest density of one law relative to the best one's, which keeps logarithms finite."""


def stacking_weights(log_density: Array) -> Array:
    """Weigh laws ``(law,)`` so that the mixture of ``(observation, law)`` scores best."""
    best = log_density.max(axis=1, keepdims=True)
    if np.isnan(log_density).any() or not np.isfinite(best).all():
        raise DomainError(
            f"{int((~np.isfinite(best)).sum())} of {len(best)} observations have no finite log "
            "predictive density under any law, so no mixture can be scored on them."
        )
    relative = np.maximum(np.exp(log_density - best), SMALLEST)
    k = relative.shape[1]

    def loss(w: Array) -> tuple[float, Array]:
        mixed = np.maximum(relative @ w, SMALLEST)
        return -float(np.log(mixed).mean()), -(relative / mixed[:, None]).mean(axis=0)

    optimum = minimize(
        loss, np.full(k, 1 / k), jac=True, method="SLSQP", bounds=[(0, 1)] * k,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-14, "maxiter": 1000},
    )  # fmt: skip
    w = np.clip(optimum.x, 0, 1)
    # a step of expectation maximisation stays on the simplex and never lowers the score
    w = -w * loss(w)[1]
    return w / w.sum()


def stacking_errors(log_density: Array, *, random_seed: int) -> Array:
    """Return standard errors of stacking weights, by resampling the observations."""
    rng = generator(random_seed, Stream.STACKING)
    n = len(log_density)
    weights = [stacking_weights(log_density[rng.integers(n, size=n)]) for _ in range(RESAMPLED)]
    return np.std(weights, axis=0)


PARETO_K_MAX = 0.7
"""Above it a few draws decide a mean, and its error is not to be trusted."""

TAIL_MIN = 100
"""Fewer weights have no tail to fit."""

VARIATION_MIN = 0.1
"""Nor have weights whose standard deviation is a smaller share of their mean."""


def effective_size(values: Array) -> float:
    """Return the effective size of a mean over ``(chain, draw)``, at most their number."""
    from arviz_stats.base.array import array_stats

    if np.ptp(values) == 0:
        return float(values.size)
    ess: Any = array_stats.ess(values, method="mean", chain_axis=0, draw_axis=1)
    return min(max(float(ess), 1.0), float(values.size))


def pareto_k(weights: Array) -> float:
    """Return the shape of the right tail of weights, shape ``(chain, draw)``; -inf without one."""
    from arviz_stats.base.array import array_stats

    if weights.size < TAIL_MIN or weights.std() < VARIATION_MIN * weights.mean():
        return -np.inf
    if np.quantile(weights, 0.95) == weights.max():
        return -np.inf  # a bounded tail that has reached its bound
    k: Any = array_stats.pareto_khat(weights, r_eff=1.0, tail="right")
    return float(k)


def log_mean_weight(log_weight: Array) -> tuple[float, float, float]:
    """Return the log of the mean weight over draws, its Monte Carlo error, and the Pareto k."""
    peak = log_weight.max()
    weight = np.exp(log_weight - peak)
    mcse = weight.std(ddof=1) / weight.mean() / np.sqrt(effective_size(weight))
    return float(peak + np.log(weight.mean())), float(mcse), pareto_k(weight)
