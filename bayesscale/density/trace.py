"""A model's log density as a graph: its formulas, called unchanged with nodes for numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from typing import Any

from bayesscale.density.derivative import gradient
from bayesscale.density.graph import CLUSTER, DATA, ROW, SCALAR, CannotTraceError, Graph, Node
from bayesscale.density.lower import lowered
from bayesscale.model import ModelSpec, Residuals, centred_name

UNARY = (
    "exp", "log", "log1p", "expm1", "sqrt", "abs", "tanh", "softplus", "sigmoid", "gammaln",
    "erfc", "erfcx",
)  # fmt: skip
BINARY = ("maximum", "minimum")


class Maths:
    """Stands in for ``numpy`` or ``pytensor.tensor`` in formulas; makes nodes of ``graph``."""

    pi = pi

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __getattr__(self, name: str) -> Any:
        if name in UNARY:
            return lambda a: self._graph.apply(name, a)
        if name in BINARY:
            return lambda a, b: self._graph.apply(name, a, b)
        raise CannotTraceError(f"a formula uses {name!r}, which is not traced")

    def where(self, condition: Any, yes: Any, no: Any) -> Node:
        """Return the one or the other by a comparison."""
        return self._graph.apply("where", condition, yes, no)

    def square(self, a: Any) -> Node:
        """Return a²."""
        return self._graph.lift(a) ** 2

    sqr = square  # PyTensor's name

    def power(self, a: Any, b: Any) -> Node:
        """Return a to the power of b."""
        return self._graph.lift(a) ** b

    pow = power

    def log10(self, a: Any) -> Node:
        """Return the decimal logarithm."""
        return self.log(a) / log(10)

    def logaddexp(self, a: Any, b: Any) -> Node:
        """Return ln(e^a + e^b)."""
        return self._graph.lift(a) + self.softplus(self._graph.lift(b) - a)

    def zeros_like(self, a: Any) -> float:
        """Return zero, which takes any shape."""
        return 0.0

    def ones_like(self, a: Any) -> float:
        """Return one, which takes any shape."""
        return 1.0


@dataclass(frozen=True, slots=True)
class Trace:
    """The unnormalised log density, and its gradient by the unconstrained parameters."""

    value: Node
    gradient: list[Node]

    @property
    def outputs(self) -> list[Node]:
        """Value and gradient in operations that can be compiled."""
        return lowered([self.value, *self.gradient])


def trace(spec: ModelSpec) -> Trace:
    """Trace the density over data of `model_data`; raise `CannotTraceError` where impossible."""
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
    on_link = spec.space.shear.inverse_in(u, spread, xp)
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
        residual, sigma=c["sigma"], se=graph.constant(0.0) if se is None else se,
        share=c["cluster_share"], size=size, xp=xp,
        sums=lambda rows: graph.gathered(graph.lift(rows), size),
    )  # fmt: skip
    return graph.total(graph.lift(spec.noise.density(together, c, xp)), CLUSTER)
