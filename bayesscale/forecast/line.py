"""The loss along a budget: of every size N, trained on the tokens that the budget pays for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.errors import DomainError
from bayesscale.forecast.minimise import STEP
from bayesscale.forecast.roots import find_roots
from bayesscale.forecast.terms import Terms
from bayesscale.laws import PowerCost
from bayesscale.model import Posterior

type Cut = Callable[[NDArray[Any]], NDArray[Any]]
"""Cuts an array of the whole shape ``(draw, budget)`` to that of a block."""

PAIRS = 2**14
"""Draws × budgets that are worked on at once: their arrays fit into a processor's cache."""

FEWEST = 1e-100
"""Tokens that stand for none where the law's logarithm is taken."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Budgets by draw, with terms. Sizes are ``x = ln N`` relative to the centre of the runs.

    ``flops`` has shape ``(1 or draw, budget)``, ``given`` and ``omega`` broadcast with it.
    """

    posterior: Posterior
    flops: Array
    cost: Cost
    terms: Terms
    given: Mapping[str, Array]
    omega: Array

    @classmethod
    def of(
        cls, posterior: Posterior, flops: Array, cost: Cost, given: Mapping[str, Array],
        terms: Terms,
    ) -> Lines:  # fmt: skip
        """Take budgets of shape ``(budget,)`` or ``(draw, budget)`` and flat draws."""
        further = {name: np.atleast_2d(values) for name, values in given.items()}
        omega = terms.omega(posterior)
        return cls(posterior, np.atleast_2d(flops), cost, terms, further, omega)

    @property
    def shape(self) -> tuple[int, int]:
        """Draws and budgets."""
        return len(self.posterior), self.flops.shape[1]

    def params(self, x: Array) -> Array:
        """Return N."""
        return self.posterior.spec.reference["params"] * np.exp(x)

    def tokens(self, x: Array, shift: float = 0.0) -> Array:
        """Return D at budgets multiplied by ``e^shift``."""
        paid = self.cost.tokens(self.params(x), self.flops * np.exp(shift))
        most = self.terms.limits.tokens_max
        return paid if most is None else np.minimum(paid, most)

    def runs(self, x: Array) -> dict[str, Array]:
        """Return the inputs of runs of those sizes that spend the budgets, by name."""
        return {
            **self.given, "params": self.params(x), "tokens": np.maximum(self.tokens(x), FEWEST)
        }  # fmt: skip

    def log_loss(self, x: Array, shift: float = 0.0) -> Array:
        """Return log loss relative to the reference's, ``(draw, budget)``; infinite where a budget
        does not pay for a size.
        """  # noqa: D205
        if self._straight:
            cost, reference = cast(PowerCost, self.cost), self.posterior.spec.reference
            p, q = cost.params_exponent, cost.tokens_exponent
            spent = np.log(self.flops / cost.flops(reference["params"], reference["tokens"]))
            y = (spent + shift - p * x) / q
            with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
                return self.posterior.relative_log_loss({"params": x, "tokens": y})
        return self.log_loss_of(x, self.tokens(x, shift))

    @property
    def _straight(self) -> bool:
        """Whether sizes along a budget lie on a straight line in logs."""
        return isinstance(self.cost, PowerCost) and self.terms.plain and not self.given

    def log_loss_of(self, x: Array, tokens: Array) -> Array:
        """Return log loss relative to the reference's at tokens of one's own."""
        spec = self.posterior.spec
        reference, q = spec.reference, spec.law.quantities
        some = np.maximum(tokens, FEWEST)
        if self.terms.counting is None and self.terms.repetition is None:
            at = {"params": x, "tokens": np.log(some / reference["tokens"])}
        else:
            params, worth = self.terms.of_law(self.params(x), some, self.omega)
            at = {
                "params": np.log(params / reference["params"]),
                "tokens": np.log(worth / reference["tokens"]),
            }
        at |= {name: q[name].centred(v, reference[name]) for name, v in self.given.items()}
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            value = self.posterior.relative_log_loss(at)
        return np.where((tokens > 0) | np.isnan(x), value, np.inf)

    def bounds(self) -> tuple[Array, Array]:
        """Return the limits on x, shape of ``flops``; infinite where there are none."""
        limits, centre = self.terms.limits, self.posterior.spec.reference["params"]
        lower = np.full(self.flops.shape, -np.inf)
        upper = np.full(self.flops.shape, np.inf)
        if limits.params_min is not None:
            lower[:] = np.log(limits.params_min / centre)
        if limits.params_max is not None:
            upper[:] = np.log(limits.params_max / centre)
        if limits.tokens_max is not None:  # smaller models would leave money over
            lower = np.minimum(np.maximum(lower, self.paid_out(limits.tokens_max)), upper)
        if limits.params_min is not None:
            unpaid = self.tokens(lower) <= 0
            if unpaid.any():
                raise DomainError(
                    f"Budgets from {self.flops[unpaid].min():.3g} FLOP do not pay for "
                    f"{limits.params_min:.3g} parameters without any training."
                )
        return lower, upper

    def paid_out(self, tokens: float) -> Array:
        """Return the x at which a budget pays for exactly so many tokens, shape of ``flops``."""
        return find_roots(
            lambda x, flops: (
                np.log(np.maximum(self.cost.tokens(self.params(x), flops), FEWEST)) - np.log(tokens)
            ),
            (self.flops,),
            "size",
            missing=-np.inf,
        )

    def takes_all_tokens(self, x: Array) -> NDArray[np.bool_]:
        """Tell where there are no more tokens to buy, shape of ``x``."""
        most = self.terms.limits.tokens_max
        if most is None:
            return np.zeros(np.shape(x), bool)
        return self.tokens(x) >= most * (1 - 1e-9)

    def cost_elasticities(self, x: Array) -> tuple[Array, Array]:
        """Return ∂ln C/∂ln N and ∂ln C/∂ln D along budgets, shape of ``x``."""
        tokens = np.maximum(self.tokens(x), 1.0)

        def slope(f: Callable[[float], Array]) -> Array:
            h = STEP
            f_1, f_2 = np.log(f(h)) - np.log(f(-h)), np.log(f(2 * h)) - np.log(f(-2 * h))
            return (8 * f_1 - f_2) / (12 * h)

        return (
            slope(lambda s: self.cost.flops(self.params(x + s), tokens)),
            slope(lambda s: self.cost.flops(self.params(x), tokens * np.exp(s))),
        )

    def guess(self) -> tuple[Array, Array]:
        """Return where to look for an optimum, and how far on both sides first: ``(draw, budget)``
        and ``(1 or draw, budget)``.
        """  # noqa: D205
        reference = self.posterior.spec.reference
        rule = self.cost if isinstance(self.cost, PowerCost) else PowerCost()
        centre = self.cost.flops(np.asarray(reference["params"]), np.asarray(reference["tokens"]))
        beyond = np.log(self.flops / centre)
        law = self.posterior.spec.law
        closed = None if law.given else law.optimum(self.posterior.c, beyond, rule)
        middle = beyond / 2 if closed is None else closed.x_params
        return np.broadcast_to(middle, self.shape), 8 + np.abs(beyond) / 8

    def pick(self, chosen: NDArray[np.bool_]) -> Lines:
        """Return some pairs of draw and budget, ``(pair, 1)``."""
        draw, budget = np.nonzero(chosen)

        def take(values: Array) -> Array:
            return np.broadcast_to(values, self.shape)[draw, budget][:, None]

        c = {name: values[draw] for name, values in self.posterior.c.items()}
        return replace(
            self,
            posterior=Posterior(self.posterior.spec, c),
            flops=take(self.flops),
            given={name: take(values) for name, values in self.given.items()},
            omega=take(self.omega),
        )

    def blocks(self) -> Iterator[tuple[tuple[slice, slice], Lines]]:
        """Divide draws and budgets so that memory is bounded."""
        n, k = self.shape
        wide = min(k, PAIRS)
        tall = max(1, PAIRS // wide)
        for i in range(0, n, tall):
            for j in range(0, k, wide):
                yield self._part(slice(i, i + tall), slice(j, j + wide))

    def _part(self, draws: slice, budgets: slice) -> tuple[tuple[slice, slice], Lines]:
        def take(values: Array) -> Array:
            rows = draws if values.shape[0] > 1 else slice(None)
            return values[rows, budgets] if values.shape[1] > 1 else values[rows]

        c = {name: values[draws] for name, values in self.posterior.c.items()}
        return (draws, budgets), replace(
            self,
            posterior=Posterior(self.posterior.spec, c),
            flops=take(self.flops),
            given={name: take(values) for name, values in self.given.items()},
            omega=take(self.omega),
        )

    def by_block(self, f: Callable[[Lines, Cut], tuple[Any, ...]]) -> Any:
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
