"""An average of fits: several laws of the same runs, each with a weight."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from bayesscale import _sections as page
from bayesscale._format import list_some
from bayesscale._types import ReadOnly
from bayesscale.checks import CheckResult
from bayesscale.errors import ConvergenceWarning
from bayesscale.inference import tree_file
from bayesscale.inference.result import Fit, Question, fit_of, in_words
from bayesscale.laws import Law
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


SCORES = {"elpd": "leave-one-out", "log_evidence": "ln evidence", "log_score": "largest compute"}


@dataclass(frozen=True, eq=False, repr=False)
class Average(page.Result):
    """A mixture of posteriors, accepted by functions of predicted losses as a fit is.

    Parameters
    ----------
    fits
        The fits by name, all of the same runs and with the same inputs.
    weights
        The weight of each, from 0, together 1.
    by
        How they were weighted: ``"loo"``, ``"evidence"`` or ``"largest"``.
    summary
        One row per fit (index ``fit``): ``law``; ``weight`` and its standard error ``weight_se``;
        the score, nats, with the columns that :func:`~bayesscale.compare` has for its criterion.
    pointwise
        Log predictive density, nats, of what was left out: one row per run or cluster, one column
        a fit. None where they were scored together.
    text
        The weights in words, for a report.
    random_seed
        Seed that chooses which draws of each fit represent it.
    """

    fits: Mapping[str, Fit]
    weights: Mapping[str, float]
    by: str
    summary: pd.DataFrame
    pointwise: pd.DataFrame | None
    text: str
    random_seed: int

    def __post_init__(self) -> None:
        for name in ("fits", "weights"):
            object.__setattr__(self, name, ReadOnly(getattr(self, name)))

    @property
    def runs(self) -> Runs:
        """The runs that all of them were fitted to."""
        return next(iter(self.fits.values())).runs

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of its refits, and of every fit with a weight of at least a thousandth."""
        results = [check_refits(self.summary)]
        for name, fit in self.fits.items():
            for c in fit.checks if self.weights[name] >= 1e-3 else ():
                results.append(replace(c, name=f"{c.name} of {name!r}", text=f"{name!r}: {c.text}"))
        return tuple(results)

    def sections(self) -> list[page.Section]:
        """Return the verdict, the weights in words, and the scores that they rest on."""
        score = next(name for name in SCORES if name in self.summary)
        return [
            page.Heading(in_words(self)),
            *page.findings(self.checks, of="average"),
            page.Paragraph(self.text),
            page.Table.of(
                self.summary,
                {
                    "fit": lambda row: str(row["fit"]),
                    "law": lambda row: row["law"],
                    "weight": lambda row: f"{row['weight']:.3f} ± {row['weight_se']:.3f}",
                    f"{SCORES[score]}, nats": lambda row: f"{row[score]:.2f}",
                },
            ),
            *page.further(self.checks),
        ]

    extrapolate, allocate, required_flops, gain = Question(), Question(), Question(), Question()
    required_tokens, plot_loss, report = Question(), Question(), Question("fit")

    @tree_file.saves
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the average and its fits into one file; an older file survives a failure."""
        tree = xr.DataTree(
            children={f"fit_{i}": fit.to_tree() for i, fit in enumerate(self.fits.values())}
        )
        header = {name: getattr(self, name) for name in ("by", "text", "random_seed")} | {
            "names": list(self.fits),
            "weights": [self.weights[name] for name in self.fits],
            "summary": tree_file.from_table(self.summary),
            "pointwise": self.pointwise is not None and tree_file.from_table(self.pointwise),
        }
        tree = tree_file.set_header(tree, average=header)
        return tree_file.save_tree(tree, path, overwrite=overwrite)


def check_refits(scores: pd.DataFrame) -> CheckResult:
    """Check that all refits behind scores, one row per fit, converged."""
    converged = scores.get("refits_converged")
    unsure = [] if converged is None else scores.index[~converged.astype(bool)].tolist()
    text = "All refits converged."
    if unsure:
        text = (
            f"Refits of {list_some(unsure)} did not converge, so their scores and the weights are "
            "uncertain. Fit with more tuning (tune=4000) or smaller steps (target_accept=0.95): "
            "refits are sampled as the fits were."
        )
    return CheckResult("refits", "caution" if unsure else "ok", text, scores, ConvergenceWarning)


@tree_file.loads
def load_average(path: str | Path, *, laws: Mapping[str, Law] | None = None) -> Average:
    """Read a saved average.

    Parameters
    ----------
    path
        A file that :meth:`Average.save` wrote.
    laws
        Your own laws, if any were fitted, by the name of their fit in the average.

    Examples
    --------
    >>> m = bs.load_average("average.nc")                         # doctest: +SKIP
    """
    given = laws or {}
    return tree_file.load_tree(path, lambda tree: _average(tree, given), kind="average")


def _average(tree: xr.DataTree, laws: Mapping[str, Law]) -> Average:
    stored = json.loads(tree.attrs[tree_file.ATTRIBUTE])["average"]
    names, pointwise, fits = stored["names"], stored["pointwise"], tree.children
    return Average(
        fits={
            name: fit_of(fits[f"fit_{i}"].copy(), laws.get(name)) for i, name in enumerate(names)
        },
        weights=dict(zip(names, stored["weights"], strict=True)),
        by=stored["by"],
        summary=tree_file.to_table(stored["summary"]),
        pointwise=tree_file.to_table(pointwise) if pointwise else None,
        text=stored["text"],
        random_seed=stored["random_seed"],
    )
