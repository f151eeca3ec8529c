"""Published models in a picture of splits: a mark for each, and its name beside the axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from bayesscale.forecast import landmark_models, runs_cost
from bayesscale.plots._axes import laid_out
from bayesscale.plots.style import ink, points
from bayesscale.runs import Runs

NAMES = 6.5
"""Points of the names in a paper."""

LINES = 1.15
"""Height of a line of names over the points of its text."""


def models_within(runs: Runs, low: float, high: float) -> pd.DataFrame:
    """Return the published models whose compute, as the runs count it, lies within two amounts,
    FLOP: index their names; ``flops``, ``params``, ``tokens``, ``tokens_per_param``.
    """  # noqa: D205
    table = landmark_models()
    params, tokens = table["params"].to_numpy(), table["tokens"].to_numpy()
    table = table.assign(
        flops=runs_cost(runs).flops(params, tokens), tokens_per_param=tokens / params
    )
    return table[table["flops"].between(low, high)].sort_values("flops")


def draw_landmarks(ax: Axes, table: pd.DataFrame, quantities: Sequence[str]) -> list[Annotation]:
    """Draw a mark for each model and quantity, and names to the right, level with the last one.

    Returns
    -------
    list
        The names, for `spread`: where they end up depends on how high the axes are.
    """
    for quantity in quantities:
        ax.plot(
            table["flops"], table[quantity], "^", color=ink(0.85), markersize=points(3),
            markeredgewidth=0, zorder=3.5,
        )  # fmt: skip
    leader = {
        "arrowstyle": "-", "relpos": (0, 0.5), "shrinkA": 0, "color": ink(0.4),
        "linewidth": points(0.4),
    }  # fmt: skip
    beside: Any = ax.get_yaxis_transform()
    # the letters of the curves stand between the axes and the names
    gap = 1.15 if len(quantities) > 1 else 1.04
    return [
        ax.annotate(
            str(name), (row["flops"], row[quantities[-1]]), xytext=(gap, row[quantities[-1]]),
            textcoords=beside, va="center", fontsize=points(NAMES), color=ink(0.75),
            arrowprops=leader, annotation_clip=False,
        )
        for name, row in table.iterrows()
    ]  # fmt: skip


def spread(ax: Axes, names: Sequence[Annotation]) -> None:
    """Move names up and down so that none covers another, in the order of their marks."""
    if not names:
        return
    height = laid_out(ax).height
    low, high = np.log(ax.get_ylim())
    ordered = sorted(names, key=lambda name: name.xy[1])
    wanted = (np.log([name.xy[1] for name in ordered]) - low) / (high - low)
    dpi = ax.figure.dpi
    step = LINES * points(NAMES) * dpi / 72 / height
    # pushed apart upwards, then back below the upper end: shares of the height
    order = np.arange(len(ordered))
    apart = np.maximum.accumulate(wanted - step * order) + step * order
    ends = 1 - step * (order[::-1] + 0.5)
    for name, at in zip(ordered, np.minimum(apart, ends), strict=True):
        name.set_position((name.get_position()[0], float(np.exp(low + at * (high - low)))))
