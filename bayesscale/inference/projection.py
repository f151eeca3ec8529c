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
from bayesscale.inference.compiled import compile_surface
from bayesscale.model import LINKS, UNDERTRAINING, Posterior
from bayesscale.runs import Runs

RUNS_USED = 100
"""Surfaces are compared at no more runs than that, evenly chosen by compute."""

ITERATIONS = 40
"""Of Levenberg's and Marquardt's method; most draws take five."""

CONVERGED = 1e-3
"""Nats: a projection is found when a step lowers what is minimised by less."""

STEP = 1e-4
"""Step of finite differences on the links' scale, where the law is not compiled."""

MANY = 20_000
"""Pairs of draw and run from which on compiling the law is worth its time."""


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
    compiled = compile_surface(spec, "law") if surface.size >= MANY else None

    def on_law(v: Array) -> dict[str, Array]:
        return {k.name: LINKS[k.link].backward(v[:, i, None]) for i, k in enumerate(coordinates)}

    def law(v: Array) -> Array:
        return spec.law.log_loss(on_law(v), x, np)

    def evaluate(moved: Array, draws: NDArray[np.intp]) -> tuple[Array, Array, Array, Array]:
        """Return misfit ``(draw,)`` at moves in prior standard deviations, what is minimised,
        minus its gradient ``(draw, coordinate)``, and its curvature after Gauss and Newton.
        """  # noqa: D205
        v, w = start[draws] + scale * moved, weight[draws]
        if compiled is None:
            value = law(v)
            steps = STEP * np.eye(len(scale))
            slopes = np.stack([(law(v + h) - law(v - h)) / (2 * STEP) for h in steps], axis=1)
        else:
            c = on_law(v)
            others = {name: values[draws] for name, values in flat.c.items()}
            value, *by_coordinate = compiled(Posterior(spec, {**others, **c}), x)
            by_link = [
                by * np.exp(-LINKS[k.link].log_slope(c[k.name]))
                for by, k in zip(by_coordinate, coordinates, strict=True)
            ]
            slopes = np.stack(by_link, axis=1)
        slopes *= scale[:, None] * w[:, None]
        missed = surface[draws] - value
        residual = w * missed
        down = (slopes @ residual[..., None])[..., 0] - moved
        information = slopes @ slopes.swapaxes(1, 2) + np.eye(len(scale))
        total = ((residual**2).sum(axis=1) + (moved**2).sum(axis=1)) / 2
        return np.sqrt(np.mean(missed**2, axis=1)), total, down, information

    moved = np.zeros_like(start)  # in prior standard deviations
    damping, todo = np.full(len(start), 1e-3), np.arange(len(start))
    converged = np.zeros(len(start), dtype=bool)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step too far is undone
        here = evaluate(moved, todo)
        misfit, total, down, information = here
        for _ in range(ITERATIONS):
            bend = np.einsum("dii->di", information[todo])[:, None] * np.eye(len(scale))
            damped = information[todo] + damping[todo, None, None] * bend
            tried = moved[todo] + np.linalg.solve(damped, down[todo, :, None])[..., 0]
            there = evaluate(tried, todo)
            gained = total[todo] - there[1]
            better = gained >= 0
            for values, new in zip((moved, *here), (tried, *there), strict=True):
                values[todo[better]] = new[better]
            damping[todo] *= np.where(better, 0.2, 8.0)
            done = better & (gained < CONVERGED)
            converged[todo[done]] = True
            todo = todo[~done]
            if not len(todo):
                break
    at = start + scale * moved
    c = {k.name: LINKS[k.link].backward(at[:, i]).reshape(shape) for i, k in enumerate(coordinates)}
    return Projection(c, misfit.reshape(shape), converged.reshape(shape))
