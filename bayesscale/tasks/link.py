r"""Links from loss, or from compute, to a score of a task, and the likelihood of measured scores.

With t the predictor in half ranges of the models, better to the right, and an offset v of the
corpus or family,

.. math:: \eta = a + b\,[t + (f - 1) \max(t - \tau, 0)] + v

is the log odds between chance and ceiling (``"sigmoid"``), the log of what exceeds chance
(``"exponential"``: Gadre et al. 2024, arXiv:2403.08540, eq. 5), or the negative log of the loss of
one of k steps (``"power"``, as in Schaeffer et al. 2023, arXiv:2304.15004):

.. math:: p = c + (m - c) \operatorname{logit}^{-1} \eta, \qquad
          p = c + (1 - c) e^{\eta}, \qquad p = e^{-k \exp(-\eta)}.

A log-likelihood or Brier score s has :math:`\ln |s| = -\eta` (``"score"``). Counts are
beta-binomial with the standard deviation :math:`2 \sigma \sqrt{p (1 - p)}` of the rate; averages
over several tasks are normal with it; scores have a normal error of :math:`\ln |s|`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, gammaln

from bayesscale._types import Array
from bayesscale.tasks.explore import Explored, explore
from bayesscale.tasks.intake import Task

LINKS = ("sigmoid", "exponential", "power", "score")

PRIORS = {
    "level": {"sigmoid": (0.0, 2.5), "exponential": (-1.5, 1.5), "power": (0.0, 2.5),
              "score": (0.0, 2.5)},
    "ln_slope": dict.fromkeys(LINKS, (0.3, 1.0)),
    "ceiling": {"sigmoid": (3.0, 1.5)},
    "ln_sd": dict.fromkeys(LINKS, (float(np.log(0.025)), 0.8)),
    "ln_offset": dict.fromkeys(LINKS, (float(np.log(0.1)), 0.8)),
}  # fmt: skip
"""Mean and standard deviation of the normal prior of each coordinate, by link; that of the ceiling
is of the log odds between chance and 1."""

PLACES = np.linspace(-0.7, 0.7, 11)
"""Where a slope may change, in half ranges of the models."""

NEWTON, STEP = 4, 0.02
"""Steps to the mode of an offset, and of its differences."""

AT_ONCE = 2**18
EDGE = 1e-9


@dataclass(frozen=True)
class Model:
    """A link, flat or with a change of slope whose log has the prior scale ``bend``, of a task."""

    task: Task
    link: str
    flat: bool = False
    bend: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinates that the model has."""
        some = ("level", "ln_sd") if self.flat else ("level", "ln_slope", "ceiling", "ln_sd")
        names = [name for name in some if self.link in PRIORS[name]]
        grouped = ["ln_offset"] if self.task.grouped else []
        return (*names, *grouped, *(["ln_factor"] if self.bend else []))

    def coordinates(self, u: Array, place: Array) -> dict[str, Array]:
        """Return coordinates, shape ``(point,)``, of standardised ones."""
        c = {}
        for name, value in zip(self.names, u.T, strict=True):
            mean, sd = PRIORS[name][self.link] if name in PRIORS else (0.0, self.bend)
            c[name] = mean + sd * value
        return {"ln_factor": np.zeros(len(u)), **c, "place": PLACES[place]}

    def eta(self, c: Mapping[str, Array], t: Array) -> Array:
        """Return the link's argument at ``t``, broadcast against coordinates ``(point, 1)``."""
        if self.flat:
            return c["level"] + 0 * t
        above = np.expm1(c["ln_factor"]) * np.maximum(t - c["place"], 0)
        return c["level"] + np.exp(c["ln_slope"]) * (t + above)

    def mean(self, c: Mapping[str, Array], eta: Array) -> Array:
        """Return the expected share or, of a score, its log."""
        chance = self.task.chance
        if self.link == "score":
            return -eta
        if self.link == "power":
            return np.clip(np.exp(-self.task.steps * np.exp(-np.maximum(eta, -30))), EDGE, 1 - EDGE)
        if self.link == "exponential":
            share = np.exp(np.minimum(eta, 0))
        elif self.flat:
            share = expit(eta)
        else:
            share = expit(c["ceiling"]) * expit(eta)
        return np.clip(chance + (1 - chance) * share, EDGE, 1 - EDGE)

    def log_rows(self, c: Mapping[str, Array], mean: Array) -> Array:
        """Return the log density of every measured score, constants of the counts left out."""
        task, sd = self.task, np.exp(np.clip(c["ln_sd"], -7, -0.8))
        if self.link == "score" or task.questions is None:
            y = np.log(np.abs(task.score)) if self.link == "score" else task.score
            spread = sd if self.link == "score" else 2 * sd * np.sqrt(mean * (1 - mean))
            return -0.5 * ((y - mean) / spread) ** 2 - np.log(spread)
        phi = 0.25 / sd**2 - 1
        a, b, k, n = phi * mean, phi * (1 - mean), task.score * task.questions, task.questions
        rows = gammaln(a + k) - gammaln(a) + gammaln(b + n - k) - gammaln(b)
        return rows + gammaln(phi) - gammaln(phi + n)

    def by_group(self, c: Mapping[str, Array]) -> tuple[Array, Array, Array]:
        """Return the log likelihood by group, its offset summed over, and the offset's mode and
        precision in units of its standard deviation, all ``(point, group)``: Laplace's method.
        """  # noqa: D205
        c = {name: value[:, None] for name, value in c.items()}
        starts = np.flatnonzero(np.diff(self.task.member, prepend=-1))
        eta, sd = self.eta(c, self.task.t), np.exp(c["ln_offset"])

        def density(z: Array) -> Array:
            rows = self.log_rows(c, self.mean(c, eta + sd * z[:, self.task.member]))
            by = np.add.reduceat(rows * self.task.weight, starts, axis=1)
            return by - 0.5 * z**2 - 0.5 * np.log(2 * np.pi)

        z = np.zeros((len(eta), len(starts)))
        for _ in range(NEWTON):
            down, here, up = density(z - STEP), density(z), density(z + STEP)
            precision = np.maximum((2 * here - up - down) / STEP**2, 0.5)
            z = np.clip(z + np.clip((up - down) / (2 * STEP) / precision, -1.5, 1.5), -6, 6)
        return density(z) + 0.5 * np.log(2 * np.pi / precision), z, precision

    def log_density(self, u: Array, place: Array) -> Array:
        """Return the log of likelihood times prior at standardised points."""
        prior = -0.5 * (u**2).sum(axis=1) - 0.5 * u.shape[1] * np.log(2 * np.pi)
        size = len(self.task.t)
        parts = []
        for some in np.array_split(np.arange(len(u)), max(1, len(u) * size // AT_ONCE)):
            c = self.coordinates(u[some], place[some])
            if self.task.grouped:
                parts.append(self.by_group(c)[0].sum(axis=1))
            else:
                c = {name: value[:, None] for name, value in c.items()}
                rows = self.log_rows(c, self.mean(c, self.eta(c, self.task.t)))
                parts.append((rows * self.task.weight).sum(axis=1))
        found = np.concatenate(parts) + prior
        return np.where(np.isnan(found), -np.inf, found)

    def explore(self, draws: int, rng: np.random.Generator) -> Explored:
        """Draw from the posterior, and estimate the evidence."""
        places = len(PLACES) if self.bend else 1
        return explore(self.log_density, len(self.names), places=places, draws=draws, rng=rng)

    def offsets(self, c: Mapping[str, Array], rng: np.random.Generator) -> Array:
        """Draw the offset of every group given coordinates, ``(draw, group)``."""
        _, z, precision = self.by_group(c)
        z = z + rng.standard_normal(z.shape) / np.sqrt(precision)
        return np.exp(c["ln_offset"])[:, None] * z
