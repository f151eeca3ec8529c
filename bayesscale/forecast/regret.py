"""What a given plan costs against the best run of the same price."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesscale import _arguments
from bayesscale._sections import Section
from bayesscale._types import Array
from bayesscale.accounting import Cost, Counting, Money, Transformer
from bayesscale.forecast.answer import Answer, alike, stated, target_frame
from bayesscale.forecast.cost import FlopCount, checked_cost, cost_in_words
from bayesscale.forecast.line import Lines
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.plans import stated_plans
from bayesscale.forecast.reach import reach, warn_if_far
from bayesscale.forecast.sections import regret_sections
from bayesscale.forecast.split import optima, split_at, wanted_beside_split
from bayesscale.forecast.terms import Limits, Repetition, Terms
from bayesscale.forecast.waste import equivalent_flops
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.model import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS

DRAW_UNITS = {
    "loss": LOSS.unit,
    "law_loss": LOSS.unit,
    "optimal_loss": LOSS.unit,
    "optimal_params": PARAMS.unit,
    "optimal_tokens": TOKENS.unit,
    "overtraining": "1",
    "regret": LOSS.unit,
    "wasted": "1",
}


@dataclass(frozen=True, repr=False)
class Regret(Answer):
    """Plans against the best runs of the same cost.

    Parameters
    ----------
    summary
        One row a plan (index ``plan``): its ``params``, ``tokens``, ``tokens_per_param`` and
        ``flops``; median, ``_lower`` and ``_upper`` of the ``loss`` of a run of it, its
        ``law_loss`` without run noise, the ``optimal_loss``, ``optimal_params`` and
        ``optimal_tokens`` at the same cost, ``overtraining`` (its tokens per parameter over the
        optimum's), ``regret`` (law_loss - optimal_loss, nats/token) and ``wasted`` (the share of
        its cost that the best run of the same loss would save); the mean ``expected_regret``;
        probabilities ``within_prob`` that its loss is within a share ``within`` of the optimum,
        ``undertrained_prob`` that it has too few tokens for its size, and ``best_prob`` that it
        has the lowest loss of all plans here of the same cost.
    draws
        The quantities with intervals, dims ``(chain, draw, plan)``; NaN without an optimum.
    ci_prob
        Probability of the equal-tailed intervals.
    within
        Losses within this share of the optimal loss are as good.
    assumed
        What was assumed of cost and terms, a sentence each.
    """

    within: float = 0.001
    assumed: tuple[str, ...] = ()

    @property
    def choice(self) -> str:
        """The plan with the smallest expected regret."""
        return str(self.summary["expected_regret"].idxmin())

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return regret_sections(self)


def regret(
    fit: Fit | Average,
    *,
    params: ArrayLike | None = None,
    tokens: ArrayLike | None = None,
    tokens_per_param: ArrayLike | None = None,
    flops: ArrayLike | Money | None = None,
    architectures: Sequence[Transformer] | None = None,
    names: Sequence[str] | None = None,
    cost: Cost | FlopCount | None = None,
    limits: Limits | None = None,
    repetition: Repetition | None = None,
    counting: Counting | None = None,
    within: float = 0.001,
    ci_prob: float = 0.9,
    random_seed: int | None = None,
    **inputs: ArrayLike,
) -> Regret:
    """Compare plans with the best runs of the same cost.

    Two of size, tokens, their ratio and compute make a plan: ``params=70e9, tokens=1.4e12``;
    ``tokens_per_param=20, flops=1e24``; the sizes that can be built, ``params=[...], flops=1e24``,
    of which :attr:`Regret.choice` is then the one to order.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    params, tokens, tokens_per_param, flops
        Parameters, training tokens, tokens per parameter and budget of each plan, > 0, shape
        ``(plan,)`` or a scalar; two of them. Budgets may be :class:`~bayesscale.Money`.
    architectures
        Models in place of ``params``, counted as the runs or ``counting`` count.
    names
        What to call the plans.
    cost, limits, repetition, counting
        As for :func:`~bayesscale.allocate`: what holds of the plans and of the best run.
    within
        Losses within this share of the best are as good, > 0.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of the run noise in ``loss``; by default derived from the fit's.
    **inputs
        Inputs of the law that no budget is divided between, by name: one value, or one a plan.

    Returns
    -------
    Regret
        ``summary``, one row a plan, and ``draws``, dims ``(chain, draw, plan)``.

    Raises
    ------
    DomainError
        If plans are not two of the four, numbers are not positive and finite or differ in length,
        a budget does not pay for a size, or as :func:`~bayesscale.allocate` does.

    Warns
    -----
    RunsWarning
        If no cost is given and the runs' own compute is not proportional to ND.
    ExtrapolationWarning
        As :func:`~bayesscale.allocate` does.

    Notes
    -----
    By draw, ``wasted`` is :math:`1 - C^*(L) / C` with C the plan's cost, L its loss, and
    :math:`C^*(L)` the least cost of that loss.

    Examples
    --------
    >>> bs.regret(fit, params=70e9, tokens=1.4e12).summary        # doctest: +SKIP
    >>> bs.regret(fit, params=[6e9, 7e9, 8e9], flops=1e24).choice  # doctest: +SKIP
    """
    interval_tails(ci_prob)
    _arguments.number("within", within, above=0)
    mixture = Mixture.of(fit)
    host = mixture.host
    cost = checked_cost(cost, host.runs)
    terms = Terms.of(host.runs, limits=limits, repetition=repetition, counting=counting)
    plans = stated_plans(
        cost, count=host.runs.param_count if counting is None else counting.params, params=params,
        tokens=tokens, tokens_per_param=tokens_per_param, architectures=architectures,
        flops=flops, names=names,
    )  # fmt: skip
    given = stated(host.law, inputs, wanted=wanted_beside_split(host.law))
    targets = alike({"flops": plans.flops, **given})
    targets.pop("flops")

    def about(some: slice) -> Question:
        at = {name: values[some] for name, values in targets.items()}

        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
            lines = Lines.of(posterior, plans.flops[some], cost, at, terms)
            return _answers(lines, plans.params[some], plans.tokens[some], rng)

        return question

    columns, drawn, every = mixture.ask_all(
        about, len(plans.params), ci_prob=ci_prob, random_seed=random_seed
    )
    sizes = {
        "params": plans.params, "tokens": plans.tokens,
        "tokens_per_param": plans.tokens / plans.params, "flops": plans.flops,
    }  # fmt: skip
    known = np.isfinite(drawn["regret"])
    count = np.maximum(known.sum(axis=(0, 1)), 1)
    columns |= {
        "expected_regret": np.where(known, drawn["regret"], 0).sum(axis=(0, 1)) / count,
        "within_prob": (drawn["regret"] <= within * drawn["optimal_loss"]).mean(axis=(0, 1)),
        "undertrained_prob": (drawn["overtraining"] < 1).sum(axis=(0, 1)) / count,
        "best_prob": _best(drawn["law_loss"], plans.flops),
    }
    far = {name: sizes[name] for name in ("params", "tokens", "flops")}
    index: Any = np.array(plans.names, dtype=object)
    frame = target_frame("plan", sizes | columns | reach(host, {"flops": plans.flops}), index=index)
    warn_if_far(host, far, loss=columns["law_loss"])
    units = {"params": PARAMS, "tokens": TOKENS, "flops": FLOPS}
    return Regret(
        summary=frame,
        draws=mixture.dataset(
            {name: (drawn[name], unit) for name, unit in DRAW_UNITS.items()},
            "plan",
            {name: (sizes[name], q.unit) for name, q in units.items()},
            index=index,
            every=every,
        ),
        ci_prob=ci_prob,
        of=mixture.asked,
        within=within,
        assumed=(*cost_in_words(cost), *terms.in_words()),
    )


def _answers(
    lines: Lines, params: Array, tokens: Array, rng: np.random.Generator
) -> dict[str, Array]:
    posterior, reference = lines.posterior, lines.posterior.spec.reference
    x, minima = _by_budget(lines)
    split = split_at(lines, x, minima)
    plan = np.broadcast_to(np.log(params / reference["params"]), lines.shape)
    trained = np.broadcast_to(tokens, lines.shape)
    best, of_plan = lines.by_block(
        lambda some, cut: (some.log_loss(cut(x)), some.log_loss_of(cut(plan), cut(trained)))
    )
    of_plan = np.fmax(of_plan, best)  # to rounding, where the plan is the optimum
    best_loss, law_loss = reference["loss"] * np.exp(best), reference["loss"] * np.exp(of_plan)
    enough = equivalent_flops(lines, x, of_plan)
    return {
        "loss": posterior.new_runs(
            np.log(reference["loss"]) + of_plan,
            {**lines.given, "params": params, "tokens": tokens},
            rng,
        ),
        "law_loss": law_loss,
        "optimal_loss": best_loss,
        "optimal_params": split.params,
        "optimal_tokens": split.tokens,
        "overtraining": tokens / params / (split.tokens / split.params),
        "regret": law_loss - best_loss,
        "wasted": 1 - np.minimum(enough / lines.flops, 1),
    }


def _by_budget(lines: Lines) -> tuple[Array, NDArray[np.intp]]:
    """Return the optima, solving once for plans of one cost."""
    flops, each = np.unique(lines.flops[0], return_inverse=True)
    if lines.given or len(flops) == len(each):
        return optima(lines)
    x, minima = optima(replace(lines, flops=flops[None]))
    return x[:, each], minima[:, each]


def _best(law_loss: Array, flops: Array) -> Array:
    """Return the probability of the lowest loss among plans of one cost, ``(plan,)``."""
    groups = np.round(np.log(flops), 3)
    result = np.empty(len(flops))
    for group in np.unique(groups):
        same = groups == group
        first = law_loss[..., same].argmin(axis=-1)
        result[same] = [(first == i).mean() for i in range(int(same.sum()))]
    return result
