"""The pictures of a report: what draws them, as addresses within a page, and as files."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bayesscale._files import MADE_BY, atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

LARGEST_SVG = 400_000
"""Bytes: larger pictures, of very many runs, are put into the page as PNG."""

STEMS = (
    "loss", "residuals", "isoflops", "allocation", "regret", "comparison",
    "prior_sensitivity", "backtest", "coverage", "recipes", "task",
)  # fmt: skip
"""Names of the files that pictures may be written to."""


@dataclass(frozen=True)
class Picture:
    """A figure of the report, with its takeaway, and its main numbers in words."""

    stem: str
    name: str
    draw: Callable[[], Axes | Canvas]
    takeaway: str
    numbers: str = ""

    @property
    def alternative(self) -> str:
        """The text that stands for the picture."""
        return " ".join(filter(None, [f"{self.name}.", self.takeaway, self.numbers]))


@dataclass(frozen=True)
class Drawn:
    """A picture as it was drawn: SVG, and its address in a page."""

    svg: bytes
    address: str


def draw(picture: Picture) -> Drawn:
    """Draw a picture."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure as Canvas

    from bayesscale.plots import plot_style

    with plot_style(columns=2):
        made = picture.draw()
        figure = made if isinstance(made, Canvas) else made.get_figure(root=True)
        assert figure is not None
        try:
            svg = io.BytesIO()
            figure.savefig(svg, format="svg", metadata={"Creator": MADE_BY, "Date": None})
            shown, kind = svg, "svg+xml"
            if svg.tell() > LARGEST_SVG:
                shown, kind = io.BytesIO(), "png"
                figure.savefig(shown, format="png", dpi=160)
        finally:
            plt.close(figure)
    encoded = base64.b64encode(shown.getvalue()).decode()
    return Drawn(svg.getvalue(), f"data:image/{kind};base64,{encoded}")


def files_in(folder: Path) -> list[Path]:
    """Return the files that pictures in a folder may have."""
    return [folder / f"{stem}.svg" for stem in STEMS]


def save(drawn: dict[str, Drawn], folder: Path) -> None:
    """Write pictures, by their stems, into a folder that exists."""
    for stem, picture in drawn.items():
        with atomic_write(folder / f"{stem}.svg") as temporary:
            temporary.write_bytes(picture.svg)
