"""The result of a back-test: scores by extrapolation factor and method, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from bayesscale import _sections
from bayesscale._format import flops as write_flops, percent, write_times
from bayesscale.backtesting.joint import LEVEL as ERRORS_LEVEL, combine, together
from bayesscale.backtesting.score_fold import APPROACH3, CONFORMAL, POSTERIOR, FoldScore
from bayesscale.backtesting.scores import covered, summarise
from bayesscale.checks import CheckResult
from bayesscale.inference import unsound

BANDS = {"up to 3x": 3.0, "3x to 30x": 30.0, "30x to 300x": 300.0, "over 300x": np.inf}
"""Bands of reach, around 2x, 10x and 100x, and their upper ends."""

ALL = "all"

NAMES = {APPROACH3: "Approach 3", CONFORMAL: "split conformal"}
"""What the baselines are called in a sentence."""

LEVEL = 90
"""Percent of the intervals in sentences."""

POWER = 0.8
"""A test is weak if errors twice as large are less likely to be detected, as on most public ladders
(.3 to .8); with .5, ladders of curvature passed whose prediction at 10x did not hold."""

WRONG_P, WRONG_RATIO = 1e-3, 3.0
"""Errors so improbable, and so many times as large as predicted, forbid the use of intervals."""


@dataclass(frozen=True, eq=False, repr=False)
class Backtest(_sections.Result):
    """Predictions of runs that were held out, and their scores.

    Parameters
    ----------
    points
        One row per prediction: ``fold``, ``run`` (its id), ``method``, ``flops``, ``reach`` (its
        compute over the largest fitted), ``next`` (whether the fold is judged on it: those up to
        the next cutoff), ``observed``, ``median``, ``lower50`` ... ``upper95``
        (nats/token), ``error`` (log predicted over observed loss), ``pit``, ``crps``,
        ``log_score`` and the ``band`` of reach.
    folds
        One row per fold: ``n_train`` and ``n_test`` runs, ``flops_train`` (the largest compute
        fitted), ``reach`` (of the farthest run); of the ``n_next`` runs that it is judged on,
        ``reach_next``, ``error_ratio`` (mean absolute error over what the model predicts of it)
        and its ``p_value``; its ``severity`` and the names of what was
        ``found``, cautions included; where it was asked for, ``joint_log_density`` of all its
        held-out log losses together, nats, and its Monte Carlo error ``joint_mcse``.
    checks
        Every check of every fold's posterior.
    law
        Name of the law.
    random_seed
        The seed of all fits: ``bs.fit`` with it repeats a fold.
    replicates
        Joint predictive draws of each fold (index ``fold``): how many runs intervals ``covered``,
        and the ``p_value`` of errors twice as large.
    fingerprint
        Of the runs.
    """

    points: pd.DataFrame
    folds: pd.DataFrame
    checks: tuple[CheckResult, ...]
    law: str
    random_seed: int
    replicates: pd.DataFrame = field(default_factory=pd.DataFrame)
    fingerprint: str = ""

    @classmethod
    def of(
        cls, scores: Sequence[FoldScore], *, law: str, random_seed: int, fingerprint: str = ""
    ) -> Backtest:
        """Put folds together."""
        points = pd.concat([s.points for s in scores], ignore_index=True)
        points["band"] = pd.cut(points["reach"], [0.0, *BANDS.values()], labels=list(BANDS))
        folds = pd.DataFrame([s.fold for s in scores]).set_index("fold")
        folds["severity"] = [_sections.worst(c.severity for c in s.checks) for s in scores]
        folds["found"] = [", ".join(c.name for c in s.checks if c.warns) for s in scores]
        checks = tuple(c for s in scores for c in s.checks)
        replicates = pd.concat([s.replicates for s in scores], keys=folds.index).droplevel(1)
        return cls(points, folds, checks, law, random_seed, replicates, fingerprint)

    @property
    def severity(self) -> _sections.Severity:
        """That of the errors; at least a caution if the checks of a fold's posterior warn."""
        warns = any(check.warns for check in self.checks)
        return _sections.worst([self.outcome, "caution" if warns else "ok"])

    @property
    def judged(self) -> pd.DataFrame:
        """The folds whose posteriors passed their checks: the errors of these are judged."""
        return self.folds[self.folds["severity"] != "stop"]

    @property
    def p_value(self) -> float:
        """Probability of errors as large as these if the model is correct, all folds combined."""
        return float(combine(self.judged["p_value"].to_numpy()))

    @cached_property
    def _together(self) -> tuple[float, tuple[int, int]]:
        return together(self.replicates.loc[[fold]] for fold in self.judged.index)

    @property
    def power(self) -> float:
        """Probability of detecting errors that are twice as large as predicted."""
        return self._together[0]

    @property
    def error_ratio(self) -> float:
        """Mean absolute error over what the model predicts of it, folds weighted by their runs."""
        return float(np.average(self.judged["error_ratio"], weights=self.judged["n_next"]))

    @property
    def _inside(self) -> pd.Series:
        """Which of the runs that folds are judged on lie in their intervals."""
        points = self.points[(self.points["method"] == POSTERIOR) & self.points["next"]]
        return covered(points[points["fold"].isin(self.judged.index)], LEVEL)

    @property
    def outcome(self) -> _sections.Severity:
        """The severity of the errors: ``"ok"`` only where larger ones would have been detected."""
        if not len(self.judged):
            return "stop"
        if self.p_value < ERRORS_LEVEL and self._inside.mean() < LEVEL / 100:
            wrong = self.p_value < WRONG_P and self.error_ratio > WRONG_RATIO
            return "stop" if wrong else "caution"
        return "ok" if self.power >= POWER else "note"

    @property
    def tested_reach(self) -> float:
        """Compute of the farthest run that was judged, over the largest fitted; 0 if none was."""
        return float(self.judged["reach_next"].max()) if len(self.judged) else 0.0

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Scores by band of reach and method, unrounded.

        Index ``(band, method)``, the band ``"all"`` first. Columns: ``n`` predictions of
        ``n_runs`` different runs, their median ``reach``, the shares ``cover50`` to ``cover95``
        inside central intervals, means of ``crps`` and ``log_score``, ``rmsle`` and ``bias``, root
        mean square and mean of the error, and ``width90``, the mean width (all of log loss), and
        ``crps_ratio``, the CRPS over that of Approach 3.
        """
        every = self.points.assign(band=ALL)
        by_band = self.points.sort_values("band", kind="stable").astype({"band": object})
        table = summarise(pd.concat([every, by_band]), ["band", "method"])
        reference = table["crps"].xs(APPROACH3, level="method")
        table["crps_ratio"] = table["crps"].div(reference, level="band")
        return table

    @property
    def verdict(self) -> _sections.Verdict:
        """Whether the intervals held on larger runs, in a sentence or three."""
        if not len(self.judged):
            return _sections.Verdict(f"the back-test has no usable fold. {self.failures}", "stop")
        low, high = self._together[1]
        n, folds = len(self._inside), len(self.judged)
        band = f"{low} to {high}" if low < high else f"{low}"
        text = (
            f"On held-out runs of up to {write_times(self.tested_reach)} the fitted compute, "
            f"{LEVEL} % intervals covered {self._inside.sum()} of {n}; those of a correct model "
            f"would cover {band}. Errors are {self.error_ratio:.2g} times as large as predicted "
            f"(p = {self.p_value:.2g}, {folds} fold{'s' * (folds > 1)})."
        )
        return _sections.Verdict(f"{text} {self._meaning}", self.severity)

    @property
    def detected(self) -> str:
        """The power, in words."""
        return f"errors twice as large would have been detected with probability {self.power:.2g}"

    @property
    def _meaning(self) -> str:
        """What the errors mean for the use of intervals at this reach."""
        return {
            "ok": f"E{self.detected[1:]}.",
            "note": f"This test has low power: {self.detected} only.",
            "caution": "Intervals at this extrapolation factor are too narrow: allow for larger "
            "errors, or train a larger run first.",
            "stop": "The intervals are wrong at this extrapolation factor: do not use them.",
        }[self.outcome]

    @property
    def comparison(self) -> str:
        """How the baselines did on the same runs, in a sentence."""
        scores = pd.DataFrame(self.summary.loc[ALL]).to_dict("index")
        share = {method: f"{100 * s[f'cover{LEVEL}']:.0f} %" for method, s in scores.items()}
        others = [
            f"{share[method]} for {name} (CRPS "
            f"{scores[method]['crps'] / scores[POSTERIOR]['crps']:.2g} times the fit's)"
            for method, name in NAMES.items()
        ]
        return (
            f"Over all held-out runs, coverage of {LEVEL} % intervals was {share[POSTERIOR]} for "
            f"the fit, {' and '.join(others)}; a smaller CRPS is better."
        )

    @property
    def failures(self) -> str:
        """What the checks of the folds' posteriors found; empty if nothing."""
        text = unsound(self.folds, "folds", "fold {}")
        return text and f"{text} Their scores are included; see backtest.checks."

    @property
    def text(self) -> str:
        """Everything in words."""
        return " ".join(filter(None, [self.verdict.text, self.comparison, self.failures]))

    def sections(self) -> list[_sections.Section]:
        """Return the verdict, what the checks found, the folds and the scores."""
        page: list[_sections.Section] = [
            _sections.Heading(f"Back-test of the law {self.law!r} on larger runs"),
            self.verdict,
            _sections.Paragraph(self.comparison),
        ]
        if self.failures:
            gravest = _sections.worst(check.severity for check in self.checks)
            page.append(_sections.Paragraph(self.failures, gravest))
            page += [_sections.Paragraph(c.text, c.severity) for c in self.checks if c.warns]
        folds = [
            f"Fold {fold['fold']}: fitted to {fold['n_train']} runs up to "
            f"{write_flops(fold['flops_train'])}, tested on {fold['n_test']} up to "
            f"{write_times(fold['reach'])} as large; up to {write_times(fold['reach_next'])}, "
            f"errors are {fold['error_ratio']:.2g} times as large as predicted (p = "
            f"{fold['p_value']:.2g}){_joint(fold)}."
            for fold in _sections.records(self.folds)
        ]
        return [*page, _sections.Paragraph("\n".join(folds)), self.table()]

    def table(self) -> _sections.Table:
        """Return the scores by reach and method, for display."""
        rows, band = [], None
        for row in _sections.records(self.summary):
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
        titles = ["extrapolation", "n", "method", *(f"cov. {percent(p)}" for p in (0.5, 0.9))]
        return _sections.Table([*titles, "CRPS", "RMSLE", "bias"], rows)


def _joint(fold: Mapping[str, Any]) -> str:
    if "joint_log_density" not in fold:
        return ""
    return (
        f"; joint log density of all {fold['joint_log_density']:.1f} ± {fold['joint_mcse']:.1g} "
        "nats"
    )
