"""Link functions between a coordinate and the real line, with their Jacobians."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

type Transform = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class LinkFunctions:
    """A link to the real line and back, ``ln |d forward / d value|`` at a value, and the open
    bounds of the coordinate, also in words.
    """  # noqa: D205

    forward: Transform
    backward: Transform
    log_slope: Transform
    lower: float
    upper: float
    domain: str


LINKS: dict[str, LinkFunctions] = {
    "identity": LinkFunctions(
        lambda v: v, lambda u: u, np.zeros_like, -np.inf, np.inf, "any real number"
    ),
    "log": LinkFunctions(np.log, np.exp, lambda v: -np.log(v), 0.0, np.inf, "positive"),
    "logit": LinkFunctions(
        logit, expit, lambda v: -np.log(v) - np.log1p(-v), 0.0, 1.0, "between 0 and 1"
    ),
}
