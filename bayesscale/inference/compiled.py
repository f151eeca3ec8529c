"""Compile once per structure (law, discrepancy, noise, clusters, kinds of prior), then swap data.

Compiling costs seconds, sampling a second or two. So everything that changes from fit to fit is
an argument of the compiled density: the runs, their centre and spread, and the prior's numbers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.gradient import grad
from pytensor.graph.replace import graph_replace

from bayesscale.inference.slopes import Slopes
from bayesscale.model.build import model_data, model_from
from bayesscale.model.links import LINKS, LinkFunctions
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class CompiledModel:
    """A log density on the unconstrained space, with its gradient.

    Parameters
    ----------
    names
        Coordinates in the order of the unconstrained vector.
    slopes
        What that vector has in the place of exponents.
    data_names
        Arrays that the density depends on, in the order of its arguments.
    density
        ``density(u, *data) -> (log density, gradient)``, compiled; Jacobians and constants kept.
    forward, backward, log_prior
        For each coordinate: from the coordinate to the value of its link and back, and the log
        prior density of the coordinate, given its prior's ``(mu, sigma)``.
    initial
        Where chains start, before jitter, for coordinates whose prior is not normal on its link.
    """

    names: tuple[str, ...]
    slopes: Slopes
    data_names: tuple[str, ...]
    density: Callable[..., tuple[Array, Array]]
    forward: tuple[Callable[[Array], Array], ...]
    backward: tuple[Callable[[Array], Array], ...]
    log_prior: tuple[Callable[[Array, Array], Array], ...]
    initial: Mapping[str, float]

    def log_density(self, u: Array, data: Mapping[str, Array]) -> tuple[float, Array]:
        """Return the log posterior density (unnormalised) and its gradient at ``u``."""
        value, gradient = self.density(u, *(data[name] for name in self.data_names))
        return float(value), gradient

    def constrain(self, u: Array) -> dict[str, Array]:
        """Translate unconstrained draws, shape ``(..., coordinate)``, into coordinates."""
        u = self.slopes.to_exponents(u)
        return {
            name: backward(u[..., i])
            for i, (name, backward) in enumerate(zip(self.names, self.backward, strict=True))
        }

    def unconstrain(self, c: Mapping[str, Array]) -> Array:
        """Translate coordinates into unconstrained draws, shape ``(..., coordinate)``."""
        pairs = zip(self.names, self.forward, strict=True)
        return self.slopes.of_exponents(
            np.stack([forward(c[name]) for name, forward in pairs], axis=-1)
        )


_compiled: dict[object, CompiledModel] = {}


def is_compiled(spec: ModelSpec) -> bool:
    """Tell whether a model of this structure is ready in this process."""
    return _structure(spec) in _compiled


def compile_model(spec: ModelSpec, runs: Runs) -> CompiledModel:
    """Return the compiled density of a spec's structure, compiling it the first time.

    Parameters
    ----------
    spec
        The model in words.
    runs
        Runs to build it over; any others may be swapped in.

    Returns
    -------
    CompiledModel
        Shared by all fits of the same structure in this process.
    """
    key = _structure(spec)
    if key not in _compiled:
        _compiled[key] = _compile(spec, runs)
    return _compiled[key]


def _structure(spec: ModelSpec) -> object:
    """Return what a compiled density depends on besides its data."""
    custom = tuple(
        (c.name, repr(spec.priors[c.name]))
        for c in spec.coordinates
        if spec.priors[c.name].normal_on_link(c) is None
    )
    # laws without state of their own are told apart by their class, others one by one
    law = spec.law if vars(spec.law) else type(spec.law)
    return law, spec.discrepancy.name, spec.noise.name, spec.has_loss_se, spec.has_clusters, custom


def _compile(spec: ModelSpec, runs: Runs) -> CompiledModel:
    model = model_from(spec, model_data(spec, runs))
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    on_link = [spec.priors[k.name].normal_on_link(k) is not None for k in spec.coordinates]
    slopes = Slopes.of(spec.coordinates, on_link)
    u: Any = pt.TensorType("float64", shape=(len(values),))("u")
    sampled = [u[i] for i in range(len(values))]
    exponents = slopes.exponents_of(sampled, pt.softplus)
    written: Any = model.logp()
    log_density: Any = graph_replace(written, dict(zip(values, exponents, strict=True)))
    gradient: Any = grad(log_density, sampled)
    with model:
        function = pm.pytensorf.compile((u,), [log_density, pt.stack(gradient)], mode="NUMBA")
    shared = function.get_shared()

    forward, backward, log_prior, initial = [], [], [], {}
    for coordinate, rv, linked in zip(spec.coordinates, model.free_RVs, on_link, strict=True):
        if linked:
            link = LINKS[coordinate.link]
            forward.append(link.forward)
            backward.append(link.backward)
            log_prior.append(_normal_on_link_log_density(link))
        else:
            transform = model.rvs_to_transforms[rv]
            forward.append(_pymc_transform(rv, transform and transform.forward))
            backward.append(_pymc_transform(rv, transform and transform.backward))
            log_prior.append(_pymc_log_density(rv))
            value = model.rvs_to_values[rv].name
            initial[coordinate.name] = float(model.initial_point()[value])
    return CompiledModel(
        names=tuple(c.name for c in spec.coordinates),
        slopes=slopes,
        data_names=tuple(variable.name for variable in shared),
        # nutpie takes PyTensor's compiled function from the same place
        density=function.vm.jit_fn,
        forward=tuple(forward),
        backward=tuple(backward),
        log_prior=tuple(log_prior),
        initial=initial,
    )


def _normal_on_link_log_density(link: LinkFunctions) -> Callable[[Array, Array], Array]:
    def log_density(value: Array, hyperparameters: Array) -> Array:
        mu, sigma = hyperparameters
        z = (link.forward(value) - mu) / sigma
        return -0.5 * z**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi) + link.log_slope(value)

    return log_density


# A prior of the user's own choice: ask PyMC, without optimising or compiling the small graph.


def _uncompiled(argument: Any, result: Any) -> Callable[[Array], Array]:
    evaluate: Any = pm.pytensorf.compile([argument], result, mode="FAST_COMPILE")
    return lambda values: np.reshape(evaluate(np.ravel(values)), np.shape(values))


def _pymc_transform(rv: Any, transform: Any) -> Callable[[Array], Array]:
    if transform is None:
        return lambda values: values
    value = pt.dvector("value")
    return _uncompiled(value, transform(value, *rv.owner.inputs))


def _pymc_log_density(rv: Any) -> Callable[[Array, Array], Array]:
    value = pt.dvector("value")
    evaluate = _uncompiled(value, pm.logp(rv, value))
    return lambda values, _: evaluate(values)
