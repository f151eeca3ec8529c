"""The result of a comparison, as a table and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesscale import _sections as page
from bayesscale._format import list_some
from bayesscale.checks import CheckResult
from bayesscale.comparison.sensitivity import PriorSensitivity
from bayesscale.inference import Fit

STRENGTH = ((1.0, "barely"), (3.0, "positively"), (5.0, "strongly"), (np.inf, "very strongly"))
"""Words for a log Bayes factor up to a bound: Kass and Raftery (1995), JASA 90(430), 773-795."""

NONE = "none"
"""The discrepancy of a law that is assumed exact."""

GRAVE = ("caution", "stop")


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(page.Result):
    """Laws on the same runs, compared.

    Parameters
    ----------
    fits
        The fits by name.
    summary
        One row per fit (index ``fit``): ``law``, ``discrepancy``, ``noise``; ``describes_runs``,
        whether it passes the check for lack of fit and its ``sigma_over_seed``, the median of sigma
        over the standard deviation among runs of one size (NaN with fewer than four repeats), is at
        most 2.

        The best below is the best fit of the same discrepancy, or of all where no two share one.

        By evidence: ``log_evidence`` with its Monte Carlo error ``mcse``, nats; ``ln_bf`` over the
        best fit with ``ln_bf_mcse``; posterior ``probability``, NaN where the best fit does not
        describe the runs or stands alone.

        By leave-one-out: ``elpd``, nats, with its standard error ``elpd_se``; ``elpd_diff`` from
        the best with ``elpd_diff_se``, errors from the variation among runs of the same kind;
        weight in ``stacking``; ``high_k``, the runs or groups whose importance sampling failed, so
        that they were refitted, ``n_refits``, and whether these ``refits_converged``.

        On the largest compute: ``log_score``, the joint log density of all ``n_largest`` runs given
        the smaller ones, and ``log_score_diff`` from the best, with their Monte Carlo errors
        ``log_score_mcse`` and ``log_score_diff_mcse``.
    ln_bayes_factors
        Log Bayes factor of each row's fit over each column's, or None without evidence.
    verdict
        Which law the runs support, with a discrepancy and assumed exact, and whether the criteria
        agree, in at most three sentences; a caution where no law describes the runs.
    checks
        Fits that were left out and refits that did not converge, and two estimates of an evidence
        that disagree.
    prior_predictive
        Prior predictive quantiles of each fit, one row per fit.
    sensitivity
        The evidences under narrower and wider priors, where the verdict may depend on them; else
        None.
    random_seed
        The seed.
    notes
        What else is worth knowing: fits that differ in priors or noise, what was not scored.
    """

    fits: Mapping[str, Fit]
    summary: pd.DataFrame
    ln_bayes_factors: pd.DataFrame | None
    verdict: page.Verdict
    checks: tuple[CheckResult, ...]
    prior_predictive: pd.DataFrame
    sensitivity: PriorSensitivity | None
    random_seed: int
    notes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """That of the runs, which a report of them checks."""
        return next(iter(self.fits.values())).runs.fingerprint

    @property
    def severity(self) -> page.Severity:
        """The gravest of what the checks found."""
        return self.verdict.severity

    @property
    def text(self) -> str:
        """Which law the runs support, and what the checks found, for a report."""
        return page.words(self.sections())

    def sections(self) -> list[page.Section]:
        """Return the verdict, what the checks found, and the criteria side by side."""
        columns = [
            ("describes runs", "describes_runs", _described),
            ("ln BF", "ln_bf", lambda row: f"{row['ln_bf']:.2f}"),
            ("probability", "probability", lambda row: _probability(row["probability"])),
            ("leave-one-out", "elpd", lambda row: _difference(row, "elpd", "se")),
            ("largest compute", "log_score", lambda row: _difference(row, "log_score", "mcse")),
        ]
        shown = {title: write for title, name, write in columns if name in self.summary}
        varied = self.sensitivity
        grave = [c for c in (*self.checks, varied) if c is not None and c.severity in GRAVE]
        rest = [*self.notes, *([varied.text] if varied and varied not in grave else [])]
        further = [page.Paragraph(text) for text in rest]
        runs = next(iter(self.fits.values())).runs
        return [
            page.Heading(f"Which law do the {len(runs)} runs support?"),
            page.Paragraph(self.verdict.text, self.verdict.severity, emphasis=True),
            *(page.Paragraph(each.text, each.severity, emphasis=True) for each in grave),
            page.Table.of(
                self.summary,
                {"fit": lambda row: str(row["fit"]), **shown},
                "Nats relative to the best fit of the same discrepancy, ± standard error over runs "
                "for leave-one-out (runs like these), and ± Monte Carlo error for the largest "
                "compute (predicted from smaller runs).",
            ),
            *([page.Details("What else was found", further)] if further else []),
        ]


def _described(row: Mapping[str, Any]) -> str:
    ratio = row["sigma_over_seed"]
    spread = "" if np.isnan(ratio) else f" (sigma {ratio:.1f}× seeds)"
    return f"{'yes' if row['describes_runs'] else 'no'}{spread}"


def _difference(row: Mapping[str, Any], score: str, error: str) -> str:
    return f"{row[f'{score}_diff']:.1f} ± {row[f'{score}_diff_{error}']:.1f}"


def by_setting(discrepancy: pd.Series) -> dict[str, list[str]]:
    """Group names of fits by discrepancy, single ones and ``NONE`` last; all if none is shared."""
    groups = {
        str(kind): list(names) for kind, names in discrepancy.groupby(discrepancy).groups.items()
    }
    if max(map(len, groups.values())) < 2:
        return {"": discrepancy.index.tolist()}
    return dict(sorted(groups.items(), key=lambda item: (len(item[1]) < 2, item[0] == NONE)))


def in_words(
    summary: pd.DataFrame, *, odds: Mapping[str, float] | None, factor: float
) -> page.Verdict:
    """Return what the criteria favour in each setting, and whether they agree, in words."""
    settings = []
    for kind, names in by_setting(summary["discrepancy"]).items():
        group = summary.loc[names]
        if len(names) > 1 and (findings := _findings(group.dropna(axis=1, how="all"), factor)):
            settings.append((kind, group, findings))
    if not settings:
        return page.Verdict("The fits could not be scored by any criterion.", "caution")
    sentences = [_setting_in_words(kind, g, results[0], odds) for kind, g, results in settings]
    _, group, findings = settings[0]
    described = bool(group.loc[findings[0].best, "describes_runs"])
    text = " ".join(filter(None, [*sentences, _agreement(findings)]))
    return page.Verdict(text, "ok" if described else "caution")


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a criterion favours among some fits, in words, and whether beyond its error."""

    criterion: str
    best: str
    sure: bool
    text: str


def _findings(group: pd.DataFrame, factor: float) -> list[_Finding]:
    """Return a finding of each criterion that there is, the evidence first."""
    findings = []
    if "log_evidence" in group:
        findings.append(_by_density("the evidence", group, "log_evidence", "mcse"))
    if "elpd" in group:
        findings.append(_by_leave_one_out(group))
    if "log_score" in group:
        n = int(group["n_largest"].iloc[0])
        where = f"the largest compute ({n} run{'s' * (n > 1)} within {factor:g}x)"
        findings.append(_by_density(where, group, "log_score", "log_score_mcse"))
    return findings


def _by_density(criterion: str, group: pd.DataFrame, score: str, error: str) -> _Finding:
    """Describe how strongly log densities of the losses favour one fit over each of the others."""
    ranked = group.sort_values(score, ascending=False)
    best, *others = ranked.index
    gaps = ranked[score].iloc[0] - ranked[score]
    errors = (ranked[error] ** 2 + ranked[error].iloc[0] ** 2) ** 0.5
    listed = ", ".join(
        f"{name!r} (ln BF {gaps[name]:.2f} ± {max(errors[name], 0.01):.2f})" for name in others
    )
    gap, clear = gaps.iloc[1], gaps.iloc[1] > 2 * errors.iloc[1]
    strength = next(word for bound, word in STRENGTH if gap < bound)
    text = f"{strength} favours {best!r} over" if clear else f"does not distinguish {best!r} from"
    sure = bool(clear and gap > STRENGTH[0][0])
    return _Finding(criterion, str(best), sure, f"{criterion} {text} {listed}")


def _by_leave_one_out(group: pd.DataFrame) -> _Finding:
    ranked = group.sort_values("elpd", ascending=False)
    best, second = ranked.index[:2]
    gap, se = -ranked["elpd_diff"].iloc[1], ranked["elpd_diff_se"].iloc[1]
    sure = bool(gap > 2 * se)
    verb = f"prefers {best!r} to" if sure else f"does not distinguish {best!r} from"
    text = f"leave-one-out {verb} {second!r} ({gap:.1f} ± {se:.1f} nats)"
    return _Finding("leave-one-out", str(best), sure, text)


def _setting_in_words(
    kind: str, group: pd.DataFrame, first: _Finding, odds: Mapping[str, float] | None
) -> str:
    """Describe what the first criterion favours, and its probability or why there is none."""
    setting = {NONE: "With the laws assumed exact, ", "": ""}.get(kind, f"With {kind}, ")
    text = first.text
    if not group.loc[first.best, "describes_runs"]:
        text = f"{_misses(group)}; conditional on these laws, {text}"
    elif "probability" in group:
        at = "equal prior odds" if odds is None else "the stated prior odds"
        text += f": a probability of {_probability(dict(group['probability'])[first.best])} at {at}"
    return _capital(f"{setting}{text}.")


def _misses(group: pd.DataFrame) -> str:
    """List the fits with lack of fit, and the size of their residuals."""
    wrong = group[~group["describes_runs"].astype(bool)]
    ratios = wrong["sigma_over_seed"]
    size = ""
    if ratios.notna().all():
        listed = [f"{ratio:.1f}" for ratio in ratios]
        size = f" (their residuals are {', '.join(listed[:-1])} and {listed[-1]} times seed noise)"
        size = f" (its residuals are {listed[0]} times seed noise)" if len(listed) == 1 else size
    if len(wrong) < len(group):
        return f"{list_some([repr(name) for name in wrong.index])} do not describe these runs{size}"
    every = "neither law describes" if len(group) == 2 else f"none of {len(group)} laws describes"
    return f"{every} these runs{size}"


def _agreement(findings: Sequence[_Finding]) -> str:
    """Describe whether the criteria agree, in a sentence."""
    clear = [f for f in findings if f.sure]
    if len(findings) < 2:
        return ""
    if len({f.best for f in clear}) > 1:
        listed = ", ".join(f"{f.criterion} {f.best!r}" for f in clear)
        return (
            f"The criteria disagree ({listed}) because they answer different questions: to "
            "extrapolate, average the laws (bs.average)."
        )
    clauses = []
    if same := [f.criterion for f in findings[1:] if f.sure]:
        clauses.append(f"{' and '.join(same)} favour{'s' * (len(same) == 1)} {clear[0].best!r}")
    if open_ := [f.criterion for f in findings[1:] if not f.sure]:
        clauses.append(f"{' and '.join(open_)} do{'es' * (len(open_) == 1)} not distinguish them")
    return _capital(f"{', '.join(clauses)}.")


def _probability(p: float) -> str:
    if np.isnan(p):
        return "—"
    return "more than .999" if p > 0.999 else f"{p:.3f}".lstrip("0")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
