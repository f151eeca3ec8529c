"""What a run costs: the runs' own rule, a power of both sizes, or a function of the user's."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from bayesscale._types import Array
from bayesscale.accounting import Cost, LifetimeCost, TransformerCost, is_cost
from bayesscale.errors import DomainError, RunsWarning
from bayesscale.forecast.roots import find_roots
from bayesscale.laws import PowerCost
from bayesscale.runs import Runs

type FlopCount = Callable[[Array, Array], Array]
"""A user's own cost: FLOP of N parameters (array) trained on D tokens (array), elementwise."""

TRIED = 1e12
"""A user's cost is tried within this factor of the runs' sizes."""

SPREAD_MAX = 1.2
"""Runs whose FLOP per parameter and token differ by more than this are no power law 6ND."""


def runs_cost(runs: Runs) -> PowerCost:
    """Return the cost that counts compute as the runs do: 6ND, scaled to their own count."""
    rule = PowerCost()
    if runs.flop_rule == "6ND":
        return rule
    ratio = runs.flops / rule.flops(runs.params, runs.tokens)
    return PowerCost(kappa=rule.kappa * float(np.median(ratio)))


def warn_if_not_a_power(runs: Runs, *, stacklevel: int = 3) -> None:
    """Warn where one factor does not turn the runs' sizes into their compute: where FLOP per
    parameter and token vary by more than a fifth over the runs.
    """  # noqa: D205
    per_token = runs.flops / (runs.params * runs.tokens)
    least, most = np.quantile(per_token, [0.05, 0.95])
    if runs.flop_rule != "6ND" and most > SPREAD_MAX * least:
        warnings.warn(
            f"The runs' compute is between {least:.3g} and {most:.3g} FLOP per parameter and token "
            f"(6ND would be 6); budgets are split with their median. Pass cost=PowerCost(...) or "
            "a function cost(params, tokens) that counts as the runs do.",
            RunsWarning,
            stacklevel=stacklevel,
        )


def checked_cost(cost: Cost | FlopCount | None, runs: Runs) -> Cost:
    """Return the cost to use, None being the runs' own rule, after trying a user's function."""
    if cost is None:
        warn_if_not_a_power(runs, stacklevel=4)
        return runs_cost(runs)
    if isinstance(cost, LifetimeCost) and cost.training is None:
        warn_if_not_a_power(runs, stacklevel=4)
        return replace(cost, training=runs_cost(runs))
    if is_cost(cost):
        return cast(Cost, cost)
    if isinstance(cost, type) or not callable(cost):
        raise DomainError(
            "cost must be a PowerCost or another cost of bayesscale, or a function of (params, "
            f"tokens) in FLOP, not {cost!r}."
        )
    around = np.geomspace(1 / TRIED, TRIED, 97)
    n, d = np.meshgrid(np.median(runs.params) * around, np.median(runs.tokens) * around)
    try:
        value = np.asarray(cost(n.ravel(), d.ravel()), dtype=float)
    except Exception as error:
        raise DomainError(
            f"Your cost function fails on arrays of parameters and tokens: {error!r}. It is called "
            "as cost(params, tokens) with NumPy arrays of one shape and returns FLOP."
        ) from error
    if value.shape != (n.size,) or not (np.isfinite(value).all() and (value > 0).all()):
        raise DomainError(
            "Your cost function must return positive, finite FLOP, elementwise, but gave "
            f"{value!r} for parameters and tokens within a factor {TRIED:.0e} of the runs'."
        )
    value = value.reshape(n.shape)
    for what, axis in (("parameters", 1), ("tokens", 0)):
        if not (np.diff(value, axis=axis) > 0).all():
            i, j = np.argwhere(~(np.diff(value, axis=axis) > 0))[0]
            raise DomainError(
                f"Your cost function must rise in both parameters and tokens, but more {what} than "
                f"N = {n[i, j]:.3g}, D = {d[i, j]:.3g} do not cost more: {value[i, j]:.6g} FLOP. "
                "Where a cost has steps or falls, no budget has one best split."
            )
    return OwnCost(cost, float(np.median(runs.tokens)))


@dataclass(frozen=True)
class OwnCost:
    """A user's function with its inverse, which is solved for."""

    function: FlopCount
    centre: float

    def flops(self, params: Array, tokens: Array) -> Array:
        """Return FLOP of counts, arrays of one shape."""
        return self.function(*np.broadcast_arrays(params, tokens))

    def tokens(self, params: Array, flops: Array) -> Array:
        """Return the tokens that a budget pays for; 0 where a size costs more untrained."""
        y = find_roots(
            lambda y, params, flops: (
                np.log(self.flops(params, self.centre * np.exp(y))) - np.log(flops)
            ),
            (np.asarray(params, float), np.asarray(flops, float)),
            "tokens",
            missing=-np.inf,
        )
        return self.centre * np.exp(y)


def cost_in_words(cost: Cost) -> list[str]:
    """Say how compute is counted, a sentence or two."""
    match cost:
        case PowerCost(kappa, p, q):
            powers = "".join(
                f" × {name}{'' if power == 1 else f'^{power:.3g}'}"
                for name, power in (("N", p), ("D", q))
            )
            return [f"Compute is counted as {kappa:.4g}{powers}."]
        case LifetimeCost():
            price = "" if cost.serving_price == 1 else f", {cost.serving_price:.3g} times as dear"
            return [
                f"Budgets pay for training and for {cost.tokens_served:.3g} tokens served, at 2 "
                f"FLOP a parameter{price}.",
                *(cost_in_words(cost.training) if cost.training else []),
            ]
        case TransformerCost():
            return [
                f"Compute is that of transformers of vocabulary {cost.vocab:.6g}, context "
                f"{cost.context:.6g} and width {cost.aspect:.3g} times the depth, "
                f"{'with' if cost.head else 'without'} the output head; attention scores: "
                f"{cost.attention}."
            ]
    return ["Compute is counted by a function of your own."]
