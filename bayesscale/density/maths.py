"""The namespace that formulas are traced with: functions of the same names build nodes."""

from math import log, pi
from typing import Any

from bayesscale.density.graph import Graph
from bayesscale.density.node import CannotTraceError, Node

UNARY = (
    "exp", "log", "log1p", "expm1", "sqrt", "abs", "tanh", "softplus", "sigmoid", "gammaln",
    "erfc", "erfcx",
)  # fmt: skip
BINARY = ("maximum", "minimum")


class Maths:
    """Stands in for ``numpy`` or ``pytensor.tensor`` where a formula asks for functions.

    Parameters
    ----------
    graph
        Where nodes are made.
    """

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

    def log2(self, a: Any) -> Node:
        """Return the binary logarithm."""
        return self.log(a) / log(2)

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
