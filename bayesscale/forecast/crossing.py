"""The size at which a falling loss crosses a target, for all draws at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]

CONVERGED = 1e-10
"""Step in the log of the size at which a root is taken as found."""

MOST_STEPS = 100

RESOLVED = 1e-9
"""Targets within this share of the loss at infinite size count as out of reach."""


def crossing(
    log_loss: Callable[[Array], Array], limit: Array, log_target: Array, widest: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Solve ``log_loss(x) = log_target`` for the log size x, by draw and target.

    A secant within a bracket, in ``ln(L - L(∞))``: that falls almost in a straight line, so that
    a handful of evaluations do, each of which may be a search for optimal splits.

    Parameters
    ----------
    log_loss
        Falls in x; called with an array of shape ``(chain, draw, target)``.
    limit
        Log loss at infinite size, shape ``(chain, draw, 1)``.
    log_target
        Shape ``(target,)``.
    widest
        Largest distance of x from 0 to look at.

    Returns
    -------
    x : ndarray
        The root; infinite where the loss stays above the target, at least up to ``widest``, and
        NaN where it is below the target all the way down to ``-widest``.
    reachable : ndarray
        Whether the loss falls below the target at infinite size.
    """
    reachable = log_target > limit + RESOLVED
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        floor = np.exp(limit)
        goal = np.log(np.exp(log_target) - floor)
        exact = 4 * np.finfo(float).eps * np.maximum(1, np.abs(log_target))
        x = np.zeros(reachable.shape)
        lower, upper = np.full(x.shape, -np.inf), np.full(x.shape, np.inf)
        done, last_x, last_excess = ~reachable, x, x
        for step in range(MOST_STEPS):
            value = log_loss(x)
            excess = np.log(np.exp(value) - floor) - goal
            above = value > log_target
            lower, upper = np.where(above, x, lower), np.where(above, upper, x)
            done = done | (np.abs(value - log_target) <= exact) | (np.abs(x) == widest)
            if done.all():
                break
            far = 4.0 * 2**step  # not farther at once: the line may bend
            low, high = np.maximum(lower, x - far), np.minimum(upper, x + far)
            slope = (excess - last_excess) / (x - last_x) if step else -0.25
            secant = np.clip(x - excess / slope, x - far, x + far)
            inside = (secant > lower) & (secant < upper)
            following = np.where(inside, secant, (low + high) / 2)
            following = np.where(done, x, np.clip(following, -widest, widest))
            last_x, last_excess = x, excess
            done = done | (np.abs(following - x) <= CONVERGED)
            x = following
            if done.all():
                break
    x = np.where((x == widest) & (lower == widest), np.inf, x)
    x = np.where((x == -widest) & (upper == -widest), np.nan, x)
    return np.where(reachable, x, np.inf), reachable
