"""Stacking: the weights under which a mixture of predictions would have done best."""

import numpy as np
from scipy.optimize import minimize

from bayesscale._types import Array
from bayesscale.errors import DomainError

RESAMPLED = 100
"""Sets of observations that standard errors of weights are taken from."""

SMALLEST = 1e-300
"""Smallest density of one law relative to the best one's, which keeps logarithms finite."""


def stacking_weights(log_density: Array) -> Array:
    r"""Weigh predictions so that their mixture's log score is largest, shape ``(law,)``.

    ``log_density`` holds the log predictive density of each left-out observation under each law,
    nats, shape ``(observation, law)``; -inf where a law excludes it.

    .. math:: \max_w \sum_i \ln \sum_k w_k p_k(y_i | y_{-i}),
              \quad w_k \ge 0, \; \sum_k w_k = 1

    is a concave problem, solved by sequential quadratic programming and finished by a step of
    expectation maximisation, which stays on the simplex and never lowers the score: Yao, Vehtari,
    Simpson and Gelman (2018), Bayesian Analysis 13(3), eq. 4, doi:10.1214/17-BA1091.

    >>> stacking_weights(np.log([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.1, 0.9]])).round(3)
    array([0.812, 0.188])
    """
    best = log_density.max(axis=1, keepdims=True)
    if np.isnan(log_density).any() or not np.isfinite(best).all():
        raise DomainError(
            f"{int((~np.isfinite(best)).sum())} of {len(best)} observations have no finite log "
            "predictive density under any law, so no mixture can be scored on them."
        )
    relative = np.maximum(np.exp(log_density - best), SMALLEST)
    k = relative.shape[1]

    def loss(w: Array) -> tuple[float, Array]:
        mixed = np.maximum(relative @ w, SMALLEST)
        return -float(np.log(mixed).mean()), -(relative / mixed[:, None]).mean(axis=0)

    found = minimize(
        loss, np.full(k, 1 / k), jac=True, method="SLSQP", bounds=[(0, 1)] * k,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-14, "maxiter": 1000},
    )  # fmt: skip
    w = np.clip(found.x, 0, 1)
    w = -w * loss(w)[1]
    return w / w.sum()


def stacking_errors(log_density: Array, *, random_seed: int) -> Array:
    """Return standard errors of stacking weights, by resampling the observations."""
    rng = np.random.default_rng([random_seed, 4])
    n = len(log_density)
    weights = [stacking_weights(log_density[rng.integers(n, size=n)]) for _ in range(RESAMPLED)]
    return np.std(weights, axis=0)
