"""The fitted surface over parameters and tokens, with the runs and the best way through it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.ticker import MaxNLocator

from bayesscale._arguments import interval_tails
from bayesscale._format import percent
from bayesscale.forecast import Purchase, Terms
from bayesscale.inference import Average, Fit
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Entries, Legend
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

    ``surface``: one row a point of the grid: ``params``, ``tokens`` and the median ``law_loss``;
    ``frontier``: one row a budget: ``flops``; ``params`` and ``tokens`` of the best split, medians;
    and the ends of its interval at that budget, ``params_lower`` with ``tokens_upper`` and
    ``params_upper`` with ``tokens_lower``; ``runs``: the fitted runs, as :meth:`Runs.to_frame`
    returns them; ``extrapolation_begins``: the largest compute among the fitted runs, FLOP;
    ``ci_prob``: probability of the equal-tailed interval of the frontier; ``unit``: unit of all
    losses.
    """

    surface: pd.DataFrame
    frontier: pd.DataFrame
    runs: pd.DataFrame
    extrapolation_begins: float
    ci_prob: float
    unit: str


def contour_data(
    fit: Fit | Average, *, ci_prob: float = 0.9, flops_max: float | None = None,
    unit: ShownLoss | None = None, terms: Terms | None = None,
) -> ContourData:  # fmt: skip
    """Return what :func:`plot_contour` draws."""
    scale = _shown.loss_scale(_shown.resolve(fit), unit)
    interval_tails(ci_prob)
    purchase = Purchase.of(fit, terms)
    mixture, runs = purchase.mixture, purchase.mixture.host.runs
    shown = _axes.sizes_up_to(runs.flops, flops_max)
    frontier = purchase.summary(np.geomspace(shown[0], shown[-1], BUDGETS), ci_prob)
    sides = {
        name: np.geomspace(
            min(runs[name].min(), frontier[name].min()) / MARGIN,
            max(runs[name].max(), frontier[name].max()) * MARGIN,
            GRID,
        )
        for name in ("params", "tokens")
    }
    n, d = (side.ravel() for side in np.meshgrid(sides["params"], sides["tokens"]))
    median = [np.median(purchase.law_loss(n[k], d[k]), axis=(0, 1)) for k in mixture.blocks(len(n))]
    losses = scale.show(np.concatenate(median))
    return ContourData(
        surface=pd.DataFrame({"params": n, "tokens": d, "law_loss": losses}),
        frontier=frontier,
        runs=runs.to_frame().assign(loss=scale.show(runs.loss)),
        extrapolation_begins=float(runs.flops.max()), ci_prob=ci_prob, unit=scale.unit,
    )  # fmt: skip


@_shown.drawing
def plot_contour(
    fit: Fit | Average, *, ci_prob: float = 0.9, flops_max: float | None = None,
    unit: ShownLoss | None = None, terms: Terms | None = None,
    ax: Axes | None = None, color: str | None = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw lines of equal loss over parameters and tokens, the runs, and the best way through.

    The frontier, from budget to budget, is solid where there are runs of that compute and dashed
    beyond. Its band is the interval of N* at each budget.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    color
        Colour of the frontier.

    References
    ----------
    .. [1] Hoffmann et al. (2022), figure 4, arXiv:2203.15556.

    Examples
    --------
    >>> bs.plot_contour(fit)                                      # doctest: +SKIP
    """
    fits = _shown.resolve(fit, color=color)
    hue = fits[0].color if color is not None else palette()[1]
    data = contour_data(fit, ci_prob=ci_prob, flops_max=flops_max, unit=unit, terms=terms)
    x, y = f"{_axes.name_size(PARAMS)} $N$", f"{_axes.name_size(TOKENS)} $D$"
    ax = _axes.new(ax, xscale="log", yscale="log", xlabel=x, ylabel=y)
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
    entries["runs"] = _shown.dot(shades(0.5), 3.4)
    entries[f"lines: loss, {data.unit}"] = _shown.stroke(shades(0.5), 0.7)
    _axes.write_sizes(ax.xaxis, PARAMS, *ax.get_xlim())
    _axes.write_sizes(ax.yaxis, TOKENS, *ax.get_ylim())
    _shown.draw_legend(ax, entries, legend)
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
    return {f"compute-optimal, {percent(data.ci_prob)}": (band[0], line), "extrapolated": dashes}
