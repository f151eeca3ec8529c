"""How the log loss of a run scatters around the law."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from bayesscale.errors import DomainError, unknown_name
from bayesscale.laws.coordinates import Coordinate

SIGMA = Coordinate(
    "sigma", "log", log(0.006), 1.2, "log loss", "scale of a run's log loss around the law"
)
NU = Coordinate(
    "nu", "log", log(7.0), 0.8, "1", "degrees of freedom of the noise: small means heavy tails"
)


@dataclass(frozen=True, slots=True)
class Noise:
    """A noise distribution on log loss.

    Parameters
    ----------
    name
        Name by which ``fit(noise=...)`` knows it.
    distribution
        The PyMC distribution; it takes ``mu``, ``sigma`` and the coordinates but ``sigma``.
    coordinates
        Sampled quantities, ``sigma`` first.
    """

    name: str
    distribution: str
    coordinates: tuple[Coordinate, ...]

    def log_density(
        self,
        residual: NDArray[np.float64],
        scale: NDArray[np.float64],
        c: Mapping[str, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Return the log density of a residual of log loss, in NumPy.

        Parameters
        ----------
        residual
            Log loss minus the law's log loss.
        scale
            Scale of the noise, > 0, same shape.
        c
            Noise coordinates that broadcast with ``residual``.
        """
        z2 = (residual / scale) ** 2
        if "nu" not in c:
            return -0.5 * z2 - np.log(scale) - 0.5 * log(2 * np.pi)
        nu = c["nu"]
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        return constant - np.log(scale) - (nu + 1) / 2 * np.log1p(z2 / nu)

    def draw(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        c: Mapping[str, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Draw noise of a new run in log loss; coordinates broadcast to ``shape``."""
        if "nu" not in c:
            return c["sigma"] * rng.standard_normal(shape)
        return c["sigma"] * rng.standard_t(np.broadcast_to(c["nu"], shape))


NOISES: dict[str, Noise] = {
    noise.name: noise
    for noise in (
        Noise("student_t", "StudentT", (SIGMA, NU)),
        Noise("normal", "Normal", (SIGMA,)),
    )
}


def get_noise(noise: Any) -> Noise:
    """Return a noise by name.

    Raises
    ------
    UnknownNameError
        If no noise has that name.
    DomainError
        If ``noise`` is not a name.
    """
    if not isinstance(noise, str):
        raise DomainError(f"noise must be a name, one of {list(NOISES)}, not {noise!r}.")
    if noise not in NOISES:
        raise unknown_name("noise", noise, NOISES)
    return NOISES[noise]
