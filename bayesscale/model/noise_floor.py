"""Losses without training noise, such as simulated ones: the standard error assumed for them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from bayesscale.errors import RunsError
from bayesscale.laws import SPLIT, get_law
from bayesscale.model.priors import LINKS
from bayesscale.model.spec import ModelSpec, specify
from bayesscale.runs import Runs

LEAST_NOISE = 1e-7
"""Of log loss: what floating-point numbers of 32 bits make."""

MOST_DIGITS = 4
"""Losses printed with more decimals are taken as exact to four."""

FROM_ROUNDING = 2.0
"""Losses that scatter less around a law than so many times their rounding hold no other noise."""

FLOOR = 0.003
"""Nats/token: about what runs that differ in their seed alone scatter by, and the least standard
error that is assumed. With a tenth of it, one chain in three did not mix."""

EVALUATIONS = 100
"""Steps of the search for each coordinate: it converges quadratically where there is no noise."""


def _rounding(loss: NDArray[np.float64]) -> float:
    """Return the standard error of rounding losses to the decimals that they are printed with."""
    digits = 1
    while digits < MOST_DIGITS and np.abs(loss - loss.round(digits)).max() > 1e-6:
        digits += 1
    return 10.0**-digits / np.sqrt(12)


def with_noise_floor(spec: ModelSpec, runs: Runs) -> tuple[ModelSpec, Runs]:
    """Add standard errors to losses without noise; refuse losses that are all equal."""
    if len(runs) > 1 and np.ptp(runs.loss) == 0:
        raise RunsError(
            f"All {len(runs)} losses are {runs.loss[0]:g} nats/token: there is no trend to fit. "
            "Check which column holds the loss."
        )
    if runs.loss_se is not None or not is_noise_free(spec, runs):
        return spec, runs
    se = np.full(len(runs), max(_rounding(runs.loss), FLOOR))
    table = runs.to_xarray().assign(loss_se=("run", se))
    return replace(spec, has_loss_se=True), Runs.from_xarray(table)


def has_noise_floor(spec: ModelSpec, runs: Runs) -> bool:
    """Return whether the standard errors of runs are those that `with_noise_floor` adds."""
    se = runs.loss_se
    if se is None or not np.all(se == max(_rounding(runs.loss), FLOOR)):
        return False
    return is_noise_free(spec, runs)


def is_noise_free(spec: ModelSpec, runs: Runs) -> bool:
    """Return whether losses lie on the law, or on the unified law, but for rounding."""
    least = max(LEAST_NOISE, FROM_ROUNDING * _rounding(runs.loss) / float(np.median(runs.loss)))
    if _scatter(spec, runs) < least:
        return True
    splits = set(SPLIT) <= set(spec.law.quantities)
    if not splits or len(runs) < len(get_law("unified").coordinates):
        return False
    return _scatter(specify(runs, law="unified", discrepancy=None), runs) < least


def _scatter(spec: ModelSpec, runs: Runs) -> float:
    """Return the SD around the closest law; infinite where it may pass through all runs."""
    coordinates = spec.law.coordinates
    spare = len(runs) - len(coordinates)
    if spare <= 1:
        return np.inf
    observed = np.log(runs.loss / spec.reference["loss"])
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
            solution = least_squares(
                residuals, start, method="lm", xtol=1e-12, ftol=1e-12, gtol=1e-12,
                max_nfev=EVALUATIONS * len(coordinates),
            )  # fmt: skip
    except ValueError:  # not finite somewhere: no such losses
        return np.inf
    return float(np.sqrt(np.sum(solution.fun**2) / spare))
