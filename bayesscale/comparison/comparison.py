"""What a comparison found, as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._sections import (
    Heading,
    Paragraph,
    Section,
    Severity,
    Table,
    Told,
    Verdict,
    records,
)
from bayesscale.checks import CheckResult
from bayesscale.comparison.sensitivity import PriorSensitivity

if TYPE_CHECKING:
    import pandas as pd

    from bayesscale.inference import Fit

STRENGTH = ((1.0, "barely"), (3.0, "positively"), (5.0, "strongly"), (np.inf, "very strongly"))
"""Words for a log Bayes factor up to a bound: Kass and Raftery (1995), JASA 90(430), 773-795."""

NONE = "none"


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Told):
    """Laws on the same runs, compared.

    Parameters
    ----------
    fits
        The fits by name.
    summary
        One row a fit (index ``fit``): ``law``, ``discrepancy``, ``noise``.

        By evidence: ``log_evidence`` with its Monte Carlo error ``mcse``, nats; ``ln_bf`` over the
        best fit with ``ln_bf_mcse``; posterior ``probability``.

        By leave-one-out: ``elpd``, nats, with its standard error ``elpd_se``; ``elpd_diff`` from
        the best with ``elpd_diff_se``, errors that say how much other runs of the same kind would
        have changed the figure; weight in ``stacking``; ``high_k``, the runs or groups whose
        importance sampling failed, so that they were refitted, ``n_refits``, and whether these
        ``refits_converged``.

        On the largest compute: ``log_score``, the joint log density of all ``n_largest`` runs given
        the smaller ones, and ``log_score_diff`` from the best, with their Monte Carlo errors
        ``log_score_mcse`` and ``log_score_diff_mcse``.
    ln_bayes_factors
        Log Bayes factor of each row's fit over each column's, or None without evidence.
    verdict
        Which law the runs support, and by which criterion.
    checks
        Whether refits converged, if any did not, and whether two estimates of an evidence disagree.
    prior_predictive
        What the priors of each fit say before any run is seen, one row a fit, side by side.
    sensitivity
        The evidences under narrower and wider priors, where the verdict may rest on them; else
        None.
    random_seed
        The seed.
    """

    fits: Mapping[str, Fit]
    summary: pd.DataFrame
    ln_bayes_factors: pd.DataFrame | None
    verdict: Verdict
    checks: tuple[CheckResult, ...]
    prior_predictive: pd.DataFrame
    sensitivity: PriorSensitivity | None
    random_seed: int

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        return self.verdict.severity

    @property
    def text(self) -> str:
        """Which law the runs support, and what the checks found, for a report."""
        said = [self.verdict.text, *(check.text for check in self.checks)]
        return " ".join([*said, self.sensitivity.text] if self.sensitivity else said)

    def sections(self) -> list[Section]:
        """Return the verdict, what the checks found, and the criteria side by side."""
        columns = [
            ("ln evidence", "log_evidence", lambda row: f"{row['log_evidence']:.2f}"),
            ("ln BF", "ln_bf", lambda row: f"{row['ln_bf']:.2f}"),
            ("probability", "probability", lambda row: f"{row['probability']:.3f}"),
            ("leave-one-out", "elpd", lambda row: _difference(row, "elpd", "se")),
            ("largest compute", "log_score", lambda row: _difference(row, "log_score", "mcse")),
        ]
        shown = [(title, write) for title, name, write in columns if name in self.summary]
        n = len(next(iter(self.fits.values())).runs)
        return [
            Heading(f"Which law do the {n} runs support?"),
            Paragraph(self.verdict.text),
            *(Paragraph(c.text, c.severity, emphasis=c.warns) for c in self.checks),
            Table(
                ["fit", *(title for title, _ in shown)],
                [
                    [row["fit"], *(write(row) for _, write in shown)]
                    for row in records(self.summary)
                ],
                "In nats; leave-one-out and the largest compute relative to the best, the former "
                "with its standard error over runs, the latter with that of Monte Carlo.",
            ),
            *(self.sensitivity.sections() if self.sensitivity else ()),
        ]


def _difference(row: Mapping[str, Any], score: str, error: str) -> str:
    return f"{row[f'{score}_diff']:.1f} ± {row[f'{score}_diff_{error}']:.1f}"


def in_words(
    summary: pd.DataFrame, *, notes: Sequence[str], odds: Mapping[str, float] | None, factor: float
) -> str:
    """Say what the criteria favour, whether they agree, and which question each one answers."""
    sentences, winners = [], {}
    blocks = [group for _, group in summary.groupby("discrepancy", sort=False)]
    if "ln_bf" in summary:
        for group in blocks:
            sentences.append(_evidence_in_words(group, alone=len(blocks) == 1))
        at = "equal prior odds" if odds is None else "the stated prior odds"
        best = summary["probability"].idxmax()
        sentences.append(
            f"At {at} {best!r} has a probability of {_probability(summary['probability'].max())}."
        )
        winners["evidence"] = _told_apart(summary, "log_evidence", "mcse")
    if "elpd" in summary:
        sentence, winners["leave-one-out"] = _left_out_in_words(summary)
        sentences.append(sentence)
    if "log_score" in summary:
        sentences.append(_largest_in_words(summary, factor))
        winners["the largest compute"] = _told_apart(summary, "log_score", "log_score_mcse")
    sentences.append(_agreement(winners))
    if len(blocks) > 1:
        sentences.append(
            "Fits without discrepancy are of the laws as they stand; a discrepancy forgives a "
            "wrong law, and what is left to tell laws apart is less."
        )
    return " ".join([*filter(None, sentences), *notes])


def _evidence_in_words(group: pd.DataFrame, *, alone: bool) -> str:
    ranked = group.sort_values("log_evidence", ascending=False)
    best = ranked.index[0]
    kind = ranked["discrepancy"].iloc[0]
    setting = "" if alone else f"with discrepancy {kind!r}, "
    if kind == NONE:
        setting = "with the laws as they stand, "
    if len(ranked) == 1:
        return f"{_capital(setting)}{best!r} stands alone."
    return _capital(
        f"{setting}the evidence {_favours(group, 'log_evidence', 'mcse')}, given the priors."
    )


def _largest_in_words(summary: pd.DataFrame, factor: float) -> str:
    n = summary["n_largest"].iloc[0]
    which = f"{n} runs" if n > 1 else "one run"
    return (
        f"The largest compute ({which} within {factor:g}x of the largest, scored together), which "
        "asks how well larger runs are foreseen from the smaller ones, "
        f"{_favours(summary, 'log_score', 'log_score_mcse')}."
    )


def _favours(table: pd.DataFrame, score: str, error: str) -> str:
    """Say how strongly log densities of the same losses favour one fit over each of the others."""
    ranked = table.sort_values(score, ascending=False)
    gaps = ranked[score].iloc[0] - ranked[score].iloc[1:]
    errors = (ranked[error].iloc[0] ** 2 + ranked[error].iloc[1:] ** 2) ** 0.5
    told = ", ".join(
        f"{name!r} (ln BF {gaps[name]:.2f} ± {max(errors[name], 0.01):.2f})" for name in gaps.index
    )
    best, second = ranked.index[:2]
    if gaps.iloc[0] < 2 * errors.iloc[0]:
        return f"cannot tell {best!r} from {second!r} within its error: {told}"
    strength = next(word for bound, word in STRENGTH if gaps.iloc[0] < bound)
    return f"{strength} favours {best!r} over {told}"


def _told_apart(table: pd.DataFrame, score: str, error: str) -> tuple[str, bool]:
    """Return the best fit, and whether it is further from the next than hardly, or an error."""
    ranked = table.sort_values(score, ascending=False)
    gap = ranked[score].iloc[0] - ranked[score].iloc[1]
    sure = gap > max(STRENGTH[0][0], 2 * np.hypot(*ranked[error].iloc[:2]))
    return str(ranked.index[0]), bool(sure)


def _left_out_in_words(summary: pd.DataFrame) -> tuple[str, tuple[str, bool]]:
    ranked = summary.sort_values("elpd", ascending=False)
    best, second = ranked.index[:2]
    gap, se = -ranked["elpd_diff"].iloc[1], ranked["elpd_diff_se"].iloc[1]
    sure = bool(gap > 2 * se)
    said = f"prefers {best!r} to {second!r}" if sure else f"cannot tell {best!r} from {second!r}"
    return (
        "Leave-one-out, which asks how well runs like these are predicted, "
        f"{said} ({gap:.1f} ± {se:.1f} nats)."
    ), (str(best), sure)


def _agreement(winners: Mapping[str, tuple[str, bool]]) -> str:
    if len(winners) < 2:
        return ""
    clear = {criterion: best for criterion, (best, sure) in winners.items() if sure}
    if len(set(clear.values())) > 1:
        told = [f"{criterion} {best!r}" for criterion, best in clear.items()]
        return (
            f"THE CRITERIA DISAGREE: {', '.join(told)}. They answer different questions; to "
            "extrapolate, average the laws (bs.average)."
        )
    return "The criteria do not contradict each other."


def _probability(p: float) -> str:
    return "more than .999" if p > 0.999 else f"{p:.3f}".lstrip("0")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
