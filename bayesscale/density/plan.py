"""In which order a graph is computed: scalars, then loops over rows and clusters, by stages.

What depends on a sum over rows belongs to the stage after their loop. With clusters there are three
loops: over rows for the sums of each cluster, over clusters, and over rows for the gradient. Only
what passes between rows and clusters is stored.
"""

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Stage:
    scalars: list[Node] = field(default_factory=list)
    totals: list[Node] = field(default_factory=list)
    gathered: list[Node] = field(default_factory=list)
    kept: list[Node] = field(default_factory=list)


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
    stages = [_Stage() for _ in range(max(at.values()) + 1)]
    for node in nodes:
        if is_given(node):
            continue
        if node.op == "total":
            stages[at[node.args[0].number]].totals.append(node)
        elif node.op == "gathered":
            stages[at[node.args[0].number]].gathered.append(node)
        elif node.op == "spread" and node.args[0].op != "gathered":
            kept = stages[at[node.args[0].number]].kept
            if all(node.args[0] is not k for k in kept):
                kept.append(node.args[0])
        elif node.axis == SCALAR:
            stages[at[node.number]].scalars.append(node)
    loops = [(s.scalars, _loops(s)) for s in stages]
    stored = [n for s in stages for n in (*s.gathered, *s.kept)]
    return Plan(given, loops, stored, outputs)


def _loops(stage: _Stage) -> list[Loop]:
    loops = []
    for axis in (ROW, CLUSTER):
        totals = [n for n in stage.totals if n.args[0].axis == axis]
        gathered = stage.gathered if axis == ROW else []
        kept = stage.kept if axis == CLUSTER else []
        roots = [n.args[0] for n in (*totals, *gathered)] + kept
        if roots:
            inside = needed(roots, lambda n: is_given(n) or n.axis == SCALAR or n.op in SUMS)
            nodes = [n for n in inside if n.axis == axis]
            loops.append(Loop(axis, nodes, totals, gathered, kept))
    return loops
