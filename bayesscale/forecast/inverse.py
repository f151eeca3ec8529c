"""The questions asked the other way round: what a loss costs, and what more buys."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale._format import list_some
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import Answer
from bayesscale.forecast.cost import CentredCost, FlopCount, checked_cost, runs_cost
from bayesscale.forecast.crossing import crossing
from bayesscale.forecast.reach import NOUNS, warn_if_far
from bayesscale.forecast.split import optimal_split
from bayesscale.forecast.surface import (
    UNITS,
    Surface,
    check_inputs,
    draws_dataset,
    positive_1d,
    positive_scalar,
    summary_columns,
    target_frame,
)
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.laws import PowerCost
from bayesscale.runs.checks import LARGEST_LOSS

type Array = NDArray[np.float64]
type Sizes = Mapping[str, Array | float]

HUGE = 1e300
"""A size to evaluate a law at that is not a number at infinity."""

SOLVABLE = 60.0
"""Where splits are solved for, budgets are tried within a factor e^60 of the centre: farther out
the search for a split meets sizes that no tokens fit."""


@dataclass(frozen=True)
class Requirement(Answer):
    """What a target loss takes.

    Parameters
    ----------
    summary
        One row a target loss: median, ``_lower`` and ``_upper`` of what it takes, and
        ``reachable``, the posterior probability that the law's loss falls below the target at
        infinite size. What it takes is infinite where it does not, and where it does but only at
        a size too large for a number (1e308; where optimal splits have to be solved for, as with
        a cost function of your own, 1e26 times the compute at the centre of the runs).
    draws
        What it takes by draw, dims ``(chain, draw, loss)``. NaN where a law of your own is below
        the target at every size, however small.
    ci_prob
        Probability of the equal-tailed intervals.
    """


@dataclass(frozen=True)
class Gain(Answer):
    """What multiplying a run's size buys.

    Parameters
    ----------
    summary
        One row for each of parameters, tokens and compute, or for the only input of the law: the
        loss before, after, and ``saved`` (nats/token) with ``saved_percent``, medians and
        intervals.
    draws
        ``saved`` and ``saved_percent``, dims ``(chain, draw, what)``.
    ci_prob
        Probability of the equal-tailed intervals.
    """


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
        A fitted law of parameters and tokens, or of compute alone.
    loss
        Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.
    cost
        As in :func:`~bayesscale.allocate`; None for a law of compute alone.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Requirement
        ``flops`` by target.

    Raises
    ------
    DomainError
        If a target is not positive or is worse than guessing among 256,000 tokens, the law has
        nothing to split, or the cost is unfit.

    Warns
    -----
    ExtrapolationWarning
        If the median is more than 30 times the compute of the largest run or 1000 times below the
        smallest one's, or fewer than half of the draws reach a target.

    Examples
    --------
    >>> bs.required_flops(fit, loss=[2.0, 1.9]).summary           # doctest: +SKIP
    """
    interval_tails(ci_prob)
    surface, reference, widest = Surface.of(fit), fit.spec.reference, np.inf
    if fit.law.inputs == ("flops",):
        _refuse_cost(fit, cost)
        centre = reference.flops

        def sizes(flops: Array) -> Sizes:
            return {"flops": flops}

    else:
        cost = checked_cost(cost, fit.runs)
        origin = np.zeros(1)
        centre = float(np.exp(CentredCost(cost, reference).log_flops(origin, origin))[0])
        if not isinstance(cost, PowerCost) or fit.law.optimum(surface.c, origin, cost) is None:
            widest = SOLVABLE

        def sizes(flops: Array) -> Sizes:
            split = optimal_split(surface, flops, cost)
            return {"params": split.params, "tokens": split.tokens}

    infinite = {str(name): np.inf for name in fit.law.inputs}
    answer, warning = _requirement(
        surface, "flops", loss, sizes, infinite, centre=centre, widest=widest, ci_prob=ci_prob
    )
    warn_if_far(fit, {"flops": _reached(answer, "flops")}, also=warning)
    return answer


def required_tokens(
    fit: Fit, *, params: float | None = None, loss: ArrayLike, ci_prob: float = 0.9
) -> Requirement:
    """Find the tokens that bring a model of given size to a loss.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or of tokens alone.
    params
        Parameters N of the model, count, > 0; None for a law of tokens alone.
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
        If an argument is not positive and finite, a target is worse than guessing among 256,000
        tokens, or the law does not depend on tokens and on what else is given.

    Warns
    -----
    ExtrapolationWarning
        If the compute of the median is more than 30 times that of the largest run, a size is more
        than 1000 times above the runs' or below them, or fewer than half of the draws reach a
        target. For a law of tokens alone 30 times the tokens is far.

    Examples
    --------
    >>> bs.required_tokens(fit, params=7e9, loss=2.1).summary     # doctest: +SKIP
    """
    interval_tails(ci_prob)
    surface = Surface.of(fit)
    check_inputs(fit.law, {"params": params, "tokens": "asked for"})
    fixed = {} if params is None else {"params": positive_scalar("params", params, "parameters")}
    answer, warning = _requirement(
        surface, "tokens", loss, lambda tokens: fixed | {"tokens": tokens},
        fixed | {"tokens": np.inf}, centre=fit.spec.reference.tokens, ci_prob=ci_prob,
    )  # fmt: skip
    tokens = _reached(answer, "tokens")
    far = {"tokens": tokens}
    if fixed:
        n = np.array([fixed["params"]])
        far = {"flops": runs_cost(fit.runs).flops(n, tokens), "params": n} | far
    warn_if_far(fit, far, also=warning)
    return answer


def gain(
    fit: Fit,
    *,
    params: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    factor: float = 10.0,
    cost: PowerCost | FlopCount | None = None,
    ci_prob: float = 0.9,
) -> Gain:
    """Say what multiplying parameters, tokens or compute buys, from a given run on.

    Parameters
    ----------
    fit
        A fitted law.
    params, tokens, flops
        The run to start from, > 0: parameters and tokens, or the only input of the law.
    factor
        What to multiply by, > 0 and not 1.
    cost
        As in :func:`~bayesscale.allocate`. More compute means from the optimal split of what the
        run costs to the optimal split of ``factor`` times that. None for a law of one input.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Gain
        The loss saved by each.

    Raises
    ------
    DomainError
        If an argument is not positive and finite, exactly the inputs of the law are not given, or
        the cost is unfit.

    Warns
    -----
    ExtrapolationWarning
        If a run before or after takes more than 30 times the compute (for a law of one input,
        that input) of the largest run, is more than 1000 times above the runs or below them in
        another size, or is predicted to be worse than guessing.

    Examples
    --------
    >>> bs.gain(fit, params=1e9, tokens=20e9, factor=2).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    surface, given = Surface.of(fit), {"params": params, "tokens": tokens, "flops": flops}
    check_inputs(fit.law, given)
    start = {k: positive_scalar(k, v, UNITS[k]) for k, v in given.items() if v is not None}
    more = positive_scalar("factor", factor, "1")
    if more == 1:
        raise DomainError("factor=1 changes nothing. Use 2 or 10.")
    # one column for the run as it is, then one for each input multiplied
    columns = np.where(np.eye(len(start) + 1)[1:] == 1, more, 1.0)
    runs = {name: size * columns[i] for i, (name, size) in enumerate(start.items())}
    at = np.exp(surface.log_loss(runs))
    before, after, reached = at[..., [0] * len(start)], at[..., 1:], dict(runs)
    if len(start) == 1:
        _refuse_cost(fit, cost)
    else:
        cost = checked_cost(cost, fit.runs)
        spent = CentredCost(cost, fit.spec.reference).flops(runs["params"][:1], runs["tokens"][:1])
        reached["flops"] = spent * np.array([1.0, more])
        split = optimal_split(surface, reached["flops"], cost)
        frontier = np.exp(surface.log_loss({"params": split.params, "tokens": split.tokens}))
        before = np.concatenate([before, frontier[..., :1]], axis=-1)
        after = np.concatenate([after, frontier[..., 1:]], axis=-1)
    saved = before - after
    percent = 100 * saved / before
    medians = {"before": np.median(before, (0, 1)), "after": np.median(after, (0, 1))}
    frame = target_frame(
        "what",
        medians
        | summary_columns("saved", saved, ci_prob)
        | summary_columns("saved_percent", percent, ci_prob),
    )
    what = np.array(list(reached))
    frame.index = pd.Index(what, name="what")
    frame.insert(0, "factor", more)
    draws = draws_dataset(
        fit, {"saved": (saved, "nats/token"), "saved_percent": (percent, "%")}, "what", {},
        index=what,
    )  # fmt: skip
    warn_if_far(fit, reached, loss=np.concatenate(list(medians.values())))
    return Gain(frame, draws, ci_prob)


def _refuse_cost(fit: Fit, cost: object) -> None:
    if cost is not None:
        raise DomainError(
            f"A cost splits compute between parameters and tokens, but the law {fit.law.name!r} "
            f"depends on {fit.law.inputs[0]} alone. Leave cost out."
        )


def _requirement(
    surface: Surface, name: str, loss: ArrayLike, sizes: Callable[[Array], Sizes],
    infinite: Sizes, *, centre: float, ci_prob: float, widest: float = np.inf,
) -> tuple[Requirement, str]:  # fmt: skip
    """Solve the law for one size.

    Parameters
    ----------
    surface
        The fitted law.
    name
        What is asked for.
    loss
        Target losses.
    sizes
        All inputs of the law at an amount of what is asked for.
    infinite
        All inputs of the law at an infinite amount.
    centre
        Where to start looking.
    ci_prob
        Probability of the equal-tailed intervals.
    widest
        Largest distance from the centre, in logs; at most what a number holds.

    Returns
    -------
    Requirement
        The answer.
    str
        What to warn of.
    """
    losses = positive_1d("loss", loss, "nats/token")
    if losses.max() > LARGEST_LOSS:
        raise DomainError(
            f"A loss of {losses.max():g} nats/token is worse than guessing among 256,000 tokens, "
            f"{LARGEST_LOSS:.2f}, where no law holds. Ask for a smaller one."
        )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        limit = _log_loss(surface, infinite)
        huge = _log_loss(surface, {k: np.minimum(v, HUGE) for k, v in infinite.items()})
    limit = np.where(np.isnan(limit), huge, limit)
    x, reachable = crossing(
        lambda x: _log_loss(surface, sizes(centre * np.exp(x))),
        limit,
        np.log(losses),
        min(widest, np.log(np.finfo(float).max) - abs(np.log(centre)) - 1),
    )
    draws = centre * np.exp(x)
    # quantiles that are order statistics: interpolating towards infinity gives nan
    quantiles = np.quantile(
        draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1), method="inverted_cdf"
    )
    columns = dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))
    frame = target_frame("loss", columns | {"reachable": reachable.mean(axis=(0, 1))})
    frame.index = pd.Index(losses, name="loss")
    dataset = draws_dataset(surface.fit, {name: (draws, UNITS[name])}, "loss", {}, index=losses)
    doubtful = frame["reachable"] < 0.5
    warning = ""
    if doubtful.any():
        shares = [f"{at:g} ({share:.0%})" for at, share in frame["reachable"][doubtful].items()]
        warning = (
            f"Fewer than half of the draws ever reach these losses: {list_some(shares)}. With "
            f"infinite {NOUNS[name]} the law's loss is {np.median(np.exp(limit)):.4g} nats/token "
            "(posterior median)."
        )
    return Requirement(frame, dataset, ci_prob), warning


def _log_loss(surface: Surface, sizes: Sizes) -> Array:
    return surface.log_loss({name: np.asarray(size, float) for name, size in sizes.items()})


def _reached(answer: Requirement, name: str) -> Array:
    """Return the medians of the targets that half of the draws reach."""
    table = answer.summary
    return table.loc[table["reachable"] >= 0.5, name].to_numpy()
