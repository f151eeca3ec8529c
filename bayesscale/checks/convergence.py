"""Whether chains found the same distribution, and drew enough from it."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale._interrupts import interrupts_held
from bayesscale.checks.result import CheckResult
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


def short_of_draws(found: CheckResult, sample_stats: xr.Dataset) -> bool:
    """Tell whether chains that did not converge mix nonetheless, and longer ones will do: nothing
    diverged, and they are within a factor two of what is asked.
    """  # noqa: D205
    table, known = found.table, sample_stats.attrs
    return bool(
        known["divergences"] == 0
        and known["bfmi"] >= BFMI_MIN
        and (table["r_hat"] <= 1 + 2 * (RHAT_MAX - 1)).all()
        and (
            table[["ess_bulk", "ess_tail"]] >= ESS_PER_CHAIN_MIN * sample_stats.sizes["chain"] / 2
        ).all(axis=None)
    )


def diagnostics(sampled: xr.Dataset) -> pd.DataFrame:
    """Return split R-hat and effective sample sizes, one row a variable."""
    with interrupts_held():
        from arviz_stats.sampling_diagnostics import ess, rhat

    columns = {
        "r_hat": rhat(sampled),
        "ess_bulk": ess(sampled, method="bulk"),
        "ess_tail": ess(sampled, method="tail"),
    }
    names = [str(name) for name in sampled.data_vars]
    return pd.DataFrame(
        {kind: [float(values[name]) for name in names] for kind, values in columns.items()},
        index=pd.Index(names, name="parameter"),
    )


def lowest_bfmi(energy: np.ndarray) -> float:
    """Return the least Bayesian fraction of missing information of energies ``(chain, draw)``."""
    steps = np.square(np.diff(energy, axis=1)).mean(axis=1)
    return float((steps / np.var(energy, axis=1)).min())
