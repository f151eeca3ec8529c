"""Compile once per structure (law, discrepancy, noise, clusters, kinds of prior), then swap data.

What changes from fit to fit is an argument of the compiled density: the runs, their centre and
spread, and the prior's numbers. The density is fused from the model's formulas where they can be
traced; what cannot, such as a prior of PyMC's own, is compiled from PyMC's graph.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import joblib

from bayesscale._interrupts import interrupts_held
from bayesscale._types import Array
from bayesscale.density import BoundDensity, CannotTraceError, FusedDensity, trace
from bayesscale.laws import Law
from bayesscale.model import ModelSpec, law_values
from bayesscale.runs import Runs

type DensityKind = Literal["fused", "pytensor"]


@dataclass(frozen=True)
class CompiledModel:
    """A log density on the unconstrained space of a model, with its gradient.

    ``bind`` leads from data to the density over them, Jacobians and constants kept; ``note`` says
    why it is not the fused one.
    """

    bind: Callable[[Mapping[str, Array]], BoundDensity]
    kind: DensityKind
    note: str = ""


_compiled: dict[object, CompiledModel] = {}
_one_at_a_time = threading.Lock()


def is_compiled(spec: ModelSpec, density: DensityKind = "fused") -> bool:
    """Tell whether a model of this structure is ready in this process."""
    return (density, _structure(spec)) in _compiled


def compile_model(spec: ModelSpec, runs: Runs, density: DensityKind = "fused") -> CompiledModel:
    """Return the compiled density of a spec's structure, compiling it the first time.

    It is shared by all fits of the same structure in this process; any runs may be swapped in.
    """
    key = density, _structure(spec)
    with _one_at_a_time:  # PyTensor's graphs are not made for several threads
        if key not in _compiled:
            _compiled[key] = _compile(spec, runs, density)
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


def _compile(spec: ModelSpec, runs: Runs, density: DensityKind) -> CompiledModel:
    note = ""
    if density == "fused":
        try:
            return CompiledModel(FusedDensity(trace(spec)).bind, "fused")
        except CannotTraceError as reason:
            note = str(reason)
    with interrupts_held():  # brings PyMC: only now
        from bayesscale.inference.pytensor_density import compile_pytensor

    return CompiledModel(compile_pytensor(spec, runs), "pytensor", note)
