"""The compute-optimal split of a budget between parameters and tokens, for every draw.

In closed form where the law has one for the cost; otherwise the first-order condition
``(∂ln L/∂ln N) (∂ln C/∂ln D) = (∂ln L/∂ln D) (∂ln C/∂ln N)`` along the budget is solved for all
draws and budgets at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError
from bayesscale.forecast.cost import CentredCost, FlopCount
from bayesscale.forecast.roots import find_roots
from bayesscale.forecast.surface import Surface
from bayesscale.laws import PowerCost

type Array = NDArray[np.float64]

STEP = 1e-3
"""Step of finite differences in logs."""


@dataclass(frozen=True)
class Split:
    """Compute-optimal splits, arrays of shape ``(chain, draw, flops)``.

    Parameters
    ----------
    params, tokens
        N* and D*, counts.
    params_exponent, tokens_exponent
        d ln N*/d ln C and d ln D*/d ln C at the budget.
    """

    params: Array
    tokens: Array
    params_exponent: Array
    tokens_exponent: Array


def optimal_split(surface: Surface, flops: Array, cost: PowerCost | FlopCount) -> Split:
    """Split budgets so that the law's loss is smallest.

    Parameters
    ----------
    surface
        The fitted law.
    flops
        Budgets C in FLOP, shape ``(flops,)``, or ``(chain, draw, flops)`` for one a draw.
    cost
        What N parameters on D tokens cost.

    Returns
    -------
    Split
        The optimum of every draw and budget.

    Raises
    ------
    DomainError
        If the law is not one of parameters and tokens, or has no best split.
    """
    law, reference = surface.fit.law, surface.fit.spec.reference
    if set(law.inputs) != {"params", "tokens"}:
        raise DomainError(
            f"The law {law.name!r} depends on {' and '.join(law.inputs)}, so it has nothing to "
            "split. Fit a law of parameters and tokens, such as 'chinchilla' or 'unified'."
        )
    if isinstance(cost, PowerCost):
        x_flops = np.log(flops / cost.flops(reference.params, reference.tokens))
        closed = law.optimum(surface.c, x_flops, cost)
        if closed is not None and not surface.fit.spec.discrepancy.moves_optimum:
            return Split(
                reference.params * np.exp(closed.x_params),
                reference.tokens * np.exp(closed.x_tokens),
                closed.params_exponent,
                closed.tokens_exponent,
            )
    return numerical_split(surface, flops, cost)


def numerical_split(surface: Surface, flops: Array, cost: PowerCost | FlopCount) -> Split:
    """Find what :func:`optimal_split` describes without a closed form."""
    spec, reference = surface.fit.spec, surface.fit.spec.reference
    centred = CentredCost(cost, reference)
    shape = np.broadcast_shapes(next(iter(surface.c.values())).shape, np.shape(flops))
    c = {name: np.broadcast_to(values, shape).ravel() for name, values in surface.c.items()}
    budget = np.broadcast_to(np.log(flops), shape).ravel()

    def imbalance(x: Array, budget: Array, *values: Array) -> Array:
        at = dict(zip(c, values, strict=True))
        y = centred.log_tokens(x, budget)
        loss_x, loss_y = _slopes(
            lambda x, y: spec.log_loss(at, {"params": x, "tokens": y}, np), x, y
        )
        cost_x, cost_y = _slopes(centred.log_flops, x, y)
        return loss_x * cost_y - loss_y * cost_x

    x = find_roots(imbalance, (budget, *c.values()), "optimum")
    y = centred.log_tokens(x, budget)
    _check_minimum(surface, c, x, budget, centred)

    # the optimum moves so that the imbalance stays zero: dx/db = -(∂F/∂b) / (∂F/∂x)
    values = tuple(c.values())
    f_x, f_b = _slopes(lambda x, b: imbalance(x, b, *values), x, budget)
    params_exponent = -f_b / f_x
    cost_x, cost_y = _slopes(centred.log_flops, x, y)
    tokens_exponent = (1 - cost_x * params_exponent) / cost_y
    return Split(
        *(
            values.reshape(shape)
            for values in (
                reference.params * np.exp(x),
                reference.tokens * np.exp(y),
                params_exponent,
                tokens_exponent,
            )
        )
    )


def _check_minimum(
    surface: Surface, c: dict[str, Array], x: Array, budget: Array, cost: CentredCost
) -> None:
    """Refuse a balance that is no minimum, as of a law without a trade-off."""

    def log_loss(x: Array) -> Array:
        tokens = cost.log_tokens(x, budget)
        return surface.fit.spec.log_loss(c, {"params": x, "tokens": tokens}, np)

    worse = np.minimum(log_loss(x - 1), log_loss(x + 1)) > log_loss(x) + 8 * np.finfo(float).eps
    if not worse.all():
        raise DomainError(
            f"The law {surface.fit.law.name!r} has no best split for {int(np.sum(~worse))} of "
            f"{x.size} draws and budgets: sizes a factor e away are as good or better at the same "
            "cost. Fit a law with a trade-off between parameters and tokens."
        )


def _slopes(f: Callable[[Array, Array], Array], x: Array, y: Array) -> tuple[Array, Array]:
    """Return both partial derivatives by five-point differences, exact to about 1e-12."""
    h = STEP

    def slope(shifted: Callable[[float], Array]) -> Array:
        return (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)

    return slope(lambda s: f(x + s, y)), slope(lambda s: f(x, y + s))
