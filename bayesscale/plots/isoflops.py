"""Slices through the fitted surface at fixed compute, and where their minimum may lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array
from bayesscale._format import percent, short_exponent
from bayesscale.forecast import (
    Mixture,
    optimal_split,
    runs_cost,
    stated,
    summary_columns,
    wanted_beside_split,
)
from bayesscale.inference import interval_tails
from bayesscale.model import Posterior
from bayesscale.plots._axes import (
    POINTS,
    axes_or_new,
    draw_band,
    name_size,
    write_losses,
    write_sizes,
)
from bayesscale.plots._shown import (
    Colors,
    Entries,
    Fits,
    Legend,
    Shown,
    checked_legend,
    draw_legend,
    loss_scale,
    plain,
    shown_fits,
)
from bayesscale.plots.style import blend, ink, palette, points
from bayesscale.quantities import FLOPS, PARAMS, ShownLoss
from bayesscale.runs import Runs

MOST_SLICES = 5

NEAR = 1.3
"""A run belongs to a slice whose compute it has within this factor."""

AROUND = 4.0
"""A slice goes this far beyond what is known of its minimum, and this far beyond its runs' sizes
at most.
"""

BEYOND = 10.0
"""By default one more slice is drawn at this many times the compute of the largest run."""

RIDGE = 0.16
"""Height of the densities, as a share of the axes'."""

CELLS = 60


@dataclass(frozen=True)
class IsoflopsData:
    """What :func:`plot_isoflops` draws.

    Parameters
    ----------
    slices
        One row a fit, budget and size: ``fit``, ``flops``, ``params``, ``tokens``; ``law_loss``,
        median, ``_lower`` and ``_upper``; ``extrapolated``, whether no run has that compute.
    optima
        Posterior density of ln N*, one row a fit, budget and size: ``fit``, ``flops``,
        ``params``, ``density``; the density integrates to 1 over ln N.
    runs
        The runs of a slice, with its ``slice_flops``.
    ci_prob
        Probability of the equal-tailed bands.
    unit
        Unit of all losses.
    """

    slices: pd.DataFrame
    optima: pd.DataFrame
    runs: pd.DataFrame
    ci_prob: float
    unit: str


def isoflops_data(
    fit: Fits,
    *,
    flops: ArrayLike | None = None,
    ci_prob: float = 0.9,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
    label: str | None = None,
) -> IsoflopsData:
    """Return the numbers that :func:`plot_isoflops` draws.

    Parameters
    ----------
    fit, flops, ci_prob, unit, given, label
        As for :func:`plot_isoflops`.

    Returns
    -------
    IsoflopsData
        Tables of slices, densities and runs.

    Raises
    ------
    DomainError
        If an option is outside its domain, or the law has no compute-optimal split.

    Examples
    --------
    >>> isoflops_data(fit).optima                                 # doctest: +SKIP
    """
    fits = shown_fits(fit, label=label)
    interval_tails(ci_prob)
    scale, runs = loss_scale(fits, unit), fits[0].fit.runs
    if flops is None:
        levels = levels_of(runs.flops)
        budgets = np.append(levels, BEYOND * runs.flops.max())
    else:
        budgets = np.sort(positive_array("flops", flops, FLOPS.unit))
    slices, optima = [], []
    for each in fits:
        for_each = _slices(each, budgets, given)
        for budget, (sizes, tokens, losses, best) in for_each.items():
            alone = not _near(each.fit.runs, budget).any()
            named = {"fit": each.name, "flops": budget, "params": sizes}
            summary = summary_columns("law_loss", scale.show(losses), ci_prob)
            slices.append(
                pd.DataFrame(named | {"tokens": tokens} | summary | {"extrapolated": alone})
            )
            optima.append(pd.DataFrame({"fit": each.name, "flops": budget} | _density(best)))
    frame = runs.to_frame().assign(loss=scale.show(runs.loss))
    distance = np.abs(np.log(runs.flops[:, None] / budgets))
    nearest = distance.argmin(axis=1)
    frame["slice_flops"] = budgets[nearest]
    return IsoflopsData(
        slices=pd.concat(slices, ignore_index=True),
        optima=pd.concat(optima, ignore_index=True),
        runs=frame[distance.min(axis=1) <= np.log(NEAR)],
        ci_prob=ci_prob,
        unit=scale.unit,
    )


def levels_of(flops: np.ndarray) -> np.ndarray:
    """Return up to five levels of compute: those around which runs gather, else spread evenly.

    Runs whose compute differs by less than 30 % from the next one are of one level, of which
    there are at least three; a level is no wider than a factor 2.
    """
    order = np.sort(flops)
    groups = np.split(order, np.flatnonzero(np.diff(np.log(order)) > np.log(NEAR)) + 1)
    levels = [np.median(g) for g in groups if len(g) >= 3 and g[-1] <= 2 * g[0]]
    if len(levels) < 2:
        return np.geomspace(order[0], order[-1], 4)
    chosen = np.unique(np.linspace(0, len(levels) - 1, MOST_SLICES).round().astype(int))
    return np.array(levels)[chosen]


def _near(runs: Runs, budget: float) -> np.ndarray:
    return np.abs(np.log(runs.flops / budget)) <= np.log(NEAR)


def _slices(
    each: Shown, budgets: np.ndarray, given: Mapping[str, float] | None
) -> dict[float, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Return by budget the sizes, their tokens, losses ``(chain, draw, size)`` and draws of N*."""
    mixture = Mixture.of(each.fit)
    law, runs = mixture.host.law, mixture.host.runs
    cost = runs_cost(runs)
    further = stated(law, given or {}, wanted=wanted_beside_split(law))

    def optimum(posterior: Posterior, _: object) -> dict[str, Any]:
        return {"params": optimal_split(posterior, budgets, cost, further).params}

    best = mixture.ask(optimum)["params"]
    found = {}
    for i, budget in enumerate(budgets):
        low, high = np.nanquantile(best[..., i], [0.01, 0.99]) * [1 / AROUND, AROUND]
        tried = runs.params[_near(runs, budget)]
        if len(tried):
            low = min(low, max(tried.min() / 1.5, low / AROUND**2))
            high = max(high, min(tried.max() * 1.5, high * AROUND**2))
        sizes = np.geomspace(low, high, POINTS)
        tokens = cost.tokens(sizes, np.full(POINTS, budget))
        inputs = {"params": sizes, "tokens": tokens} | further
        drawn = mixture.ask(lambda p, _, at=inputs: {"loss": p.law_loss(at)})
        found[float(budget)] = (sizes, tokens, drawn["loss"], best[..., i])
    return found


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


def plot_isoflops(
    fit: Fits,
    *,
    flops: ArrayLike | None = None,
    ci_prob: float = 0.9,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw loss against parameters at fixed compute, and the posterior of where each is least.

    Ridges at the foot are the posterior density of the compute-optimal parameters N*, one a
    slice. A dashed slice has no runs: the law speaks alone.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, an average of several, or a mapping of names to
        such, on one picture.
    flops
        Budgets, FLOP, > 0, shape ``(flops,)``. By default up to five levels of compute that the
        runs have, and one ten times above the largest.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1), of the law without run noise.
    unit
        Unit of the losses: ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or
        ``"perplexity"``; by default that of the runs' source.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.
    ax
        Axes to draw into; by default those of a new figure.
    label
        Name of a single fit in the legend.
    color
        A Matplotlib colour, or one for each of several fits.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place such as
        ``"upper right"`` draws it inside.

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
    .. [1] Hoffmann et al. (2022), figure 3 (left), arXiv:2203.15556, for slices at fixed compute.

    Examples
    --------
    >>> bs.plot_isoflops(fit, flops=[1e21, 1e22])                 # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = isoflops_data(fit, flops=flops, ci_prob=ci_prob, unit=unit, given=given, label=label)
    ax = axes_or_new(ax)
    ax.set(
        xscale="log", yscale="log", xlabel=f"{name_size(PARAMS)} $N$",
        ylabel=loss_scale(fits, unit).noun,
    )  # fmt: skip
    budgets = data.slices["flops"].unique()
    alone = len(fits) == 1
    shades = _shades(fits[0].color if color is not None else palette()[0], len(budgets))
    entries: Entries = {}
    for each in fits:
        for budget, shade in zip(budgets, shades, strict=True):
            hue = shade if alone else each.color
            curve = _of(data.slices, each, budget)
            band = draw_band(ax, curve, "params", "law_loss", color=hue, alpha=0.25)
            (line,) = ax.plot(
                curve["params"], curve["law_loss"], color=hue, linewidth=points(0.9), zorder=3,
                linestyle="--" if curve["extrapolated"].all() else "-",
            )  # fmt: skip
            told = f"{short_exponent(f'{budget:.2g}')} FLOP" if alone else plain(each.name)
            entries.setdefault(told, (band, line))
    for budget, shade in zip(budgets, shades, strict=True):
        table = data.runs[data.runs["slice_flops"] == budget]
        ax.plot(
            table["params"], table["loss"], "o", color=shade if alone else ink(0.6),
            markersize=points(2.6), markeredgewidth=0, zorder=3.5,
        )  # fmt: skip
    _draw_ridges(ax, data, fits, dict(zip(budgets, shades, strict=True)))
    if len(data.runs):
        entries["runs"] = Line2D(
            [], [], marker="o", linestyle="", markersize=points(3), color=ink(0.6)
        )
    if data.slices["extrapolated"].any():
        entries["extrapolated"] = Line2D(
            [], [], color=ink(0.6), linewidth=points(0.9), linestyle="--"
        )
    entries[f"band: {percent(ci_prob)}; foot: density of $N^*$"] = Line2D([], [], alpha=0)
    write_sizes(ax.xaxis, PARAMS, *ax.get_xlim())
    write_losses(ax.yaxis, *ax.get_ylim())
    draw_legend(ax, entries, place)
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
