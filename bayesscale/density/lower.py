"""Special functions in terms of arithmetic, exp, log and sqrt, which are all that is compiled."""

from functools import cache
from math import log, pi
from typing import Any

import numpy as np
from scipy import special

from bayesscale.density.graph import Graph, Node, is_given, needed

_SHIFT = 8
"""Gamma functions are taken from so far up, where their asymptotic series are exact."""

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


def lowered(roots: list[Node]) -> list[Node]:
    """Return nodes of the same values that are made of basic operations only."""
    down: dict[int, Node] = {}
    for node in needed(roots, is_given):
        args = node.args if is_given(node) else tuple(down[a.number] for a in node.args)
        if node.op in _SPECIAL and not is_given(node):
            down[node.number] = _SPECIAL[node.op](node.graph, *args)
        else:
            down[node.number] = node.graph.remade(node, args)
    return [down[root.number] for root in roots]


def _softplus(graph: Graph, x: Node) -> Node:
    return graph.apply("maximum", x, 0.0) + graph.apply("log1p", graph.apply("exp", -abs(x)))


def _sigmoid(graph: Graph, x: Node) -> Node:
    return graph.reciprocal(1 + graph.apply("exp", -x))


def _tanh(graph: Graph, x: Node) -> Node:
    small = _expm1(graph, 2 * x)
    return graph.apply("where", abs(x) > 20.0, graph.apply("where", x > 0.0, 1.0, -1.0),
                       small / (small + 2))  # fmt: skip


def _expm1(graph: Graph, x: Node) -> Node:
    """Correct e^x - 1 by how far the log of the rounded e^x is from x (after Kahan)."""
    y = graph.apply("exp", x)
    log_y = graph.apply("log", graph.apply("where", abs(x) > 1.0, 1.0, y))
    near = (y - 1) * x / graph.apply("where", abs(log_y) > 0.0, log_y, 1.0)
    near = graph.apply("where", abs(log_y) > 0.0, near, x)
    return graph.apply("where", abs(x) > 1.0, y - 1, near)


def _positive(graph: Graph, x: Node, value: Node) -> Node:
    return graph.apply("where", x > 0.0, value, np.nan)


def _gammaln(graph: Graph, x: Node) -> Node:
    z = x + _SHIFT
    inverse = 1 / z
    square = inverse * inverse
    series: Any = 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        series = series * square + _BERNOULLI[k - 1] / (2 * k * (2 * k - 1))
    product: Any = x
    for i in range(1, _SHIFT):
        product = product * (x + i)
    stirling = (z - 0.5) * graph.apply("log", z) - z + 0.5 * log(2 * pi) + series * inverse
    return _positive(graph, x, stirling - graph.apply("log", product))


def _digamma(graph: Graph, x: Node) -> Node:
    z = x + _SHIFT
    inverse = 1 / z
    square = inverse * inverse
    series: Any = 0.0
    for k in range(len(_BERNOULLI), 0, -1):
        series = (series + _BERNOULLI[k - 1] / (2 * k)) * square
    shifted = sum((1 / (x + i) for i in range(_SHIFT)), start=0.5 * inverse)
    return _positive(graph, x, graph.apply("log", z) - series - shifted)


_HALF_WAY = 3.0
"""Where the argument of erfcx is half way on its way to infinity."""


@cache
def _erfcx_coefficients() -> tuple[float, ...]:
    """Return Chebyshev coefficients of (1 + 2x) erfcx(x) in (x - 3) / (x + 3), for x ≥ 0."""

    def scaled(t: Any) -> Any:
        x = _HALF_WAY * (1 + t) / (1 - t)
        return (1 + 2 * x) * special.erfcx(x)

    return tuple(np.polynomial.chebyshev.chebinterpolate(scaled, 30))


def _erfcx_above(graph: Graph, x: Node) -> Node:
    """Return erfcx of what is not negative, by Clenshaw's recurrence."""
    t = 1 - 2 * _HALF_WAY / (x + _HALF_WAY)
    last, before = graph.constant(0.0), graph.constant(0.0)
    first, *others = _erfcx_coefficients()
    for coefficient in reversed(others):
        last, before = 2 * t * last - before + coefficient, last
    return (t * last - before + first) / (1 + 2 * x)


def _erfcx(graph: Graph, x: Node) -> Node:
    above = _erfcx_above(graph, abs(x))
    return graph.apply("where", x >= 0.0, above, 2 * graph.apply("exp", x * x) - above)


def _erfc(graph: Graph, x: Node) -> Node:
    above = graph.apply("exp", -(x * x)) * _erfcx_above(graph, abs(x))
    return graph.apply("where", x >= 0.0, above, 2 - above)


_SPECIAL: dict[str, Any] = {
    "softplus": _softplus, "sigmoid": _sigmoid, "tanh": _tanh, "expm1": _expm1,
    "gammaln": _gammaln, "digamma": _digamma, "erfc": _erfc, "erfcx": _erfcx,
}  # fmt: skip
