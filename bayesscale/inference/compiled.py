"""Compile once per structure (law, discrepancy, noise, clusters, kinds of prior), then swap data.

The density is fused from the model's formulas where they can be traced, else PyMC's.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bayesscale._interrupts import interrupts_held
from bayesscale._types import Array
from bayesscale.density import BoundDensity, CannotTraceError, FusedDensity, Surface, trace
from bayesscale.model import ModelSpec, Posterior
from bayesscale.runs import Runs

type DensityKind = Literal["fused", "pytensor"]


@dataclass(frozen=True)
class CompiledModel:
    """A log density with its gradient, bound to data; ``note``: why it is not fused."""

    bind: Callable[[Mapping[str, Array]], BoundDensity]
    kind: DensityKind
    note: str = ""


_compiled: dict[object, CompiledModel] = {}
_surfaces: dict[object, Surface | None] = {}
_one_at_a_time = threading.Lock()


def is_compiled(spec: ModelSpec, density: DensityKind = "fused") -> bool:
    """Return whether a model of this structure is ready in this process."""
    return (density, spec.structure) in _compiled


def compile_model(spec: ModelSpec, runs: Runs, density: DensityKind = "fused") -> CompiledModel:
    """Return the compiled density of a structure, which all fits in this process share."""
    key = density, spec.structure
    with _one_at_a_time:  # PyTensor's graphs are not made for several threads
        if key not in _compiled:
            _compiled[key] = _compile(spec, runs, density)
    return _compiled[key]


def compile_surface(spec: ModelSpec, by: Literal["", "sizes", "law"] = "") -> Surface | None:
    """Return the compiled surface of a spec; None where its formulas cannot be traced."""
    key = by, spec.structure
    with _one_at_a_time:
        if key not in _surfaces:
            try:
                _surfaces[key] = Surface(spec, by)
            except CannotTraceError:
                _surfaces[key] = None
    return _surfaces[key]


MANY_LOSSES = 1_000_000
"""Pairs of draw and target for which compiling the surface is worth its time."""


def log_loss_of(posterior: Posterior, inputs: Mapping[str, Array]) -> Array:
    """Return log loss of flat draws, ``(draw, target)``, in machine code where many."""
    targets = np.broadcast_shapes(*(np.shape(v) for v in inputs.values()))[-1]
    spec, surface = posterior.spec, None
    if len(posterior) * targets >= MANY_LOSSES:
        surface = compile_surface(spec)
    if surface is None:
        return posterior.log_loss(inputs)
    return np.log(spec.reference["loss"]) + surface(posterior, spec.centred(inputs))[0]


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
