"""An average of fits: several laws of the same runs, each with a weight."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayesscale.inference.result import Fit
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Average:
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
        the score, nats (``elpd``, ``log_evidence`` or ``log_score``), with its standard error
        ``se``; ``diff`` from the best fit with ``diff_se``; ``n_refits``, ``refits_converged``,
        and ``high_k``, the runs or clusters whose importance sampling failed, so that they were
        refitted. Errors are those of Monte Carlo for ``"evidence"``, and otherwise say how
        much other runs of the same kind would have changed the figure.
    pointwise
        Log predictive density, nats, of what was left out: one row a run or cluster, one column
        a fit. None for ``"evidence"``.
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

    @property
    def passed(self) -> bool:
        """Whether every refit converged and every fit with a weight passed its checks.

        A fit counts if its weight is at least a thousandth.
        """
        heard = [fit for name, fit in self.fits.items() if self.weights[name] >= 1e-3]
        return bool(self.summary["refits_converged"].all()) and all(fit.passed for fit in heard)

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

    def __repr__(self) -> str:
        return f"{self.text}\n{self.summary.to_string()}"

    def _repr_html_(self) -> str:
        table = self.summary.to_html(float_format="{:.4g}".format)
        return f"<p>{html.escape(self.text)}</p>{table}"
