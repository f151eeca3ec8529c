"""What a picture shows: one fit or several, each with a name and a colour, and the legend."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import is_color_like
from matplotlib.legend import Legend as Places
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from bayesscale._arguments import choice, shown, text
from bayesscale._documented import documented
from bayesscale.errors import DomainError
from bayesscale.inference import Average, Fit
from bayesscale.plots._axes import laid_out
from bayesscale.plots.style import palette, paper, points
from bayesscale.quantities import LossScale
from bayesscale.runs import Runs

type Fits = Fit | Average | Mapping[str, Fit | Average]
type Colors = str | Sequence[str] | None
type Legend = bool | str
type Entries = dict[str, Artist | tuple[Artist, ...]]

ARGUMENTS = {
    "fit": """A fitted law (of parameters and tokens, where budgets are split), an average of
several, or a mapping of names to such, on one picture.""",
    "backtest": "A back-test.",
    "comparison": "A comparison of laws.",
    "regret": "What :func:`~bayesscale.regret` or :func:`~bayesscale.landmarks` returned.",
    "sensitivity": "What :func:`~bayesscale.prior_sensitivity` returned.",
    "ci_prob": "Probability of the equal-tailed bands, in (0, 1).",
    "flops_max": """End of the compute axis, FLOP, above the smallest run; by default ten times the
largest.""",
    "unit": """Unit of the losses: ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or
``"perplexity"``; by default that of the runs' source.""",
    "terms": """Cost, limits, data, counting, further inputs, as for :func:`~bayesscale.allocate`.
None counts compute as the runs do: 6ND, scaled by the median of their own count over 6ND.""",
    "ax": "Axes to draw into; by default those of a new figure.",
    "label": "Name of a single fit in the legend.",
    "color": "A Matplotlib colour, or one for each of several fits, criteria, priors or methods.",
    "legend": """True draws it above the axes, where no data are; False leaves it out; a place such
as ``"upper right"`` draws it inside.""",
}
"""What arguments mean that many pictures take."""

RAISES = """DomainError
    If an argument is of another kind or outside its domain, or the law cannot be drawn so.
UnknownNameError
    If there is nothing of a name, such as a unit or a place."""


def drawing[**P, T](function: Callable[P, T]) -> Callable[P, T]:
    """Complete the docstring of a function that draws, and check what many of them take."""
    one_panel = function.__annotations__["return"] is Axes
    kind = "axes.Axes\n    The axes." if one_panel else "figure.Figure\n    The figure."
    sections = {"Returns": f"matplotlib.{kind}", "Raises": RAISES}

    @wraps(function)
    def checked(*args: P.args, **looks: P.kwargs) -> T:
        if one_panel and not isinstance(ax := looks.get("ax"), Axes | None):
            raise DomainError(
                f"ax must be Matplotlib axes, such as plt.subplots()[1], not {shown(ax)}."
            )
        check_color(looks.get("color"))
        if not isinstance(legend := looks.get("legend", True), bool):
            choice("place of a legend", legend, Places.codes, hint="Or True or False.")
        return function(*args, **looks)

    return documented(ARGUMENTS, sections=sections)(checked)


@dataclass(frozen=True)
class Shown:
    """A fit in a picture."""

    name: str
    fit: Fit | Average
    color: str


def resolve(fit: Fits, *, label: str | None = None, color: Colors = None) -> list[Shown]:
    """Return the fits to show: of a mapping, with its keys for names; else one, with a label."""
    several = isinstance(fit, Mapping)
    if label is not None:
        text("label", label)
    if several and label is not None:
        raise DomainError(
            "label= names a single fit; of several, the keys of the mapping are the names, as in "
            "{'my label': fit}."
        )
    default = fit.law.name if isinstance(fit, Fit) else "average"
    fits: dict[str, Any] = dict(fit) if several else {default if label is None else label: fit}
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


def colors_for(n: int, color: Colors) -> list[str]:
    """Return so many colours: those that are given, or else the palette's."""
    if color is None:
        if n > len(palette()):
            raise DomainError(
                f"{n} fits are more than there are distinguishable colours, "
                f"{len(palette())}. Show fewer, or give their colours as color=[...]."
            )
        return list(palette()[:n])
    chosen = check_color(color)
    if len(chosen) != n:
        raise DomainError(f"color must be {n} colours, one per fit, not {shown(color)}.")
    return chosen


def check_color(color: Any) -> list[str]:
    """Return colours that Matplotlib knows: one, several or none."""
    chosen = [color] if isinstance(color, str) else color
    chosen = [] if chosen is None else chosen
    if not isinstance(chosen, Collection) or not all(is_color_like(c) for c in chosen):
        raise DomainError(
            "color must be a colour that Matplotlib knows, such as 'C0' or '#0072B2', or a list of "
            f"such, not {shown(color)}."
        )
    return list(chosen)


def fitted_runs(fits: Sequence[Shown], scale: LossScale | None = None) -> pd.DataFrame:
    """Return the runs of all fits, each table once, with the name of a ``fit``."""
    tables = {each.fit.runs.fingerprint: named(each, each.fit.runs, scale) for each in fits}
    return pd.concat(tables.values())


def named(each: Shown, runs: Runs, scale: LossScale | None = None) -> pd.DataFrame:
    """Return runs as a table with the name of a ``fit``, losses as they are shown."""
    frame = runs.to_frame()
    frame.insert(0, "fit", each.name)
    return frame if scale is None else frame.assign(loss=scale.show(frame["loss"]))


def expected(value: object, kind: type, function: str) -> None:
    """Refuse what is not of the kind that a public function returns."""
    if not isinstance(value, kind):
        raise DomainError(
            f"Expected a {kind.__name__}, as bs.{function} returns, not {type(value).__name__}."
        )


def dot(color: Any, size: float) -> Line2D:
    """Return a point for a legend."""
    return Line2D([], [], marker="o", linestyle="", markersize=points(size), color=color)


def stroke(color: Any, width: float, style: Literal["-", "--"] = "-") -> Line2D:
    """Return a line for a legend."""
    return Line2D([], [], color=color, linewidth=points(width), linestyle=style)


def draw_legend(ax: Axes, entries: Entries, legend: Legend, *, side_by_side: int = 1) -> None:
    """Draw a legend, artists of one entry laid over each other in ``side_by_side`` places."""
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
    box = laid_out(ax)
    whole = ax.get_tightbbox() or box
    place: Any = {"loc": "lower left", "bbox_to_anchor": ((whole.x0 - box.x0) / box.width, 1)}
    for columns in range(min(len(entries), 4), 0, -1):
        drawn = ax.legend(
            **place, ncols=columns, frameon=False, borderaxespad=0.1, borderpad=0.2,
            columnspacing=1.2, labelspacing=0.25, **common,
        )  # fmt: skip
        if drawn.get_window_extent().width <= whole.width:
            return
