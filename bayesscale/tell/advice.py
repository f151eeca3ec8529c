"""What a report answers: what to train, what loss to expect, and what to keep in mind."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._arguments import positive_array
from bayesscale._format import flops as write_flops, interval, percent
from bayesscale._sections import Paragraph, Section
from bayesscale.errors import ExtrapolationWarning
from bayesscale.forecast import (
    VALIDATED_REACH,
    Allocation,
    Mixture,
    Prediction,
    Regret,
    allocate,
    allocation_sections,
    extrapolate,
    prediction_sections,
    regret,
    runs_cost,
)
from bayesscale.inference import Average, Fit
from bayesscale.laws import SPLIT
from bayesscale.planning import Plan, advised, predict_advised
from bayesscale.quantities import FLOPS, ShownLoss

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BEYOND = (10.0, 100.0)
"""Budgets that are answered for unless asked otherwise, as multiples of the largest run's."""


@dataclass(frozen=True)
class Advice:
    """What there is to say about budgets.

    Parameters
    ----------
    answers
        A sentence a budget.
    allocation
        How to split them; None where the law has nothing to split.
    prediction
        The loss of a run for each.
    end
        The largest budget, FLOP.
    given
        Further inputs of the law, by name.
    """

    answers: tuple[str, ...]
    allocation: Allocation | None
    prediction: Prediction
    end: float
    given: Mapping[str, float]

    def shown(self, ci_prob: float) -> dict[str, Any]:
        """Return options of pictures of losses."""
        return {"ci_prob": ci_prob, "unit": self.prediction.unit, "given": self.given}

    @property
    def forecast(self) -> list[Section]:
        """The predicted losses."""
        return prediction_sections(self.prediction, head=False)

    @property
    def split(self) -> list[Section]:
        """The split of each budget."""
        return [] if self.allocation is None else allocation_sections(self.allocation, head=False)


def advise(
    of: Fit | Average, *, plan: Plan | None = None, flops: ArrayLike | None = None,
    given: Mapping[str, float] | None = None, unit: ShownLoss | None = None, ci_prob: float = 0.9,
) -> Advice:  # fmt: skip
    """Answer for budgets: as the plan does if there is one and no others are asked for."""
    inputs: Any = dict(plan.given if plan is not None and given is None else given or {})
    host = Mixture.of(of).host
    if set(host.law.split) != set(SPLIT):
        return _without_split(of, host, flops, unit, ci_prob)
    if plan is not None and flops is None and inputs == plan.given:
        allocation, prediction = plan.allocation, plan.prediction
        budgets, ci_prob = plan.summary.index.to_numpy(), plan.ci_prob
    else:
        most = host.runs.flops.max()
        budgets = (
            np.array([float(f"{times * most:.0e}") for times in BEYOND])
            if flops is None else positive_array("flops", flops, FLOPS.unit)
        )  # fmt: skip
        allocation = allocate(of, flops=budgets, ci_prob=ci_prob, **inputs)
        prediction = predict_advised(of, allocation, ci_prob=ci_prob, **inputs)
    prediction = prediction.in_unit(unit)
    told = advised(prediction, budgets, ci_prob)
    answers = tuple(s.text for s in told if isinstance(s, Paragraph))
    return Advice(answers, allocation.in_unit(unit), prediction, float(budgets.max()), inputs)


def alternatives(of: Fit | Average, advice: Advice, *, ci_prob: float) -> Regret:
    """Compare the run that is advised for the first budget with others that cost as much."""
    from bayesscale.plots import HABIT

    assert advice.allocation is not None
    best_bets = advice.allocation.summary["best_bet_params"]
    flops, best = float(best_bets.index[0]), float(best_bets.iloc[0])
    kappa = runs_cost(Mixture.of(of).host.runs).kappa
    inputs: Any = advice.given
    return regret(
        of,
        params=[best, best / 3, 3 * best, np.sqrt(flops / (kappa * HABIT))],
        flops=flops,
        names=["the advised run", "a third as large", "three times as large",
               f"at {HABIT:g} tokens per parameter"],
        ci_prob=ci_prob,
        **inputs,
    )  # fmt: skip


def _without_split(
    of: Fit | Average, host: Fit, flops: ArrayLike | None, unit: ShownLoss | None, ci_prob: float
) -> Advice:
    """Answer for multiples of the largest run in every input that grows."""
    law, runs = host.law, host.runs
    largest = int(np.argmax(runs.flops))
    inputs: dict[str, Any] = {}
    for name, q in law.quantities.items():
        grows = q.scale == "log" and name not in law.given
        times = np.array(BEYOND) if grows else np.ones(len(BEYOND))
        inputs[name] = times * (runs[name].max() if grows else runs[name][largest])
    if flops is not None and list(law.quantities) == [FLOPS.name]:
        inputs = {FLOPS.name: positive_array("flops", flops, FLOPS.unit)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExtrapolationWarning)  # the caveats say how far it is
        prediction = extrapolate(of, **inputs, ci_prob=ci_prob).in_unit(unit)
    scale = prediction.scale
    said = tuple(
        "At "
        + ", ".join(f"{q.write(row[name])} {q.unit}" for name, q in law.quantities.items())
        + f" expect {scale.say(row['loss'])} "
        f"({percent(ci_prob)}: {interval(row['loss_lower'], row['loss_upper'], scale.write)})."
        for row in prediction.summary.to_dict("records")
    )
    return Advice(said, None, prediction, float(runs.flops.max()), {})


def caveats(of: Fit | Average, advice: Advice, told: Sequence[Any]) -> list[str]:
    """Return in plain words what a reader should keep in mind."""
    host = Mixture.of(of).host
    most = host.runs.flops.max()
    said = [check.text for check in of.checks if check.severity in ("caution", "stop")]
    reach = advice.end / most
    if advice.allocation is not None and reach > VALIDATED_REACH:
        said.append(
            f"The largest budget here, {write_flops(advice.end)}, is {reach:.3g} times the compute "
            f"of the largest run. Intervals were checked on real hold-outs up to "
            f"{VALIDATED_REACH:.0f} times only; beyond that they are a guess."
        )
    if not host.spec.discrepancy.coordinates(host.law):
        said.append(
            "The law is taken for true. Of 90 % intervals that do so about two thirds held the "
            "truth on public hold-outs."
        )
    if "backtest" not in [chapter.anchor for chapter in told]:
        said.append(
            "No back-test is in this report: whether intervals like these held on your own runs is "
            "not known."
        )
    if advice.allocation is not None:
        said.append(
            "The loss hardly changes around the best size. Choose within the range that is nearly "
            "as good by what else matters: hardware, inference, data."
        )
    said.append(
        "Everything holds for runs trained like these: other data, tokenizers, schedules or "
        "architectures have laws of their own."
    )
    return list(dict.fromkeys(said))
