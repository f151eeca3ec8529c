"""Slices through the fitted surface at fixed compute, and the posterior of their minimum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from bayesscale._arguments import interval_tails, positive_array
from bayesscale._format import percent, short_exponent
from bayesscale._types import Array
from bayesscale.forecast import Purchase, Terms, summary_columns
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Fits, Legend, Shown
from bayesscale.plots.style import blend, ink, palette, points
from bayesscale.quantities import FLOPS, PARAMS, LossScale, LossUnit
from bayesscale.runs import Runs

MOST_SLICES = 5

NEAR = 1.3
"""A run belongs to a slice whose compute it has within this factor."""

AROUND = 4.0
"""A slice goes this far beyond what is known of its minimum, and at most beyond its runs' sizes."""

RIDGE = 0.16
"""Height of the densities, as a share of the axes'."""

CELLS = 60


@dataclass(frozen=True)
class IsoflopsData:
    """What :func:`plot_isoflops` draws.

    ``slices``: one row per fit, budget and size: ``fit``, ``flops``, ``params``, ``tokens``;
    ``law_loss``, median, ``_lower`` and ``_upper``; ``extrapolated``, whether no run has that
    compute; ``optima``: posterior density of ln N*, one row per fit, budget and size: ``fit``,
    ``flops``, ``params``, ``density``; the density integrates to 1 over ln N; ``runs``: the runs of
    a slice, with its ``slice_flops``; ``ci_prob``: probability of the equal-tailed bands; ``unit``:
    unit of all losses.
    """

    slices: pd.DataFrame
    optima: pd.DataFrame
    runs: pd.DataFrame
    ci_prob: float
    unit: str


def isoflops_data(
    fit: Fits, *, flops: ArrayLike | None = None, ci_prob: float = 0.9,
    unit: LossUnit | None = None, terms: Terms | None = None, label: str | None = None,
) -> IsoflopsData:  # fmt: skip
    """Return what :func:`plot_isoflops` draws."""
    fits = _shown.resolve(fit, label=label)
    interval_tails(ci_prob)
    runs = fits[0].fit.runs
    scale = LossScale.of(runs, unit)
    if flops is None:
        budgets = np.append(levels_of(runs.flops), _axes.BEYOND * runs.flops.max())
    else:
        budgets = np.sort(positive_array("flops", flops, FLOPS.unit))
    slices, optima = [], []
    for each in fits:
        purchase = Purchase.of(each.fit, terms)
        best = purchase.optima(budgets)["params"]
        for i, budget in enumerate(budgets):
            curve, losses = _slice(purchase, budget, best[..., i])
            summary = summary_columns("law_loss", scale.show(losses), ci_prob)
            alone = not _near(each.fit.runs, budget).any()
            named = {"fit": each.name, "flops": budget}
            slices.append(pd.DataFrame(named | curve | summary | {"extrapolated": alone}))
            optima.append(pd.DataFrame(named | _density(best[..., i])))
    frame = runs.to_frame().assign(loss=scale.show(runs.loss))
    distance = np.abs(np.log(runs.flops[:, None] / budgets))
    frame["slice_flops"] = budgets[distance.argmin(axis=1)]
    return IsoflopsData(
        slices=pd.concat(slices, ignore_index=True),
        optima=pd.concat(optima, ignore_index=True),
        runs=frame[distance.min(axis=1) <= np.log(NEAR)], ci_prob=ci_prob, unit=scale.unit,
    )  # fmt: skip


def levels_of(flops: np.ndarray) -> np.ndarray:
    """Return up to five levels of compute: those around which runs gather, else spread evenly."""
    order = np.sort(flops)
    groups = np.split(order, np.flatnonzero(np.diff(np.log(order)) > np.log(NEAR)) + 1)
    levels = [np.median(g) for g in groups if len(g) >= 3 and g[-1] <= 2 * g[0]]
    if len(levels) < 2:
        return np.geomspace(order[0], order[-1], 4)
    chosen = np.unique(np.linspace(0, len(levels) - 1, MOST_SLICES).round().astype(int))
    return np.array(levels)[chosen]


def _near(runs: Runs, budget: float) -> np.ndarray:
    return np.abs(np.log(runs.flops / budget)) <= np.log(NEAR)


def _slice(purchase: Purchase, budget: float, best: Array) -> tuple[dict[str, Array], Array]:
    """Return sizes and tokens around the best ones, and losses there, ``(chain, draw, size)``."""
    runs = purchase.mixture.reference.runs
    low, high = np.nanquantile(best, [0.01, 0.99]) * [1 / AROUND, AROUND]
    tried = runs.params[_near(runs, budget)]
    if len(tried):
        low = min(low, max(tried.min() / 1.5, low / AROUND**2))
        high = max(high, min(tried.max() * 1.5, high * AROUND**2))
    params = np.geomspace(low, high, _axes.POINTS)
    tokens = purchase.cost.tokens(params, np.full(_axes.POINTS, budget))
    return {"params": params, "tokens": tokens}, purchase.law_loss(params, tokens)


def _density(draws: np.ndarray) -> dict[str, np.ndarray]:
    """Return a histogram of ln N*, smoothed by its standard error's width."""
    from scipy.stats import gaussian_kde

    logs = np.log(draws[np.isfinite(draws)])
    low, high = np.quantile(logs, [0.002, 0.998])
    margin = 0.15 * (high - low) + 1e-3
    at = np.linspace(low - margin, high + margin, CELLS)
    inside = logs[(logs >= low) & (logs <= high)]
    spread = inside.std()
    if spread < 1e-6 * max(1.0, abs(low)):  # all draws agree
        return {"params": np.exp(at), "density": np.where(np.arange(CELLS) == CELLS // 2, 1, 0)}
    return {"params": np.exp(at), "density": gaussian_kde(inside)(at)}


@_shown.drawing
def plot_isoflops(
    fit: Fits, *, flops: ArrayLike | None = None, ci_prob: float = 0.9,
    unit: LossUnit | None = None, terms: Terms | None = None,
    ax: Axes | None = None, label: str | None = None, color: Colors = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw loss against parameters at fixed compute, and the posterior of where each is least.

    Bands are of the law without run noise. Densities at the bottom are the posterior of the
    compute-optimal parameters N*, one per slice. A dashed slice has no runs.

    Parameters
    ----------
    flops
        Budgets, FLOP, > 0, shape ``(flops,)``. By default up to five levels of compute that the
        runs have, and one ten times above the largest.

    References
    ----------
    .. [1] Hoffmann et al. (2022), figure 3 (left), arXiv:2203.15556, for slices at fixed compute.

    Examples
    --------
    >>> bs.plot_isoflops(fit, flops=[1e21, 1e22])                 # doctest: +SKIP
    """
    fits = _shown.resolve(fit, label=label, color=color)
    data = isoflops_data(fit, flops=flops, ci_prob=ci_prob, unit=unit, terms=terms, label=label)
    x, y = f"{_axes.name_size(PARAMS)} $N$", LossScale.of(fits[0].fit.runs, unit).noun
    ax = _axes.new(ax, xscale="log", yscale="log", xlabel=x, ylabel=y)
    budgets = data.slices["flops"].unique()
    alone = len(fits) == 1
    shades = _shades(fits[0].color if color is not None else palette()[0], len(budgets))
    entries: Entries = {}
    for each in fits:
        for budget, shade in zip(budgets, shades, strict=True):
            hue = shade if alone else each.color
            curve = _of(data.slices, each, budget)
            band = _axes.draw_band(ax, curve, "params", "law_loss", color=hue, alpha=0.25)
            (line,) = ax.plot(
                curve["params"], curve["law_loss"], color=hue, linewidth=points(0.9), zorder=3,
                linestyle="--" if curve["extrapolated"].all() else "-",
            )  # fmt: skip
            size = f"{short_exponent(f'{budget:.2g}')} FLOP"
            entries.setdefault(size if alone else _axes.plain(each.name), (band, line))
    for budget, shade in zip(budgets, shades, strict=True):
        table = data.runs[data.runs["slice_flops"] == budget]
        hue = shade if alone else ink(0.6)
        _axes.draw_points(ax, table["params"], table["loss"], hue, size=2.6, zorder=3.5)
    _draw_ridges(ax, data, fits, dict(zip(budgets, shades, strict=True)))
    if len(data.runs):
        entries["runs"] = _shown.dot(ink(0.6), 3)
    if data.slices["extrapolated"].any():
        entries["extrapolated"] = _shown.stroke(ink(0.6), 0.9, "--")
    entries[f"band: {percent(ci_prob)}; bottom: density of $N^*$"] = Line2D([], [], alpha=0)
    _axes.write_sizes(ax.xaxis, PARAMS, *ax.get_xlim())
    _axes.write_losses(ax.yaxis, *ax.get_ylim())
    _shown.draw_legend(ax, entries, legend)
    return ax


def _shades(color: str, n: int) -> list[Any]:
    """Return shades from the colour of small budgets to that of large ones."""
    ramp = LinearSegmentedColormap.from_list(
        "budgets", [blend(color, 0.6), color, palette()[3], palette()[1]]
    )
    return [to_hex(ramp(x)) for x in np.linspace(0, 1, n)] if n > 1 else [color]


def _draw_ridges(
    ax: Axes, data: IsoflopsData, fits: list[Shown], shades: Mapping[float, str]
) -> None:
    """Draw the densities into room that is made at the foot of the axes."""
    low, high = np.log(ax.get_ylim())
    ax.set_ylim(np.exp(low - (RIDGE + 0.02) * (high - low)), np.exp(high))
    most = data.optima["density"].max()
    for each in fits:
        for budget, shade in shades.items():
            ridge = _of(data.optima, each, budget)
            hue = shade if len(fits) == 1 else each.color
            height = RIDGE * ridge["density"] / most
            ax.fill_between(
                ridge["params"], 0, height, color=hue, alpha=0.45, linewidth=0,
                transform=ax.get_xaxis_transform(), zorder=1,
            )  # fmt: skip


def _of(table: pd.DataFrame, each: Shown, budget: float) -> pd.DataFrame:
    """Return the rows of one fit and budget."""
    return table[(table["fit"] == each.name) & (table["flops"] == budget)]
