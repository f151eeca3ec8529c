r"""The noise that a draw of the posterior implies, on a scale where it should be standard normal.

Given all unknowns, a law says what the noise of every run was. If law, noise and priors are right,
a draw of the posterior and the data are one draw of their joint distribution, and so what the draw
implies is distributed exactly as the model says: independent and, after

.. math:: z = y \sqrt{F^{-1}_{\chi^2_n}(F_R(|y|^2))} \, / \, |y|,

standard normal. Here y are the n residuals of a cluster of rows, one for a run of its own,
whitened by their covariance, and F_R is the distribution of their squared length. So whatever is
computed from z has a known distribution, without fitting anything again.

References
----------
.. [1] Johnson (2007), Bayesian model assessment using pivotal quantities, Bayesian Analysis 2(4),
   719-734, doi:10.1214/07-BA229.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtrc, log_ndtr, ndtri, ndtri_exp

from bayesscale.model.clusters import sums_over
from bayesscale.model.noise import OneSided, StudentT
from bayesscale.model.spec import ModelSpec, log_inputs
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

TINY = 1e-300
ROUNDING = 1e-16


def residuals(spec: ModelSpec, runs: Runs, c: Mapping[str, Array]) -> Array:
    """Return log loss minus the fitted surface, shape ``(draw, run)``.

    Parameters
    ----------
    spec
        The model.
    runs
        The runs.
    c
        Draws of every coordinate, shape ``(draw, 1)``.
    """
    surface = spec.log_loss(c, log_inputs(runs, spec.law, spec.reference), np)
    return np.log(runs.loss / spec.reference.loss) - surface


def standardised(
    residual: Array, spec: ModelSpec, runs: Runs, c: Mapping[str, Array]
) -> tuple[Array, Array]:
    """Divide residuals by their scale and free them from what the rows of a cluster share.

    Parameters
    ----------
    residual
        Log loss minus the fitted surface, shape ``(draw, run)``.
    spec
        The model.
    runs
        The runs.
    c
        Draws of every coordinate, shape ``(draw, 1)``.

    Returns
    -------
    y : ndarray
        Uncorrelated, of unit scale, shape ``(draw, run)``. Student-t still if the noise is.
    together : ndarray
        How far the rows of each cluster lie above the law together, of the same distribution,
        shape ``(draw, cluster)``. For runs of their own it is ``y``.
    """
    se = np.zeros(len(runs)) if runs.loss_se is None else runs.loss_se / runs.loss
    share = c["cluster_share"] if spec.has_clusters else np.zeros(1)
    codes = cluster_codes(spec, runs)
    sums = sums_over(codes)
    own = np.broadcast_to(np.sqrt((1 - share) * c["sigma"] ** 2 + se**2), residual.shape)

    # what the rows of a cluster have in common lies along one direction: shrink that alone
    precision = sums(1 / own**2)
    along = 1 / own / np.sqrt(precision)[:, codes]
    widened = 1 + share * c["sigma"] ** 2 * precision
    y = residual / own
    pull = sums(y * along)
    together = pull / np.sqrt(widened)
    if isinstance(spec.noise, OneSided):
        excess = c["mean_excess"] * np.sqrt(precision / widened)
        together = _without_excess(together, excess, c["undertuned_share"])
    return y + (together - pull)[:, codes] * along, together


def normal_scores(y: Array, spec: ModelSpec, runs: Runs, c: Mapping[str, Array]) -> Array:
    """Turn standardised residuals into what should be independent standard normal numbers.

    Parameters
    ----------
    y
        Uncorrelated residuals of unit scale, shape ``(draw, run)``.
    spec
        The model.
    runs
        The runs.
    c
        Draws of every coordinate, shape ``(draw, 1)``.
    """
    if not isinstance(spec.noise, StudentT):
        return y
    codes = cluster_codes(spec, runs)
    size = np.bincount(codes)
    length2 = np.maximum(sums_over(codes)(y**2), TINY)
    beyond = np.maximum(fdtrc(size, spec.noise.shape(c)["nu"], length2 / size), TINY)
    alone = size == 1  # the same, by a faster way
    normal2 = np.empty(beyond.shape)
    normal2[:, alone] = ndtri(beyond[:, alone] / 2) ** 2
    normal2[:, ~alone] = chdtri(size[~alone], beyond[:, ~alone])
    return y * np.sqrt(normal2 / length2)[:, codes]


def cluster_codes(spec: ModelSpec, runs: Runs) -> NDArray[np.int64]:
    """Return the number of each run's cluster; a run of its own is a cluster of one."""
    return runs.cluster_codes if spec.has_clusters else np.arange(len(runs))


def _without_excess(pull: Array, excess: Array, share: Array) -> Array:
    """Return normal scores of normal noise to which, in a share, an exponential was added."""
    rate = 1 / excess
    with_excess = np.log(share) + rate**2 / 2 - rate * pull + log_ndtr(pull - rate)
    log_beyond = np.logaddexp(log_ndtr(-pull), with_excess)
    return -np.asarray(ndtri_exp(np.minimum(log_beyond, -ROUNDING)), dtype=np.float64)
