r"""Whether runs of similar size miss the law together.

With z̄ the mean over draws of the normal scores of the noise, which has the covariance M = 1 - H
under the model (:mod:`.patterns`), and W the graph that joins each size to its nearest others,
Moran's statistic

.. math:: T = \bar z^\top W \bar z, \quad \mathrm{E}\,T = \mathrm{tr}\,W M, \quad
          \mathrm{var}\,T = 2 \, \mathrm{tr}\,(W M)^2, \quad
          \text{third cumulant } 8 \, \mathrm{tr}\,(W M)^3

is large if law and runs differ by anything smooth: a bump, a kink, a wrong exponent. Its upper
tail is that of a shifted χ² with the same three moments.

References
----------
.. [1] Moran (1950), Notes on continuous stochastic phenomena, Biometrika 37, 17-23,
   doi:10.1093/biomet/37.1-2.17.
"""

import numpy as np
from scipy import sparse
from scipy.special import chdtrc

from bayesscale._types import Array
from bayesscale.checks.patterns import Scores

NEIGHBOURS = 4
"""Sizes that each size is compared with, or a quarter of all sizes if that is fewer."""

LEAST_SIZES = 8
"""Fewer different sizes than this have no neighbourhoods."""


def neighbour_graph(params: Array, tokens: Array) -> sparse.csr_array | None:
    """Join each of different sizes, shape ``(size,)``, to those nearest to it in ln N and ln D, in
    units of their spread: symmetric weights without a diagonal; None if there are too few.
    """  # noqa: D205
    from scipy.spatial import KDTree

    n = len(params)
    if n < LEAST_SIZES:
        return None
    at = np.log(np.stack([params, tokens], axis=-1))
    at = (at - at.mean(axis=0)) / np.maximum(at.std(axis=0), 1e-9)
    k = min(NEIGHBOURS, n // 4)
    _, near = KDTree(at).query(at, k=k + 1)
    rows, columns = np.repeat(np.arange(n), k + 1), np.ravel(near)
    other = rows != columns
    ends = (rows[other], columns[other])
    graph = sparse.csr_array((np.ones(other.sum()), ends), shape=(n, n))
    return sparse.csr_array((graph + graph.T) / 2)


def common_share(scores: Scores, graph: sparse.csr_array) -> tuple[float, float]:
    """Return the share of the noise that neighbours have in common, the correlation of the scores
    of sizes, and how likely as large a one is by chance.
    """  # noqa: D205
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


def local_sums(z: Array, graph: sparse.csr_array) -> Array:
    """Return the sum over a size and its neighbours, in standard deviations, shape ``(size,)``."""
    around = sparse.csr_array((graph > 0).astype(float))
    return (z + around @ z) / np.sqrt(1 + around.sum(axis=1))
