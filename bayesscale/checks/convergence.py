"""Whether chains found the same distribution, and drew enough from it."""

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayesscale._sections import CheckResult
from bayesscale._types import Array
from bayesscale.checks.r_hat import effective, r_hat
from bayesscale.errors import ConvergenceWarning

RHAT_MAX = 1.01
ESS_PER_CHAIN_MIN = 100
BFMI_MIN = 0.3
DIVERGENT_SHARE_MAX = 0.001


def check_convergence(sampled: xr.Dataset, sample_stats: xr.Dataset) -> CheckResult:
    """Check draws of what was sampled, dims ``(chain, draw)``, against the usual diagnostics.

    It is a stop if a split R-hat exceeds 1.01, an effective sample size falls below 100 a chain,
    the energy's Bayesian fraction of missing information below .3, or more than one step in a
    thousand diverged: Vehtari et al. (2021), Bayesian Analysis 16(2), doi:10.1214/20-BA1221.
    Where several steps were taken a draw, the attributes of ``sample_stats`` hold
    ``steps_per_draw``, and ``divergences`` and ``bfmi`` of all steps.
    """
    table = diagnostics(sampled)
    chains, draws = sampled.sizes["chain"], sampled.sizes["draw"]
    ess_min = ESS_PER_CHAIN_MIN * chains
    known = sample_stats.attrs
    divergences = int(known.get("divergences", sample_stats["diverging"].sum()))
    steps = chains * draws * int(known.get("steps_per_draw", 1))
    bfmi = known.get("bfmi", lowest_bfmi(np.asarray(sample_stats["energy"])))

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
        problems.append(
            f"the energy moves too little (BFMI {bfmi:.2f}, should be above {BFMI_MIN})"
        )

    if problems:
        text = (
            "NOT CONVERGED: " + "; ".join(problems) + ". Do not use this posterior. Try more "
            "tuning (tune=4000), smaller steps (target_accept=0.95), a simpler law, or priors "
            "that rule out what cannot be."
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
    """Return split R-hat and effective sample sizes, one row a variable."""
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
