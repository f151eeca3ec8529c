"""The log density from PyMC's graph, for formulas that cannot be traced.

PyTensor's function is compiled by numba with one address for its data, as samplers need it, so that
chains need not queue for the interpreter.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numba
import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numba import carray, types  # pyright: ignore[reportPrivateImportUsage]
from numba.extending import intrinsic
from pytensor.configdefaults import config
from pytensor.gradient import grad
from pytensor.graph.replace import graph_replace

from bayesscale._types import Array
from bayesscale.density import BoundDensity
from bayesscale.model import ModelSpec, model_data, model_from, spread_data
from bayesscale.runs import Runs

_NUMBERS = 3
"""What is said of each array: its address and up to two lengths."""


@intrinsic
def _pointer(context: Any, address: Any) -> Any:
    def write(_: Any, builder: Any, signature: Any, args: Any) -> Any:
        from numba.core.cgutils import voidptr_t

        return builder.inttoptr(args[0], voidptr_t)

    return types.voidptr(address), write


def _c_function(
    density: Callable[..., Any], n_dim: int, kinds: Sequence[tuple[int, np.dtype]]
) -> Any:
    """Compile ``(u, *arrays) -> (value, gradient)``, with ranks and types, for `BoundDensity`."""
    arrays = []
    for i, (rank, dtype) in enumerate(kinds):
        lengths = "".join(f"fields[{_NUMBERS * i + 1 + j}], " for j in range(rank))
        arrays.append(f"carray(pointer(fields[{_NUMBERS * i}]), ({lengths}), np.{dtype})")
    text = f"""
def call(dim, u, gradient, value, data):
    fields = carray(data, ({_NUMBERS * len(kinds)},))
    found, slope = density(carray(u, ({n_dim},)), {", ".join(arrays)})
    value[0] = found.item()
    finite = np.isfinite(value[0])
    for i in range({n_dim}):
        gradient[i] = slope[i]
        finite = finite and np.isfinite(slope[i])
    return 0 if finite else 4
"""
    namespace = {"carray": carray, "np": np, "pointer": _pointer, "density": density}
    exec(text, namespace)
    real = types.CPointer(types.float64)
    signature = types.int64(types.int64, real, real, real, types.CPointer(types.int64))
    return numba.cfunc(signature)(namespace["call"])


# whatever the user's settings are; with fastmath, code from numba's cache rounds unlike fresh code,
# and a seed gives other draws in the next process
@config.change_flags(floatX="float64", numba__fastmath=False)
def compile_pytensor(spec: ModelSpec, runs: Runs) -> Callable[[Mapping[str, Array]], BoundDensity]:
    """Compile PyMC's model of a spec, and return what leads from data to its log density."""
    data, n_dim = model_data(spec, runs), len(spec.coordinates)
    model, u, log_density, gradient = density_graph(spec, data)
    with model:
        function = pm.pytensorf.compile((u,), [log_density, gradient], mode="NUMBA")
    kinds = {v.name: (data[v.name].ndim, data[v.name].dtype) for v in function.get_shared()}
    # nutpie takes PyTensor's compiled function from the same place
    compiled = _c_function(function.vm.jit_fn, n_dim, list(kinds.values()))

    def bind(data: Mapping[str, Array]) -> BoundDensity:
        arrays = [
            np.array(data[name], dtype, order="C", ndmin=rank)
            for name, (rank, dtype) in kinds.items()
        ]
        fields = np.zeros((len(arrays), _NUMBERS), dtype=np.int64)
        for row, array in zip(fields, arrays, strict=True):
            row[: array.ndim + 1] = array.ctypes.data, *array.shape
        return BoundDensity(compiled.address, n_dim, fields, (compiled, arrays))

    return bind


def density_graph(spec: ModelSpec, data: Mapping[str, Array]) -> tuple[pm.Model, Any, Any, Any]:
    """Return PyMC's model, the unconstrained vector, its log density and the gradient."""
    model = model_from(spec, data)
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    u: Any = pt.TensorType("float64", shape=(len(values),))("u")
    sampled = [u[i] for i in range(len(values))]
    spread = {name: model[f"spread_{name}"] for name in spread_data(spec)}
    on_link = spec.space.shear.inverse_in(sampled, spread, pt)
    written: Any = model.logp()
    log_density: Any = graph_replace(written, dict(zip(values, on_link, strict=True)))
    gradient: Any = grad(log_density, sampled)
    return model, u, log_density, pt.stack(gradient)
