"""Scores of draws ``(draw, run)`` against observed log losses ``(run,)``, one number per run."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from bayesscale._types import Array

LEVELS = (50, 80, 90, 95)
"""Central intervals that are scored, percent."""

LEAST_SD = 1e-4
"""No loss is known to better than .01 %: a prediction's spread is taken to be at least that."""


def crps(draws: Array, observed: Array) -> Array:
    """Return the CRPS: mean distance of draws to the observed, less half that between two draws."""
    n = len(draws)
    # Sorted, the k-th draw is the larger one of k pairs, and the smaller one of n - 1 - k.
    weights = 2 * np.arange(n) - (n - 1)
    half_distance = np.tensordot(weights, np.sort(draws, axis=0), axes=1) / n**2
    return np.abs(draws - observed).mean(axis=0) - half_distance


def normal_log_score(draws: Array, observed: Array) -> Array:
    """Return the log density at what was observed of a normal with the draws' mean and SD."""
    sd = np.maximum(draws.std(axis=0), LEAST_SD)
    z = (observed - draws.mean(axis=0)) / sd
    return -0.5 * z**2 - np.log(sd) - 0.5 * np.log(2 * np.pi)


def score_draws(draws: Array, observed: Array) -> pd.DataFrame:
    """Score draws of log loss, shape ``(draw, run)``: the columns of ``Backtest.points``."""
    tails = {f"lower{level}": (100 - level) / 200 for level in LEVELS}
    tails |= {f"upper{level}": (100 + level) / 200 for level in LEVELS}
    median, *ends = np.quantile(draws, [0.5, *tails.values()], axis=0)
    return pd.DataFrame(
        {"median": np.exp(median)}
        | {name: np.exp(end) for name, end in zip(tails, ends, strict=True)}
        | {
            "error": median - observed,
            "pit": (draws < observed).mean(axis=0),
            "crps": crps(draws, observed),
        }
    )


def covered(points: pd.DataFrame, level: int) -> pd.Series:
    """Return which observed losses lie in their central interval."""
    return points["observed"].between(points[f"lower{level}"], points[f"upper{level}"])


def summarise(points: pd.DataFrame, by: Iterable[str]) -> pd.DataFrame:
    """Average the scores of predictions, rows of ``Backtest.points``: see ``Backtest.summary``."""
    covers = {f"cover{level}": covered(points, level) for level in LEVELS}
    error, width = points["error"], np.log(points["upper90"] / points["lower90"])
    scored = points.assign(**covers, rmsle=error**2, bias=error, width90=width)
    groups = scored.groupby(list(by), sort=False, observed=True)
    counts = groups.agg(n=("run", "size"), n_runs=("run", "nunique"), reach=("reach", "median"))
    means = groups[[*covers, "crps", "log_score", "rmsle", "bias", "width90"]].mean()
    return counts.join(means.assign(rmsle=np.sqrt(means["rmsle"])))
