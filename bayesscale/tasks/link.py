r"""Links from loss, or from compute, to a score of a task, and the likelihood of measured scores.

With t the predictor in half ranges of the models, better to the right, and an offset v of the
corpus or family,

.. math:: \eta = a + b\,[t + (f - 1) \max(t - \tau, 0)] + v

is about the log odds between chance c and ceiling m (``"sigmoid"``, of the shape h: 1 is logistic),
the log of what exceeds chance
(``"exponential"``: Gadre et al. 2024, arXiv:2403.08540), or minus the log of the loss of one of k
steps (``"power"``, as in Schaeffer et al. 2023, arXiv:2304.15004):

.. math:: p = c + (m - c) \left[ 1 - (1 + e^{\eta} / h)^{-h} \right], \qquad
          p = c + (1 - c) e^{\eta}, \qquad p = e^{-k \exp(-\eta)}.

A log-likelihood or Brier score s has :math:`\ln |s| = -\eta` (``"score"``) with a normal error.
Counts are beta-binomial: the rate has the standard deviation :math:`2 \sigma \sqrt{p (1 - p)}`, as
have averages over several tasks, which are normal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaln

from bayesscale._types import Array
from bayesscale.tasks.explore import Explored, explore
from bayesscale.tasks.intake import Task

LINKS = ("sigmoid", "exponential", "power")

PRIORS = {
    "level": (0.0, 2.5), "ln_slope": (0.3, 1.0), "ceiling": (3.0, 1.5), "ln_shape": (0.0, 1.0),
    "ln_sd": (float(np.log(0.025)), 0.8), "ln_offset": (float(np.log(0.1)), 0.8),
}  # fmt: skip
"""Mean and standard deviation of normal priors; that of the ceiling is of its log odds between
chance and 1, that of the SD of offsets of the link's argument."""

PLACES = np.linspace(-0.7, 0.7, 11)
"""Where a slope may change, in half ranges of the models."""

NEWTON, STEP, AT_ONCE, EDGE = 4, 0.02, 2**18, 1e-9


@dataclass(frozen=True)
class Model:
    """A link: flat, or with a slope that changes by e^N(0, ``bend``), at once or gradually."""

    task: Task
    link: str
    flat: bool = False
    bend: float = 0.0
    gradual: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that the model has."""
        left_out = {"ln_slope"} if self.flat else set()
        left_out |= {"ceiling", "ln_shape"} if self.flat or self.link != "sigmoid" else set()
        left_out |= {"ln_offset"} if len(self.task.groups) < 2 else set()
        return tuple(n for n in (*PRIORS, *["ln_factor"] * (self.bend > 0)) if n not in left_out)

    def coordinates(self, u: Array, place: NDArray[np.intp]) -> dict[str, Array]:
        """Return coordinates, shape ``(point,)``, of standardised ones."""
        priors = {**PRIORS, "ln_factor": (0.0, self.bend)}
        c = {n: priors[n][0] + priors[n][1] * v for n, v in zip(self.names, u.T, strict=True)}
        return {"ln_factor": np.zeros(len(u)), **c, "place": PLACES[place]}

    def eta(self, c: Mapping[str, Any], t: Array) -> Array:
        """Return the link's argument at ``t``, broadcast against coordinates ``(point, 1)``."""
        if self.flat:
            return c["level"] + 0 * t
        above, rate = np.expm1(c["ln_factor"]) * np.maximum(t - c["place"], 0), c["ln_factor"] / 2
        if self.gradual:  # the log of the slope changes evenly
            above = np.expm1(rate * t) / np.where(rate == 0, 1, rate) - t * (rate != 0)
        return c["level"] + np.exp(c["ln_slope"]) * (t + above)

    def mean(self, c: Mapping[str, Any], eta: Array) -> Array:
        """Return the expected share or, of a score, its log."""
        if self.link == "score":
            return -eta
        chance, p = self.task.chance, np.exp(np.minimum(eta, 0))
        if self.link == "power":
            return np.clip(np.exp(-self.task.steps * np.exp(-np.maximum(eta, -30))), EDGE, 1 - EDGE)
        if self.link == "sigmoid":
            shape = 1.0 if self.flat else np.exp(c["ln_shape"])
            p = -np.expm1(-shape * np.log1p(np.exp(np.minimum(eta, 50)) / shape))
            p = p * (1.0 if self.flat else expit(c["ceiling"]))
        return np.clip(chance + (1 - chance) * p, EDGE, 1 - EDGE)

    def log_rows(self, c: Mapping[str, Any], mean: Array) -> Array:
        """Return the log density of every measured score, constants of the counts left out."""
        y, n, sd = self.task.score, self.task.questions, np.exp(np.clip(c["ln_sd"], -7, -0.8))
        if self.link == "score" or n is None:
            if self.link == "score":
                y, spread = np.log(np.abs(y)), sd
            else:
                spread = 2 * sd * np.sqrt(mean * (1 - mean))
            return -0.5 * ((y - mean) / spread) ** 2 - np.log(spread)
        phi = 0.25 / sd**2 - 1
        a, b, k = phi * mean, phi * (1 - mean), y * n
        rows = gammaln(a + k) - gammaln(a) + gammaln(b + n - k) - gammaln(b)
        return rows + gammaln(phi) - gammaln(phi + n)

    def by_group(self, c: Mapping[str, Any]) -> tuple[Array, Array, Array]:
        """Return log likelihoods ``(point, group)`` over offsets, and these' mode and precision."""
        c, task = {name: value[:, None] for name, value in c.items()}, self.task
        starts = np.flatnonzero(np.diff(task.member, prepend=-1))
        eta, sd = self.eta(c, task.scaled(task.x)), np.exp(c.get("ln_offset", 0 * c["level"]))

        def density(z: Array) -> Array:
            rows = self.log_rows(c, self.mean(c, eta + sd * z[:, task.member])) * task.weight
            return np.add.reduceat(rows, starts, axis=1) - 0.5 * z**2

        z = np.zeros((len(eta), len(starts)))
        if len(starts) == 1:  # no offset
            return density(z), z, z + np.inf
        precision = z
        for _ in range(NEWTON):
            down, here, up = density(z - STEP), density(z), density(z + STEP)
            precision = np.maximum((2 * here - up - down) / STEP**2, 0.5)
            z = np.clip(z + np.clip((up - down) / (2 * STEP) / precision, -1.5, 1.5), -6, 6)
        return density(z) - 0.5 * np.log(precision), z, precision

    def log_density(self, u: Array, place: NDArray[np.intp]) -> Array:
        """Return the log of likelihood times prior at standardised points."""
        parts = np.array_split(np.arange(len(u)), 1 + u.shape[0] * len(self.task.x) // AT_ONCE)
        found = [self.by_group(self.coordinates(u[s], place[s]))[0].sum(axis=1) for s in parts]
        prior = -0.5 * (u**2).sum(axis=1) - 0.5 * u.shape[1] * np.log(2 * np.pi)
        return np.nan_to_num(np.concatenate(found) + prior, nan=-np.inf, neginf=-np.inf)

    def explore(self, rng: np.random.Generator, draws: int = 4000) -> Explored:
        """Draw from the posterior, and estimate the evidence."""
        places = len(PLACES) if self.bend and not self.gradual else 1
        return explore(self.log_density, len(self.names), places=places, draws=draws, rng=rng)

    def offsets(self, c: Mapping[str, Any], rng: np.random.Generator) -> Array:
        """Draw the offset of every group given coordinates, ``(draw, group)``."""
        _, z, precision = self.by_group(c)
        z = z + rng.standard_normal(z.shape) / np.sqrt(precision)
        return z * np.exp(c["ln_offset"])[:, None] if "ln_offset" in c else z
