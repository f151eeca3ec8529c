"""How well runs are predicted by fits that did not see them."""

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
from bayesscale.errors import DomainError, EvidenceError, RunsError
from bayesscale.inference import LOG_LIKELIHOOD_MAX_BYTES, SAMPLE_DIMS, Fit, SamplingSpec, fit_spec
from bayesscale.model import ModelSpec, Posterior
from bayesscale.runs import Runs

type Labels = NDArray[np.generic]

REFITS_MAX = 50
"""Most refits of one fit: a law that needs more predicts its runs too badly to be weighed so."""

SECONDS = 1.0
"""What a refit takes, roughly."""


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Log predictive densities of what one fit's law was not conditioned on.

    ``table`` has one row a left-out run or group of runs: ``log_density`` of log loss, nats;
    ``pareto_k``, NaN where nothing was importance-sampled; ``refitted``, whether its density is
    that of a refit. ``converged`` tells whether all of ``n_refits`` did.
    """

    table: pd.DataFrame
    n_refits: int
    converged: bool

    @property
    def high_k(self) -> list[object]:
        """What importance sampling failed for."""
        return self.table.index[self.table["refitted"] & self.table["pareto_k"].notna()].tolist()


@dataclass(frozen=True)
class _HeldOut:
    """A fit to make, and the runs to score it on, those of one label jointly."""

    spec: ModelSpec
    sampling: SamplingSpec
    fitted: Runs
    held_out: Runs
    labels: Labels


def unit_labels(runs: Runs, group: str | None) -> Labels:
    """Return what each run is left out with: its label, by default its cluster, which labels must
    not divide as its rows share an effect.
    """  # noqa: D205
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
    r"""Score converged fits on each of their runs, or groups of runs, as if it had been left out.

    By Pareto-smoothed importance sampling, and by an exact refit where that is not reliable:

    .. math:: \ln p(y_i | y_{-i}) \approx \ln \frac{\sum_s w_i^s \, p(y_i | \theta^s)}
              {\sum_s w_i^s}, \quad w_i^s \approx 1 / p(y_i | \theta^s)

    with the largest weights smoothed by a generalised Pareto distribution of shape k, which is
    trusted up to :math:`k = \min(1 - 1 / \log_{10} S, .7)` with S draws: Vehtari, Gelman and Gabry
    (2017), Statistics and Computing 27, eq. 10; Vehtari et al. (2024), JMLR 25(72).
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
                'Weigh by="evidence" or by="largest", or leave that fit out.'
            )
        for label in refitted:
            left_out = labels == label
            jobs[name, label] = _HeldOut(
                fit.spec, fit.sampling, fit.runs.select(~left_out), fit.runs.select(left_out),
                labels[left_out],
            )  # fmt: skip
    converged = dict.fromkeys(fits, True)
    for (name, label), (density, ok) in _refits(jobs, report).items():
        tables[name].loc[label, "log_density"] = density[0]
        converged[name] &= ok
    return {
        name: Pointwise(table, int(table["refitted"].sum()), converged[name])
        for name, table in tables.items()
    }


def _refits[Key: tuple[str, Any]](
    jobs: Mapping[Key, _HeldOut], report: Report
) -> dict[Key, tuple[Array, bool]]:
    named = {f"{i}": job for i, job in enumerate(jobs.values())}
    found = sweep(score_refit, named, seconds=SECONDS, report=report, text="Refitting")
    return dict(zip(jobs, found.values(), strict=True))


def score_refit(job: _HeldOut) -> tuple[Array, bool]:
    """Fit, and return the log predictive density of every label that was held out, in order of
    appearance, and whether the draws converged.
    """  # noqa: D205
    fit = fit_spec(job.spec, job.fitted, job.sampling, report=lambda *_: None)
    each = unit_log_likelihood(fit, job.held_out, job.labels).to_numpy()
    return logsumexp(each, axis=0) - np.log(len(each)), fit.convergence.passed


def unit_log_likelihood(fit: Fit, runs: Runs, labels: Labels) -> pd.DataFrame:
    """Return the log likelihood of runs, fitted or new, under a fit's draws, summed by label.

    One row a draw (index ``chain`` and ``draw``), one column a label in order of appearance,
    nats. Draws are thinned where memory would not hold all.
    """
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
    """Leave every column of a log likelihood (one row a draw) out by importance sampling.

    Returns one row a column: ``log_density``, ``pareto_k``, and ``refitted``, whether it has to be.
    """
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
