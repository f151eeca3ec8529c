"""Compare laws on the same runs by everything that tells them apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from bayesscale._format import list_some
from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale.comparison.checked import check_fits, check_seed
from bayesscale.comparison.comparison import Comparison, in_words
from bayesscale.comparison.evidence import evidence, evidences
from bayesscale.comparison.largest import leave_largest_out
from bayesscale.comparison.loo import leave_one_out
from bayesscale.comparison.pointwise import density_table, score_table
from bayesscale.comparison.savage_dickey import savage_dickey
from bayesscale.comparison.stacking import stacking_weights
from bayesscale.comparison.weights import PARETO_K_MAX
from bayesscale.errors import DomainError, EvidenceError, RunsError, unknown_name
from bayesscale.inference.result import Fit

CRITERIA = ("evidence", "loo", "largest")

SMC_BIAS = 1.0
"""Nats by which sequential Monte Carlo may be off beyond its own error. Particles that do not move
enough between stages lose mass: on 240 public runs it came out .5 too low at an error of .14."""

RATIO_MCSE_MAX = 0.2
"""A density ratio that is known less well checks nothing."""


@dataclass
class _Gathered:
    """Columns found so far, and what could not be had."""

    columns: dict[str, Any]
    notes: list[str]
    passed: bool = True


def compare(
    fits: Mapping[str, Fit],
    *,
    criteria: str | Sequence[str] = CRITERIA,
    prior_odds: Mapping[str, float] | None = None,
    smc: bool = False,
    factor: float = 10.0,
    cluster: str | None = None,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Comparison:
    """Say which law the runs support, how strongly, and by which criterion.

    Parameters
    ----------
    fits
        At least two converged fits by name, of the same runs.
    criteria
        Any of ``"evidence"`` (how probable law and priors made the runs), ``"loo"`` (how well
        each run is predicted by the others) and ``"largest"`` (how well the runs with the largest
        compute are predicted by the smaller ones; one refit a law).
    prior_odds
        How probable each law is before the runs are seen, by name, positive, up to a factor;
        all alike by default. It enters ``probability`` alone.
    smc
        Whether to estimate each evidence a second time, by sequential Monte Carlo; a minute a
        fit.
    factor
        For ``"largest"``: every run within this factor of the largest compute is held out, > 1.
    cluster
        For ``"loo"`` and ``"largest"``: column of labels whose runs are left out together.
    random_seed
        Seed; by default the first fit's.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    Comparison
        ``summary``, one row a fit; ``ln_bayes_factors`` of every pair; ``text`` for a report.

    Raises
    ------
    DomainError
        If there are fewer than two fits, they are of different runs, or an option is outside its
        domain.
    UnknownNameError
        If a criterion, a fit in ``prior_odds`` or ``cluster`` is unknown.
    EvidenceError
        If draws did not converge, or an evidence is not known well enough.

    Notes
    -----
    All fits model log loss, so their evidences are densities of the same thing, and by default
    coordinates that laws share have the same prior in each; where they do not, or the noise is
    another, the text says so. A fit with a discrepancy forgives a wrong law:
    its evidence is that of the law and what it may get wrong. Compare laws as they stand
    (``discrepancy=None``), with the discrepancy, or both in one table, which says which is which.

    Examples
    --------
    >>> c = bs.compare({"kaplan": fit_k, "chinchilla": fit_c})    # doctest: +SKIP
    >>> print(c.text)                                             # doctest: +SKIP
    >>> c.summary                                                 # doctest: +SKIP
    """
    criteria = (criteria,) if isinstance(criteria, str) else tuple(criteria)
    for criterion in criteria:
        if criterion not in CRITERIA:
            raise unknown_name("criterion", criterion, CRITERIA)
    if not criteria:
        raise DomainError(f"Name at least one criterion of {', '.join(CRITERIA)}.")
    check_fits(fits, what="A comparison")
    odds = _checked_odds(prior_odds, fits)
    seed = check_seed(random_seed, fits)
    found = _Gathered(
        {
            "law": [fit.law.name for fit in fits.values()],
            "discrepancy": [fit.spec.discrepancy.name for fit in fits.values()],
            "noise": [fit.spec.noise.name for fit in fits.values()],
        },
        _unlike(fits),
    )
    pairwise = None
    with progress_reporter(progress) as report:
        if "evidence" in criteria:
            pairwise = _by_evidence(found, fits, odds, random_seed, report)
            found.notes += _nested(fits, found.columns, report)
        if smc:
            _by_smc(found, fits, seed, report)
        if "loo" in criteria:
            _by_loo(found, fits, cluster, report)
        if "largest" in criteria:
            _by_largest(found, fits, factor, cluster, report)
    summary = pd.DataFrame(found.columns, index=pd.Index(list(fits), name="fit"))
    text = in_words(summary, notes=found.notes, odds=prior_odds, factor=factor)
    return Comparison(dict(fits), summary, pairwise, text, found.passed, seed)


def _unlike(fits: Mapping[str, Fit]) -> list[str]:
    """Say what besides the law differs between fits, so that no Bayes factor is of laws alone."""
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
            f"PRIORS DIFFER between the fits ({list_some(sorted(differ))}): their Bayes factors "
            "weigh laws and priors together."
        )
    if len({spec.noise.name for spec in specs}) > 1:
        notes.append("The fits differ in noise: Bayes factors weigh law and noise together.")
    return notes


def _checked_odds(
    prior_odds: Mapping[str, float] | None, fits: Mapping[str, Fit]
) -> dict[str, float]:
    if prior_odds is None:
        return dict.fromkeys(fits, 1.0)
    for name in prior_odds:
        if name not in fits:
            raise unknown_name("fit", name, fits)
    missing = [name for name in fits if name not in prior_odds]
    bad = {k: v for k, v in prior_odds.items() if not (np.isfinite(v) and v > 0)}
    if missing or bad:
        raise DomainError(
            "prior_odds must give every fit a positive number, but "
            + (f"lacks {list_some(missing)}." if missing else f"has {bad}.")
        )
    return dict(prior_odds)


def _by_evidence(
    found: _Gathered,
    fits: Mapping[str, Fit],
    odds: Mapping[str, float],
    random_seed: int | None,
    report: Report,
) -> pd.DataFrame:
    estimates = evidences(fits, random_seed=random_seed, report=report)
    log_evidence = np.array([e.log_evidence for e in estimates.values()])
    mcse = np.array([e.mcse for e in estimates.values()])
    best = int(log_evidence.argmax())
    others = np.arange(len(mcse)) != best
    found.columns |= {
        "log_evidence": log_evidence,
        "mcse": mcse,
        "ln_bf": log_evidence - log_evidence[best],
        "ln_bf_mcse": np.where(others, np.hypot(mcse, mcse[best]), 0.0),
        "probability": softmax(log_evidence + np.log([odds[name] for name in fits])),
    }
    difference = log_evidence[:, None] - log_evidence[None]
    return pd.DataFrame(difference, list(fits), list(fits)).rename_axis(index="fit", columns="over")


def _by_smc(found: _Gathered, fits: Mapping[str, Fit], seed: int, report: Report) -> None:
    values, errors = [], []
    for name, fit in fits.items():
        report(f"Sampling {name!r} from its prior by sequential Monte Carlo")
        estimate = evidence(fit, method="smc", random_seed=seed, progress=False)
        values.append(estimate.log_evidence)
        errors.append(estimate.mcse)
    found.columns |= {"smc_log_evidence": values, "smc_mcse": errors}
    if "log_evidence" in found.columns:
        apart = np.abs(np.array(values) - found.columns["log_evidence"])
        joint = np.hypot(errors, found.columns["mcse"])
        allowed = np.maximum(4 * joint, SMC_BIAS)
        off = [name for name, a, b in zip(fits, apart, allowed, strict=True) if not a <= b]
        found.passed &= not off
        found.notes.append(
            f"BRIDGE AND SEQUENTIAL MONTE CARLO DISAGREE on {list_some(off)} by up to "
            f"{apart.max():.1f} nats, more than four of their joint errors: trust neither."
            if off
            else f"Sequential Monte Carlo agrees: within {apart.max():.2g} nats."
        )


def _by_loo(found: _Gathered, fits: Mapping[str, Fit], cluster: str | None, report: Report) -> None:
    try:
        scores = leave_one_out(fits, cluster=cluster, report=report)
    except EvidenceError as error:
        found.notes.append(f"Not left out one by one: {error}")
        return
    table = score_table(scores, "elpd")
    found.columns |= {
        "elpd": table["elpd"].to_numpy(),
        "elpd_se": table["se"].to_numpy(),
        "elpd_diff": table["diff"].to_numpy(),
        "elpd_diff_se": table["diff_se"].to_numpy(),
        "stacking": stacking_weights(density_table(scores).to_numpy()),
        "n_refits": table["n_refits"].to_numpy(),
        "high_k": table["high_k"].tolist(),
    }
    _note_refits(found, table, "leave-one-out")


def _by_largest(
    found: _Gathered, fits: Mapping[str, Fit], factor: float, cluster: str | None, report: Report
) -> None:
    try:
        scores = leave_largest_out(fits, factor=factor, cluster=cluster, report=report)
    except RunsError as error:
        found.notes.append(f"Not scored on the largest compute: {error}")
        return
    table = score_table(scores, "log_score")
    found.columns |= {
        "largest": table["log_score"].to_numpy(),
        "largest_diff": table["diff"].to_numpy(),
        "largest_diff_se": table["diff_se"].to_numpy(),
        "n_largest": [len(s.table) for s in scores.values()],
    }
    _note_refits(found, table, "the largest compute")


def _note_refits(found: _Gathered, table: pd.DataFrame, of: str) -> None:
    unsure = table.index[~table["refits_converged"]].tolist()
    if unsure:
        found.passed = False
        found.notes.append(
            f"REFITS OF {list_some(unsure)} DID NOT CONVERGE: their scores by {of} are uncertain."
        )


def _nested(fits: Mapping[str, Fit], columns: Mapping[str, Any], report: Report) -> list[str]:
    """Compare unified with chinchilla a second way, where both are there on equal terms."""
    notes = []
    log_evidence = dict(zip(fits, columns["log_evidence"], strict=True))
    mcse = dict(zip(fits, columns["mcse"], strict=True))
    for wide, unified in fits.items():
        for narrow, chinchilla in fits.items():
            if not _is_nested(chinchilla, unified):
                continue
            report(f"Estimating the density of {wide!r} at k = 1")
            k = np.asarray(unified.coordinates["k"])
            low, high = np.quantile(k, [0.05, 0.95])
            said = f"{narrow!r} is {wide!r} with k = 1; its k lies in {low:.2f}–{high:.2f} (90 %)"
            bridged = log_evidence[narrow] - log_evidence[wide]
            try:
                ratio = savage_dickey(unified)
            except EvidenceError:
                ratio = None
            except DomainError:  # a prior of one's own excludes k = 1: nothing is nested
                continue
            if ratio is None or ratio.pareto_k > PARETO_K_MAX or ratio.mcse > RATIO_MCSE_MAX:
                notes.append(f"{said}, too far from 1 to check the bridge by the density there.")
                continue
            joint = float(np.hypot(ratio.mcse, np.hypot(mcse[narrow], mcse[wide])))
            agree = abs(ratio.log_bayes_factor - bridged) <= 4 * joint
            notes.append(
                f"{said}, and the density ratio there gives ln BF {ratio.log_bayes_factor:.2f} ± "
                f"{ratio.mcse:.2f}, {'as' if agree else 'BUT'} the bridge {bridged:.2f}."
            )
    return notes


def _is_nested(narrow: Fit, wide: Fit) -> bool:
    if (narrow.law.name, wide.law.name) != ("chinchilla", "unified"):
        return False
    shared = {k: v for k, v in wide.spec.priors.items() if k != "k"}
    return shared == dict(narrow.spec.priors)
