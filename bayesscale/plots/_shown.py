"""What a picture shows: one fit or several, each with a name and a colour, and the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.legend_handler import HandlerTuple

from bayesscale._arguments import shown
from bayesscale._format import printable
from bayesscale.errors import DomainError, unknown_name
from bayesscale.inference import Average, Fit
from bayesscale.plots._axes import laid_out
from bayesscale.plots.style import palette, paper
from bayesscale.quantities import ShownLoss
from bayesscale.runs import LossScale

type Fits = Fit | Average | Mapping[str, Fit | Average]
type Colors = str | Sequence[str] | None
type Legend = bool | str
type Entries = dict[str, Artist | tuple[Artist, ...]]

LONGEST_LABEL = 40

PLACES = (
    "best", "upper right", "upper left", "lower left", "lower right", "right", "center left",
    "center right", "lower center", "upper center", "center",
)  # fmt: skip

NAME_OF_AVERAGE = "average"


@dataclass(frozen=True)
class Shown:
    """A fit in a picture."""

    name: str
    fit: Fit | Average
    color: str


def shown_fits(fit: Fits, *, label: str | None = None, color: Colors = None) -> list[Shown]:
    """Return the fits to show: of a mapping, with its keys for names; else one, with a label."""
    several = isinstance(fit, Mapping)
    if several and label is not None:
        raise DomainError(
            "label= names a single fit; of several, the keys of the mapping are the names, as in "
            "{'my label': fit}."
        )
    fits: dict[str, Any] = dict(fit) if several else {_own_name(fit, label): fit}
    if not fits:
        raise DomainError("There is nothing to show: the mapping of fits is empty.")
    for each in fits.values():
        if not isinstance(each, Fit | Average):
            raise DomainError(
                "Expected a Fit, as bs.fit or bs.load_fit returns, or an Average, as bs.average "
                f"returns, not {type(each).__name__}."
            )
    colors = colors_for(len(fits), color)
    return [Shown(str(n), f, c) for (n, f), c in zip(fits.items(), colors, strict=True)]


def _own_name(fit: Any, label: str | None) -> str:
    if label is not None:
        return label
    return fit.law.name if isinstance(fit, Fit) else NAME_OF_AVERAGE


def colors_for(n: int, color: Colors) -> list[str]:
    """Return so many colours: those that are given, or else the palette's."""
    if color is None:
        if n > len(palette()):
            raise DomainError(
                f"{n} fits are more than there are colours that can be told apart, "
                f"{len(palette())}. Show fewer, or give their colours as color=[...]."
            )
        return list(palette()[:n])
    chosen = [color] if isinstance(color, str) else list(color)
    bad = [c for c in chosen if not is_color_like(c)]
    if bad or len(chosen) != n:
        raise DomainError(
            f"color must be {'a colour' if n == 1 else f'{n} colours, one a fit'} that Matplotlib "
            f"knows, such as 'C0' or '#0072B2', not {shown(bad[0] if bad else color)}."
        )
    return chosen


def loss_scale(fits: Sequence[Shown], unit: ShownLoss | None) -> LossScale:
    """Return the unit that losses are shown in: by default that of the fits' runs."""
    return LossScale.of(fits[0].fit.runs, unit)


def plain(label: object) -> str:
    """Write somebody's label so that it shows as it is: no mathematics, one line, not too long."""
    text = printable(label).strip() or "(no name)"
    text = text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
    return text.replace("$", r"\$")


def checked_legend(legend: object) -> Legend:
    """Return whether and where to draw a legend: True is above the axes, where no data are."""
    if isinstance(legend, bool):
        return legend
    if legend not in PLACES:
        raise unknown_name("place of a legend", legend, PLACES, hint="Or True or False.")
    return str(legend)


def draw_legend(ax: Axes, entries: Entries, legend: Legend, *, side_by_side: int = 1) -> None:
    """Draw a legend above the axes or at a place inside them.

    Artists of one entry are laid over each other, in ``side_by_side`` places.
    """
    if legend is False or not entries:
        return
    common: dict[str, Any] = {
        "handles": list(entries.values()),
        "labels": list(entries),
        "handler_map": {tuple: HandlerTuple(ndivide=side_by_side)},
    }
    if isinstance(legend, str):
        inside: Any = {"loc": legend, "facecolor": paper(), "edgecolor": "none", "framealpha": 0.9}
        ax.legend(**inside, **common)
        return
    left, room = _above(ax)
    for columns in range(min(len(entries), 4), 0, -1):
        drawn = ax.legend(
            loc="lower left", bbox_to_anchor=(left, 1), ncols=columns, frameon=False,
            borderaxespad=0.1, borderpad=0.2, columnspacing=1.2, labelspacing=0.25, **common,
        )  # fmt: skip
        if drawn.get_window_extent().width <= room:
            return


def _above(ax: Axes) -> tuple[float, float]:
    """Return where a legend above the axes may begin, in their coordinates, and how wide it may
    be, pixels: from the left to the right end of all that belongs to them, labels and colour bars
    too, as laid out without a legend.
    """  # noqa: D205
    box = laid_out(ax)
    whole = ax.get_tightbbox() or box
    return (whole.x0 - box.x0) / box.width, whole.width
