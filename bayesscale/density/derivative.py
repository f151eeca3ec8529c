"""The gradient of a scalar by its parameters, as nodes of the same graph."""

from collections.abc import Callable, Sequence
from functools import partial
from math import pi, sqrt
from typing import Any

from bayesscale.density.graph import SCALAR, CannotTraceError, Graph, Node, is_given, needed


def gradient(output: Node, by: Sequence[Node], sizes: Node | None = None) -> list[Node]:
    """Return one derivative of scalar ``output`` per parameter; ``sizes``: rows of each cluster."""
    graph = output.graph
    zero = graph.constant(0.0)
    # what flows into a node, by the axis along which it must still be summed (none: SCALAR)
    flows: dict[int, dict[str, Node]] = {output.number: {SCALAR: graph.constant(1.0)}}
    result: dict[int, Node] = {}
    for node in reversed(needed([output], is_given)):
        if is_given(node) or node.number not in flows:
            continue
        slope = zero
        for axis, flow in flows.pop(node.number).items():
            slope = slope + (flow if axis == SCALAR else graph.total(flow, axis))
        if node.op == "parameter":
            result[node.number] = slope
            continue
        for arg, flow in _passed_on(graph, node, slope, sizes):
            if is_given(arg):
                continue
            along = node.axis if node.axis != arg.axis and arg.axis == SCALAR else SCALAR
            into = flows.setdefault(arg.number, {})
            into[along] = into[along] + flow if along in into else flow
    return [result.get(p.number, zero) for p in by]


def _passed_on(
    graph: Graph, node: Node, slope: Node, sizes: Node | None
) -> list[tuple[Node, Node]]:
    """Return what a node's slope means for each of its arguments."""
    args, where = node.args, partial(graph.apply, "where")
    match node.op:
        case "add":
            return [(a, slope) for a in args]
        case "multiply":
            return [(args[0], slope * args[1]), (args[1], slope * args[0])]
        case "where":
            condition, yes, no = args
            return [(yes, where(condition, slope, 0.0)), (no, where(condition, 0.0, slope))]
        case "maximum" | "minimum":
            a, b = args
            first = a > b if node.op == "maximum" else b > a
            return [(a, where(first, slope, 0.0)), (b, where(first, 0.0, slope))]
        case "total":
            return [(args[0], slope)]
        case "gathered":
            return [(args[0], graph.spread(slope))]
        case "spread":
            assert sizes is not None
            return [(args[0], graph.gathered(slope, sizes))]
        case "gt" | "ge":
            return []
    if node.op not in _DERIVATIVES:
        raise CannotTraceError(f"the derivative of {node.op!r} is not written down")
    return [(args[0], slope * _DERIVATIVES[node.op](graph, node, args[0]))]


_DERIVATIVES: dict[str, Callable[[Graph, Node, Node], Any]] = {
    "reciprocal": lambda _, y, x: -(y * y),
    "exp": lambda _, y, x: y,
    "log": lambda _, y, x: 1 / x,
    "log1p": lambda _, y, x: 1 / (1 + x),
    "expm1": lambda graph, y, x: graph.apply("exp", x),
    "sqrt": lambda _, y, x: 0.5 / y,
    "abs": lambda graph, y, x: graph.apply("where", x >= 0.0, 1.0, -1.0),
    "tanh": lambda _, y, x: 1 - y * y,
    "softplus": lambda graph, y, x: graph.apply("sigmoid", x),
    "sigmoid": lambda graph, y, x: y * graph.apply("sigmoid", -x),
    "gammaln": lambda graph, y, x: graph.apply("digamma", x),
    "erfc": lambda graph, y, x: -2 / sqrt(pi) * graph.apply("exp", -(x * x)),
    "erfcx": lambda _, y, x: 2 * x * y - 2 / sqrt(pi),
}
"""dy/dx of elementary functions y of x."""
