"""How to split a compute budget between parameters and tokens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale._arguments import interval_tails, positive_array
from bayesscale._format import (
    flops as write_flops,
    interval,
    list_some,
    over_interval,
    percent,
    write_share,
)  # fmt: skip
from bayesscale._sections import Paragraph, Section, Table, records
from bayesscale._types import Array
from bayesscale.accounting import Money
from bayesscale.forecast import answer
from bayesscale.forecast.frontier import Frontier
from bayesscale.forecast.mixture import Question, check_answers
from bayesscale.forecast.purchase import Purchase
from bayesscale.forecast.recommended import Recommended, recommend
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.model import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS


@answer.described
@dataclass(frozen=True, repr=False)
class Allocation(answer.Answer):
    """Compute-optimal splits of budgets, and the recommended runs.

    Parameters
    ----------
    summary
        One row per budget (index ``flops``). Of the optimum, which is not known exactly: median,
        ``_lower`` and ``_upper`` of ``params`` (N*), ``tokens`` (D*), ``tokens_per_param``,
        ``optimal_loss`` (L*, nats/token), the local exponents d ln N*/d ln C and d ln D*/d ln C,
        and ``params_exponent_over_runs``, the exponent of N* over the fitted runs as in
        :meth:`Fit.summary`. Of the recommended run, whose posterior expected loss is smallest:
        ``recommended_params`` and ``recommended_tokens``; median and interval of its ``loss``, of
        its ``law_loss`` without run noise, of its ``regret`` (law_loss - L*, nats/token) and of
        ``excess_compute``, the share of the budget that the best run of the same loss would save;
        the mean ``expected_regret``; ``within_prob``, the probability that its loss is within a
        share ``within`` of L*. Of what is nearly as good: ``near_params_lower`` to
        ``near_params_upper``, whose expected loss is within that share of the smallest, and
        ``near_prob``, the probability that N* is among them. ``without_optimum`` and
        ``several_minima`` are shares of the draws: the former are left out of the summaries of the
        optimum. Where more compute may do harm, also ``recommended_flops``, the cost of the
        recommended run, and ``unspent_prob``, the probability that the best run costs less than the
        budget. Last ``reach_flops``, the budget over the largest fitted run's compute, and
        ``money``.
    """

    within: float = 0.001
    assumed: tuple[str, ...] = ()

    def body(self) -> list[Section]:
        """Return splits of budgets, one row per budget, and how they grow with compute."""
        rows, scale = records(self.summary), self.scale
        table = Table.of(
            self.summary,
            {
                answer.title("flops"): lambda row: "\n".join(_target(row, FLOPS.write)),
                "train": lambda row: (
                    f"{PARAMS.write(row['recommended_params'])} on "
                    f"{TOKENS.write(row['recommended_tokens'])}"
                    f"\n{interval(row['near_params_lower'], row['near_params_upper'])}"
                ),
                "best size": lambda row: over_interval(row, "params"),
                "tokens/param": lambda row: over_interval(row, "tokens_per_param"),
                scale.word: lambda row: over_interval(row, "loss", scale.write),
                "excess": answer.write_excess,
            },
            "Train: parameters and tokens with the smallest expected loss, and the sizes nearly as "
            f"good (within {percent(self.within)} of it). Best size and tokens/param: posterior of "
            f"the compute-optimal ones. Loss, {scale.in_words}, and excess compute are those of "
            f"the recommended run. Medians and {percent(self.ci_prob)} intervals.",
        )
        sentences = [*_by_budget(rows, lambda row: _flatness(row, self.within)), *self.growth()]
        sentences += _by_budget(rows, _oddities)
        return [table, *(Paragraph(text) for text in (*sentences, *self.assumed))]

    def growth(self) -> list[str]:
        """Return how the split grows with compute, over the runs and at the budgets, in words."""
        rows = records(self.summary)
        over_runs = []
        if "params_exponent_over_runs" in self.summary:
            power = _power(rows[0], "params_exponent_over_runs")
            over_runs.append(
                f"Over the range of the runs, the best size N* grows as {power}; beyond it the "
                "exponent is less certain."
            )
        return [*over_runs, *_by_budget(rows, lambda row: _growth(row, self.ci_prob))]


DRAW_UNITS = {
    "params": PARAMS.unit, "tokens": TOKENS.unit, "tokens_per_param": "tokens/parameter",
    "optimal_loss": LOSS.unit, "params_exponent": "1", "tokens_exponent": "1", "loss": LOSS.unit,
    "law_loss": LOSS.unit, "regret": LOSS.unit, "excess_compute": "1",
}  # fmt: skip


@answer.asks
def allocate(
    fit: Fit | Average, *, flops: ArrayLike | Money, terms: Terms | None = None,
    ci_prob: float = 0.9, random_seed: int | None = None, **inputs: ArrayLike,
) -> Allocation:  # fmt: skip
    r"""Split compute budgets between parameters and tokens.

    Parameters
    ----------
    flops
        Budgets C in FLOP, > 0, shape ``(flops,)`` or a scalar; or :class:`~bayesscale.Money`.

    Notes
    -----
    At C = κ N^p D^q the optimum of L = E + A N^(-a) + B D^(-b) is

    .. math:: N^* = \left(\frac{a A q}{b B p}\right)^{q / \Delta} (C / \kappa)^{b / \Delta},
              \quad \Delta = a q + b p

    and an increasing function around the two terms does not move it [1]_. Elsewhere the lowest of
    the minima along the budget is taken; compute that would raise the law's loss is not spent.

    The recommended run is chosen under uncertainty. It is the one with the smallest posterior
    expected loss, :math:`\arg\min_N \mathrm{E}[L(N, D(N, C))]`; it is neither the mean of the
    optima nor the optimum at mean parameters. The minimum is flat: read ``near_params_lower`` to
    ``near_params_upper`` before you buy hardware for N*.

    References
    ----------
    .. [1] Hoffmann et al. (2022), section 3.3, arXiv:2203.15556.

    Examples
    --------
    >>> bs.allocate(fit, flops=[1e24, 1e25]).summary              # doctest: +SKIP
    >>> served = bs.Terms(cost=bs.LifetimeCost(tokens_served=2e12))  # doctest: +SKIP
    >>> bs.allocate(fit, flops=1e24, terms=served).summary        # doctest: +SKIP
    """
    interval_tails(ci_prob)
    purchase = Purchase.of(fit, terms, inputs)
    money = flops if isinstance(flops, Money) else None
    budgets = money.flops if money else positive_array("flops", flops, FLOPS.unit)
    purchase, budgets = purchase.over(budgets)
    mixture, within = purchase.mixture, purchase.terms.within
    reference = mixture.reference
    recommended = recommend(purchase, budgets)

    def about(block: slice) -> Question:
        here, ordered = purchase.at(block), Recommended(*(v[block] for v in recommended))
        return lambda posterior, rng: _answers(
            here.frontier(posterior, budgets[block]), ordered, rng
        )

    def log_sizes(posterior: Posterior, block: NDArray[np.intp]) -> dict[str, Array]:
        frontier, x, _ = purchase.at(block).frontier(posterior, budgets[block]).best()
        return {"N*": x, "the loss": frontier.log_loss(x)}

    columns, drawn, every = mixture.evaluate_all(
        about, len(budgets), ci_prob=ci_prob, random_seed=random_seed
    )
    minima, unspent = drawn.pop("minima"), drawn.pop("unspent").mean(axis=(0, 1))
    columns = {k: v for k, v in columns.items() if not k.startswith(("minima", "unspent"))}
    named = ("loss", "law_loss", "regret", "excess_compute")
    of_run = {f"{name}{end}": columns.pop(f"{name}{end}") for name in named for end in ENDS}
    as_good = drawn["regret"] <= within * drawn["optimal_loss"]
    edge = 1 + 1e-9  # a size at a limit is among those up to it
    among = (drawn["params"] >= recommended.near_lower / edge) & (
        drawn["params"] <= recommended.near_upper * edge
    )
    columns |= {
        "recommended_params": recommended.params, "recommended_tokens": recommended.tokens,
        **of_run,
        "expected_regret": _mean(drawn["regret"]), "within_prob": as_good.mean(axis=(0, 1)),
        "near_params_lower": recommended.near_lower, "near_params_upper": recommended.near_upper,
        "near_prob": among.mean(axis=(0, 1)),
        "without_optimum": np.isnan(drawn["params"]).mean(axis=(0, 1)),
        "several_minima": (minima > 1).mean(axis=(0, 1)),
    }  # fmt: skip
    if unspent.any() or (recommended.flops < budgets).any():
        columns |= {"recommended_flops": recommended.flops, "unspent_prob": unspent}
    over_runs = mixture.published("params_exponent")
    # beyond the runs the exponent of the split may be another one than over them
    wanders = any(v.posterior.spec.discrepancy.moves_optimum for v in mixture.components)
    if over_runs is not None and wanders:
        name = "params_exponent_over_runs"
        ends = answer.summary_columns(name, over_runs[None, :, None], ci_prob)
        columns |= {name: np.repeat(value, len(budgets)) for name, value in ends.items()}
    columns |= {k: np.broadcast_to(v, budgets.shape) for k, v in purchase.given.items()}
    if vary := {k: v for k, v in purchase.given.items() if len(np.unique(v)) > 1}:
        columns["setting"] = answer.settings(reference.law, vary)
    columns |= answer.reach(reference, {"flops": budgets})
    frame = answer.target_frame("flops", columns, index=budgets)
    if money:
        frame["money"] = money.amounts
    sizes = {"params": recommended.params, "tokens": recommended.tokens, **purchase.given}
    far = {"flops": recommended.flops, **sizes}
    outside = answer.warn_if_far(reference, far, loss=columns["law_loss"], also=_without(frame))
    variables = {name: (drawn[name], unit) for name, unit in DRAW_UNITS.items()}
    return Allocation(
        summary=frame,
        draws=mixture.dataset(variables, "flops", {}, index=budgets, every=every),
        ci_prob=ci_prob,
        of=mixture.asked,
        sensitivity=check_answers(
            mixture, log_sizes,
            [f"at {', '.join(_target(row, write_flops))}" for row in records(frame)],
            what="the split",
        ),
        outside=outside,
        within=within,
        assumed=tuple(purchase.terms.in_words()),
    )  # fmt: skip


ENDS = ("", "_lower", "_upper")


def _answers(
    budgets: Frontier, ordered: Recommended, rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Return the optimum of every draw and budget, and what becomes of the runs ordered."""
    frontier, x, minima = budgets.best()
    split = frontier.split(x)
    n_exponent, d_exponent = frontier.exponents(x)
    unspent = frontier.flops < budgets.flops
    x_ordered = np.log(ordered.params / budgets.posterior.spec.reference["params"])
    paid = replace(budgets, flops=ordered.flops[None])
    (log_loss,) = paid.by_block(lambda part, cut: (part.log_loss(cut(x_ordered)),))
    runs = {**budgets.given, "params": ordered.params, "tokens": ordered.tokens}
    of_runs = frontier.against_best(x, log_loss, runs, paid.flops, rng)
    return {
        "params": split.params,
        "tokens": split.tokens,
        "tokens_per_param": split.tokens / split.params,
        "optimal_loss": of_runs["optimal_loss"],
        "params_exponent": np.where(unspent, 0.0, n_exponent),
        "tokens_exponent": np.where(unspent, 0.0, d_exponent),
        **of_runs,
        "minima": minima,
        "unspent": np.broadcast_to(unspent, frontier.shape).astype(float),
    }


def _mean(draws: Array) -> Array:
    """Return the mean over draws that have an answer, by target."""
    finite = np.isfinite(draws)
    total = np.where(finite, draws, 0.0).sum(axis=(0, 1))
    return total / np.maximum(finite.sum(axis=(0, 1)), 1)


def _without(frame: pd.DataFrame) -> str:
    """Describe which budgets have draws without an optimum."""
    missing = frame["without_optimum"]
    shares = [f"{share:.2g} of them at {at:.3g} FLOP" for at, share in missing[missing > 0].items()]
    if not shares:
        return ""
    return (
        "Some draws have no best size, as their loss only falls or only rises with it: "
        f"{list_some(shares)}. They enter the expected loss of the recommended run, and are left "
        "out of the posterior of the best size."
    )


def _by_budget(
    rows: Sequence[Mapping[str, Any]], say: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """Return what is said of all budgets, or, where that differs, of the first and the last."""
    texts = [say(row) for row in rows]
    if len(set(texts)) == 1:
        return [text for text in set(texts) if text]
    ends = ((", ".join(_target(rows[end], write_flops)), texts[end]) for end in (0, -1))
    return [f"At {target}: {text}" for target, text in ends if text]


def _target(row: Mapping[str, Any], write: Callable[[float], str]) -> list[str]:
    """Write the budget, and the setting where there are several."""
    return [write(row["flops"]), *([row["setting"]] if "setting" in row else [])]


def _flatness(row: Mapping[str, Any], within: float) -> str:
    return (
        f"The recommended run is within {percent(within)} of the best loss with probability "
        f"{write_share(row['within_prob'])}; the best size is among those nearly as good with "
        f"probability {write_share(row['near_prob'])}."
    )


def _oddities(row: Mapping[str, Any]) -> str:
    sentences = []
    if row.get("unspent_prob"):
        sentences.append(
            f"Compute beyond {write_flops(row['recommended_flops'])} is not spent: the best run "
            f"costs less than the budget with probability {write_share(row['unspent_prob'])}."
        )
    if row["without_optimum"]:
        sentences.append(f"{write_share(row['without_optimum'])} of the draws have no best size.")
    if row["several_minima"]:
        sentences.append(
            f"{write_share(row['several_minima'])} of the draws have several minima along the "
            "budget; the lowest is taken."
        )
    return " ".join(sentences)


def _growth(row: Mapping[str, Any], ci_prob: float) -> str:
    if row.get("unspent_prob", 0) > 0.5:
        return ""
    return (
        f"At the budget, N* grows as {_power(row, 'params_exponent')} and the tokens D* as "
        f"{_power(row, 'tokens_exponent')}; {percent(ci_prob)} intervals."
    )


def _power(row: Mapping[str, Any], name: str) -> str:
    """Write an exponent of compute with its interval."""
    ends = interval(row[f"{name}_lower"], row[f"{name}_upper"], "{:.2f}".format)
    return f"C^{row[name]:.2f} ({ends})"
