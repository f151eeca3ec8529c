r"""Rows that are readings of one run, or of one sweep, and so miss the law together.

A thousand checkpoints are not a thousand runs: what a run's seed, data order and learning rate do
to its loss, they do to all of its checkpoints. The residuals r of a cluster share a normal effect,

.. math:: r \sim \mathcal N(0, \Sigma), \quad
          \Sigma = \mathrm{diag}\left((1 - \rho) \sigma^2 + s_i^2\right)
                   + \rho \sigma^2 \, 1 1^\top

with standard errors s. The effect is integrated out: with weights :math:`w_i = 1 / ((1 - \rho)
\sigma^2 + s_i^2)` and their sum W, the determinant and every quadratic form of Σ are sums over
the rows of a cluster (Sherman and Morrison), so that clusters add one unknown, the share ρ of the
variance that is common, however many there are. Each row alone has the scale σ, as without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws.coordinates import Coordinate

type Array = NDArray[np.float64]

CLUSTER_SHARE = Coordinate(
    "cluster_share", "logit", 0.0, 1.5, "1",
    "share of the noise's variance that the rows of a cluster have in common",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What a density needs to know of residuals r with covariance Σ: one entry a cluster.

    Parameters
    ----------
    size
        Number of rows.
    log_det
        :math:`\ln |\Sigma|`.
    square
        :math:`r^\top \Sigma^{-1} r`.
    precision
        :math:`1^\top \Sigma^{-1} 1`, of an effect that all rows have in common.
    pull
        :math:`1^\top \Sigma^{-1} r`, how far they lie above the law together.
    """

    size: Any
    log_det: Any
    square: Any
    precision: Any
    pull: Any

    @classmethod
    def alone(cls, residual: Any, scale: Any, xp: Any) -> "Residuals":
        """Take every row for itself.

        Parameters
        ----------
        residual
            Log loss minus the law's log loss.
        scale
            Scale of the noise, > 0, same shape.
        xp
            Namespace of mathematical functions.
        """
        z = residual / scale
        return cls(1.0, 2 * xp.log(scale), z**2, scale**-2.0, z / scale)

    @classmethod
    def together(
        cls, residual: Any, *, sigma: Any, se: Any, share: Any, size: Any,
        sums: Callable[[Any], Any], xp: Any,
    ) -> "Residuals":  # fmt: skip
        """Take the rows of a cluster together.

        Parameters
        ----------
        residual
            Log loss minus the law's log loss, shape ``(..., run)``.
        sigma
            Scale of the noise of a row, without its standard error.
        se
            Standard error of each log loss; zeros where there is none, shape ``(run,)``.
        share
            Share of sigma² that is common, in (0, 1).
        size
            Rows of each cluster, shape ``(cluster,)``.
        sums
            From shape ``(..., run)`` to the sums over clusters, shape ``(..., cluster)``.
        xp
            Namespace of mathematical functions.
        """
        own = (1 - share) * sigma**2 + se**2
        common = share * sigma**2
        weight = sums(1 / own)
        pull, square = sums(residual / own), sums(residual**2 / own)
        shrink = 1 + common * weight
        return cls(
            size=size,
            log_det=sums(xp.log(own)) + xp.log(shrink),
            square=square - common * pull**2 / shrink,
            precision=weight / shrink,
            pull=pull / shrink,
        )


def sums_over(codes: NDArray[np.int64]) -> Callable[[Array], Array]:
    """Return the function that adds up the rows of every cluster along the last axis.

    Parameters
    ----------
    codes
        Number of each row's cluster, from 0 without gaps, shape ``(run,)``.
    """
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    return lambda values: np.add.reduceat(values[..., order], starts, axis=-1)


def effective_rows(codes: NDArray[np.int64], share: Array | float) -> Array:
    r"""Return how many independent rows would tell the level of the loss as well.

    Parameters
    ----------
    codes
        Number of each row's cluster, shape ``(run,)``.
    share
        Share of the variance that is common.

    Notes
    -----
    .. math:: \sum_j \frac{n_j}{1 + (n_j - 1) \rho}

    between the number of clusters and that of rows. Differences within a cluster are known better
    than this: the common effect cancels.
    """
    size = np.bincount(codes)
    return (size / (1 + (size - 1) * np.asarray(share)[..., None])).sum(axis=-1)
