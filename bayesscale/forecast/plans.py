"""Plans of runs as people state them, turned into parameters, tokens and what they cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bayesscale import _arguments
from bayesscale._arguments import positive_array
from bayesscale._format import scientific, short_number, si_count
from bayesscale._types import Array
from bayesscale.accounting import Cost, Money
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import broadcast
from bayesscale.forecast.search import find_roots
from bayesscale.quantities import FLOPS, PARAMS, TOKENS

RATIO = "tokens/parameter"

HABIT = 20.0
"""Tokens per parameter that many train with: about what Hoffmann et al. (2022) found best."""


def stated_plans(
    cost: Cost, given: Mapping[str, Any], *, names: Sequence[str] | None
) -> tuple[list[str], dict[str, Array]]:
    """Complete plans of which two of size, tokens, their ratio and compute are given.

    Returns names, and all four by name, shape ``(plan,)``.
    """
    given = dict(given)
    if isinstance(given["flops"], Money):
        given["flops"] = given["flops"].flops
    units = {"params": PARAMS.unit, "tokens": TOKENS.unit, "flops": FLOPS.unit}
    read = {
        name: positive_array(name, values, units.get(name, RATIO))
        for name, values in given.items()
        if values is not None
    }
    if len(read) != 2:
        raise DomainError(
            "A plan is two of params, tokens, tokens_per_param and flops, but "
            f"got {' and '.join(read) or 'none of them'}."
        )
    at = broadcast(read, what="Plans")
    n, d = _sizes(at, cost)
    if not (d > 0).all():
        raise DomainError(
            f"A budget of {at['flops'][d <= 0].min():.3g} FLOP does not cover "
            f"{si_count(n[d <= 0].min())} parameters, even without training."
        )
    if names is None:
        names = [_name(*pair, at) for pair in enumerate(zip(n, d, strict=True))]
    elif not isinstance(names, list | tuple) or len(names) != len(n):
        raise DomainError(
            f"names must be a list of {len(n)} names, one per plan, not {_arguments.shown(names)}."
        )
    sizes = {"params": n, "tokens": d, "tokens_per_param": d / n, "flops": cost.flops(n, d)}
    return [_arguments.text("names", name) for name in names], sizes


def _sizes(at: dict[str, Array], cost: Cost) -> tuple[Array, Array]:
    """Return parameters and tokens."""
    match at:
        case {"params": n, "tokens": d}:
            return n, d
        case {"params": n, "tokens_per_param": ratio}:
            return n, ratio * n
        case {"tokens": d, "tokens_per_param": ratio}:
            return d / ratio, d
        case {"params": n, "flops": c}:
            return n, cost.tokens(n, c)
        case {"tokens": d, "flops": c}:
            return _solved(lambda n, d: (n, d), cost, d, c), d
        case {"tokens_per_param": ratio, "flops": c}:
            n = params_at_ratio(cost, ratio, c)
            return n, ratio * n
    raise AssertionError(at)


def params_at_ratio(cost: Cost, ratio: Array | float, flops: Array) -> Array:
    """Return the parameters that a budget trains on so many tokens each, shape ``(plan,)``."""
    return _solved(lambda n, ratio: (n, ratio * n), cost, np.asarray(ratio), flops)


def _solved(sizes: Any, cost: Cost, given: Array, flops: Array) -> Array:
    """Return the parameters at which a plan costs exactly a budget."""
    start = np.sqrt(flops)

    def over(x: Array, given: Array, flops: Array, start: Array) -> Array:
        return np.log(cost.flops(*sizes(start * np.exp(x), given))) - np.log(flops)

    return start * np.exp(find_roots(over, (given, flops, start), "size"))


def _name(i: int, sizes: tuple[float, float], at: dict[str, Array]) -> str:
    size, tokens = (si_count(value) for value in sizes)
    if "tokens_per_param" in at:
        return f"{short_number(at['tokens_per_param'][i])} tokens/param at {size}"
    budget = f" ({scientific(at['flops'][i])} FLOP)" if "flops" in at else ""
    return f"{size} on {tokens}{budget}"
