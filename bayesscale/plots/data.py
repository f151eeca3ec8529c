"""The numbers behind a picture."""

from typing import Any

from bayesscale._arguments import choice
from bayesscale.plots.allocation import allocation_data
from bayesscale.plots.backtest import backtest_data, coverage_data
from bayesscale.plots.comparison import comparison_data, sensitivity_data
from bayesscale.plots.isoflops import isoflops_data
from bayesscale.plots.loss import loss_data
from bayesscale.plots.recipes import recipes_data
from bayesscale.plots.regret import regret_data
from bayesscale.plots.residuals import residuals_data
from bayesscale.plots.task import task_data

DATA = {
    "allocation": allocation_data, "backtest": backtest_data, "comparison": comparison_data,
    "coverage": coverage_data, "isoflops": isoflops_data,
    "loss": loss_data, "recipes": recipes_data, "regret": regret_data,
    "residuals": residuals_data, "sensitivity": sensitivity_data, "task": task_data,
}  # fmt: skip


def plot_data(plot: str, result: Any, **options: Any) -> Any:
    """Return the numbers that a plot draws, for plots of your choice.

    Parameters
    ----------
    plot
        Name of a plot without its ``plot_``, such as ``"loss"`` or ``"allocation"``.
    result
        What the plot draws: a fit, a mapping of names to fits, a back-test, a comparison, ...
    **options
        Arguments of the plot that change its numbers, such as ``ci_prob`` or ``flops_max``, and
        ``label``; not arguments of appearance.

    Returns
    -------
    LossData, AllocationData, ...
        A frozen dataclass of tables, which documents its attributes.

    Raises
    ------
    UnknownNameError
        If there is no such plot.
    DomainError
        If the plot does not draw such a result, or an option is outside its domain.

    Examples
    --------
    >>> bs.plot_data("loss", fit, held_out=large).frontier        # doctest: +SKIP
    """
    return DATA[choice("plot", plot, DATA)](result, **options)
