"""Colours for all kinds of colour vision, and a style for papers and slides, light and dark."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.rcsetup import cycler

from bayesscale._arguments import choice
from bayesscale.errors import DomainError

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, YELLOW, PURPLE, BLACK, WHITE = "#56B4E9", "#F0E442", "#CC79A7", "#000000", "#FFFFFF"

LIGHT = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DARK = (SKY, ORANGE, GREEN, PURPLE, YELLOW, VERMILION, WHITE)
"""Seven of the eight colours of Okabe and Ito on white and on black, strongest first."""

FIGURE_SIZES = {1: (3.25, 2.6), 2: (6.75, 3.4)}
"""Width and height in inches of figures that span one and two columns of a paper."""

SLIDE_SIZE, SLIDE_TEXT = (10.0, 5.6), 18.0

PAPER_TEXT = 8.0
"""Points of text in a paper; marks and lines are drawn in proportion to text."""

GROUNDS = {"light": ("#FFFFFF", "#1A1A1A"), "dark": ("#14171C", "#E8E8E8")}
"""Paper and ink of each theme."""


@contextmanager
def plot_style(
    medium: Literal["paper", "slide"] = "paper",
    *,
    theme: Literal["light", "dark"] = "light",
    columns: Literal[1, 2] = 1,
) -> Iterator[None]:
    """Draw figures in the style of papers or slides. Save them inside the block too.

    In a paper text is 6.5 points or more at the printed width; on a slide it can be read from the
    back. It stays text in PDF and SVG files, so that it can be searched and edited. Nothing
    changes outside the block.

    Parameters
    ----------
    medium
        ``"paper"`` or ``"slide"``.
    theme
        ``"light"`` or ``"dark"``.
    columns
        Columns of a paper that a new figure spans: 1 is 3.25 inches wide, 2 is 6.75.

    Yields
    ------
    None
        Matplotlib's settings are in force.

    Raises
    ------
    UnknownNameError
        If there is no such medium or theme.
    DomainError
        If ``columns`` is neither 1 nor 2.

    References
    ----------
    .. [1] Okabe and Ito (2008), Color Universal Design, for the palette.

    Examples
    --------
    >>> with bs.plot_style("slide", theme="dark"):                # doctest: +SKIP
    ...     bs.plot_loss(fit).figure.savefig("loss.png")
    """
    choice("medium", medium, ("paper", "slide"))
    choice("theme", theme, GROUNDS)
    if columns not in FIGURE_SIZES:
        raise DomainError(f"columns must be 1 or 2, not {columns!r}.")
    slide = medium == "slide"
    text = SLIDE_TEXT if slide else PAPER_TEXT
    size = SLIDE_SIZE if slide else FIGURE_SIZES[columns]
    with mpl.rc_context(_settings(text, size, *GROUNDS[theme], dpi=150 if slide else 300)):
        yield


def _settings(
    text: float, size: tuple[float, float], paper: str, ink: str, *, dpi: int
) -> dict[Any, Any]:
    """Return Matplotlib's settings; lengths in points grow with the text."""
    k = text / PAPER_TEXT
    lengths = {
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.1,
        "lines.markersize": 4.5,
        "legend.borderaxespad": 0.4 / k,  # in units of the text
    }
    for axis in "xy":
        lengths |= {f"{axis}tick.major.width": 0.6, f"{axis}tick.minor.width": 0.4}
        lengths |= {f"{axis}tick.major.size": 3, f"{axis}tick.minor.size": 1.5}
    grounds = ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor")
    inks = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return {
        **{name: k * value for name, value in lengths.items()},
        **dict.fromkeys(grounds, paper),
        **dict.fromkeys(inks, ink),
        "axes.prop_cycle": cycler(color=DARK if is_dark(paper) else LIGHT),
        "figure.figsize": size, "figure.dpi": 150, "savefig.dpi": dpi,
        "svg.fonttype": "none", "pdf.fonttype": 42, "ps.fonttype": 42,
        "font.size": text, "axes.titlesize": text, "axes.labelsize": text,
        "xtick.labelsize": 0.875 * text, "ytick.labelsize": 0.875 * text,
        "legend.fontsize": 0.85 * text, "legend.handlelength": 1.5,
    }  # fmt: skip


def is_dark(paper: Any) -> bool:
    """Return whether a ground is dark."""
    return float(np.dot(to_rgb(paper), (0.2126, 0.7152, 0.0722))) < 0.4


def paper() -> str:
    """Return the ground that is drawn on."""
    return to_hex(mpl.rcParams["axes.facecolor"])


def palette() -> tuple[str, ...]:
    """Return the colours of curves, strongest first on the ground that is drawn on."""
    return DARK if is_dark(paper()) else LIGHT


def ink(strength: float = 1.0) -> str:
    """Return the colour of text, or one between it and the ground."""
    return blend(mpl.rcParams["text.color"], strength)


def blend(color: Any, strength: float) -> str:
    """Return a colour as it looks through: between itself, at 1, and the ground, at 0."""
    ground = np.array(to_rgb(paper()))
    return to_hex(tuple(strength * np.array(to_rgb(color)) + (1 - strength) * ground))


def points(size: float) -> float:
    """Return a length that is so many points beside the text of a paper, beside the text here."""
    return size * mpl.rcParams["font.size"] / PAPER_TEXT
