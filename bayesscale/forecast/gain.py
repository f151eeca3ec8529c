"""What multiplying a run's size buys."""

from dataclasses import dataclass

import numpy as np

from bayesscale._arguments import interval_tails, positive_scalar
from bayesscale._format import over_interval, percent
from bayesscale._sections import Section, Table
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast import answer
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.purchase import Purchase, law_inputs, priced
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.model import Posterior
from bayesscale.quantities import LOSS, quantity


@answer.described
@dataclass(frozen=True, repr=False)
class Gain(answer.Answer):
    """What multiplying a run's size buys.

    Parameters
    ----------
    summary
        One row for each of parameters, tokens and compute, or for the only input of the law: the
        loss before, after, and ``saved`` (nats/token) with ``saved_percent``, medians and
        intervals.
    """

    def body(self) -> list[Section]:
        """Return what multiplying a size buys, one row per size."""
        frame, scale = self.summary, self.scale
        return [
            Table.of(
                frame,
                {
                    "more": lambda row: f"{row['factor']:g}× {quantity(str(row['what'])).noun}",
                    scale.word: lambda row: (
                        f"{scale.write(row['before'])} → {scale.write(row['after'])}"
                    ),
                    "saved": lambda row: over_interval(
                        row, "saved", lambda nats: f"{scale.difference(nats):.3g}"
                    ),
                    "saved, %": lambda row: over_interval(row, "saved_percent", "{:.3g}".format),
                },
                f"Loss of the law {scale.in_words}, saved in {scale.of_differences}. Medians and "
                f"{percent(self.ci_prob)} intervals.",
            )
        ]


@answer.asks
def gain(
    fit: Fit | Average, *, params: float | None = None, tokens: float | None = None,
    flops: float | None = None, factor: float = 10.0, terms: Terms | None = None,
    ci_prob: float = 0.9, **inputs: float,
) -> Gain:  # fmt: skip
    """Estimate the loss reduction from multiplying parameters, tokens or compute of a run.

    Parameters
    ----------
    params, tokens, flops
        The run to start from, > 0: parameters and tokens, or the only input of the law.
    factor
        What to multiply by, > 0 and not 1.
    terms
        As for :func:`~bayesscale.allocate`. More compute compares the optimal split of the run's
        cost with the optimal split of ``factor`` times that cost. None for a law of one input.

    Examples
    --------
    >>> bs.gain(fit, params=1e9, tokens=20e9, factor=2).summary   # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    reference = mixture.reference
    terms = priced(reference, terms)
    sizes = {**terms.given, "params": params, "tokens": tokens, "flops": flops, **inputs}
    start = answer.check_inputs(reference.law, sizes, wanted=reference.law.quantities, single=True)
    more = positive_scalar("factor", factor, "1")
    if more == 1:
        raise DomainError("factor=1 changes nothing. Use 2 or 10.")
    moved = reference.law.split or tuple(start)
    # one column for the run as it is, then one for each input multiplied
    columns = np.where(np.eye(len(moved) + 1)[1:] == 1, more, 1.0)
    runs = start | {name: start[name] * columns[i] for i, name in enumerate(moved)}
    reached = {name: runs[name] for name in moved}
    if reference.law.split:
        spent = terms.cost_at(start).flops(start["params"], start["tokens"])
        reached["flops"] = spent * np.array([1.0, more])
    purchase = Purchase(mixture, terms, {name: start[name] for name in reference.law.given})

    def question(posterior: Posterior, _: np.random.Generator) -> dict[str, Array]:
        at = posterior.law_loss(law_inputs(posterior, runs, terms))
        before, after = at[..., [0] * len(moved)], at[..., 1:]
        if reference.law.split:
            frontier = purchase.best(posterior, reached["flops"])["loss"]
            before = np.concatenate([before, frontier[..., :1]], axis=-1)
            after = np.concatenate([after, frontier[..., 1:]], axis=-1)
        return {"before": before, "after": after}

    drawn = mixture.evaluate(question)
    saved = drawn["before"] - drawn["after"]
    share = 100 * saved / drawn["before"]
    medians = {name: np.median(losses, (0, 1)) for name, losses in drawn.items()}
    what = np.array(list(reached))
    frame = answer.target_frame(
        "what",
        {"factor": more}
        | medians
        | answer.summary_columns("saved", saved, ci_prob)
        | answer.summary_columns("saved_percent", share, ci_prob),
        index=what,
    )
    variables = {"saved": (saved, LOSS.unit), "saved_percent": (share, "%")}
    draws = mixture.dataset(variables, "what", {}, index=what)
    outside = answer.warn_if_far(reference, reached, loss=np.concatenate(list(medians.values())))
    return Gain(frame, draws, ci_prob, mixture.asked, outside=outside)
