"""Whether chains found the same distribution, and drew enough from it, in NumPy.

Split R-hat and effective sample sizes are those of Vehtari, Gelman, Simpson, Carpenter and Bürkner
(2021), Bayesian Analysis 16(2), 667-718, doi:10.1214/20-BA1221: chains are split in halves, and
draws replaced by the normal scores of their ranks. Autocorrelations are summed by Geyer's initial
monotone sequence. ArviZ computes the same, one quantity at a time, and importing it takes longer
than sampling; a test compares the two.
"""

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from bayesscale._sections import CheckResult
from bayesscale._types import Array
from bayesscale.errors import ConvergenceWarning

RHAT_MAX = 1.01
ESS_PER_CHAIN_MIN = 100
BFMI_MIN = 0.3
DIVERGENT_SHARE_MAX = 0.001


def check_convergence(sampled: xr.Dataset, sample_stats: xr.Dataset) -> CheckResult:
    """Check draws of what was sampled, dims ``(chain, draw)``, against the usual diagnostics.

    It is a stop if a split R-hat exceeds 1.01, an effective sample size falls below 100 per chain,
    the energy's Bayesian fraction of missing information below .3, or more than one step in a
    thousand diverged. Where several steps were taken per draw, attributes of ``sample_stats`` have
    ``steps_per_draw``, and ``divergences`` and ``bfmi`` of all steps.
    """
    table = diagnostics(sampled)
    chains, draws = sampled.sizes["chain"], sampled.sizes["draw"]
    ess_min = ESS_PER_CHAIN_MIN * chains
    attrs = sample_stats.attrs
    divergences = int(attrs.get("divergences", sample_stats["diverging"].sum()))
    steps = chains * draws * int(attrs.get("steps_per_draw", 1))
    bfmi = attrs.get("bfmi", lowest_bfmi(np.asarray(sample_stats["energy"])))

    problems = []
    worst = table.sort_values("r_hat", ascending=False).head(3)
    if not (table["r_hat"] <= RHAT_MAX).all():
        listed = ", ".join(f"{name} {value:.3f}" for name, value in worst["r_hat"].items())
        problems.append(f"the chains disagree (R-hat should be below {RHAT_MAX}: {listed})")
    least = table[["ess_bulk", "ess_tail"]].min(axis=1).sort_values().head(3)
    if not (least >= ess_min).all():
        listed = ", ".join(f"{name} {value:.0f}" for name, value in least.items())
        problems.append(f"too few effective draws (should be above {ess_min}: {listed})")
    if divergences > DIVERGENT_SHARE_MAX * steps:
        problems.append(
            f"{divergences} of {steps} steps diverged: part of the posterior was missed"
        )
    if not bfmi >= BFMI_MIN:
        problems.append(f"the energy mixes poorly (BFMI {bfmi:.2f}, should be above {BFMI_MIN})")

    if problems:
        text = (
            f"Not converged: {'; '.join(problems)}. Do not use this posterior. Try more tuning "
            "(tune=4000), smaller steps (target_accept=0.95), a simpler law, or priors that "
            "exclude impossible values."
        )
    else:
        text = (
            f"Converged: {chains} chains × {draws} draws, R-hat at most {table['r_hat'].max():.3f}"
            f", at least {least.iloc[0]:.0f} effective draws, {divergences} divergences."
        )
    severity = "stop" if problems else "ok"
    return CheckResult("convergence", severity, text, table, ConvergenceWarning)


State = Literal["converged", "short", "stuck"]


def chains_state(
    draws: Array, *, diverging: NDArray[np.bool_], energy: Array, margin: float = 1.0
) -> State:
    """Judge chains ``(chain, draw, coordinate)`` by the limits of :func:`check_convergence`.

    ``diverging`` and ``energy`` are of every step, ``(chain, step)``; effective draws must reach
    ``margin`` times the limit. ``"short"`` chains mix, and are within a factor two of the limits.
    """
    sound = diverging.mean() <= DIVERGENT_SHARE_MAX and lowest_bfmi(energy) >= BFMI_MIN
    worst, least = r_hat(draws).max(), np.min(effective(draws))
    enough = ESS_PER_CHAIN_MIN * len(draws)
    if sound and worst <= RHAT_MAX and least >= margin * enough:
        return "converged"
    mixing = sound and worst <= 1 + 2 * (RHAT_MAX - 1) and least >= enough / 2
    return "short" if mixing else "stuck"


def diagnostics(sampled: xr.Dataset) -> pd.DataFrame:
    """Return split R-hat and effective sample sizes, one row per variable."""
    names = [str(name) for name in sampled.data_vars]
    draws = np.stack([np.asarray(sampled[name], dtype=float) for name in names], axis=-1)
    bulk, tail = effective(draws)
    return pd.DataFrame(
        {"r_hat": r_hat(draws), "ess_bulk": bulk, "ess_tail": tail},
        index=pd.Index(names, name="parameter"),
    )


def lowest_bfmi(energy: np.ndarray) -> float:
    """Return the least Bayesian fraction of missing information of energies ``(chain, draw)``."""
    steps = np.square(np.diff(energy, axis=1)).mean(axis=1)
    return float((steps / np.var(energy, axis=1)).min())


TAILS = (0.05, 0.95)


def r_hat(draws: Array) -> Array:
    """Return rank-normalised split R-hat of location or scale, ``(quantity,)``."""
    halves = _split(draws)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    return np.maximum(_r_hat(_scores(halves)), _r_hat(_scores(folded)))


def effective(draws: Array) -> tuple[Array, Array]:
    """Return effective sample sizes of bulk and worse tail, each ``(quantity,)``."""
    tails = [
        _effective(_split((draws <= ends).astype(float)))
        for ends in np.quantile(draws, TAILS, axis=(0, 1))
    ]
    return _effective(_scores(_split(draws))), np.minimum(*tails)


def _split(draws: Array) -> Array:
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def _scores(draws: Array) -> Array:
    """Return normal scores of ranks over all chains; equal draws share their mean rank."""
    flat = draws.reshape(-1, draws.shape[-1])
    result = np.empty_like(flat)
    for i, values in enumerate(flat.T):
        _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
        rank = np.cumsum(counts) - (counts - 1) / 2
        result[:, i] = ndtri((rank[which] - 0.375) / (len(flat) + 0.25))
    return result.reshape(draws.shape)


def _r_hat(draws: Array) -> Array:
    n = draws.shape[1]
    between, within = draws.mean(axis=1).var(axis=0, ddof=1), draws.var(axis=1, ddof=1).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.sqrt(between / within + (n - 1) / n)


def _effective(draws: Array) -> Array:
    """Return the effective sample size of the mean of draws, shape ``(chain, draw, quantity)``."""
    chains, n, _ = draws.shape
    length = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(draws - draws.mean(axis=1, keepdims=True), length, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, length, axis=1)[:, :n].mean(axis=0) / n
    within = covariance[0] * n / (n - 1)
    total = covariance[0] + draws.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = 1 - (within - covariance) / total
    correlation[0] = 1
    last = (n - 1) // 2 * 2
    even, pairs = correlation[:last:2], correlation[:last:2] + correlation[1:last:2]
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    positive[-1] = False
    first = positive.sum(axis=0)  # the pair that is not
    time = 2 * np.where(positive, np.minimum.accumulate(pairs, axis=0), 0).sum(axis=0) - 1
    time = time + np.maximum(np.take_along_axis(even, first[None], axis=0)[0], 0)
    result = chains * n / np.maximum(time, 1 / np.log10(chains * n))
    return np.where(np.ptp(draws, axis=(0, 1)) > 0, result, chains * n)
