"""The gradient of a scalar by its parameters, as nodes of the same graph."""

from collections.abc import Sequence
from math import pi, sqrt
from typing import Any

from bayesscale.density.graph import SCALAR, CannotTraceError, Graph, Node, is_given, needed


def gradient(of: Node, by: Sequence[Node], sizes: Node | None = None) -> list[Node]:
    """Return one derivative of scalar ``of`` per parameter; ``sizes``: rows of each cluster."""
    graph = of.graph
    zero = graph.constant(0.0)
    # what flows into a node, by the axis along which it must still be summed (none: SCALAR)
    flows: dict[int, dict[str, Node]] = {of.number: {SCALAR: graph.constant(1.0)}}
    result: dict[int, Node] = {}
    for node in reversed(needed([of], is_given)):
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
    args = node.args
    if node.op == "add":
        return [(a, slope) for a in args]
    if node.op == "multiply":
        return [(args[0], slope * args[1]), (args[1], slope * args[0])]
    if node.op == "where":
        condition, yes, no = args
        return [
            (yes, graph.apply("where", condition, slope, 0.0)),
            (no, graph.apply("where", condition, 0.0, slope)),
        ]
    if node.op in ("maximum", "minimum"):
        first = args[0] > args[1] if node.op == "maximum" else args[1] > args[0]
        return [
            (args[0], graph.apply("where", first, slope, 0.0)),
            (args[1], graph.apply("where", first, 0.0, slope)),
        ]
    if node.op == "total":
        return [(args[0], slope)]
    if node.op == "gathered":
        return [(args[0], graph.spread(slope))]
    if node.op == "spread":
        assert sizes is not None
        return [(args[0], graph.gathered(slope, sizes))]
    if node.op in ("gt", "ge"):
        return []
    return [(args[0], slope * _derivative(graph, node, args[0]))]


def _derivative(graph: Graph, y: Node, x: Node) -> Any:
    """Return dy/dx of an elementary function y of x."""
    match y.op:
        case "reciprocal":
            return -(y * y)
        case "exp":
            return y
        case "log":
            return 1 / x
        case "log1p":
            return 1 / (1 + x)
        case "expm1":
            return graph.apply("exp", x)
        case "sqrt":
            return 0.5 / y
        case "abs":
            return graph.apply("where", x >= 0.0, 1.0, -1.0)
        case "tanh":
            return 1 - y * y
        case "softplus":
            return graph.apply("sigmoid", x)
        case "sigmoid":
            return y * graph.apply("sigmoid", -x)
        case "gammaln":
            return graph.apply("digamma", x)
        case "erfc":
            return -2 / sqrt(pi) * graph.apply("exp", -(x * x))
        case "erfcx":
            return 2 * x * y - 2 / sqrt(pi)
    raise CannotTraceError(f"the derivative of {y.op!r} is not written down")
