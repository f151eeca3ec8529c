"""Predicted over observed loss against reach: how far a back-test's intervals can be trusted."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter

from bayesscale.backtesting import LEVELS, POSTERIOR, Backtest, covered
from bayesscale.errors import DomainError, unknown_name
from bayesscale.plots._axes import axes_or_new, fanned_out
from bayesscale.plots._shown import Colors, Legend, checked_legend, colors_for, draw_legend
from bayesscale.plots.style import ink, palette, points

NARROW = 1.0
"""The axis is at least this wide, in logs: a fold often has one reach alone."""

CROWDED = 20.0
"""Wider axes than this, largest over smallest reach, have fewer numbers."""


@dataclass(frozen=True)
class BacktestData:
    """What :func:`plot_backtest` draws.

    Parameters
    ----------
    points
        One row a prediction, nearest first: ``fold``, ``run``, ``reach``; ``shown_at``, its place
        on the axis, where runs of one reach are fanned out; ``median``, ``lower``
        and ``upper``, predicted over observed loss minus 1; ``covered``.
    method
        Whose predictions.
    level
        Percent that the intervals should hold.
    """

    points: pd.DataFrame
    method: str
    level: int


def backtest_data(backtest: Backtest, *, method: str = POSTERIOR, level: int = 90) -> BacktestData:
    """Return the numbers that :func:`plot_backtest` draws.

    Parameters
    ----------
    backtest, method, level
        As for :func:`plot_backtest`.

    Returns
    -------
    BacktestData
        One row a prediction.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    DomainError
        If ``backtest`` is none, or there are no intervals of that level.

    Examples
    --------
    >>> backtest_data(b, method="approach3").points               # doctest: +SKIP
    """
    if not isinstance(backtest, Backtest):
        raise DomainError(
            f"Expected a Backtest, as bs.backtest returns, not {type(backtest).__name__}."
        )
    if level not in LEVELS:
        raise DomainError(f"level must be one of {list(LEVELS)} (percent), not {level!r}.")
    known = backtest.points["method"].unique().tolist()
    if method not in known:
        raise unknown_name("method", method, known)
    chosen = backtest.points[backtest.points["method"] == method].sort_values("reach")
    columns = {"median": "median", "lower": f"lower{level}", "upper": f"upper{level}"}
    logs = np.log(chosen["reach"])
    points = chosen[["fold", "run", "reach"]].assign(
        shown_at=fanned_out(chosen["reach"], chosen["median"], max(float(np.ptp(logs)), NARROW)),
        **{name: chosen[column] / chosen["observed"] - 1 for name, column in columns.items()},
        covered=covered(chosen, level),
    )
    return BacktestData(points.reset_index(drop=True), method, level)


def plot_backtest(
    backtest: Backtest,
    *,
    method: str = POSTERIOR,
    level: int = 90,
    ax: Axes | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw every held-out run's interval, relative to what was observed, against its reach.

    Intervals that cross the line at zero held the truth.

    Parameters
    ----------
    backtest
        A back-test.
    method
        ``"bayesscale"``, ``"approach3"``, ``"conformal"`` or ``"persistence"``.
    level
        Percent of the intervals: 50, 80, 90 or 95.
    ax
        Axes to draw into; by default those of a new figure.
    color
        Matplotlib colours of runs inside and outside of their intervals.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place draws it
        inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, reach logarithmic.

    Raises
    ------
    UnknownNameError
        If there is no such method or place.
    DomainError
        If ``backtest`` is none, or there are no intervals of that level.

    Examples
    --------
    >>> bs.plot_backtest(bs.backtest(runs))                       # doctest: +SKIP
    """
    place = checked_legend(legend)
    hues = palette()[:2] if color is None else colors_for(2, color)
    data = backtest_data(backtest, method=method, level=level)
    ax = axes_or_new(ax)
    ax.set(xscale="log", xlabel="compute over largest fitted", ylabel="predicted / observed − 1")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.xaxis.set_major_formatter("{x:g}×")
    low, high = np.log(data.points["shown_at"].min()), np.log(data.points["shown_at"].max())
    margin = max(0.05 * (high - low), (NARROW - (high - low)) / 2)
    ax.set_xlim(np.exp(low - margin), np.exp(high + margin))
    crowded = high - low > np.log(CROWDED)
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if crowded else (1.0, 2.0, 3.0, 5.0)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.axhline(0, color=ink(), linewidth=points(0.8), zorder=1)
    entries = {}
    for inside, hue in zip((True, False), hues, strict=True):
        of = data.points[data.points["covered"] == inside]
        name = f"{'inside' if inside else 'outside'} its {level} % interval: {len(of)}"
        ax.vlines(
            of["shown_at"], of["lower"], of["upper"], color=hue, linewidth=points(0.7), alpha=0.6
        )
        (entries[name],) = ax.plot(
            of["shown_at"], of["median"], "o", color=hue, markersize=points(2.5)
        )
    draw_legend(ax, entries, place)
    return ax
