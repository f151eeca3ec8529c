"""The numbers along a compute axis."""

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError
from bayesscale.forecast.surface import positive_1d

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
    end = positive_1d("flops_max", flops_max, "FLOP")
    if end.size != 1 or end[0] <= smallest:
        raise DomainError(
            "flops_max must be one number above the compute of the smallest run, "
            f"{smallest:.3g} FLOP, not {flops_max!r}."
        )
    return np.geomspace(smallest, end[0], POINTS)
