"""The evidence of a fit: how probable a law and its priors made the runs."""

from dataclasses import dataclass

import numpy as np

from bayesscale.comparison.bridge import bridge_sampling
from bayesscale.errors import DomainError, EvidenceError
from bayesscale.inference.result import Fit

ERROR_MAX = 0.2
"""Largest Monte Carlo standard error of a log evidence that is reported."""

OVERLAP_MIN = 0.05
"""Smallest share of overlap between posterior and proposal that is trusted."""


@dataclass(frozen=True)
class Evidence:
    """The log marginal likelihood of the runs' log losses under a law with its priors.

    Parameters
    ----------
    log_evidence
        ``ln p(ln L | law, noise, priors)``, natural log.
    mcse
        Its Monte Carlo standard error.
    method
        How it was estimated.
    overlap
        How alike the posterior and the bridge's proposal are, in (0, 1].
    """

    log_evidence: float
    mcse: float
    method: str
    overlap: float


def evidence(fit: Fit, *, random_seed: int | None = None) -> Evidence:
    """Estimate the log evidence of a fit by bridge sampling.

    The difference of two fits' log evidences on the same runs is the log of their Bayes factor.
    It is the density of log loss, with every constant and Jacobian: the very density that NUTS
    sampled. It depends on the priors, more than the posterior does.

    Parameters
    ----------
    fit
        A fit that passed its convergence check.
    random_seed
        Seed of the bridge; by default derived from the fit's.

    Returns
    -------
    Evidence
        The estimate and its error.

    Raises
    ------
    EvidenceError
        If the draws did not converge, or the error is too large to be of use.
    DomainError
        If ``fit`` is no fit.

    References
    ----------
    .. [1] Meng and Wong (1996), Statistica Sinica 6, 831-860.
    .. [2] Gronau et al. (2017), J. Math. Psychology 81, 80-97, doi:10.1016/j.jmp.2017.09.005.

    Examples
    --------
    >>> kaplan, chinchilla = (bs.fit(runs, law=law) for law in ("kaplan", "chinchilla"))
    ... # doctest: +SKIP
    >>> bs.evidence(chinchilla).log_evidence - bs.evidence(kaplan).log_evidence  # doctest: +SKIP
    """
    if not isinstance(fit, Fit):
        raise DomainError(
            f"Expected a Fit, as bs.fit or bs.load_fit returns, not {type(fit).__name__}."
        )
    convergence = fit.checks[0]
    if not convergence.passed:
        raise EvidenceError(
            f"The evidence of draws that did not converge means nothing. {convergence.text}"
        )
    # brings PyMC: only now
    from bayesscale.inference.compiled import compile_model
    from bayesscale.model.build import model_data

    compiled, data = compile_model(fit.spec, fit.runs), model_data(fit.spec, fit.runs)
    posterior = fit.coordinates
    u = compiled.unconstrain({name: np.asarray(posterior[name]) for name in compiled.names})
    seed = fit.sampling.random_seed + 2 if random_seed is None else random_seed
    estimate = bridge_sampling(lambda at: compiled.log_density(at, data)[0], u, random_seed=seed)
    if not estimate.mcse < ERROR_MAX or estimate.overlap < OVERLAP_MIN:
        raise EvidenceError(
            f"The evidence is known to ±{estimate.mcse:.2g} only, with an overlap of "
            f"{estimate.overlap:.2g} between posterior and proposal (allowed: below {ERROR_MAX} "
            f"and above {OVERLAP_MIN}). Fit with more draws (draws=10000); if that does not help, "
            "the posterior is too far from normal, as where the runs identify too little."
        )
    return Evidence(estimate.log_evidence, estimate.mcse, "bridge sampling", estimate.overlap)
