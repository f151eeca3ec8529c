r"""Whether residuals have curvature in size, and whether noise changes with it.

With z the normal scores of the noise of one draw (:mod:`.implied_noise`), z̄ their mean over draws
and H their covariance, z̄ is normal with the covariance 1 - H under the model, to first order: what
a posterior takes up of a pattern is what its draws disagree on. So any shape g, as it shows in z,
gives a score

.. math:: t_g = g^\top \bar z / |g|, \quad |g|^2 = g^\top (1 - H) \, g,

that is standard normal. Shapes are kinks, :math:`\max(\ln x - \ln x_0, 0)` for knots :math:`x_0`
over the range of each size x, and curvatures, :math:`(\ln x - \overline{\ln x})^2`. The largest
score of a family of knots exceeds t with a probability of at most

.. math:: 2 \Phi(-t) + \frac{\kappa}{\pi} e^{-t^2 / 2},

with κ the length of the path that g / abs(g) takes on the sphere as the knot moves [1]_. The scores
of the sizes of noise, :math:`v = \Phi^{-1}(2 \Phi(|z|) - 1)`, are standard normal as well: the
squared length of their projection on the sizes of the runs is χ².

References
----------
.. [1] Davies (1987), Hypothesis testing when a nuisance parameter is present only under the
   alternative, Biometrika 74(1), 33-43, doi:10.1093/biomet/74.1.33.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, ndtr, ndtri

from bayesscale._types import Array
from bayesscale.laws import SPLIT, Law
from bayesscale.quantities import FLOPS, QUANTITIES, Quantity
from bayesscale.runs import Runs

KNOTS = np.linspace(0.15, 0.85, 8)
"""Where kinks are looked for, as quantiles of the different values of a size."""

LEAST_VALUES = 5
"""A size with fewer different values has no kinks."""

LEFT = 0.1
"""A shape of whose square the posterior leaves a smaller share is taken up whole."""

LARGEST_Z = 8.0

SCALE_SLOPE = 1.177
"""Mean of dv / d ln|z|, v the score of the size of noise, for standard normal z."""


@dataclass(frozen=True)
class Scores:
    """Mean scores of the noise ``(run,)`` and scaled deviations ``(draw, run)``: H = vary²."""

    mean: Array
    vary: Array

    @classmethod
    def of(cls, z: Array) -> "Scores":
        """Take normal scores ``(draw, run)``."""
        mean = z.mean(axis=0)
        return cls(mean, (z - mean) / np.sqrt(len(z)))

    def products(self, shapes: Array) -> Array:
        """Return what the posterior leaves of the products of shapes ``(shape, run)``."""
        seen = shapes @ self.vary.T
        return shapes @ shapes.T - seen @ seen.T


@dataclass(frozen=True)
class Family:
    """Shapes along one size: kinks at knots, in the unit of the size, and last a curvature.

    ``lengths`` are the standard deviations that a unit of each shape moves its score by, and
    ``scores`` the scores, both of shape ``(knot + 1,)`` and NaN for a shape of which the posterior
    leaves too little; ``path`` is the length of the path of kinks.
    """

    size: Quantity
    knots: Array
    lengths: Array
    scores: Array
    path: float

    def beyond(self, t: Array) -> Array:
        """Return how likely at most a score of the family is as large as t by chance."""
        return 4 * ndtr(-t) + self.path / np.pi * np.exp(-0.5 * t**2)


def sizes_of(law: Law, runs: Runs) -> dict[str, tuple[Quantity, Array]]:
    """Return the sizes that a law has in logs, and their logs: compute first, where split."""
    sizes = {name: q for name, q in law.quantities.items() if q.scale == "log"}
    if set(SPLIT) <= set(sizes):
        sizes = {FLOPS.name: QUANTITIES[FLOPS.name], **sizes}
    logs = {name: (q, np.log(runs[name])) for name, q in sizes.items()}
    return {name: pair for name, pair in logs.items() if len(np.unique(pair[1])) >= LEAST_VALUES}


def families(
    law: Law, runs: Runs, scores: Scores, shown_in: Callable[[Array], Array]
) -> list[Family]:
    """Return shapes; ``shown_in`` maps a shape of log loss ``(run,)`` to one of scores."""
    result = []
    sizes = sizes_of(law, runs)
    # what is straight in the sizes every law takes up: without it, the rest is known better
    straight = _basis([np.ones(len(runs)), *(x for _, x in sizes.values())])
    for q, x in sizes.values():
        knots = np.quantile(np.unique(x), KNOTS)
        shapes = np.stack([*(np.maximum(x - knot, 0.0) for knot in knots), (x - x.mean()) ** 2])
        shapes = shapes - (shapes @ straight) @ straight.T
        shown = np.stack([shown_in(shape) for shape in shapes])
        products = scores.products(shown)
        square = np.diag(products)
        there = square > LEFT * np.sum(shown**2, axis=1)
        if not there[:-1].any():
            continue
        lengths = np.sqrt(np.where(there, square, np.nan))
        kinks = np.flatnonzero(there[:-1])
        cosines = (products / np.outer(lengths, lengths))[kinks[1:], kinks[:-1]]
        path = float(np.arccos(np.clip(cosines, -1, 1)).sum())
        result.append(Family(q, np.exp(knots), lengths, shown @ scores.mean / lengths, path))
    return result


def beyond_all(shapes: Sequence[Family], t: Array) -> Array:
    """Return how likely at most any score of all families is as large as t by chance."""
    return np.minimum(sum((family.beyond(t) for family in shapes), np.zeros_like(t)), 1.0)


def critical_score(shapes: Sequence[Family], level: float) -> float:
    """Return the score that any shape exceeds by chance with this probability at most."""
    return float(brentq(lambda t: float(beyond_all(shapes, np.array(t))) - level, 0.5, 20.0))


def noise_by_size(law: Law, runs: Runs, z: Array) -> tuple[float, float, Array]:
    """Return the ratio of scales of noise by a trend over sizes, its p-value and log scale by run.

    Takes normal scores ``(draw, run)``; all are NaN where runs have one size.
    """
    x = [x - x.mean() for _, x in sizes_of(law, runs).values()]
    if not x:
        return np.nan, np.nan, np.zeros(z.shape[1])
    basis = _basis(x)
    v = np.clip(ndtri(2 * ndtr(np.minimum(np.abs(z), LARGEST_Z)) - 1), -LARGEST_Z, LARGEST_Z)
    along = v @ basis
    p = float(np.median(chdtrc(basis.shape[1], np.sum(along**2, axis=1))))
    log_scale = np.median(along, axis=0) @ basis.T / SCALE_SLOPE
    return float(np.exp(np.ptp(log_scale))), p, log_scale


def _basis(vectors: Sequence[Array]) -> Array:
    """Return orthonormal vectors that span the same space, as columns."""
    basis, spread, _ = np.linalg.svd(np.stack(vectors, axis=1), full_matrices=False)
    return basis[:, spread > 1e-6 * spread[0]]
