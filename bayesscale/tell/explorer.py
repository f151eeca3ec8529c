"""The compute-optimal run of any budget, tabulated so that a page can look it up offline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bayesscale.forecast.answer import summary_columns
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.split import optimal_split
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit
from bayesscale.model.posterior import Posterior

BUDGETS = 25

BELOW, BEYOND = 10.0, 1000.0
"""Budgets reach from the largest run's compute over the first to the second times it."""

NAMES = ("params", "tokens", "loss")


@dataclass(frozen=True)
class Explorer:
    """Medians and intervals of N*, D* and a new run's loss there over budgets.

    Parameters
    ----------
    flops
        Budgets, FLOP, evenly spaced in logs, shape ``(flops,)``.
    values
        ``params``, ``tokens`` and ``loss`` (nats/token), each with ``_lower`` and ``_upper``, from
        all draws, shape ``(flops,)``.
    largest
        Compute of the largest fitted run, FLOP.
    ci_prob
        Probability of the intervals.
    """

    flops: np.ndarray
    values: dict[str, np.ndarray]
    largest: float
    ci_prob: float

    def as_dict(self) -> dict[str, Any]:
        """Return what the page interpolates: natural logs, to a millionth."""
        logs = {name: np.round(np.log(column), 6).tolist() for name, column in self.values.items()}
        return {"log_flops": np.log(self.flops).tolist(), "largest": self.largest, **logs}


def explorer_of(fit: Fit | Average, *, ci_prob: float, end: float) -> Explorer:
    """Tabulate the best splits of budgets, up to ``end`` FLOP at least."""
    mixture = Mixture.of(fit)
    runs = mixture.host.runs
    largest = float(runs.flops.max())
    budgets = np.geomspace(largest / BELOW, max(BEYOND * largest, end), BUDGETS)
    cost = runs_cost(runs)

    def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Any]:
        split = optimal_split(posterior, budgets, cost, {})
        sizes = {"params": split.params, "tokens": split.tokens}
        # one draw of noise for all budgets: the interval's ends move smoothly with the slider
        noise = posterior.new_runs(np.zeros((len(posterior), 1)), rng)
        return {**sizes, "loss": posterior.law_loss(sizes) * noise}

    values: dict[str, np.ndarray] = {}
    for name, drawn in mixture.ask(question).items():
        values |= summary_columns(name, drawn, ci_prob)
    return Explorer(budgets, values, largest, ci_prob)
