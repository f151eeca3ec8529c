"""Loss against compute: the runs, the law, and where it extrapolates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.pyplot import get_cmap

from bayesscale._format import percent
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import stated, summary_columns
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.split import optimal_split
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.model.posterior import Posterior
from bayesscale.plots._axes import (
    axes_or_new,
    draw_band,
    draw_legend,
    draw_size_key,
    mark_extrapolation,
    name_size,
    sizes_up_to,
    write_losses,
    write_sizes,
)
from bayesscale.plots.style import BLACK, VERMILION
from bayesscale.quantities import LOSS, quantity
from bayesscale.runs import Runs


@dataclass(frozen=True)
class LossData:
    """What :func:`plot_loss` draws.

    Parameters
    ----------
    frontier
        The law along the axis, smallest size first. First column ``x``; then medians,
        ``_lower`` and ``_upper`` of ``law_loss`` and of ``loss``, a new run's with its noise
        (nats/token).
    runs, held_out
        The fitted runs and those held out, as :meth:`Runs.to_frame` returns them.
    extrapolation_begins
        The largest ``x`` among the fitted runs.
    x
        What the axis shows: ``"flops"``, or the input of a law of one variable.
    optimal
        Whether the frontier is that of the best split of each budget.
    ci_prob
        Probability of the equal-tailed bands.
    """

    frontier: pd.DataFrame
    runs: pd.DataFrame
    held_out: pd.DataFrame | None
    extrapolation_begins: float
    x: str
    optimal: bool
    ci_prob: float


def loss_data(
    fit: Fit | Average,
    *,
    held_out: Runs | None = None,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    given: Mapping[str, float] | None = None,
) -> LossData:
    """Return the numbers that :func:`plot_loss` draws; the arguments are the same.

    Parameters
    ----------
    fit
        A fitted law, or an average of several.
    held_out
        Runs that were not fitted.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1).
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.

    Returns
    -------
    LossData
        Tables of the curve and the runs.

    Raises
    ------
    DomainError
        If an option is outside its domain, ``flops_max`` is given for a law that does not know
        compute, or the law has no compute-optimal split.

    Examples
    --------
    >>> loss_data(fit, held_out=large).frontier                   # doctest: +SKIP
    """
    mixture, runs = Mixture.of(fit), fit.runs
    law = mixture.host.law
    interval_tails(ci_prob)
    if not (held_out is None or isinstance(held_out, Runs)):
        raise DomainError(
            f"held_out must be Runs, such as the second of runs.split_by_compute(), "
            f"not {type(held_out).__name__}."
        )
    x = "flops" if law.split else next(iter(law.quantities))
    if flops_max is not None and x != "flops":
        raise DomainError(
            f"The law {law.name!r} is drawn against {x}, not compute: leave flops_max out."
        )
    fitted = runs[x]
    shown = fitted if held_out is None else np.concatenate([fitted, held_out[x]])
    sizes = sizes_up_to(shown, flops_max)
    other = [name for name in law.quantities if name not in law.split and name != x]
    further = stated(law, given or {}, wanted=other)

    def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Any]:
        inputs = {x: sizes} | further
        if law.split:
            split = optimal_split(posterior, sizes, runs_cost(runs), further)
            inputs = {"params": split.params, "tokens": split.tokens} | further
        law_loss = posterior.law_loss(inputs)
        # one draw of noise for all sizes, so that the band's edges are as smooth as the law
        noise = posterior.new_runs(np.zeros((len(posterior), 1)), rng)
        return {"law_loss": law_loss, "loss": law_loss * noise}

    columns = {x: sizes}
    for name, values in mixture.ask(question).items():
        columns |= summary_columns(name, values, ci_prob)
    return LossData(
        frontier=pd.DataFrame(columns),
        runs=runs.to_frame(),
        held_out=None if held_out is None else held_out.to_frame(),
        extrapolation_begins=float(fitted.max()),
        x=x,
        optimal=bool(law.split),
        ci_prob=ci_prob,
    )


def plot_loss(
    fit: Fit | Average,
    *,
    held_out: Runs | None = None,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw loss against training compute: the runs, the law and where it extrapolates.

    The curve is the loss at the compute-optimal split of every budget, so that runs lie on it or
    above it. A law of one variable is drawn against that variable instead.

    Parameters
    ----------
    fit
        A fitted law, or an average of several.
    held_out
        Runs that were not fitted, to see whether they fall where the law says.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1): the dark one holds the law, the light
        one a new run with its noise.
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.
    ax
        Axes to draw into; by default those of a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, both logarithmic.

    Raises
    ------
    DomainError
        If an option is outside its domain, ``flops_max`` is given for a law that does not know
        compute, or the law has no compute-optimal split.

    Notes
    -----
    Compute is counted as the runs count it: 6ND, scaled by the median of their own count over 6ND
    where they bring one. The bands carry the fit's discrepancy.

    Examples
    --------
    >>> small, large = runs.split_by_compute(factor=10)           # doctest: +SKIP
    >>> bs.plot_loss(bs.fit(small), held_out=large)               # doctest: +SKIP
    """
    data = loss_data(fit, held_out=held_out, ci_prob=ci_prob, flops_max=flops_max, given=given)
    curve, x, shown = data.frontier, data.x, quantity(data.x)
    ax = axes_or_new(ax)
    ax.set(xscale="log", yscale="log", xlabel=name_size(shown), ylabel=f"loss ({LOSS.unit})")
    new_run = draw_band(ax, curve, x, "loss", color=VERMILION, alpha=0.2)
    law = draw_band(ax, curve, x, "law_loss", color=VERMILION, alpha=0.5)
    (median,) = ax.plot(curve[x], curve["law_loss"], color=VERMILION, linewidth=0.8, zorder=3)
    fitted = _draw_runs(ax, data)
    name = "compute-optimal" if data.optimal else "law"
    entries: dict[str, Artist | tuple[Artist, ...]] = {
        f"{name}, {percent(ci_prob)}": (law, median),
        f"new run, {percent(ci_prob)}": new_run,
        "fitted runs": fitted,
    }
    if data.held_out is not None:
        (entries["held-out runs"],) = ax.plot(
            data.held_out[x], data.held_out["loss"], "D", color=BLACK, markerfacecolor="none",
            markersize=3.5, markeredgewidth=0.7, zorder=4,
        )  # fmt: skip
    ends = curve[x].iloc[0], curve[x].iloc[-1]
    write_sizes(ax.xaxis, shown, *ends)
    write_losses(ax.yaxis, *ax.get_ylim())
    mark_extrapolation(ax, data.extrapolation_begins, *ends)
    # losses fall, so the upper right is free; the topmost line belongs to the label
    draw_legend(ax, entries, "upper right", top=0.93)
    return ax


def _draw_runs(ax: Axes, data: LossData) -> Line2D:
    """Draw the fitted runs, coloured by a size that is not on the axis, with a key to it.

    Returns
    -------
    matplotlib.lines.Line2D
        A point for the legend.
    """
    name = "tokens" if data.x == "params" else "params"
    low, high = data.runs[name].min(), data.runs[name].max()
    blues = LinearSegmentedColormap.from_list(
        "sizes",
        get_cmap("Blues")(np.linspace(0.3, 1, 64)),  # white paper swallows the lightest
    )
    points = ax.scatter(
        data.runs[data.x], data.runs["loss"], c=data.runs[name], cmap=blues,
        norm=LogNorm(low, high), s=12, linewidths=0, zorder=2,
    )  # fmt: skip
    if low < high:
        draw_size_key(ax, points, quantity(name), low, high)
    return Line2D([], [], marker="o", linestyle="", markersize=3.5, color=blues(0.5))
