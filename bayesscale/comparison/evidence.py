"""The evidence of a fit: how probable a law and its priors made the runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from bayesscale import _arguments
from bayesscale._progress import ProgressOption, Report, progress_reporter, silent
from bayesscale._sections import Paragraph, Section, Severity, Told
from bayesscale.comparison.bridge import bridge_sampling
from bayesscale.errors import DomainError, EvidenceError
from bayesscale.inference import Fit

ERROR_MAX = 0.2
"""Largest Monte Carlo standard error of a log evidence that is reported."""

SMC_ERROR_MAX = 1.0

OVERLAP_MIN = 0.05
"""Smallest share of overlap between posterior and proposal that is trusted."""

SMC_DRAWS = 1000
SMC_CHAINS = 6

SMC_THRESHOLD = 0.7
"""Share of the particles that stays effective from stage to stage."""

METHODS = {"bridge": "bridge sampling", "smc": "sequential Monte Carlo"}


@dataclass(frozen=True, repr=False)
class Evidence(Told):
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

    @property
    def severity(self) -> Severity:
        """An estimate that is returned may be used."""
        return "ok"

    @property
    def text(self) -> str:
        """The estimate in words."""
        return f"ln evidence {self.log_evidence:.2f} ± {self.mcse:.2g}, by {self.method}."

    def sections(self) -> list[Section]:
        """Return the estimate in words."""
        return [Paragraph(self.text)]


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
        Monte Carlo from the prior, which knows nothing of these draws and takes minutes: a
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
    _arguments.choice("method", method, METHODS)
    seed = fit.sampling.random_seed + 2 if random_seed is None else random_seed
    with progress_reporter(progress) as report:
        return _by_smc(fit, seed, report) if method == "smc" else _by_bridge(fit, seed, report)


def evidences(
    fits: Mapping[str, Fit], *, random_seed: int | None, report: Report
) -> dict[str, Evidence]:
    """Estimate the evidence of several fits by bridge sampling; a refusal says of which."""
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
    from bayesscale.inference import compile_model
    from bayesscale.model import model_data

    report(f"Estimating the evidence of {fit.law.name!r}")
    compiled = compile_model(fit.spec, fit.runs)
    density = compiled.bind(model_data(fit.spec, fit.runs))
    u = fit.spec.space.unconstrain({str(k): np.asarray(v) for k, v in fit.coordinates.items()})
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
    report(f"Sampling {fit.law.name!r} from its prior by sequential Monte Carlo")
    log_evidence, mcse = _smc(fit, seed)
    if not mcse < SMC_ERROR_MAX:
        raise EvidenceError(
            f"Sequential Monte Carlo knows the evidence of {fit.law.name!r} to ±{mcse:.2g} only "
            f'(allowed: below {SMC_ERROR_MAX}). Ask the bridge (method="bridge"), or try '
            "another random_seed."
        )
    return Evidence(log_evidence, mcse, METHODS["smc"])


def _smc(fit: Fit, seed: int) -> tuple[float, float]:
    """Return the log of the mean evidence of independent chains, and its error by how they differ.

    Particles go from prior to posterior in stages, and the means of the weights that each stage
    gives them multiply to the evidence: Del Moral, Doucet and Jasra (2006), JRSS B 68(3). The
    error is that of a mean of few chains, wider than their spread says by the standard deviation
    of Student's t.
    """
    import pymc as pm

    from bayesscale.comparison.moves import Forgetting
    from bayesscale.model import model_data, model_from

    kernel: Any = Forgetting  # a kernel of PyMC's base class: the signature names one of them
    with silent("pymc"), model_from(fit.spec, model_data(fit.spec, fit.runs)):
        tree: Any = pm.sample_smc(
            draws=SMC_DRAWS, kernel=kernel, threshold=SMC_THRESHOLD, chains=SMC_CHAINS,
            cores=1, random_seed=seed, progressbar=False, compute_convergence_checks=False,
        )  # fmt: skip
    stages = tree["sample_stats"]["log_marginal_likelihood"].to_numpy().reshape(SMC_CHAINS, -1)
    by_chain = np.array([_last_finite(chain) for chain in stages])
    ratio = np.exp(by_chain - by_chain.max())
    mcse = ratio.std(ddof=1) / ratio.mean() / np.sqrt(SMC_CHAINS)
    mcse *= np.sqrt((SMC_CHAINS - 1) / (SMC_CHAINS - 3))
    return float(logsumexp(by_chain) - np.log(SMC_CHAINS)), float(mcse)


def _last_finite(stages: Any) -> float:
    """Return the last estimate of a chain, whose later stages are padded with NaN."""
    values = np.concatenate([np.ravel(np.asarray(v, dtype=float)) for v in stages])
    return float(values[np.isfinite(values)][-1])
