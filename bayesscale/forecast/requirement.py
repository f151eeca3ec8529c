"""The size that a loss takes, in every draw of every law that is asked."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesscale._arguments import positive_array
from bayesscale._format import list_some
from bayesscale._sections import Section
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import Answer, target_frame
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.roots import crossing
from bayesscale.forecast.sections import requirement_sections
from bayesscale.inference import interval_tails
from bayesscale.model import Posterior
from bayesscale.quantities import LOSS, quantity
from bayesscale.runs import LARGEST_LOSS

type Sizes = Mapping[str, Array | float]

HUGE = 1e300
"""A size to evaluate a law at that is not a number at infinity."""


@dataclass(frozen=True, repr=False)
class Requirement(Answer):
    """What a target loss takes.

    Parameters
    ----------
    summary
        One row a target loss: median, ``_lower`` and ``_upper`` of what it takes, and
        ``reachable``, the posterior probability that the law's loss falls below the target at
        infinite size. What it takes is infinite where it does not, and where it does but only at
        a size too large for a number (1e308; where optimal splits have to be solved for, as with
        a cost function of your own, 1e26 times the compute at the centre of the runs). If a
        probability was asked for, ``assured_flops``, ``assured_params`` and ``assured_tokens``:
        the cheapest run that reaches the target with at least that probability, infinite where
        none does.
    draws
        What it takes by draw, dims ``(chain, draw, loss)``. NaN where a law of your own is below
        the target at every size, however small, or a draw has no best split.
    ci_prob
        Probability of the equal-tailed intervals.
    prob
        The probability that ``assured_`` runs were asked for, or None.
    """

    prob: float | None = None

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return requirement_sections(self)


@dataclass(frozen=True)
class Search:
    """Where a law is looked through for a size that reaches a loss.

    ``sizes`` gives all inputs of the law at an amount of what is asked for, ``infinite`` at an
    infinite amount; the search starts at ``centre`` and goes as far as ``widest``, in logs.
    """

    sizes: Callable[[Array], Sizes]
    infinite: Sizes
    centre: float
    widest: float = np.inf


def requirement(
    mixture: Mixture, name: str, loss: ArrayLike, search: Callable[[Posterior], Search], *,
    ci_prob: float,
) -> tuple[Requirement, str]:  # fmt: skip
    """Solve laws for one size that reaches losses; return the answer and what to warn of."""
    losses = positive_array("loss", loss, LOSS.unit)
    if losses.max() > LARGEST_LOSS:
        raise DomainError(
            f"A loss of {losses.max():g} nats/token is worse than guessing among 256,000 tokens, "
            f"{LARGEST_LOSS:.2f}, where no law holds. Ask for a smaller one."
        )
    drawn = mixture.ask(lambda posterior, _: solved(posterior, search(posterior), losses))
    draws, reachable, limit = drawn["size"], drawn["reachable"], drawn["limit"]
    # quantiles that are order statistics: interpolating towards infinity gives nan
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        quantiles = quantile(
            draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1), method="inverted_cdf"
        )
    columns = dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))
    columns["reachable"] = reachable.mean(axis=(0, 1))
    frame = target_frame("loss", columns, index=losses)
    asked = quantity(name)
    dataset = mixture.dataset({name: (draws, asked.unit)}, "loss", {}, index=losses)
    doubtful = frame["reachable"] < 0.5
    warning = ""
    if doubtful.any():
        shares = [f"{at:g} ({share:.0%})" for at, share in frame["reachable"][doubtful].items()]
        warning = (
            f"Fewer than half of the draws ever reach these losses: {list_some(shares)}. With "
            f"infinite {asked.noun} the law's loss is {np.median(np.exp(limit)):.4g} nats/token "
            "(posterior median)."
        )
    return Requirement(frame, dataset, ci_prob, mixture.asked), warning


def solved(posterior: Posterior, search: Search, losses: Array) -> dict[str, NDArray[Any]]:
    """Return the sizes at which a law reaches losses, and its log loss at infinite size."""
    huge = {k: np.minimum(v, HUGE) for k, v in search.infinite.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        limit = _log_loss(posterior, search.infinite)
        limit = np.where(np.isnan(limit), _log_loss(posterior, huge), limit)
    centre = search.centre
    x, reachable = crossing(
        lambda x: _log_loss(posterior, search.sizes(centre * np.exp(x))),
        limit,
        np.log(losses),
        min(search.widest, np.log(np.finfo(float).max) - abs(np.log(centre)) - 1),
    )
    return {"size": centre * np.exp(x), "reachable": reachable, "limit": limit}


def _log_loss(posterior: Posterior, sizes: Sizes) -> Array:
    return posterior.log_loss({name: np.asarray(size, float) for name, size in sizes.items()})
