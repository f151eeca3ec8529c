"""The figures of results, and their files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bayesscale._files import MADE_BY, atomic_write
from bayesscale._sections import Figure

if TYPE_CHECKING:
    from bayesscale.planning.plan import Plan

SUFFIXES = (".png", ".svg")

PLAN = ("loss", "allocation")
"""Names of the figures of a plan."""


def plan_figures(plan: Plan) -> list[Figure]:
    """Return the loss as the smaller runs foresaw it, or as all do, and the allocation."""
    from bayesscale.plots.allocation import plot_allocation
    from bayesscale.plots.loss import plot_loss

    fit, held_out = plan.tested or (plan.fit, None)
    end = float(plan.summary.index.max())
    drawn = (
        partial(plot_loss, fit, held_out=held_out, ci_prob=plan.ci_prob, given=plan.given),
        partial(plot_allocation, plan.fit, flops_max=end, ci_prob=plan.ci_prob, given=plan.given),
    )
    return [
        Figure(name, lambda ax, draw=draw: draw(ax=ax))
        for name, draw in zip(PLAN, drawn, strict=True)
    ]


def figure_files(names: Iterable[str]) -> list[str]:
    """Return the files that figures of these names are written to."""
    return [f"{name}{suffix}" for name in names for suffix in SUFFIXES]


def write_figures(figures: Iterable[Figure], folder: Path) -> None:
    """Write every figure into a folder that exists, for paper and for screen.

    Raises
    ------
    FileError
        If a file cannot be written.
    """
    from matplotlib.figure import Figure as Canvas

    from bayesscale.plots.style import plot_style

    with plot_style():
        for figure in figures:
            canvas = Canvas(layout="constrained")
            figure.draw(canvas.subplots())
            for name in figure_files([figure.name]):
                with atomic_write(folder / name) as temporary:
                    canvas.savefig(temporary, metadata={"Creator": MADE_BY})
