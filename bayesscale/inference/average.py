"""An average of fits: several laws of the same runs, each with a weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bayesscale._format import list_some
from bayesscale._sections import Section, Severity, Told, worst
from bayesscale.checks import CheckResult
from bayesscale.errors import ConvergenceWarning
from bayesscale.inference.result import Fit
from bayesscale.inference.sections import average_sections
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Average(Told):
    """A mixture of posteriors, which answers questions about losses as a fit does.

    Parameters
    ----------
    fits
        The fits by name, all of the same runs and with the same inputs.
    weights
        The weight of each, from 0, together 1.
    by
        How they were weighted: ``"loo"``, ``"evidence"`` or ``"largest"``.
    summary
        One row a fit (index ``fit``): ``law``; ``weight`` and its standard error ``weight_se``;
        the score, nats, with the columns that :func:`~bayesscale.compare` has for it: by
        evidence ``log_evidence``, ``mcse``, ``ln_bf`` and ``ln_bf_mcse``, on the largest compute
        ``log_score``, ``log_score_mcse``, ``log_score_diff`` and ``log_score_diff_mcse``, whose
        errors are those of Monte Carlo; by leave-one-out ``elpd``, ``elpd_se``, ``elpd_diff`` from
        the best fit and ``elpd_diff_se``, whose errors say how much other runs of the same kind
        would have changed the figure, ``n_refits``, ``refits_converged``, and ``high_k``, the runs
        or groups whose importance sampling failed, so that they were refitted.
    pointwise
        Log predictive density, nats, of what was left out: one row a run or cluster, one column
        a fit. None where they were scored together.
    text
        The weights in words, for a report.
    random_seed
        Seed that chooses which draws of each fit stand for it.
    """

    fits: Mapping[str, Fit]
    weights: Mapping[str, float]
    by: str
    summary: pd.DataFrame
    pointwise: pd.DataFrame | None
    text: str
    random_seed: int

    @property
    def runs(self) -> Runs:
        """The runs that all of them were fitted to."""
        return next(iter(self.fits.values())).runs

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of its refits, and of every fit with a weight of at least a thousandth."""
        heard = {name: fit for name, fit in self.fits.items() if self.weights[name] >= 1e-3}
        return (
            check_refits(self.summary),
            *(
                replace(c, name=f"{c.name} of {name!r}", text=f"{name!r}: {c.text}")
                for name, fit in heard.items()
                for c in fit.checks
            ),
        )

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        return worst(check.severity for check in self.checks)

    def sections(self) -> list[Section]:
        """Return the verdict, the weights in words, and the scores that they rest on."""
        return average_sections(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the average and its fits into one file; an older file survives a failure.

        Parameters
        ----------
        path
            Where to, usually ending in ``.nc``.
        overwrite
            Replace a file that is there even if bayesscale did not save it.

        Returns
        -------
        pathlib.Path
            The file, for :func:`~bayesscale.load_average`.

        Raises
        ------
        FileError
            If the file cannot be written, or another file than a saved fit is there.
        """
        from bayesscale.inference.saved import save_average

        return save_average(self, path, overwrite=overwrite)


def check_refits(scores: pd.DataFrame) -> CheckResult:
    """Check that all refits behind scores, one row a fit, converged."""
    converged = scores.get("refits_converged")
    unsure = [] if converged is None else scores.index[~converged.astype(bool)].tolist()
    text = "All refits converged."
    if unsure:
        text = (
            f"REFITS OF {list_some(unsure)} DID NOT CONVERGE, so that their scores and the "
            "weights are uncertain. Fit with more tuning (tune=4000) or smaller steps "
            "(target_accept=0.95): refits are sampled as the fits were."
        )
    return CheckResult("refits", "caution" if unsure else "ok", text, scores, ConvergenceWarning)
