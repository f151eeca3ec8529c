"""Many least-squares problems of one kind, solved side by side."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bayesscale._types import Array

FLAT = 1e-12
"""Least curvature: an unknown that changes nothing is left alone."""


def levenberg_marquardt(
    evaluate: Callable[[Array, NDArray[np.intp]], tuple[Array, ...]], start: Array,
    *, enough: float, most: int,
) -> tuple[Array, NDArray[np.bool_], Array]:  # fmt: skip
    """Minimise from starts ``(problem, unknown)`` until a step lowers the cost by ``enough`` at
    most. Returns where the minima are, which were found in ``most`` steps, and their costs.

    ``evaluate`` takes unknowns of some problems with their places, and returns costs
    ``(problem,)``, minus their gradients ``(problem, unknown)``, and their curvatures, about.
    """  # noqa: D205
    at, damping, todo = start.copy(), np.full(len(start), 1e-3), np.arange(len(start))
    found = np.zeros(len(start), dtype=bool)
    eye = np.eye(start.shape[1])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step too far is undone
        here = evaluate(at, todo)
        cost, down, curvature = here
        for _ in range(most):
            diagonal = np.maximum(np.einsum("dii->di", curvature[todo]), FLAT)[:, None] * eye
            damped = curvature[todo] + damping[todo, None, None] * diagonal
            tried = at[todo] + np.linalg.solve(damped, down[todo, :, None])[..., 0]
            there = evaluate(tried, todo)
            gained = cost[todo] - there[0]
            better = gained >= 0
            for values, new in zip((at, *here), (tried, *there), strict=True):
                values[todo[better]] = new[better]
            damping[todo] = np.maximum(damping[todo] * np.where(better, 0.2, 8.0), FLAT)
            done = better & (gained < enough)
            found[todo[done]] = True
            todo = todo[~done]
            if not len(todo):
                break
    return at, found, cost
