"""The run with the least posterior expected loss: chosen before the truth is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast.frontier import Frontier
from bayesscale.forecast.purchase import Purchase
from bayesscale.forecast.search import Scan, find_roots, refine, scan
from bayesscale.model import Posterior

THINNED = 400
"""Draws that the best run is first looked for with; it is then refined with all."""

SECANTS = 6
CLOSE = 1e-9
"""Of the root of the rise in loss that the sizes nearly as good end at."""

MORE = 1.001
"""Times the compute, at which the loss rises where runs overfit."""

POINTS = 97
WINDOW = 12.0
"""Sizes that are compared first lie within a factor e^12 of the middle, on this many places."""


class Recommended(NamedTuple):
    """The runs to order, those nearly as good, and what the runs cost: arrays ``(budget,)``."""

    params: Array
    tokens: Array
    near_lower: Array
    near_upper: Array
    flops: Array


def recommend(purchase: Purchase, flops: Array) -> Recommended:
    """Choose the size whose loss, averaged over the posterior, is smallest for each budget.

    Around it lies the range of sizes whose mean loss is at most ``1 + within`` times the least.
    """
    parts = [_recommend(purchase.at(k), flops[k]) for k in purchase.mixture.blocks(len(flops))]
    return Recommended(*map(np.concatenate, zip(*parts, strict=True)))


@dataclass(frozen=True)
class _Expected:
    """What is expected of budgets ``(budget,)``: means over the draws of a function of x."""

    purchase: Purchase
    flops: Array

    def __call__(
        self, of_draws: Callable[[Frontier, Array], Array], draws: int | None = None
    ) -> Callable[..., Array]:
        """Return a mean as a function of x and the budgets' numbers, any one shape; or of all."""

        def mean(x: Array, number: Array | None = None) -> Array:
            budget: Any = slice(None) if number is None else number.astype(np.intp)
            here = self.purchase.at(budget)

            def of(posterior: Posterior) -> Array:
                thinned = posterior if draws is None else posterior.thin(draws)
                return of_draws(here.frontier(thinned, self.flops[budget]), x)

            with np.errstate(invalid="ignore", over="ignore"):
                return self.purchase.mixture.mean(of)

        return mean

    @property
    def whole(self) -> Frontier:
        """The budgets, for what no draw changes."""
        return self.purchase.frontier(self.purchase.mixture.reference.posterior.thin(1), self.flops)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """The limits on x, shape ``(budget,)``."""
        lower, upper = self.whole.bounds()
        return lower[0], upper[0]


def _best_size(expected: _Expected) -> Array:
    """Return the x of least expected loss of runs that spend the budgets."""
    mixture, cost = expected.purchase.mixture, expected.purchase.cost
    flops, (lower, upper) = expected.flops, expected.bounds
    reference = mixture.reference.spec.reference
    beyond = np.log(flops / cost.flops(reference["params"], reference["tokens"]))
    left, right = (
        np.maximum(beyond / 2 - WINDOW - np.abs(beyond) / 4, lower),
        np.minimum(beyond / 2 + WINDOW + np.abs(beyond) / 4, upper),
    )
    left, right = np.minimum(left, right), np.maximum(left, right)
    minimum = scan(
        expected(_mean_loss, THINNED), left, right,
        closed_below=left == lower, closed_above=right == upper, points=POINTS,
    )  # fmt: skip
    if not minimum.found.all():
        budgets = ", ".join(f"{c:.3g}" for c in flops[~minimum.found][:5])
        raise DomainError(
            f"The law {mixture.reference.law.name!r} has no best split at {budgets} FLOP: averaged "
            "over the posterior, its loss only falls or only rises with the size of the model. Fit "
            "a law with a trade-off between parameters and tokens, or set limits, "
            "terms=bs.Terms(limits=bs.Limits(...))."
        )
    x = minimum.x
    for draws in (THINNED, None):
        x = _refined(expected(_mean_loss, draws), expected(_mean_slopes, draws), x, minimum)
    return x


def _useful(expected: _Expected, x: Array) -> tuple[_Expected, Array]:
    """Return what the runs of least expected loss cost that budgets pay for, and their x."""
    purchase, flops = expected.purchase, np.array(expected.flops)
    mixture, centre = purchase.mixture, purchase.mixture.reference.spec.reference
    spent, more = expected(_mean_loss)(x), _Expected(purchase, flops * MORE)(_mean_loss)(x)
    for k in expected.whole.alike():
        if (more[k] < spent[k]).all():  # nothing overfits yet: all compute is of use
            continue
        here = purchase.at(k[:1])

        def loss(x: Array, y: Array, here: Purchase = here) -> Array:
            def of_draws(posterior: Posterior) -> Array:
                log_loss = here.frontier(posterior, flops[:1]).log_loss_at(x, y)
                return np.exp(log_loss).mean(axis=0)[None]

            with np.errstate(over="ignore", invalid="ignore"):
                return centre["loss"] * mixture.mean(of_draws)

        inner, y = here.frontier(mixture.reference.posterior.thin(1), flops[:1]).least(loss)
        n, d = centre["params"] * np.exp(inner), centre["tokens"] * np.exp(y)
        cost = here.cost.flops(n, d)
        saves = ((cost < flops[k]) & (loss(inner, y) < spent[k]))[0]
        flops[k], x[k] = np.where(saves, cost[0], flops[k]), np.where(saves, inner[0], x[k])
    return _Expected(purchase, flops), x


def _recommend(purchase: Purchase, flops: Array) -> Recommended:
    mixture, within = purchase.mixture, purchase.terms.within
    reference = mixture.reference.spec.reference
    expected = _Expected(purchase, flops)
    x = _best_size(expected)
    if any(purchase.frontier(c.posterior.thin(1), flops).may_harm for c in mixture.components):
        expected, x = _useful(expected, np.array(x))
    (lower, upper), number = expected.bounds, np.arange(len(flops), dtype=float)
    exact = expected(_mean_loss)
    best = exact(x)
    bend = reference["loss"] * expected(_mean_slopes)(x)[1] / best

    def edge(towards: float, limit: Array) -> Array:
        """Solve for where the mean loss has risen by ``within``; its root is all but straight."""

        def short(t: Array, budget: Array) -> Array:
            i = budget.astype(int)
            at = np.clip(x[i] + towards * np.abs(t), lower[i], upper[i])
            rise = exact(at, budget) / best[i] - 1
            return np.sqrt(np.clip(rise, 0, 1e6)) - np.sqrt(within)

        # the loss is all but quadratic: a few secants do, and brackets where it is not
        root = np.sqrt(within)
        with np.errstate(divide="ignore", invalid="ignore"):
            last, before = np.zeros(len(x)), np.full(len(x), -root)
            t = root / np.sqrt(np.maximum(bend, 0) / 2)
            for _ in range(SECANTS):
                now = short(t, number)
                step = now * (t - last) / (now - before)
                last, before = t, now
                t = np.where(np.abs(now) <= CLOSE * root, t, t - step)
            off = ~(np.abs(short(t, number)) <= CLOSE * root)
        distance = np.abs(t)
        if off.any():  # brackets start at distances from 0, where nothing has risen
            distance[off] = np.abs(
                find_roots(short, (number[off],), "edge", missing=np.inf, start=(0.0, 0.5))
            )
        away = x + towards * distance
        return np.minimum(away, limit) if towards > 0 else np.maximum(away, limit)

    params, near_lower, near_upper = (
        reference["params"] * np.exp(at) for at in (x, edge(-1.0, lower), edge(1.0, upper))
    )
    tokens = expected.whole.tokens(x[None])[0]
    return Recommended(params, tokens, near_lower, near_upper, expected.flops)


def _refined(
    g: Callable[[Array], Array], slopes: Callable[[Array], Any], x: Array, around: Scan
) -> Array:
    """Return the minimum within bounds, or the bound that the loss falls towards."""
    lower, upper = around.lower, around.upper
    inside = np.clip(x, lower, upper)
    middle = np.where((inside <= lower) | (inside >= upper), (lower + upper) / 2, inside)
    minimum, done = refine(slopes, middle, lower, upper)
    candidates = np.stack([np.where(done, minimum, middle), lower, upper])
    losses = np.stack([g(c) for c in candidates])
    return np.take_along_axis(candidates, losses.argmin(axis=0)[None], axis=0)[0]


def _mean_loss(frontier: Frontier, x: Array) -> Array:
    """Return the mean over draws of the loss, nats/token, at x of shape ``(budget,)``."""
    total, centre = np.zeros(frontier.shape[1]), frontier.posterior.spec.reference["loss"]
    for (_, budgets), part in frontier.blocks():
        total[budgets] += np.exp(part.log_loss(x[None, budgets])).sum(axis=0)
    return centre * total / frontier.shape[0]


def _mean_slopes(frontier: Frontier, x: Array) -> Array:
    """Return slope and bend of :func:`_mean_loss`, up to one factor, shape ``(2, budget)``."""
    total = np.zeros((2, frontier.shape[1]))
    for (_, budgets), part in frontier.blocks():
        at = np.broadcast_to(x[None, budgets], part.shape)
        value, slope, bend = part.along(at)
        loss = np.exp(value)
        total[:, budgets] += (loss * slope).sum(axis=0), (loss * (slope**2 + bend)).sum(axis=0)
    return total / frontier.shape[0]
