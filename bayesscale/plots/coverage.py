"""How often intervals of a back-test held the truth, beside how often they should have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from bayesscale.backtesting import METHODS, NAMES, Backtest
from bayesscale.errors import DomainError, unknown_name
from bayesscale.plots._axes import axes_or_new
from bayesscale.plots._shown import (
    Colors,
    Entries,
    Legend,
    checked_legend,
    colors_for,
    draw_legend,
    plain,
)
from bayesscale.plots.style import ink, points

LEVELS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class CoverageData:
    """What :func:`plot_coverage` draws.

    Parameters
    ----------
    coverage
        One row a method and level: ``method``, ``level``, ``covered``, the share of held-out runs
        inside their central interval of that level.
    n
        Number of predictions.
    """

    coverage: pd.DataFrame
    n: int


def coverage_data(
    backtest: Backtest, *, methods: Sequence[str] = METHODS, reach_min: float = 1.0
) -> CoverageData:
    """Return the numbers that :func:`plot_coverage` draws.

    Parameters
    ----------
    backtest, methods, reach_min
        As for :func:`plot_coverage`.

    Returns
    -------
    CoverageData
        Shares by method and level.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    DomainError
        If ``backtest`` is none, or no run is that far.

    Examples
    --------
    >>> coverage_data(b, reach_min=10).coverage                   # doctest: +SKIP
    """
    if not isinstance(backtest, Backtest):
        raise DomainError(
            f"Expected a Backtest, as bs.backtest returns, not {type(backtest).__name__}."
        )
    table = backtest.points
    known = table["method"].unique().tolist()
    for method in methods:
        if method not in known:
            raise unknown_name("method", method, known)
    far = table[table["reach"] >= reach_min]
    if far.empty:
        raise DomainError(
            f"No run was foreseen at {reach_min!r} times the largest fitted compute or more: the "
            f"farthest is {table['reach'].max():.3g}."
        )
    parts = []
    for method in methods:
        off = np.abs(2 * far.loc[far["method"] == method, "pit"].to_numpy() - 1)
        shares = (off[:, None] <= LEVELS).mean(axis=0)
        parts.append(pd.DataFrame({"method": method, "level": LEVELS, "covered": shares}))
    return CoverageData(pd.concat(parts, ignore_index=True), int(len(far) / len(known)))


def plot_coverage(
    backtest: Backtest,
    *,
    methods: Sequence[str] = METHODS,
    reach_min: float = 1.0,
    ax: Axes | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw the share of held-out runs inside central intervals against the intervals' level.

    Below the diagonal intervals are too narrow. Runs of one fold share the error of one fit, so
    that the scatter around the diagonal is larger than so many independent runs would have.

    Parameters
    ----------
    backtest
        A back-test.
    methods
        Whose predictions: ``"bayesscale"``, ``"approach3"``, ``"conformal"``, ``"persistence"``.
    reach_min
        Only predictions at this many times the largest fitted compute or more.
    ax
        Axes to draw into; by default those of a new figure.
    color
        A Matplotlib colour for each method.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place draws it
        inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    UnknownNameError
        If there is no such method or place.
    DomainError
        If ``backtest`` is none, or no run is that far.

    Examples
    --------
    >>> bs.plot_coverage(bs.backtest(runs))                       # doctest: +SKIP
    """
    place = checked_legend(legend)
    data = coverage_data(backtest, methods=methods, reach_min=reach_min)
    hues = colors_for(len(methods), color)
    ax = axes_or_new(ax)
    ax.set(
        xlabel="level of the interval", ylabel="held-out runs inside", xlim=(0, 1), ylim=(0, 1.02)
    )
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.plot([0, 1], [0, 1], color=ink(0.6), linewidth=points(0.7), zorder=1)
    entries: Entries = {}
    for method, hue in zip(methods, hues, strict=True):
        of = data.coverage[data.coverage["method"] == method]
        (entries[plain(NAMES.get(method, method))],) = ax.plot(
            of["level"], of["covered"], "o-", color=hue, markersize=points(2.4),
            linewidth=points(0.9),
        )  # fmt: skip
    draw_legend(ax, entries, place)
    return ax
