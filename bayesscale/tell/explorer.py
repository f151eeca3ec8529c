"""The compute-optimal run of any budget, tabulated so that a page can look it up offline."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayesscale._types import Array
from bayesscale.accounting import LifetimeCost
from bayesscale.forecast import Mixture, Purchase, summary_columns
from bayesscale.model import Posterior
from bayesscale.planning import Plan
from bayesscale.quantities import LossScale

BUDGETS = 17

BELOW, BEYOND = 10.0, 1000.0
"""Budgets reach from the largest run's compute over the first to the second times it."""

SERVED = 11
"""Numbers of served tokens that are tabulated, besides none."""

SERVED_FROM, SERVED_TO = 0.1, 300.0
"""Served tokens reach from the first to the second times D* of the smallest and largest budget."""

THINNED = 200
"""Draws that say how serving moves an answer, which is searched for by draw."""


@dataclass(frozen=True)
class Explorer:
    """Medians and intervals of N*, D* and L* over budgets and served tokens.

    ``values``: ``params``, ``tokens`` and ``loss`` (L*, nats/token, without run noise), each with
    ``_lower`` and ``_upper``, ``(flops,)``; ``moved``: the same where tokens are served as well,
    ``(served, flops)``, NaN without a best split; ``largest``: compute of the largest fitted run.
    """

    flops: Array
    values: dict[str, Array]
    served: Array
    moved: dict[str, Array]
    largest: float
    scale: LossScale

    def as_dict(self) -> dict[str, Any]:
        """Return what the page interpolates: natural logs, to a millionth; None for NaN."""

        def logs(name: str, column: Array) -> list[Any]:
            shown = self.scale.show(column) if name.startswith("loss") else column
            rounded = np.round(np.log(shown), 6).astype(object)
            rounded[np.isnan(column)] = None
            return rounded.tolist()

        return {
            "logFlops": np.log(self.flops).tolist(),
            "logServed": np.log(self.served).tolist(),
            "largest": self.largest,
            "unit": self.scale.unit,
            "values": {name: logs(name, column) for name, column in self.values.items()},
            "moved": {name: logs(name, column) for name, column in self.moved.items()},
        }


def explorer_of(plan: Plan) -> Explorer:
    """Tabulate the best splits of budgets, up to those of the plan at least.

    What further serving moves is the ratio of summaries of thinned draws with and without it.
    """
    purchase = Purchase.of(plan.fit, plan.terms)
    runs, ci_prob = purchase.mixture.reference.runs, plan.ci_prob
    largest = float(runs.flops.max())
    budgets = np.geomspace(largest / BELOW, max(BEYOND * largest, plan.budgets.max()), BUDGETS)
    values: dict[str, Array] = {}
    for name, drawn in purchase.optima(budgets).items():
        values |= summary_columns(name, drawn, ci_prob)
    tokens = values["tokens"]
    served = np.geomspace(SERVED_FROM * np.nanmin(tokens), SERVED_TO * np.nanmax(tokens), SERVED)
    few = _thinned(purchase.mixture)

    def summary(question: Purchase) -> dict[str, Array]:
        parts = [question.best(posterior, budgets) for posterior in few]
        columns: dict[str, Array] = {}
        for name in parts[0]:
            drawn = np.concatenate([part[name] for part in parts])
            columns |= summary_columns(name, drawn[None], ci_prob)
        return columns

    unmoved = summary(purchase)
    moved: dict[str, list[Array]] = {name: [] for name in values}
    for amount in served:
        cost = LifetimeCost(tokens_served=float(amount), training=purchase.cost)
        terms = replace(purchase.terms, cost=cost)
        for name, column in summary(replace(purchase, terms=terms)).items():
            moved[name].append(values[name] * column / unmoved[name])
    stacked = {name: np.stack(columns) for name, columns in moved.items()}
    scale = LossScale.of(runs, plan.prediction.unit)
    return Explorer(budgets, values, served, stacked, largest, scale)


def _thinned(mixture: Mixture) -> list[Posterior]:
    """Return some draws of every law, in proportion to its share."""
    total = sum(len(component.places) for component in mixture.components)
    return [
        component.posterior.thin(max(1, round(THINNED * len(component.places) / total)))
        for component in mixture.components
    ]
