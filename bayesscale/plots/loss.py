"""Loss against compute: the runs, the laws, and where they extrapolate."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D

from bayesscale._format import percent
from bayesscale.errors import DomainError
from bayesscale.forecast import Mixture, optimal_split, runs_cost, stated, summary_columns
from bayesscale.inference import interval_tails
from bayesscale.model import Posterior
from bayesscale.plots._axes import (
    FAN,
    axes_or_new,
    draw_band,
    draw_size_key,
    fanned_out,
    mark_extrapolation,
    name_size,
    sizes_up_to,
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
from bayesscale.plots.style import blend, ink, palette, paper, points
from bayesscale.quantities import ShownLoss, quantity
from bayesscale.runs import LossScale, Runs


@dataclass(frozen=True)
class LossData:
    """What :func:`plot_loss` draws.

    Parameters
    ----------
    frontier
        The laws along the axis: ``fit``, its name; ``x``, smallest first; then medians,
        ``_lower`` and ``_upper`` of ``law_loss`` and of ``loss``, a new run's with its noise.
    runs
        The fitted runs, ``fit`` and the columns of :meth:`Runs.to_frame`, each table once.
    held_out
        Held-out runs likewise, each with what every fit foresees of it: ``predicted``,
        ``predicted_lower`` and ``predicted_upper``; ``shown_at``, its place on the axis, where
        runs of one compute are fanned out. None if there are none.
    extrapolation_begins
        The largest ``x`` among the fitted runs.
    x
        What the axis shows: ``"flops"``, or the input of a law of one variable.
    optimal
        Whether the frontier is that of the best split of each budget.
    ci_prob
        Probability of the equal-tailed bands.
    unit
        Unit of all losses.
    """

    frontier: pd.DataFrame
    runs: pd.DataFrame
    held_out: pd.DataFrame | None
    extrapolation_begins: float
    x: str
    optimal: bool
    ci_prob: float
    unit: str


def loss_data(
    fit: Fits,
    *,
    held_out: Runs | None = None,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
    label: str | None = None,
) -> LossData:
    """Return the numbers that :func:`plot_loss` draws.

    Parameters
    ----------
    fit, held_out, ci_prob, flops_max, unit, given, label
        As for :func:`plot_loss`.

    Returns
    -------
    LossData
        Tables of the curves and the runs.

    Raises
    ------
    DomainError
        If an option is outside its domain, ``flops_max`` is given for a law that does not know
        compute, the law has no compute-optimal split, or fits have no axis in common.
    UnknownNameError
        If there is no such unit.

    Examples
    --------
    >>> loss_data(fit, held_out=large).frontier                   # doctest: +SKIP
    """
    fits = shown_fits(fit, label=label)
    interval_tails(ci_prob)
    if not (held_out is None or isinstance(held_out, Runs)):
        raise DomainError(
            f"held_out must be Runs, such as the second of runs.split_by_compute(), "
            f"not {type(held_out).__name__}."
        )
    x = _common_axis(fits)
    if flops_max is not None and x != "flops":
        law = Mixture.of(fits[0].fit).host.law.name
        raise DomainError(
            f"The law {law!r} is drawn against {x}, not compute: leave flops_max out."
        )
    scale = loss_scale(fits, unit)
    fitted = np.concatenate([each.fit.runs[x] for each in fits])
    shown = fitted if held_out is None else np.concatenate([fitted, held_out[x]])
    sizes = sizes_up_to(shown, flops_max)
    frontier, foreseen = [], []
    for each in fits:
        mixture = Mixture.of(each.fit)
        curve = {"fit": each.name, x: sizes}
        for name, values in mixture.ask(_along(mixture, x, sizes, given)).items():
            curve |= summary_columns(name, scale.show(values), ci_prob)
        frontier.append(pd.DataFrame(curve))
        if held_out is not None:
            span = float(np.log(sizes[-1] / sizes[0]))
            foreseen.append(_foreseen(each, held_out, scale, ci_prob, x, span))
    tables = {each.fit.runs.fingerprint: _table(each.name, each.fit.runs, scale) for each in fits}
    return LossData(
        frontier=pd.concat(frontier, ignore_index=True),
        runs=pd.concat(tables.values()),
        held_out=pd.concat(foreseen) if foreseen else None,
        extrapolation_begins=float(fitted.max()),
        x=x,
        optimal=all(bool(Mixture.of(each.fit).host.law.split) for each in fits),
        ci_prob=ci_prob,
        unit=scale.unit,
    )


def _common_axis(fits: list[Shown]) -> str:
    axes = {}
    for each in fits:
        law = Mixture.of(each.fit).host.law
        axes[each.name] = "flops" if law.split else next(iter(law.quantities))
    if len(set(axes.values())) > 1:
        raise DomainError(
            "These fits have no axis in common: "
            + ", ".join(f"{name!r} is drawn against {x}" for name, x in axes.items())
            + ". Draw them one by one, or with bs.plot_power_laws."
        )
    return next(iter(axes.values()))


def _along(mixture: Mixture, x: str, sizes: np.ndarray, given: Mapping[str, float] | None) -> Any:
    """Return the question for the loss along the axis, at the best split where there is one."""
    law, runs = mixture.host.law, mixture.host.runs
    other = [name for name in law.quantities if name not in law.split and name != x]
    further = stated(law, given or {}, wanted=other)

    def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Any]:
        inputs = {x: sizes} | further
        if law.split:
            split = optimal_split(posterior, sizes, runs_cost(runs), further)
            inputs = {"params": split.params, "tokens": split.tokens} | further
        law_loss = posterior.law_loss(inputs)
        # one draw of noise for all sizes, so that the band's edges are as smooth as the law
        noise = posterior.new_runs(np.zeros((len(posterior), 1)), inputs, rng)
        return {"law_loss": law_loss, "loss": law_loss * noise}

    return question


def _foreseen(
    each: Shown, held_out: Runs, scale: LossScale, ci_prob: float, x: str, span: float
) -> pd.DataFrame:
    """Return held-out runs with the interval that a fit foresees for each."""
    mixture = Mixture.of(each.fit)
    inputs: Any = {name: held_out[name] for name in mixture.host.law.quantities}
    errors = 0.0 if held_out.loss_se is None else held_out.loss_se
    drawn = mixture.ask(
        lambda posterior, rng: {
            "loss": posterior.new_runs(posterior.log_loss(inputs), inputs, rng, errors)
        }
    )["loss"]
    columns = summary_columns("predicted", scale.show(drawn), ci_prob)
    table = _table(each.name, held_out, scale).assign(**columns)
    return table.assign(shown_at=fanned_out(table[x], table["predicted"], span))


def _table(name: str, runs: Runs, scale: LossScale) -> pd.DataFrame:
    frame = runs.to_frame()
    frame.insert(0, "fit", name)
    return frame.assign(loss=scale.show(frame["loss"]))


def plot_loss(
    fit: Fits,
    *,
    held_out: Runs | None = None,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    unit: ShownLoss | None = None,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw loss against training compute: the runs, the laws and where they extrapolate.

    A curve is the loss at the compute-optimal split of every budget, so that runs lie on it or
    above it. A law of one variable is drawn against that variable instead. A held-out run has the
    interval that was foreseen for its own parameters and tokens.

    Parameters
    ----------
    fit
        A fitted law, an average of several, or a mapping of names to such, on one picture.
    held_out
        Runs that were not fitted, to see whether they fall where the law says.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1): the dark one holds the law, the light
        one, of a single fit, a new run with its noise.
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
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
        If an option is outside its domain, ``flops_max`` is given for a law that does not know
        compute, the law has no compute-optimal split, or fits have no axis in common.
    UnknownNameError
        If there is no such unit or place.

    Notes
    -----
    Compute is counted as the runs count it: 6ND, scaled by the median of their own count over 6ND
    where they bring one. The bands carry the fit's discrepancy.

    Examples
    --------
    >>> small, large = runs.split_by_compute(factor=10)           # doctest: +SKIP
    >>> bs.plot_loss(bs.fit(small), held_out=large)               # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = loss_data(
        fit, held_out=held_out, ci_prob=ci_prob, flops_max=flops_max, unit=unit, given=given,
        label=label,
    )  # fmt: skip
    x, shown, alone = data.x, quantity(data.x), len(fits) == 1
    ax = axes_or_new(ax)
    noun = loss_scale(fits, unit).noun
    ax.set(xscale="log", yscale="log", xlabel=name_size(shown), ylabel=noun)
    entries: Entries = {}
    law = "compute-optimal" if data.optimal else "law"
    for each in fits:
        curve = data.frontier[data.frontier["fit"] == each.name]
        # a law among runs that are coloured by size stands out in the second colour
        hue = each.color if color is not None or not alone else palette()[1]
        new_run = draw_band(ax, curve, x, "loss", color=hue, alpha=0.2) if alone else None
        band = draw_band(ax, curve, x, "law_loss", color=hue, alpha=0.5 if alone else 0.3)
        (median,) = ax.plot(curve[x], curve["law_loss"], color=hue, linewidth=points(0.8), zorder=3)
        told = law if alone and label is None else plain(each.name)
        entries[f"{told}, {percent(ci_prob)}"] = (band, median)
        if new_run is not None:
            entries[f"new run, {percent(ci_prob)}"] = new_run
    entries["fitted runs"] = _draw_runs(ax, data, fits)
    if data.held_out is not None:
        entries |= _draw_held_out(ax, data, fits)
    ends = data.frontier[x].min(), data.frontier[x].max()
    write_sizes(ax.xaxis, shown, *ends)
    write_losses(ax.yaxis, *ax.get_ylim())
    mark_extrapolation(ax, data.extrapolation_begins, *ends)
    draw_legend(ax, entries, place)
    return ax


def _draw_runs(ax: Axes, data: LossData, fits: list[Shown]) -> Line2D:
    """Draw the fitted runs: of one fit, coloured by a size that is not on the axis, with a key to
    it; of several, in grey, or in the colours of fits that have runs of their own.

    Returns
    -------
    matplotlib.lines.Line2D
        A point for the legend.
    """  # noqa: D205
    if len(fits) > 1:
        hues = {each.name: blend(each.color, 0.6) for each in fits}
        several = data.runs["fit"].nunique() > 1
        for name, table in data.runs.groupby("fit", sort=False):
            hue = hues[str(name)] if several else ink(0.45)
            ax.plot(
                table[data.x], table["loss"], "o", color=hue, markersize=points(2.5),
                markeredgewidth=0, zorder=2,
            )  # fmt: skip
        return Line2D([], [], marker="o", linestyle="", markersize=points(3), color=ink(0.45))
    name = "tokens" if data.x == "params" else "params"
    low, high = data.runs[name].min(), data.runs[name].max()
    first = fits[0].color
    shades = LinearSegmentedColormap.from_list(
        "sizes", [blend(first, 0.35), blend(first, 0.75), ink(0.85)]
    )
    scatter = ax.scatter(
        data.runs[data.x], data.runs["loss"], c=data.runs[name], cmap=shades,
        norm=LogNorm(low, high), s=points(3.4) ** 2, linewidths=0, zorder=2,
    )  # fmt: skip
    if low < high:
        draw_size_key(ax, scatter, quantity(name), low, high)
    return Line2D([], [], marker="o", linestyle="", markersize=points(3.5), color=shades(0.5))


def _draw_held_out(ax: Axes, data: LossData, fits: list[Shown]) -> Entries:
    """Draw every held-out run, and the interval that each fit foresaw for it."""
    assert data.held_out is not None
    alone = len(fits) == 1
    span = np.log(data.frontier[data.x].max() / data.frontier[data.x].min())
    first = data.held_out[data.held_out["fit"] == fits[0].name]
    entries: Entries = {}
    for i, each in enumerate(fits):
        table = data.held_out[data.held_out["fit"] == each.name]
        # intervals of several fits for the same run stand beside each other
        shift = np.exp(0.35 * FAN * span * (i - (len(fits) - 1) / 2))
        lines = ax.vlines(
            shift * first["shown_at"], table["predicted_lower"], table["predicted_upper"],
            color=ink(0.8) if alone else each.color, linewidth=points(0.7), zorder=3.5,
        )  # fmt: skip
        if alone:
            entries[f"foreseen for it, {percent(data.ci_prob)}"] = lines
    (entries["held-out runs"],) = ax.plot(
        first["shown_at"], first["loss"], "D", color=ink(), markerfacecolor=paper(),
        markersize=points(2.6), markeredgewidth=points(0.7), linestyle="", zorder=4,
    )  # fmt: skip
    return dict(reversed(entries.items()))
