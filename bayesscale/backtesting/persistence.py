"""What a person would say who has the runs, but no law: as the nearest run, give or take.

A run at so many times the largest compute is predicted to have the loss of the fitted run that is
nearest to it in parameters and tokens, plus what that rule got wrong before: inside the fitted
runs, when each of them was predicted from those with as many times less compute. Those errors are
kept with their sign, so that the prediction falls with compute as the losses did.
"""

import numpy as np

from bayesscale._types import Array

LEAST_ERRORS = 10
"""Where fewer fitted runs reach as far as a target, the farthest ones are looked at instead."""

DRAWS = 1000

_SAME = 1 + 1e-9  # budgets that differ by rounding alone count as one


def predict_by_persistence(
    x: Array, flops: Array, log_loss: Array, x_new: Array, flops_new: Array
) -> Array:
    """Give the log loss of new runs as quantiles, shape ``(quantile, new run)``, to serve as draws.

    ``x`` and ``x_new`` are logs of inputs, shape ``(input, run)``; each new run has more compute
    than the fitted ones.
    """
    few = min(LEAST_ERRORS, len(flops) - 1)
    farthest = np.sort(flops)[-few] / flops.min()
    levels = (np.arange(DRAWS) + 0.5) / DRAWS
    columns = []
    for target, compute in zip(x_new.T, flops_new, strict=True):
        reach = min(compute / flops.max(), farthest)
        errors = _errors(x, flops, log_loss, reach)
        columns.append(log_loss[_nearest(x, target)] + np.quantile(errors, levels))
    return np.stack(columns, axis=1)


def _errors(x: Array, flops: Array, log_loss: Array, reach: float) -> Array:
    """Return observed minus persistent log loss of every fitted run that has runs so far below."""
    below = flops[:, None] >= reach / _SAME * flops  # [run, one with that much less compute]
    np.fill_diagonal(below, False)
    return np.array(
        [
            log_loss[j] - log_loss[below[j]][_nearest(x[:, below[j]], x[:, j])]
            for j in np.flatnonzero(below.any(axis=1))
        ]
    )


def _nearest(x: Array, target: Array) -> int:
    return int(np.argmin(((x - target[:, None]) ** 2).sum(axis=0)))
