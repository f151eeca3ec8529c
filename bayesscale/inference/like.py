"""A sibling as a prior: the shape of another ladder's posterior, widened."""

from typing import Any

import numpy as np

from bayesscale._arguments import shown
from bayesscale.errors import DomainError
from bayesscale.inference.result import Fit
from bayesscale.laws import IRREDUCIBLE_SHARE, LEVEL, SLOPE_C, SLOPE_D, SLOPE_N
from bayesscale.model import LINKS, NORMAL_ON_LINK, ModelSpec, Posterior, Prior
from bayesscale.quantities import FLOPS, PARAMS, TOKENS

SIBLINGS = 1 / 3
"""How far siblings differ, in widths of default priors (``tests/benchmarks/siblings.py``)."""

STEP = 1e-3
"""Distance in the log of an input over which slopes are taken."""

SLOPES = {SLOPE_N.name: PARAMS.name, SLOPE_D.name: TOKENS.name, SLOPE_C.name: FLOPS.name}


def priors_like(sibling: Fit, spec: ModelSpec) -> dict[str, Prior]:
    """Return priors for a model from the posterior of another ladder, at the model's own centre.

    Slopes, irreducible share, exponents and noise are normal on the scale of their links with the
    posterior's mean and, as variance, its own plus that between siblings. The level and the steps
    of a drift keep their defaults: siblings differ in level, and steps lie elsewhere.
    """
    if not isinstance(sibling, Fit):
        raise DomainError(f"like must be a Fit, as bs.fit returns, not {shown(sibling)}.")
    law = sibling.law.name
    if law != spec.law.name:
        raise DomainError(
            f"like is a fit of the law {law!r}, but {spec.law.name!r} is to be fitted: pass "
            f"law={law!r}, or a fit of {spec.law.name!r}."
        )
    draws = _at_centre(sibling.posterior.flat(), spec)
    kept = {LEVEL.name, *(k.name for k in spec.discrepancy.coordinates(spec.law))}
    priors = {}
    for k in spec.coordinates:
        if k.name in draws and k.name not in kept:
            u = LINKS[k.link].forward(draws[k.name])
            sigma = min(k.scale, float(np.hypot(u.std(), SIBLINGS * k.scale)))
            priors[k.name] = Prior(NORMAL_ON_LINK[k.link], mu=float(u.mean()), sigma=sigma)
    return priors


def _at_centre(sibling: Posterior, spec: ModelSpec) -> dict[str, Any]:
    """Return draws of coordinates ``(draw,)``; what depends on the centre, at the model's own."""
    at = {name: np.array([spec.reference[name]]) for name in spec.law.quantities}

    def log_loss(name: str, step: float) -> Any:
        return sibling.log_loss(at | {name: at[name] * np.exp(step)})[:, 0]

    draws = {name: values[:, 0] for name, values in sibling.c.items()}
    for slope, name in SLOPES.items():
        if slope in draws:
            fall = log_loss(name, -STEP) - log_loss(name, STEP)
            draws[slope] = np.maximum(fall / (2 * STEP), np.finfo(float).tiny)
    if (share := IRREDUCIBLE_SHARE.name) in draws:
        log_law = sibling.spec.law.log_loss(sibling.c, sibling.spec.centred(at), np)[:, 0]
        draws[share] = draws[share] * draws[LEVEL.name] * np.exp(-log_law)
    return draws | {"sigma": sibling.noise_at(at)["sigma"][:, 0]}
