"""The size that a loss takes, in every draw of every law that is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale._format import list_some
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import Answer
from bayesscale.forecast.crossing import crossing
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.reach import NOUNS
from bayesscale.forecast.surface import UNITS, Surface, positive_1d, target_frame
from bayesscale.inference.result import interval_tails
from bayesscale.runs.checks import LARGEST_LOSS

type Array = NDArray[np.float64]
type Sizes = Mapping[str, Array | float]

HUGE = 1e300
"""A size to evaluate a law at that is not a number at infinity."""


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
class Search:
    """Where a law is looked through for a size that reaches a loss.

    Parameters
    ----------
    sizes
        All inputs of the law at an amount of what is asked for.
    infinite
        All inputs of the law at an infinite amount.
    centre
        Where to start looking.
    widest
        Largest distance from the centre, in logs; at most what a number holds.
    """

    sizes: Callable[[Array], Sizes]
    infinite: Sizes
    centre: float
    widest: float = np.inf


def requirement(
    mixture: Mixture, name: str, loss: ArrayLike, search: Callable[[Surface], Search], *,
    ci_prob: float,
) -> tuple[Requirement, str]:  # fmt: skip
    """Solve laws for one size.

    Parameters
    ----------
    mixture
        The fitted laws.
    name
        What is asked for.
    loss
        Target losses.
    search
        How to look for it in a law.
    ci_prob
        Probability of the equal-tailed intervals.

    Returns
    -------
    Requirement
        The answer.
    str
        What to warn of.

    Raises
    ------
    DomainError
        If a target is not positive or is worse than guessing among 256,000 tokens.
    """
    losses = positive_1d("loss", loss, "nats/token")
    if losses.max() > LARGEST_LOSS:
        raise DomainError(
            f"A loss of {losses.max():g} nats/token is worse than guessing among 256,000 tokens, "
            f"{LARGEST_LOSS:.2f}, where no law holds. Ask for a smaller one."
        )
    drawn = mixture.ask(lambda surface, _: _solved(surface, search(surface), losses))
    draws, reachable, limit = drawn["size"], drawn["reachable"], drawn["limit"]
    # quantiles that are order statistics: interpolating towards infinity gives nan
    quantiles = np.quantile(
        draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1), method="inverted_cdf"
    )
    columns = dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))
    frame = target_frame("loss", columns | {"reachable": reachable.mean(axis=(0, 1))})
    frame.index = pd.Index(losses, name="loss")
    dataset = mixture.dataset({name: (draws, UNITS[name])}, "loss", {}, index=losses)
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


def _solved(surface: Surface, search: Search, losses: Array) -> dict[str, NDArray[Any]]:
    """Return the sizes at which a law reaches losses, and its log loss at infinite size."""
    huge = {k: np.minimum(v, HUGE) for k, v in search.infinite.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        limit = _log_loss(surface, search.infinite)
        limit = np.where(np.isnan(limit), _log_loss(surface, huge), limit)
    centre = search.centre
    x, reachable = crossing(
        lambda x: _log_loss(surface, search.sizes(centre * np.exp(x))),
        limit,
        np.log(losses),
        min(search.widest, np.log(np.finfo(float).max) - abs(np.log(centre)) - 1),
    )
    return {"size": centre * np.exp(x), "reachable": reachable, "limit": limit}


def _log_loss(surface: Surface, sizes: Sizes) -> Array:
    return surface.log_loss({name: np.asarray(size, float) for name, size in sizes.items()})
