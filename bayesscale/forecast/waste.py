"""What a run that is not the best costs: in loss, and in compute that a better one would save."""

from dataclasses import replace

import numpy as np

from bayesscale._types import Array
from bayesscale.forecast.line import Cut, Lines
from bayesscale.forecast.split import optima

MOST_STEPS = 40
EXACT = 1e-5
"""After a step this small the error is its square."""

ROUNDING = 1e-13
"""Log losses that differ by less are one."""

LONGEST = 5.0
"""Longest step in the log of compute."""

STEP = 1e-4


def equivalent_flops(lines: Lines, x: Array, log_loss: Array) -> Array:
    """Return the compute at which the best run of a draw reaches a loss, ``(draw, budget)``.

    ``x`` are the optima at the lines' own budgets, where the search starts, and ``log_loss``,
    relative to the reference's, what is to be reached there; both have the lines' shape. Newton's
    method in logs; by the envelope theorem the frontier's slope is that at the best size held
    fixed.
    """
    log_flops = np.broadcast_to(np.log(lines.flops), lines.shape).copy()
    near, moving = np.array(x), np.isfinite(x) & np.isfinite(log_loss)
    log_flops[~moving] = np.nan
    for _ in range(MOST_STEPS):
        if not moving.any():
            break
        some = replace(lines.pick(moving), flops=np.exp(log_flops[moving])[:, None])
        at, _ = optima(some, near[moving][:, None])
        best, slope = some.by_block(_best_and_slope(at))
        short = log_loss[moving] - best[:, 0]
        falls = (slope[:, 0] < 0) & (np.abs(short) > ROUNDING)
        step = np.divide(short, slope[:, 0], out=np.zeros_like(short), where=falls)
        step = np.clip(step, -LONGEST, LONGEST)
        near[moving], log_flops[moving] = at[:, 0], log_flops[moving] + step
        moving[moving] = np.abs(step) > EXACT
    return np.exp(np.where(moving, np.nan, log_flops))


def _best_and_slope(x: Array):
    """Return the log loss of the best runs at x, and how it falls with the log of compute."""

    def at(some: Lines, cut: Cut) -> tuple[Array, Array]:
        here = cut(x)
        # tokens are bought, or, where there are no more of them, parameters
        slope = (some.log_loss(here, STEP) - some.log_loss(here, -STEP)) / (2 * STEP)
        at_most = some.takes_all_tokens(here)
        if at_most.any():
            by, tokens = STEP / some.cost_elasticities(here)[0], some.tokens(here)
            up, down = (some.log_loss_of(here + sign * by, tokens) for sign in (1, -1))
            slope = np.where(at_most, (up - down) / (2 * STEP), slope)
            slope = np.where(at_most & (here >= some.bounds()[1]), 0.0, slope)
        return some.log_loss(here), slope

    return at
