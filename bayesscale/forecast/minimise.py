"""Minima of many functions of one variable at once: looked for on a grid, then refined."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array

type Function = Callable[[Array], Array]
"""Elementwise: values of shape ``shape`` at places of that shape."""

STEP = 1e-3
"""Step of finite differences in logs."""

POINTS = 41
"""Places at which a minimum is looked for first."""

LAST_STEP = 1e-5
"""After a Newton step this small the error is its square, and less than 1e-9."""

MOST_STEPS = 60


@dataclass(frozen=True)
class Scan:
    """Where a grid has its lowest minimum: the place, its neighbours on both sides, the number of
    minima, and whether there is one that is not an open end of the grid.
    """  # noqa: D205

    x: Array
    lower: Array
    upper: Array
    minima: NDArray[np.intp]
    found: NDArray[np.bool_]


def scan(
    g: Function, lower: Array, upper: Array, *, closed_below: Array, closed_above: Array,
    points: int,
) -> Scan:  # fmt: skip
    """Look for the lowest minimum on a grid from ``lower`` to ``upper``, elementwise.

    At a closed end, which is a limit, a function may have its minimum; at an open end it is only
    said to fall farther.
    """
    t = np.linspace(0, 1, points)
    values = np.stack([g(lower + (upper - lower) * at) for at in t])
    values = np.where(np.isnan(values), np.inf, values)
    padded = np.full((points + 2, *values.shape[1:]), np.inf)
    padded[1:-1] = values
    # an open end is no minimum: beyond it the function may fall farther
    padded[0] = np.where(closed_below, np.inf, -np.inf)
    padded[-1] = np.where(closed_above, np.inf, -np.inf)
    inner = padded[1:-1]
    # flat stretches, as where a loss has reached its floor to rounding, are none either
    least = (inner < padded[:-2]) & (inner <= padded[2:]) & np.isfinite(inner)
    best = np.where(least, values, np.inf).argmin(axis=0)

    def at(i: NDArray[np.intp]) -> Array:
        return lower + (upper - lower) * t[np.clip(i, 0, points - 1)]

    return Scan(at(best), at(best - 1), at(best + 1), least.sum(axis=0), least.any(axis=0))


def derivatives(g: Function, x: Array) -> tuple[Array, Array]:
    """Return first and second derivatives by five-point differences, exact to about 1e-12 and
    1e-8 of the function's scale.
    """  # noqa: D205
    h = STEP
    far_below, below, here, above, far_above = (g(x + i * h) for i in (-2, -1, 0, 1, 2))
    with np.errstate(invalid="ignore"):
        slope = (8 * (above - below) - (far_above - far_below)) / (12 * h)
        bend = (16 * (above + below) - (far_above + far_below) - 30 * here) / (12 * h * h)
    # a loss is infinite where a budget does not pay for a size: the best one is smaller
    beyond = np.isinf(far_above)
    return np.where(beyond, np.inf, slope), np.where(beyond, np.nan, bend)


def refine(g: Function, x: Array, lower: Array, upper: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Find minima between bounds by Newton's method, kept inside a shrinking bracket.

    Returns the places, and where the method has converged.
    """
    done = np.zeros(x.shape, bool)
    for _ in range(MOST_STEPS):
        slope, bend = derivatives(g, x)
        lower, upper = np.where(slope < 0, x, lower), np.where(slope > 0, x, upper)
        step = -np.divide(slope, bend, out=np.full(x.shape, np.inf), where=bend > 0)
        inside = (x + step > lower) & (x + step < upper)
        following = np.where(inside, x + step, (lower + upper) / 2)
        following = np.where(done, x, following)
        done = done | (inside & (np.abs(step) <= LAST_STEP)) | (upper - lower <= 1e-12)
        x = following
        if done.all():
            break
    return x, done
