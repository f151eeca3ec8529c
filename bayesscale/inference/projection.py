r"""The law that best describes a fitted surface over the runs.

With a discrepancy, a law's own coordinates describe slopes at the centre only. So every draw's
surface is projected onto the law that comes closest over the runs: the coordinates v minimise

.. math:: \frac{1}{2 \sigma^2} \sum_i \left( \ln L_{surface}(i) - \ln L_v(i) \right)^2
          + \frac12 \sum_k \left( \frac{v_k - u_k}{s_k} \right)^2

with the draw's own noise σ and coordinates u, on the scales of their links, and the widths s of
their priors. The excess of under-trained runs stays out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array
from bayesscale.model import LINKS, UNDERTRAINING, Posterior
from bayesscale.runs import Runs

RUNS_USED = 100
"""Surfaces are compared at no more runs than that, evenly chosen by compute."""

ITERATIONS = 40
"""Of Levenberg's and Marquardt's method; most draws take five."""

CONVERGED = 1e-3
"""Nats: a projection is found when a step lowers what is minimised by less."""

STEP = 1e-4
"""Step of finite differences on the links' scale."""


@dataclass(frozen=True)
class Projection:
    """Coordinates of the closest law by draw, its RMS ``misfit``, and where it was found."""

    c: dict[str, Array]
    misfit: Array
    converged: NDArray[np.bool_]


def project_on_law(posterior: Posterior, runs: Runs) -> Projection:
    """Find the law that comes closest to the surface of every draw over the runs."""
    spec, coordinates, shape = posterior.spec, posterior.spec.law.coordinates, posterior.shape
    if not spec.discrepancy.coordinates(spec.law):
        start = {k.name: posterior.c[k.name][..., 0] for k in coordinates}
        return Projection(start, np.zeros(shape), np.ones(shape, dtype=bool))
    order = np.argsort(runs.size, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(runs) - 1, RUNS_USED).astype(int))]
    x = {name: v[chosen] for name, v in spec.centred(runs).items()}
    flat = posterior.flat()
    no_excess = {UNDERTRAINING.name: np.zeros((1, 1))} if UNDERTRAINING.name in flat.c else {}
    surface = flat.replaced(**no_excess).relative_log_loss(x)
    weight = np.sqrt(len(runs) / len(chosen)) / spec.noise_at(flat.c, x, np)["sigma"]
    scale = np.array([spec.space.normals.get(k.name, (0.0, k.scale))[1] for k in coordinates])
    start = np.concatenate([LINKS[k.link].forward(flat.c[k.name]) for k in coordinates], axis=-1)

    def law(v: Array) -> Array:
        """Return the law's relative log loss, shape ``(draw, run)``, ``v`` steps from its draw."""
        at = {k.name: LINKS[k.link].backward(v[:, i, None]) for i, k in enumerate(coordinates)}
        return spec.law.log_loss(at, x, np)

    moved = np.zeros_like(start)  # in prior standard deviations
    damping, todo = np.full(len(start), 1e-3), np.arange(len(start))
    converged = np.zeros(len(start), dtype=bool)
    steps = STEP * np.eye(len(scale))
    residual = weight * (surface - law(start))
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step too far is undone
        for _ in range(ITERATIONS):
            at, w = start[todo] + scale * moved[todo], weight[todo]
            slopes = np.stack([w * (law(at + h) - law(at - h)) for h in steps], axis=-1)
            slopes *= scale / (2 * STEP)
            information = np.einsum("dri,drj->dij", slopes, slopes) + np.eye(len(scale))
            gradient = np.einsum("dri,dr->di", slopes, residual[todo]) - moved[todo]
            diagonal = np.einsum("dii->di", information)
            damped = (
                information + damping[todo, None, None] * np.eye(len(scale)) * diagonal[:, None]
            )
            move = np.linalg.solve(damped, gradient[..., None])[..., 0]
            tried = moved[todo] + move
            left = w * (surface[todo] - law(start[todo] + scale * tried))
            before = (residual[todo] ** 2).sum(axis=1) + (moved[todo] ** 2).sum(axis=1)
            gained = (before - (left**2).sum(axis=1) - (tried**2).sum(axis=1)) / 2
            better = gained >= 0
            moved[todo[better]], residual[todo[better]] = tried[better], left[better]
            damping[todo] *= np.where(better, 0.2, 8.0)
            done = better & (gained < CONVERGED)
            converged[todo[done]] = True
            todo = todo[~done]
            if not len(todo):
                break
    at = start + scale * moved
    c = {k.name: LINKS[k.link].backward(at[:, i]).reshape(shape) for i, k in enumerate(coordinates)}
    misfit = np.sqrt(np.mean((residual / weight) ** 2, axis=1))
    return Projection(c, misfit.reshape(shape), converged.reshape(shape))
