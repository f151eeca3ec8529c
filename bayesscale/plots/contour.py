"""The fitted surface over parameters and tokens, with the runs and the best way through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesscale._format import percent
from bayesscale.forecast import (
    Mixture,
    optimal_split,
    runs_cost,
    stated,
    summary_columns,
    wanted_beside_split,
)
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.model import Posterior
from bayesscale.plots._axes import axes_or_new, name_size, sizes_up_to, write_sizes
from bayesscale.plots._shown import (
    Entries,
    Legend,
    checked_legend,
    draw_legend,
    loss_scale,
    shown_fits,
)
from bayesscale.plots.style import blend, ink, palette, paper, points
from bayesscale.quantities import PARAMS, TOKENS, ShownLoss

GRID = 41
"""Sizes a side of the surface."""

BUDGETS = 25

MARGIN = 1.5
"""The surface reaches this far beyond the runs and the frontier."""

LEVELS = 12


@dataclass(frozen=True)
class ContourData:
    """What :func:`plot_contour` draws.

    Parameters
    ----------
    surface
        One row a point of the grid: ``params``, ``tokens`` and the median ``law_loss``.
    frontier
        One row a budget: ``flops``; ``params`` and ``tokens`` of the best split, medians; and the
        ends of its interval at that budget, ``params_lower`` with ``tokens_upper`` and
        ``params_upper`` with ``tokens_lower``.
    runs
        The fitted runs, as :meth:`Runs.to_frame` returns them.
    extrapolation_begins
        The largest compute among the fitted runs, FLOP.
    ci_prob
        Probability of the equal-tailed interval of the frontier.
    unit
        Unit of all losses.
    """

    surface: pd.DataFrame
    frontier: pd.DataFrame
    runs: pd.DataFrame
    extrapolation_begins: float
    ci_prob: float
    unit: str


def contour_data(
    fit: Fit | Average,
    *,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
) -> ContourData:
    """Return the numbers that :func:`plot_contour` draws.

    Parameters
    ----------
    fit, ci_prob, flops_max, unit, given
        As for :func:`plot_contour`.

    Returns
    -------
    ContourData
        Tables of the surface, the frontier and the runs.

    Raises
    ------
    DomainError
        If an option is outside its domain, or the law has no compute-optimal split.

    Examples
    --------
    >>> contour_data(fit).frontier                                # doctest: +SKIP
    """
    fits = shown_fits(fit)
    interval_tails(ci_prob)
    scale, mixture = loss_scale(fits, unit), Mixture.of(fit)
    law, runs = mixture.host.law, mixture.host.runs
    cost = runs_cost(runs)
    further = stated(law, given or {}, wanted=wanted_beside_split(law))
    every = sizes_up_to(runs.flops, flops_max)
    budgets = np.geomspace(every[0], every[-1], BUDGETS)

    def split(posterior: Posterior, _: object) -> dict[str, Any]:
        best = optimal_split(posterior, budgets, cost, further)
        return {"params": best.params, "tokens": best.tokens}

    frontier: dict[str, Any] = {"flops": budgets}
    for name, values in mixture.ask(split).items():
        frontier |= summary_columns(name, values, ci_prob)
    sides = {
        name: np.geomspace(
            min(runs[name].min(), frontier[name].min()) / MARGIN,
            max(runs[name].max(), frontier[name].max()) * MARGIN,
            GRID,
        )
        for name in ("params", "tokens")
    }
    n, d = (side.ravel() for side in np.meshgrid(sides["params"], sides["tokens"]))
    median = [
        np.median(mixture.ask(lambda p, _, at=at: {"loss": p.law_loss(at)})["loss"], axis=(0, 1))
        for at in ({"params": n[k], "tokens": d[k]} | further for k in mixture.blocks(len(n)))
    ]
    losses = scale.show(np.concatenate(median))
    return ContourData(
        surface=pd.DataFrame({"params": n, "tokens": d, "law_loss": losses}),
        frontier=pd.DataFrame(frontier),
        runs=runs.to_frame().assign(loss=scale.show(runs.loss)),
        extrapolation_begins=float(runs.flops.max()),
        ci_prob=ci_prob,
        unit=scale.unit,
    )


def plot_contour(
    fit: Fit | Average,
    *,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    color: str | None = None,
    legend: Legend = True,
) -> Axes:
    """Draw lines of equal loss over parameters and tokens, the runs, and the best way through.

    The frontier, from budget to budget, is solid where there are runs of that compute and dashed
    beyond. Its band is the interval of N* at each budget.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    ci_prob
        Probability of the equal-tailed interval of the frontier, in (0, 1).
    flops_max
        End of the frontier, FLOP, above the smallest run; by default ten times the largest.
    unit
        Unit of the losses: ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or
        ``"perplexity"``; by default that of the runs' source.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.
    ax
        Axes to draw into; by default those of a new figure.
    color
        Colour of the frontier.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place such as
        ``"upper left"`` draws it inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, both logarithmic.

    Raises
    ------
    DomainError
        If an option is outside its domain, or the law has no compute-optimal split.
    UnknownNameError
        If there is no such unit or place.

    References
    ----------
    .. [1] Hoffmann et al. (2022), figure 4, arXiv:2203.15556.

    Examples
    --------
    >>> bs.plot_contour(fit)                                      # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, color=color)
    hue = fits[0].color if color is not None else palette()[1]
    data = contour_data(fit, ci_prob=ci_prob, flops_max=flops_max, unit=unit, given=given)
    ax = axes_or_new(ax)
    ax.set(
        xscale="log", yscale="log", xlabel=f"{name_size(PARAMS)} $N$",
        ylabel=f"{name_size(TOKENS)} $D$",
    )  # fmt: skip
    grid = data.surface.pivot(index="tokens", columns="params", values="law_loss")
    losses = grid.to_numpy()
    norm = LogNorm(losses.min(), losses.max())
    shades = LinearSegmentedColormap.from_list(
        "loss", [ink(0.9), palette()[0], blend(palette()[0], 0.45)]
    )
    levels = np.exp(MaxNLocator(LEVELS).tick_values(*np.log([losses.min(), losses.max()])))
    levels = np.unique([float(f"{level:.3g}") for level in levels])
    lines = ax.contour(
        grid.columns, grid.index, losses, levels=levels, cmap=shades, norm=norm,
        linewidths=points(0.7),
    )  # fmt: skip
    ground = {"facecolor": paper(), "edgecolor": "none", "alpha": 0.8, "pad": points(0.3)}
    for label in ax.clabel(lines, fmt="%.3g", fontsize=points(6.5)):
        label.set(zorder=5, bbox=ground)
    ax.scatter(
        data.runs["params"], data.runs["tokens"], c=data.runs["loss"], cmap=shades, norm=norm,
        s=points(3.4) ** 2, linewidths=0, zorder=3,
    )  # fmt: skip
    entries = _draw_frontier(ax, data, hue)
    entries["runs"] = Line2D(
        [], [], marker="o", linestyle="", markersize=points(3.4), color=shades(0.5)
    )
    entries[f"lines: loss, {data.unit}"] = Line2D([], [], color=shades(0.5), linewidth=points(0.7))
    write_sizes(ax.xaxis, PARAMS, *ax.get_xlim())
    write_sizes(ax.yaxis, TOKENS, *ax.get_ylim())
    draw_legend(ax, entries, place)
    return ax


def _draw_frontier(ax: Axes, data: ContourData, hue: str) -> Entries:
    """Draw the best splits: the band across, along lines of equal compute, and the medians."""
    path = data.frontier
    # of two sizes at one budget, more parameters go with fewer tokens
    band = ax.fill(
        np.concatenate([path["params_lower"], path["params_upper"][::-1]]),
        np.concatenate([path["tokens_upper"], path["tokens_lower"][::-1]]),
        color=hue, alpha=0.3, linewidth=0, zorder=2.5,
    )  # fmt: skip
    inside = path["flops"] <= data.extrapolation_begins
    beyond = path[path["flops"] >= path["flops"][inside].max()]
    (line,) = ax.plot(
        path["params"][inside], path["tokens"][inside], color=hue, linewidth=points(1.2), zorder=4
    )
    (dashes,) = ax.plot(
        beyond["params"], beyond["tokens"], "--", color=hue, linewidth=points(1.2), zorder=4
    )
    return {
        f"compute-optimal, {percent(data.ci_prob)}": (band[0], line),
        "extrapolated": dashes,
    }
