"""Means of weights over draws: their log, its error, and whether to believe it."""

from typing import Any

import numpy as np

from bayesscale._types import Array

PARETO_K_MAX = 0.7
"""Above it a few draws decide a mean, and its error is not to be trusted."""

TAIL_MIN = 100
"""Fewer weights have no tail to speak of."""

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
    """Average weights over draws, given their logs, shape ``(chain, draw)``.

    Returns the log of the mean, its Monte Carlo standard error, and the Pareto k of the tail.
    """
    peak = log_weight.max()
    weight = np.exp(log_weight - peak)
    mcse = weight.std(ddof=1) / weight.mean() / np.sqrt(effective_size(weight))
    return float(peak + np.log(weight.mean())), float(mcse), pareto_k(weight)
