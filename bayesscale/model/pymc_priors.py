"""Priors of the user's own choice, by the name of a PyMC distribution."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.distributions import continuous
from pymc.logprob.utils import ParameterValueError
from pytensor.configdefaults import config

from bayesscale._arguments import choice
from bayesscale._types import Array
from bayesscale.errors import PriorError, unknown_name
from bayesscale.model.priors import Prior

IMPROPER = {"Flat", "HalfFlat", "Interpolated"}  # nothing to draw from, and no evidence

FAMILIES: dict[str, Any] = {
    name: getattr(pm, name) for name in continuous.__all__ if name not in IMPROPER
}


def pymc_distribution(prior: Prior, coordinate: str, *, name: str | None = None) -> Any:
    """Return a prior as a PyMC variable of that name, or unnamed outside a model."""
    what = f"continuous PyMC distribution for the prior of {coordinate!r}"
    distribution = FAMILIES[choice(what, prior.family, sorted(FAMILIES))]
    _check_parameters(prior, coordinate, distribution)
    # PyTensor takes a plain 3.0 for a half-precision constant, and its gamma function with it
    parameters = {key: np.float64(value) for key, value in prior.parameters.items()}
    try:
        if name is None:
            return distribution.dist(**parameters)
        return distribution(name, **parameters)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise PriorError(
            f"PyMC does not accept {prior!r} as the prior of {coordinate}: {error}"
        ) from error


OPTIONS = {"args", "kwargs", "shape", "size", "dims", "rng", "no_assert"}

BOUNDS = {"TruncatedNormal": ("lower", "upper")}
"""Parameters that may be left out."""

ALTERNATIVES = {
    "Beta": 2, "Gamma": 2, "InverseGamma": 2, "Rice": 2, "Wald": 2, "AsymmetricLaplace": 3,
}  # fmt: skip
"""How many of the parameters that stand in for each other a family takes, if not one."""


def _check_parameters(prior: Prior, coordinate: str, distribution: Any) -> None:
    """Refuse misspelt, surplus and missing parameters, which PyMC fills with defaults."""
    named = inspect.signature(distribution.dist).parameters.values()
    defaults = {p.name: p.default for p in named if p.name not in OPTIONS}
    given, origin = set(prior.parameters), f"It was given in {prior!r}, the prior of {coordinate}."
    for name in given - set(defaults):
        raise PriorError(f"{unknown_name(f'parameter of {prior.family}', name, defaults)} {origin}")
    free = set(BOUNDS.get(prior.family, ()))
    either = {name for name, default in defaults.items() if default is None} - free
    missing = [name for name in defaults if name not in either | free | given]
    count = ALTERNATIVES.get(prior.family, 1) if either else 0
    if missing or len(either & given) != count:
        needs = [*(name for name in defaults if name not in either | free)]
        needs += [f"{count} of {', '.join(sorted(either))}"] if either else []
        raise PriorError(
            f"{prior.family} needs {' and '.join(needs)}: all of them and no others, because PyMC "
            f"would fill in what is missing. {origin}"
        )


@dataclass(frozen=True, eq=False)
class OwnPrior:
    """A prior that PyMC knows: its transform to the real line and back, density and start.

    PyMC is asked without optimising or compiling its small graphs.
    """

    prior: Prior
    coordinate: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array], Array]
    log_density: Callable[[Array], Array]
    initial: float

    @classmethod
    @config.change_flags(floatX="float64")
    def of(cls, prior: Prior, coordinate: str) -> OwnPrior:
        """Ask PyMC about a prior."""
        with pm.Model() as model:
            rv = pymc_distribution(prior, coordinate, name=coordinate)
        transform, value = model.rvs_to_transforms[rv], pt.dvector("value")
        return cls(
            prior, coordinate, _mapped(rv, transform and transform.forward),
            _mapped(rv, transform and transform.backward), _uncompiled(value, pm.logp(rv, value)),
            float(model.initial_point()[str(model.rvs_to_values[rv].name)]),
        )  # fmt: skip

    @config.change_flags(floatX="float64")
    def draw(self, rng: np.random.Generator, draws: int) -> Array:
        """Draw values, shape ``(draw,)``."""
        distribution = pymc_distribution(self.prior, self.coordinate)
        try:
            values = np.asarray(pm.draw(distribution, draws=draws, random_seed=rng))
            # the density checks its parameters, which drawing does not always do
            pm.logp(distribution, values[:1]).eval(mode="FAST_COMPILE")
        except (ValueError, ParameterValueError) as error:
            raise PriorError(
                f"PyMC cannot use {self.prior!r} as the prior of {self.coordinate}: its parameters "
                f"are not allowed ({error})."
            ) from error
        return values


def _uncompiled(argument: Any, result: Any) -> Callable[[Array], Array]:
    evaluate: Any = pm.pytensorf.compile([argument], result, mode="FAST_COMPILE")
    return lambda values: np.reshape(evaluate(np.ravel(values)), np.shape(values))


def _mapped(rv: Any, transform: Any) -> Callable[[Array], Array]:
    if transform is None:
        return lambda values: values
    value = pt.dvector("value")
    return _uncompiled(value, transform(value, *rv.owner.inputs))
