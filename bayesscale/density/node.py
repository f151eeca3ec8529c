"""A value in a graph, and the arithmetic that makes new ones of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bayesscale.density.graph import Graph

SCALAR, ROW, CLUSTER = "scalar", "row", "cluster"
CONSTANT, DATA, PARAMETER = 0, 1, 2

COUNTS = {ROW: "n_rows", CLUSTER: "n_clusters"}
"""Scalars of data that every graph has."""

MASKS = frozenset({"gt", "ge"})


class CannotTraceError(TypeError):
    """A formula does what a graph of elementary functions cannot hold."""


class Node:
    """A value in a graph; the same operation on the same nodes is the same node."""

    __slots__ = ("args", "axis", "graph", "known", "number", "op", "value")
    __array_ufunc__ = None  # NumPy's numbers leave the arithmetic to the node

    def __init__(
        self, graph: "Graph", op: str, args: tuple["Node", ...], value: Any, axis: str, known: int
    ) -> None:
        self.graph, self.op, self.args, self.value = graph, op, args, value
        self.axis, self.known = axis, known
        self.number = len(graph.nodes)

    def __repr__(self) -> str:
        inside = self.value if not self.args else ", ".join(f"#{a.number}" for a in self.args)
        return f"#{self.number}={self.op}({inside})"

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        raise CannotTraceError("a formula compares values with ==, which depends on the draw")

    def __bool__(self) -> bool:
        raise CannotTraceError("a formula branches on a value, which depends on the draw")

    def __float__(self) -> float:
        raise CannotTraceError("a formula turns a value into a plain number")

    def __add__(self, other: Any) -> "Node":
        return self.graph.add(self, self.graph.lift(other))

    def __sub__(self, other: Any) -> "Node":
        return self + -self.graph.lift(other)

    def __rsub__(self, other: Any) -> "Node":
        return self.graph.lift(other) + -self

    def __mul__(self, other: Any) -> "Node":
        return self.graph.multiply(self, self.graph.lift(other))

    def __truediv__(self, other: Any) -> "Node":
        return self * self.graph.reciprocal(self.graph.lift(other))

    def __rtruediv__(self, other: Any) -> "Node":
        return self.graph.lift(other) * self.graph.reciprocal(self)

    def __pow__(self, other: Any) -> "Node":
        return self.graph.power(self, self.graph.lift(other))

    def __rpow__(self, other: Any) -> "Node":
        return self.graph.power(self.graph.lift(other), self)

    def __neg__(self) -> "Node":
        return self.graph.multiply(self.graph.constant(-1.0), self.graph.lift(self))

    def __pos__(self) -> "Node":
        return self

    def __abs__(self) -> "Node":
        return self.graph.apply("abs", self)

    def __gt__(self, other: Any) -> "Node":
        return self.graph.apply("gt", self, other)

    def __ge__(self, other: Any) -> "Node":
        return self.graph.apply("ge", self, other)

    def __lt__(self, other: Any) -> "Node":
        return self.graph.apply("gt", other, self)

    def __le__(self, other: Any) -> "Node":
        return self.graph.apply("ge", other, self)

    __radd__, __rmul__ = __add__, __mul__


def is_given(node: Node) -> bool:
    """Tell whether a node depends on data alone: NumPy computes it, once a fit."""
    return node.known < PARAMETER


def needed(roots: list[Node], stop: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """Return roots and all that they are made of, in order; not what lies behind a stop."""
    seen: dict[int, Node] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.number not in seen:
            seen[node.number] = node
            if not stop(node):
                waiting.extend(node.args)
    return [seen[number] for number in sorted(seen)]
