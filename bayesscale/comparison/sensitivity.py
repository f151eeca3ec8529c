"""How much a Bayes factor depends on the priors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from bayesscale import _arguments
from bayesscale._format import list_some
from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale._sections import Heading, Paragraph, Result, Section, Severity, Table
from bayesscale._sweep import sweep
from bayesscale.comparison.evidence import Evidence, evidences, refit_evidence
from bayesscale.comparison.scores import check_fits, check_seed, compares
from bayesscale.comparison.stacking import PARETO_K_MAX, log_mean_weight
from bayesscale.errors import PACKAGE, DomainError
from bayesscale.inference import Fit, Setup
from bayesscale.model import NORMAL_ON_LINK, ModelSpec, Posterior, Prior

SCALES = (0.5, 0.71, 1.41, 2.0)

MCSE_MAX = 0.1

SECONDS = 2.0
"""What a refit takes, roughly, with its bridge."""

ALL, DISCREPANCY = "all", "discrepancy"
"""Rows of the grid in which many priors are scaled at once: every one, and what laws get wrong."""


@dataclass(frozen=True, eq=False, repr=False)
class PriorSensitivity(Result):
    """Evidences over a grid of priors.

    Parameters
    ----------
    summary
        One row per prior (index ``prior``: the coordinate, ``"discrepancy"`` for all coordinates of
        the discrepancy, or ``"all"``, and ``scale``, by which the standard deviation of its prior
        on the scale of its link is multiplied; scale 1 is the fits' own priors). Columns: ``<fit>``
        log evidence, nats, ``<fit> mcse``, ``ln_bf`` of the first of ``pair`` over the second with
        ``ln_bf_mcse``, and ``refitted``, the fits whose draws were too few for that prior. NaN
        where a refit did not converge.
    pair
        The two fits with the most evidence under their own priors, best first.
    prior_predictive
        Prior predictive quantiles of each fit: see :func:`prior_predictives`.
    text
        The verdict.
    prior_decides
        Whether the verdict on the pair is open, reversed or unknown under some prior.
    fingerprint
        That of the runs, which a report of them checks.
    """

    summary: pd.DataFrame
    pair: tuple[str, str]
    prior_predictive: pd.DataFrame
    text: str
    prior_decides: bool
    fingerprint: str = ""

    @property
    def severity(self) -> Severity:
        """A caution where the prior decides."""
        return "caution" if self.prior_decides else "ok"

    def sections(self) -> list[Section]:
        """Return the verdict, and how the log Bayes factor moves with each prior."""
        grid = self.summary["ln_bf"].groupby("prior", sort=False)
        titles = ["prior", "ln BF of {!r} over {!r}, least".format(*self.pair), "most"]
        rows = [[str(name), f"{v.min():.2f}", f"{v.max():.2f}"] for name, v in grid]
        return [
            Heading("Does the result hold under other priors?"),
            Paragraph(self.text, self.severity, emphasis=True),
            Table(titles, rows),
        ]


@compares
def prior_sensitivity(
    fits: Mapping[str, Fit], *, scales: Sequence[float] = SCALES, random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> PriorSensitivity:  # fmt: skip
    r"""Compare laws under narrower and wider priors.

    The standard deviation of every prior is multiplied, on the scale of its link, by each of
    ``scales``: for one coordinate at a time in every law that has it, and for all at once. Priors
    that are not normal on their link's scale have no such width; the verdict names them.

    Parameters
    ----------
    scales
        Factors, > 0; 1 is always there.

    Notes
    -----
    Under another prior p' the evidence is

    .. math:: Z' = Z \; \mathrm E_{\theta | y} \left[ p'(\theta) / p(\theta) \right]

    a mean over the draws at hand. Where the ratios' tail has a Pareto k above .7, or the error of
    the log exceeds .1, the law is refitted under p' without compiling, and bridged again.

    Examples
    --------
    >>> bs.prior_sensitivity({"kaplan": k, "chinchilla": c}).text  # doctest: +SKIP
    """
    kept, convergence = check_fits(fits, what="A comparison")
    if convergence.warns:
        warnings.warn(convergence.text, convergence.warning, skip_file_prefixes=(PACKAGE,))
    seed = check_seed(random_seed, fits)
    scales = [
        _arguments.number("Each of scales", scale, above=0)
        for scale in _arguments.several("scales", scales)
    ]
    taken = {"prior", "scale", "ln_bf", "ln_bf_mcse", "refitted"} & set(fits)
    if taken:
        raise DomainError(f"The table uses the name {taken.pop()!r}: rename that fit.")
    with progress_reporter(progress) as report:
        by_name = evidences(kept, random_seed=random_seed, report=report)
        return prior_grid(kept, by_name, scales=scales, seed=seed, report=report)


def prior_grid(
    fits: Mapping[str, Fit], evidences: Mapping[str, Evidence], *,
    scales: Sequence[float] = SCALES, seed: int, report: Report,
) -> PriorSensitivity:  # fmt: skip
    """Scale the priors of fits whose evidences are known; see :func:`prior_sensitivity`."""
    ranked = sorted(evidences, key=lambda name: -evidences[name].log_evidence)
    pair = ranked[0], ranked[1]
    summary = _grid(fits, evidences, pair, scales, seed, report)
    text, decides = _verdict(summary, fits, pair)
    predictive, fingerprint = prior_predictives(fits, seed), fits[pair[0]].runs.fingerprint
    return PriorSensitivity(summary, pair, predictive, text, decides, fingerprint)


def _grid(
    fits: Mapping[str, Fit], base: Mapping[str, Evidence], pair: tuple[str, str],
    scales: Sequence[float], seed: int, report: Report,
) -> pd.DataFrame:  # fmt: skip
    """Return the evidence of every fit under every prior: by its draws, or else by a refit."""
    names = _all_scalable(fits)
    bends = {
        k.name for fit in fits.values() for k in fit.spec.discrepancy.coordinates(fit.spec.law)
    }
    members = {ALL: names} | {k: [k] for k in names if k not in bends}
    members |= {DISCREPANCY: [k for k in names if k in bends]} if bends & set(names) else {}
    priors = [(ALL, 1.0)] + [(k, s) for k in members for s in scales if s != 1]
    grid: dict[tuple[int, str], tuple[float, float]] = {}
    jobs = {}
    for i, (name, scale) in enumerate(priors):
        report(f"Evidence under prior {i + 1} of {len(priors)}", i, len(priors))
        for key, fit in fits.items():
            touched, known = [k for k in members[name] if k in fit.spec.priors], base[key]
            if not touched or scale == 1:
                grid[i, key] = known.log_evidence, known.mcse
                continue
            # of the scaled over the own prior density
            own = fit.spec.space.scores({k: np.asarray(fit.coordinates[k]) for k in touched})
            log_ratios = [0.5 * z**2 * (1 - scale**-2) - np.log(scale) for z in own.values()]
            change, mcse, k = log_mean_weight(np.sum(log_ratios, axis=0))
            if k <= PARETO_K_MAX and mcse <= MCSE_MAX:
                grid[i, key] = known.log_evidence + change, float(np.hypot(known.mcse, mcse))
            else:
                setup = Setup(fit.runs, scaled(fit.spec, touched, scale), fit.sampling)
                jobs[i, key] = setup, seed
    named = {f"{i} {key}": job for (i, key), job in jobs.items()}
    refits = sweep(refit_evidence, named, seconds=SECONDS, report=report, text="Refitting")
    for job, refit in zip(jobs, refits.values(), strict=True):
        grid[job] = (np.nan, np.nan) if isinstance(refit, str) else (refit.log_evidence, refit.mcse)
    rows = []
    for i, (name, scale) in enumerate(priors):
        row: dict[str, Any] = {"prior": name, "scale": scale}
        for key in fits:
            row[key], row[f"{key} mcse"] = grid[i, key]
        row["ln_bf"] = row[pair[0]] - row[pair[1]]
        row["ln_bf_mcse"] = float(np.hypot(row[f"{pair[0]} mcse"], row[f"{pair[1]} mcse"]))
        row["refitted"] = [key for key in fits if (i, key) in jobs]
        rows.append(row)
    return pd.DataFrame(rows).set_index(["prior", "scale"])


def _all_scalable(fits: Mapping[str, Fit]) -> list[str]:
    """Return the coordinates whose prior is normal on its link in every fit that has them."""
    spaces = [fit.spec.space for fit in fits.values()]
    fixed = {name for space in spaces for name in space.names if name not in space.normals}
    return [k for k in dict.fromkeys(k for s in spaces for k in s.normals) if k not in fixed]


def scaled(spec: ModelSpec, names: Sequence[str], scale: float) -> ModelSpec:
    """Return a spec with the standard deviations of some priors multiplied."""
    priors, normals = dict(spec.priors), spec.space.normals
    for k in spec.coordinates:
        if k.name in names and k.name in normals:
            mu, sigma = normals[k.name]
            priors[k.name] = Prior(NORMAL_ON_LINK[k.link], mu=mu, sigma=scale * sigma)
    return replace(spec, priors=priors)


def prior_predictives(fits: Mapping[str, Fit], seed: int) -> pd.DataFrame:
    """Return prior quantiles of loss and slopes at the centre and of the largest loss, by fit."""
    rows: dict[str, Any] = {}
    for name, fit in fits.items():
        spec = fit.spec
        prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(seed), 4000))
        centre = {key: np.zeros(1) for key in spec.law.quantities}
        at = prior.relative_log_loss(centre)[:, 0]
        implied = {"loss at the centre": spec.reference["loss"] * np.exp(at)}
        largest = fit.runs.select(fit.runs.size == fit.runs.size.max())
        with np.errstate(over="ignore"):  # of a steep law far from the centre: infinite is right
            implied["loss of the largest run"] = prior.law_loss(largest)[:, 0]
        for key in centre:
            step = {k: v + (1e-4 if k == key else 0.0) for k, v in centre.items()}
            slope = -(prior.relative_log_loss(step)[:, 0] - at) / 1e-4
            implied[f"fall of ln L per ln {key}"] = slope
        rows[name] = {
            (key, q): np.quantile(values, q)
            for key, values in implied.items()
            for q in (0.05, 0.5, 0.95)
        }
    # laws of other inputs have slopes in others
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(index="fit", columns=["quantity", "quantile"])


def _verdict(
    summary: pd.DataFrame, fits: Mapping[str, Fit], pair: tuple[str, str]
) -> tuple[str, bool]:
    """Return the verdict in words, and whether the prior decides between the pair."""
    best, second = pair
    low, high = summary["ln_bf"].min(), summary["ln_bf"].max()
    scales = summary.index.get_level_values("scale")
    unknown = summary.index[summary[list(fits)].isna().any(axis=1)]
    grid = (
        f"ln BF {low:.1f} to {high:.1f} over {summary['ln_bf'].count()} priors from "
        f"{scales.min():g} to {scales.max():g} times as wide as the fits' own"
    )
    turned = {}
    for name in (name for name in fits if name != best):
        error = np.hypot(summary[f"{best} mcse"], summary[f"{name} mcse"])
        turned[name] = summary.index[summary[best] - summary[name] <= 2 * error]
    if len(turned[second]):
        text = (
            f"Prior-sensitive: the choice between {best!r} and {second!r} ({grid}) is open or "
            f"reversed with {_places(turned[second])}."
        )
    else:
        scope = "in the grid" if not len(unknown) else "that could be evaluated"
        text = f"{best!r} over {second!r} for every prior {scope} ({grid})."
    if len(unknown):
        text += f" Unknown under {_places(unknown)}, where a refit gave no usable evidence."
    for name, where in turned.items():
        if name == second:
            continue
        least = (summary[best] - summary[name]).min()
        text += (
            f" Over {name!r} it is open or reversed with {_places(where)}."
            if len(where)
            else f" Over {name!r} throughout (ln BF from {least:.1f})."
        )
    every = {name for fit in fits.values() for name in fit.spec.space.names}
    fixed = sorted(every - set(_all_scalable(fits)))
    if fixed:
        text += f" Not varied, because not normal on the sampling scale: {list_some(fixed)}."
    return text, bool(len(turned[second]) or len(unknown))


def _places(index: pd.Index) -> str:
    return list_some([f"{name} times {scale:g}" for name, scale in index])
