"""The questions asked the other way round: what a loss costs, and what more buys."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from bayesscale._arguments import positive_scalar, probability
from bayesscale._sections import Section
from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import Answer, stated, summary_columns, target_frame
from bayesscale.forecast.assured import assured_runs
from bayesscale.forecast.cost import FlopCount, checked_cost, runs_cost
from bayesscale.forecast.line import Lines
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.reach import warn_if_far
from bayesscale.forecast.requirement import Requirement, Search, Sizes, requirement
from bayesscale.forecast.sections import gain_sections
from bayesscale.forecast.split import Inputs, closed_form, optimal_split, wanted_beside_split
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS

SOLVABLE = 60.0
"""Where splits are solved for, budgets are tried within a factor e^60 of the centre: farther out
the search for a split meets sizes that no tokens fit."""


@dataclass(frozen=True, repr=False)
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

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return gain_sections(self)


def required_flops(
    fit: Fit | Average,
    *,
    loss: ArrayLike,
    prob: float | None = None,
    cost: Cost | FlopCount | None = None,
    ci_prob: float = 0.9,
    **inputs: float,
) -> Requirement:
    """Find the least compute that reaches a loss, split optimally.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or of compute alone, or an average of such.
    loss
        Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.
    prob
        Find too the cheapest run that reaches the target with at least this probability, in
        (0, 1): its size is chosen before the truth is known, so that it costs more than the
        quantile of what is least in each draw. None does without.
    cost
        As in :func:`~bayesscale.allocate`; None for a law of compute alone.
    ci_prob
        Probability of the equal-tailed intervals.
    **inputs
        Inputs of the law that no budget is divided between, by name, one value each.

    Returns
    -------
    Requirement
        ``flops`` by target.

    Raises
    ------
    DomainError
        If a target is not positive or is worse than guessing among 256,000 tokens, the law has
        nothing to split, the cost is unfit, or ``prob`` is no probability.

    Warns
    -----
    ExtrapolationWarning
        If the median is more than 30 times the compute of the largest run or 1000 times below the
        smallest one's, or fewer than half of the draws reach a target.

    Examples
    --------
    >>> bs.required_flops(fit, loss=[2.0, 1.9], prob=0.9).summary  # doctest: +SKIP
    """
    interval_tails(ci_prob)
    if prob is not None:
        probability("prob", prob)
    mixture = Mixture.of(fit)
    host = mixture.host
    if tuple(host.law.quantities) == (FLOPS.name,):
        _refuse_cost(host, cost)
        stated(host.law, inputs, wanted=())
        if prob is not None:
            raise DomainError(
                f"The law {host.law.name!r} has no sizes to choose: leave prob out, and read the "
                "interval of flops."
            )
        answer, warning = requirement(
            mixture, "flops", loss, _flops_of_a_law_of_compute, ci_prob=ci_prob
        )
    else:
        counted = checked_cost(cost, host.runs)
        given = stated(host.law, inputs, wanted=wanted_beside_split(host.law), single=True)
        question = _flops_to_split(counted, given)
        answer, warning = requirement(mixture, "flops", loss, question, ci_prob=ci_prob)
        if prob is not None:
            runs = assured_runs(mixture, answer.summary, counted, given, prob=prob)
            answer = replace(answer, summary=answer.summary.assign(**runs), prob=prob)
    warn_if_far(host, {"flops": _reached(answer, "flops")}, also=warning)
    return answer


def required_tokens(
    fit: Fit | Average, *, params: float | None = None, loss: ArrayLike, ci_prob: float = 0.9,
    **inputs: float,
) -> Requirement:  # fmt: skip
    """Find the tokens that bring a model of given size to a loss.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or of tokens alone, or an average of such.
    params
        Parameters N of the model, count, > 0; None for a law of tokens alone.
    loss
        Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.
    ci_prob
        Probability of the equal-tailed intervals.
    **inputs
        Further inputs of a law that has them, by name, one value each.

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
    mixture = Mixture.of(fit)
    host = mixture.host
    fixed = stated(
        host.law, {"params": params, **inputs}, wanted=(), asked=TOKENS.name, single=True
    )

    def question(posterior: Posterior) -> Search:
        return Search(
            lambda tokens: fixed | {"tokens": tokens},
            fixed | {"tokens": np.full(1, np.inf)},
            posterior.spec.reference["tokens"],
        )

    answer, warning = requirement(mixture, "tokens", loss, question, ci_prob=ci_prob)
    tokens = _reached(answer, "tokens")
    far = {"tokens": tokens}
    if PARAMS.name in fixed:
        n = fixed["params"]
        far = {"flops": runs_cost(host.runs).flops(n, tokens), "params": n} | far
    warn_if_far(host, far, also=warning)
    return answer


def gain(
    fit: Fit | Average,
    *,
    params: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    factor: float = 10.0,
    cost: Cost | FlopCount | None = None,
    ci_prob: float = 0.9,
    **inputs: float,
) -> Gain:
    """Say what multiplying parameters, tokens or compute buys, from a given run on.

    Parameters
    ----------
    fit
        A fitted law, or an average of several.
    params, tokens, flops
        The run to start from, > 0: parameters and tokens, or the only input of the law.
    factor
        What to multiply by, > 0 and not 1.
    cost
        As in :func:`~bayesscale.allocate`. More compute means from the optimal split of what the
        run costs to the optimal split of ``factor`` times that. None for a law of one input.
    ci_prob
        Probability of the equal-tailed intervals.
    **inputs
        Further inputs of a law that has them, by name, one value each; they are not multiplied.

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
    mixture = Mixture.of(fit)
    host = mixture.host
    asked = {"params": params, "tokens": tokens, "flops": flops, **inputs}
    start = stated(host.law, asked, wanted=host.law.quantities, single=True)
    more = positive_scalar("factor", factor, "1")
    if more == 1:
        raise DomainError("factor=1 changes nothing. Use 2 or 10.")
    moved = host.law.split or tuple(start)
    # one column for the run as it is, then one for each input multiplied
    columns = np.where(np.eye(len(moved) + 1)[1:] == 1, more, 1.0)
    runs = start | {name: start[name] * columns[i] for i, name in enumerate(moved)}
    reached = {name: runs[name] for name in moved}
    counted = None
    if not host.law.split:
        _refuse_cost(host, cost)
    else:
        counted = checked_cost(cost, host.runs)
        spent = counted.flops(start["params"], start["tokens"])
        reached["flops"] = spent * np.array([1.0, more])
    given = {name: start[name] for name in host.law.given if host.law.split}

    def question(posterior: Posterior, _: np.random.Generator) -> dict[str, Array]:
        at = posterior.law_loss(runs)
        before, after = at[..., [0] * len(moved)], at[..., 1:]
        if counted is not None:
            split = optimal_split(posterior, reached["flops"], counted, given)
            sizes = {"params": split.params, "tokens": split.tokens}
            frontier = posterior.law_loss(sizes | given)
            before = np.concatenate([before, frontier[..., :1]], axis=-1)
            after = np.concatenate([after, frontier[..., 1:]], axis=-1)
        return {"before": before, "after": after}

    drawn = mixture.ask(question)
    before, after = drawn["before"], drawn["after"]
    saved = before - after
    percent = 100 * saved / before
    medians = {"before": np.median(before, (0, 1)), "after": np.median(after, (0, 1))}
    what = np.array(list(reached))
    frame = target_frame(
        "what",
        {"factor": more}
        | medians
        | summary_columns("saved", saved, ci_prob)
        | summary_columns("saved_percent", percent, ci_prob),
        index=what,
    )
    variables = {"saved": (saved, LOSS.unit), "saved_percent": (percent, "%")}
    draws = mixture.dataset(variables, "what", {}, index=what)
    warn_if_far(host, reached, loss=np.concatenate(list(medians.values())))
    return Gain(frame, draws, ci_prob, mixture.asked)


def _refuse_cost(fit: Fit, cost: object) -> None:
    if cost is not None:
        raise DomainError(
            f"A cost splits compute between parameters and tokens, but the law {fit.law.name!r} "
            f"depends on {' and '.join(fit.law.quantities)} alone. Leave cost out."
        )


def _flops_of_a_law_of_compute(posterior: Posterior) -> Search:
    centre = posterior.spec.reference["flops"]
    return Search(lambda flops: {"flops": flops}, {"flops": np.inf}, centre)


def _flops_to_split(cost: Cost, given: Inputs) -> Callable[[Posterior], Search]:
    """Look through the optimal splits of budgets."""

    def question(posterior: Posterior) -> Search:
        spec = posterior.spec
        sizes_there = (np.full(1, spec.reference[name]) for name in SPLIT)
        centre = float(cost.flops(*sizes_there)[0])
        closed = closed_form(Lines.of(posterior, np.array([centre]), cost, given, Terms()))

        def sizes(flops: Array) -> Sizes:
            split = optimal_split(posterior, flops, cost, given)
            return {"params": split.params, "tokens": split.tokens, **given}

        infinite = {**dict.fromkeys(spec.law.split, np.inf), **given}
        return Search(sizes, infinite, centre, SOLVABLE if closed is None else np.inf)

    return question


def _reached(answer: Requirement, name: str) -> Array:
    """Return the medians of the targets that half of the draws reach."""
    table = answer.summary
    return table.loc[table["reachable"] >= 0.5, name].to_numpy()
