r"""A pilot for many rows: where to start, and what the posterior looks like from there.

Ten thousand rows make a posterior so narrow that chains which start at the middle of the priors
may be caught on their way there, in a corner that holds none of the mass; and every gradient of
warm-up costs as much as one of the draws that are kept. So a few hundred rows, chosen at random,
are sampled first. Their posterior is wider than that of all rows and contains it: its draws are
scattered starts. Its covariance foretells that of all n rows: in units of the priors' widths, the
precision of m rows is 1 from the prior and the rest from the rows, which grows as n / m,

.. math:: \Sigma_n^{-1} = I + \frac{n}{m} \left( \Sigma_m^{-1} - I \right),

and NUTS samples all rows in coordinates whitened by it, adapting what this leaves. Nothing of the
pilot enters the draws: a foretold covariance that is wrong costs time, not truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayesscale._types import Array

PILOT_ROWS = 600

MANY_ROWS = 2 * PILOT_ROWS
"""With fewer rows a pilot costs what it saves."""

PILOT_DRAWS = 300
"""Of each chain."""

NEGLIGIBLE = 10.0
"""Nats: a corner that holds so much less of the mass than another is left by its chains."""


@dataclass(frozen=True)
class Pilot:
    """Draws, shape ``(draw, coordinate)``, and the whitening u = mean + factor v."""

    draws: Array
    mean: Array
    factor: Array
    inverse: Array

    @classmethod
    def of(cls, u: Array, log_density: Array, *, prior_scale: Array, more_rows: float) -> Pilot:
        """Learn from draws ``u`` of some rows, shape ``(chain, draw, coordinate)``.

        ``log_density`` is theirs, shape ``(chain, draw)``, and ``more_rows`` the ratio n / m.
        """
        own = np.array([_covariance(chain / prior_scale) for chain in u])
        # mass of where each chain is, were it normal there
        log_mass = log_density.mean(axis=1) + 0.5 * np.linalg.slogdet(own)[1]
        draws = u[log_mass > log_mass.max() - NEGLIGIBLE].reshape(-1, u.shape[-1])
        variance, directions = np.linalg.eigh(_covariance(draws / prior_scale))
        tiny = np.finfo(float).tiny
        precision = 1 + more_rows * np.maximum(1 / np.maximum(variance, tiny) - 1, 0)
        return cls(
            draws, draws.mean(axis=0),
            prior_scale[:, None] * directions / np.sqrt(precision),
            np.sqrt(precision)[:, None] * directions.T / prior_scale,
        )  # fmt: skip

    def start(self, seed: int) -> Array:
        """Return one of the draws, whitened."""
        rng = np.random.default_rng(seed)
        return self.inverse @ (self.draws[rng.integers(len(self.draws))] - self.mean)

    def back(self, v: Array) -> Array:
        """Translate whitened points, shape ``(..., coordinate)``."""
        return self.mean + np.einsum("ij,...j->...i", self.factor, v)


def _covariance(draws: Array) -> Array:
    """Return the covariance of draws, shape ``(draw, coordinate)``, the same on any machine load:
    einsum adds in one order, which a library that splits sums among threads does not.
    """  # noqa: D205
    centred = draws - draws.mean(axis=0)
    return np.einsum("ni,nj->ij", centred, centred) / (len(draws) - 1)
