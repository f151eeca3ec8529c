"""The compute-optimal split of a budget between parameters and tokens, for every draw.

In closed form where the law has one for the cost; otherwise the first-order condition
``(∂ln L/∂ln N) (∂ln C/∂ln D) = (∂ln L/∂ln D) (∂ln C/∂ln N)`` along the budget is solved for all
draws and budgets at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError
from bayesscale.forecast.cost import CentredCost, FlopCount
from bayesscale.forecast.roots import find_roots
from bayesscale.laws import Law, PowerCost
from bayesscale.laws.law import SPLIT
from bayesscale.model.posterior import Posterior

type Array = NDArray[np.float64]
type Inputs = Mapping[str, Array]

STEP = 1e-3
"""Step of finite differences in logs."""


@dataclass(frozen=True)
class Split:
    """Compute-optimal splits: N* and D*, counts, and d ln N*/d ln C and d ln D*/d ln C at the
    budget, arrays of shape ``(draw, flops)``.
    """  # noqa: D205

    params: Array
    tokens: Array
    params_exponent: Array
    tokens_exponent: Array


def wanted_beside_split(law: Law) -> tuple[str, ...]:
    """Return what must be given for a budget to be split; refuse a law without a split."""
    if set(law.split) != set(SPLIT):
        raise DomainError(
            f"The law {law.name!r} depends on {' and '.join(law.quantities)}, so it has nothing to "
            "split. Fit a law of parameters and tokens, such as 'chinchilla' or 'unified'."
        )
    return law.given


def optimal_split(
    posterior: Posterior, flops: Array, cost: PowerCost | FlopCount, given: Inputs
) -> Split:
    """Split budgets, shape ``(flops,)`` or ``(draw, flops)``, so that the loss is smallest.

    ``given`` holds the inputs that no budget is divided between, each of shape ``(flops,)``.
    """
    law, reference = posterior.spec.law, posterior.spec.reference
    wanted_beside_split(law)
    if isinstance(cost, PowerCost) and not law.given:
        x_flops = np.log(flops / cost.flops(reference["params"], reference["tokens"]))
        closed = law.optimum(posterior.c, x_flops, cost)
        if closed is not None and not posterior.spec.discrepancy.moves_optimum:
            return Split(
                reference["params"] * np.exp(closed.x_params),
                reference["tokens"] * np.exp(closed.x_tokens),
                closed.params_exponent,
                closed.tokens_exponent,
            )
    return numerical_split(posterior, flops, cost, given)


def numerical_split(
    posterior: Posterior, flops: Array, cost: PowerCost | FlopCount, given: Inputs
) -> Split:
    """Find what :func:`optimal_split` describes without a closed form."""
    spec, reference = posterior.spec, posterior.spec.reference
    centred = CentredCost(cost, reference)
    c, shape = posterior.c, np.broadcast_shapes((*posterior.shape, 1), np.shape(flops))
    q = spec.law.quantities
    others = {name: q[name].centred(values, reference[name]) for name, values in given.items()}
    flat = {k: np.broadcast_to(v, shape).ravel() for k, v in (*c.items(), *others.items())}
    budget = np.broadcast_to(np.log(flops), shape).ravel()

    def log_loss(x: Array, y: Array, values: Mapping[str, Array]) -> Array:
        at = {"params": x, "tokens": y} | {name: values[name] for name in others}
        return Posterior(spec, {k: values[k] for k in c}).relative_log_loss(at)

    def imbalance(x: Array, budget: Array, *columns: Array) -> Array:
        values = dict(zip(flat, columns, strict=True))
        y = centred.log_tokens(x, budget)
        loss_x, loss_y = _slopes(lambda x, y: log_loss(x, y, values), x, y)
        cost_x, cost_y = _slopes(centred.log_flops, x, y)
        return loss_x * cost_y - loss_y * cost_x

    columns = tuple(flat.values())
    x = find_roots(imbalance, (budget, *columns), "optimum")
    y = centred.log_tokens(x, budget)
    _check_minimum(lambda x: log_loss(x, centred.log_tokens(x, budget), flat), x, spec.law.name)

    # the optimum moves so that the imbalance stays zero: dx/db = -(∂F/∂b) / (∂F/∂x)
    f_x, f_b = _slopes(lambda x, b: imbalance(x, b, *columns), x, budget)
    params_exponent = -f_b / f_x
    cost_x, cost_y = _slopes(centred.log_flops, x, y)
    tokens_exponent = (1 - cost_x * params_exponent) / cost_y
    return Split(
        *(
            values.reshape(shape)
            for values in (
                reference["params"] * np.exp(x),
                reference["tokens"] * np.exp(y),
                params_exponent,
                tokens_exponent,
            )
        )
    )


def _check_minimum(log_loss: Callable[[Array], Array], x: Array, law: str) -> None:
    """Refuse a balance that is no minimum, as of a law without a trade-off."""
    worse = np.minimum(log_loss(x - 1), log_loss(x + 1)) > log_loss(x) + 8 * np.finfo(float).eps
    if not worse.all():
        raise DomainError(
            f"The law {law!r} has no best split for {int(np.sum(~worse))} of {x.size} draws and "
            "budgets: sizes a factor e away are as good or better at the same cost. Fit a law with "
            "a trade-off between parameters and tokens."
        )


def _slopes(f: Callable[[Array, Array], Array], x: Array, y: Array) -> tuple[Array, Array]:
    """Return both partial derivatives by five-point differences, exact to about 1e-12."""
    h = STEP

    def slope(shifted: Callable[[float], Array]) -> Array:
        return (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)

    return slope(lambda s: f(x + s, y)), slope(lambda s: f(x, y + s))
