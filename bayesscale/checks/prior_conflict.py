"""Whether data and prior contradict each other."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bayesscale.checks.result import CheckResult
from bayesscale.errors import PriorWarning
from bayesscale.model import LINKS, SIGMA, Posterior

CENTRAL_MASS = 0.999
"""A posterior median outside this central part of its prior is a contradiction."""

Z = float(ndtri((1 + CENTRAL_MASS) / 2))

DRAWS = 20_000


def check_prior_conflict(posterior: Posterior) -> CheckResult:
    """Check that the posterior medians of law and noise scale lie in the central 99.9 % of their
    priors; a caution if one does not.
    """  # noqa: D205
    spec, tails = posterior.spec, [(1 - CENTRAL_MASS) / 2, (1 + CENTRAL_MASS) / 2]
    rows = {}
    drawn = None
    # the shape of the noise is not judged: taking up tails heavier than expected is its purpose
    for coordinate in (*spec.law.coordinates, SIGMA):
        if coordinate.name in spec.space.normals:
            mu, sigma = spec.space.normals[coordinate.name]
            ends = np.array([mu - Z * sigma, mu + Z * sigma])
            lower, upper = LINKS[coordinate.link].backward(ends)
        else:
            drawn = drawn or spec.space.draw(np.random.default_rng(0), DRAWS)
            lower, upper = np.quantile(drawn[coordinate.name], tails)
        rows[coordinate.name] = {
            "median": float(np.median(posterior.c[coordinate.name])),
            "prior_lower": float(lower),
            "prior_upper": float(upper),
        }
    table = pd.DataFrame(rows).T
    outside = table[(table["median"] < table["prior_lower"])
                    | (table["median"] > table["prior_upper"])]  # fmt: skip
    if outside.empty:
        text = "Priors and data agree: posterior medians lie in the central 99.9 % of their priors."
        return CheckResult("prior conflict", "ok", text, table, PriorWarning)
    listed = "; ".join(
        f"{name} is {row['median']:.3g}, where the prior says {row['prior_lower']:.3g} to "
        f"{row['prior_upper']:.3g} with 99.9 %"
        for name, row in outside.iterrows()
    )
    text = (
        f"PRIOR CONFLICT: {listed}. The data say otherwise, and neither is believed: widen the "
        "prior, or find out what is wrong with the runs."
    )
    return CheckResult("prior conflict", "caution", text, table, PriorWarning)
