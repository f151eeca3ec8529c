"""Leave one out: how well each run is predicted by all the others."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale._progress import Report
from bayesscale.comparison.pointwise import Pointwise, unit_labels, unit_log_likelihood
from bayesscale.comparison.refit import HeldOut, score_refits
from bayesscale.errors import EvidenceError, RunsError
from bayesscale.inference.result import Fit

type Array = NDArray[np.float64]

REFITS_MAX = 50
"""Most refits of one fit: a law that needs more predicts its runs too badly to be weighed so."""


def leave_one_out(
    fits: Mapping[str, Fit], *, cluster: str | None = None, report: Report
) -> dict[str, Pointwise]:
    r"""Score fits on each of their runs as if it had been left out.

    By Pareto-smoothed importance sampling, and by an exact refit where that is not reliable.

    Parameters
    ----------
    fits
        Converged fits of the same runs.
    cluster
        Column of labels; runs of one label are left out together and scored jointly. None
        leaves out one run at a time, with all its rows where the runs have clusters.
    report
        Where progress goes.

    Returns
    -------
    dict
        The log predictive densities by fit.

    Raises
    ------
    UnknownNameError
        If the runs have no such column of labels.
    RunsError
        If all runs have one label.
    EvidenceError
        If more than 50 refits of one fit were needed.

    Notes
    -----
    .. math:: \ln p(y_i | y_{-i}) \approx \ln \frac{\sum_s w_i^s \, p(y_i | \theta^s)}
              {\sum_s w_i^s}, \quad w_i^s \approx 1 / p(y_i | \theta^s)

    with the largest weights smoothed by a generalised Pareto distribution of shape k. It is
    trusted up to :math:`k = \min(1 - 1 / \log_{10} S, .7)` with S draws.

    References
    ----------
    .. [1] Vehtari, Gelman and Gabry (2017), Statistics and Computing 27, 1413-1432, eq. 10.
    .. [2] Vehtari et al. (2024), JMLR 25(72), Pareto smoothed importance sampling.
    """
    labels = unit_labels(next(iter(fits.values())).runs, cluster)
    if len(pd.unique(labels)) < 2:
        raise RunsError(
            f"All {len(labels)} runs have one {cluster!r}, so without it none would be left. "
            "Leave cluster out, or name a column with several labels."
        )
    tables, jobs = {}, {}
    for name, fit in fits.items():
        report(f"Leaving runs out of {name!r} by importance sampling")
        tables[name] = importance_sampled(unit_log_likelihood(fit, fit.runs, labels))
        refitted = tables[name].index[tables[name]["refitted"]]
        if len(refitted) > REFITS_MAX:
            raise EvidenceError(
                f"Importance sampling fails for {len(refitted)} of {len(tables[name])} runs or "
                f"clusters left out of {name!r}, and more than {REFITS_MAX} refits are not made. "
                'Weigh by="evidence" or by="largest", or leave that fit out.'
            )
        for label in refitted:
            left_out = labels == label
            jobs[name, label] = HeldOut(
                fit.spec, fit.sampling, fit.runs.select(~left_out), fit.runs.select(left_out),
                labels[left_out],
            )  # fmt: skip
    converged = dict.fromkeys(fits, True)
    results = score_refits(list(jobs.values()), report=report)
    for (name, label), (density, ok) in zip(jobs, results, strict=True):
        tables[name].loc[label, "log_density"] = density[0]
        converged[name] &= ok
    return {
        name: Pointwise(table, int(table["refitted"].sum()), converged[name])
        for name, table in tables.items()
    }


def importance_sampled(log_likelihood: pd.DataFrame) -> pd.DataFrame:
    """Leave every column of a log likelihood out by importance sampling.

    Parameters
    ----------
    log_likelihood
        One row a draw, index ``chain`` and ``draw``; one column a run or cluster.

    Returns
    -------
    pandas.DataFrame
        One row a run or cluster: ``log_density``, ``pareto_k``, and ``refitted``, whether it has
        to be.
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
