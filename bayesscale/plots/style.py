"""Colours that everybody can tell apart, and a style for figures that go into papers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.rcsetup import cycler

from bayesscale.errors import DomainError

BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, YELLOW, PURPLE, BLACK = "#56B4E9", "#F0E442", "#CC79A7", "#000000"

PALETTE = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, YELLOW, BLACK)
"""The eight colours of Okabe and Ito, strongest on white first."""

FIGURE_SIZES = {1: (3.25, 2.4), 2: (6.75, 3.4)}
"""Width and height in inches of figures that span one and two columns of a paper."""


@contextmanager
def paper_style(columns: Literal[1, 2] = 1) -> Iterator[None]:
    """Draw figures as papers print them. Save them inside the ``with`` block too.

    Text is 6.5 points or more at the printed width, and stays text in PDF and SVG files, so that
    it can be searched and edited. Nothing changes outside the block.

    Parameters
    ----------
    columns
        Columns that a new figure spans: 1 is 3.25 inches wide, 2 is 6.75.

    Yields
    ------
    None
        Matplotlib's settings are in force.

    Raises
    ------
    DomainError
        If ``columns`` is neither 1 nor 2.

    References
    ----------
    .. [1] Okabe and Ito (2008), Color Universal Design, for the palette.

    Examples
    --------
    >>> with paper_style():                                       # doctest: +SKIP
    ...     plot_loss(fit).figure.savefig("loss.pdf")
    """
    if columns not in FIGURE_SIZES:
        raise DomainError(f"columns must be 1 or 2, not {columns!r}.")
    settings: dict[Any, Any] = {
        "figure.figsize": FIGURE_SIZES[columns],
        "figure.dpi": 150,
        "savefig.dpi": 300,
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
        "ps.fonttype": 42,
        "axes.prop_cycle": cycler(color=PALETTE),
        "font.size": 8,
        "axes.titlesize": 8,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 6.8,
        "legend.handlelength": 1.5,
        "legend.borderaxespad": 0.4,
        "axes.linewidth": 0.6,
        "lines.linewidth": 1.1,
        "lines.markersize": 4.5,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
    }
    with mpl.rc_context(settings):
        yield
