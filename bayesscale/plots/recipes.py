"""The compute multiplier of recipes, with their ladders and residuals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Legend
from bayesscale.plots.style import ink, points
from bayesscale.quantities import FLOPS
from bayesscale.recipes import RecipeComparison

RESIDUAL_DRAWS = 200


@dataclass(frozen=True)
class RecipesData:
    """What :func:`plot_recipes` draws.

    ``curve``: the multiplier along compute, by ``recipe``; ``crossover``, of it; ``runs``: their
    ``recipe``, ``flops``, ``loss`` (nats/token) and mean ``residual`` of log loss from the form of
    the model with the largest weight; ``largest``: compute of the largest run.
    """

    curve: pd.DataFrame
    crossover: pd.DataFrame
    runs: pd.DataFrame
    largest: float


def recipes_data(comparison: RecipeComparison) -> RecipesData:
    """Return what :func:`plot_recipes` draws."""
    _shown.expected(comparison, RecipeComparison, "compare_recipes")
    fit = comparison.of.fits[str(comparison.forms["weight"].idxmax())]
    runs = fit.runs.to_frame()
    codes = [f"recipe_{i}" for i in range(1, len(comparison.names))]
    member = (runs[codes].to_numpy() @ np.arange(1, len(codes) + 1)).astype(int)
    residual = fit.posterior.thin(RESIDUAL_DRAWS).residuals(fit.runs).mean(axis=0)
    runs = runs.assign(recipe=np.array(comparison.names, object)[member], residual=residual)
    shown = runs[["recipe", "flops", "loss", "residual"]]
    return RecipesData(comparison.curve, comparison.crossover, shown, float(runs["flops"].max()))


@_shown.drawing
def plot_recipes(
    comparison: RecipeComparison, *, ax: Sequence[Axes] | None = None, color: Colors = None,
    legend: Legend = True,
) -> Figure:  # fmt: skip
    """Draw the compute multiplier against compute, the ladders, and residuals of log loss.

    A dotted line marks where the curves of recipe and baseline cross, if that is more likely than
    not.

    Parameters
    ----------
    comparison
        What :func:`~bayesscale.compare_recipes` returned.
    ax
        Three axes to draw into; by default those of a new figure.
    color
        Matplotlib colours, the baseline's first.

    Examples
    --------
    >>> bs.plot_recipes(bs.compare_recipes(runs))                 # doctest: +SKIP
    """
    data = recipes_data(comparison)
    figure, (ratio, ladder, residual) = _axes.panels(3, ax)
    hues = dict(zip(comparison.names, _shown.colors_for(len(comparison.names), color), strict=True))
    flops = data.curve["flops"]
    ratio.axhline(1, color=hues[comparison.names[0]], linewidth=points(0.8))
    residual.axhline(0, color=ink(0.7), linewidth=points(0.8))
    entries: Entries = {}
    for name, hue in hues.items():
        runs = data.runs[data.runs["recipe"] == name]
        entries[_axes.plain(name)] = _axes.draw_points(ladder, runs["flops"], runs["loss"], hue)
        _axes.draw_points(residual, runs["flops"], runs["residual"], hue)
        line = data.curve[data.curve["recipe"] == name]
        if line.empty:
            line = data.curve.groupby("flops", as_index=False).first().assign(multiplier=1.0)
        else:
            _axes.draw_band(ratio, line, "flops", "multiplier", color=hue, alpha=0.2)
            ratio.plot(line["flops"], line["multiplier"], color=hue)
            if data.crossover["prob"][name] > 0.5:
                ratio.axvline(data.crossover["flops"][name], color=hue, linestyle=":")
        own_flops = line["flops"] / line["multiplier"].where(line["multiplier"] > 0)
        ladder.plot(own_flops, line["loss"], color=hue)
    for axes, label in ((ratio, "compute multiplier"), (ladder, "loss (nats/token)"),
                        (residual, "residual of log loss")):  # fmt: skip
        axes.set(xscale="log", xlabel=_axes.name_size(FLOPS), ylabel=label)
        _axes.write_sizes(axes.xaxis, FLOPS, flops.min(), flops.max())
        _axes.mark_extrapolation(axes, data.largest, flops.min(), flops.max())
    _shown.draw_legend(ladder, entries, legend)
    return figure
