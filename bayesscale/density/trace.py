"""A model's log density as a graph: its formulas, called unchanged with nodes for numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from typing import Any

from bayesscale.density.derivative import gradient
from bayesscale.density.graph import Graph
from bayesscale.density.lower import lowered
from bayesscale.density.maths import Maths
from bayesscale.density.node import CLUSTER, DATA, ROW, SCALAR, CannotTraceError, Node
from bayesscale.model import ModelSpec, Residuals, centred_name


@dataclass(frozen=True, slots=True)
class Trace:
    """The log density of a model's parameters, with its gradient.

    Parameters
    ----------
    value
        The log posterior density, unnormalised by the evidence only.
    gradient
        Its derivatives by the unconstrained parameters.
    """

    value: Node
    gradient: list[Node]

    @property
    def outputs(self) -> list[Node]:
        """Value and gradient in operations that can be compiled."""
        return lowered([self.value, *self.gradient])


def trace(spec: ModelSpec) -> Trace:
    """Trace the density of a model over data by the names of `model_data`, as far as its formulas
    are made of elementary functions; what is not raises `CannotTraceError`.
    """  # noqa: D205
    for name, prior in spec.priors.items():
        if name not in spec.space.normals:
            raise CannotTraceError(f"the prior of {name} is {prior!r}")
    graph = Graph()
    xp = Maths(graph)
    try:
        value = _log_density(graph, xp, spec)
    except CannotTraceError:
        raise
    except Exception as error:
        raise CannotTraceError(f"the formula of {spec.law.name!r} gives {error!r}") from error
    parameters = [graph.parameter(i) for i in range(len(spec.coordinates))]
    sizes = graph.data("cluster_size", CLUSTER) if spec.has_clusters else None
    return Trace(value, gradient(value, parameters, sizes))


def _log_density(graph: Graph, xp: Maths, spec: ModelSpec) -> Node:
    u = [graph.parameter(i) for i in range(len(spec.coordinates))]
    backward = {"identity": lambda v: v, "log": xp.exp, "logit": xp.sigmoid}
    spread = {name: graph.data(f"spread_{name}", SCALAR) for name in spec.spread}
    on_link = spec.space.shear.undo_in(u, spread, xp)
    c = {k.name: backward[k.link](v) for k, v in zip(spec.coordinates, on_link, strict=True)}
    x = {name: graph.data(centred_name(name), ROW) for name in spec.law.quantities}
    law = graph.lift(spec.relative_log_loss(c, x, xp, spread=spread))
    observed = graph.data("log_loss_observed", ROW) - graph.data("log_loss_reference", SCALAR)
    likelihood = _log_likelihood(graph, xp, spec, spec.noise_at(c, x, xp), observed - law)
    return likelihood + _log_prior(graph, xp, on_link)


def _log_prior(graph: Graph, xp: Maths, u: Sequence[Node]) -> Node:
    """Return normal densities on the scale of the links, where Jacobians cancel."""
    constant, squares = graph.constant(0.0), graph.constant(0.0)
    for i, value in enumerate(u):
        mu, sigma = (graph.data(f"prior_{name}_{i}", SCALAR) for name in ("mu", "sigma"))
        constant = constant - xp.log(sigma) - 0.5 * log(2 * pi)
        squares = squares + ((value - mu) / sigma) ** 2
    assert constant.known <= DATA
    return constant - 0.5 * squares


def _log_likelihood(graph: Graph, xp: Maths, spec: ModelSpec, c: Any, residual: Node) -> Node:
    se = graph.data("log_loss_se", ROW) if spec.has_loss_se else None
    if not spec.has_clusters:
        scale = c["sigma"] if se is None else xp.sqrt(c["sigma"] ** 2 + se**2)
        alone = Residuals.alone(residual, scale, xp)
        return graph.total(graph.lift(spec.noise.density(alone, c, xp)), ROW)
    size = graph.data("cluster_size", CLUSTER)
    together = Residuals.together(
        residual,
        sigma=c["sigma"],
        se=graph.constant(0.0) if se is None else se,
        share=c["cluster_share"],
        size=size,
        sums=lambda rows: graph.gathered(graph.lift(rows), size),
        xp=xp,
    )
    return graph.total(graph.lift(spec.noise.density(together, c, xp)), CLUSTER)
