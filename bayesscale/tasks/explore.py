"""Draws and evidence of a density in a few coordinates, by adaptive importance sampling.

A Student-t proposal at every place of a knot is fitted again and again to weighted draws, whose
weights are flattened until enough are effective: from the prior down to the posterior. The last
round, with many around some of the draws, gives draws and the evidence. Nothing is compiled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import gammaln, logsumexp, softmax

from bayesscale._types import Array

DF, WIDTH, ROUNDS, SETTLED, EACH, ENOUGH = 5.0, 0.5, 25, 3, 8, 500.0
NEGLIGIBLE = 12.0
"""Nats by which the mass at a place may be below the largest, to be left out."""

POWERS = 0.8 ** np.arange(60)
"""That flatten weights."""


@dataclass(frozen=True)
class Explored:
    """Equally probable draws ``(draw, coordinate)`` with their places, and the log evidence."""

    u: Array
    place: NDArray[np.intp]
    log_evidence: float
    ess: float


def explore(
    log_density: Callable[[Array, NDArray[np.intp]], Array], d: int, *, places: int, draws: int,
    rng: np.random.Generator,
) -> Explored:  # fmt: skip
    """Explore a density of points ``(point, coordinate)``, N(0, 1), and places ``(point,)``."""
    few, active = max(draws // places // 6, 40 * d), np.arange(places)
    centres, cov = np.zeros((places, 1, d)), np.tile(np.eye(d), (places, 1, 1))
    rounds, settled = 0, 0
    while True:
        n = few if settled < SETTLED else draws // len(active)
        root, each = np.linalg.cholesky(cov), range(len(active))
        z = rng.standard_normal((len(active), n, d))
        z *= np.sqrt(DF / rng.chisquare(DF, z.shape[:2]))[..., None]
        u = np.stack([c[rng.integers(len(c), size=n)] for c in centres])
        u += np.einsum("pij,pnj->pni", root, z)
        log_q = np.stack([_log_proposal(u[i], centres[i], root[i]) for i in each])
        at = np.repeat(active, n)
        w = log_density(u.reshape(-1, d), at).reshape(len(active), n) - log_q
        weights = softmax(w.ravel())
        ess, rounds = float(1 / (weights**2).sum()), rounds + 1
        if (settled >= SETTLED and ess > ENOUGH) or rounds > ROUNDS:
            break
        flat, mass = [_flattened(own, 6 * d) for own in w], logsumexp(w, axis=1)
        if flat[mass.argmax()][0] == 1:
            settled += 1
            kept = np.flatnonzero(mass > mass.max() - NEGLIGIBLE)
            u, flat, active = u[kept], [flat[i] for i in kept], active[kept]
        p = np.stack([p for _, p in flat])
        apart = u - np.einsum("pn,pni->pi", p, u)[:, None]
        cov = np.einsum("pn,pni,pnj->pij", p, apart, apart) * WIDTH + 1e-10 * np.eye(d)
        centres = np.stack([o[rng.choice(n, n // EACH, p=q)] for o, q in zip(u, p, strict=True)])
    chosen = np.searchsorted(np.cumsum(weights), (np.arange(draws) + rng.uniform()) / draws)
    chosen = rng.permutation(np.minimum(chosen, len(weights) - 1))
    log_evidence = float(logsumexp(w) - np.log(n * places))
    return Explored(u.reshape(-1, d)[chosen], at[chosen], log_evidence, ess)


def _log_proposal(u: Array, centres: Array, root: Array) -> Array:
    """Return the log density at points of Student-t distributions around centres, mixed."""
    d = u.shape[1]
    a, b = (solve_triangular(root, v.T, lower=True).T for v in (u, centres))
    z2 = cdist(a, b, "sqeuclidean")
    log_q = logsumexp(-(DF + d) / 2 * np.log1p(z2 / DF), axis=1) - np.log(len(centres))
    scale = np.log(np.diag(root)).sum() + d / 2 * np.log(DF * np.pi)
    return log_q - scale + gammaln((DF + d) / 2) - gammaln(DF / 2)


def _flattened(log_w: Array, least: float) -> tuple[float, Array]:
    """Return normalised weights, and the largest power of them with so many effective draws."""
    p = softmax(POWERS[:, None] * log_w, axis=1)
    first = int((1 / (p**2).sum(axis=1) > least).argmax())
    return POWERS[first], p[first]
