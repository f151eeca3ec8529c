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

import numpy as np
from scipy.special import chdtri, fdtrc, log_ndtr, ndtri, ndtri_exp

from bayesscale._types import Array
from bayesscale.model import OneSided, Posterior, Rows, StudentT
from bayesscale.runs import Runs

TINY = 1e-300
ROUNDING = 1e-16


def standardised(residual: Array, runs: Runs, rows: Rows, draws: Posterior) -> tuple[Array, Array]:
    """Divide residuals by their scale and free them from what the rows of a cluster share.

    Returns them uncorrelated and of unit scale, shape ``(draw, run)``, Student-t still if the
    noise is; and how far the rows of each cluster lie above the law together, of the same
    distribution, shape ``(draw, cluster)``: for runs of their own the same numbers.
    """
    c, share, codes, sums = draws.noise_at(runs), rows.share(draws.c), rows.codes, rows.sums
    own = np.sqrt((1 - share) * c["sigma"] ** 2 + rows.log_loss_se**2)
    own = np.broadcast_to(own, residual.shape)

    # what the rows of a cluster have in common lies along one direction: shrink that alone
    length2 = sums((c["sigma"] / own) ** 2)
    along = c["sigma"] / own / np.sqrt(length2)[:, codes]
    less = 1 / np.sqrt(1 + share * length2) - 1

    def whitened(values: Array) -> Array:
        return values / own + (less * sums(values / own * along))[:, codes] * along

    y, level = whitened(residual), whitened(np.ones(residual.shape))
    precision = sums(level**2)
    level = level / np.sqrt(precision)[:, codes]
    pull = together = sums(y * level)
    if isinstance(draws.spec.noise, OneSided):
        excess = c["mean_excess"] * np.sqrt(precision)
        together = _without_excess(pull, excess, c["undertuned_share"])
    return y + (together - pull)[:, codes] * level, together


def normal_scores(y: Array, rows: Rows, draws: Posterior) -> Array:
    """Turn standardised residuals into what should be independent standard normal numbers."""
    noise, codes, size = draws.spec.noise, rows.codes, rows.size
    if not isinstance(noise, StudentT):
        return y
    length2 = np.maximum(rows.sums(y**2), TINY)
    beyond = np.maximum(fdtrc(size, noise.shape(draws.c)["nu"], length2 / size), TINY)
    alone = size == 1  # the same, by a faster way
    normal2 = np.empty(beyond.shape)
    normal2[:, alone] = ndtri(beyond[:, alone] / 2) ** 2
    normal2[:, ~alone] = chdtri(size[~alone], beyond[:, ~alone])
    return y * np.sqrt(normal2 / length2)[:, codes]


def _without_excess(pull: Array, excess: Array, share: Array) -> Array:
    """Return normal scores of normal noise to which, in a share, an exponential was added."""
    rate = 1 / excess
    with_excess = np.log(share) + rate**2 / 2 - rate * pull + log_ndtr(pull - rate)
    log_beyond = np.logaddexp(log_ndtr(-pull), with_excess)
    return -np.asarray(ndtri_exp(np.minimum(log_beyond, -ROUNDING)), dtype=np.float64)
