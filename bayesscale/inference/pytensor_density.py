"""The log density from PyMC's graph, for what is not traced and for whoever doubts the tracing."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.gradient import grad
from pytensor.graph.replace import graph_replace

from bayesscale.density import BoundDensity
from bayesscale.inference.c_function import CFunction
from bayesscale.inference.slopes import Slopes
from bayesscale.model.build import model_from
from bayesscale.model.data import model_data
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]
type OwnPrior = tuple[
    Callable[[Array], Array], Callable[[Array], Array], Callable[[Array, Array], Array], float
]


def compile_pytensor(
    spec: ModelSpec, runs: Runs, slopes: Slopes
) -> tuple[Callable[[Mapping[str, Array]], BoundDensity], dict[str, OwnPrior]]:
    """Compile PyMC's model of a spec.

    Parameters
    ----------
    spec
        The model in words.
    runs
        Runs to build it over; any others may be swapped in.
    slopes
        The shear between exponents and what is sampled.

    Returns
    -------
    bind
        From data to the log density over them.
    own
        For every coordinate whose prior is not normal on its link: forward, backward, log prior
        and initial value.
    """
    data = model_data(spec, runs)
    model, u, log_density, gradient = density_graph(spec, data, slopes)
    with model:
        function = pm.pytensorf.compile((u,), [log_density, gradient], mode="NUMBA")
    names = [variable.name for variable in function.get_shared()]
    # nutpie takes PyTensor's compiled function from the same place
    density = CFunction(function.vm.jit_fn, len(spec.coordinates), [data[n] for n in names])

    def bind(data: Mapping[str, Array]) -> BoundDensity:
        return density.bind([data[name] for name in names])

    own = {}
    for coordinate, rv in zip(spec.coordinates, model.free_RVs, strict=True):
        if spec.priors[coordinate.name].normal_on_link(coordinate) is None:
            transform = model.rvs_to_transforms[rv]
            start = float(model.initial_point()[model.rvs_to_values[rv].name])
            own[coordinate.name] = (
                _pymc_transform(rv, transform and transform.forward),
                _pymc_transform(rv, transform and transform.backward),
                _pymc_log_density(rv),
                start,
            )
    return bind, own


def density_graph(
    spec: ModelSpec, data: Mapping[str, Array], slopes: Slopes
) -> tuple[pm.Model, Any, Any, Any]:
    """Return PyMC's model, the unconstrained vector, its log density and the gradient."""
    model = model_from(spec, data)
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    u: Any = pt.TensorType("float64", shape=(len(values),))("u")
    sampled = [u[i] for i in range(len(values))]
    exponents = slopes.exponents_of(sampled, pt.softplus)
    written: Any = model.logp()
    log_density: Any = graph_replace(written, dict(zip(values, exponents, strict=True)))
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
