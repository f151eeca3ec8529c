"""The evidence of a fit: the prior predictive density of the runs."""

from collections.abc import Callable, Mapping

import numpy as np

from bayesscale._documented import documented
from bayesscale._progress import PROGRESS, ProgressOption, Report, progress_reporter
from bayesscale._types import Array
from bayesscale.comparison.bridge import Evidence, bridge_sampling
from bayesscale.errors import DomainError, EvidenceError, SamplerError
from bayesscale.inference import Fit, Setup

ERROR_MAX = 0.2
"""Largest Monte Carlo standard error of a log evidence that is reported."""

OVERLAP_MIN = 0.05
"""Smallest share of overlap between posterior and proposal that is trusted."""


@documented(PROGRESS)
def evidence(
    fit: Fit, *, random_seed: int | None = None, progress: ProgressOption = "auto"
) -> Evidence:
    """Estimate the log evidence of a fit by bridge sampling on its draws.

    The difference of two fits' log evidences on the same runs is the log of their Bayes factor.
    It is the density of log loss, with every constant, and depends on the priors. A model of the
    loss itself is comparable after its log evidence is raised by the sum of the log losses.

    Parameters
    ----------
    fit
        A fit that passed its convergence check.
    random_seed
        Seed; by default derived from the fit's.

    Raises
    ------
    DomainError
        If ``fit`` is not a fit, or an argument is outside its domain.
    EvidenceError
        If the draws did not converge, or the error is too large to be of use.

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
    check_converged(fit)
    seed = fit.sampling.random_seed + 2 if random_seed is None else random_seed
    with progress_reporter(progress) as report:
        report(f"Estimating the evidence of {fit.law.name!r}")
        density = sampled_density(fit)
        u = fit.spec.space.unconstrain({str(k): np.asarray(v) for k, v in fit.coordinates.items()})
        estimate = bridge_sampling(density, u, random_seed=seed)
    if not estimate.mcse < ERROR_MAX or estimate.overlap < OVERLAP_MIN:
        raise EvidenceError(
            f"The evidence is known to ±{estimate.mcse:.2g} only, with an overlap of "
            f"{estimate.overlap:.2g} between posterior and proposal (allowed: below {ERROR_MAX} "
            f"and above {OVERLAP_MIN}). Fit with more draws (draws=10000); if that does not help, "
            "the posterior is too far from normal, perhaps because the runs identify too little."
        )
    return estimate


def check_converged(fit: Fit) -> None:
    """Refuse what is no fit, and draws that are no posterior."""
    if not isinstance(fit, Fit):
        raise DomainError(
            f"Expected a Fit, as bs.fit or bs.load_fit returns, not {type(fit).__name__}."
        )
    if not fit.convergence.passed:
        raise EvidenceError(
            f"The evidence of draws that did not converge is meaningless. {fit.convergence.text}"
        )


def sampled_density(fit: Fit) -> Callable[[Array], float]:
    """Return the log density that was sampled, of a point of shape ``(coordinate,)``."""
    # brings PyMC: only now
    from bayesscale.inference import compile_model
    from bayesscale.model import model_data

    density = compile_model(fit.spec, fit.runs).bind(model_data(fit.spec, fit.runs))
    return lambda u: density(u)[0]


def evidences(
    fits: Mapping[str, Fit], *, random_seed: int | None, report: Report
) -> dict[str, Evidence]:
    """Estimate the evidence of several fits by bridge sampling; a refusal says of which."""
    by_name = {}
    for name, fit in fits.items():
        report(f"Estimating the evidence of {name!r}")
        try:
            by_name[name] = evidence(fit, random_seed=random_seed, progress=False)
        except EvidenceError as error:
            raise EvidenceError(f"{name!r} has no usable evidence. {error}") from error
    return by_name


def refit_evidence(job: tuple[Setup, int | None]) -> Evidence | str:
    """Sample, and return the evidence by a seed, or why there is none."""
    setup, random_seed = job
    try:
        return evidence(setup.sample(published=False), random_seed=random_seed, progress=False)
    except (EvidenceError, SamplerError) as error:
        return str(error)
