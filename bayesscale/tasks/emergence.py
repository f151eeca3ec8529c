"""Whether an ability breaks out of its curve: a smooth link against a change of its slope."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._random import Stream, generator
from bayesscale._sections import Paragraph, Section, Severity, Table, Told
from bayesscale.tasks.intake import LEAST_MODELS
from bayesscale.tasks.link import PLACES, Model

BENDS = (0.7, 1.4, 2.8)
"""Prior scales of the log ratio of the slopes, around ln 4."""

NEEDED, FOURFOLD, TIMES, DRAWS = 3.0, 4.0, 3.0, 4000
EXPECTED = 8.2
"""Nats to expect so that nine in ten designs find the 3 that are needed: of twice a log likelihood
ratio with mean m, the standard deviation is about the root of 4 m."""


@dataclass(frozen=True, repr=False)
class Emergence(Told):
    """Evidence for a break in the slope of an ability, by task.

    Parameters
    ----------
    table
        One row a task: ``ln_bf`` of a change of slope over none, least and most over the prior
        scales 0.7, 1.4 and 2.8 of its log; ``factor``, median and 90 % interval; ``x``, where;
        ``expected``, the least ln BF that a fourfold slope in the middle of these models lets
        expect; ``models``, how many over this range would find it nine times in ten; ``verdict``.
    """

    table: pd.DataFrame

    @property
    def severity(self) -> Severity:
        """A comparison may be used."""
        return "ok"

    def sections(self) -> list[Section]:
        """Return the verdicts."""
        columns: dict[str, Any] = {
            "task": lambda row: str(row["task"]), "verdict": lambda row: row["verdict"],
            "ln BF of a break": lambda row: f"{row['ln_bf']:.1f}\n{row['ln_bf_least']:.1f}–"
                                            f"{row['ln_bf_most']:.1f}",
            "slope times": lambda row: f"{row['factor']:.2g}\n{row['factor_lower']:.2g}–"
                                       f"{row['factor_upper']:.2g}",
            "a fourfold break: ln BF": lambda row: f"{row['expected']:.1f}",
            "models needed": lambda row: f"{row['models']:.0f}",
        }  # fmt: skip
        note = (
            "No sign: a fourfold break would have been found with these models; that does not show "
            "that the ability is smooth, which accuracies cannot. The range: over prior scales."
        )
        return [Table.of(self.table, columns, note)]


def emergence(models: Mapping[str, Model], seed: int) -> Emergence:
    """Judge every task."""
    rows = {name: _judged(model, seed) for name, model in models.items()}
    return Emergence(pd.DataFrame.from_dict(rows, "index").rename_axis(index="task"))


def _judged(smooth: Model, seed: int) -> dict[str, Any]:
    rng = generator(seed, Stream.TASKS)
    base = smooth.explore(DRAWS, rng)
    found = {bend: replace(smooth, bend=bend).explore(DRAWS, rng) for bend in BENDS}
    ln_bf = [each.log_evidence - base.log_evidence for each in found.values()]
    broken, task = replace(smooth, bend=BENDS[1]), smooth.task
    c = broken.coordinates(found[BENDS[1]].u, found[BENDS[1]].place)
    low, factor, high = np.exp(np.quantile(c["ln_factor"], [0.05, 0.5, 0.95]))
    centre, half = (task.x.min() + task.x.max()) / 2, np.ptp(task.x) / 2
    sign = -1 if task.predictor == "loss" else 1
    row: dict[str, Any] = {"models": np.nan, "ln_bf": ln_bf[1], "ln_bf_least": min(ln_bf),
                           "ln_bf_most": max(ln_bf), "factor": factor, "factor_lower": low,
                           "factor_upper": high,
                           "x": centre + sign * half * np.median(c["place"])}  # fmt: skip
    # what a fourfold slope above the middle would let expect of as many models, and of more
    middle = {k: np.median(v)[None, None] for k, v in smooth.coordinates(base.u, base.place).items()}
    middle |= {"ln_factor": np.log([[FOURFOLD]]), "place": np.zeros((1, 1)),
               "ln_slope": middle["ln_slope"] - np.log((1 + FOURFOLD) / 2)}  # fmt: skip
    middle["level"] = middle["level"] - np.exp(middle["ln_slope"]) * (FOURFOLD - 1) / 2
    expected = smooth.mean(middle, smooth.eta(middle, task.t))[0]
    score = np.sign(task.score[0]) * np.exp(expected) if smooth.link == "score" else expected
    n, least = len(task.t), []
    for weight in (1.0, TIMES):
        there = replace(smooth, task=replace(task, score=score, weight=weight))
        logs = [replace(there, bend=bend).explore(DRAWS, rng).log_evidence for bend in
                (0.0, BENDS[-1])]  # fmt: skip
        least.append(logs[1] - logs[0])
    each = max(least[1] - least[0], 1e-9) / (TIMES - 1) / n
    row["expected"] = least[0]
    row["models"] = np.ceil(max(n + (EXPECTED - least[0]) / each, LEAST_MODELS))
    row["verdict"] = "cannot tell"
    if min(ln_bf) >= NEEDED and (low > 1 or high < 1):
        row["verdict"] = "a break"
    elif max(ln_bf) < NEEDED / 2 and least[0] >= EXPECTED:
        row["verdict"] = "no sign of one"
    return row
