"""Leave the largest compute out: how well a law extrapolates to runs that are there."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bayesscale._progress import Report
from bayesscale.comparison.pointwise import Pointwise, unit_labels
from bayesscale.comparison.refit import HeldOut, score_refits
from bayesscale.errors import RunsError
from bayesscale.inference.result import Fit


def leave_largest_out(
    fits: Mapping[str, Fit], *, factor: float = 10.0, cluster: str | None = None, report: Report
) -> dict[str, Pointwise]:
    """Refit laws without the largest runs, and score them on these.

    Parameters
    ----------
    fits
        Fits of the same runs.
    factor
        Every run within this factor of the largest compute is held out, > 1.
    cluster
        Column of labels; held-out runs of one label are scored jointly. None scores each alone,
        with all its rows where the runs have clusters.
    report
        Where progress goes.

    Returns
    -------
    dict
        The log predictive densities by fit.

    Raises
    ------
    DomainError
        If the factor is not above 1.
    UnknownNameError
        If the runs have no such column of labels.
    RunsError
        If fewer runs would be left than a law has unknowns, or fewer than two left out.
    """
    runs = next(iter(fits.values())).runs
    small, large = runs.split_by_compute(factor)
    labels = unit_labels(large, cluster)
    units = pd.Index(pd.unique(labels))
    if len(units) < 2:
        raise RunsError(
            f"Only {len(large)} run{'s' * (len(large) > 1)} within {factor:g}x of the largest "
            f"compute would be held out{', all of one cluster' * (len(large) > 1)}, and a single "
            "score cannot weigh laws. Use a larger factor."
        )
    for name, fit in fits.items():
        if len(small) < len(fit.law.coordinates):
            raise RunsError(
                f"Without the runs within {factor:g}x of the largest compute {len(small)} are "
                f"left, fewer than the {len(fit.law.coordinates)} unknowns of {name!r}. Use a "
                "smaller factor."
            )
    jobs = [HeldOut(fit.spec, fit.sampling, small, large, labels) for fit in fits.values()]
    return {
        name: Pointwise(
            pd.DataFrame(
                {"log_density": density, "pareto_k": np.nan, "refitted": True}, index=units
            ),
            n_refits=1,
            converged=ok,
        )
        for name, (density, ok) in zip(fits, score_refits(jobs, report=report), strict=True)
    }
