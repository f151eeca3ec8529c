"""Priors of the user's own choice, by the name of a PyMC distribution."""

from typing import Any

import numpy as np
import pymc as pm
from pymc.distributions import continuous

from bayesscale.errors import PriorError, unknown_name
from bayesscale.model.priors import Prior

IMPROPER = {"Flat", "HalfFlat", "Interpolated"}  # nothing to draw from, and no evidence

FAMILIES: dict[str, Any] = {
    name: getattr(pm, name) for name in continuous.__all__ if name not in IMPROPER
}


def pymc_distribution(prior: Prior, coordinate: str, *, name: str | None = None) -> Any:
    """Return a prior as a PyMC variable of that name, or unnamed outside a model.

    Raises
    ------
    UnknownNameError
        If PyMC has no such continuous distribution.
    PriorError
        If PyMC does not accept its parameters.
    """
    if prior.family not in FAMILIES:
        raise unknown_name(
            f"continuous PyMC distribution for the prior of {coordinate!r}",
            prior.family,
            sorted(FAMILIES),
        )
    distribution = FAMILIES[prior.family]
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
