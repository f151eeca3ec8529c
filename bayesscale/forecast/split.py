"""The compute-optimal split of a budget between parameters and tokens, for every draw.

In closed form where the law has one for the cost; otherwise the first-order condition
``(∂ln L/∂ln N) (∂ln C/∂ln D) = (∂ln L/∂ln D) (∂ln C/∂ln N)`` along the budget is solved for all
draws and budgets at once.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import elementwise

from bayesscale.errors import DomainError
from bayesscale.forecast.surface import Surface
from bayesscale.laws import PowerCost

type Array = NDArray[np.float64]
type FlopCount = Callable[[Array, Array], Array]
"""A user's own cost: FLOP of N parameters (array) trained on D tokens (array), elementwise."""

WIDEST = 100.0
"""Roots are looked for within a factor e^100 of the centre."""

STEP = 1e-3
EXPONENT_STEP = 0.02


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
        If the law does not depend on both parameters and tokens, the cost function is unfit,
        or no optimum lies between the extremes.
    """
    law, reference = surface.fit.law, surface.fit.spec.reference
    if not {"params", "tokens"} <= set(law.inputs):
        raise DomainError(
            f"The law {law.name!r} depends on {' and '.join(law.inputs)} alone, so it has nothing "
            "to split. Fit a law of parameters and tokens, such as 'chinchilla' or 'unified'."
        )
    if isinstance(cost, PowerCost):
        x_flops = np.log(flops / cost.flops(reference.params, reference.tokens))
        closed = law.optimum(surface.c, x_flops, cost)
        if closed is not None:
            return Split(
                reference.params * np.exp(closed.x_params),
                reference.tokens * np.exp(closed.x_tokens),
                closed.params_exponent,
                closed.tokens_exponent,
            )
    return numerical_split(surface, flops, cost)


def numerical_split(surface: Surface, flops: Array, cost: PowerCost | FlopCount) -> Split:
    """Find what :func:`optimal_split` describes without a closed form."""
    reference = surface.fit.spec.reference
    check_cost(cost, reference.params, reference.tokens)
    log_cost = _centred_log_cost(cost, reference.params, reference.tokens)
    shape = np.broadcast_shapes(next(iter(surface.c.values())).shape, np.shape(flops))
    c = {name: np.broadcast_to(v, shape).ravel() for name, v in surface.c.items()}
    x_flops = np.broadcast_to(np.log(flops), shape).ravel()
    x, y = _solve(surface, c, x_flops, log_cost)
    ahead = _solve(surface, c, x_flops + EXPONENT_STEP, log_cost)
    behind = _solve(surface, c, x_flops - EXPONENT_STEP, log_cost)
    dx, dy = ((a - b) / (2 * EXPONENT_STEP) for a, b in zip(ahead, behind, strict=True))
    return Split(
        reference.params * np.exp(x).reshape(shape),
        reference.tokens * np.exp(y).reshape(shape),
        dx.reshape(shape),
        dy.reshape(shape),
    )


def check_cost(cost: PowerCost | FlopCount, params: float, tokens: float) -> None:
    """Try a user's cost function before it is trusted.

    Raises
    ------
    DomainError
        If it fails on arrays, or does not give finite FLOP that rise in parameters and tokens.
    """
    if isinstance(cost, PowerCost):
        return
    if not callable(cost):
        raise DomainError(
            f"cost must be a PowerCost or a function of (params, tokens) in FLOP, not {cost!r}."
        )
    n, d = params * np.array([1.0, 2.0, 1.0]), tokens * np.array([1.0, 1.0, 2.0])
    try:
        value = np.asarray(cost(n, d), dtype=float)
    except Exception as error:
        raise DomainError(
            f"Your cost function fails on arrays of parameters and tokens: {error!r}. It is called "
            "as cost(params, tokens) with NumPy arrays of one shape and returns FLOP."
        ) from error
    if value.shape != (3,) or not (np.isfinite(value).all() and 0 < value[0] < value[1:].min()):
        raise DomainError(
            "Your cost function must return positive FLOP, elementwise, that rise in both "
            f"parameters and tokens, but gave {value!r} for params {n!r} and tokens {d!r}."
        )


def _centred_log_cost(
    cost: PowerCost | FlopCount, params: float, tokens: float
) -> Callable[[Array, Array], Array]:
    flops = cost.flops if isinstance(cost, PowerCost) else cost
    return lambda x, y: np.log(flops(params * np.exp(x), tokens * np.exp(y)))


def _solve(
    surface: Surface,
    c: dict[str, Array],
    log_flops: Array,
    log_cost: Callable[[Array, Array], Array],
) -> tuple[Array, Array]:
    names = list(c)

    def affordable(x: Array, log_budget: Array) -> Array:
        return find_roots(lambda y, x, b: log_cost(x, y) - b, (x, log_budget), "tokens")

    def condition(x: Array, log_budget: Array, *values: Array) -> Array:
        y = affordable(x, log_budget)
        at = dict(zip(names, values, strict=True))

        def log_loss(x: Array, y: Array) -> Array:
            return surface.fit.law.log_loss(at, {"params": x, "tokens": y}, np)

        loss_x, loss_y = _slopes(log_loss, x, y)
        cost_x, cost_y = _slopes(log_cost, x, y)
        return loss_x * cost_y - loss_y * cost_x

    x = find_roots(condition, (log_flops, *c.values()), "optimum")
    y = affordable(x, log_flops)

    def log_loss_at(x: Array) -> Array:
        tokens = affordable(x, log_flops)
        return surface.fit.law.log_loss(c, {"params": x, "tokens": tokens}, np)

    best = log_loss_at(x)
    worse = np.minimum(log_loss_at(x - 1), log_loss_at(x + 1))
    if not np.all(worse > best + np.finfo(float).eps * 8):
        raise DomainError(
            f"The law {surface.fit.law.name!r} has no best split for "
            f"{int(np.sum(~(worse > best)))} of {x.size} draws and budgets: sizes a factor e away "
            "are as good or better at the same cost. Fit a law with a trade-off between "
            "parameters and tokens."
        )
    return x, y


def find_roots(f: Callable[..., Array], args: tuple[Array, ...], what: str) -> Array:
    """Find a root of ``f(x, *args)`` within e^±100 of the centre, elementwise.

    Raises
    ------
    DomainError
        If some element has none.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        start = np.zeros(np.broadcast_shapes(*(np.shape(a) for a in args)))
        bracket = elementwise.bracket_root(
            f, start - 0.5, start + 0.5, xmin=-WIDEST, xmax=WIDEST, args=args
        )
        if not np.all(bracket.success):
            raise DomainError(
                f"No {what} lies within a factor e^{WIDEST:.0f} of the runs' centre for "
                f"{int(np.sum(~bracket.success))} of {start.size} draws and budgets. The law may "
                "have no interior optimum, or the budget is out of all proportion to the runs."
            )
        return np.asarray(elementwise.find_root(f, bracket.bracket, args=args).x)


def _slopes(f: Callable[[Array, Array], Array], x: Array, y: Array) -> tuple[Array, Array]:
    """Return both partial derivatives by five-point differences, exact to about 1e-12."""
    h = STEP

    def slope(shifted: Callable[[float], Array]) -> Array:
        return (8 * (shifted(h) - shifted(-h)) - (shifted(2 * h) - shifted(-2 * h))) / (12 * h)

    return slope(lambda s: f(x + s, y)), slope(lambda s: f(x, y + s))
