"""In which order a graph is computed: scalars, then loops over rows and clusters, by stages.

What depends on a sum over rows belongs to the stage after their loop. With clusters there are three
loops: over rows for the sums of each cluster, over clusters, and over rows for the gradient. Only
what passes between rows and clusters is stored.
"""

from dataclasses import dataclass

from bayesscale.density.graph import CLUSTER, ROW, SCALAR, Node, is_given, needed

SUMS = frozenset({"total", "gathered", "spread"})
"""What is known a stage after its argument."""


@dataclass(frozen=True, slots=True)
class Loop:
    """One pass over rows or clusters: its nodes, its sums, and values kept for a later pass."""

    axis: str
    nodes: list[Node]
    totals: list[Node]
    gathered: list[Node]
    kept: list[Node]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is computed in which order.

    ``given``: by axis, the nodes that depend on data alone; ``stages``: scalars to compute, then
    loops; ``stored``: nodes with one value per cluster that pass between loops; ``outputs``: the
    scalars to return.
    """

    given: dict[str, list[Node]]
    stages: list[tuple[list[Node], list[Loop]]]
    stored: list[Node]
    outputs: list[Node]


def plan(outputs: list[Node]) -> Plan:
    """Put all that outputs need in order; constants need no place."""
    nodes = needed(outputs, is_given)
    given: dict[str, list[Node]] = {SCALAR: [], ROW: [], CLUSTER: []}
    at: dict[int, int] = {}
    for node in nodes:
        if is_given(node):
            at[node.number] = 0
            if node.op != "constant":
                given[node.axis].append(node)
        else:
            at[node.number] = max((at[a.number] for a in node.args), default=0) + (node.op in SUMS)
    computed = [n for n in nodes if not is_given(n)]
    stages = []
    for stage in range(max(at.values()) + 1):
        scalars = [n for n in computed if n.axis == SCALAR and n.op != "total"]
        sums = [n for n in computed if n.op in SUMS and at[n.args[0].number] == stage]
        stages.append(([n for n in scalars if at[n.number] == stage], _loops(sums)))
    stored = [n for _, loops in stages for loop in loops for n in (*loop.gathered, *loop.kept)]
    return Plan(given, stages, stored, outputs)


def _loops(sums: list[Node]) -> list[Loop]:
    """Return the loops in which all arguments of these sums are computed."""
    loops = []
    for axis in (ROW, CLUSTER):
        here = [n for n in sums if n.args[0].axis == axis]
        totals, gathered = ([n for n in here if n.op == op] for op in ("total", "gathered"))
        spread = [n.args[0] for n in here if n.op == "spread" and n.args[0].op != "gathered"]
        kept = list(dict.fromkeys(spread))
        roots = [n.args[0] for n in (*totals, *gathered)] + kept
        if roots:
            inside = needed(roots, lambda n: is_given(n) or n.axis == SCALAR or n.op in SUMS)
            nodes = [n for n in inside if n.axis == axis]
            loops.append(Loop(axis, nodes, totals, gathered, kept))
    return loops
