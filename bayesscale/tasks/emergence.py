"""Whether an ability breaks out of its curve: a change of slope against all that is smooth.

A break has to beat the link itself strongly, and other links unless the metric is known to be a
power or a score; and a slope that changes as much but gradually: what bends evenly is no break.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._format import over_interval
from bayesscale._random import Stream, generator
from bayesscale._sections import Result, Section, Table
from bayesscale.tasks.link import Model

BENDS = (0.7, 1.4, 2.8)
"""Prior scales of the log ratio of the slopes, around ln 4."""

NEEDED, POSITIVE, FOURFOLD, TIMES, EXPECTED = 3.0, 1.0, 4.0, 3.0, 8.2
"""Nats over smooth links, and over a gradual change: strong and positive evidence (Kass and Raftery
1995). The last: nats to expect so that nine designs in ten find the 3 that are needed, as a log
likelihood ratio with mean m has a standard deviation of about the root of 2 m."""


@dataclass(frozen=True, repr=False)
class Emergence(Result):
    """Evidence for a break in the slope of an ability, by task.

    Parameters
    ----------
    table
        One row per task: ``verdict``, a break being a steeper slope; ``ln_bf`` of a break over the
        best smooth link, ``rival``, with ``ln_bf_lower`` and ``ln_bf_upper`` over prior scales of
        0.7, 1.4 and 2.8 of the log ratio of its slopes, and ``ln_bf_gradual`` over a gradual change
        of the slope; ``factor``, that ratio, median and 90 % interval, and ``x``, where, loss in
        nats/token or FLOP; ``expected``, the ln BF expected of a fourfold slope in the upper half
        of these models; ``models``, how many over this range would find it nine times in ten.
    """

    table: pd.DataFrame

    def sections(self) -> list[Section]:
        """Return the verdicts."""
        columns: dict[str, Any] = {
            "task": lambda row: row["task"], "verdict": lambda row: row["verdict"],
            "ln BF of a break": lambda row: over_interval(row, "ln_bf", "{:.1f}".format),
            "over": lambda row: f"{row['rival']} link",
            "over a gradual change": lambda row: f"{row['ln_bf_gradual']:.1f}",
            "slope times": lambda row: over_interval(row, "factor", "{:.2g}".format),
            "a fourfold one: ln BF": lambda row: f"{row['expected']:.1f}",
            "models needed": lambda row: f"{row['models']:.0f}",
        }  # fmt: skip
        return [Table.of(self.table, columns, (
            "No sign: a fourfold break would have been detected; accuracies cannot prove that the "
            "ability is smooth. Ranges of ln BF are over prior scales."
        ))]  # fmt: skip


def emergence(models: Mapping[str, Model], seed: int) -> Emergence:
    """Judge every task."""
    rows = {name: _judged(model, generator(seed, Stream.TASKS)) for name, model in models.items()}
    return Emergence(pd.DataFrame.from_dict(rows, "index").rename_axis(index="task"))


def _judged(smooth: Model, rng: np.random.Generator) -> dict[str, Any]:
    """Return a row of the table."""
    task, base = smooth.task, smooth.explore(rng)
    broken = [replace(smooth, bend=bend) for bend in BENDS]
    found = [model.explore(rng) for model in broken]
    gradual = replace(smooth, bend=BENDS[1], gradual=True).explore(rng).log_evidence
    # the power of a step's probability and a score are what the metric is: other links are wrong
    others = [k for k in ("sigmoid", "exponential", *["power"] * (not task.chance))
              if smooth.link in ("sigmoid", "exponential") and k != smooth.link]  # fmt: skip
    smoothest = {k: replace(smooth, link=k).explore(rng).log_evidence for k in others}
    smoothest[smooth.link] = base.log_evidence
    rival = max(smoothest, key=smoothest.__getitem__)
    ln_bf = np.array([each.log_evidence for each in found]) - smoothest[rival]
    over_gradual = found[1].log_evidence - gradual
    c = broken[1].coordinates(found[1].u, found[1].place)
    low, factor, high = np.exp(np.quantile(c["ln_factor"], [0.05, 0.5, 0.95]))
    # data that a fourfold slope above the middle lets expect, of as many models and of more
    middle = {k: np.median(v) for k, v in smooth.coordinates(base.u, base.place).items()}
    slope = 2 * np.exp(middle["ln_slope"]) / (1 + FOURFOLD)
    middle |= {"ln_factor": np.log(FOURFOLD), "place": 0.0, "ln_slope": np.log(slope)}
    middle["level"] -= slope * (FOURFOLD - 1) / 2
    score = smooth.mean(middle, smooth.eta(middle, task.scaled(task.x)))
    score = np.sign(task.score[0]) * np.exp(score) if smooth.link == "score" else score
    expected = []
    for weight in (1.0, TIMES):
        there = replace(task, score=score, weight=weight)
        logs = [replace(m, task=there).explore(rng).log_evidence for m in (smooth, broken[-1])]
        expected.append(logs[1] - logs[0])
    n, gained = len(task.x), expected[1] - expected[0]
    more = n * (TIMES - 1) * (EXPECTED - expected[0]) / gained if gained > 0.5 else np.inf
    verdict = "cannot tell"
    if ln_bf.min() >= NEEDED and over_gradual >= POSITIVE and (low > 1 or high < 1):
        verdict = "a break" if low > 1 else "a slowdown"
    elif ln_bf.max() < NEEDED / 2 and expected[0] >= EXPECTED:
        verdict = "no sign of one"
    return {
        "verdict": verdict, "rival": rival, "ln_bf": ln_bf[1], "ln_bf_lower": ln_bf.min(),
        "ln_bf_upper": ln_bf.max(), "ln_bf_gradual": over_gradual, "factor": factor,
        "factor_lower": low, "factor_upper": high, "x": task.at(np.median(c["place"])),
        "expected": expected[0], "models": np.ceil(max(n + more, 4)),
    }  # fmt: skip
