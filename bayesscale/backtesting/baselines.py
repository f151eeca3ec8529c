r"""What the law is compared with: least squares with a bootstrap, and split conformal.

Approach 3 of Hoffmann et al. (2022) is Huber's loss on log loss, minimised from several
starts. Its uncertainty is that of refits to resampled runs, with a residual of the fit added. For a
law of one variable there is one power: E + A x^-α.

Split conformal prediction on rolling folds takes its intervals from the errors of least squares
inside the fitted runs, where larger runs are predicted from smaller ones at the same reach, or at
the farthest that leaves enough runs. With errors :math:`|e_1|, \dots, |e_n|` of log loss, an
interval of probability p ends at

.. math:: \hat y \pm |e|_{(\lceil p (n + 1) \rceil)}

or at the largest of them. Were errors exchangeable, it would cover at least so often [1]_; they are
not quite, as reach grows.

References
----------
.. [1] Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), JASA 113(523), 1094-1111.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from bayesscale._least_squares import levenberg_marquardt
from bayesscale._types import Array

DELTA = 1e-3
"""Residuals of log loss beyond this count by their size, not by their square."""

EXPONENTS = (0.15, 0.3, 0.5, 0.8)
"""Exponents to start from, in each variable."""

STARTS = 4
"""How many of the best starts are followed to their minimum."""

ITERATIONS, ENOUGH = 500, 1e-8
"""A minimum is found when a step lowers Huber's loss by less, or after so many steps."""

REFITS = 200
RESIDUALS_PER_REFIT = 10


def predict_by_bootstrap(
    x: Array, log_loss: Array, x_new: Array, rng: np.random.Generator, *, refits: int = REFITS
) -> Array:
    """Draw log losses ``(draw, new run)`` of log inputs ``(input, run)``, ten draws a refit."""
    centre = x.mean(axis=1, keepdims=True)
    x, x_new = x - centre, x_new - centre
    best = fit_power_laws(x, log_loss)
    residuals = log_loss - log_power_laws(best, x)
    n = len(log_loss)
    times = np.stack(
        [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(refits)], dtype=float
    )
    refitted = _minimise(np.tile(best, (refits, 1)), x, log_loss, times)[1]
    drawn = [
        log_power_laws(theta, x_new)
        + rng.choice(residuals, (RESIDUALS_PER_REFIT, x_new.shape[1]))
        for theta in refitted
    ]  # fmt: skip
    return np.concatenate(drawn)


def fit_power_laws(x: Array, log_loss: Array) -> Array:
    """Return ln E, ln A of each input and its exponent, of log inputs about their means."""
    cost, theta = _minimise(_starts(x, log_loss), x, log_loss, np.ones_like(log_loss))
    return theta[np.argmin(cost)]


def log_power_laws(theta: Array, x: Array) -> Array:
    """Return the log of the sum of the constant and the powers, shape ``(run,)``."""
    return np.logaddexp.reduce(_log_terms(theta, x), axis=0)


def _log_terms(theta: Array, x: Array) -> Array:
    """Return logs of constant and powers, ``(..., term, run)``, of coefficients ``(..., 2k+1)``."""
    k = len(x)
    powers = theta[..., 1 : k + 1, None] - theta[..., k + 1 :, None] * x
    return np.concatenate([np.broadcast_to(theta[..., :1, None], powers[..., :1, :].shape), powers],
                          axis=-2)  # fmt: skip


def _minimise(start: Array, x: Array, log_loss: Array, times: Array) -> tuple[Array, Array]:
    """Return minima's costs and places from starts; runs count ``times``, ``(start or 1, run)``."""
    times = np.broadcast_to(times, (len(start), len(log_loss)))

    def evaluate(theta: Array, of: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        terms = _log_terms(theta, x)
        total = np.logaddexp.reduce(terms, axis=-2)
        residual = total - log_loss
        clipped = np.clip(residual, -DELTA, DELTA)  # Huber's loss is clipped (r - clipped / 2)
        cost = (times[of] * clipped * (residual - clipped / 2)).sum(axis=1) / DELTA
        share = np.exp(terms - total[:, None])
        slopes = np.concatenate([share, -share[:, 1:] * x], axis=1)
        # the square that touches it from above: each step lowers Huber's loss as well
        weighted = slopes * (times[of] / np.maximum(np.abs(residual), DELTA))[:, None]
        return cost, -(weighted @ residual[..., None])[..., 0], weighted @ slopes.swapaxes(1, 2)

    at, _, cost = levenberg_marquardt(evaluate, start, enough=ENOUGH, most=ITERATIONS)
    return cost, at


def _starts(x: Array, log_loss: Array) -> Array:
    """Solve for the amplitudes, in which the loss is linear, at all exponents; keep the best."""
    loss = np.exp(log_loss)
    starts = []
    for exponents in product(EXPONENTS, repeat=len(x)):
        powers = np.exp(-np.array(exponents)[:, None] * x)
        basis = np.vstack([np.ones_like(loss), powers]) / loss
        amplitudes, misfit = nnls(basis.T, np.ones_like(loss))
        starts.append((misfit, np.r_[np.log(np.maximum(amplitudes, 1e-3)), exponents]))
    starts.sort(key=lambda pair: pair[0])
    return np.stack([start for _, start in starts[:STARTS]])


RUNS_PER_COEFFICIENT = 2
"""Least squares is fitted to so many runs, and to half of all, or its errors are not used."""

DRAWS = 1000
"""Quantiles that serve as draws."""

ROUNDING = 1e-9
"""Budgets that differ by it alone count as one."""


def predict_by_conformal(
    x: Array, flops: Array, log_loss: Array, x_new: Array, flops_new: Array
) -> Array:
    """Return quantiles of log loss ``(quantile, new run)`` of log inputs, to serve as draws."""
    reach = float(flops_new.max() / flops.max())
    errors = np.sort(np.abs(_conformal_errors(x, flops, log_loss, reach)))
    n = len(errors)
    p = (np.arange(DRAWS // 2) + 0.5) / (DRAWS // 2)
    half = errors[np.minimum(np.ceil(p * (n + 1)).astype(int), n) - 1]
    middle = _predicted(x, log_loss, x_new)
    return middle + np.concatenate([-half[::-1], half])[:, None]


def _conformal_errors(x: Array, flops: Array, log_loss: Array, reach: float) -> Array:
    """Return observed minus predicted log loss over folds inside the fitted runs."""
    least = max(RUNS_PER_COEFFICIENT * (2 * len(x) + 1), len(flops) / 2)
    cuts = np.array([cut for cut in np.unique(flops) if (flops < cut).sum() >= least])
    errors, left = [], len(flops)
    if len(cuts):
        factor = min(reach, flops.max() / cuts[0])
        steps = np.log(flops.max() / cuts[0]) / np.log(factor) if factor > 1 else 0.0
        for fold in range(1, int(steps + ROUNDING) + 1):
            small = flops < flops.max() / factor**fold * (1 - ROUNDING)
            if small.sum() < left:
                left = int(small.sum())
                predicted = _predicted(x[:, small], log_loss[small], x[:, ~small])
                errors.append(log_loss[~small] - predicted)
    if not errors:  # the residuals of the fit are all that there is
        return log_loss - _predicted(x, log_loss, x)
    return np.concatenate(errors)


def _predicted(x: Array, log_loss: Array, x_new: Array) -> Array:
    centre = x.mean(axis=1, keepdims=True)
    return log_power_laws(fit_power_laws(x - centre, log_loss), x_new - centre)
