r"""Whether what a law leaves over bends with size, and whether noise changes with it.

With z the normal scores of the noise of one draw (:mod:`.implied_noise`), independent and standard
normal under the model, any fixed shape h gives a score that is standard normal too,

.. math:: t_h = h^\top z / |h|.

Shapes are kinks, :math:`\max(\ln x - \ln x_0, 0)` for knots :math:`x_0` over the range of each
size x, and curvatures, :math:`(\ln x - \bar{\ln x})^2`. Of a shape only that part counts which the
posterior cannot take up: with H the covariance of z over draws, :math:`h = (1 - H) g`, where g is
how the shape shows in z. The largest score of a family of knots exceeds t with a probability of at
most

.. math:: 2 \Phi(-t) + \frac{\kappa}{\pi} e^{-t^2 / 2},

with κ the length of the path that h / abs(h) takes on the sphere as the knot moves [1]_. The scores
of the sizes of noise, :math:`v = \Phi^{-1}(2 \Phi(|z|) - 1)`, are standard normal as well: the
squared length of their projection on the sizes of the runs is χ².

References
----------
.. [1] Davies (1987), Hypothesis testing when a nuisance parameter is present only under the
   alternative, Biometrika 74(1), 33-43, doi:10.1093/biomet/74.1.33.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtrc, ndtr, ndtri

from bayesscale.laws import Law
from bayesscale.laws.law import SPLIT
from bayesscale.quantities import FLOPS, QUANTITIES, Quantity
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

KNOTS = np.linspace(0.15, 0.85, 8)
"""Where kinks are looked for, as quantiles of the different values of a size."""

LEAST_VALUES = 5
"""A size with fewer different values has no kinks."""

TAKEN_UP = 1e-3
"""A shape of which less than this share is left is taken up whole."""

LARGEST_Z = 8.0

SCALE_SLOPE = 1.177
"""Mean of dv / d ln|z|, v the score of the size of noise, for standard normal z."""


@dataclass(frozen=True)
class Family:
    """Shapes along one size: a curvature, then kinks at knots.

    ``size`` names the quantity; ``knots`` are in its own unit; ``left`` is how a unit of each shape
    shows in z, less what the posterior takes up, shape ``(1 + knot, run)``.
    """

    size: Quantity
    knots: Array
    left: Array

    @property
    def lengths(self) -> Array:
        """Noise standard deviations that a unit of each shape moves its score by."""
        return np.linalg.norm(self.left, axis=1)

    def scores(self, z: Array) -> Array:
        """Return the scores of z, shape ``(draw, run)``: shape ``(draw, 1 + knot)``."""
        return z @ (self.left / self.lengths[:, None]).T

    def beyond(self, t: Array) -> Array:
        """Return how likely at most a score of the family is as large as t by chance."""
        return 4 * ndtr(-t) + self._path / np.pi * np.exp(-0.5 * t**2)

    @property
    def _path(self) -> float:
        kinks = (self.left / self.lengths[:, None])[1:]
        cosines = np.sum(kinks[1:] * kinks[:-1], axis=1)
        return float(np.arccos(np.clip(cosines, -1, 1)).sum())


def sizes_of(law: Law, runs: Runs) -> dict[str, tuple[Quantity, Array]]:
    """Return the sizes of runs on which a law's misfit may depend, and their logs: compute, where
    the law splits it, then the inputs that it takes in logs.
    """  # noqa: D205
    found = {name: q for name, q in law.quantities.items() if q.scale == "log"}
    if set(SPLIT) <= set(found):
        found = {FLOPS.name: QUANTITIES[FLOPS.name], **found}
    logs = {name: (q, np.log(runs[name])) for name, q in found.items()}
    return {name: of for name, of in logs.items() if len(np.unique(of[1])) >= LEAST_VALUES}


def families(law: Law, runs: Runs, z: Array, shown_in: Callable[[Array], Array]) -> list[Family]:
    """Return the shapes to look for, given normal scores ``(draw, run)`` and what tells how a shape
    of log loss shows in them, ``(run,)`` to ``(run,)``.
    """  # noqa: D205
    centred = z - z.mean(axis=0)
    result = []
    for q, x in sizes_of(law, runs).values():
        knots = np.quantile(np.unique(x), KNOTS)
        shapes = [(x - x.mean()) ** 2, *(np.maximum(x - knot, 0.0) for knot in knots)]
        shown = np.stack([shown_in(shape) for shape in shapes])
        left = shown - (shown @ centred.T) @ centred / len(z)
        if (np.linalg.norm(left, axis=1) > TAKEN_UP * np.linalg.norm(shown, axis=1)).all():
            result.append(Family(q, np.exp(knots), left))
    return result


def beyond_all(found: list[Family], t: Array) -> Array:
    """Return how likely at most any score of all families is as large as t by chance."""
    return np.minimum(sum((family.beyond(t) for family in found), np.zeros_like(t)), 1.0)


def critical_score(found: list[Family], level: float) -> float:
    """Return the score that any shape exceeds by chance with this probability at most."""
    return float(brentq(lambda t: float(beyond_all(found, np.array(t))) - level, 0.5, 20.0))


def noise_by_size(law: Law, runs: Runs, z: Array) -> tuple[float, float, Array]:
    """Return the ratio of the largest to the smallest scale of noise that a trend over the sizes of
    runs gives, how likely as clear a trend is by chance, and the log of the scale by run. NaN where
    runs have one size. Of normal scores ``(draw, run)``.
    """  # noqa: D205
    x = [x - x.mean() for _, x in sizes_of(law, runs).values()]
    if not x:
        return np.nan, np.nan, np.zeros(z.shape[1])
    basis, spread, _ = np.linalg.svd(np.stack(x, axis=1), full_matrices=False)
    basis = basis[:, spread > 1e-6 * spread[0]]
    v = np.clip(ndtri(2 * ndtr(np.minimum(np.abs(z), LARGEST_Z)) - 1), -LARGEST_Z, LARGEST_Z)
    along = v @ basis
    p = float(np.median(chdtrc(basis.shape[1], np.sum(along**2, axis=1))))
    log_scale = np.median(along, axis=0) @ basis.T / SCALE_SLOPE
    return float(np.exp(np.ptp(log_scale))), p, log_scale
