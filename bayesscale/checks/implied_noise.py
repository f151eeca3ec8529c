r"""The noise that a draw of the posterior implies, on a scale where it should be standard normal.

If law, noise and priors are right, a draw of the posterior and the data are one draw of their joint
distribution [1]_, so that the residuals of runs are independent and, after

.. math:: z = y \sqrt{F^{-1}_{\chi^2_n}(F_R(|y|^2))} \, / \, |y|,

standard normal. Here y are the n residuals of a cluster of rows, one for a lone run,
whitened by their covariance, and F_R is the distribution of their squared length.

References
----------
.. [1] Johnson (2007), Bayesian model assessment using pivotal quantities, Bayesian Analysis 2(4),
   719-734, doi:10.1214/07-BA229.
"""

import numpy as np

from bayesscale._types import Array
from bayesscale.model import Posterior, Rows
from bayesscale.runs import Runs


def standardised(residual: Array, runs: Runs, rows: Rows, draws: Posterior) -> tuple[Array, Array]:
    """Return unit residuals ``(draw, run)`` and those of clusters, ``(draw, cluster)``."""
    c, share, codes, sums = draws.noise_at(runs), rows.share(draws.c), rows.codes, rows.sums
    sigma = np.sqrt((1 - share) * c["sigma"] ** 2 + rows.log_loss_se**2)
    sigma = np.broadcast_to(sigma, residual.shape)

    # what the rows of a cluster have in common lies along one direction: shrink that alone
    length2 = sums((c["sigma"] / sigma) ** 2)
    along = c["sigma"] / sigma / np.sqrt(length2)[:, codes]
    less = 1 / np.sqrt(1 + share * length2) - 1

    def whitened(values: Array) -> Array:
        return values / sigma + (less * sums(values / sigma * along))[:, codes] * along

    y, level = whitened(residual), whitened(np.ones(residual.shape))
    precision = sums(level**2)
    level = level / np.sqrt(precision)[:, codes]
    pull = sums(y * level)
    together = draws.spec.noise.common_scores(pull, precision, c)
    return y + (together - pull)[:, codes] * level, together
