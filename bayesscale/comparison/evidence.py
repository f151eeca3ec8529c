"""The evidence of a fit: how probable a law and its priors made the runs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale.comparison.bridge import bridge_sampling
from bayesscale.errors import DomainError, EvidenceError, unknown_name
from bayesscale.inference.result import Fit

ERROR_MAX = 0.2
"""Largest Monte Carlo standard error of a log evidence that is reported."""

SMC_ERROR_MAX = 1.0

OVERLAP_MIN = 0.05
"""Smallest share of overlap between posterior and proposal that is trusted."""

METHODS = {"bridge": "bridge sampling", "smc": "sequential Monte Carlo"}


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
        How alike the posterior and the bridge's proposal are, in (0, 1]; NaN without a bridge.
    pareto_k
        Shape of the tail of the bridge's weights; NaN without a bridge.
    """

    log_evidence: float
    mcse: float
    method: str
    overlap: float = np.nan
    pareto_k: float = np.nan


def evidence(
    fit: Fit,
    *,
    method: str = "bridge",
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Evidence:
    """Estimate the log evidence of a fit.

    The difference of two fits' log evidences on the same runs is the log of their Bayes factor.
    It is the density of log loss, with every constant and Jacobian: the very density that NUTS
    sampled. It depends on the priors, more than the posterior does. A model of the loss itself is
    comparable after its log evidence is raised by the sum of the log losses, the Jacobian.

    Parameters
    ----------
    fit
        A fit that passed its convergence check.
    method
        ``"bridge"``: bridge sampling on the fit's draws, in about a second. ``"smc"``: sequential
        Monte Carlo from the prior, which knows nothing of these draws and takes a minute: a
        second opinion, with larger errors.
    random_seed
        Seed; by default derived from the fit's.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

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
    UnknownNameError
        If the method is unknown.

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
    convergence = fit.convergence
    if not convergence.passed:
        raise EvidenceError(
            f"The evidence of draws that did not converge means nothing. {convergence.text}"
        )
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    seed = fit.sampling.random_seed + 2 if random_seed is None else random_seed
    with progress_reporter(progress) as report:
        return _by_smc(fit, seed, report) if method == "smc" else _by_bridge(fit, seed, report)


def evidences(
    fits: Mapping[str, Fit], *, random_seed: int | None, report: Report
) -> dict[str, Evidence]:
    """Estimate the evidence of several fits by bridge sampling; a refusal says of which.

    Raises
    ------
    EvidenceError
        If an evidence is not known well enough.
    """
    found = {}
    for name, fit in fits.items():
        report(f"Estimating the evidence of {name!r}")
        try:
            found[name] = evidence(fit, random_seed=random_seed, progress=False)
        except EvidenceError as error:
            raise EvidenceError(f"{name!r} has no usable evidence. {error}") from error
    return found


def _by_bridge(fit: Fit, seed: int, report: Report) -> Evidence:
    # brings PyMC: only now
    from bayesscale.inference.compiled import compile_model
    from bayesscale.model.data import model_data

    report(f"Estimating the evidence of {fit.law.name!r}")
    compiled = compile_model(fit.spec, fit.runs)
    density = compiled.bind(model_data(fit.spec, fit.runs))
    posterior = fit.coordinates
    u = compiled.unconstrain({name: np.asarray(posterior[name]) for name in compiled.names})
    estimate = bridge_sampling(lambda at: density(at)[0], u, random_seed=seed)
    if not estimate.mcse < ERROR_MAX or estimate.overlap < OVERLAP_MIN:
        raise EvidenceError(
            f"The evidence is known to ±{estimate.mcse:.2g} only, with an overlap of "
            f"{estimate.overlap:.2g} between posterior and proposal (allowed: below {ERROR_MAX} "
            f"and above {OVERLAP_MIN}). Fit with more draws (draws=10000); if that does not help, "
            "the posterior is too far from normal, as where the runs identify too little: ask "
            'method="smc".'
        )
    return Evidence(
        estimate.log_evidence, estimate.mcse, METHODS["bridge"], estimate.overlap, estimate.pareto_k
    )


def _by_smc(fit: Fit, seed: int, report: Report) -> Evidence:
    from bayesscale.comparison.smc import smc_evidence

    report(f"Sampling {fit.law.name!r} from its prior by sequential Monte Carlo")
    log_evidence, mcse = smc_evidence(fit, random_seed=seed)
    if not mcse < SMC_ERROR_MAX:
        raise EvidenceError(
            f"Sequential Monte Carlo knows the evidence of {fit.law.name!r} to ±{mcse:.2g} only "
            f'(allowed: below {SMC_ERROR_MAX}). Ask the bridge (method="bridge"), or try '
            "another random_seed."
        )
    return Evidence(log_evidence, mcse, METHODS["smc"])
