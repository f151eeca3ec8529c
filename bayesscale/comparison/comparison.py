"""What a comparison found, as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._sections import Heading, Paragraph, Section, Severity, Table, Told, records
from bayesscale.checks import CheckResult, worst
from bayesscale.comparison.sensitivity import PriorSensitivity

if TYPE_CHECKING:
    import pandas as pd

    from bayesscale.inference.result import Fit

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
        One row a fit (index ``fit``): ``law``, ``discrepancy``, ``noise``. By evidence:
        ``log_evidence`` with its Monte Carlo error ``mcse``, nats; ``ln_bf`` over the best fit
        with ``ln_bf_mcse``; posterior ``probability``; ``smc_log_evidence`` and ``smc_mcse`` if
        asked. By leave-one-out: ``elpd``, nats, its standard error ``elpd_se``, ``elpd_diff`` from
        the best with ``elpd_diff_se``, weight in ``stacking``, ``n_refits`` and the runs of
        ``high_k`` that were refitted. On the largest compute: ``log_score``, the sum of log
        predictive densities, ``log_score_se``, ``log_score_diff`` and ``log_score_diff_se``, of
        ``n_largest`` runs or groups. ``refits_converged`` is of all refits.
    ln_bayes_factors
        Log Bayes factor of each row's fit over each column's, or None without evidence.
    verdict
        Which law the runs support, and by which criterion.
    checks
        Whether refits converged, if any did not, and whether sequential Monte Carlo agreed, if it
        was asked.
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
    verdict: str
    checks: tuple[CheckResult, ...]
    prior_predictive: pd.DataFrame
    sensitivity: PriorSensitivity | None
    random_seed: int

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        findings = [*self.checks, *([self.sensitivity] if self.sensitivity else [])]
        return worst(each.severity for each in findings)

    @property
    def text(self) -> str:
        """Which law the runs support, and what the checks found, for a report."""
        said = [self.verdict, *(check.text for check in self.checks)]
        return " ".join([*said, self.sensitivity.text] if self.sensitivity else said)

    def sections(self) -> list[Section]:
        """Return the verdict, what the checks found, and the criteria side by side."""
        columns = [
            ("ln evidence", "log_evidence", lambda row: f"{row['log_evidence']:.2f}"),
            ("ln BF", "ln_bf", lambda row: f"{row['ln_bf']:.2f}"),
            ("probability", "probability", lambda row: f"{row['probability']:.3f}"),
            ("leave-one-out", "elpd", lambda row: _difference(row, "elpd")),
            ("largest compute", "log_score", lambda row: _difference(row, "log_score")),
        ]
        shown = [(title, write) for title, name, write in columns if name in self.summary]
        n = len(next(iter(self.fits.values())).runs)
        return [
            Heading(f"Which law do the {n} runs support?"),
            Paragraph(self.verdict),
            *(Paragraph(c.text, c.severity, emphasis=c.warns) for c in self.checks),
            Table(
                ["fit", *(title for title, _ in shown)],
                [
                    [row["fit"], *(write(row) for _, write in shown)]
                    for row in records(self.summary)
                ],
                "In nats; leave-one-out and the largest compute relative to the best, with their "
                "standard errors.",
            ),
            *(self.sensitivity.sections() if self.sensitivity else ()),
        ]


def _difference(row: Mapping[str, Any], score: str) -> str:
    return f"{row[f'{score}_diff']:.1f} ± {row[f'{score}_diff_se']:.1f}"


def in_words(
    summary: pd.DataFrame,
    *,
    notes: Sequence[str],
    odds: Mapping[str, float] | None,
    factor: float,
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
        ranked = summary.sort_values("log_evidence", ascending=False)
        gap = ranked["log_evidence"].iloc[0] - ranked["log_evidence"].iloc[1]
        sure = gap > max(STRENGTH[0][0], 2 * np.hypot(*ranked["mcse"].iloc[:2]))
        winners["evidence"] = str(ranked.index[0]), bool(sure)
    for what, column, question in (
        ("leave-one-out", "elpd", "how well runs like these are predicted"),
        ("the largest compute", "log_score", "how well larger runs are foreseen"),
    ):
        if column in summary:
            sentence, winners[what] = _score_in_words(summary, column, what, question)
            sentences.append(sentence)
    if "log_score" in summary:
        sentences.append(
            f"The largest compute means {summary['n_largest'].iloc[0]} runs or clusters, "
            f"all within {factor:g}x of the largest."
        )
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
    told = []
    for name, row in ranked.iloc[1:].iterrows():
        ln_bf = ranked["log_evidence"].iloc[0] - row["log_evidence"]
        mcse = np.hypot(ranked["mcse"].iloc[0], row["mcse"])
        told.append(f"{name!r} (ln BF {ln_bf:.2f} ± {max(mcse, 0.01):.2f})")
    least = ranked["log_evidence"].iloc[0] - ranked["log_evidence"].iloc[1]
    if least < 2 * np.hypot(*ranked["mcse"].iloc[:2]):
        return _capital(
            f"{setting}the evidence cannot tell {best!r} from {ranked.index[1]!r} within its "
            f"error: {', '.join(told)}."
        )
    strength = next(word for bound, word in STRENGTH if least < bound)
    return _capital(
        f"{setting}the evidence {strength} favours {best!r} over {', '.join(told)}, given the "
        "priors."
    )


def _score_in_words(
    summary: pd.DataFrame, column: str, what: str, question: str
) -> tuple[str, tuple[str, bool]]:
    ranked = summary.sort_values(column, ascending=False)
    best, second = ranked.index[:2]
    gap, se = -ranked[f"{column}_diff"].iloc[1], ranked[f"{column}_diff_se"].iloc[1]
    sure = bool(gap > 2 * se)
    verb = "prefers" if sure else "cannot tell"
    said = (
        f"{verb} {best!r} to {second!r}" if sure else f"{verb} {best!r} from {second!r}"
    ) + f" ({gap:.1f} ± {se:.1f} nats)"
    return f"{_capital(what)}, which asks {question}, {said}.", (str(best), sure)


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
