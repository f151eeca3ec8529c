"""Compare laws on the same runs by several criteria."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd

from bayesscale import _arguments, errors
from bayesscale._format import list_some
from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale._sections import Verdict, worst
from bayesscale.checks import CheckResult, Sizes
from bayesscale.comparison.comparison import NONE, Comparison, by_setting, in_words
from bayesscale.comparison.evidence import Evidence
from bayesscale.comparison.savage_dickey import density_ratio
from bayesscale.comparison.scores import SCORES, check_fits, check_seed, compares, score
from bayesscale.comparison.sensitivity import prior_grid as vary_priors, prior_predictives
from bayesscale.inference import Fit, Setup, check_refits

CRITERIA = tuple(SCORES)

ERRORS_APART = 4.0
"""Two estimates of an evidence that are further apart than so many joint errors disagree."""

VERDICT_MIN, RUNS_MIN = 10.0, 50
"""A verdict of fewer nats, or on fewer runs, may rest on the priors: they are varied."""

SIGMA_OVER_SEED_MAX = 2.0
"""Noise that exceeds the standard deviation among replicates by a larger factor is lack of fit."""

RATIO_MCSE_MAX = 0.2
"""A density ratio that is known less well checks nothing."""

UNSCORED: dict[str, tuple[tuple[type[Exception], ...], str]] = {
    "loo": ((errors.EvidenceError,), "Not left out one by one"),
    "largest": ((errors.RunsError, errors.EvidenceError), "Not scored on the largest compute"),
}
"""Why a criterion may be missing, and the note that states it."""


@compares
def compare(
    fits: Mapping[str, Fit], *, criteria: str | Sequence[str] = CRITERIA,
    prior_odds: Mapping[str, float] | None = None, factor: float = 10.0, group: str | None = None,
    prior_grid: bool | None = None, random_seed: int | None = None, exact: bool = True,
    progress: ProgressOption = "auto",
) -> Comparison:  # fmt: skip
    """Compare which law the runs support, how strongly, and by which criterion.

    Parameters
    ----------
    criteria
        Any of ``"evidence"`` (prior predictive density of the runs), ``"loo"`` (how well each run
        is predicted by the others) and ``"largest"`` (joint predictive density of the runs with the
        largest compute given the smaller ones; one refit per law).
    prior_odds
        Prior probability of each law, by name, positive, up to a factor; equal by default. It
        enters ``probability`` alone.
    group
        For ``"loo"``: column of labels whose runs are left out together.
    prior_grid
        Whether to repeat the evidence under narrower and wider priors, as
        :func:`~bayesscale.prior_sensitivity` does, of fits with a discrepancy if there are any; by
        default where the verdict may depend on them: below 10 nats, or with fewer than 50 runs.
    exact
        Whether laws that are all fitted with a discrepancy are refitted without it, seconds per
        law, and compared in both settings. These fits are called ``"kaplan"`` where the given one
        is called ``"kaplan + drift"``, and otherwise ``"kaplan, exact"``.

    Notes
    -----
    All fits model log loss, so their evidences are densities of the same thing. By default laws
    have the same priors where these mean the same: on the level and the slopes of log loss at the
    centre of the runs, and on shape; ``prior_predictive`` shows them side by side. Where fits
    differ in priors or noise, the text says so.

    Laws are compared with those of the same discrepancy. What is quoted first is the comparison
    with a discrepancy: where laws are assumed exact, the noise of each law absorbs its lack of fit,
    and a law whose noise may grow with compute can lead by that alone. A probability is given only
    where the law with the most evidence describes the runs (see ``describes_runs``).

    Examples
    --------
    >>> c = bs.compare({"kaplan": fit_k, "chinchilla": fit_c})    # doctest: +SKIP
    >>> print(c.text)                                             # doctest: +SKIP
    >>> c.summary                                                 # doctest: +SKIP
    """
    named = [criteria] if isinstance(criteria, str) else _arguments.several("criteria", criteria)
    criteria = tuple(_arguments.choice("criterion", each, CRITERIA) for each in named)
    check_fits(fits, what="A comparison", least=0)
    odds = _checked_odds(prior_odds, fits)
    seed = check_seed(random_seed, fits)
    with progress_reporter(progress) as report:
        added = _assumed_exact(fits, report) if exact else {}
        odds |= dict(zip(added, odds.values(), strict=False))
        kept, convergence = check_fits({**fits, **added}, what="A comparison")
        summary = _models(kept)
        settings = list(by_setting(summary["discrepancy"]).values())
        notes, checks, pairs, sensitivity = _unlike(kept), [convergence], None, None
        estimates: dict[str, Evidence] = {}
        options: dict[str, Any] = {"factor": factor, "group": group, "random_seed": random_seed}
        options |= {"report": report, "odds": odds, "known": estimates}
        for criterion in (c for c in SCORES if c in criteria):
            table, unscored = _scored(kept, settings, criterion, summary, options)
            notes += unscored
            if table is None:
                continue
            summary = summary.join(table)
            if criterion == "evidence":
                values, names = table["log_evidence"].to_numpy(), table.index
                pairs = pd.DataFrame(np.subtract.outer(values, values), names, names)
                pairs = pairs.rename_axis(index="fit", columns="over")
                stated, agrees = _nested(kept, table, report)
                notes += stated
                checks.append(agrees)
                first = {name: kept[name] for name in settings[0]}
                if prior_grid or (prior_grid is None and _rests_on_priors(table, first)):
                    evidences = {name: estimates[name] for name in first}
                    sensitivity = vary_priors(first, evidences, seed=seed, report=report)
            elif criterion == "loo":
                checks.append(check_refits(table))
    checks = [check for check in checks if check.warns]
    verdict = in_words(summary.rename_axis("fit"), odds=prior_odds, factor=factor)
    severity = worst(each.severity for each in [verdict, *checks, sensitivity] if each)
    for check in checks:
        warnings.warn(check.text, check.warning, skip_file_prefixes=(errors.PACKAGE,))
    return Comparison(
        kept, summary.rename_axis("fit"), pairs, Verdict(verdict.text, severity), tuple(checks),
        prior_predictives(kept, seed), sensitivity, seed, tuple(notes),
    )  # fmt: skip


def _scored(
    kept: Mapping[str, Fit], settings: Sequence[Sequence[str]], criterion: str,
    summary: pd.DataFrame, options: dict[str, Any],
) -> tuple[pd.DataFrame | None, list[str]]:  # fmt: skip
    """Score the fits of each setting by a criterion; None, and why, where none can be scored."""
    excuse, why = UNSCORED.get(criterion, ((), ""))
    parts, notes = [], []
    for names in settings:
        try:
            scores = score({name: kept[name] for name in names}, criterion, **options)
        except excuse as error:
            notes.append(f"{why}: {error}")
            continue
        options["known"] |= scores.evidences or {}
        part = scores.table.copy()
        if criterion == "evidence":
            described = summary.loc[str(part["log_evidence"].idxmax()), "describes_runs"]
            part["probability"] = scores.weights if described and len(part) > 1 else np.nan
        elif criterion == "loo":
            part.insert(4, "stacking", scores.weights)
        parts.append(part)
    return pd.concat(parts).reindex(list(kept)) if parts else None, notes


def _assumed_exact(fits: Mapping[str, Fit], report: Report) -> dict[str, Fit]:
    """Refit laws without their discrepancy, in the order of the fits, where all have one."""
    if any(fit.spec.discrepancy.name == NONE for fit in fits.values()):
        return {}
    added = {}
    for name, fit in fits.items():
        short = name.removesuffix(f" + {fit.spec.discrepancy.name}")
        setup = Setup.of(fit.runs, **fit.options(discrepancy=None))
        report(f"Fitting {name!r} with the law assumed exact")
        added[f"{name}, exact" if short in fits else short] = setup.sample(report=report)
    return added


def _models(fits: Mapping[str, Fit]) -> pd.DataFrame:
    """Return the model of each fit, and whether it describes the runs."""
    rows = []
    for fit in fits.values():
        ratio = np.nan
        if not fit.runs.has_clusters:  # rows of one run share its seed
            seeds = Sizes.of(fit.runs, fit.law).seed_noise(np.log(fit.runs.loss))
            ratio = float(np.median(fit.posterior.c["sigma"])) / seeds
        lack = next(check for check in fit.checks if check.name == "lack of fit")
        rows.append({
            "law": fit.law.name, "discrepancy": fit.spec.discrepancy.name,
            "noise": fit.spec.noise.name,
            "describes_runs": not lack.warns and not ratio > SIGMA_OVER_SEED_MAX,
            "sigma_over_seed": ratio,
        })  # fmt: skip
    return pd.DataFrame(rows, index=pd.Index(list(fits), name="fit"))


def _rests_on_priors(table: pd.DataFrame, fits: Mapping[str, Fit]) -> bool:
    """Return whether the evidence of the best two fits is close, or known from few runs."""
    best, second = table.loc[list(fits), "log_evidence"].nlargest(2)
    return best - second < VERDICT_MIN or len(next(iter(fits.values())).runs) < RUNS_MIN


def _unlike(fits: Mapping[str, Fit]) -> list[str]:
    """Describe differences between fits besides the law, which enter their Bayes factors."""
    specs = [fit.spec for fit in fits.values()]
    differ = {
        name
        for spec in specs
        for name, prior in spec.priors.items()
        if any(other.priors.get(name, prior) != prior for other in specs)
    }
    notes = []
    if differ:
        notes.append(
            f"Priors differ between the fits ({list_some(sorted(differ))}): their Bayes factors "
            "compare laws and priors together."
        )
    if len({spec.noise.name for spec in specs}) > 1:
        notes.append("The fits differ in noise: Bayes factors compare law and noise together.")
    return notes


def _checked_odds(
    prior_odds: Mapping[str, float] | None, fits: Mapping[str, Fit]
) -> dict[str, float]:
    if prior_odds is None:
        return dict.fromkeys(fits, 1.0)
    if not isinstance(prior_odds, Mapping):
        raise errors.DomainError(
            f"prior_odds are given by the name of the fit, not as {_arguments.shown(prior_odds)}."
        )
    for name in prior_odds:
        _arguments.choice("fit", name, fits)
    missing = [name for name in fits if name not in prior_odds]
    if missing:
        raise errors.DomainError(
            f"prior_odds must give every fit a positive number, but lacks {list_some(missing)}."
        )
    name_of = "prior_odds of {!r}".format
    return {k: _arguments.number(name_of(k), v, above=0) for k, v in prior_odds.items()}


def _nested(
    fits: Mapping[str, Fit], table: pd.DataFrame, report: Report
) -> tuple[list[str], CheckResult]:
    """Compare laws with those that they contain a second way, where both are on equal terms."""
    notes, off = [], []
    log_evidence, mcse = table["log_evidence"].to_dict(), table["mcse"].to_dict()
    for (wide, outer), (narrow, inner) in permutations(fits.items(), 2):
        fixed = _fixed(inner, outer)
        if fixed is None:
            continue
        at, value = fixed
        report(f"Estimating the density of {wide!r} at {at} = {value:g}")
        low, high = np.quantile(np.asarray(outer.coordinates[at]), [0.05, 0.95])
        nested = (
            f"{narrow!r} is {wide!r} with {at} = {value:g}; its {at} lies in "
            f"{low:.2f}–{high:.2f} (90 %)"
        )
        bridged = log_evidence[narrow] - log_evidence[wide]
        ratio, ratio_mcse = density_ratio(outer, at, value)
        if np.isnan(ratio):  # a prior of one's own excludes it: nothing is nested
            continue
        if ratio_mcse > RATIO_MCSE_MAX:
            notes.append(
                f"{nested}, too far from {value:g} to check the bridge by the density there."
            )
            continue
        joint = np.hypot(ratio_mcse, np.hypot(mcse[narrow], mcse[wide]))
        stated = (
            f"{nested}, and the density ratio there gives ln BF {ratio:.2f} ± {ratio_mcse:.2f}, "
        )
        if abs(ratio - bridged) <= ERRORS_APART * joint:
            notes.append(f"{stated}as the bridge {bridged:.2f}.")
            continue
        off.append(
            f"Two evidence estimates disagree: {stated}but the bridge {bridged:.2f}. Fit both "
            "with more draws (draws=10000) and compare again; until they agree, use neither."
        )
    text, severity = " ".join(off), "stop" if off else "ok"
    return notes, CheckResult("nested evidence", severity, text, table, errors.ConvergenceWarning)


def _fixed(narrow: Fit, wide: Fit) -> tuple[str, float] | None:
    """Return the coordinate and its value that make a law the narrower one, under equal priors."""
    fixed = wide.law.contains.get(narrow.law.name, {})
    shared = {k: v for k, v in wide.spec.priors.items() if k not in fixed}
    if len(fixed) != 1 or shared != dict(narrow.spec.priors):
        return None
    return next(iter(fixed.items()))
