"""Losses without any noise: NUTS would crawl for minutes towards a noise of zero."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from bayesscale.errors import RunsError
from bayesscale.model import LINKS, ModelSpec
from bayesscale.runs import Runs

LEAST_NOISE = 1e-7
"""Of log loss. Losses in four digits, let alone two seeds, scatter a thousand times as much."""

EVALUATIONS = 100
"""Steps of the search for each coordinate: it converges quadratically where there is no noise."""


def check_noise(spec: ModelSpec, runs: Runs) -> None:
    """Refuse losses that are all equal, or that lie on the law itself.

    Raises
    ------
    RunsError
        If so.
    """
    observed = np.log(runs.loss / spec.reference["loss"])
    if len(runs) > 1 and np.ptp(observed) == 0:
        raise RunsError(
            f"All {len(runs)} losses are {runs.loss[0]:g} nats/token: there is no trend to fit. "
            "Check which column holds the loss."
        )
    coordinates = spec.law.coordinates
    if len(runs) <= len(coordinates) + 1:  # a law may pass through so few
        return
    x = spec.centred(runs)

    def residuals(u: NDArray[np.float64]) -> NDArray[np.float64]:
        c = {
            k.name: LINKS[k.link].backward(np.asarray(v))
            for k, v in zip(coordinates, u, strict=True)
        }
        return observed - spec.law.log_loss(c, x, np)

    start = np.array([spec.space.normals.get(k.name, (k.loc, 0))[0] for k in coordinates])
    try:
        with np.errstate(all="ignore"):
            found = least_squares(
                residuals, start, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12,
                max_nfev=EVALUATIONS * len(coordinates),
            )  # fmt: skip
    except ValueError:  # not finite somewhere: no such losses
        return
    scatter = float(np.sqrt(np.mean(found.fun**2)))
    if scatter < LEAST_NOISE:
        raise RunsError(
            f"The losses lie on the law {spec.law.name!r} to within {scatter:.0e} of themselves: "
            "they hold no noise of training, and a noise of zero cannot be sampled. If they are "
            "simulated, add noise as runs have it, such as loss * np.exp(0.003 * "
            "rng.normal(size=n)); if they were read off a fitted curve, fit the runs themselves."
        )
