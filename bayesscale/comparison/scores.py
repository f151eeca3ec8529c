"""One table of scores, for comparing and for averaging: all runs, the largest, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from bayesscale import _arguments
from bayesscale._documented import documented
from bayesscale._format import list_some
from bayesscale._progress import PROGRESS, Report
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.comparison.evidence import Evidence, evidences
from bayesscale.comparison.left_out import Pointwise, leave_one_out, predictive_density
from bayesscale.comparison.stacking import stacking_errors, stacking_weights
from bayesscale.errors import ConvergenceWarning, DomainError, EvidenceError
from bayesscale.inference import Fit

SCORES = {"evidence": "log_evidence", "loo": "elpd", "largest": "log_score"}
"""What fits can be weighed by, and the column with the score, nats."""

compares = documented(
    {
        "fits": """At least two fits by name, of the same runs, for an average of laws with the same
inputs. Those that did not converge are left out.""",
        "factor": """For ``"largest"``: every run within this factor of the largest compute is held
out, > 1.""",
        "random_seed": """Seed of bridges, of refits that repeat no fit and of resampling; by
default the first fit's.""",
        **PROGRESS,
    },
    sections={
        "Raises": """DomainError
    If there are fewer than two fits, they are of different runs, or an argument is outside its
    domain.
UnknownNameError
    If a criterion, a fit or a group has an unknown name.
RunsError
    If too few runs or clusters are left in or out.
EvidenceError
    If draws of too few fits converged, an evidence is not known well enough, or importance sampling
    fails for more than 50 runs of a fit.""",
        "Warns": """ConvergenceWarning
    If a fit is left out because its draws did not converge, a refit did not converge, or two
    estimates of an evidence disagree.""",
    },
)
"""Completes the docstring of a function that weighs several fits."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Fits scored by one criterion: ``table`` has its columns of :class:`Comparison`, by fit.

    ``weights`` are probabilities or stacking weights, ``(fit,)``; ``pointwise`` the log predictive
    density of what was left out, one column per fit, None where all runs are scored together.
    """

    table: pd.DataFrame
    weights: Array
    weight_se: Array
    pointwise: pd.DataFrame | None
    evidences: Mapping[str, Evidence] | None = None


def score(
    fits: Mapping[str, Fit], criterion: str, *, factor: float, group: str | None,
    random_seed: int | None, report: Report, odds: Mapping[str, float] | None = None,
    known: Mapping[str, Evidence] | None = None,
) -> Scores:  # fmt: skip
    """Score fits by a criterion of :data:`SCORES`; ``known`` spares ``"largest"`` its evidences."""
    if criterion == "evidence":
        by_name = evidences(fits, random_seed=random_seed, report=report)
        scores = _jointly(
            {name: (e.log_evidence, e.mcse) for name, e in by_name.items()}, odds or {},
            ("log_evidence", "mcse", "ln_bf", "ln_bf_mcse"),
        )  # fmt: skip
        return replace(scores, evidences=by_name)
    if criterion == "largest":
        densities, n_largest = predictive_density(
            fits, factor=factor, random_seed=random_seed, report=report, known=known
        )
        columns = ("log_score", "log_score_mcse", "log_score_diff", "log_score_diff_mcse")
        scores = _jointly(densities, {}, columns)
        return replace(scores, table=scores.table.assign(n_largest=n_largest))
    left_out = leave_one_out(fits, group=group, report=report)
    density = pd.DataFrame({name: s.table["log_density"] for name, s in left_out.items()})
    runs = next(iter(fits.values())).runs
    density.index.name = group or ("cluster" if runs.has_clusters else "run")
    values = density.to_numpy()
    errors = stacking_errors(values, random_seed=check_seed(random_seed, fits))
    table = _one_by_one(left_out, density)
    return Scores(table, stacking_weights(values), errors, density)


def _jointly(
    estimates: Mapping[str, tuple[float, float]], odds: Mapping[str, float],
    columns: tuple[str, str, str, str],
) -> Scores:  # fmt: skip
    """Weigh fits by log densities of the same losses, each with its Monte Carlo error."""
    density, mcse = (np.array(values) for values in zip(*estimates.values(), strict=True))
    best = int(density.argmax())
    others = np.arange(len(mcse)) != best
    weights = softmax(density + np.log([odds.get(name, 1.0) for name in estimates]))
    # to first order, of independent errors: dw_k = w_k (dz_k - Σ_j w_j dz_j)
    slopes = weights[:, None] * (np.eye(len(weights)) - weights)
    errors = np.where(others, np.hypot(mcse, mcse[best]), 0.0)
    table = pd.DataFrame(
        dict(zip(columns, (density, mcse, density - density[best], errors), strict=True)),
        index=pd.Index(list(estimates)),
    )
    return Scores(table, weights, np.sqrt(slopes**2 @ mcse**2), None)


def _one_by_one(left_out: Mapping[str, Pointwise], density: pd.DataFrame) -> pd.DataFrame:
    """Compare the sums of log densities of the same left-out runs, one column per fit."""
    difference = density.sub(density[density.sum().idxmax()], axis=0)
    root = np.sqrt(len(density))
    columns: dict[str, Any] = {
        "elpd": density.sum(),
        "elpd_se": root * density.std(),
        "elpd_diff": difference.sum(),
        "elpd_diff_se": root * difference.std(),
        "n_refits": [s.n_refits for s in left_out.values()],
        "refits_converged": [s.converged for s in left_out.values()],
        "high_k": [s.high_k for s in left_out.values()],
    }
    return pd.DataFrame(columns)


def check_fits(fits: object, *, what: str, least: int = 2) -> tuple[dict[str, Fit], CheckResult]:
    """Return the fits, at least ``least``, that converged, and a check that names the others."""
    if not isinstance(fits, Mapping) or not all(isinstance(f, Fit) for f in fits.values()):
        kinds = isinstance(fits, Mapping) and {k: type(f).__name__ for k, f in fits.items()}
        raise DomainError(
            'Expected fits by name, such as {"kaplan": fit_k, "chinchilla": fit_c}, each as '
            f"bs.fit or bs.load_fit returns, not {kinds or type(fits).__name__}."
        )
    if len(fits) < 2:
        raise DomainError(f"{what} takes at least two fits, but got {len(fits)}.")
    for fit in fits.values():
        fit.spec.check_unchanged()
    first, *others = fits.items()
    for name, fit in others:
        if fit.runs.fingerprint != first[1].runs.fingerprint:
            raise DomainError(
                f"The fits {first[0]!r} and {name!r} are of different runs ({len(first[1].runs)} "
                f"and {len(fit.runs)}; sizes, losses, labels or counts differ), and only "
                "predictions of the same losses can be compared. Fit both to the same Runs."
            )
    kept = {name: fit for name, fit in fits.items() if fit.convergence.passed}
    lost = {name: fit.convergence for name, fit in fits.items() if name not in kept}
    if len(kept) < least:
        raise EvidenceError(
            f"{what} takes at least {least} fit{'s' * (least > 1)} with draws that converged, but "
            f"got {len(kept)}. " + " ".join(f"{k!r}: {c.text}" for k, c in lost.items())
        )
    table = pd.DataFrame({"r_hat": {k: c.table["r_hat"].max() for k, c in lost.items()}})
    text = "All fits converged."
    if lost:
        named = [f"{name!r} (R-hat {r_hat:.3f})" for name, r_hat in table["r_hat"].items()]
        text = (
            f"Left out, because their draws did not converge: {list_some(named)}. Fit them with "
            "more tuning (tune=4000) or smaller steps (target_accept=0.98), and repeat this."
        )
    severity = "caution" if lost else "ok"
    return kept, CheckResult("convergence", severity, text, table, ConvergenceWarning)


def check_seed(random_seed: int | None, fits: Mapping[str, Fit]) -> int:
    """Return the seed, by default the first fit's."""
    seed = next(iter(fits.values())).sampling.random_seed if random_seed is None else random_seed
    return _arguments.random_seed(seed)
