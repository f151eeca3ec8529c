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

from bayesscale._least_squares import levenberg_marquardt
from bayesscale._types import Array
from bayesscale.checks import law_slopes
from bayesscale.inference.compiled import compile_surface
from bayesscale.model import LINKS, UNDERTRAINING, Posterior
from bayesscale.runs import Runs

RUNS_USED = 100
"""Surfaces are compared at no more runs than that, evenly chosen by compute."""

ITERATIONS = 40
"""Of Levenberg's and Marquardt's method; most draws take five."""

CONVERGED = 1e-3
"""Nats: a projection is found when a step lowers what is minimised by less."""

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

    def evaluate(moved: Array, draws: NDArray[np.intp]) -> tuple[Array, Array, Array]:
        """Return what is minimised at moves in prior standard deviations, with derivatives."""
        v = start[draws] + scale * moved
        c = on_law(v)
        if compiled is None:
            value = spec.law.log_loss(c, x, np)
            slopes = np.ascontiguousarray(law_slopes(spec.law, v.T[..., None], x).swapaxes(1, 2))
        else:
            others = {name: values[draws] for name, values in flat.c.items()}
            value, *by_coordinate = compiled(Posterior(spec, {**others, **c}), x)
            by_link = [
                by * np.exp(-LINKS[k.link].log_slope(c[k.name]))
                for by, k in zip(by_coordinate, coordinates, strict=True)
            ]
            slopes = np.stack(by_link, axis=1)
        residual = weight[draws] * (surface[draws] - value)
        slopes *= scale[:, None] * weight[draws, None]
        down = (slopes @ residual[..., None])[..., 0] - moved
        cost = ((residual**2).sum(axis=1) + (moved**2).sum(axis=1)) / 2
        return cost, down, slopes @ slopes.swapaxes(1, 2) + np.eye(len(scale))

    moved, converged, _ = levenberg_marquardt(
        evaluate, np.zeros_like(start), enough=CONVERGED, most=ITERATIONS
    )
    on = on_law(start + scale * moved)
    misfit = np.sqrt(np.mean((surface - spec.law.log_loss(on, x, np)) ** 2, axis=1))
    c = {name: values.reshape(shape) for name, values in on.items()}
    return Projection(c, misfit.reshape(shape), converged.reshape(shape))
