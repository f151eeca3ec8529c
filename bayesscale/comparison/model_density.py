"""A PyMC model and its draws, as a log density and points of the unconstrained space."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pytensor.graph.replace import clone_replace
from pytensor.tensor.shape import specify_shape

from bayesscale._types import Array
from bayesscale.errors import DomainError


def unconstrained(
    model: Any, draws: xr.DataTree | xr.Dataset | Array
) -> tuple[Callable[[Array], float], Array]:
    """Translate a model of continuous variables and its posterior for bridge sampling.

    Returns the log density of a point ``(dimension,)``, with all constants and Jacobians, and the
    draws as points, shape ``(chain, draw, dimension)``.
    """
    if not isinstance(model, pm.Model):
        raise DomainError(
            "Expected a PyMC model, or a log density that can be called with a point, not "
            f"{type(model).__name__}. For a fit, call bs.evidence(fit)."
        )
    if model.discrete_value_vars:
        raise DomainError(
            f"The evidence of discrete variables ({_named(model.discrete_value_vars)}) cannot be "
            "bridged: a density is needed. Sum them out of the model."
        )
    posterior = _posterior(draws)
    missing = [rv.name for rv in model.free_RVs if rv.name not in posterior]
    if missing:
        raise DomainError(
            f"The posterior lacks {', '.join(missing)}, which the model samples; it has "
            f"{', '.join(map(str, posterior.data_vars)) or 'no variables'}."
        )
    values = [
        np.asarray(posterior[rv.name].transpose("chain", "draw", ...), dtype=float)
        for rv in model.free_RVs
    ]
    shapes = model.eval_rv_shapes()
    for rv, value in zip(model.free_RVs, values, strict=True):
        if value.shape[2:] != tuple(shapes[rv.name]):
            raise DomainError(
                f"Draws of {rv.name} have shape {value.shape[2:]}, but the model samples it with "
                f"shape {tuple(shapes[rv.name])}. Pass the posterior of this very model."
            )
    n_chains, n_draws = values[0].shape[:2]
    to_point = _to_point(model)
    points = [
        to_point(*(v[chain, draw] for v in values))
        for chain in range(n_chains)
        for draw in range(n_draws)
    ]
    return _log_density(model), np.reshape(points, (n_chains, n_draws, -1))


def _posterior(draws: Any) -> xr.Dataset:
    if isinstance(draws, xr.DataTree) and "posterior" in draws.children:
        return draws["posterior"].to_dataset()
    if isinstance(draws, xr.Dataset) and {"chain", "draw"} <= set(draws.dims):
        return draws
    raise DomainError(
        "The draws of a PyMC model must be a DataTree with a group 'posterior', as pm.sample "
        f"returns, or a Dataset with chain and draw, not {type(draws).__name__}."
    )


def _to_point(model: pm.Model) -> Callable[..., Array]:
    """Compile the map from values of the free variables to a point."""
    given: dict[Any, Any] = {rv: rv.type() for rv in model.free_RVs}
    transformed = []
    for rv in model.free_RVs:
        transform = model.rvs_to_transforms[rv]
        # a transform may depend on other variables, as bounds do
        value = rv if transform is None else transform.forward(rv, *rv.owner.inputs)
        transformed.append(pt.flatten(value))
    point: Any = clone_replace(pt.concatenate(transformed), given)
    return pm.pytensorf.compile(list(given.values()), point, on_unused_input="ignore")


def _log_density(model: pm.Model) -> Callable[[Array], float]:
    """Compile the log density of a point."""
    u: Any = pt.dvector("u")
    start = model.initial_point()
    replaced, at = {}, 0
    for variable in model.value_vars:
        shape = np.shape(start[variable.name])
        size = int(np.prod(shape))
        replaced[variable] = specify_shape(u[at : at + size].reshape(shape), shape)
        at += size
    written: Any = model.logp()
    log_density: Any = clone_replace(written, replaced, rebuild_strict=False)
    evaluate: Any = pm.pytensorf.compile([u], log_density)
    return lambda point: float(evaluate(point))


def _named(variables: Any) -> str:
    return ", ".join(str(v.name) for v in variables)
