"""The log density from PyMC's graph, for what is not traced and for whoever doubts the tracing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.replace import graph_replace

from bayesscale._types import Array
from bayesscale.density import BoundDensity
from bayesscale.inference.c_function import CFunction
from bayesscale.model import ModelSpec, model_data, model_from, spread_data
from bayesscale.runs import Runs


@config.change_flags(floatX="float64")  # whatever the user's settings say
def compile_pytensor(spec: ModelSpec, runs: Runs) -> Callable[[Mapping[str, Array]], BoundDensity]:
    """Compile PyMC's model of a spec, and return what leads from data to its log density."""
    data = model_data(spec, runs)
    model, u, log_density, gradient = density_graph(spec, data)
    with model:
        function = pm.pytensorf.compile((u,), [log_density, gradient], mode="NUMBA")
    names = [variable.name for variable in function.get_shared()]
    # nutpie takes PyTensor's compiled function from the same place
    density = CFunction(function.vm.jit_fn, len(spec.coordinates), [data[n] for n in names])

    def bind(data: Mapping[str, Array]) -> BoundDensity:
        return density.bind([data[name] for name in names])

    return bind


def density_graph(spec: ModelSpec, data: Mapping[str, Array]) -> tuple[pm.Model, Any, Any, Any]:
    """Return PyMC's model, the unconstrained vector, its log density and the gradient."""
    model = model_from(spec, data)
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    u: Any = pt.TensorType("float64", shape=(len(values),))("u")
    sampled = [u[i] for i in range(len(values))]
    spread = {name: model[f"spread_{name}"] for name in spread_data(spec)}
    on_link = spec.space.shear.undo_in(sampled, spread, pt)
    written: Any = model.logp()
    log_density: Any = graph_replace(written, dict(zip(values, on_link, strict=True)))
    gradient: Any = grad(log_density, sampled)
    return model, u, log_density, pt.stack(gradient)


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
