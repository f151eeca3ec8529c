"""Whether data and prior contradict each other."""

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import ndtri

from bayesscale.checks.result import CheckResult
from bayesscale.model.links import LINKS
from bayesscale.model.noise import SIGMA
from bayesscale.model.prior_predictive import draw_priors
from bayesscale.model.spec import ModelSpec

CENTRAL_MASS = 0.999
"""A posterior median outside this central part of its prior is a contradiction."""

Z = float(ndtri((1 + CENTRAL_MASS) / 2))

DRAWS = 20_000


def check_prior_conflict(posterior: xr.Dataset, spec: ModelSpec) -> CheckResult:
    """Check that the posterior medians of law and noise scale lie where priors expected them.

    Parameters
    ----------
    posterior
        Draws of the coordinates, dims ``(chain, draw)``.
    spec
        The model.

    Returns
    -------
    CheckResult
        Table: posterior median and the central 99.9 % of the prior, by coordinate. It does not
        pass if a median lies outside.
    """
    tails = [(1 - CENTRAL_MASS) / 2, (1 + CENTRAL_MASS) / 2]
    rows = {}
    sampled = None
    # the shape of the noise is not judged: taking up tails heavier than expected is its purpose
    for coordinate in (*spec.law.coordinates, SIGMA):
        normal = spec.priors[coordinate.name].normal_on_link(coordinate)
        if normal is None:
            sampled = sampled or draw_priors(spec, np.random.default_rng(0), DRAWS)
            lower, upper = np.quantile(sampled[coordinate.name], tails)
        else:
            ends = np.array([normal[0] - Z * normal[1], normal[0] + Z * normal[1]])
            lower, upper = LINKS[coordinate.link].backward(ends)
        rows[coordinate.name] = {
            "median": float(np.median(posterior[coordinate.name])),
            "prior_lower": float(lower),
            "prior_upper": float(upper),
        }
    table = pd.DataFrame(rows).T
    outside = table[(table["median"] < table["prior_lower"])
                    | (table["median"] > table["prior_upper"])]  # fmt: skip
    if outside.empty:
        text = "Priors and data agree: posterior medians lie in the central 99.9 % of their priors."
        return CheckResult("prior conflict", True, text, table)
    listed = "; ".join(
        f"{name} is {row['median']:.3g}, where the prior says {row['prior_lower']:.3g} to "
        f"{row['prior_upper']:.3g} with 99.9 %"
        for name, row in outside.iterrows()
    )
    text = (
        f"PRIOR CONFLICT: {listed}. The data say otherwise, and neither is believed: widen the "
        "prior, or find out what is wrong with the runs."
    )
    return CheckResult("prior conflict", False, text, table)
