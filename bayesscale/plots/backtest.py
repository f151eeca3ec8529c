"""Back-tests: intervals over observed losses by extrapolation factor, and coverage by level."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from bayesscale._arguments import choice
from bayesscale.backtesting import LEVELS, METHODS, NAMES, POSTERIOR, Backtest, covered
from bayesscale.errors import DomainError
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Legend
from bayesscale.plots.style import ink, palette, points

NARROW = 1.0
"""The axis is at least this wide, in logs: a fold often has one reach alone."""

CROWDED = 20.0
"""Wider axes than this, largest over smallest reach, have fewer numbers."""

CURVE = np.linspace(0.05, 0.95, 19)
"""Levels of the intervals whose coverage is drawn."""


@dataclass(frozen=True)
class BacktestData:
    """What :func:`plot_backtest` draws.

    ``points``: one row per prediction, nearest first: ``fold``, ``run``, ``reach``; ``shown_at``,
    its place on the axis, where runs of one reach are fanned out; ``median``, ``lower`` and
    ``upper``, predicted over observed loss minus 1; ``covered``; ``method``: whose predictions;
    ``level``: nominal coverage of the intervals, percent.
    """

    points: pd.DataFrame
    method: str
    level: int


def backtest_data(backtest: Backtest, *, method: str = POSTERIOR, level: int = 90) -> BacktestData:
    """Return what :func:`plot_backtest` draws."""
    _shown.expected(backtest, Backtest, "backtest")
    if level not in LEVELS:
        raise DomainError(f"level must be one of {list(LEVELS)} (percent), not {level!r}.")
    choice("method", method, backtest.points["method"].unique().tolist())
    chosen = backtest.points[backtest.points["method"] == method].sort_values("reach")
    columns = {"median": "median", "lower": f"lower{level}", "upper": f"upper{level}"}
    span = max(float(np.ptp(np.log(chosen["reach"]))), NARROW)
    points = chosen[["fold", "run", "reach"]].assign(
        shown_at=_axes.fanned_out(chosen["reach"], chosen["median"], span),
        **{name: chosen[column] / chosen["observed"] - 1 for name, column in columns.items()},
        covered=covered(chosen, level),
    )
    return BacktestData(points.reset_index(drop=True), method, level)


@_shown.drawing
def plot_backtest(
    backtest: Backtest, *, method: str = POSTERIOR, level: int = 90,
    ax: Axes | None = None, color: Colors = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw every held-out run's interval, relative to the observed loss, by extrapolation factor.

    Intervals that cross the line at zero cover the observed loss.

    Parameters
    ----------
    method
        ``"bayesscale"``, ``"approach3"`` or ``"conformal"``.
    level
        Percent of the intervals: 50, 80, 90 or 95.
    color
        Matplotlib colours of runs inside and outside of their intervals.

    Examples
    --------
    >>> bs.plot_backtest(bs.backtest(runs))                       # doctest: +SKIP
    """
    hues = palette()[:2] if color is None else _shown.colors_for(2, color)
    data = backtest_data(backtest, method=method, level=level)
    x, y = "compute over largest fitted", "predicted / observed − 1"
    ax = _axes.new(ax, xscale="log", xlabel=x, ylabel=y)
    _axes.write_shares(ax.yaxis)
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
        table = data.points[data.points["covered"] == inside]
        name = f"{'inside' if inside else 'outside'} its {level} % interval: {len(table)}"
        at, low, high = table["shown_at"], table["lower"], table["upper"]
        ax.vlines(at, low, high, color=hue, linewidth=points(0.7), alpha=0.6)
        (entries[name],) = ax.plot(at, table["median"], "o", color=hue, markersize=points(2.5))
    _shown.draw_legend(ax, entries, legend)
    return ax


@dataclass(frozen=True)
class CoverageData:
    """What :func:`plot_coverage` draws.

    ``coverage``: one row per method and level: ``method``, ``level``, ``covered``, the share of
    held-out runs inside their central interval of that level; ``n``: number of predictions.
    """

    coverage: pd.DataFrame
    n: int


def coverage_data(
    backtest: Backtest, *, methods: Sequence[str] = METHODS, reach_min: float = 1.0
) -> CoverageData:
    """Return what :func:`plot_coverage` draws."""
    _shown.expected(backtest, Backtest, "backtest")
    table = backtest.points
    names = table["method"].unique().tolist()
    for method in methods:
        choice("method", method, names)
    far = table[table["reach"] >= reach_min]
    if far.empty:
        raise DomainError(
            f"No run was predicted at {reach_min!r} times the largest fitted compute or more: the "
            f"farthest is {table['reach'].max():.3g}."
        )
    parts = []
    for method in methods:
        off = np.abs(2 * far.loc[far["method"] == method, "pit"].to_numpy() - 1)
        shares = (off[:, None] <= CURVE).mean(axis=0)
        parts.append(pd.DataFrame({"method": method, "level": CURVE, "covered": shares}))
    return CoverageData(pd.concat(parts, ignore_index=True), int(len(far) / len(names)))


@_shown.drawing
def plot_coverage(
    backtest: Backtest, *, methods: Sequence[str] = METHODS, reach_min: float = 1.0,
    ax: Axes | None = None, color: Colors = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw the share of held-out runs inside central intervals against the intervals' level.

    Below the diagonal intervals are too narrow. Runs of one fold share the error of one fit, so
    that the scatter around the diagonal is larger than so many independent runs would have.

    Parameters
    ----------
    methods
        Whose predictions: ``"bayesscale"``, ``"approach3"``, ``"conformal"``.
    reach_min
        Only predictions at this many times the largest fitted compute or more.

    Examples
    --------
    >>> bs.plot_coverage(bs.backtest(runs))                       # doctest: +SKIP
    """
    data = coverage_data(backtest, methods=methods, reach_min=reach_min)
    hues = _shown.colors_for(len(methods), color)
    x, y = "level of the interval", "held-out runs inside"
    ax = _axes.new(ax, xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    _axes.write_shares(ax.xaxis, ax.yaxis)
    ax.plot([0, 1], [0, 1], color=ink(0.6), linewidth=points(0.7), zorder=1)
    entries: Entries = {}
    for method, hue in zip(methods, hues, strict=True):
        table = data.coverage[data.coverage["method"] == method]
        (entries[_axes.plain(NAMES.get(method, method))],) = ax.plot(
            table["level"], table["covered"], "o-", color=hue, markersize=points(2.4),
            linewidth=points(0.9),
        )  # fmt: skip
    _shown.draw_legend(ax, entries, legend)
    return ax
