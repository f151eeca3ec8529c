"""The law that best describes a fitted surface over the runs.

With a discrepancy, a law's own coordinates describe its slopes at the centre of the runs only, and
its asymptote before the drift moves it. What people mean by E, alpha_N and alpha_D are those of
the law that comes closest to the surface where there are runs. So every draw's surface is
projected onto the law, by least squares of log loss over the runs; a draw that is the law itself
is its own projection. The excess of under-trained runs is an effect of its own and stays out.
"""

import numpy as np
from numpy.typing import NDArray

from bayesscale.model.discrepancy import UNDERTRAINING
from bayesscale.model.links import LINKS
from bayesscale.model.posterior import Posterior
from bayesscale.runs import Runs

type Array = NDArray[np.float64]

RUNS_USED = 100
"""Surfaces are compared at no more runs than that, evenly chosen by compute."""

ITERATIONS = 8

STEP = 1e-4
"""Step of finite differences on the links' scale."""

DAMPING = 1e-6
"""Share of the default prior's information: directions that no run teaches stay where they are."""

FARTHEST = 3.0
"""Largest move of a coordinate in one iteration, in default prior standard deviations."""


def project_on_law(posterior: Posterior, runs: Runs) -> dict[str, Array]:
    """Return the law's coordinates that come closest to the surface of every draw over the runs,
    each of the shape of the draws.
    """  # noqa: D205
    spec, coordinates = posterior.spec, posterior.spec.law.coordinates
    if not spec.discrepancy.coordinates(spec.law):
        return {k.name: posterior.c[k.name][..., 0] for k in coordinates}
    order = np.argsort(runs.flops, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(runs) - 1, RUNS_USED).astype(int))]
    x = {name: v[chosen] for name, v in spec.centred(runs).items()}
    shape, flat = posterior.shape, posterior.flat()
    no_excess = {UNDERTRAINING.name: np.zeros((1, 1))} if UNDERTRAINING.name in flat.c else {}
    surface = flat.replaced(**no_excess).relative_log_loss(x)

    def law(u: Array) -> Array:
        at = {k.name: LINKS[k.link].backward(u[:, i, None]) for i, k in enumerate(coordinates)}
        return spec.law.log_loss(at, x, np)

    scale = np.array([k.scale for k in coordinates])
    u = np.concatenate([LINKS[k.link].forward(flat.c[k.name]) for k in coordinates], axis=-1)
    for _ in range(ITERATIONS):  # Gauss-Newton, all draws at once
        value = law(u)
        slopes = np.stack(
            [
                (law(u + h) - law(u - h)) / (2 * STEP) * s
                for h, s in zip(STEP * np.eye(len(scale)), scale, strict=True)
            ],
            axis=-1,
        )
        information = np.einsum("dri,drj->dij", slopes, slopes)
        size = np.trace(information, axis1=1, axis2=2)[:, None, None]
        information = information + DAMPING * size * np.eye(len(scale))
        gradient = np.einsum("dri,dr->di", slopes, surface - value)
        move = np.linalg.solve(information, gradient[..., None])[..., 0]
        u = u + scale * np.clip(move, -FARTHEST, FARTHEST)
    return {
        k.name: LINKS[k.link].backward(u[:, i]).reshape(shape) for i, k in enumerate(coordinates)
    }
