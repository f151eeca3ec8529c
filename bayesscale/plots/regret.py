"""What plans lose against the best run of the same cost."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from bayesscale._format import percent
from bayesscale.errors import DomainError
from bayesscale.forecast import Regret
from bayesscale.plots._axes import axes_or_new
from bayesscale.plots._shown import Colors, Entries, Legend, checked_legend, draw_legend, plain
from bayesscale.plots.style import blend, ink, palette, points

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class RegretData:
    """What :func:`plot_regret` draws.

    Parameters
    ----------
    wasted
        One row a plan: quantiles of the share of its cost that the best run of the same loss
        would save, columns .05 to .95; ``expected_regret`` (nats/token); and ``within_prob``, the
        probability that its loss is within a share ``within`` of the best.
    within
        Losses within this share of the best are as good.
    """

    wasted: pd.DataFrame
    within: float


def regret_data(regret: Regret) -> RegretData:
    """Return the numbers that :func:`plot_regret` draws.

    Parameters
    ----------
    regret
        What :func:`~bayesscale.regret` or :func:`~bayesscale.landmarks` returned.

    Returns
    -------
    RegretData
        Quantiles by plan.

    Raises
    ------
    DomainError
        If ``regret`` is none.

    Examples
    --------
    >>> regret_data(bs.landmarks(fit)).wasted                     # doctest: +SKIP
    """
    if not isinstance(regret, Regret):
        raise DomainError(f"Expected a Regret, as bs.regret returns, not {type(regret).__name__}.")
    drawn = regret.draws["wasted"].transpose("chain", "draw", "plan").to_numpy()
    quantiles = np.nanquantile(drawn, QUANTILES, axis=(0, 1))
    table = pd.DataFrame(quantiles.T, index=regret.summary.index, columns=list(QUANTILES))
    for name in ("expected_regret", "within_prob"):
        table[name] = regret.summary[name]
    return RegretData(table, regret.within)


def plot_regret(
    regret: Regret, *, ax: Axes | None = None, color: Colors = None, legend: Legend = True
) -> Axes:
    """Draw the share of its compute that each plan wastes, with 50 % and 90 % intervals.

    That is what the best run of the same loss would save. Behind each plan stands the probability
    that it is as good as the best run of the same cost.

    Parameters
    ----------
    regret
        What :func:`~bayesscale.regret` or :func:`~bayesscale.landmarks` returned.
    ax
        Axes to draw into; by default those of a new figure.
    color
        A Matplotlib colour.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place draws it
        inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, one row a plan.

    Raises
    ------
    DomainError
        If ``regret`` is none.
    UnknownNameError
        If there is no such place.

    Examples
    --------
    >>> bs.plot_regret(bs.regret(fit, params=[6e9, 7e9, 8e9], flops=1e24))  # doctest: +SKIP
    """
    place = checked_legend(legend)
    data = regret_data(regret)
    hue = color if isinstance(color, str) else palette()[0]
    table = data.wasted
    rows = np.arange(len(table))
    ax = axes_or_new(ax)
    entries: Entries = {
        "90 %": ax.hlines(rows, table[0.05], table[0.95], color=hue, linewidth=points(1)),
        "50 %": ax.hlines(
            rows, table[0.25], table[0.75], color=blend(hue, 0.75), linewidth=points(3.5)
        ),
    }
    (entries["median"],) = ax.plot(
        table[0.5], rows, "o", color=ink(), markersize=points(3), zorder=3
    )
    ax.set_yticks(rows, [plain(name) for name in table.index])
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_xlabel("share of compute wasted")
    for y, share in zip(rows, table["within_prob"], strict=True):
        ax.annotate(
            f"{100 * share:.0f} %", (1, y), xycoords=ax.get_yaxis_transform(),
            xytext=(points(3), 0), textcoords="offset points", va="center", color=ink(0.7),
            fontsize=points(6.5), annotation_clip=False,
        )  # fmt: skip
    ax.annotate(
        f"within\n{percent(data.within)}", (1, 1), xycoords="axes fraction",
        xytext=(points(3), points(2)), textcoords="offset points", va="bottom", color=ink(0.7),
        fontsize=points(6.5), annotation_clip=False,
    )  # fmt: skip
    draw_legend(ax, entries, place)
    return ax
