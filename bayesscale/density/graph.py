"""Expressions of a log density as a graph: every distinct value once, constants folded.

A formula is called with nodes in place of numbers. A node knows two things of its value: along
what it varies (nothing, the rows of the data, or their clusters), and when it is known (always,
with the data, or with the parameters).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesscale._types import Array

SCALAR, ROW, CLUSTER = "scalar", "row", "cluster"
CONSTANT, DATA, PARAMETER = 0, 1, 2

COUNTS = {ROW: "n_rows", CLUSTER: "n_clusters"}
"""Scalars of data that every graph has."""

MASKS = frozenset({"gt", "ge"})
_CHOICES = MASKS | {"where"}
"""Never folded: a comparison of constants stays one, as a choice needs it."""


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
    """Return whether a node depends on data alone: NumPy computes it, once a fit."""
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


_LARGEST_WRITTEN_POWER = 8


class Graph:
    """The nodes of one density, and the rules by which they are made."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[Any, ...], Node] = {}

    # Leaves.

    def constant(self, value: float) -> Node:
        """Return a number."""
        return self._node("constant", (), float(value), SCALAR, CONSTANT)

    def data(self, name: str, axis: str) -> Node:
        """Return what the data call by that name, a scalar or one value per row or cluster."""
        return self._node("data", (), name, axis, DATA)

    def parameter(self, index: int) -> Node:
        """Return the entry of the unconstrained vector at an index."""
        return self._node("parameter", (), index, SCALAR, PARAMETER)

    def lift(self, value: Any) -> Node:
        """Return a number or node as a node of numbers; a comparison counts 1 or 0."""
        if isinstance(value, Node):
            if value.graph is not self:
                raise CannotTraceError("a formula keeps values of another trace")
            return self.apply("where", value, 1.0, 0.0) if value.op in MASKS else value
        if isinstance(value, np.ndarray):
            if value.ndim:
                raise CannotTraceError(f"a formula holds an array of shape {value.shape}")
            value = value[()]
        if not isinstance(value, int | float | np.number | np.bool_):
            raise CannotTraceError(f"a formula holds a {type(value).__name__}, no number")
        return self.constant(float(value))

    # Operations.

    def apply(self, op: str, *values: Any) -> Node:
        """Return an elementary function of numbers and nodes."""
        masked = [isinstance(v, Node) and v.op in MASKS for v in values]
        if op == "where" and not masked[0]:
            chosen = values[0]
            if not isinstance(chosen, bool | np.bool_):
                raise CannotTraceError("where() takes a comparison of values first")
            return self.lift(values[1] if chosen else values[2])
        keep = op == "where"
        args = tuple(v if keep and i == 0 else self.lift(v) for i, v in enumerate(values))
        if op not in _CHOICES and all(a.op == "constant" for a in args):
            with np.errstate(all="ignore"):
                return self.constant(FUNCTIONS[op](*(np.float64(a.value) for a in args)))
        return self._node(op, args, None, _axis_of(args), max(a.known for a in args))

    def add(self, a: Node, b: Node) -> Node:
        """Return a sum, with what is scalar added up apart from what is not."""
        return self._apart("add", self._plus, a, b)

    def multiply(self, a: Node, b: Node) -> Node:
        """Return a product, with what is scalar multiplied apart from what is not."""
        return self._apart("multiply", self._times, a, b)

    def _apart(self, op: str, join: Callable[[Node, Node], Node], a: Node, b: Node) -> Node:
        a, b = _in_order(a, b)
        low_b, rest = self._split(op, b)
        if _kind(a) < _kind(b):
            low_a = a
        else:
            low_a, other = self._split(op, a)
            rest = join(other, rest)
        lows = [low for low in (low_a, low_b) if low is not None]
        if not lows:
            return rest
        return join(lows[0] if len(lows) == 1 else self._apart(op, join, *lows), rest)

    def _split(self, op: str, a: Node) -> tuple[Node | None, Node]:
        """Split a sum or product into what is of lower kind, if anything, and the rest."""
        if is_given(a) and a.axis != SCALAR:
            return None, a  # computed once a fit as it is
        if a.op == op and _kind(a.args[0]) < _kind(a):
            return a.args[0], a.args[1]
        return None, a

    def reciprocal(self, a: Node) -> Node:
        """Return 1 / a: divisions are products with it, so that they are shared."""
        if a.op == "reciprocal":
            return a.args[0]
        factor, rest = self._split("multiply", a)
        if factor is not None:
            return self.multiply(self.reciprocal(factor), self.reciprocal(rest))
        return self.apply("reciprocal", a)

    def power(self, a: Node, b: Node) -> Node:
        """Return a ** b by products and roots where the exponent is a number."""
        if b.op != "constant":
            return self.apply("exp", b * self.apply("log", a))
        exponent = float(b.value)
        if a.op == "constant":
            return self.constant(float(np.power(a.value, exponent)))
        if exponent < 0:
            return self.reciprocal(self.power(a, self.constant(-exponent)))
        whole = int(exponent) if exponent < _LARGEST_WRITTEN_POWER else 0
        rest = exponent - whole
        if rest not in (0.0, 0.5):
            return self.apply("exp", b * self.apply("log", a))
        result = self.apply("sqrt", a) if rest else self.constant(1.0)
        square, left = a, whole
        while left:
            if left % 2:
                result = self.multiply(result, square)
            left //= 2
            if left:
                square = self.multiply(square, square)
        return result

    # Along rows and clusters.

    def total(self, a: Node, axis: str) -> Node:
        """Return the sum over rows or clusters: a scalar, split where that saves work."""
        return self._reduced(
            "total", a, SCALAR, lambda scalar: self.data(COUNTS[axis], SCALAR) * scalar
        )

    def gathered(self, a: Node, size: Node) -> Node:
        """Return the sums over the rows of every cluster, whose sizes are a node."""
        return self._reduced("gathered", a, CLUSTER, lambda scalar: size * scalar)

    def spread(self, a: Node) -> Node:
        """Return the value of every row's cluster."""
        if a.axis == SCALAR:
            return a
        factor, rest = self._split("multiply", a)
        if factor is not None and factor.axis == SCALAR:
            return factor * self.spread(rest)
        return self._node("spread", (a,), None, ROW, a.known)

    def _reduced(self, op: str, a: Node, axis: str, of_scalar: Callable[[Node], Node]) -> Node:
        """Sum what is left of a node after scalar factors and scalar terms are taken out."""
        if a.axis == SCALAR:
            return of_scalar(a)
        factor, rest = self._split("multiply", a)
        if factor is not None and factor.axis == SCALAR:
            return factor * self._reduced(op, rest, axis, of_scalar)
        if a.op == "add" and any(
            t.axis == SCALAR or (t.op == "multiply" and t.args[0].axis == SCALAR) for t in a.args
        ):
            return self.add(*(self._reduced(op, t, axis, of_scalar) for t in a.args))
        return self._node(op, (a,), None, axis, a.known)

    # How nodes are made.

    def remade(self, node: Node, args: tuple[Node, ...]) -> Node:
        """Return the same operation on other nodes of the same axes; on its own, the node."""
        if all(a is b for a, b in zip(args, node.args, strict=True)):
            return node
        if node.op in ("add", "multiply", "reciprocal"):
            return getattr(self, node.op)(*args)
        if node.op in FUNCTIONS:
            return self.apply(node.op, *args)
        return self._node(node.op, args, node.value, node.axis, node.known)

    def _plus(self, a: Node, b: Node) -> Node:
        a, b = _in_order(a, b)
        if a.op == "constant":
            if a.value == 0.0:
                return b
            if b.op == "constant":
                return self.constant(a.value + b.value)
            if a.value == 1.0 and is_negated(b) and b.args[1].op == "sigmoid":
                return self.apply("sigmoid", -b.args[1].args[0])  # 1 - it, without cancellation
        return self._node("add", (a, b), None, _axis_of((a, b)), max(a.known, b.known))

    def _times(self, a: Node, b: Node) -> Node:
        a, b = _in_order(a, b)
        if a.op == "constant":
            if a.value == 1.0:
                return b
            if a.value == 0.0:
                return a
            if b.op == "constant":
                return self.constant(a.value * b.value)
        return self._node("multiply", (a, b), None, _axis_of((a, b)), max(a.known, b.known))

    def _node(self, op: str, args: tuple[Node, ...], value: Any, axis: str, known: int) -> Node:
        key = (op, *(a.number for a in args), _key(value))
        if key not in self._known:
            node = Node(self, op, args, value, axis, known)
            self.nodes.append(node)
            self._known[key] = node
        return self._known[key]


def _kind(a: Node) -> int:
    """Return 0 for constants, 1 for scalars, 2 for what varies along rows or clusters."""
    if a.op == "constant":
        return 0
    return 1 if a.axis == SCALAR else 2


def _in_order(a: Node, b: Node) -> tuple[Node, Node]:
    return (a, b) if (_kind(a), a.number) <= (_kind(b), b.number) else (b, a)


def is_negated(a: Node) -> bool:
    """Return whether a node is another one times -1."""
    return a.op == "multiply" and a.args[0].op == "constant" and a.args[0].value == -1.0


def _axis_of(args: tuple[Node, ...]) -> str:
    axes = {a.axis for a in args} - {SCALAR}
    if len(axes) > 1:
        raise CannotTraceError("a formula mixes values of rows and of clusters")
    return axes.pop() if axes else SCALAR


def _key(value: Any) -> Any:
    """Tell 0.0 from -0.0, and let nan equal itself."""
    return np.float64(value).tobytes() if isinstance(value, float) else value


FUNCTIONS: dict[str, Any] = {
    "add": np.add, "multiply": np.multiply, "reciprocal": lambda a: 1.0 / a,
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt,
    "abs": np.abs, "tanh": np.tanh, "maximum": np.maximum, "minimum": np.minimum,
    "gt": np.greater, "ge": np.greater_equal, "where": np.where,
    "softplus": lambda a: np.logaddexp(0.0, a), "sigmoid": special.expit,
    "gammaln": special.gammaln, "digamma": special.digamma,
    "erfc": special.erfc, "erfcx": special.erfcx,
}  # fmt: skip
"""Every function of the graph, in NumPy."""


def evaluate(
    nodes: Sequence[Node],
    data: Mapping[str, Array],
    codes: NDArray[np.int64] | None = None,
    u: Array | None = None,
) -> list[Any]:
    """Return the values of nodes: scalars, or arrays with one value per row or cluster.

    ``data`` includes the counts of rows and clusters; ``codes`` numbers each row's cluster; ``u``
    are the parameters, needed unless the nodes depend on data alone.
    """
    values: dict[int, Any] = {}
    with np.errstate(all="ignore"):
        for node in needed(list(nodes)):
            values[node.number] = _value(
                node, [values[a.number] for a in node.args], data, codes, u
            )
    return [values[node.number] for node in nodes]


def _value(
    node: Node, args: list[Any], data: Mapping[str, Array], codes: Any, u: Array | None
) -> Any:
    if node.op == "constant":
        return np.float64(node.value)
    if node.op == "data":
        return np.asarray(data[node.value], dtype=float)
    if node.op == "parameter":
        assert u is not None
        return u[node.value]
    if node.op == "total":
        return np.sum(args[0])
    if node.op == "gathered":
        return np.bincount(codes, weights=args[0], minlength=int(data[COUNTS[CLUSTER]]))
    if node.op == "spread":
        return args[0][codes]
    return FUNCTIONS[node.op](*args)
