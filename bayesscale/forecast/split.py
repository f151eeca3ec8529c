"""The compute-optimal split of a budget between parameters and tokens, for every draw.

In closed form where the law has one for the cost; otherwise the loss along each budget is looked
through for its minima, and the lowest is refined until its slope is zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.errors import DomainError
from bayesscale.forecast.line import Cut, Lines
from bayesscale.forecast.minimise import POINTS, STEP, refine, scan
from bayesscale.forecast.terms import Limits, Terms
from bayesscale.laws import SPLIT, Law, Optimum, PowerCost
from bayesscale.model import Posterior

type Inputs = Mapping[str, Array]

FREE = Terms()

SPACING = 0.6
"""Budgets are looked through this far apart, in logs, and refined in between."""

FARTHER = 4
"""How many times as far is looked where nothing was found, at steps as small."""

WIDE_STEP = 0.02
"""Step of the second differences that exponents take."""


@dataclass(frozen=True)
class Split:
    """Compute-optimal splits: N* and D*, counts, NaN where there is no optimum; the number of
    minima along the budget. Arrays of shape ``(draw, flops)``.
    """  # noqa: D205

    params: Array
    tokens: Array
    minima: NDArray[np.intp]

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Where there is an optimum."""
        return np.isfinite(self.params)


def wanted_beside_split(law: Law) -> tuple[str, ...]:
    """Return what must be given for a budget to be split; refuse a law without a split."""
    if set(law.split) != set(SPLIT):
        raise DomainError(
            f"The law {law.name!r} depends on {' and '.join(law.quantities)}, so it has nothing to "
            "split. Fit a law of parameters and tokens, such as 'chinchilla' or 'unified'."
        )
    return law.given


def optimal_split(
    posterior: Posterior, flops: Array, cost: Cost, given: Inputs, terms: Terms = FREE
) -> Split:
    """Split budgets, shape ``(flops,)`` or ``(draw, flops)``, so that the loss is smallest.

    Draws have the shape ``(draw, 1)``. ``given`` holds the inputs that no budget is divided
    between, each of shape ``(flops,)``.
    """
    wanted_beside_split(posterior.spec.law)
    lines = Lines.of(posterior, flops, cost, given, terms)
    return split_at(lines, *optima(lines))


def split_at(lines: Lines, x: Array, minima: NDArray[np.intp]) -> Split:
    """Return what optima at x of shape ``(draw, flops)`` are in counts."""
    exists = np.isfinite(x)
    tokens = np.where(exists, lines.tokens(np.where(exists, x, 0.0)), np.nan)
    return Split(lines.params(x), tokens, minima)


def optima(lines: Lines, start: Array | None = None) -> tuple[Array, NDArray[np.intp]]:
    """Return where along each budget the loss is lowest, NaN where it is nowhere, and how many
    minima there are; ``(draw, flops)``. ``start`` is about where to look, if that is known.
    """  # noqa: D205
    closed = closed_form(lines)
    if closed is not None:
        x = np.broadcast_to(closed.x_params, lines.shape)
        return x, np.ones(x.shape, np.intp)
    if start is None or lines.terms.limits != Limits():
        return lowest(lines)
    return _near(lines, start, np.isfinite(start))


def closed_form(lines: Lines) -> Optimum | None:
    """Return the optimum where it is known without a search."""
    spec, cost = lines.posterior.spec, lines.cost
    if not (isinstance(cost, PowerCost) and lines.terms.plain) or spec.law.given:
        return None
    if spec.discrepancy.moves_optimum:
        return None
    centre = cost.flops(spec.reference["params"], spec.reference["tokens"])
    return spec.law.optimum(lines.posterior.c, np.log(lines.flops / centre), cost)


def lowest(lines: Lines) -> tuple[Array, NDArray[np.intp]]:
    """Find what :func:`optima` describes without a closed form."""
    nodes = _nodes(lines)
    if nodes is None:
        return lines.by_block(lambda some, _: _look_through(some))
    at_nodes = replace(
        lines,
        flops=lines.flops[:, nodes],
        given={k: v[:, nodes] if v.shape[1] > 1 else v for k, v in lines.given.items()},
    )
    known, minima = lowest(at_nodes)
    smooth = np.isfinite(known).all(axis=1)
    log_flops = np.log(lines.flops[0])
    start = np.zeros(lines.shape)
    start[smooth] = CubicSpline(log_flops[nodes], known[smooth], axis=1)(log_flops)
    nearest = np.abs(log_flops[:, None] - log_flops[nodes]).argmin(axis=1)
    return _near(lines, start, smooth[:, None] & (minima[:, nearest] == 1))


def _near(lines: Lines, start: Array, usual: NDArray[np.bool_]) -> tuple[Array, NDArray[np.intp]]:
    """Refine minima from about where they are; look through where that is not ``usual``, or where
    they are not.
    """  # noqa: D205

    def refined(some: Lines, cut: Cut) -> tuple[Array, NDArray[np.intp]]:
        x0, known = cut(start), cut(usual)
        x0 = np.where(known, x0, 0.0)
        x, done = refine(some.log_loss, x0, x0 - SPACING, x0 + SPACING)
        rest = ~(known & done & (np.abs(x - x0) < 0.9 * SPACING))
        minima = np.ones(some.shape, np.intp)
        if rest.any():
            x_rest, minima_rest = _look_through(some.pick(rest))
            x[rest], minima[rest] = x_rest[:, 0], minima_rest[:, 0]
        return x, minima

    return lines.by_block(refined)


def _nodes(lines: Lines) -> NDArray[np.intp] | None:
    """Choose budgets to look through where they lie close together; None takes them all."""
    flops = lines.flops
    k = flops.shape[1]
    if not lines.terms.plain or flops.shape[0] > 1 or k < 12:
        return None
    if any(v.shape[1] > 1 and np.ptp(v) for v in lines.given.values()):
        return None
    order = np.log(flops[0])
    if not (np.diff(order) > 0).all():
        return None
    n = int(np.ceil(np.ptp(order) / SPACING)) + 1
    if n < 4 or 2 * n > k:
        return None
    return np.unique(np.linspace(0, k - 1, n).round().astype(np.intp))


def _look_through(lines: Lines) -> tuple[Array, NDArray[np.intp]]:
    """Scan every budget for minima, and refine the lowest; look farther where there is none."""
    x, minima = _in_window(lines, 1)
    none = ~np.isfinite(x)
    if none.any():
        picked = lines if none.all() else lines.pick(none)
        x_far, minima_far = _in_window(picked, FARTHER)
        x[none], minima[none] = x_far.ravel(), minima_far.ravel()
    return x, minima


def _in_window(lines: Lines, times: int) -> tuple[Array, NDArray[np.intp]]:
    """Scan budgets for minima this many times as far as is usual, and refine the lowest."""
    middle, width = lines.guess()
    width = width * times
    least, most = lines.bounds()
    lower, upper = np.maximum(middle - width, least), np.minimum(middle + width, most)
    # limits beyond the window: the window is what lies between them
    lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
    found = scan(
        lines.log_loss, lower, upper,
        closed_below=lower == least, closed_above=upper == most, points=POINTS * times,
    )  # fmt: skip
    x = np.where(found.found, found.x, np.nan)
    left, right = found.lower, found.upper
    # at a limit the loss may still fall towards it
    ends = found.found & ((x <= left) | (x >= right))
    inner = found.found & ~ends
    if ends.any():
        picked = lines.pick(ends)
        lo, hi = left[ends][:, None], right[ends][:, None]
        at_lower = x[ends][:, None] <= lo
        edge = np.where(at_lower, np.minimum(lo + 3 * STEP, hi), np.maximum(hi - 3 * STEP, lo))
        inwards = picked.log_loss(edge) < picked.log_loss(np.where(at_lower, lo, hi))
        x[ends] = np.where(at_lower, lo, hi)[:, 0]
        inner[ends] = inwards[:, 0]
    if inner.any():
        some = lines if inner.all() else lines.pick(inner)
        start, lo, hi = (v if inner.all() else v[inner][:, None] for v in (found.x, left, right))
        start = np.where((start <= lo) | (start >= hi), (lo + hi) / 2, start)
        refined, done = refine(some.log_loss, start, lo, hi)
        x[inner] = np.where(done, refined, np.nan).ravel()
    return x, found.minima


def exponents(lines: Lines, x: Array) -> tuple[Array, Array]:
    """Return d ln N*/d ln C and d ln D*/d ln C at optima, shape ``(draw, flops)``."""
    closed = closed_form(lines)
    if closed is not None:
        n, d = closed.params_exponent, closed.tokens_exponent
        return np.broadcast_to(n, x.shape), np.broadcast_to(d, x.shape)
    return lines.by_block(lambda some, cut: _exponents_of(some, cut(x)))


def _exponents_of(lines: Lines, x: Array) -> tuple[Array, Array]:
    none = ~np.isfinite(x)
    x = np.where(none, 0.0, x)
    h = WIDE_STEP

    # the optimum moves so that the slope stays zero: dx/db = -g_xb / g_xx, each from differences
    # with steps h and 2h, whose leading errors cancel
    def mixed(h: float) -> Array:
        return (
            lines.log_loss(x + h, h) - lines.log_loss(x + h, -h)
            - lines.log_loss(x - h, h) + lines.log_loss(x - h, -h)
        ) / (4 * h * h)  # fmt: skip

    def bend(h: float) -> Array:
        return (lines.log_loss(x + h) - 2 * here + lines.log_loss(x - h)) / (h * h)

    here = lines.log_loss(x)
    g_xb = (4 * mixed(h) - mixed(2 * h)) / 3
    g_xx = (4 * bend(h) - bend(2 * h)) / 3
    cost_x, cost_y = lines.cost_elasticities(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = -g_xb / g_xx
    least, most = lines.bounds()
    # at a limit on N more compute buys tokens alone, at one on D parameters alone
    n = np.where((x >= most) | (x <= least), 0.0, n)
    all_tokens = lines.takes_all_tokens(x)
    n = np.where(all_tokens & (x < most), 1 / cost_x, n)
    d = np.where(all_tokens, 0.0, (1 - cost_x * n) / cost_y)
    return np.where(none, np.nan, n), np.where(none, np.nan, d)
