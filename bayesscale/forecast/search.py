"""Minima and roots of many functions of one variable at once."""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from bayesscale._types import Array
from bayesscale.errors import DomainError

type Function = Callable[[Array], Array]
"""Elementwise: values of shape ``shape`` at places of that shape."""

STEP = 1e-3
"""Step of finite differences in logs."""

POINTS = 41
"""Places at which a minimum is looked for first."""

LAST_STEP = 1e-5
"""After a Newton step this small the error is its square, and less than 1e-9."""

MOST_STEPS = 60


class Scan(NamedTuple):
    """The lowest minimum of a grid, its neighbours, and the number of minima."""

    x: Array
    lower: Array
    upper: Array
    minima: NDArray[np.intp]
    found: NDArray[np.bool_]


def scan(
    g: Function, lower: Array, upper: Array, *, closed_below: Array, closed_above: Array,
    points: int,
) -> Scan:  # fmt: skip
    """Look for the lowest minimum on a grid, elementwise; a closed end may be one."""
    t = np.linspace(0, 1, points)
    values = np.stack([g(lower + (upper - lower) * at) for at in t])
    values = np.where(np.isnan(values), np.inf, values)
    least = _minima(values, closed_below, closed_above)
    best = np.where(least, values, np.inf).argmin(axis=0)

    def at(i: NDArray[np.intp]) -> Array:
        return lower + (upper - lower) * t[np.clip(i, 0, points - 1)]

    return Scan(at(best), at(best - 1), at(best + 1), least.sum(axis=0), least.any(axis=0))


def _minima(values: Array, closed_below: Any, closed_above: Any) -> NDArray[np.bool_]:
    """Return which values along the first axis are minima; a closed end may be one."""
    # an open end is no minimum: beyond it the function may fall farther
    below, above = (
        np.broadcast_to(np.where(closed, np.inf, -np.inf), (1, *values.shape[1:]))
        for closed in (closed_below, closed_above)
    )
    padded = np.concatenate([below, values, above])
    # flat stretches, as where a loss has reached its floor to rounding, are none either
    return (values < padded[:-2]) & (values <= padded[2:]) & np.isfinite(values)


def derivatives(g: Function, x: Array) -> tuple[Array, Array]:
    """Return two derivatives by five-point differences, exact to about 1e-12 and 1e-8."""
    h = STEP
    far_below, below, here, above, far_above = (g(x + i * h) for i in (-2, -1, 0, 1, 2))
    with np.errstate(invalid="ignore"):
        slope = (8 * (above - below) - (far_above - far_below)) / (12 * h)
        bend = (16 * (above + below) - (far_above + far_below) - 30 * here) / (12 * h * h)
    # a loss is infinite where a budget does not pay for a size: the best one is smaller
    beyond = np.isinf(far_above)
    return np.where(beyond, np.inf, slope), np.where(beyond, np.nan, bend)


def refine(
    slopes: Callable[[Array], tuple[Array, Array]], x: Array, lower: Array, upper: Array,
    *, most_steps: int = MOST_STEPS,
) -> tuple[Array, NDArray[np.bool_]]:  # fmt: skip
    """Find minima by Newton's method in a shrinking bracket; return where it converged."""
    done = np.zeros(x.shape, bool)
    for _ in range(most_steps):
        slope, bend = slopes(x)
        lower, upper = np.where(slope < 0, x, lower), np.where(slope > 0, x, upper)
        step = -np.divide(slope, bend, out=np.full(x.shape, np.inf), where=bend > 0)
        inside = (x + step > lower) & (x + step < upper)
        x = np.where(done, x, np.where(inside, x + step, (lower + upper) / 2))
        done = done | (inside & (np.abs(step) <= LAST_STEP)) | (upper - lower <= 1e-12)
        if done.all():
            break
    return x, done


REACH, GRID = (14.0, 16.0), (29, 65)
"""How far from the centre of the runs a point is looked for on a grid, and of how many places."""

HALVINGS = 20
"""After so many the place is exact to 1e-7, and the value to its rounding."""


def least(
    g: Callable[[Array, Array], Array], shape: tuple[int, ...],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> tuple[Array, Array]:  # fmt: skip
    """Find the lowest minimum of a function of x and y within limits, elementwise, else NaN."""
    axes, (x_ends, y_ends) = [], limits
    for ends, far, n in zip(limits, REACH, GRID, strict=True):
        bounds = [np.copysign(far, end) if np.isinf(end) else end for end in ends]
        axes.append(np.linspace(min(bounds), max(bounds), n))
    xs, ys = axes
    rows, at = np.empty((2, len(xs), *shape))
    inside = np.empty(rows.shape, bool)
    for i, x in enumerate(xs):
        values = np.stack([g(np.full(shape, x), np.full(shape, y)) for y in ys])
        j = np.where(np.isnan(values), np.inf, values).argmin(axis=0)
        rows[i], at[i] = np.take_along_axis(values, j[None], axis=0)[0], ys[j]
        inside[i] = (j > 0) & ((j < len(ys) - 1) | np.isfinite(y_ends[1]))
    lowest = inside & _minima(rows, *np.isfinite(x_ends))
    i = np.where(lowest, rows, np.inf).argmin(axis=0)
    x, y = xs[i], np.take_along_axis(at, i[None], axis=0)[0]
    none = ~lowest.any(axis=0)
    step, halved = np.full(shape, xs[1] - xs[0]), np.where(none, HALVINGS, 0)
    for _ in range(MOST_STEPS):
        if (halved >= HALVINGS).all():
            break
        around = [
            (np.clip(x + i * step, *x_ends), np.clip(y + j * step, *y_ends))
            for i, j in sorted(product((-1, 0, 1), repeat=2), key=any)  # the middle first
        ]
        best = np.stack([g(*point) for point in around]).argmin(axis=0)[None]
        x, y = (np.take_along_axis(np.stack(v), best, axis=0)[0] for v in zip(*around, strict=True))
        still = (best[0] == 0) | (halved >= HALVINGS)
        step, halved = np.where(still, step / 2, step), halved + still
        gone = (np.abs(x) > 2 * REACH[0]) | (np.abs(y) > 2 * REACH[1])
        none, halved = none | gone, np.where(gone, HALVINGS, halved)
    return np.where(none, np.nan, x), np.where(none, np.nan, y)


WINDOW, NODES = 40.0, 161
"""A lowest point is looked for within a factor e^40, on so many places."""


def lowest_along(g: Callable[[Array], Array], shape: tuple[int, ...]) -> Array:
    """Return where a function of the log size is least, infinite where it only falls."""
    ends, still = np.full(shape, WINDOW), np.zeros(shape, bool)
    with np.errstate(all="ignore"):
        minimum = scan(g, -ends, ends, closed_below=still, closed_above=still, points=NODES)
        x, _ = refine(lambda x: derivatives(g, x), minimum.x, minimum.lower, minimum.upper)
        rises = minimum.found & (g(ends) > g(x) + RESOLVED)  # and is not flat to rounding
    return np.where(rises, x, np.inf)


DOUBLINGS = 8
"""How often the bracket, which starts one unit wide, may double."""

WIDEST = 0.5 * 2**DOUBLINGS
"""How far from the centre a root may lie, in logs."""

CONVERGED = 1e-10
"""Step in the log of the size at which a root is taken as found."""

MOST_SECANTS = 100

RESOLVED = 1e-9
"""Targets within this share of the loss at infinite size count as out of reach."""


def find_roots(
    f: Callable[..., Array], args: tuple[Array, ...], what: str, *, missing: float | None = None,
    start: tuple[float, float] = (-0.5, 0.5),
) -> Array:  # fmt: skip
    """Find a root within about ±100, elementwise; else return ``missing``, or refuse if None."""
    # far from the centre a law overflows or is flat: no sign change there, and no harm
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        centre = np.zeros(np.broadcast_shapes(*(np.shape(a) for a in args)))
        bracket = elementwise.bracket_root(
            f, centre + start[0], centre + start[1], maxiter=DOUBLINGS, args=args
        )
        if missing is None and not np.all(bracket.success):
            raise DomainError(
                f"No {what} was found within a factor e^{WIDEST:.0f} of the runs' centre for "
                f"{int(np.sum(~bracket.success))} of {centre.size} draws and budgets. The law may "
                "have no interior optimum, or the budget is too far from the runs."
            )
        roots = np.asarray(elementwise.find_root(f, bracket.bracket, args=args).x)
    return roots if missing is None else np.where(bracket.success, roots, missing)


def crossing(
    log_loss: Callable[[Array], Array], limit: Array, log_target: Array, widest: float
) -> tuple[Array, NDArray[np.bool_]]:
    """Solve ``log_loss(x) = log_target`` for the log size x, by draw and target.

    A bracketed secant in ``ln(L - L(∞))``, which is almost straight. ``log_loss`` falls in x, shape
    ``(draw, target)``; ``limit`` is its value at infinite size, ``(draw, 1)``.

    Returns roots, infinite where the loss exceeds the target up to ``widest``, NaN where it is
    below it down to ``-widest``; and whether the target is reached at infinite size.
    """
    reachable = log_target > limit + RESOLVED
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        floor = np.exp(limit)
        goal = np.log(np.exp(log_target) - floor)
        exact = 4 * np.finfo(float).eps * np.maximum(1, np.abs(log_target))
        x = np.zeros(reachable.shape)
        lower, upper = np.full(x.shape, -np.inf), np.full(x.shape, np.inf)
        done, last_x, last_excess = ~reachable, x, x
        for step in range(MOST_SECANTS):
            value = log_loss(x)
            excess = np.log(np.exp(value) - floor) - goal
            above = value > log_target
            lower, upper = np.where(above, x, lower), np.where(above, upper, x)
            done = done | (np.abs(value - log_target) <= exact) | (np.abs(x) == widest)
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
