r"""Rows of a table in the noise model: those of one run, or one sweep, share an effect.

The residuals r of a cluster, such as the checkpoints of one run, share a normal effect,

.. math:: r \sim \mathcal N(0, \Sigma), \quad
          \Sigma = \mathrm{diag}\left((1 - \rho) \sigma_i^2 + s_i^2\right)
                   + \rho \, \sigma \sigma^\top

with standard errors s. The effect is integrated out: the determinant and every quadratic form of Σ
are weighted sums over the rows of a cluster (Sherman and Morrison), so that clusters add one
parameter, the share ρ of the variance that is common. A lone row is a cluster of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array
from bayesscale.laws import Coordinate
from bayesscale.runs import Runs

CLUSTER_SHARE = Coordinate(
    "cluster_share", "logit", 0.0, 1.5, "1",
    "share of the noise's variance that the rows of a cluster share",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Residuals:
    r"""What a density needs to know of residuals r with covariance Σ: one entry per cluster.

    ``size`` is the number of rows, ``log_det`` is :math:`\ln |\Sigma|`, ``square``
    :math:`r^\top \Sigma^{-1} r`, ``precision`` :math:`1^\top \Sigma^{-1} 1`, of an effect that all
    rows have in common, and ``pull`` :math:`1^\top \Sigma^{-1} r`, how far they lie above the law
    together.
    """

    size: Any
    log_det: Any
    square: Any
    precision: Any
    pull: Any

    @classmethod
    def alone(cls, residual: Any, scale: Any, xp: Any) -> Residuals:
        """Take every row for itself: residuals of log loss and their scale, of one shape."""
        z = residual / scale
        return cls(1.0, 2 * xp.log(scale), z**2, scale**-2.0, z / scale)

    @classmethod
    def together(
        cls, residual: Any, *, sigma: Any, se: Any, share: Any, size: Any,
        sums: Callable[[Any], Any], xp: Any,
    ) -> Residuals:  # fmt: skip
        """Take the rows of a cluster together, ``share`` of ``sigma``² being common.

        ``residual``, ``sigma`` and ``se`` have the shape ``(..., run)``, ``size`` the shape
        ``(cluster,)``; ``sums`` adds the former up to ``(..., cluster)``.
        """
        variance = (1 - share) * sigma**2 + se**2
        weight, along = sums(1 / variance), sums(sigma / variance)
        pull, pull_along = sums(residual / variance), sums(sigma * residual / variance)
        widened = 1 + share * sums(sigma**2 / variance)
        shrunk = share / widened
        return cls(
            size=size, log_det=sums(xp.log(variance)) + xp.log(widened),
            square=sums(residual**2 / variance) - shrunk * pull_along**2,
            precision=weight - shrunk * along**2, pull=pull - shrunk * along * pull_along,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows belong together, and how well each loss was measured.

    ``codes`` numbers the clusters from 0 without gaps, shape ``(run,)``; ``log_loss_se`` holds
    standard errors of log loss, zero where there is none, shape ``(run,)``. ``share_effect`` tells
    whether the model has an effect that rows of a cluster share.
    """

    codes: NDArray[np.int64]
    log_loss_se: Array
    share_effect: bool

    @classmethod
    def of(cls, runs: Runs, *, share_effect: bool) -> Rows:
        """Take the rows of a table; without a shared effect every row is a cluster of its own."""
        se = np.zeros(len(runs)) if runs.loss_se is None else runs.loss_se / runs.loss
        codes = runs.cluster_codes if share_effect else np.arange(len(runs))
        return cls(codes, se, share_effect)  # to first order, d ln L = dL / L

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """Rows of each cluster, shape ``(cluster,)``."""
        return np.bincount(self.codes)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """Where the first row of each cluster stands, shape ``(cluster,)``."""
        return np.unique(self.codes, return_index=True)[1]

    @cached_property
    def _order(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        order = np.argsort(self.codes, kind="stable")
        return order, np.searchsorted(self.codes[order], np.arange(len(self.size)))

    def sums(self, values: Array) -> Array:
        """Add up the rows of every cluster: shape ``(..., run)`` to ``(..., cluster)``."""
        order, starts = self._order
        return np.add.reduceat(values[..., order], starts, axis=-1)

    def share(self, c: Mapping[str, Array]) -> Array:
        """Return the share of the variance that rows of a cluster have in common."""
        return c["cluster_share"] if self.share_effect else np.zeros(1)

    def residuals(self, residual: Array, c: Mapping[str, Array], xp: Any) -> Residuals:
        """Bring residuals of log loss, shape ``(..., run)``, into the form of a density."""
        if not self.share_effect:
            return Residuals.alone(residual, np.hypot(c["sigma"], self.log_loss_se), xp)
        return Residuals.together(
            residual, sigma=c["sigma"], se=self.log_loss_se, share=c["cluster_share"],
            size=self.size, sums=self.sums, xp=xp,
        )  # fmt: skip

    def effective_number(self, share: Array | float) -> Array:
        r"""Return how many independent rows would determine the level of the loss as well.

        That is :math:`\sum_j n_j / (1 + (n_j - 1) \rho)`, between the number of clusters and that
        of rows. Differences within a cluster are known better: the common effect cancels.
        """
        return (self.size / (1 + (self.size - 1) * np.asarray(share)[..., None])).sum(axis=-1)
