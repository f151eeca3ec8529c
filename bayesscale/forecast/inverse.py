"""The questions asked the other way round: what a loss costs, and what more buys."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bayesscale.errors import DomainError
from bayesscale.forecast.cost import CentredCost, FlopCount, checked_cost
from bayesscale.forecast.split import optimal_split
from bayesscale.forecast.surface import (
    Surface,
    draws_dataset,
    positive_1d,
    summary_columns,
    target_frame,
)
from bayesscale.inference.fit import Fit, interval_tails
from bayesscale.laws import PowerCost

type Array = NDArray[np.float64]

WIDEST = 40.0
"""A loss that is not reached within a factor e^40 of the centre counts as out of reach."""


@dataclass(frozen=True)
class Requirement:
    """What a target loss takes.

    Parameters
    ----------
    summary
        One row a target loss: median, ``_lower`` and ``_upper`` of what it takes (infinite where
        the law's irreducible loss is above the target) and ``reachable``, the posterior
        probability that it can be reached at all.
    draws
        The same quantities by draw, dims ``(chain, draw, target)``.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float


@dataclass(frozen=True)
class Gain:
    """What multiplying a run's size buys.

    Parameters
    ----------
    summary
        One row for each of parameters, tokens and compute: the loss before, after, and
        ``saved`` (nats/token) with ``saved_percent``, medians and intervals.
    draws
        ``saved`` and ``saved_percent``, dims ``(chain, draw, what)``.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float


def required_flops(
    fit: Fit,
    *,
    loss: ArrayLike,
    cost: PowerCost | FlopCount | None = None,
    ci_prob: float = 0.9,
) -> Requirement:
    """Find the least compute that reaches a loss, split optimally.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens.
    loss
        Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.
    cost
        As in :func:`~bayesscale.allocate`.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Requirement
        ``flops`` by target.

    Raises
    ------
    DomainError
        If a target is not positive and finite or the law has nothing to split.

    Examples
    --------
    >>> bs.required_flops(fit, loss=[2.0, 1.9]).summary           # doctest: +SKIP
    """
    surface, targets = Surface.of(fit), positive_1d("loss", loss, "nats/token")
    cost = checked_cost(cost, fit.runs)
    centre = np.exp(CentredCost(cost, fit.spec.reference).log_flops(np.zeros(1), np.zeros(1)))

    def log_loss(x: Array) -> Array:
        split = optimal_split(surface, centre * np.exp(x), cost)
        return surface.log_loss({"params": split.params, "tokens": split.tokens})

    flops = centre * np.exp(_reach_loss(log_loss, surface, np.log(targets)))
    return _requirement(fit, "flops", "FLOP", flops, targets, ci_prob)


def required_tokens(
    fit: Fit, *, params: float, loss: ArrayLike, ci_prob: float = 0.9
) -> Requirement:
    """Find the tokens that bring a model of given size to a loss.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens.
    params
        Parameters N of the model, count, > 0.
    loss
        Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Requirement
        ``tokens`` by target.

    Raises
    ------
    DomainError
        If an argument is not positive and finite or the law does not take both inputs.

    Examples
    --------
    >>> bs.required_tokens(fit, params=7e9, loss=2.1).summary     # doctest: +SKIP
    """
    surface, targets = Surface.of(fit), positive_1d("loss", loss, "nats/token")
    size = positive_1d("params", params, "parameters")
    if set(fit.law.inputs) != {"params", "tokens"}:
        raise DomainError(
            f"The law {fit.law.name!r} does not depend on both parameters and tokens. "
            "Fit one that does, such as 'chinchilla' or 'unified'."
        )
    if size.size != 1:
        raise DomainError(f"params must be one number, but got {size.size}.")
    centre = fit.spec.reference.tokens

    def log_loss(y: Array) -> Array:
        return surface.log_loss({"params": size, "tokens": centre * np.exp(y)})

    tokens = centre * np.exp(_reach_loss(log_loss, surface, np.log(targets)))
    return _requirement(fit, "tokens", "tokens", tokens, targets, ci_prob)


def gain(
    fit: Fit,
    *,
    params: float,
    tokens: float,
    factor: float = 10.0,
    cost: PowerCost | FlopCount | None = None,
    ci_prob: float = 0.9,
) -> Gain:
    """Say what multiplying parameters, tokens or compute buys, from a given run on.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens.
    params, tokens
        The run to start from, counts, > 0.
    factor
        What to multiply by, > 0 and not 1.
    cost
        As in :func:`~bayesscale.allocate`. More compute means from the optimal split of what the
        run costs to the optimal split of ``factor`` times that.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Gain
        The loss saved by each.

    Raises
    ------
    DomainError
        If an argument is not positive and finite or the law has nothing to split.

    Examples
    --------
    >>> bs.gain(fit, params=1e9, tokens=20e9, factor=2).summary   # doctest: +SKIP
    """
    surface = Surface.of(fit)
    n, d, f = (
        positive_1d(name, value, unit)
        for name, value, unit in (
            ("params", params, "parameters"), ("tokens", tokens, "tokens"), ("factor", factor, "1")
        )
    )  # fmt: skip
    if f[0] == 1:
        raise DomainError("factor=1 changes nothing. Use 2 or 10.")
    cost = checked_cost(cost, fit.runs)
    flops = CentredCost(cost, fit.spec.reference).flops(n, d)
    optimal = optimal_split(surface, np.concatenate([flops, flops * f]), cost)
    frontier = surface.log_loss({"params": optimal.params, "tokens": optimal.tokens})
    sizes = {
        "params": np.concatenate([n, n * f, n]),
        "tokens": np.concatenate([d, d, d * f]),
    }
    at = surface.log_loss(sizes)
    before = np.exp(np.stack([at[..., 0], at[..., 0], frontier[..., 0]], axis=-1))
    after = np.exp(np.stack([at[..., 1], at[..., 2], frontier[..., 1]], axis=-1))
    saved = before - after
    percent = 100 * saved / before
    what = np.array(["params", "tokens", "flops"])
    frame = target_frame(
        "what",
        {"before": np.median(before, (0, 1)), "after": np.median(after, (0, 1))}
        | summary_columns("saved", saved, ci_prob)
        | summary_columns("saved_percent", percent, ci_prob),
    )
    frame.index = pd.Index(what, name="what")
    frame.insert(0, "factor", f[0])
    draws = draws_dataset(
        fit, {"saved": (saved, "nats/token"), "saved_percent": (percent, "%")}, "what", {},
        index=what,
    )  # fmt: skip
    return Gain(frame, draws, ci_prob)


def _reach_loss(log_loss: Callable[[Array], Array], surface: Surface, log_targets: Array) -> Array:
    """Solve a loss that falls in x for x, by draw and target; infinite where out of reach."""
    shape = (*next(iter(surface.c.values())).shape[:2], len(log_targets))
    lower, upper = np.full(shape, -WIDEST), np.full(shape, WIDEST)
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        reachable = log_loss(upper) < log_targets
        # bisection on the whole array: the law's formula does not take a subset of the draws
        for _ in range(48):
            middle = (lower + upper) / 2
            above = log_loss(middle) > log_targets
            lower, upper = np.where(above, middle, lower), np.where(above, upper, middle)
    return np.where(reachable, (lower + upper) / 2, np.inf)


def _requirement(
    fit: Fit, name: str, unit: str, draws: Array, targets: Array, ci_prob: float
) -> Requirement:
    lower, upper = interval_tails(ci_prob)
    # quantiles that are order statistics: interpolating towards infinity gives nan
    quantiles = np.quantile(draws, [0.5, lower, upper], axis=(0, 1), method="inverted_cdf")
    columns = dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))
    columns["reachable"] = np.isfinite(draws).mean(axis=(0, 1))
    frame = target_frame("loss", columns)
    frame.index = pd.Index(targets, name="loss")
    dataset = draws_dataset(fit, {name: (draws, unit)}, "loss", {}, index=targets)
    return Requirement(frame, dataset, ci_prob)
