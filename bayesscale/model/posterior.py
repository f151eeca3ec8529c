"""Draws of a model as a surface: the one place where draws become losses. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array, ReadOnly
from bayesscale.model.rows import Rows
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

VALUES_PER_BLOCK = 2_000_000
"""Draws × rows evaluated at once, which bounds memory."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of every coordinate of a model, from the posterior or the prior.

    ``c`` holds them by name, shape ``(*draws, 1)``, so that they broadcast over targets or runs.
    """

    spec: ModelSpec
    c: Mapping[str, Array]

    @classmethod
    def of(cls, spec: ModelSpec, draws: Any) -> Posterior:
        """Take draws of shape ``(*draws,)`` by name of coordinate."""
        c = {k.name: np.asarray(draws[k.name])[..., None] for k in spec.coordinates}
        return cls(spec, ReadOnly(c))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the draws."""
        return np.shape(next(iter(self.c.values())))[:-1]

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    def flat(self) -> Posterior:
        """Return the draws in one row, shape ``(draw, 1)``."""
        return Posterior(self.spec, {k: v.reshape(-1, 1) for k, v in self.c.items()})

    def thin(self, draws: int) -> Posterior:
        """Keep so many draws, evenly over all chains, shape ``(draw, 1)``; repeat some if few."""
        chosen = evenly(draws, len(self))
        return Posterior(self.spec, {k: v.reshape(-1, 1)[chosen] for k, v in self.c.items()})

    def replaced(self, **c: Array) -> Posterior:
        """Return the draws with some coordinates replaced."""
        return Posterior(self.spec, {**self.c, **c})

    def relative_log_loss(self, x: Mapping[str, Array]) -> Array:
        """Return log loss relative to the reference's at centred inputs that broadcast."""
        return self.spec.relative_log_loss(self.c, x, np)

    def log_loss(self, inputs: Any) -> Array:
        """Return the surface's log loss at runs or inputs by name, shape ``(*draws, target)``."""
        return np.log(self.spec.reference["loss"]) + self.relative_log_loss(
            self.spec.centred(inputs)
        )

    def law_loss(self, inputs: Any) -> Array:
        """Return the surface's loss, nats/token, shape ``(*draws, target)``."""
        return np.exp(self.log_loss(inputs))

    def noise_at(self, inputs: Any) -> dict[str, Array]:
        """Return the draws with the scale of noise of runs or inputs by name, ``(*draws, run)``."""
        return self.spec.noise_at(self.c, self.spec.centred(inputs), np)

    def new_runs(
        self, log_loss: Array, inputs: Any, rng: np.random.Generator,
        loss_se: Array | float = 0.0,
    ) -> Array:  # fmt: skip
        """Return losses of new runs: the surface's log loss ``(*draws, target)`` with the noise of
        runs at inputs by name, and standard errors of measuring the loss, nats/token.

        A log loss of shape ``(*draws, 1)`` shares one draw of the noise among all inputs.
        """  # noqa: D205
        noise = self.noise_at(inputs)
        # as in the model: the scale of log loss, to first order d ln L = dL / L
        noise["sigma"] = np.hypot(noise["sigma"], loss_se / np.exp(log_loss))
        with np.errstate(over="ignore"):  # heavy tails may reach beyond a float: infinite is right
            return np.exp(log_loss + self.spec.noise.draw(rng, log_loss.shape, noise))

    def simulate(self, runs: Runs, rng: np.random.Generator) -> Array:
        """Draw log losses of runs as the model makes them, shape ``(*draws, run)``."""
        log_loss = self.log_loss(runs)
        rows = self.spec.rows(runs)
        noise = self.noise_at(runs)
        return log_loss + self.spec.noise.draw_rows(rng, rows, log_loss.shape, noise)

    def residuals(self, runs: Runs) -> Array:
        """Return log loss minus the surface's, shape ``(*draws, run)``."""
        observed = np.log(runs.loss / self.spec.reference["loss"])
        return observed - self.relative_log_loss(self.spec.centred(runs))

    def log_likelihood(self, runs: Runs, rows: Rows | None = None) -> Array:
        """Return the log likelihood by cluster, a lone row being one: ``(*draws, cluster)``."""
        rows = self.spec.rows(runs) if rows is None else rows
        out = np.empty((len(self), len(rows.size)))
        block = max(1, VALUES_PER_BLOCK // len(runs))
        flat = self.flat()
        for start in range(0, len(self), block):
            c = {name: values[start : start + block] for name, values in flat.c.items()}
            part = Posterior(self.spec, c)
            residual, noise = part.residuals(runs), part.noise_at(runs)
            out[start : start + block] = self.spec.noise.log_density(rows, residual, noise)
        return out.reshape(*self.shape, -1)


def evenly(draws: int, of: int) -> NDArray[np.intp]:
    """Return the places of so many draws, evenly spread over those there are."""
    return np.floor((np.arange(draws) + 0.5) * of / draws).astype(np.intp)
