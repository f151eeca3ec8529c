r"""Whether the held-out errors of a ladder are as large as the fits implied, judged jointly.

Held-out runs of a fold share the error of one fit. Each fold is judged on the runs up to the next
cutoff, which no other fold is judged on, by

.. math:: T = \frac1n \sum_i |y_i - m_i| / s_i

with the predictive medians m and scales s of log loss. Its p-value is the share of joint predictive
draws whose T is at least as large; the p-values of folds are combined by Fisher's method [1]_. The
power is the probability that errors twice as large would give a combined p-value below 5 %.

References
----------
.. [1] Fisher (1932), Statistical Methods for Research Workers, section 21.1.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from bayesscale._types import Array

LEVEL = 0.05
"""Combined p-values below are cautions."""

REPLICATES = 200
"""Joint predictive draws that are kept of each fold."""

FACTOR = 2.0
"""Errors this many times as large should be detected."""

SEED, COMBINED = 0, 4000


def judge_errors(
    draws: Array, observed: Array, lower: Array, upper: Array
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Judge a fold's errors by joint predictive draws of log loss ``(draw, run)``.

    Returns T over its predictive mean with its p-value, and of replicates the number of runs
    covered and the p-value of errors twice as large.
    """
    low, median, high = np.quantile(draws, [0.16, 0.5, 0.84], axis=0)
    scale = np.maximum(high - low, 1e-9) / 2
    drawn = np.sort((np.abs(draws - median) / scale).mean(axis=1))
    statistic = (np.abs(observed - median) / scale).mean()

    def p_value(t: Any) -> Any:
        return (1 + len(drawn) - np.searchsorted(drawn, t)) / (1 + len(drawn))

    kept = draws[np.linspace(0, len(draws) - 1, REPLICATES).astype(int)]
    t = (np.abs(kept - median) / scale).mean(axis=1)
    replicates = {
        "covered": ((kept >= lower) & (kept <= upper)).sum(axis=1),
        "p_value": p_value(FACTOR * t),
    }
    test = {"error_ratio": float(statistic / drawn.mean()), "p_value": float(p_value(statistic))}
    return test, pd.DataFrame(replicates)


def combine(p_values: Any) -> Any:
    """Return the p-value of several independent ones by Fisher's method, along the last axis."""
    logs = -2 * np.log(p_values)
    return chi2.sf(logs.sum(axis=-1), 2 * np.shape(logs)[-1])


def together(folds: Iterable[pd.DataFrame]) -> tuple[float, tuple[int, int]]:
    """Return the power of independent folds, and 90 % of the counts a correct model would cover."""
    folds, rng = list(folds), np.random.default_rng(SEED)
    if not folds:
        return np.nan, (0, 0)
    chosen = [fold.to_numpy()[rng.integers(0, len(fold), COMBINED)] for fold in folds]
    covered, p_values = (np.stack([c[:, i] for c in chosen], axis=-1) for i in (0, 1))
    low, high = np.quantile(covered.sum(axis=-1), [0.05, 0.95])
    return float((combine(p_values) < LEVEL).mean()), (int(low), int(high))
