"""How probable a law made the largest runs, given what it learnt from the smaller ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayesscale._progress import Report
from bayesscale._sweep import sweep
from bayesscale.comparison.evidence import Evidence, evidence, evidences
from bayesscale.errors import EvidenceError, RunsError
from bayesscale.inference import Fit, SamplingSpec, fit_spec
from bayesscale.model import ModelSpec
from bayesscale.runs import Runs

SECONDS = 2.0
"""What a refit and its evidence take, roughly."""


@dataclass(frozen=True)
class JointDensity:
    """The log density of ``n_runs`` held-out log losses together, nats, and its Monte Carlo
    standard error.
    """  # noqa: D205

    log_density: float
    mcse: float
    n_runs: int


@dataclass(frozen=True)
class _Smaller:
    """A fit to make of the smaller runs, whose evidence is wanted."""

    spec: ModelSpec
    sampling: SamplingSpec
    runs: Runs
    random_seed: int | None


def foresee_largest(
    fits: Mapping[str, Fit], *, factor: float, random_seed: int | None, report: Report,
    known: Mapping[str, Evidence] | None = None,
) -> dict[str, JointDensity]:  # fmt: skip
    r"""Score laws on the runs within ``factor`` of the largest compute, all of them together.

    .. math:: \ln p(y_{large} | y_{small}) = \ln p(y_{all}) - \ln p(y_{small})

    is the difference of two evidences by bridge sampling, one of them of a refit: exact but for
    their Monte Carlo errors. What a law foresees of one large run it foresees of the next one, so
    that their densities one by one do not add up to that of all. Averaging the likelihood of
    all held-out runs over the draws of the smaller fit would give the same with far larger errors,
    as few of these draws foresee them all. ``known`` are the evidences of all runs, if at hand.
    """
    runs = next(iter(fits.values())).runs
    small, large = runs.split_by_compute(factor)
    for name, fit in fits.items():
        if len(small) < len(fit.law.coordinates):
            raise RunsError(
                f"Without the runs within {factor:g}x of the largest compute {len(small)} are "
                f"left, fewer than the {len(fit.law.coordinates)} unknowns of {name!r}. Use a "
                "smaller factor."
            )
    jobs = {
        f"{i}": _Smaller(fit.spec, fit.sampling, small, random_seed)
        for i, fit in enumerate(fits.values())
    }
    found = sweep(evidence_of_smaller, jobs, seconds=SECONDS, report=report, text="Refitting")
    before = dict(zip(fits, found.values(), strict=True))
    for name, smaller in before.items():
        if isinstance(smaller, str):
            raise EvidenceError(
                f"{name!r}, fitted without the {len(large)} largest runs, has no usable evidence. "
                f"{smaller}"
            )
    after = known or evidences(fits, random_seed=random_seed, report=report)
    return {
        name: JointDensity(
            after[name].log_evidence - smaller.log_evidence,
            float(np.hypot(after[name].mcse, smaller.mcse)),
            len(large),
        )
        for name, smaller in before.items()
        if isinstance(smaller, Evidence)
    }


def evidence_of_smaller(job: _Smaller) -> Evidence | str:
    """Fit, and return the evidence, or why there is none."""
    fit = fit_spec(job.spec, job.runs, job.sampling, report=lambda *_: None)
    try:
        return evidence(fit, random_seed=job.random_seed, progress=False)
    except EvidenceError as error:
        return str(error)
