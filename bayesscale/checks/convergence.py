"""Whether chains found the same distribution, and drew enough from it."""

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale.checks.result import CheckResult

RHAT_MAX = 1.01
ESS_PER_CHAIN_MIN = 100
BFMI_MIN = 0.3
DIVERGENT_SHARE_MAX = 0.001


def check_convergence(posterior: xr.Dataset, sample_stats: xr.Dataset) -> CheckResult:
    """Check draws against the usual diagnostics.

    Parameters
    ----------
    posterior
        Sampled quantities, dims ``(chain, draw)``.
    sample_stats
        ``diverging`` and ``energy``, dims ``(chain, draw)``. Where several steps were taken a
        draw, its attributes hold ``steps_per_draw``, and ``divergences`` and ``bfmi`` of all steps.

    Returns
    -------
    CheckResult
        Table: ``r_hat``, ``ess_bulk``, ``ess_tail`` by parameter. It does not pass if a split
        R-hat exceeds 1.01, an effective sample size falls below 100 a chain, the energy's
        Bayesian fraction of missing information below .3, or more than one step in a thousand
        diverged.

    References
    ----------
    .. [1] Vehtari et al. (2021), Bayesian Analysis 16(2), doi:10.1214/20-BA1221.
    """
    table = diagnostics(posterior)
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
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
    return CheckResult("convergence", not problems, text, table)


def diagnostics(posterior: xr.Dataset) -> pd.DataFrame:
    """Return split R-hat and effective sample sizes, one row a variable."""
    from arviz_stats.sampling_diagnostics import ess, rhat

    columns = {
        "r_hat": rhat(posterior),
        "ess_bulk": ess(posterior, method="bulk"),
        "ess_tail": ess(posterior, method="tail"),
    }
    names = [str(name) for name in posterior.data_vars]
    return pd.DataFrame(
        {kind: [float(values[name]) for name in names] for kind, values in columns.items()},
        index=pd.Index(names, name="parameter"),
    )


def lowest_bfmi(energy: np.ndarray) -> float:
    """Return the least Bayesian fraction of missing information of energies ``(chain, draw)``."""
    steps = np.square(np.diff(energy, axis=1)).mean(axis=1)
    return float((steps / np.var(energy, axis=1)).min())
