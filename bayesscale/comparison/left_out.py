"""How well runs are predicted by fits without them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesscale import _arguments
from bayesscale._progress import Report
from bayesscale._sweep import sweep
from bayesscale._types import Array
from bayesscale.comparison.evidence import Evidence, evidences, refit_evidence
from bayesscale.errors import DomainError, EvidenceError, RunsError
from bayesscale.inference import LOG_LIKELIHOOD_MAX_BYTES, SAMPLE_DIMS, Fit, Setup
from bayesscale.model import Posterior
from bayesscale.runs import Runs

type Labels = NDArray[np.generic]

REFITS_MAX = 50
"""Most refits of one fit: a law that needs more predicts its runs too badly to be weighed so."""

SECONDS, SECONDS_OF_EVIDENCE = 1.0, 2.0
"""What a refit takes, roughly, and a refit with its evidence."""


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Log predictive densities left out, a row each: density, Pareto k, and whether refitted."""

    table: pd.DataFrame
    n_refits: int
    converged: bool

    @property
    def high_k(self) -> list[object]:
        """What importance sampling failed for."""
        return self.table.index[self.table["refitted"] & self.table["pareto_k"].notna()].tolist()


def unit_labels(runs: Runs, group: str | None) -> Labels:
    """Return the label that each run is left out with, by default its cluster."""
    if group is None:
        return runs.cluster_names
    _arguments.choice(
        "group of runs", group, runs.groups,
        hint='Keep a column of labels with read_runs(path, group="curve").',
    )  # fmt: skip
    labels = runs.groups[group]
    if (pd.Series(labels).groupby(runs.cluster_codes).nunique() > 1).any():
        raise DomainError(
            f"Rows of one cluster have several {group!r}, but they share the effect of their run "
            "and can only be left out together. Leave group out, or name a column of labels "
            "that keeps clusters whole."
        )
    return labels


def leave_one_out(
    fits: Mapping[str, Fit], *, group: str | None = None, report: Report
) -> dict[str, Pointwise]:
    """Score converged fits on each run or group left out, by refits where Pareto k is too large.

    Vehtari, Gelman and Gabry (2017), Statistics and Computing 27, eq. 10; Vehtari et al. (2024),
    JMLR 25.
    """
    labels = unit_labels(next(iter(fits.values())).runs, group)
    if len(pd.unique(labels)) < 2:
        raise RunsError(
            f"All {len(labels)} runs have one {group!r}, so without it none would be left. "
            "Leave group out, or name a column with several labels."
        )
    tables, jobs = {}, {}
    for name, fit in fits.items():
        report(f"Leaving runs out of {name!r} by importance sampling")
        tables[name] = importance_sampled(unit_log_likelihood(fit, fit.runs, labels))
        refitted = tables[name].index[tables[name]["refitted"]]
        if len(refitted) > REFITS_MAX:
            raise EvidenceError(
                f"Importance sampling fails for {len(refitted)} of {len(tables[name])} runs or "
                f"groups left out of {name!r}, and more than {REFITS_MAX} refits are not made. "
                'Use by="evidence" or by="largest", or leave that fit out.'
            )
        for label in refitted:
            left_out = labels == label
            setup = Setup(fit.runs.select(~left_out), fit.spec, fit.sampling)
            jobs[name, label] = setup, fit.runs.select(left_out), labels[left_out]
    converged = dict.fromkeys(fits, True)
    named = {f"{i}": job for i, job in enumerate(jobs.values())}
    refits = sweep(score_refit, named, seconds=SECONDS, report=report, text="Refitting")
    for (name, label), (density, ok) in zip(jobs, refits.values(), strict=True):
        tables[name].loc[label, "log_density"] = density[0]
        converged[name] &= ok
    return {
        name: Pointwise(table, int(table["refitted"].sum()), converged[name])
        for name, table in tables.items()
    }


def score_refit(job: tuple[Setup, Runs, Labels]) -> tuple[Array, bool]:
    """Fit, and score the runs, those of one label jointly; return whether the draws converged."""
    setup, held_out, labels = job
    fit = setup.sample(published=False)
    each = unit_log_likelihood(fit, held_out, labels).to_numpy()
    return logsumexp(each, axis=0) - np.log(len(each)), fit.convergence.passed


def unit_log_likelihood(fit: Fit, runs: Runs, labels: Labels) -> pd.DataFrame:
    """Return log likelihoods of runs summed by label, a row per draw, thinned to fit in memory."""
    draws = fit.coordinates
    n_bytes = draws.sizes["chain"] * draws.sizes["draw"] * len(runs) * 8
    draws = draws.isel(draw=slice(None, None, -(-n_bytes // LOG_LIKELIHOOD_MAX_BYTES)))
    rows = fit.spec.rows(runs)
    values = Posterior.of(fit.spec, draws).log_likelihood(runs, rows)
    values = values.reshape(-1, values.shape[-1])
    codes, names = pd.factorize(labels[rows.first])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    index = pd.MultiIndex.from_product([draws[d].to_numpy() for d in SAMPLE_DIMS])
    summed = np.add.reduceat(values[:, order], starts, axis=1)
    return pd.DataFrame(summed, index=index, columns=pd.Index(names))


def importance_sampled(log_likelihood: pd.DataFrame) -> pd.DataFrame:
    """Leave every column of a log likelihood (one row per draw) out: see :class:`Pointwise`."""
    from arviz_stats.base.array import array_stats

    by_chain: Any = [len(level) for level in log_likelihood.index.levels]  # pyright: ignore[reportAttributeAccessIssue]
    n_draws = len(log_likelihood)
    good_k = min(1 - 1 / np.log10(n_draws), 0.7)
    rows = []
    for values in log_likelihood.to_numpy().T:
        chains = values.reshape(by_chain)
        likelihood = np.exp(chains - chains.max())
        varies = np.ptp(likelihood) > 0
        ess: Any = array_stats.ess(likelihood, method="mean") if varies else n_draws
        density, k, _ = array_stats.loo(chains, r_eff=min(float(ess) / n_draws, 1.0))
        rows.append((float(density), float(k) if varies else 0.0))
    table = pd.DataFrame(rows, log_likelihood.columns, ["log_density", "pareto_k"])
    table["refitted"] = ~(table["pareto_k"] <= good_k)
    return table


def joint_density(smaller: Evidence, every: Evidence) -> tuple[float, float]:
    """Return what the evidence of all runs has over that of the smaller ones, and its error.

    It is the joint log density of the held-out log losses, nats, with its Monte Carlo standard
    error.
    """
    error = float(np.hypot(every.mcse, smaller.mcse))
    return every.log_evidence - smaller.log_evidence, error


def predictive_density(
    fits: Mapping[str, Fit], *, factor: float, random_seed: int | None, report: Report,
    known: Mapping[str, Evidence] | None = None,
) -> tuple[dict[str, tuple[float, float]], int]:  # fmt: skip
    """Score laws on all runs within ``factor`` of the largest compute together; count these.

    By two evidences per law, ``known`` and of a refit: to average the joint likelihood over the
    draws of the smaller fit would have far larger errors.
    """
    runs = next(iter(fits.values())).runs
    small, large = runs.split_by_compute(factor)
    for name, fit in fits.items():
        if len(small) < len(fit.law.coordinates):
            raise RunsError(
                f"Without the runs within {factor:g}x of the largest compute {len(small)} are "
                f"left, fewer than the {len(fit.law.coordinates)} parameters of {name!r}. Use a "
                "smaller factor."
            )
    jobs = {name: (Setup(small, fit.spec, fit.sampling), random_seed) for name, fit in fits.items()}
    refits = sweep(
        refit_evidence, jobs, seconds=SECONDS_OF_EVIDENCE, report=report, text="Refitting"
    )
    before: dict[str, Evidence] = {}
    for name, smaller in refits.items():
        if isinstance(smaller, str):
            raise EvidenceError(
                f"{name!r}, fitted without the {len(large)} largest runs, has no usable evidence. "
                f"{smaller}"
            )
        before[name] = smaller
    after = known or evidences(fits, random_seed=random_seed, report=report)
    return {name: joint_density(before[name], after[name]) for name in fits}, len(large)
