"""Axes in words, and the line beyond which a law extrapolates."""

from collections.abc import Collection, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from bayesscale._arguments import positive_scalar, shown
from bayesscale._format import printable, short_exponent
from bayesscale.errors import DomainError
from bayesscale.plots.style import ink, points
from bayesscale.quantities import FLOPS, Quantity

POINTS = 49
"""Points of a curve: nearly straight in logs, and costly where a law's optimum is solved for."""

BEYOND = 10.0
"""By default an axis ends this many times past the largest run that is shown."""

MANYFOLD = 8.0
"""A logarithmic axis up to this wide reads well with evenly spaced numbers."""

STEPS = [1, 2, 2.5, 5, 10]

FAN = 0.013
"""Share of the axis by which held-out runs of one compute stand apart,"""

FAN_WIDTH = 0.04
"""and at most that all of them take: more would suggest another compute."""

EXTRAPOLATION = 6.5
"""Width of that word over the points of the text, with a little room."""

PANEL_WIDTH = 2.0
"""Inches that one of several panels needs at least."""

LONGEST_LABEL = 40


def new(ax: Axes | None, **settings: Any) -> Axes:
    """Return the axes, or those of a new figure, with settings."""
    ax = plt.subplots(layout="constrained")[1] if ax is None else ax
    ax.set(**settings)
    return ax


def panels(n: int, ax: Sequence[Axes] | None) -> tuple[Figure, list[Axes]]:
    """Return a figure with so many axes, up to three beside each other, or those given."""
    if ax is not None:
        given = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(given) != n or not all(isinstance(each, Axes) for each in given):
            raise DomainError(f"ax must be {n} Matplotlib axes, not {shown(ax)}.")
        return given[0].figure, given
    width, height = plt.rcParams["figure.figsize"]
    room = width / (PANEL_WIDTH * points(1) ** 0.7)  # larger text is wider, but less is written
    wide = int(np.clip(room, 1, min(n, 2 if n == 4 else 3)))
    rows = -(-n // wide)
    share = {1: 0.8, 2: 0.7, 3: 0.55}[wide]
    figure, grid = plt.subplots(
        rows, wide, figsize=(width, rows * share * height), squeeze=False, layout="constrained"
    )
    axes = list(grid.ravel())
    for spare in axes[n:]:
        spare.remove()
    return figure, axes[:n]


def laid_out(ax: Axes) -> Bbox:
    """Return where axes are, pixels, once everything that is drawn so far has found its place."""
    figure = ax.get_figure(root=True)
    engine = figure.get_layout_engine() if figure else None
    if figure is not None and engine is not None:
        engine.execute(figure)
    return ax.get_window_extent()


def plain(label: object) -> str:
    """Write somebody's label so that it shows as it is: no mathematics, one line, not too long."""
    text = printable(label).strip() or "(no name)"
    text = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
    return text.replace("$", r"\$")


def name_size(q: Quantity) -> str:
    """Name an axis: what it shows, and its unit where that is another word."""
    noun = {"flops": "training compute", "tokens": "training tokens"}.get(q.name, q.noun)
    return noun if q.unit in (q.noun, "1") else f"{noun} ({q.unit})"


def sizes_up_to(shown: NDArray[np.float64], flops_max: float | None) -> NDArray[np.float64]:
    """Space sizes evenly in logs from the smallest of the runs shown to the end of the axis."""
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

    def written(value: float, _: float) -> str:
        return short_exponent(f"{value:g}") if q.style == "flops" else q.write(value)

    axis.set_major_formatter(written)
    axis.set_minor_formatter(ticker.NullFormatter())


def write_shares(*axes: Axis) -> None:
    """Label the ticks of axes of shares in percent."""
    for axis in axes:
        axis.set_major_formatter(ticker.PercentFormatter(1.0))


def name_rows(ax: Axes, names: Collection[object]) -> None:
    """Name the rows of a picture, first one on top."""
    ax.set_yticks(range(len(names)), [plain(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)


def write_losses(axis: Axis, low: float, high: float) -> None:
    """Label the ticks of a logarithmic axis of loss with plain numbers: 2.0, 2.5, 3.0."""
    wide = high / low > MANYFOLD
    axis.set_major_locator(_log_locator(low, high) if wide else ticker.MaxNLocator(5, steps=STEPS))
    axis.set_major_formatter(ticker.ScalarFormatter(useOffset=False))
    axis.set_minor_formatter(ticker.NullFormatter())
    if not wide:
        axis.set_minor_locator(ticker.NullLocator())


def draw_size_key(ax: Axes, points: ScalarMappable, q: Quantity, low: float, high: float) -> None:
    """Draw a narrow colour bar of sizes beside the axes."""
    # inside the axes' own box, so that a legend above may be as wide as both
    bar = ax.figure.colorbar(points, cax=ax.inset_axes((1.03, 0.05, 0.028, 0.9)))
    write_sizes(bar.ax.yaxis, q, low, high)
    decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1)
    few = decades[:: 1 + len(decades) // 5]
    bar.ax.yaxis.set_major_locator(ticker.FixedLocator(few if len(few) > 1 else [low, high]))
    bar.ax.minorticks_off()
    bar.set_label(name_size(q), labelpad=2)
    bar.outline.set_visible(False)


def _log_locator(low: float, high: float) -> ticker.Locator:
    if high / low < MANYFOLD / 2:
        return ticker.MaxNLocator(5, steps=STEPS)
    return ticker.LogLocator(subs=(1.0, 3.0) if high / low < 100 else (1.0,))


def fanned_out(x: pd.Series, by: pd.Series, span: float) -> np.ndarray:
    """Move points of one place apart, in the order of ``by``, on an axis ``span`` wide in logs."""
    logs = np.log(x.to_numpy())
    level = np.round(logs / (FAN * span))
    rank = by.groupby(level).rank(method="first").to_numpy()
    size = by.groupby(level).transform("size").to_numpy()
    apart = np.minimum(FAN, FAN_WIDTH / size)
    return np.exp(logs + apart * span * (rank - (size + 1) / 2))


def draw_points(
    ax: Axes, x: pd.Series, y: pd.Series, color: str, *, size: float = 2.5, **looks: Any
) -> Line2D:
    """Draw points without edges, so many points of a paper's text wide."""
    looks |= {"markersize": points(size), "markeredgewidth": 0}
    return ax.plot(x, y, "o", color=color, **looks)[0]


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
    ax.axvspan(begins, high, color=ink(0.5), alpha=0.09, linewidth=0, zorder=0)
    ax.axvline(begins, color=ink(0.7), linewidth=points(0.8), linestyle=(0, (4, 2)), zorder=1)
    room = laid_out(ax).width * 72 / ax.figure.dpi * np.log(high / begins) / span
    fits = room > EXTRAPOLATION * plt.rcParams["font.size"]
    side, shift = ("left", points(3)) if fits else ("right", -points(3))
    place: dict[str, Any] = {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points"}
    looks: dict[str, Any] = {"ha": side, "va": "top", "color": ink(0.7), "fontsize": "small"}
    ax.annotate("extrapolation", (begins, 1), xytext=(shift, -points(3)), **place, **looks)
