r"""Whether residuals of runs of similar size, or of replicates, are correlated.

With z̄ the mean over draws of the normal scores of the noise, which has the covariance M = 1 - H
under the model (:mod:`.patterns`), and W the graph that joins each size to its nearest others,
Moran's statistic

.. math:: T = \bar z^\top W \bar z, \quad \mathrm{E}\,T = \mathrm{tr}\,W M, \quad
          \mathrm{var}\,T = 2 \, \mathrm{tr}\,(W M)^2, \quad
          \text{third cumulant } 8 \, \mathrm{tr}\,(W M)^3

is large if law and runs differ by anything smooth. Its upper tail is that of a shifted χ² with the
same three moments. Replicates, runs of the same size, have the classical test for lack of fit.

References
----------
.. [1] Moran (1950), Notes on continuous stochastic phenomena, Biometrika 37, 17-23,
   doi:10.1093/biomet/37.1-2.17.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import chdtrc, fdtrc

from bayesscale._types import Array
from bayesscale.checks.patterns import Scores
from bayesscale.laws import Law
from bayesscale.quantities import quantity
from bayesscale.runs import Runs

NEIGHBOURS = 4
"""Sizes that each size is compared with, or a quarter of all sizes if that is fewer."""

LEAST_SIZES = 8
"""Fewer different sizes than this have no neighbourhoods."""


def neighbour_graph(at: Array) -> sparse.csr_array | None:
    """Return symmetric weights of each size ``(size, quantity)`` and its nearest; None if few."""
    from scipy.spatial import KDTree

    n = len(at)
    if n < LEAST_SIZES:
        return None
    at = (at - at.mean(axis=0)) / np.maximum(at.std(axis=0), 1e-9)
    k = min(NEIGHBOURS, n // 4)
    _, near = KDTree(at).query(at, k=k + 1)
    rows, columns = np.repeat(np.arange(n), k + 1), np.ravel(near)
    other = rows != columns
    ends = (rows[other], columns[other])
    graph = sparse.csr_array((np.ones(other.sum()), ends), shape=(n, n))
    return sparse.csr_array((graph + graph.T) / 2)


def common_share(scores: Scores, graph: sparse.csr_array) -> tuple[float, float]:
    """Return the correlation of the scores of neighbouring sizes, and its p-value."""
    mean, vary = scores.mean, scores.vary.T
    once = graph @ vary
    twice = graph @ once
    w, w2, w3 = vary.T @ once, once.T @ once, once.T @ twice
    squared = graph @ graph
    excess = float(mean @ (graph @ mean)) + float(np.trace(w))
    variance = 2 * (squared.trace() - 2 * np.trace(w2) + np.sum(w * w.T))
    third = (squared * graph).sum() - 3 * np.trace(w3) + 3 * np.sum(w2 * w) - np.trace(w @ w @ w)
    sd = np.sqrt(variance)
    df = 8 / max(8 * float(third) / sd**3, 1e-3) ** 2
    p = float(chdtrc(df, max(df + excess / sd * np.sqrt(2 * df), 0.0)))
    left = 1 - float(np.sum(vary**2)) / len(mean)
    return excess / (float(graph.sum()) * max(left, 1e-3)), p


SAME = 1e-3
"""Runs are of the same size if what makes runs alike agrees to about this share."""

LEAST_REPEATS = 4
"""With fewer runs that repeat another, seed noise is not known: a row may be there twice."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes among runs: ``code`` by run; places ``at``, ``first`` run and ``count`` by size."""

    code: NDArray[np.int64]
    at: Array
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(cls, runs: Runs, law: Law) -> "Sizes":
        """Find the sizes of runs, as a law sees them."""
        # without both N and D, what the law is of makes runs alike
        names = law.sizes if all(name in runs for name in law.sizes) else law.quantities
        scales = [law.quantities.get(name, quantity(name)) for name in names]
        at = np.stack([q.on_scale(runs[q.name]) for q in scales])
        rounded = np.round(at / SAME)
        _, first, code, count = np.unique(
            rounded, axis=1, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(np.ravel(code), at[:, first].T, first, count)

    def sums(self, z: Array) -> Array:
        """Return the sums over the runs of each size, along the last axis."""
        order = np.argsort(self.code, kind="stable")
        starts = np.searchsorted(self.code[order], np.arange(len(self.count)))
        return np.add.reduceat(z[..., order], starts, axis=-1)

    def seed_noise(self, log_loss: Array) -> float:
        """Return the SD of log losses ``(run,)`` within sizes; NaN with under four repeats."""
        df = int((self.count - 1).sum())
        if df < LEAST_REPEATS:
            return np.nan
        mean = self.sums(log_loss) / self.count
        return float(np.sqrt(np.sum((log_loss - mean[self.code]) ** 2) / df))


def shared_by_replicates(z: Array, sizes: Sizes) -> tuple[float, float]:
    """Return the share of noise common to replicates and its p-value by F; NaN if few."""
    repeated = sizes.count > 1
    count = sizes.count[repeated]
    between_df, within_df = len(count), int(count.sum()) - len(count)
    if within_df < LEAST_REPEATS:
        return np.nan, np.nan
    between = np.sum(sizes.sums(z)[:, repeated] ** 2 / count, axis=1)
    within = np.sum(sizes.sums(z**2)[:, repeated], axis=1) - between
    ratio = float(np.median((between / between_df) / (within / within_df)))
    share = (ratio - 1) / (ratio - 1 + float(count.mean()))
    return share, float(fdtrc(between_df, within_df, ratio))


def narrowed(share: float, count: NDArray[np.int64]) -> float:
    """Return how much too narrow intervals are where replicates share noise."""
    return float(np.sqrt(count.sum() / np.sum(count / (1 + (count - 1) * share))))
