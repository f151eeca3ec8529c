"""What a loss takes: the least compute, or the tokens of a model of given size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale._arguments import interval_tails, positive_array, probability
from bayesscale._format import interval, list_some, percent, write_share
from bayesscale._sections import Section, Table
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast import answer as answers
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.purchase import Purchase, law_inputs, priced, without_split
from bayesscale.forecast.search import crossing, lowest_along
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS, quantity
from bayesscale.runs import LARGEST_LOSS

type Sizes = Mapping[str, Array | float]

HUGE = 1e300
"""A size to evaluate a law at that is not a number at infinity."""

SOLVABLE = 60.0
"""Where splits are solved for, budgets are tried within a factor e^60 of the centre: farther out
the search for a split meets sizes that no tokens fit."""

CANDIDATES = 33
"""Sizes compared at a time for the cheapest assured run."""

WIDTH = 6.0
"""Sizes are looked for within a factor e^6 of where the median compute would be split evenly."""

ZOOMS = 4
"""After so many rounds, neighbours differ by less than .1 % in size and 1e-7 in cost."""


@answers.described
@dataclass(frozen=True, repr=False)
class Requirement(answers.Answer):
    """The compute or tokens that a target loss needs.

    Parameters
    ----------
    summary
        One row per target loss: median, ``_lower`` and ``_upper`` of what it needs, and
        ``reachable``, the posterior probability that the law's loss falls below the target at
        infinite size. The need is infinite where it does not, and where it does only at a size too
        large for a number (1e308; where optimal splits have to be solved for, as with a custom cost
        function, 1e26 times the compute at the centre of the runs). If a probability was asked for,
        ``assured_flops``, ``assured_params`` and ``assured_tokens``: the cheapest run that reaches
        the target with at least that probability, infinite where none does.
    draws
        The need by draw, dims ``(chain, draw, loss)``. NaN where a custom law is below the target
        at every size, however small, or a draw has no best split.
    prob
        The probability of the ``assured_`` runs, or None.
    """

    prob: float | None = None

    def body(self) -> list[Section]:
        """Return what target losses take, one row per target."""
        frame, scale = self.summary, self.scale
        name = str(frame.columns[0])
        write = quantity(name).write
        assured: dict[str, Callable[[Mapping[str, Any]], str]] = {}
        if self.prob is not None:
            assured[f"with probability {percent(self.prob)}"] = lambda row: (
                f"{write(row['assured_flops'])}\n{PARAMS.write(row['assured_params'])} on "
                f"{TOKENS.write(row['assured_tokens'])}"
            )
        return [
            Table.of(
                frame,
                {
                    scale.word: lambda row: scale.write(row["loss"]),
                    answers.title(name): lambda row: write(row[name]),
                    f"{percent(self.ci_prob)} interval": lambda row: interval(
                        row[f"{name}_lower"], row[f"{name}_upper"], write
                    ),
                    "ever reached": lambda row: percent(row["reachable"]),
                    **assured,
                },
                f"Loss of the law {scale.in_words}. Ever reached: probability that any amount "
                "suffices.",
            )
        ]


@dataclass(frozen=True)
class Search:
    """Inputs of a law by the size searched for, from a centre as far as ``widest`` in logs."""

    sizes: Callable[[Array], Sizes]
    infinite: Sizes
    centre: float
    widest: float = np.inf


@answers.asks
def required_flops(
    fit: Fit | Average, *, loss: ArrayLike, prob: float | None = None, terms: Terms | None = None,
    ci_prob: float = 0.9, **inputs: float,
) -> Requirement:  # fmt: skip
    """Find the least compute that reaches a loss, split optimally.

    Parameters
    ----------
    prob
        Find also the cheapest run that reaches the target with at least this probability, in (0,
        1), which costs more than that quantile of the least compute by draw. None leaves it out.

    Examples
    --------
    >>> bs.required_flops(fit, loss=[2.0, 1.9], prob=0.9).summary  # doctest: +SKIP
    """
    interval_tails(ci_prob)
    if prob is not None:
        probability("prob", prob)
    mixture = Mixture.of(fit)
    reference = mixture.reference
    if tuple(reference.law.quantities) == (FLOPS.name,):
        given = without_split(reference, terms).given
        answers.check_inputs(reference.law, {**given, **inputs}, wanted=())
        if prob is not None:
            raise DomainError(
                f"The law {reference.law.name!r} has no sizes to choose: leave prob out, and read "
                "the interval of flops."
            )
        purchase = None
    else:
        purchase = Purchase.of(fit, terms, inputs, single=True)

    def search(posterior: Posterior) -> Search:
        if purchase is not None:
            return _flops_to_split(posterior, purchase)
        centre = posterior.spec.reference["flops"]
        return Search(lambda flops: {"flops": flops}, {"flops": np.inf}, centre)

    answer, warning = _requirement(mixture, "flops", loss, search, ci_prob=ci_prob)
    far = {"flops": _reached(answer, "flops")}
    if purchase is not None and prob is not None:
        runs = _assured_runs(purchase, answer.summary, prob)
        answer = replace(answer, summary=answer.summary.assign(**runs), prob=prob)
        far |= {name: answer.summary[f"assured_{name}"].to_numpy() for name in SPLIT}
    return replace(answer, outside=answers.warn_if_far(reference, far, also=warning))


@answers.asks
def required_tokens(
    fit: Fit | Average, *, params: float | None = None, loss: ArrayLike,
    terms: Terms | None = None, ci_prob: float = 0.9, **inputs: float,
) -> Requirement:  # fmt: skip
    """Find the tokens that bring a model of given size to a loss.

    Parameters
    ----------
    params
        Parameters N of the model, count, > 0; None for a law of tokens alone.

    Examples
    --------
    >>> bs.required_tokens(fit, params=7e9, loss=2.1).summary     # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    reference = mixture.reference
    terms = priced(reference, terms, spends=False)
    sizes = {**terms.given, **({} if params is None else {"params": params}), **inputs}
    fixed = answers.check_inputs(reference.law, sizes, wanted=(), asked=TOKENS.name, single=True)
    answer, warning = _requirement(
        mixture, "tokens", loss, lambda p: _tokens_of(p, fixed, terms), ci_prob=ci_prob
    )
    tokens = _reached(answer, "tokens")
    far = {"tokens": tokens}
    if PARAMS.name in fixed:
        n = fixed["params"]
        far = {"flops": terms.cost_at(fixed).flops(n, tokens), "params": n} | far
    return replace(answer, outside=answers.warn_if_far(reference, far, also=warning))


def _requirement(
    mixture: Mixture, name: str, loss: ArrayLike, search: Callable[[Posterior], Search], *,
    ci_prob: float,
) -> tuple[Requirement, str]:  # fmt: skip
    """Solve laws for one size that reaches losses; return the answer and what to warn of."""
    losses = positive_array("loss", loss, LOSS.unit)
    if losses.max() > mixture.reference.runs.loss_max:
        raise DomainError(
            f"A loss of {losses.max():g} nats/token is worse than guessing among 256,000 tokens, "
            f"{LARGEST_LOSS:.2f}, where no law holds. Give a smaller loss."
        )
    drawn = mixture.evaluate(lambda posterior, _: _solved(posterior, search(posterior), losses))
    draws, reachable, limit = drawn["size"], drawn["reachable"], drawn["limit"]
    # quantiles that are order statistics: interpolating towards infinity gives nan
    columns = answers.summary_columns(name, draws, ci_prob, method="inverted_cdf")
    columns["reachable"] = reachable.mean(axis=(0, 1))
    frame = answers.target_frame("loss", columns, index=losses)
    required, q = quantity(name), mixture.reference.runs.response
    dataset = mixture.dataset({name: (draws, required.unit)}, "loss", {}, index=losses)
    doubtful = frame["reachable"] < 0.5
    warning = ""
    if doubtful.any():
        shares = [
            f"{at:g} ({write_share(share)})" for at, share in frame["reachable"][doubtful].items()
        ]
        warning = (
            f"Fewer than half of the draws ever reach these losses: {list_some(shares)}. With "
            f"infinite {required.noun} the law's {q.noun} is {np.median(np.exp(limit)):.4g} "
            f"{q.unit if q.unit != '1' else ''} (posterior median).".replace("  ", " ")
        )
    return Requirement(frame, dataset, ci_prob, mixture.asked), warning


def _solved(posterior: Posterior, search: Search, losses: Array) -> dict[str, NDArray[Any]]:
    """Return the sizes at which a law reaches losses, and its log loss at infinite size."""
    limit, centre = limit_of(posterior, search.infinite), search.centre
    x, reachable = crossing(
        lambda x: log_loss_of(posterior, search.sizes(centre * np.exp(x))), limit, np.log(losses),
        min(search.widest, np.log(np.finfo(float).max) - abs(np.log(centre)) - 1),
    )  # fmt: skip
    return {"size": centre * np.exp(x), "reachable": reachable, "limit": limit}


def limit_of(posterior: Posterior, infinite: Sizes) -> Array:
    """Return the log loss of sizes that may be infinite, shape ``(draw, target)``."""
    labels = {k for k, q in posterior.spec.law.quantities.items() if q.role == "label"}
    huge = {k: v if k in labels else np.minimum(v, HUGE) for k, v in infinite.items()}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        limit = log_loss_of(posterior, infinite)
        return np.where(np.isnan(limit), log_loss_of(posterior, huge), limit)


def log_loss_of(posterior: Posterior, sizes: Sizes) -> Array:
    """Return the log loss of sizes, shape ``(draw, target)``."""
    return posterior.log_loss({name: np.asarray(size) for name, size in sizes.items()})


def _tokens_of(posterior: Posterior, fixed: dict[str, Array], terms: Terms) -> Search:
    """Look through the tokens of runs whose other inputs are fixed."""
    most = np.inf if terms.limits.tokens_max is None else terms.limits.tokens_max

    def inputs(tokens: Array, useful: Array | float = np.inf) -> Sizes:
        read = np.minimum(np.minimum(tokens, useful), most)
        return law_inputs(posterior, fixed | {"tokens": read}, terms)

    centre, useful = posterior.spec.reference["tokens"], np.inf
    if posterior.spec.law.given:  # more tokens may do harm
        shape = np.broadcast_shapes((len(posterior), 1), *(np.shape(v) for v in fixed.values()))
        x = lowest_along(lambda x: log_loss_of(posterior, inputs(centre * np.exp(x))), shape)
        useful = centre * np.exp(x)
    infinite = inputs(np.full(1, np.inf), useful)
    return Search(lambda tokens: inputs(tokens, useful), infinite, centre)


def _flops_to_split(posterior: Posterior, purchase: Purchase) -> Search:
    """Look through the optimal splits of budgets."""
    spec, limits = posterior.spec, purchase.terms.limits
    sizes_there = (np.full(1, spec.reference[name]) for name in SPLIT)
    centre = float(purchase.cost.flops(*sizes_there)[0])
    closed = purchase.frontier(posterior, np.array([centre])).closed_form()
    most = (limits.params_max, limits.tokens_max)
    unlimited = [np.full(1, np.inf if limit is None else limit) for limit in most]
    useful: Array | float = np.inf
    if spec.law.given:  # more compute may do harm
        huge = purchase.frontier(posterior, np.full(1, centre * np.exp(SOLVABLE)))
        part, x, _ = huge.best()
        harmed = part.flops < huge.flops
        useful = np.where(harmed, part.flops, np.inf)
        pairs = zip(part.split(x), unlimited, strict=True)
        unlimited = [np.where(harmed, size, limit) for size, limit in pairs]
    infinite = purchase.law_inputs(posterior, *unlimited)

    def sizes(flops: Array) -> Sizes:
        frontier = purchase.frontier(posterior, np.minimum(flops, useful))
        return purchase.law_inputs(posterior, *frontier.split(frontier.optimum()[0]))

    return Search(sizes, infinite, centre, SOLVABLE if closed is None else np.inf)


def _assured_runs(purchase: Purchase, required: pd.DataFrame, prob: float) -> dict[str, Array]:
    """Return FLOP, N and D of the cheapest runs, D being its quantile ``prob`` over draws."""
    rows = [
        _cheapest(purchase, float(loss), float(flops), prob)
        for loss, flops in zip(required.index, required["flops"], strict=True)
    ]
    names = ("assured_flops", "assured_params", "assured_tokens")
    return dict(zip(names, np.array(rows).T, strict=True))


def _cheapest(
    purchase: Purchase, loss: float, flops: float, prob: float
) -> tuple[float, float, float]:
    centre, cost = purchase.mixture.reference.spec.reference, purchase.cost
    smallest, largest = purchase.terms.limits.params_min, purchase.terms.limits.params_max
    run = none = (np.inf, np.nan, np.nan)
    if not np.isfinite(flops):
        return none
    n, d = centre[PARAMS.name], centre[TOKENS.name]
    middle = np.log(n) + np.log(flops / cost.flops(n, d).item()) / 2
    width = WIDTH + abs(middle - np.log(n)) / 2
    for _ in range(ZOOMS):
        sizes = np.exp(middle + np.linspace(-width, width, CANDIDATES))
        sizes = np.clip(sizes, smallest or 0.0, largest or np.inf)
        tokens = _tokens(purchase, sizes, loss, prob)
        reached = np.isfinite(tokens)
        price = np.full(CANDIDATES, np.inf)
        price[reached] = cost.flops(sizes[reached], tokens[reached])
        best = int(price.argmin())
        if not np.isfinite(price[best]):
            return none
        run = float(price[best]), float(sizes[best]), float(tokens[best])
        middle, width = np.log(sizes[best]), 2 * width / (CANDIDATES - 1)
    return run


def _tokens(purchase: Purchase, sizes: Array, loss: float, prob: float) -> Array:
    """Return the tokens with which sizes reach a loss with a probability, infinite for none."""
    fixed, losses = {"params": sizes, **purchase.given}, np.full(sizes.shape, loss)
    drawn = purchase.mixture.evaluate(
        lambda posterior, _: _solved(
            posterior, _tokens_of(posterior, fixed, purchase.terms), losses
        )
    )
    draws = np.where(np.isnan(drawn["size"]), np.inf, drawn["size"])
    return np.quantile(draws, prob, axis=(0, 1), method="inverted_cdf")


def _reached(answer: Requirement, name: str) -> Array:
    """Return the medians of the targets that half of the draws reach."""
    table = answer.summary
    return table.loc[table["reachable"] >= 0.5, name].to_numpy()
