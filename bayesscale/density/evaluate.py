"""The values of nodes in NumPy: once a fit for what depends on data alone, and for tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesscale._types import Array
from bayesscale.density.node import CLUSTER, COUNTS, Node, needed

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
    """Return the values of nodes.

    Parameters
    ----------
    nodes
        What is wanted.
    data
        The data by name, with the counts of rows and clusters.
    codes
        Number of each row's cluster, shape ``(row,)``.
    u
        The parameters, needed unless the nodes depend on data alone.

    Returns
    -------
    list
        Scalars, or arrays with one value a row or cluster.
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
