"""Axes in words, and the line beyond which a law extrapolates."""

from collections.abc import Mapping
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.legend_handler import HandlerTuple
from matplotlib.ticker import (
    FixedLocator,
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)
from numpy.typing import NDArray

from bayesscale._arguments import positive_scalar
from bayesscale._format import short_exponent
from bayesscale.errors import DomainError
from bayesscale.quantities import FLOPS, Quantity

POINTS = 49
"""Points of a curve: nearly straight in logs, and costly where a law's optimum is solved for."""

BEYOND = 10.0
"""By default an axis ends this many times past the largest run that is shown."""

MANYFOLD = 8.0
"""A logarithmic axis up to this wide reads well with evenly spaced numbers."""

STEPS = [1, 2, 2.5, 5, 10]


def axes_or_new(ax: Axes | None) -> Axes:
    """Return the axes, or those of a new figure."""
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def name_size(q: Quantity) -> str:
    """Name an axis: what it shows, and its unit where that is another word."""
    noun = {"flops": "training compute", "tokens": "training tokens"}.get(q.name, q.noun)
    return noun if q.unit in (q.noun, "1") else f"{noun} ({q.unit})"


def sizes_up_to(shown: NDArray[np.float64], flops_max: float | None) -> NDArray[np.float64]:
    """Space sizes evenly in logs from the smallest of the runs shown to the end of the axis, by
    default ten times the largest.
    """  # noqa: D205
    smallest = shown.min()
    if flops_max is None:
        return np.geomspace(smallest, BEYOND * shown.max(), POINTS)
    end = positive_scalar("flops_max", flops_max, FLOPS.unit)
    if end <= smallest:
        raise DomainError(
            "flops_max must be above the compute of the smallest run, "
            f"{smallest:.3g} FLOP, not {flops_max!r}."
        )
    return np.geomspace(smallest, end, POINTS)


def write_sizes(axis: Axis, q: Quantity, low: float, high: float) -> None:
    """Label the ticks of a logarithmic axis in words: 1e20 FLOP, 100M parameters, 1B tokens."""
    axis.set_major_locator(_log_locator(low, high))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(q, value)))
    axis.set_minor_formatter(NullFormatter())


def write_losses(axis: Axis, low: float, high: float) -> None:
    """Label the ticks of a logarithmic axis of loss with plain numbers: 2.0, 2.5, 3.0."""
    wide = high / low > MANYFOLD
    axis.set_major_locator(_log_locator(low, high) if wide else MaxNLocator(5, steps=STEPS))
    axis.set_major_formatter(ScalarFormatter(useOffset=False))
    axis.set_minor_formatter(NullFormatter())
    if not wide:
        axis.set_minor_locator(NullLocator())


def draw_size_key(ax: Axes, points: ScalarMappable, q: Quantity, low: float, high: float) -> None:
    """Draw a small colour bar of sizes into the lower left, below where losses fall from."""
    key = ax.inset_axes((0.06, 0.14, 0.36, 0.035))
    ax.figure.colorbar(points, cax=key, orientation="horizontal")
    write_sizes(key.xaxis, q, low, high)
    decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    few = decades[:: 1 + len(decades) // 5]  # that fit below the bar
    key.xaxis.set_major_locator(FixedLocator(few if len(few) > 1 else [low, high]))
    key.minorticks_off()
    key.tick_params(labelsize="small")
    key.set_title(name_size(q), fontsize="small", loc="left", pad=2)


def _log_locator(low: float, high: float) -> Locator:
    if high / low < MANYFOLD / 2:
        return MaxNLocator(5, steps=STEPS)
    return LogLocator(subs=(1.0, 2.0, 5.0) if high / low < 100 else (1.0,))


def _tick(q: Quantity, value: float) -> str:
    return short_exponent(f"{value:g}") if q.style == "flops" else q.write(value)


def draw_band(
    ax: Axes, table: pd.DataFrame, x: str, name: str, *, color: str, alpha: float
) -> PolyCollection:
    """Fill from ``name_lower`` to ``name_upper``."""
    return ax.fill_between(
        table[x], table[f"{name}_lower"], table[f"{name}_upper"],
        color=color, alpha=alpha, linewidth=0, zorder=1.5,
    )  # fmt: skip


def mark_extrapolation(ax: Axes, begins: float, low: float, high: float) -> None:
    """Limit the x axis to the sizes shown, and mark those past the largest fitted run."""
    span = np.log(high / low)
    ax.set_xlim(low * np.exp(-0.02 * span), high)
    if begins >= high:
        return
    ax.axvspan(begins, high, color="0.5", alpha=0.09, linewidth=0, zorder=0)
    ax.axvline(begins, color="0.35", linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    fits = np.log(high / begins) > 0.3 * span
    ax.annotate(
        "extrapolation",
        (begins, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(3 if fits else -3, -3),
        textcoords="offset points",
        ha="left" if fits else "right",
        va="top",
        color="0.35",
        fontsize="small",
    )


def draw_legend(
    ax: Axes, entries: Mapping[str, Artist | tuple[Artist, ...]],
    loc: Literal["upper right", "lower right"], *, top: float = 1.0,
    side_by_side: int = 1,
) -> None:  # fmt: skip
    """Draw a legend below ``top`` (share of the height) that lines do not shine through.

    Artists of one entry are laid over each other, in ``side_by_side`` places.
    """
    ax.legend(
        list(entries.values()),
        list(entries),
        loc=loc,
        bbox_to_anchor=(0, 0, 1, top),
        facecolor="white",
        edgecolor="none",
        framealpha=0.9,
        handler_map={tuple: HandlerTuple(ndivide=side_by_side)},
    )
