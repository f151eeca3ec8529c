"""The smallest scale from which a law, assumed exact, describes the runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd

from bayesscale._format import over_interval
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sections import Heading, Paragraph, Result, Section, Severity, Table
from bayesscale._sweep import sweep
from bayesscale.backtesting.folds import RUNS_PER_UNKNOWN
from bayesscale.inference import FitOptions, Setup, takes_fit_options
from bayesscale.quantities import FLOPS, LossScale, Quantity
from bayesscale.runs import Runs

CUTS = 8
SECONDS = 3.0  # what a fit takes, roughly

BEYOND = 10.0  # times the compute of the largest run, for the run that is predicted


@dataclass(frozen=True, eq=False, repr=False)
class SmallestScale(Result):
    """Fits of ever fewer small runs.

    Parameters
    ----------
    summary
        One row per cut (index ``least_size``, the least compute of a run that is kept, FLOP, or
        the least of the law's only input): ``runs``, what ``lack_of_fit`` was found, the least
        ``kink`` that would have been detected, in log loss per decade, and the predicted ``loss``
        (``_lower``, ``_upper`` of 90 %) of a run with ten times the compute of the largest one.
    random_seed
        Seed of the fits.
    runs
        All runs.
    size
        What the cuts are in.
    """

    summary: pd.DataFrame
    random_seed: int
    runs: Runs
    size: Quantity

    @property
    def _described(self) -> pd.DataFrame:
        """The cuts above every lack of fit, from the first at which a kink would be detected."""
        found = np.flatnonzero(self.summary["lack_of_fit"] != "")
        above = self.summary[found[-1] + 1 :] if len(found) else self.summary
        return above[above["kink"].ffill().notna()]

    @property
    def least(self) -> float | None:
        """The smallest cut from which the law describes the runs; None if there is none."""
        fine, found = self._described, (self.summary["lack_of_fit"] != "").any()
        return None if fine.empty else float((fine if found else self.summary).index[0])

    @property
    def severity(self) -> Severity:
        """A note where small runs deviate; a caution where the largest do, too."""
        if self.least is None:
            return "caution"
        return "ok" if self.least == self.summary.index[0] else "note"

    @property
    def text(self) -> str:
        """From which scale on the law describes the runs."""
        lacking = self.summary["lack_of_fit"][self.summary["lack_of_fit"] != ""]
        if self.least is None:
            why = "no test could detect a kink" if lacking.empty else lacking.iloc[-1]
            return f"There is no scale from which the law is known to describe the runs: {why}."
        kept = self._described.iloc[0]
        power = f"a kink of {kept['kink']:.2g} in log loss per decade would be detected"
        if lacking.empty:
            return f"The law describes all {self.summary['runs'].iloc[0]} runs; {power}."
        runs = f"the {kept['runs']} runs from {self.size.write(self.least)} {self.size.unit} on"
        return f"The law describes {runs}; {power}. With smaller ones, {lacking.iloc[-1]}."

    def sections(self) -> list[Section]:
        """Return the verdict, and a row per cut."""
        scale = LossScale.of(self.runs)
        columns = {
            f"from {self.size.unit}": lambda row: self.size.write(row["least_size"]),
            "runs": lambda row: str(row["runs"]),
            "lack of fit": lambda row: "found" if row["lack_of_fit"] else "none",
            f"{scale.word} at {BEYOND:g}x": lambda row: over_interval(row, "loss", scale.write),
        }
        return [
            Heading("From which scale on the law describes the runs"),
            Paragraph(self.text, self.severity, emphasis=True),
            Table.of(self.summary, columns, "The law is assumed exact. 90 % intervals."),
        ]


@takes_fit_options(without=("discrepancy",))
def smallest_scale(
    runs: Runs, *, progress: ProgressOption = "auto", **options: Unpack[FitOptions]
) -> SmallestScale:
    """Find the scale from which a law, assumed exact, describes the runs.

    The law is fitted to all runs, and to those above cuts that rise by equal factors, as long as
    two runs are left per parameter; each fit is tested for lack of fit at a level of 1 %.

    Returns
    -------
    SmallestScale
        ``least``, ``text`` and a ``summary``.

    Examples
    --------
    >>> bs.smallest_scale(runs, law="chinchilla").least           # doctest: +SKIP
    """
    options["discrepancy"] = None
    whole = Setup.of(runs, **options).checked()
    runs, seed = whole.runs, whole.sampling.random_seed
    needed = RUNS_PER_UNKNOWN * len(whole.spec.law.coordinates)
    sizes = np.sort(runs.size)
    cuts = np.geomspace(sizes[0], sizes[-min(needed, len(sizes))], CUTS) * (1 - 1e-9)
    kept = {f"{cut:.6g}": runs.select(runs.size >= cut) for cut in cuts}
    kept = {str(len(each)): each for each in kept.values()}  # cuts that leave the same runs are one
    options["random_seed"] = seed
    jobs = {name: (Setup.of(each, **options), runs) for name, each in kept.items()}
    with progress_reporter(progress) as report:
        rows = sweep(_row, jobs, seconds=SECONDS, report=report, text="Fitting")
    table = pd.DataFrame(list(rows.values())).set_index("least_size")
    size = FLOPS if FLOPS.name in runs else next(iter(whole.spec.law.quantities.values()))
    return SmallestScale(table, seed, runs, size)


def _row(job: tuple[Setup, Runs]) -> dict[str, Any]:
    """Fit runs, test the fit, and predict a larger run than all of them."""
    setup, whole = job
    fit = setup.fit(published=False)
    (check,) = (check for check in fit.checks if check.name == "lack of fit")
    _, lacking, found = check.text.partition("Lack of fit: ")
    largest, grown = int(np.argmax(whole.size)), fit.law.split or tuple(fit.law.quantities)[:1]
    at = {name: whole[name][largest : largest + 1] for name in fit.law.quantities}
    at |= {name: at[name] * BEYOND ** (1 / len(grown)) for name in grown}
    loss = np.quantile(fit.posterior.law_loss(at), [0.5, 0.05, 0.95])
    return {
        "least_size": setup.runs.size.min(), "runs": len(setup.runs),
        "lack_of_fit": found.split(". The model")[0] if lacking else "",
        "kink": check.table.loc["bends", "detectable"],
        **dict(zip(("loss", "loss_lower", "loss_upper"), loss.tolist(), strict=True)),
    }  # fmt: skip
