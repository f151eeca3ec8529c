"""The evidence by sequential Monte Carlo: a second opinion that shares nothing with NUTS."""

from typing import Any

import numpy as np
import pymc as pm
from scipy.special import logsumexp

from bayesscale._progress import silent
from bayesscale.inference.result import Fit
from bayesscale.model.build import model_from
from bayesscale.model.data import model_data

DRAWS = 2000
CHAINS = 6

THRESHOLD = 0.9
"""Share of the particles that stays effective from stage to stage. PyMC's .5 takes steps so long
that the estimates of single chains differ by several nats."""


def smc_evidence(fit: Fit, *, random_seed: int) -> tuple[float, float]:
    """Estimate the log evidence of a fit's model, from the prior.

    Parameters
    ----------
    fit
        The model and the runs; its draws are not used.
    random_seed
        Seed.

    Returns
    -------
    tuple
        The log evidence, the log of the mean over independent chains, and its standard error from
        how these differ.

    Notes
    -----
    The error does not hold what particles lose that do not move enough, some tenths of a nat.
    PyMC's sampler: particles go from prior to posterior in stages, and the means of the weights
    that each stage gives them multiply to the evidence.

    References
    ----------
    .. [1] Del Moral, Doucet and Jasra (2006), JRSS B 68(3), 411-436.
    """
    with silent("pymc"), model_from(fit.spec, model_data(fit.spec, fit.runs)):
        tree: Any = pm.sample_smc(
            draws=DRAWS, chains=CHAINS, cores=1, random_seed=random_seed, progressbar=False,
            threshold=THRESHOLD, compute_convergence_checks=False,
        )  # fmt: skip
    stages = tree["sample_stats"]["log_marginal_likelihood"].to_numpy().reshape(CHAINS, -1)
    by_chain = np.array([_last_finite(chain) for chain in stages])
    ratio = np.exp(by_chain - by_chain.max())
    mcse = ratio.std(ddof=1) / ratio.mean() / np.sqrt(CHAINS)
    return float(logsumexp(by_chain) - np.log(CHAINS)), float(mcse)


def _last_finite(stages: Any) -> float:
    """Return the last estimate of a chain, whose later stages are padded with NaN."""
    values = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in stages])
    return float(values[np.isfinite(values)][-1])
