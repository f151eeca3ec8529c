"""Compile once per structure (law, discrepancy, noise, clusters, kinds of prior), then swap data.

What changes from fit to fit is an argument of the compiled density: the runs, their centre and
spread, and the prior's numbers. The density is fused from the model's formulas where they can be
traced; what cannot, such as a prior of PyMC's own, is compiled from PyMC's graph.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bayesscale.density import CannotTraceError, FusedDensity, trace
from bayesscale.inference.slopes import Slopes
from bayesscale.model.links import LINKS, LinkFunctions
from bayesscale.model.spec import ModelSpec
from bayesscale.runs import Runs

type Array = NDArray[np.float64]
type DensityKind = Literal["fused", "pytensor"]


class BoundDensity(Protocol):
    """A log density over certain data.

    It may have an attribute ``native``: the address of a C function, the address of the data that
    it is called with, and what must live as long as they are used.
    """

    def __call__(self, u: Array, /) -> tuple[float, Array]:
        """Return the log density and its gradient at a point of shape ``(coordinate,)``."""
        ...


@dataclass(frozen=True)
class CompiledModel:
    """A log density on the unconstrained space, with its gradient.

    Parameters
    ----------
    names
        Coordinates in the order of the unconstrained vector.
    slopes
        What that vector has in the place of exponents.
    bind
        From data to the log density over them; Jacobians and constants kept.
    forward, backward, log_prior
        For each coordinate: from the coordinate to the value of its link and back, and the log
        prior density of the coordinate, given its prior's ``(mu, sigma)``.
    initial
        Where chains start, before jitter, for coordinates whose prior is not normal on its link.
    kind
        What was compiled: the fused density, or PyTensor's.
    note
        Why it is not the fused one.
    """

    names: tuple[str, ...]
    slopes: Slopes
    bind: Callable[[Mapping[str, Array]], BoundDensity]
    forward: tuple[Callable[[Array], Array], ...]
    backward: tuple[Callable[[Array], Array], ...]
    log_prior: tuple[Callable[[Array, Array], Array], ...]
    initial: Mapping[str, float]
    kind: DensityKind
    note: str = ""

    def log_density(self, u: Array, data: Mapping[str, Array]) -> tuple[float, Array]:
        """Return the log posterior density (unnormalised) and its gradient at ``u``.

        For many points, :attr:`bind` the data once.
        """
        return self.bind(data)(u)

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


def is_compiled(spec: ModelSpec, density: DensityKind = "fused") -> bool:
    """Tell whether a model of this structure is ready in this process."""
    return (density, _structure(spec)) in _compiled


def compile_model(spec: ModelSpec, runs: Runs, density: DensityKind = "fused") -> CompiledModel:
    """Return the compiled density of a spec's structure, compiling it the first time.

    Parameters
    ----------
    spec
        The model in words.
    runs
        Runs to build it over; any others may be swapped in.
    density
        ``"fused"`` where the formulas can be traced, or ``"pytensor"``.

    Returns
    -------
    CompiledModel
        Shared by all fits of the same structure in this process.
    """
    key = density, _structure(spec)
    if key not in _compiled:
        _compiled[key] = _compile(spec, runs, density)
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


def _compile(spec: ModelSpec, runs: Runs, density: DensityKind) -> CompiledModel:
    note = ""
    if density == "fused":
        try:
            return _fused(spec)
        except CannotTraceError as reason:
            note = str(reason)
    from bayesscale.inference.pytensor_density import compile_pytensor  # brings PyMC: only now

    slopes = slopes_of(spec)
    bind, own = compile_pytensor(spec, runs, slopes)
    maps: list[Any] = []
    for coordinate in spec.coordinates:
        linked = spec.priors[coordinate.name].normal_on_link(coordinate) is not None
        maps.append(_on_link(LINKS[coordinate.link]) if linked else own[coordinate.name][:3])
    forward, backward, log_prior = zip(*maps, strict=True)
    return CompiledModel(
        names=tuple(c.name for c in spec.coordinates),
        slopes=slopes,
        bind=bind,
        forward=forward,
        backward=backward,
        log_prior=log_prior,
        initial={name: start for name, (*_, start) in own.items()},
        kind="pytensor",
        note=note,
    )


def _fused(spec: ModelSpec) -> CompiledModel:
    slopes = slopes_of(spec)
    fused = FusedDensity(trace(spec, slopes))
    maps = [_on_link(LINKS[k.link]) for k in spec.coordinates]
    forward, backward, log_prior = zip(*maps, strict=True)
    return CompiledModel(
        names=tuple(c.name for c in spec.coordinates),
        slopes=slopes,
        bind=fused.bind,
        forward=forward,
        backward=backward,
        log_prior=log_prior,
        initial={},
        kind="fused",
    )


def slopes_of(spec: ModelSpec) -> Slopes:
    """Return the shear of a model's coordinates; those with priors of PyMC's own stay apart."""
    on_link = [spec.priors[k.name].normal_on_link(k) is not None for k in spec.coordinates]
    return Slopes.of(spec.coordinates, on_link)


def _on_link(link: LinkFunctions) -> tuple[Any, Any, Any]:
    """Return forward, backward and log prior of a coordinate with a prior normal on its link."""

    def log_density(value: Array, hyperparameters: Array) -> Array:
        mu, sigma = hyperparameters
        z = (link.forward(value) - mu) / sigma
        return -0.5 * z**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi) + link.log_slope(value)

    return link.forward, link.backward, log_density
