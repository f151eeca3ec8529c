"""The loss along budgets, by draw: of every size N with the tokens that are left, and the least.

In closed form where the law has one for the cost; otherwise the loss along each budget is looked
through for its minima, and the lowest is refined until its slope is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bayesscale._types import Array
from bayesscale.accounting import Cost, PowerCost
from bayesscale.density import Surface
from bayesscale.errors import DomainError
from bayesscale.forecast.search import POINTS, STEP, derivatives, find_roots, least, refine, scan
from bayesscale.forecast.terms import Limits, Terms
from bayesscale.inference import compile_surface
from bayesscale.laws import SPLIT, Optimum
from bayesscale.model import Posterior

type Cut = Callable[[NDArray[Any]], NDArray[Any]]
"""Cuts an array of the whole shape ``(draw, budget)`` to that of a block."""

MANY = 8_000
"""Pairs of draw and budget for which compiling the surface is worth its time."""

PAIRS = 2**14
"""Draws × budgets that are worked on at once: their arrays fit into a processor's cache."""

FEWEST = 1e-100
"""Tokens that stand for none where the law's logarithm is taken."""

SPACING = 0.6
"""Budgets are looked through this far apart, in logs, and refined in between."""

FARTHER = 4
"""How many times as far is looked where nothing was found, at steps as small."""

MOST_STEPS = 40
MOST_AT_ONCE = 12
NEAR_STEPS = 6
"""Newton's steps from near a minimum; what takes more is looked through."""

EXACT = 1e-5
"""After a step this small in the log of compute the error is its square."""

ROUNDING = 1e-13
"""Log losses that differ by less are one."""

LONGEST = 5.0
"""Longest step in the log of compute."""


class Split(NamedTuple):
    """N* and D*, NaN without an optimum, shape ``(draw, budget)``."""

    params: Array
    tokens: Array


class Curve(NamedTuple):
    """Log loss along budgets with derivatives by x and ln C; arrays ``(draw, budget)``."""

    value: Array
    slope: Array
    bend: Array
    by_flops: Array
    mixed: Array


@dataclass(frozen=True, eq=False)
class Frontier:
    """Budgets by draw, on terms. Sizes are ``x = ln N`` relative to the centre of the runs.

    ``flops`` has shape ``(1 or draw, budget)``, ``given`` and ``own`` broadcast with it. The
    surface of ``many`` pairs of them is compiled.
    """

    posterior: Posterior
    flops: Array
    terms: Terms
    given: Mapping[str, Array]
    own: tuple[Array, ...]
    many: bool

    @classmethod
    def of(
        cls, posterior: Posterior, flops: Array, terms: Terms, given: Mapping[str, Array]
    ) -> Frontier:
        """Take budgets ``(budget,)`` or ``(draw, budget)``, flat draws and other inputs."""
        further = {name: np.atleast_2d(values) for name, values in given.items()}
        flops = np.atleast_2d(flops)
        many = bool(given) or len(posterior) * flops.shape[1] >= MANY  # what is given is searched
        return cls(posterior, flops, terms, further, terms.own(posterior), many)

    @property
    def shape(self) -> tuple[int, int]:
        """Draws and budgets."""
        return len(self.posterior), self.flops.shape[1]

    @property
    def _cost(self) -> Cost:
        """The cost at the other inputs."""
        return self.terms.cost_at(self.given)

    def params(self, x: Array) -> Array:
        """Return N."""
        return self.posterior.spec.reference["params"] * np.exp(x)

    def tokens(self, x: Array, shift: float | Array = 0.0) -> Array:
        """Return D at budgets multiplied by ``e^shift``."""
        paid = self._cost.tokens(self.params(x), self.flops * np.exp(shift))
        most = self.terms.limits.tokens_max
        return paid if most is None else np.minimum(paid, most)

    def log_loss(self, x: Array, shift: float | Array = 0.0) -> Array:
        """Return log loss ``(draw, budget)``; infinite where a budget does not pay for x."""
        if self._straight:
            return self._surface_at(self._line(x, shift))
        return self.log_loss_of(x, self.tokens(x, shift))

    def _surface_at(self, at: Mapping[str, Array]) -> Array:
        """Return log loss at centred inputs, in machine code where compiling is worth its time."""
        surface = compile_surface(self.posterior.spec) if self.many else None
        if surface is not None:
            return surface(self.posterior, at)[0]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            return self.posterior.relative_log_loss(at)

    def _line(self, x: Array, shift: float | Array = 0.0) -> dict[str, Array]:
        """Return the centred inputs of the law at sizes along straight budgets."""
        cost, reference = cast(PowerCost, self.terms.compute), self.posterior.spec.reference
        spent = np.log(self.flops / cost.flops(reference["params"], reference["tokens"]))
        y = (spent + shift - cost.params_exponent * x) / cost.tokens_exponent
        return {"params": x, "tokens": y, **self._centred}

    @property
    def _centred(self) -> dict[str, Array]:
        """The other inputs relative to the centre of the runs, by name."""
        spec = self.posterior.spec
        q, reference = spec.law.quantities, spec.reference
        return {name: q[name].centred(v, reference[name]) for name, v in self.given.items()}

    @property
    def _derived(self) -> Surface | None:
        """The surface with its derivatives in machine code, where that is worth its time."""
        worth = self.many and self._straight
        return compile_surface(self.posterior.spec, "sizes") if worth else None

    def curve(self, x: Array, shift: float | Array = 0.0) -> Curve | None:
        """Return log loss with its derivatives where they are compiled."""
        surface = self._derived
        if surface is None:
            return None
        f, f_n, f_d, f_nn, f_nd, f_dd = surface(self.posterior, self._line(x, shift))
        cost = cast(PowerCost, self.terms.compute)
        q, r = cost.tokens_exponent, cost.params_exponent / cost.tokens_exponent
        with np.errstate(invalid="ignore", over="ignore"):
            return Curve(
                f, f_n - r * f_d, f_nn - 2 * r * f_nd + r * r * f_dd, f_d / q,
                (f_nd - r * f_dd) / q,
            )  # fmt: skip

    def along(self, x: Array) -> tuple[Array, Array, Array]:
        """Return log loss and its first and second derivative along budgets, shape of ``x``."""
        curve = self.curve(x)
        return (self.log_loss(x), *derivatives(self.log_loss, x)) if curve is None else curve[:3]

    def slopes(self, x: Array) -> tuple[Array, Array]:
        """Return the first and second derivative of log loss along budgets, shape of ``x``."""
        return self.along(x)[1:]

    @property
    def _straight(self) -> bool:
        """Whether sizes along a budget lie on a straight line in logs."""
        return isinstance(self.terms.compute, PowerCost) and self.terms.plain

    def log_loss_of(self, x: Array, tokens: Array) -> Array:
        """Return log loss relative to the reference's at tokens of one's own."""
        reference = self.posterior.spec.reference
        tokens_read = np.maximum(tokens, FEWEST)
        if self.terms.counting is None and self.terms.repetition is None:
            at = {"params": x, "tokens": np.log(tokens_read / reference["tokens"])}
        else:
            sizes = self.terms.of_law(self.params(x), tokens_read, self.own)
            at = {k: np.log(v / reference[k]) for k, v in zip(SPLIT, sizes, strict=True)}
        value = self._surface_at({**at, **self._centred})
        return np.where((tokens > 0) | np.isnan(x), value, np.inf)

    @property
    def _limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The limits on x and on ``y = ln D`` from the centre; infinite where there are none."""
        limits, centre = self.terms.limits, self.posterior.spec.reference
        least, most, tokens = (
            none if size is None else float(np.log(size / centre[name]))
            for size, name, none in (
                (limits.params_min, "params", -np.inf), (limits.params_max, "params", np.inf),
                (limits.tokens_max, "tokens", np.inf),
            )
        )  # fmt: skip
        return (least, most), (-np.inf, tokens)

    def bounds(self) -> tuple[Array, Array]:
        """Return the limits on x, shape of ``flops``; infinite where there are none."""
        limits, ((least, most), _) = self.terms.limits, self._limits
        lower, upper = np.full(self.flops.shape, least), np.full(self.flops.shape, most)
        if limits.tokens_max is not None:  # smaller models would leave money over
            lower = np.minimum(np.maximum(lower, self.paid_out(limits.tokens_max)), upper)
        if limits.params_min is not None:
            unpaid = self.tokens(lower) <= 0
            if unpaid.any():
                raise DomainError(
                    f"Budgets from {self.flops[unpaid].min():.3g} FLOP do not cover "
                    f"{limits.params_min:.3g} parameters, even without training."
                )
        return lower, upper

    def paid_out(self, tokens: float) -> Array:
        """Return the x at which a budget pays for exactly so many tokens, shape of ``flops``."""
        given = {k: np.broadcast_to(v, self.flops.shape).ravel() for k, v in self.given.items()}

        def over(x: Array, flops: Array, place: Array) -> Array:
            cost = self.terms.cost_at({k: v[place.astype(int)] for k, v in given.items()})
            paid = cost.tokens(self.params(x), flops)
            return np.log(np.maximum(paid, FEWEST)) - np.log(tokens)

        place = np.arange(self.flops.size, dtype=float).reshape(self.flops.shape)
        return find_roots(over, (self.flops, place), "size", missing=-np.inf)

    def takes_all_tokens(self, x: Array) -> NDArray[np.bool_]:
        """Return where there are no more tokens to buy, shape of ``x``."""
        most = self.terms.limits.tokens_max
        if most is None:
            return np.zeros(np.shape(x), bool)
        return self.tokens(x) >= most * (1 - 1e-9)

    def cost_elasticities(self, x: Array) -> tuple[Array, Array]:
        """Return ∂ln C/∂ln N and ∂ln C/∂ln D along budgets, shape of ``x``."""
        tokens, here = np.maximum(self.tokens(x), 1.0), np.zeros(np.shape(x))

        def log_cost(dx: Array | float, dy: Array | float) -> Array:
            return np.log(self._cost.flops(self.params(x + dx), tokens * np.exp(dy)))

        by_params, _ = derivatives(lambda dx: log_cost(dx, 0.0), here)
        by_tokens, _ = derivatives(lambda dy: log_cost(0.0, dy), here)
        return by_params, by_tokens

    def guess(self) -> tuple[Array, Array]:
        """Return where to look for an optimum, ``(draw, budget)``, and how far to each side."""
        reference = self.posterior.spec.reference
        rule = self.terms.compute if isinstance(self.terms.compute, PowerCost) else PowerCost()
        centre = self._cost.flops(np.asarray(reference["params"]), np.asarray(reference["tokens"]))
        beyond = np.log(self.flops / centre)
        law = self.posterior.spec.law
        closed = None if law.given else law.optimum(self.posterior.c, beyond, rule)
        middle = beyond / 2 if closed is None else closed.x_params
        return np.broadcast_to(middle, self.shape), 8 + np.abs(beyond) / 8

    def _some(self, draws: slice | NDArray[np.intp], take: Callable[[Array], Array]) -> Frontier:
        """Return some draws, with what ``take`` returns of the other arrays."""
        c = {name: values[draws] for name, values in self.posterior.c.items()}
        return replace(
            self, posterior=Posterior(self.posterior.spec, c), flops=take(self.flops),
            given={name: take(values) for name, values in self.given.items()},
            own=tuple(take(values) for values in self.own),
        )  # fmt: skip

    def pick(self, chosen: NDArray[np.bool_]) -> Frontier:
        """Return some pairs of draw and budget, ``(pair, 1)``."""
        draw, budget = np.nonzero(chosen)

        def take(values: Array) -> Array:
            return np.broadcast_to(values, self.shape)[draw, budget][:, None]

        return self._some(draw, take)

    def blocks(self) -> Iterator[tuple[tuple[slice, slice], Frontier]]:
        """Divide draws and budgets so that memory is bounded."""
        n, k = self.shape
        wide = min(k, PAIRS)
        tall = max(1, PAIRS // wide)
        for i in range(0, n, tall):
            for j in range(0, k, wide):
                where = slice(i, i + tall), slice(j, j + wide)
                yield where, self._part(*where)

    def _part(self, draws: Any, budgets: Any) -> Frontier:
        """Return some draws and budgets; what is one for all stays as it is."""

        def take(values: Array) -> Array:
            rows = values[draws] if values.shape[0] > 1 else values
            return rows[:, budgets] if values.shape[1] > 1 else rows

        return self._some(draws, take)

    def by_block(self, f: Callable[[Frontier, Cut], tuple[Any, ...]]) -> Any:
        """Put together what a function returns of each block: arrays ``(draw, budget)``."""
        whole: list[Array] = []
        for where, lines in self.blocks():

            def cut(values: Array, where: tuple[slice, slice] = where) -> Array:
                return np.broadcast_to(values, self.shape)[where]

            for i, part in enumerate(f(lines, cut)):
                if len(whole) <= i:
                    whole.append(np.empty(self.shape, np.asarray(part).dtype))
                whole[i][where] = part
        return tuple(whole)

    # The optimum: in closed form, or looked for along every budget.

    def optimum(self, start: Array | None = None) -> tuple[Array, NDArray[np.intp]]:
        """Return the x of least loss, NaN without one, and the number of minima."""
        closed = self.closed_form()
        if closed is not None:
            x = np.broadcast_to(closed.x_params, self.shape)
            return x, np.ones(x.shape, np.intp)
        if start is None or self.terms.limits != Limits():
            return self.lowest()
        return self._near(start, np.isfinite(start))

    def best(self) -> tuple[Frontier, Array, NDArray[np.intp]]:
        """Return what the best runs cost that budgets pay for, by draw, with :meth:`optimum`."""
        x, minima = self.optimum()
        if not self.may_harm:
            return self, x, minima
        # the loss falls with compute, and rises once a model overfits: look where it does not fall
        _, slope = self.by_block(lambda some, cut: some._best_and_slope(cut(x)))
        draws = np.flatnonzero(~(slope < 0).all(axis=1))
        if not len(draws):
            return self, x, minima
        inner, y = np.full((2, *self.shape), np.nan)
        for k in self.alike():
            one = self._part(draws, k[:1])
            least = one.by_block(lambda part, _: part.least(part.log_loss_at))
            inner[np.ix_(draws, k)], y[np.ix_(draws, k)] = least
        centre = self.posterior.spec.reference
        cost = self._cost.flops(self.params(inner), centre["tokens"] * np.exp(y))
        spent, least = self.by_block(
            lambda part, cut: (part.log_loss(cut(x)), part.log_loss_at(cut(inner), cut(y)))
        )
        saves = (cost < self.flops) & np.isfinite(least) & ~(least >= spent - ROUNDING)
        if not saves.any():
            return self, x, minima
        paid = replace(self, flops=np.where(saves, cost, self.flops))
        return paid, np.where(saves, inner, x), np.where(saves, 1, minima)

    @property
    def may_harm(self) -> bool:
        """Whether more compute may raise the law's loss: not where it has a closed optimum."""
        law, at = self.posterior.spec.law, np.zeros(1)
        c = {name: values[:1, 0] for name, values in self.posterior.c.items()}
        return bool(law.given) or law.optimum(c, at, PowerCost()) is None

    def alike(self) -> list[list[int]]:
        """Return the numbers of budgets at the same other inputs, together."""
        columns = [np.broadcast_to(v, (1, self.shape[1]))[0] for v in self.given.values()]
        keys = list(zip(*columns, strict=True)) or [()] * self.shape[1]
        return [[i for i, k in enumerate(keys) if k == key] for key in dict.fromkeys(keys)]

    def log_loss_at(self, x: Array, y: Array) -> Array:
        """Return log loss at x and at ``y = ln D`` relative to the centre of the runs."""
        return self.log_loss_of(x, self.posterior.spec.reference["tokens"] * np.exp(y))

    def least(self, loss: Callable[[Array, Array], Array]) -> tuple[Array, Array]:
        """Return where a loss of x and y, shape of the budgets, is least at any cost, else NaN."""
        return least(loss, self.shape, self._limits)

    def split(self, x: Array | None = None) -> Split:
        """Return the optima in counts; those at x, shape ``(draw, budget)``, if they are known."""
        if x is None:
            paid, x, _ = self.best()
            return paid.split(x)
        exists = np.isfinite(x)
        tokens = np.where(exists, self.tokens(np.where(exists, x, 0.0)), np.nan)
        return Split(self.params(x), tokens)

    def closed_form(self) -> Optimum | None:
        """Return the optimum where it is known without a search."""
        spec, cost = self.posterior.spec, self.terms.compute
        if not (isinstance(cost, PowerCost) and self.terms.plain) or spec.law.given:
            return None
        if spec.discrepancy.moves_optimum:
            return None
        centre = cost.flops(spec.reference["params"], spec.reference["tokens"])
        return spec.law.optimum(self.posterior.c, np.log(self.flops / centre), cost)

    def lowest(self) -> tuple[Array, NDArray[np.intp]]:
        """Find what :meth:`optimum` describes without a closed form."""
        nodes = self._nodes()
        if nodes is None:
            return self.by_block(lambda part, _: part._look_through())
        x_nodes, minima = self._part(slice(None), nodes).lowest()
        smooth = np.isfinite(x_nodes).all(axis=1)
        log_flops = np.log(self.flops[0])
        start = np.zeros(self.shape)
        start[smooth] = CubicSpline(log_flops[nodes], x_nodes[smooth], axis=1)(log_flops)
        nearest = np.abs(log_flops[:, None] - log_flops[nodes]).argmin(axis=1)
        return self._near(start, smooth[:, None] & (minima[:, nearest] == 1))

    def _near(self, start: Array, usual: NDArray[np.bool_]) -> tuple[Array, NDArray[np.intp]]:
        """Refine minima near ``start``; scan where that fails or is not ``usual``."""

        def refined(part: Frontier, cut: Cut) -> tuple[Array, NDArray[np.intp]]:
            x0, usable = cut(start), cut(usual)
            x0 = np.where(usable, x0, 0.0)
            x, done = refine(part.slopes, x0, x0 - SPACING, x0 + SPACING, most_steps=NEAR_STEPS)
            rest = ~(usable & done & (np.abs(x - x0) < 0.9 * SPACING))
            minima = np.ones(part.shape, np.intp)
            if rest.any():
                x_rest, minima_rest = part.pick(rest)._look_through()
                x[rest], minima[rest] = x_rest[:, 0], minima_rest[:, 0]
            return x, minima

        return self.by_block(refined)

    def _nodes(self) -> NDArray[np.intp] | None:
        """Choose budgets to look through where they lie close together; None takes them all."""
        flops = self.flops
        k = flops.shape[1]
        if not self.terms.plain or flops.shape[0] > 1 or k < 12:
            return None
        if any((v != v[:, :1]).any() for v in self.given.values()):
            return None
        order = np.log(flops[0])
        if not (np.diff(order) > 0).all():
            return None
        n = int(np.ceil(np.ptp(order) / SPACING)) + 1
        if n < 4 or 2 * n > k:
            return None
        return np.unique(np.linspace(0, k - 1, n).round().astype(np.intp))

    def _look_through(self) -> tuple[Array, NDArray[np.intp]]:
        """Scan every budget for minima, and refine the lowest; look farther where there is none."""
        x, minima = self._in_window(1)
        none = ~np.isfinite(x)
        if none.any():
            picked = self if none.all() else self.pick(none)
            x_far, minima_far = picked._in_window(FARTHER)
            x[none], minima[none] = x_far.ravel(), minima_far.ravel()
        return x, minima

    def _in_window(self, times: int) -> tuple[Array, NDArray[np.intp]]:
        """Scan budgets for minima this many times as far as is usual, and refine the lowest."""
        middle, width = self.guess()
        width = width * times
        least, most = self.bounds()
        lower, upper = np.maximum(middle - width, least), np.minimum(middle + width, most)
        # limits beyond the window: the window is what lies between them
        lower, upper = np.minimum(lower, upper), np.maximum(lower, upper)
        minimum = scan(
            self.log_loss, lower, upper,
            closed_below=lower == least, closed_above=upper == most, points=POINTS * times,
        )  # fmt: skip
        x = np.where(minimum.found, minimum.x, np.nan)
        left, right = minimum.lower, minimum.upper
        # at a limit the loss may still fall towards it
        ends = minimum.found & ((x <= left) | (x >= right))
        inner = minimum.found & ~ends
        if ends.any():
            picked, (end, lo, hi) = self.pick(ends), (v[ends][:, None] for v in (x, left, right))
            edge = np.where(end <= lo, np.minimum(lo + 3 * STEP, hi), np.maximum(hi - 3 * STEP, lo))
            inner[ends] = (picked.log_loss(edge) < picked.log_loss(end))[:, 0]
        if inner.any():
            part = self if inner.all() else self.pick(inner)
            start, lo, hi = (
                v if inner.all() else v[inner][:, None] for v in (minimum.x, left, right)
            )
            start = np.where((start <= lo) | (start >= hi), (lo + hi) / 2, start)
            refined, done = refine(part.slopes, start, lo, hi)
            x[inner] = np.where(done, refined, np.nan).ravel()
        return x, minimum.minima

    def exponents(self, x: Array) -> tuple[Array, Array]:
        """Return d ln N*/d ln C and d ln D*/d ln C at optima, shape ``(draw, flops)``."""
        closed = self.closed_form()
        if closed is not None:
            n, d = closed.params_exponent, closed.tokens_exponent
            return np.broadcast_to(n, x.shape), np.broadcast_to(d, x.shape)
        return self.by_block(lambda part, cut: part._exponents_of(cut(x)))

    def _exponents_of(self, x: Array) -> tuple[Array, Array]:
        none = ~np.isfinite(x)
        x = np.where(none, 0.0, x)
        # the optimum moves so that the slope stays zero: dx/db = -g_xb / g_xx
        curve = self.curve(x)
        if curve is None:
            down, at, up = (
                derivatives(lambda x, shift=shift: self.log_loss(x, shift), x)
                for shift in (-STEP, 0.0, STEP)
            )
            g_xx, g_xb = at[1], (up[0] - down[0]) / (2 * STEP)
        else:
            g_xx, g_xb = curve.bend, curve.mixed
        cost_x, cost_y = self.cost_elasticities(x)
        with np.errstate(invalid="ignore", divide="ignore"):
            n = -g_xb / g_xx
        least, most = self.bounds()
        # at a limit on N more compute buys tokens alone, at one on D parameters alone
        n = np.where((x >= most) | (x <= least), 0.0, n)
        all_tokens = self.takes_all_tokens(x)
        n = np.where(all_tokens & (x < most), 1 / cost_x, n)
        d = np.where(all_tokens, 0.0, (1 - cost_x * n) / cost_y)
        return np.where(none, np.nan, n), np.where(none, np.nan, d)

    def flops_for(self, log_loss: Array, x: Array) -> Array:
        """Return the compute at which the best run of a draw reaches a loss, ``(draw, budget)``.

        ``x`` are the optima at the budgets, where Newton's method in logs starts; by the envelope
        theorem the frontier's slope is that at the best size held fixed.
        """
        log_flops = np.broadcast_to(np.log(self.flops), self.shape).copy()
        near, moving = np.array(x), np.isfinite(x) & np.isfinite(log_loss)
        log_flops[~moving] = np.nan
        if self._derived is not None:
            near, shift, solved = self.by_block(
                lambda subset, cut: subset._at_once(cut(near), cut(log_loss), cut(moving))
            )
            log_flops, moving = log_flops + shift, moving & ~solved
        for _ in range(MOST_STEPS):
            if not moving.any():
                break
            subset = replace(self.pick(moving), flops=np.exp(log_flops[moving])[:, None])
            at, _ = subset.optimum(near[moving][:, None])
            best, slope = subset.by_block(lambda part, cut, at=at: part._best_and_slope(cut(at)))
            short = log_loss[moving] - best[:, 0]
            falls = (slope[:, 0] < 0) & (np.abs(short) > ROUNDING)
            step = np.divide(short, slope[:, 0], out=np.zeros_like(short), where=falls)
            step = np.where((slope[:, 0] >= 0) & (short > ROUNDING), -1.0, step)
            step = np.clip(step, -LONGEST, LONGEST)
            near[moving], log_flops[moving] = at[:, 0], log_flops[moving] + step
            moving[moving] = np.abs(step) > EXACT
        return np.exp(np.where(moving, np.nan, log_flops))

    def against_best(
        self, x: Array, log_loss: Array, runs: Mapping[str, Array], flops: Array,
        rng: np.random.Generator,
    ) -> dict[str, Array]:  # fmt: skip
        """Compare runs at inputs by name, of that log loss and cost, with the best ones, at x."""
        (best,) = self.by_block(lambda part, cut: (part.log_loss(cut(x)),))
        log_loss = np.fmax(log_loss, best)  # to rounding, where the run is the optimum
        centre = self.posterior.spec.reference["loss"]
        best_loss, law_loss = centre * np.exp(best), centre * np.exp(log_loss)
        return {
            "loss": self.posterior.new_runs(np.log(centre) + log_loss, runs, rng),
            "law_loss": law_loss,
            "optimal_loss": best_loss,
            "regret": law_loss - best_loss,
            "excess_compute": 1 - np.minimum(self.flops_for(log_loss, x) / flops, 1),
        }

    def _at_once(
        self, x: Array, log_loss: Array, wanted: NDArray[np.bool_]
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Solve for x and the change of ln C by Newton's method; return where it converged."""
        start, x = x, np.where(wanted, x, 0.0)
        shift, done, lost = np.zeros(x.shape), ~wanted, ~wanted
        for _ in range(MOST_AT_ONCE):
            curve = cast(Curve, self.curve(x, shift))
            over = curve.value - log_loss
            with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
                determinant = curve.bend * curve.by_flops - curve.mixed * curve.slope
                dx = (curve.mixed * over - curve.by_flops * curve.slope) / determinant
                db = (curve.slope * curve.slope - curve.bend * over) / determinant
            lost |= ~((curve.bend > 0) & (curve.by_flops < 0) & np.isfinite(dx) & np.isfinite(db))
            moves = ~(done | lost)
            x = np.where(moves, x + np.clip(dx, -SPACING, SPACING), x)
            shift = np.where(moves, shift + np.clip(db, -1, 1), shift)
            done |= lost | ((np.abs(dx) < EXACT) & (np.abs(db) < EXACT))
            if done.all():
                break
        solved = wanted & done & ~lost
        return np.where(solved, x, start), np.where(solved, shift, 0.0), solved

    def _best_and_slope(self, x: Array) -> tuple[Array, Array]:
        """Return the log loss of the best runs at x, and its slope in the log of compute."""
        # tokens are bought, or, where there are no more of them, parameters
        h = STEP
        slope = (self.log_loss(x, h) - self.log_loss(x, -h)) / (2 * h)
        at_most = self.takes_all_tokens(x)
        if at_most.any():
            by, tokens = h / self.cost_elasticities(x)[0], self.tokens(x)
            up, down = (self.log_loss_of(x + sign * by, tokens) for sign in (1, -1))
            slope = np.where(at_most, (up - down) / (2 * h), slope)
            slope = np.where(at_most & (x >= self.bounds()[1]), 0.0, slope)
        return self.log_loss(x), slope
