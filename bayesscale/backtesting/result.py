"""What a back-test found: scores by reach and method, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._format import flops as write_flops, percent
from bayesscale._sections import (
    Heading,
    Paragraph,
    Section,
    Severity,
    Table,
    Told,
    Verdict,
    records,
    worst,
)
from bayesscale.backtesting.judge import APPROACH3, CONFORMAL, PERSISTENCE, POSTERIOR, Judged
from bayesscale.backtesting.scores import covered, summarise
from bayesscale.checks import CheckResult
from bayesscale.inference import unsound

BANDS = {"up to 3x": 3.0, "3x to 30x": 30.0, "30x to 300x": 300.0, "over 300x": np.inf}
"""Bands of reach, around 2x, 10x and 100x, and their upper ends."""

ALL = "all"

NAMES = {APPROACH3: "Approach 3", CONFORMAL: "split conformal", PERSISTENCE: "persistence"}
"""What the baselines are called in a sentence."""

LEVEL = 90
"""Percent of the intervals that sentences speak of."""


@dataclass(frozen=True)
class _Count:
    """What the law's intervals covered in a band of reach."""

    covered: int
    n: int
    reach: float

    @property
    def expected(self) -> float:
        return LEVEL / 100 * self.n

    @property
    def too_few(self) -> bool:
        """Whether fewer are covered than chance explains, two standard deviations below."""
        return self.covered < self.expected - 2 * sqrt(self.expected * (1 - LEVEL / 100))


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(Told):
    """Predictions of runs that were held out, and their scores.

    Parameters
    ----------
    points
        One row a prediction: ``fold``, ``run`` (its id), ``method``, ``flops``, ``reach`` (its
        compute over the largest fitted), ``observed``, ``median``, ``lower50`` ... ``upper95``
        (nats/token), ``error`` (log predicted over observed loss), ``pit``, ``crps``,
        ``log_score`` and the ``band`` of reach.
    folds
        One row a fold: ``n_train`` and ``n_test`` runs, ``flops_train`` (the largest compute
        fitted), ``reach`` (of the farthest run), its ``severity`` and the names of what was
        ``found``, cautions included; where it was asked for, ``joint_log_density`` of all its
        held-out log losses together, nats, and its Monte Carlo error ``joint_mcse``.
    checks
        Every check of every fold's posterior.
    law
        Name of the law.
    random_seed
        The seed of all fits: ``bs.fit`` with it repeats a fold.
    """

    points: pd.DataFrame
    folds: pd.DataFrame
    checks: tuple[CheckResult, ...]
    law: str
    random_seed: int

    @classmethod
    def of(cls, judged: Sequence[Judged], *, law: str, random_seed: int) -> Backtest:
        """Put folds together."""
        points = pd.concat([j.points for j in judged], ignore_index=True)
        points["band"] = pd.cut(points["reach"], [0.0, *BANDS.values()], labels=list(BANDS))
        folds = pd.DataFrame([j.fold for j in judged]).set_index("fold")
        folds["severity"] = [worst(c.severity for c in j.checks) for j in judged]
        folds["found"] = [", ".join(c.name for c in j.checks if c.warns) for j in judged]
        return cls(points, folds, tuple(c for j in judged for c in j.checks), law, random_seed)

    @property
    def severity(self) -> Severity:
        """The gravest finding of any fold's checks; a caution if too few runs were covered."""
        covered: Severity = "caution" if self.too_narrow else "ok"
        return worst([covered, *(check.severity for check in self.checks)])

    @property
    def too_narrow(self) -> bool:
        """Whether intervals covered fewer runs than chance explains."""
        return any(count.too_few for count in self._counts())

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Scores by band of reach and method, unrounded.

        Index ``(band, method)``, the band ``"all"`` first. Columns: ``n`` predictions of
        ``n_runs`` different runs, their median ``reach``, the shares ``cover50`` to ``cover95``
        inside central intervals, ``crps``, ``log_score``, ``rmsle``, ``bias`` and ``width90``
        (all of log loss), and ``crps_ratio``, the CRPS over that of Approach 3.
        """
        every = self.points.assign(band=ALL)
        by_band = self.points.sort_values("band", kind="stable").astype({"band": object})
        table = summarise(pd.concat([every, by_band]), ["band", "method"])
        reference = table["crps"].xs(APPROACH3, level="method")
        table["crps_ratio"] = table["crps"].div(reference, level="band")
        return table

    @property
    def verdict(self) -> Verdict:
        """How far the intervals may be trusted, in a sentence or two."""
        counts = self._counts()
        said = [f"{c.covered} of {c.n} at {_times(c.reach)} reach" for c in counts]
        text = f"On your own runs, {LEVEL} % intervals covered {_listed(said)}."
        short = [c for c in counts if c.too_few]
        if not short:
            text += " Chance explains what they missed: plan with them at such a reach."
            return Verdict(text, self.severity)
        due = [f"{c.expected:.0f} of {c.n} at {_times(c.reach)}" for c in short]
        text += (
            f" About {_listed(due)} should have been: intervals there are too narrow. Allow for "
            "more than they say, or train a larger run first."
        )
        return Verdict(text, self.severity)

    @property
    def comparison(self) -> str:
        """How the baselines did on the same runs, in a sentence."""
        scores = pd.DataFrame(self.summary.loc[ALL]).to_dict("index")
        share = {method: f"{100 * s[f'cover{LEVEL}']:.0f} %" for method, s in scores.items()}
        said = [
            f"{name}'s covered {share[method]}, and its CRPS is "
            f"{scores[method]['crps'] / scores[POSTERIOR]['crps']:.2g} times this fit's"
            for method, name in NAMES.items()
        ]
        return (
            f"Where the fit's {LEVEL} % intervals covered {share[POSTERIOR]}, {'; '.join(said)} "
            "(smaller is better)."
        )

    @property
    def failures(self) -> str:
        """What the checks of the folds' posteriors found; empty if nothing."""
        found = unsound(self.folds, "folds", "fold {}")
        also = " Their scores count all the same; backtest.checks says what was found."
        return found and found + also

    @property
    def text(self) -> str:
        """Everything in words."""
        return " ".join(filter(None, [self.verdict.text, self.comparison, self.failures]))

    def sections(self) -> list[Section]:
        """Return the verdict, what the checks found, the folds and the scores."""
        told: list[Section] = [
            Heading(f"Does the law {self.law!r} foresee larger runs?"),
            self.verdict,
            Paragraph(self.comparison),
        ]
        if self.failures:
            gravest = worst(check.severity for check in self.checks)
            told.append(Paragraph(self.failures, gravest))
            told += [Paragraph(c.text, c.severity) for c in self.checks if c.warns]
        folds = [
            f"Fold {fold['fold']}: {fold['n_train']} runs up to "
            f"{write_flops(fold['flops_train'])} foresee {fold['n_test']} up to "
            f"{fold['reach']:.3g}x as large{_together(fold)}."
            for fold in records(self.folds)
        ]
        return [*told, Paragraph("\n".join(folds)), self.table()]

    def table(self) -> Table:
        """Return the scores by reach and method, for people."""
        rows, band = [], None
        for row in records(self.summary):
            first, band = row["band"] != band, row["band"]
            rows.append(
                [
                    band if first else "",
                    str(row["n"]) if first else "",
                    NAMES.get(row["method"], row["method"]),
                    *(f"{100 * row[share]:.0f} %" for share in ("cover50", "cover90")),
                    *(f"{100 * row[score]:.2f} %" for score in ("crps", "rmsle")),
                    f"{100 * row['bias']:+.2f} %",
                ]
            )
        titles = ["reach", "n", "method", *(f"in {percent(p)}" for p in (0.5, 0.9))]
        return Table([*titles, "CRPS", "RMSLE", "bias"], rows)

    def _counts(self) -> list[_Count]:
        own = self.points[self.points["method"] == POSTERIOR]
        return [
            _Count(int(covered(of_band, LEVEL).sum()), len(of_band), of_band["reach"].median())
            for _, of_band in own.groupby("band", observed=True)
        ]


def _together(fold: Mapping[str, Any]) -> str:
    if "joint_log_density" not in fold:
        return ""
    return (
        f", all of them together with a log density of {fold['joint_log_density']:.1f} ± "
        f"{fold['joint_mcse']:.1g} nats"
    )


def _times(reach: float) -> str:
    return f"{float(f'{reach:.2g}'):g}x"


def _listed(said: list[str]) -> str:
    return " and ".join(part for part in (", ".join(said[:-1]), said[-1]) if part)
