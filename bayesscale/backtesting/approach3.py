"""The state of practice: least squares for E + A N^-α + B D^-β, with a bootstrap around it.

Approach 3 of Hoffmann et al. (2022): Huber's loss on log loss, minimised by BFGS from several
starts. Its uncertainty, as tools of today give it, is that of refits to resampled runs, with a
residual of the fit added. For a law of one variable the same is done with one power: E + A x^-α.
"""

from itertools import product

import numpy as np
from scipy.optimize import minimize, nnls

from bayesscale._types import Array

DELTA = 1e-3
"""Residuals of log loss beyond this count by their size, not by their square."""

EXPONENTS = (0.15, 0.3, 0.5, 0.8)
"""Exponents to start from, in each variable."""

STARTS = 4
"""How many of the best starts are followed to their minimum."""

REFITS = 200
RESIDUALS_PER_REFIT = 10


def predict_by_bootstrap(
    x: Array, log_loss: Array, x_new: Array, rng: np.random.Generator, *, refits: int = REFITS
) -> Array:
    """Draw the log loss of new runs, shape ``(draw, new run)``, ten draws a refit.

    ``x`` and ``x_new`` are logs of inputs, shape ``(input, run)``; ``log_loss`` is of the fitted
    runs. Runs are resampled and refitted ``refits`` times.
    """
    centre = x.mean(axis=1, keepdims=True)
    x, x_new = x - centre, x_new - centre
    best = fit_power_laws(x, log_loss)
    residuals = log_loss - log_power_laws(best, x)
    n = len(log_loss)
    drawn = []
    for _ in range(refits):
        i = rng.integers(0, n, n)
        refitted = log_power_laws(_minimise(best, x[:, i], log_loss[i])[1], x_new)
        drawn.append(refitted + rng.choice(residuals, (RESIDUALS_PER_REFIT, x_new.shape[1])))
    return np.concatenate(drawn)


def fit_power_laws(x: Array, log_loss: Array) -> Array:
    """Fit a constant and one power of each input, logs about their means ``(input, run)``.

    Returns ln E, then ln A of each input, then its exponent.
    """
    found = [_minimise(start, x, log_loss) for start in _starts(x, log_loss)]
    return min(found, key=lambda pair: pair[0])[1]


def log_power_laws(theta: Array, x: Array) -> Array:
    """Return the log of the sum of the constant and the powers, shape ``(run,)``."""
    return np.logaddexp.reduce(_log_terms(theta, x), axis=0)


def _log_terms(theta: Array, x: Array) -> Array:
    k = len(x)
    powers = theta[1 : k + 1, None] - theta[k + 1 :, None] * x
    return np.vstack([np.full(x.shape[1], theta[0]), powers])


def _minimise(start: Array, x: Array, log_loss: Array) -> tuple[float, Array]:
    """Follow one start to its minimum: the objective and the coefficients there."""

    def objective(theta: Array) -> tuple[float, Array]:
        terms = _log_terms(theta, x)
        total = np.logaddexp.reduce(terms, axis=0)
        residual = total - log_loss
        clipped = np.clip(residual, -DELTA, DELTA)  # Huber's loss is clipped (r - clipped / 2)
        by_term = clipped / DELTA * np.exp(terms - total)
        gradient = np.r_[by_term.sum(axis=1), -(by_term[1:] * x).sum(axis=1)]
        return float(clipped @ (residual - clipped / 2) / DELTA), gradient

    end = minimize(
        objective, start, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": 2000}
    )
    return float(end.fun), end.x


def _starts(x: Array, log_loss: Array) -> list[Array]:
    """Solve for the amplitudes at every pair of exponents, and keep the best.

    Given the exponents the loss is linear in its amplitudes, none of which is negative. Dividing
    by the loss turns errors of loss into errors of log loss, to first order.
    """
    loss = np.exp(log_loss)
    found = []
    for exponents in product(EXPONENTS, repeat=len(x)):
        powers = np.exp(-np.array(exponents)[:, None] * x)
        basis = np.vstack([np.ones_like(loss), powers]) / loss
        amplitudes, misfit = nnls(basis.T, np.ones_like(loss))
        found.append((misfit, np.r_[np.log(np.maximum(amplitudes, 1e-3)), exponents]))
    found.sort(key=lambda pair: pair[0])
    return [start for _, start in found[:STARTS]]
