"""What is ranked: every coordinate, the joint log likelihood, and answers far from the runs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.forecast.cost import runs_cost
from bayesscale.inference.draws import _density
from bayesscale.model.data import model_data
from bayesscale.model.spec import ModelSpec, log_inputs
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

LOG_LIKELIHOOD = "log_likelihood"

WIDTH = 15.0
"""The best size is looked for within this distance of the centre's shape, in ln N."""

SIZES = 241
"""Sizes compared on the way."""


@dataclass(frozen=True)
class Ladder:
    """A model and the runs that it is simulated at and refitted to.

    Parameters
    ----------
    spec
        The model. Its reference point and spread are those of the real runs throughout.
    runs
        The real runs: all but their losses is kept.
    flops
        Budgets that are asked about.
    """

    spec: ModelSpec
    runs: Runs
    flops: tuple[float, ...]

    def data(self) -> dict[str, Array]:
        """Return what the compiled density depends on; a simulation swaps the log losses."""
        return model_data(self.spec, self.runs)

    def log_loss(self, c: Mapping[str, Array]) -> Array:
        """Return the surface's log loss at the runs, shape ``(draw, run)``."""
        x = log_inputs(self.runs, self.spec.law, self.spec.reference)
        return self._surface(c, x)

    def simulate(self, c: Mapping[str, Array], rng: np.random.Generator) -> Array:
        """Draw log losses of the runs, shape ``(draw, run)``."""
        mean, columns, se = self.log_loss(c), _columns(c), self._log_loss_se()
        noise, size = self.spec.noise, mean.shape
        if self.spec.has_clusters:
            codes = self.runs.cluster_codes
            return mean + noise.draw_together(rng, size, columns, codes=codes, se=se)
        return mean + noise.draw(rng, size, columns | {"sigma": np.hypot(columns["sigma"], se)})

    def quantities(self, c: Mapping[str, Array], log_loss: Array) -> dict[str, Array]:
        """Return everything that is ranked, by name, each of shape ``(draw,)``.

        Parameters
        ----------
        c
            Draws of every coordinate, shape ``(draw,)``.
        log_loss
            The simulated log losses, shape ``(run,)``.
        """
        density = _density(self.spec, self.runs, self._log_loss_se())
        result = {k.name: c[k.name] for k in self.spec.coordinates}
        result[LOG_LIKELIHOOD] = density(log_loss - self.log_loss(c), _columns(c)).sum(axis=1)
        splits = set(self.spec.law.inputs) == {"params", "tokens"}
        for budget in self.flops:
            name = f"{budget:g} FLOP".replace("e+", "e")
            if splits:
                result[f"N* at {name}"] = self._log_best_params(c, budget)
            result[f"loss at {name}"] = self._log_loss_beyond(c, budget)
        return result

    def _log_loss_se(self) -> Array:
        """Return the standard errors that the refit is told, those of the real runs."""
        return self.data().get("log_loss_se", np.zeros(len(self.runs)))

    def _surface(self, c: Mapping[str, Array], x: Mapping[str, Array]) -> Array:
        return np.log(self.spec.reference.loss) + self.spec.log_loss(_columns(c), x, np)

    def _log_loss_beyond(self, c: Mapping[str, Array], budget: float) -> Array:
        """Return the log loss at the largest run's shape, scaled up to the budget."""
        largest = int(self.runs.flops.argmax())
        inputs = log_inputs(self.runs, self.spec.law, self.spec.reference)
        further = np.log(budget / self.runs.flops[largest]) / len(inputs)
        return self._surface(c, {name: x[[largest]] + further for name, x in inputs.items()})[:, 0]

    def _log_best_params(self, c: Mapping[str, Array], budget: float) -> Array:
        """Return ln N of the least loss that a budget buys, relative to the centre's N.

        Sizes are compared within wide bounds, so that there is a best one whatever the
        parameters, as a prior may draw some that have no best split at all. To leave those
        simulations out would be to choose by the truth, which biases the ranks.
        """
        reference, cost = self.spec.reference, runs_cost(self.runs)
        middle = np.log(budget / cost.flops(reference.params, reference.tokens)) / 2
        x = middle + np.linspace(-WIDTH, WIDTH, SIZES)
        tokens = cost.tokens(reference.params * np.exp(x), np.full(SIZES, budget))
        loss = self._surface(c, {"params": x, "tokens": np.log(tokens / reference.tokens)})
        best = loss.argmin(axis=1)
        at, rows = best.clip(1, SIZES - 2), np.arange(len(loss))
        before, here, after = (loss[rows, at + k] for k in (-1, 0, 1))
        bend = before - 2 * here + after
        vertex = np.divide((before - after) / 2, bend, out=np.zeros_like(here), where=bend > 0)
        return np.where(best == at, x[at] + (x[1] - x[0]) * vertex, x[best])


def _columns(c: Mapping[str, Array]) -> dict[str, Array]:
    """Return draws that broadcast over runs, shape ``(draw, 1)``."""
    return {name: values[:, None] for name, values in c.items()}
