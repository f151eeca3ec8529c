"""A law whose posterior is normal, so that every score of it is known exactly."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import RunsWarning
from bayesscale.laws import LEVEL, Coordinate

SIGMA = 0.05
SLOPES = {"right": (-0.1, 0.02), "flat": (-0.08, 0.01), "vague": (-0.1, 0.2)}
"""Mean and standard deviation of the slope's prior."""


ONE_SCALE = {"sigma_slope_C": bs.Prior("Normal", mu=0, sigma=1e-6)}
"""All runs scatter alike, whatever their size."""


class Line(bs.Law):
    name = "line"
    inputs = ("tokens",)
    coordinates = (LEVEL, Coordinate("slope", "identity", -0.1, 0.2, "1", "slope in log tokens"))

    def log_loss(self, c, x, xp):
        return xp.log(c["level"]) + c["slope"] * x["tokens"]


@pytest.fixture(scope="session")
def runs():
    """A line of runs, and three of far more tokens, one of them far off."""
    rng = np.random.default_rng(3)
    tokens = np.concatenate([np.geomspace(1e9, 1e10, 12), [3e11, 6e11, 1e12]])
    log_loss = 1 - 0.1 * np.log(tokens / 3e10) + rng.normal(0, SIGMA, 15)
    log_loss[-1] += 5 * SIGMA
    frame = {"params": np.full(15, 1e8), "tokens": tokens, "loss": np.exp(log_loss),
             "curve": np.repeat(list("abcde"), 3)}  # fmt: skip
    return bs.Runs.from_frame(frame, group="curve")


@pytest.fixture(scope="session")
def fits(runs):
    known = {"sigma": bs.Prior("LogNormal", mu=np.log(SIGMA), sigma=1e-4)} | ONE_SCALE
    options = {"law": Line(), "noise": "normal", "discrepancy": None, "draws": 2000,
               "random_seed": 3, "progress": False}  # fmt: skip
    with pytest.warns(RunsWarning, match="Group 'curve'"):
        return {
            name: bs.fit(
                runs, priors=known | {"slope": bs.Prior("Normal", mu=mu, sigma=sd)},
                **options,
            )
            for name, (mu, sd) in SLOPES.items()
        }  # fmt: skip


def normal_of_losses(fit, name):
    """Mean and covariance of all log losses under the priors."""
    (mu, sd), reference = SLOPES[name], fit.spec.reference
    x = np.log(fit.runs.tokens / reference["tokens"])
    covariance = 0.3**2 + sd**2 * np.outer(x, x) + SIGMA**2 * np.eye(len(x))
    return np.log(reference["loss"]) + mu * x, covariance
