"""The figures of the quickstart."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bayesscale._files import MADE_BY, atomic_write

if TYPE_CHECKING:
    from bayesscale.inference.result import Fit
    from bayesscale.runs import Runs

FIGURES = ("loss.png", "loss.svg", "allocation.png", "allocation.svg")


def draw_figures(
    folder: Path,
    *,
    fit: "Fit",
    tested: "tuple[Fit, Runs] | None",
    ci_prob: float,
    flops_max: float,
) -> None:
    """Write all the figures.

    Parameters
    ----------
    folder
        Where to. It must exist.
    fit
        The fit of all runs.
    tested
        A fit of the smaller runs and the larger ones: the loss is drawn as it foresaw them.
    ci_prob
        Probability of the bands.
    flops_max
        End of the axis of budgets, FLOP.

    Raises
    ------
    FileError
        If a figure cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")  # there may be no display
    from matplotlib import pyplot as plt

    from bayesscale.plots.allocation import plot_allocation
    from bayesscale.plots.loss import plot_loss
    from bayesscale.plots.style import paper_style

    shown, held_out = tested or (fit, None)
    draw = {
        "loss": partial(plot_loss, shown, held_out=held_out, ci_prob=ci_prob),
        "allocation": partial(plot_allocation, fit, flops_max=flops_max, ci_prob=ci_prob),
    }
    with paper_style():
        for stem, plot in draw.items():
            figure, ax = plt.subplots(layout="constrained")
            plot(ax=ax)
            for path in (folder / name for name in FIGURES if Path(name).stem == stem):
                with atomic_write(path) as temporary:
                    figure.savefig(temporary, metadata={"Creator": MADE_BY})
            plt.close(figure)
