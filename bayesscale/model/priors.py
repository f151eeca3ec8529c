"""Priors on sampling coordinates: defaults, overrides, and descriptions in words."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from bayesscale._arguments import number, probability, shown
from bayesscale.errors import DomainError, PriorError, unknown_name
from bayesscale.laws import Coordinate

type Transform = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class LinkFunctions:
    """A link, its inverse and log slope, with the open bounds of the coordinate."""

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


NORMAL_ON_LINK = {"identity": "Normal", "log": "LogNormal", "logit": "LogitNormal"}
"""The PyMC distribution that is a normal on the scale of each link."""


@dataclass(frozen=True, init=False)
class Prior:
    """A prior on one coordinate: a PyMC distribution, or an interval and its mass.

    Parameters
    ----------
    family
        Name of a continuous, univariate PyMC distribution, such as ``"Beta"``.
    **parameters
        Its parameters, numbers.

    Raises
    ------
    PriorError
        If a parameter is not a finite number.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Prior("Beta", alpha=3, beta=6)
    Prior('Beta', alpha=3.0, beta=6.0)
    >>> bs.Prior.between(0.2, 0.5, mass=0.9)
    Prior.between(0.2, 0.5, mass=0.9)
    """

    family: str
    parameters: Mapping[str, float] = field(hash=False)

    def __init__(self, family: str, /, **parameters: float) -> None:
        if not isinstance(family, str):
            raise PriorError(
                f"A prior's family is the name of a PyMC distribution, not {shown(family)}. "
                'Write it as Prior("LogNormal", mu=-1.1, sigma=0.4).'
            )
        try:
            checked = {name: number(name, value) for name, value in parameters.items()}
        except DomainError as error:
            raise PriorError(
                f"Prior {family!r} needs numbers for its parameters. {error} "
                'Write it as Prior("LogNormal", mu=-1.1, sigma=0.4).'
            ) from error
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "parameters", MappingProxyType(checked))

    @classmethod
    def between(cls, lower: float, upper: float, *, mass: float = 0.95) -> "Prior":
        """State that the coordinate lies in an interval with a given probability.

        The prior is normal on the coordinate's own scale (log-normal for a positive one,
        logit-normal for a share), with equal probability on either side of the interval.

        Parameters
        ----------
        lower, upper
            The interval, within the coordinate's domain.
        mass
            Probability of the interval, in (0, 1).

        Returns
        -------
        Prior
            The prior.

        Raises
        ------
        PriorError
            If ``lower < upper`` or ``0 < mass < 1`` does not hold.
        """
        try:
            lower, upper = number("lower", lower), number("upper", upper)
            mass = probability("mass", mass)
        except DomainError as error:
            raise PriorError(f"{error} Write Prior.between(0.2, 0.5, mass=0.9).") from error
        if not lower < upper:
            raise PriorError(f"An interval needs lower < upper, but got {lower:g} and {upper:g}.")
        return cls("between", lower=lower, upper=upper, mass=mass)

    def __reduce__(self) -> tuple[Any, ...]:
        return Prior.from_dict, (self.as_dict(),)  # a read-only mapping cannot be pickled

    def __repr__(self) -> str:
        values = dict(self.parameters)
        if self.family == "between":
            return f"Prior.between({values['lower']}, {values['upper']}, mass={values['mass']})"
        listed = "".join(f", {name}={value}" for name, value in values.items())
        return f"Prior({self.family!r}{listed})"

    def as_dict(self) -> dict[str, Any]:
        """Return the family and parameters as plain JSON types."""
        return {"family": self.family, **self.parameters}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Prior":
        """Rebuild a prior from :meth:`as_dict`."""
        return cls(stored["family"], **{k: v for k, v in stored.items() if k != "family"})

    def normal_on_link(self, coordinate: Coordinate) -> tuple[float, float] | None:
        """Return mean and standard deviation on the link's scale, or None if not normal there."""
        if self.family == "between":
            return _normal_from_interval(self.parameters, coordinate)
        normal = self.family == NORMAL_ON_LINK[coordinate.link]
        if normal and set(self.parameters) == {"mu", "sigma"}:
            return self.parameters["mu"], self.parameters["sigma"]
        return None


def _normal_from_interval(
    interval: Mapping[str, float], coordinate: Coordinate
) -> tuple[float, float]:
    link = LINKS[coordinate.link]
    lower, upper = interval["lower"], interval["upper"]
    if not (lower > link.lower and upper < link.upper):
        raise PriorError(
            f"The prior of {coordinate.name} must lie in its domain ({link.domain}), but the "
            f"interval is ({lower}, {upper}). {coordinate.name} is the {coordinate.meaning}."
        )
    ends = link.forward(np.array([lower, upper]))
    half = ndtri(0.5 + interval["mass"] / 2)
    return float(ends.mean()), float((ends[1] - ends[0]) / (2 * half))


def default_prior(coordinate: Coordinate) -> Prior:
    """Return the default prior of a coordinate: normal on its link's scale."""
    return Prior(NORMAL_ON_LINK[coordinate.link], mu=coordinate.loc, sigma=coordinate.scale)


def resolve_priors(
    coordinates: Iterable[Coordinate], priors: Mapping[str, Prior] | None
) -> dict[str, Prior]:
    """Return a checked prior of every coordinate, in order, intervals as distributions."""
    by_name = {c.name: c for c in coordinates}
    if not isinstance(priors or {}, Mapping):
        raise PriorError(
            f'priors are given by name, such as {{"slope_N": bs.Prior.between(0.03, 0.1)}}, not as '
            f"{shown(priors)}."
        )
    for name, prior in (priors or {}).items():
        if name not in by_name:
            raise unknown_name(
                "prior", name, by_name,
                hint="Priors are set on sampling coordinates; E, A and B follow from them.",
            )  # fmt: skip
        if not isinstance(prior, Prior):
            raise PriorError(
                f"The prior of {name} is {prior!r}. Use Prior.between(lower, upper, mass=0.9), or "
                'name a PyMC distribution: Prior("LogNormal", mu=-1.1, sigma=0.4).'
            )
    resolved = {}
    for name, coordinate in by_name.items():
        prior = (priors or {}).get(name, default_prior(coordinate))
        normal = prior.normal_on_link(coordinate)
        if normal is not None:
            mu, sigma = normal
            if not sigma > 0:
                raise PriorError(f"The prior of {name} needs sigma > 0, not {sigma}.")
            prior = Prior(NORMAL_ON_LINK[coordinate.link], mu=mu, sigma=sigma)
        resolved[name] = prior
    return resolved


def central_interval(prior: Prior, coordinate: Coordinate) -> NDArray[np.float64] | None:
    """Return the central 95 % interval of a prior that is normal on the link, else None."""
    normal = prior.normal_on_link(coordinate)
    if normal is None:
        return None
    ends = normal[0] + normal[1] * ndtri([0.025, 0.975])
    return LINKS[coordinate.link].backward(np.asarray(ends))
