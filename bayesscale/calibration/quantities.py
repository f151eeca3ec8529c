"""What is ranked: every coordinate, the joint log likelihood, and answers far from the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesscale._types import Array
from bayesscale.forecast import runs_cost
from bayesscale.laws import SPLIT
from bayesscale.model import ModelSpec, Posterior
from bayesscale.runs import Runs

LOG_LIKELIHOOD = "log_likelihood"

WIDTH = 15.0
"""The best size is looked for within this distance of the centre's shape, in ln N."""

SIZES = 241
"""Sizes compared on the way."""

LOG_LOSS_MAX = 1e3
"""Losses beyond it are alike: no size that has one is the best."""


@dataclass(frozen=True)
class Ladder:
    """A model, the real runs that it is simulated at and refitted to, and the budgets asked about.

    All but the runs' losses is kept; reference point and spread are those of the real runs.
    """

    spec: ModelSpec
    runs: Runs
    flops: tuple[float, ...]

    def quantities(self, c: Mapping[str, Array], log_loss: Array) -> dict[str, Array]:
        """Return everything that is ranked by name, of draws ``(draw,)`` of every coordinate and
        the simulated log losses ``(run,)``; each of shape ``(draw,)``.
        """  # noqa: D205
        posterior = Posterior.of(self.spec, c)
        # with the standard errors of the real runs' log losses, as the refit is told
        density = self.spec.noise.log_density(
            self.spec.rows(self.runs),
            log_loss - posterior.log_loss(self.runs),
            posterior.noise_at(self.runs),
        )
        result = {name: c[name] for name in self.spec.space.names}
        result[LOG_LIKELIHOOD] = density.sum(axis=1)
        for budget in self.flops:
            at = f"{budget:g} FLOP".replace("e+", "e")
            if set(self.spec.law.split) == set(SPLIT):
                result[f"N* at {at}"] = self._log_best_params(posterior, budget)
            result[f"loss at {at}"] = self._log_loss_beyond(posterior, budget)
        return result

    def _log_loss_beyond(self, posterior: Posterior, budget: float) -> Array:
        """Return the log loss at the largest run's shape, scaled up to the budget."""
        largest = int(self.runs.flops.argmax())
        x = {name: v[[largest]] for name, v in self.spec.centred(self.runs).items()}
        scaled = self.spec.law.split or tuple(x)
        further = np.log(budget / self.runs.flops[largest]) / len(scaled)
        return self._log_loss(posterior, x | {name: x[name] + further for name in scaled})[:, 0]

    def _log_best_params(self, posterior: Posterior, budget: float) -> Array:
        """Return ln N of the least loss that a budget buys, relative to the centre's N.

        Sizes are compared within wide bounds, so that there is a best one whatever the
        parameters, as a prior may draw some that have no best split at all. To leave those
        simulations out would be to choose by the truth, which biases the ranks.
        """
        reference, cost = self.spec.reference, runs_cost(self.runs)
        params, tokens = (reference[name] for name in SPLIT)
        middle = np.log(budget / cost.flops(params, tokens)) / 2
        x = middle + np.linspace(-WIDTH, WIDTH, SIZES)
        paid = cost.tokens(params * np.exp(x), np.full(SIZES, budget))
        sizes = {"params": x, "tokens": np.log(paid / tokens)}
        given = {name: np.zeros(1) for name in self.spec.law.given}  # at the centre
        loss = self._log_loss(posterior, sizes | given)
        best = loss.argmin(axis=1)
        at, rows = best.clip(1, SIZES - 2), np.arange(len(loss))
        before, here, after = (np.minimum(loss[rows, at + k], LOG_LOSS_MAX) for k in (-1, 0, 1))
        bend = before - 2 * here + after
        vertex = np.divide((before - after) / 2, bend, out=np.zeros_like(here), where=bend > 0)
        return np.where(best == at, x[at] + (x[1] - x[0]) * vertex, x[best])

    def _log_loss(self, posterior: Posterior, x: Mapping[str, Array]) -> Array:
        with np.errstate(over="ignore"):  # a steep law far from the centre: infinite is right
            return np.log(self.spec.reference["loss"]) + posterior.relative_log_loss(x)
