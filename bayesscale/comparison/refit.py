"""Refits without some of the runs, scored on these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale._progress import Report
from bayesscale._sweep import sweep
from bayesscale.comparison.pointwise import log_mean_exp, unit_log_likelihood
from bayesscale.inference.fit import fit_spec
from bayesscale.inference.result import SamplingSpec
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

FEW = 20
"""Up to this many refits run here, where the laws are compiled; more go to all cores, each of
which compiles them for itself."""


@dataclass(frozen=True)
class HeldOut:
    """A fit to make, and the runs to score it on.

    Parameters
    ----------
    spec
        The model, with the reference point and priors of the fit to all runs.
    sampling
        How to sample.
    fitted, held_out
        The runs to condition on, and those to predict.
    labels
        Held-out runs of one label are predicted jointly.
    """

    spec: ModelSpec
    sampling: SamplingSpec
    fitted: Runs
    held_out: Runs
    labels: NDArray[np.generic]


def score_refit(job: HeldOut) -> tuple[Array, bool]:
    """Fit, and predict what was held out.

    Returns
    -------
    log_density : ndarray
        Log predictive density of the log losses of each label, nats, in order of appearance.
    converged : bool
        Whether the draws converged.
    """
    fit = fit_spec(job.spec, job.fitted, job.sampling, report=lambda *_: None)
    each = unit_log_likelihood(fit, job.held_out, job.labels)
    return log_mean_exp(each.to_numpy()), fit.convergence.passed


def score_refits(jobs: Sequence[HeldOut], *, report: Report) -> list[tuple[Array, bool]]:
    """Do what :func:`score_refit` does for every job, in order."""
    if len(jobs) > FEW:
        return sweep(score_refit, jobs, report=report, text="Refitting")
    results = []
    for done, job in enumerate(jobs):
        report(f"Refitting: {done} of {len(jobs)}", done, len(jobs))
        results.append(score_refit(job))
    return results
