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
NU_MINUS_ONE = Coordinate(
    "nu_minus_one",
    "log",
    log(6.0),
    0.9,
    "1",
    "degrees of freedom of the noise above 1: small means heavy tails, and 0 that outliers "
    "have no mean",
)


@dataclass(frozen=True, slots=True)
class Noise:
    """A noise distribution on log loss.

    Parameters
    ----------
    name
        Name by which ``fit(noise=...)`` knows it.
    distribution
        The PyMC distribution; it takes ``mu``, ``sigma`` and the :meth:`shape`.
    coordinates
        Sampled quantities, ``sigma`` first.
    """

    name: str
    distribution: str
    coordinates: tuple[Coordinate, ...]

    def shape(self, c: Mapping[str, Any]) -> dict[str, Any]:
        """Return the distribution's parameters besides location and scale, from coordinates."""
        return {"nu": 1 + c["nu_minus_one"]} if NU_MINUS_ONE in self.coordinates else {}

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
        shape = self.shape(c)
        if not shape:
            return -0.5 * z2 - np.log(scale) - 0.5 * log(2 * np.pi)
        nu = shape["nu"]
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
        return constant - np.log(scale) - (nu + 1) / 2 * np.log1p(z2 / nu)

    def draw(
        self,
        rng: np.random.Generator,
        size: tuple[int, ...],
        c: Mapping[str, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Draw noise of a new run in log loss; coordinates broadcast to ``size``."""
        shape = self.shape(c)
        if not shape:
            return c["sigma"] * rng.standard_normal(size)
        return c["sigma"] * rng.standard_t(np.broadcast_to(shape["nu"], size))


NOISES: dict[str, Noise] = {
    noise.name: noise
    for noise in (
        Noise("student_t", "StudentT", (SIGMA, NU_MINUS_ONE)),
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
