"""Draws and evidence of a density in a few coordinates, by adaptive importance sampling.

Newton's method finds the mode at every place of a knot; a Student-t distribution around it is
fitted once more to the weighted draws, and the last round's weights give draws and the evidence.
Some thousand evaluations are one array operation: no model is compiled.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp, softmax

from bayesscale._types import Array

type LogDensity = Callable[[Array, Array], Array]
"""Of points ``(point, coordinate)`` and the numbers of their places ``(point,)``."""

DF, WIDER, H, STEPS = 5.0, 1.3, 2e-3, 40


@dataclass(frozen=True)
class Explored:
    """Equally probable draws ``(draw, coordinate)`` with their places, and the log evidence."""

    u: Array
    place: Array
    log_evidence: float
    mcse: float
    ess: float


def explore(
    log_density: LogDensity, d: int, *, places: int, draws: int, rng: np.random.Generator
) -> Explored:
    """Explore a density of standard normal priors, and a uniform one over ``places``."""
    each = max(draws // places, 300)
    mean, cov = _modes(log_density, d, places)
    at, u, w = np.empty(0, dtype=int), np.empty(0), np.empty(0)
    for each in (max(each // 4, 20 * d), max(each // 4, 20 * d), each):
        at, root = np.repeat(np.arange(places), each), np.linalg.cholesky(cov)
        z = rng.standard_normal((places, each, d))
        z *= np.sqrt(DF / rng.chisquare(DF, (places, each, 1)))
        u = mean[:, None] + np.einsum("pij,pnj->pni", root, z)
        log_q = gammaln((DF + d) / 2) - gammaln(DF / 2) - d / 2 * np.log(DF * np.pi)
        log_q = log_q - (DF + d) / 2 * np.log1p((z**2).sum(-1) / DF)
        log_q -= np.log(np.diagonal(root, axis1=1, axis2=2)).sum(-1)[:, None]
        w = log_density(u.reshape(-1, d), at).reshape(places, each) - log_q
        p = np.stack([_tempered(each, 10 * (d + 1)) for each in w])
        mean = np.einsum("pn,pni->pi", p, u)
        apart = u - mean[:, None]
        cov = np.einsum("pn,pni,pnj->pij", p, apart, apart) * WIDER + 1e-9 * np.eye(d)
    log_w = w.ravel()
    log_evidence = float(logsumexp(log_w) - np.log(log_w.size))
    p = np.exp(log_w - logsumexp(log_w))
    ess = float(1 / (p**2).sum())
    chosen = np.searchsorted(np.cumsum(p), (np.arange(draws) + rng.uniform()) / draws)
    chosen = rng.permutation(np.minimum(chosen, p.size - 1))
    mcse = float(np.sqrt(max(1 / ess - 1 / p.size, 0.0)))
    return Explored(u.reshape(-1, d)[chosen], at[chosen], log_evidence, mcse, ess)


def _tempered(log_w: Array, least: float) -> Array:
    """Return normalised weights, flattened until so many draws are effective."""
    p = np.empty(0)
    for power in (1.0, 0.5, 0.25, 0.1, 0.0):
        p = softmax(power * log_w)
        if 1 / (p**2).sum() > least:
            break
    return p


def _modes(log_density: LogDensity, d: int, places: int) -> tuple[Array, Array]:
    """Return modes ``(place, coordinate)`` and covariances there, by damped Newton steps."""
    u, i, j = np.zeros((places, d)), *np.triu_indices(d, 1)
    unit = H * np.eye(d)
    stencil = np.concatenate([np.zeros((1, d)), unit, -unit, unit[i] + unit[j]])
    tries, precision = np.array([0.0, 0.03, 0.1, 0.3, 1.0]), np.empty(0)

    def values(points: Array) -> Array:
        where = np.repeat(np.arange(places), points.shape[1])
        return log_density(points.reshape(-1, d), where).reshape(places, -1)

    for _ in range(STEPS):
        f = values(u[:, None] + stencil)
        f0, up, down, both = np.split(f, [1, d + 1, 2 * d + 1], axis=1)
        gradient, precision = (up - down) / (2 * H), np.zeros((places, d, d))
        precision[:, i, j] = precision[:, j, i] = -(both - up[:, i] - up[:, j] + f0) / H**2
        precision[:, range(d), range(d)] = -(up + down - 2 * f0) / H**2
        value, vector = np.linalg.eigh(precision)
        precision = np.einsum("pij,pj,pkj->pik", vector, np.maximum(value, 0.3), vector)
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        step *= np.minimum(1, 2 / np.maximum(np.linalg.norm(step, axis=1), 1e-12))[:, None]
        path = u[:, None] + tries[:, None] * step[:, None]
        along = values(path)
        best = along.argmax(axis=1)
        u = path[range(places), best]
        if (along.max(axis=1) - along[:, 0] < 1e-3).all():
            break
    return u, np.linalg.inv(precision) * WIDER
