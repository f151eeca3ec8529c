"""What a given plan costs against the best run of the same price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale._arguments import interval_tails
from bayesscale._format import over_interval, percent, two_digits, write_share
from bayesscale._sections import Paragraph, Section, Table
from bayesscale._types import Array
from bayesscale.accounting import Counting, Money
from bayesscale.forecast import answer
from bayesscale.forecast.frontier import Frontier
from bayesscale.forecast.mixture import Question
from bayesscale.forecast.plans import stated_plans
from bayesscale.forecast.purchase import Purchase
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS

DRAW_UNITS = {
    "loss": LOSS.unit, "law_loss": LOSS.unit, "optimal_loss": LOSS.unit,
    "optimal_params": PARAMS.unit, "optimal_tokens": TOKENS.unit, "overtraining": "1",
    "regret": LOSS.unit, "excess_compute": "1",
}  # fmt: skip


@answer.described
@dataclass(frozen=True, repr=False)
class Regret(answer.Answer):
    """Plans against the best runs of the same cost.

    Parameters
    ----------
    summary
        One row per plan (index ``plan``): its ``params``, ``tokens``, ``tokens_per_param`` and
        ``flops``; median, ``_lower`` and ``_upper`` of the ``loss`` of a run of it, its
        ``law_loss`` without run noise, the ``optimal_loss``, ``optimal_params`` and
        ``optimal_tokens`` at the same cost, ``overtraining`` (its tokens per parameter over the
        optimum's), ``regret`` (law_loss - optimal_loss, nats/token) and ``excess_compute`` (the
        share of its cost that the best run of the same loss would save); the mean
        ``expected_regret``;
        probabilities ``within_prob`` that its loss is within a share ``within`` of the optimum,
        ``undertrained_prob`` that it has too few tokens for its size, and ``best_prob`` that it
        has the lowest loss of all plans here of the same cost.
    """

    within: float = 0.001
    assumed: tuple[str, ...] = ()

    @property
    def choice(self) -> str:
        """The plan with the smallest expected regret."""
        return str(self.summary["expected_regret"].idxmin())

    def body(self) -> list[Section]:
        """Return plans against the best runs of the same cost, one row per plan."""
        frame, scale = self.summary, self.scale
        table = Table.of(
            frame,
            {
                "plan": lambda row: str(row["plan"]),
                "best size": lambda row: over_interval(row, "optimal_params"),
                "over-trained": lambda row: over_interval(row, "overtraining", two_digits),
                "regret": lambda row: over_interval(
                    row, "regret", lambda nats: f"{scale.difference(nats):.4f}"
                ),
                "excess": answer.write_excess,
                "as good": lambda row: write_share(row["within_prob"]),
            },
            "Best size at the same cost. Over-trained: tokens per parameter over those of the best "
            f"run. Regret in {scale.of_differences}; excess compute as a share. As good: "
            f"probability that the loss is within {percent(self.within)} of the best. Medians and "
            f"{percent(self.ci_prob)} intervals.",
        )
        sentences = []
        if len(frame) > 1:
            row = frame.loc[self.choice]
            sentences.append(
                f"The smallest expected regret is that of {self.choice}: "
                f"{scale.difference(row['expected_regret']):.2g} {scale.of_differences}."
            )
        return [table, *(Paragraph(text) for text in (*sentences, *self.assumed))]


@answer.asks
def regret(
    fit: Fit | Average, *, params: ArrayLike | None = None, tokens: ArrayLike | None = None,
    tokens_per_param: ArrayLike | None = None, flops: ArrayLike | Money | None = None,
    names: Sequence[str] | None = None,
    terms: Terms | None = None, ci_prob: float = 0.9, random_seed: int | None = None,
    **inputs: ArrayLike,
) -> Regret:  # fmt: skip
    """Compare plans with the best runs of the same cost.

    Two of size, tokens, their ratio and compute make a plan: ``params=70e9, tokens=1.4e12``;
    ``tokens_per_param=20, flops=1e24``; the sizes that can be built, ``params=[...], flops=1e24``,
    of which :attr:`Regret.choice` is then the recommended one.

    Parameters
    ----------
    params, tokens, tokens_per_param, flops
        Parameters, training tokens, tokens per parameter and budget of each plan, > 0, shape
        ``(plan,)`` or a scalar; two of them. Budgets may be :class:`~bayesscale.Money`.
    names
        What to call the plans.

    Notes
    -----
    By draw, ``excess_compute`` is :math:`1 - C^*(L) / C` with C the plan's cost, L its loss, and
    :math:`C^*(L)` the least cost of that loss.

    Examples
    --------
    >>> bs.regret(fit, params=70e9, tokens=1.4e12).summary        # doctest: +SKIP
    >>> bs.regret(fit, params=[6e9, 7e9, 8e9], flops=1e24).choice  # doctest: +SKIP
    """
    interval_tails(ci_prob)
    purchase = Purchase.of(fit, terms, inputs, single=True)
    mixture, terms = purchase.mixture, purchase.terms
    reference, within = mixture.reference, terms.within
    given = {
        "params": params, "tokens": tokens, "tokens_per_param": tokens_per_param, "flops": flops,
    }  # fmt: skip
    plans, sizes = stated_plans(purchase.cost, given, names=names)
    budgets = sizes["flops"]
    purchase, _ = purchase.over(budgets)

    def about(block: slice) -> Question:
        here, params, tokens = purchase.at(block), sizes["params"][block], sizes["tokens"][block]
        return lambda posterior, rng: _answers(
            here.frontier(posterior, budgets[block]), params, tokens, rng
        )

    columns, drawn, every = mixture.evaluate_all(
        about, len(plans), ci_prob=ci_prob, random_seed=random_seed
    )
    finite = np.isfinite(drawn["regret"])
    count = np.maximum(finite.sum(axis=(0, 1)), 1)
    columns |= {
        "expected_regret": np.where(finite, drawn["regret"], 0).sum(axis=(0, 1)) / count,
        "within_prob": (drawn["regret"] <= within * drawn["optimal_loss"]).mean(axis=(0, 1)),
        "undertrained_prob": (drawn["overtraining"] < 1).sum(axis=(0, 1)) / count,
        "best_prob": _best(drawn["law_loss"], budgets),
    }
    far = {name: sizes[name] for name in ("params", "tokens", "flops")} | purchase.given
    index: Any = np.array(plans, dtype=object)
    columns |= answer.reach(reference, {"flops": budgets})
    frame = answer.target_frame("plan", sizes | columns, index=index)
    outside = answer.warn_if_far(reference, far, loss=columns["law_loss"])
    return Regret(
        summary=frame,
        draws=mixture.dataset(
            {name: (drawn[name], unit) for name, unit in DRAW_UNITS.items()},
            "plan",
            {q.name: (sizes[q.name], q.unit) for q in (PARAMS, TOKENS, FLOPS)},
            index=index,
            every=every,
        ),
        ci_prob=ci_prob,
        of=mixture.asked,
        outside=outside,
        within=within,
        assumed=tuple(terms.in_words()),
    )


def _answers(
    budgets: Frontier, params: Array, tokens: Array, rng: np.random.Generator
) -> dict[str, Array]:
    x_plan = np.log(params / budgets.posterior.spec.reference["params"])
    frontier, x = _by_budget(budgets)
    split = frontier.split(x)
    (log_loss,) = budgets.by_block(lambda part, cut: (part.log_loss_of(cut(x_plan), cut(tokens)),))
    plans = {**budgets.given, "params": params, "tokens": tokens}
    answers = {
        **frontier.against_best(x, log_loss, plans, budgets.flops, rng),
        "optimal_params": split.params,
        "optimal_tokens": split.tokens,
        "overtraining": tokens / params / (split.tokens / split.params),
    }
    return {name: answers[name] for name in DRAW_UNITS}


def _by_budget(frontier: Frontier) -> tuple[Frontier, Array]:
    """Return the best runs as :meth:`Frontier.best` does, solving once for plans of one cost."""
    flops, each = np.unique(frontier.flops[0], return_inverse=True)
    if frontier.given or len(flops) == len(each):
        return frontier.best()[:2]
    best, x, _ = replace(frontier, flops=flops[None]).best()
    return replace(best, flops=best.flops[:, each]), x[:, each]


def _best(law_loss: Array, flops: Array) -> Array:
    """Return the probability of the lowest loss among plans of one cost, ``(plan,)``."""
    groups = np.round(np.log(flops), 3)
    result = np.empty(len(flops))
    for group in np.unique(groups):
        same = groups == group
        first = law_loss[..., same].argmin(axis=-1)
        result[same] = [(first == i).mean() for i in range(int(same.sum()))]
    return result


GPT3 = "Brown et al. (2020), table 2.1, arXiv:2005.14165"
GOPHER = "Rae et al. (2021), arXiv:2112.11446"
CHINCHILLA = "Hoffmann et al. (2022), arXiv:2203.15556"
LLAMA = "Touvron et al. (2023), table 2, arXiv:2302.13971"
LLAMA2 = "Touvron et al. (2023), table 1, arXiv:2307.09288"
LLAMA3 = "Llama team (2024), arXiv:2407.21783"

LANDMARKS = (
    ("GPT-3 175B", 175e9, 300e9, GPT3), ("Gopher 280B", 280e9, 300e9, GOPHER),
    ("Chinchilla 70B", 70e9, 1.4e12, CHINCHILLA), ("LLaMA 7B", 6.7e9, 1.0e12, LLAMA),
    ("LLaMA 13B", 13.0e9, 1.0e12, LLAMA), ("LLaMA 33B", 32.5e9, 1.4e12, LLAMA),
    ("LLaMA 65B", 65.2e9, 1.4e12, LLAMA), ("Llama 2 70B", 70e9, 2.0e12, LLAMA2),
    ("Llama 3 8B", 8e9, 15e12, LLAMA3), ("Llama 3 70B", 70e9, 15e12, LLAMA3),
    ("Llama 3 405B", 405e9, 15.6e12, LLAMA3),
)  # fmt: skip
"""Published models: parameters in all, training tokens, and where they are stated. The tokens of
GPT-2 were not published (Radford et al. 2019)."""


def landmark_models() -> pd.DataFrame:
    """List published models whose parameters and training tokens are known.

    Returns
    -------
    pandas.DataFrame
        Index ``plan``, the model; ``params`` (total), ``tokens``, ``source``.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.landmark_models().loc["Chinchilla 70B", "tokens"]
    np.float64(1400000000000.0)
    """
    columns = ["plan", "params", "tokens", "source"]
    return pd.DataFrame(LANDMARKS, columns=columns).set_index("plan")


@answer.asks
def landmarks(fit: Fit | Average, *, terms: Terms | None = None, ci_prob: float = 0.9) -> Regret:
    """Compute how over- or under-trained published models are under a fitted law.

    Losses are predicted for the recipe and data of the fitted runs, not of these models.

    Parameters
    ----------
    terms
        As for :func:`~bayesscale.regret`. Where the runs count parameters without embeddings and
        the terms do not say how, ``counting`` is ``bs.Counting("total")``.

    Examples
    --------
    >>> bs.landmarks(fit).summary["overtraining"]                 # doctest: +SKIP
    """
    table = landmark_models()
    terms = Terms() if terms is None else terms
    if isinstance(fit, Fit | Average) and fit.runs.param_count == "non_embedding":
        terms = replace(terms, counting=terms.counting or Counting("total"))
    return regret(
        fit, params=table["params"].to_numpy(), tokens=table["tokens"].to_numpy(),
        names=list(table.index), terms=terms, ci_prob=ci_prob,
    )  # fmt: skip
