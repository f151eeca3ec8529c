"""Whether replicates agree with each other where they do not agree with the law.

Replicates are runs of the same size. What they differ by is their seeds; what they have in common
is what the law misses. The classical test for lack of fit compares the two.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from bayesscale._types import Array

SAME = 1e-3
"""Runs are of the same size if parameters and tokens agree to about this share."""


LEAST_REPEATS = 4
"""With fewer runs that repeat another, seed noise is not known: a row may be there twice."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The different sizes among runs: ``code`` numbers each run's size, shape ``(run,)``;
    ``params``, ``tokens`` and the ``count`` of runs have the shape ``(size,)``.
    """  # noqa: D205

    code: NDArray[np.int64]
    params: Array
    tokens: Array
    count: NDArray[np.int64]

    @classmethod
    def of(cls, params: Array, tokens: Array) -> "Sizes":
        """Find the sizes of runs, shape ``(run,)`` each."""
        rounded = np.round(np.log(np.stack([params, tokens])) / SAME)
        _, first, code, count = np.unique(
            rounded, axis=1, return_index=True, return_inverse=True, return_counts=True
        )
        return cls(np.ravel(code), params[first], tokens[first], count)

    def sums(self, z: Array) -> Array:
        """Return the sums over the runs of each size, along the last axis."""
        order = np.argsort(self.code, kind="stable")
        starts = np.searchsorted(self.code[order], np.arange(len(self.count)))
        return np.add.reduceat(z[..., order], starts, axis=-1)


def shared_by_replicates(z: Array, sizes: Sizes) -> tuple[float, float]:
    """Return the share of the noise that replicates have in common, by analysis of variance of
    normal scores ``(draw, run)``, and how likely as large a one is by chance: the tail of F. Both
    are NaN with fewer than four repeats.
    """  # noqa: D205
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
    """Return the factor by which the standard deviation of what is learned from sizes with
    ``count`` runs each is underrated where replicates are taken to be independent, and have a
    share of their noise in common.
    """  # noqa: D205
    return float(np.sqrt(count.sum() / np.sum(count / (1 + (count - 1) * share))))
