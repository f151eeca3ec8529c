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
from numpy.typing import NDArray
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


class CFunction:
    """A density ``(u, *arrays) -> (value, gradient)`` by numba; ``like``: ranks and types."""

    def __init__(self, density: Callable[..., Any], n_dim: int, like: Sequence[NDArray]) -> None:
        self.n_dim, self._types = n_dim, [(a.ndim, a.dtype) for a in like]
        namespace = {"carray": carray, "np": np, "pointer": _pointer, "density": density}
        exec(self._text(), namespace)
        real = types.CPointer(types.float64)
        signature = types.int64(types.int64, real, real, real, types.CPointer(types.int64))
        self._compiled: Any = numba.cfunc(signature)(namespace["call"])

    def _text(self) -> str:
        arrays = []
        for i, (rank, dtype) in enumerate(self._types):
            lengths = "".join(f"fields[{_NUMBERS * i + 1 + j}], " for j in range(rank))
            arrays.append(f"carray(pointer(fields[{_NUMBERS * i}]), ({lengths}), np.{dtype})")
        return f"""
def call(dim, u, gradient, value, data):
    fields = carray(data, ({_NUMBERS * len(self._types)},))
    found, slope = density(carray(u, ({self.n_dim},)), {", ".join(arrays)})
    value[0] = found.item()
    finite = np.isfinite(value[0])
    for i in range({self.n_dim}):
        gradient[i] = slope[i]
        finite = finite and np.isfinite(slope[i])
    return 0 if finite else 4
"""

    def bind(self, arrays: Sequence[NDArray]) -> BoundDensity:
        """Return the density over arrays of the same ranks and types."""
        copies = [
            np.array(a, dtype, order="C", ndmin=n)
            for a, (n, dtype) in zip(arrays, self._types, strict=True)
        ]
        fields = np.zeros((len(copies), _NUMBERS), dtype=np.int64)
        for row, array in zip(fields, copies, strict=True):
            row[: array.ndim + 1] = array.ctypes.data, *array.shape
        return BoundDensity(self._compiled.address, self.n_dim, fields, (self, copies))


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
