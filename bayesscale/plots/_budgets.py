"""The numbers along a compute axis."""

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError
from bayesscale.forecast.surface import positive_scalar

POINTS = 49
"""Points of a curve: nearly straight in logs, and costly where a law's optimum is solved for."""

BEYOND = 10.0
"""By default an axis ends this many times past the largest run that is shown."""


def sizes_up_to(shown: NDArray[np.float64], flops_max: float | None) -> NDArray[np.float64]:
    """Space sizes evenly in logs from the smallest of the runs shown to the end of the axis.

    Raises
    ------
    DomainError
        If ``flops_max`` is not one positive, finite number above the smallest run.
    """
    smallest = shown.min()
    if flops_max is None:
        return np.geomspace(smallest, BEYOND * shown.max(), POINTS)
    end = positive_scalar("flops_max", flops_max, "FLOP")
    if end <= smallest:
        raise DomainError(
            "flops_max must be above the compute of the smallest run, "
            f"{smallest:.3g} FLOP, not {flops_max!r}."
        )
    return np.geomspace(smallest, end, POINTS)
