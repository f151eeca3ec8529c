"""Compile once per structure (law, discrepancy, noise, clusters, kinds of prior), then swap data.

Compiling costs seconds, sampling a second or two. So everything that changes from fit to fit is
an argument of the compiled density: the runs, their centre and spread, and the prior's numbers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray
from pytensor.gradient import grad
from pytensor.graph.replace import graph_replace

from bayesscale.laws import Law
from bayesscale.model.build import model_data, model_from
from bayesscale.model.checked_law import law_values
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class CompiledModel:
    """A log density on the unconstrained space of a model, with its gradient.

    ``density(u, *data)`` returns both, Jacobians and constants kept; ``data_names`` are the arrays
    that it depends on, in the order of its arguments.
    """

    data_names: tuple[str, ...]
    density: Callable[..., tuple[Array, Array]]

    def log_density(self, u: Array, data: Mapping[str, Array]) -> tuple[float, Array]:
        """Return the log posterior density (unnormalised) and its gradient at ``u``."""
        value, gradient = self.density(u, *(data[name] for name in self.data_names))
        return float(value), gradient


_compiled: dict[object, CompiledModel] = {}
_one_at_a_time = threading.Lock()


def is_compiled(spec: ModelSpec) -> bool:
    """Tell whether a model of this structure is ready in this process."""
    return _structure(spec) in _compiled


def compile_model(spec: ModelSpec, runs: Runs) -> CompiledModel:
    """Return the compiled density of a spec's structure, compiling it the first time.

    It is shared by all fits of the same structure in this process; any runs may be swapped in.
    """
    key = _structure(spec)
    with _one_at_a_time:  # PyTensor's graphs are not made for several threads
        if key not in _compiled:
            _compiled[key] = _compile(spec, runs)
    return _compiled[key]


def _structure(spec: ModelSpec) -> object:
    """Return what a compiled density depends on besides its data."""
    custom = tuple(
        (name, repr(prior)) for name, prior in spec.priors.items() if name not in spec.space.normals
    )
    return (
        _identity(spec.law), spec.discrepancy.name, spec.noise.name, spec.has_loss_se,
        spec.has_clusters, custom,
    )  # fmt: skip


def _identity(law: Law) -> object:
    """Return what tells laws apart: their class, their state, and what their formula gives."""
    slots = [name for kind in type(law).__mro__ for name in getattr(kind, "__slots__", ())]
    state = {name: getattr(law, name) for name in slots if hasattr(law, name)}
    state |= getattr(law, "__dict__", {})
    try:
        hashed: object = joblib.hash(state)
    except Exception:  # what cannot be pickled is its own and no other law's
        hashed = id(law)
    return type(law), hashed, tuple(law_values(law))


def _compile(spec: ModelSpec, runs: Runs) -> CompiledModel:
    model = model_from(spec, model_data(spec, runs))
    values = [model.rvs_to_values[rv] for rv in model.free_RVs]
    u: Any = pt.TensorType("float64", shape=(len(values),))("u")
    sampled = [u[i] for i in range(len(values))]
    exponents = spec.space.slopes.exponents_of(sampled, pt.softplus)
    written: Any = model.logp()
    log_density: Any = graph_replace(written, dict(zip(values, exponents, strict=True)))
    gradient: Any = grad(log_density, sampled)
    with model:
        function = pm.pytensorf.compile((u,), [log_density, pt.stack(gradient)], mode="NUMBA")
    return CompiledModel(
        data_names=tuple(variable.name for variable in function.get_shared()),
        # nutpie takes PyTensor's compiled function from the same place
        density=function.vm.jit_fn,
    )
