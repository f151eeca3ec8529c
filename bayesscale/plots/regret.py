"""Excess compute of plans over the best run of the same cost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale._format import percent
from bayesscale.forecast import Regret
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Legend
from bayesscale.plots.style import blend, ink, palette, points

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class RegretData:
    """What :func:`plot_regret` draws.

    ``excess_compute``: one row per plan: quantiles of the share of its cost that the best run of
    the same loss would save, columns .05 to .95; ``expected_regret`` (nats/token); and
    ``within_prob``, the probability that its loss is within a share ``within`` of the best;
    ``within``: losses within this share of the best count as equally good.
    """

    excess_compute: pd.DataFrame
    within: float


def regret_data(regret: Regret) -> RegretData:
    """Return what :func:`plot_regret` draws."""
    _shown.expected(regret, Regret, "regret")
    drawn = regret.draws["excess_compute"].transpose("chain", "draw", "plan").to_numpy()
    quantiles = np.nanquantile(drawn, QUANTILES, axis=(0, 1))
    table = pd.DataFrame(quantiles.T, index=regret.summary.index, columns=list(QUANTILES))
    for name in ("expected_regret", "within_prob"):
        table[name] = regret.summary[name]
    return RegretData(table, regret.within)


@_shown.drawing
def plot_regret(
    regret: Regret, *, ax: Axes | None = None, color: Colors = None, legend: Legend = True
) -> Axes:
    """Draw the excess compute of each plan, as a share of its cost, with 50 % and 90 % intervals.

    Excess compute is what the best run of the same loss would save. To the right of each plan is
    the probability that it is as good as the best run of the same cost.

    Examples
    --------
    >>> bs.plot_regret(bs.regret(fit, params=[6e9, 7e9, 8e9], flops=1e24))  # doctest: +SKIP
    """
    data = regret_data(regret)
    hue = color if isinstance(color, str) else palette()[0]
    table = data.excess_compute
    rows = np.arange(len(table))
    ax = _axes.new(ax)
    entries: Entries = {
        "90 %": ax.hlines(rows, table[0.05], table[0.95], color=hue, linewidth=points(1)),
        "50 %": ax.hlines(
            rows, table[0.25], table[0.75], color=blend(hue, 0.75), linewidth=points(3.5)
        ),
    }
    (entries["median"],) = ax.plot(
        table[0.5], rows, "o", color=ink(), markersize=points(3), zorder=3
    )
    _axes.name_rows(ax, table.index)
    ax.set_xlim(left=0)
    _axes.write_shares(ax.xaxis)
    ax.set_xlabel("excess compute, share")
    beside = {
        "textcoords": "offset points", "color": ink(0.7), "fontsize": points(6.5),
        "annotation_clip": False,
    }  # fmt: skip
    for y, share in zip(rows, table["within_prob"], strict=True):
        ax.annotate(
            f"{100 * share:.0f} %", (1, y), xycoords=ax.get_yaxis_transform(),
            xytext=(points(3), 0), va="center", **beside,
        )  # fmt: skip
    ax.annotate(
        f"within\n{percent(data.within)}", (1, 1), xycoords="axes fraction",
        xytext=(points(3), points(2)), va="bottom", **beside,
    )  # fmt: skip
    _shown.draw_legend(ax, entries, legend)
    return ax
