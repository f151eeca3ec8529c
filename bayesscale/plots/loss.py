"""Loss against compute: the runs, the laws, and where they extrapolate."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.lines import Line2D

from bayesscale._arguments import interval_tails
from bayesscale._format import percent
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast import (
    Mixture,
    Purchase,
    Terms,
    check_inputs,
    summary_columns,
    without_split,
)
from bayesscale.model import Posterior
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Fits, Legend, Shown
from bayesscale.plots.style import blend, ink, palette, paper, points
from bayesscale.quantities import LossScale, LossUnit, quantity
from bayesscale.runs import Runs


@dataclass(frozen=True)
class LossData:
    """What :func:`plot_loss` draws.

    ``frontier``: the laws along the axis: ``fit``, its name; ``x``, smallest first; then medians,
    ``_lower`` and ``_upper`` of ``law_loss`` and of ``loss``, a new run's with its noise; ``runs``:
    the fitted runs, ``fit`` and the columns of :meth:`Runs.to_frame`, each table once;
    ``held_out``: held-out runs likewise, each with what every fit predicts of it: ``predicted``,
    ``predicted_lower`` and ``predicted_upper``; ``shown_at``, its place on the axis, where runs of
    one compute are fanned out. None if there are none; ``extrapolation_begins``: the largest ``x``
    among the fitted runs; ``x``: what the axis shows: ``"flops"``, or the input of a law of one
    variable; ``optimal``: whether the frontier is that of the best split of each budget;
    ``ci_prob``: probability of the equal-tailed bands; ``unit``: unit of all losses.
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
    fit: Fits, *, held_out: Runs | None = None, ci_prob: float = 0.9,
    flops_max: float | None = None, unit: LossUnit | None = None, terms: Terms | None = None,
    label: str | None = None,
) -> LossData:  # fmt: skip
    """Return what :func:`plot_loss` draws."""
    fits = _shown.resolve(fit, label=label)
    interval_tails(ci_prob)
    if not (held_out is None or isinstance(held_out, Runs)):
        raise DomainError(
            f"held_out must be Runs, such as the second of runs.split_by_compute(), "
            f"not {type(held_out).__name__}."
        )
    x = _common_axis(fits)
    if flops_max is not None and x != "flops":
        law = Mixture.of(fits[0].fit).reference.law.name
        raise DomainError(
            f"The law {law!r} is drawn against {x}, not compute: leave flops_max out."
        )
    scale = LossScale.of(fits[0].fit.runs, unit)
    fitted = np.concatenate([each.fit.runs[x] for each in fits])
    everything = fitted if held_out is None else np.concatenate([fitted, held_out[x]])
    sizes = _axes.sizes_up_to(everything, flops_max)
    frontier, predicted = [], []
    for each in fits:
        curve = {"fit": each.name, x: sizes}
        for name, values in _along(each, x, sizes, terms).items():
            curve |= summary_columns(name, scale.show(values), ci_prob)
        frontier.append(pd.DataFrame(curve))
        if held_out is not None:
            span = float(np.log(sizes[-1] / sizes[0]))
            predicted.append(_predicted(each, held_out, scale, ci_prob, x, span))
    return LossData(
        frontier=pd.concat(frontier, ignore_index=True),
        runs=_shown.fitted_runs(fits, scale),
        held_out=pd.concat(predicted) if predicted else None,
        optimal=all(bool(Mixture.of(each.fit).reference.law.split) for each in fits),
        extrapolation_begins=float(fitted.max()), x=x, ci_prob=ci_prob, unit=scale.unit,
    )  # fmt: skip


def _common_axis(fits: list[Shown]) -> str:
    laws = {each.name: Mixture.of(each.fit).reference.law for each in fits}
    axes = {n: "flops" if law.split else next(iter(law.quantities)) for n, law in laws.items()}
    if len(set(axes.values())) > 1:
        raise DomainError(
            "These fits have no axis in common: "
            + ", ".join(f"{name!r} is drawn against {x}" for name, x in axes.items())
            + ". Draw them one by one."
        )
    return next(iter(axes.values()))


def _along(each: Shown, x: str, sizes: Array, terms: Terms | None) -> dict[str, Array]:
    """Return losses ``(chain, draw, size)``, at the best split where there is one."""
    reference = Mixture.of(each.fit).reference
    law, purchase, further = reference.law, None, {}
    if law.split:
        purchase = Purchase.of(each.fit, terms)
    else:
        other = [name for name in law.quantities if name != x]
        further = check_inputs(law, without_split(reference, terms).given, wanted=other)

    def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
        inputs = {x: sizes} | further
        if purchase is not None:
            split = purchase.frontier(posterior, sizes).split()
            inputs = purchase.law_inputs(posterior, split.params, split.tokens)
        law_loss = posterior.law_loss(inputs)
        # one draw of noise for all sizes, so that the band's edges are as smooth as the law
        noise = posterior.new_runs(np.zeros((len(posterior), 1)), inputs, rng)
        return {"law_loss": law_loss, "loss": law_loss * noise}

    return Mixture.of(each.fit).evaluate(question)


def _predicted(
    each: Shown, held_out: Runs, scale: LossScale, ci_prob: float, x: str, span: float
) -> pd.DataFrame:
    """Return held-out runs with the interval that a fit predicts for each."""
    mixture = Mixture.of(each.fit)
    inputs = {name: held_out[name] for name in mixture.reference.law.quantities}
    errors = 0.0 if held_out.loss_se is None else held_out.loss_se
    drawn = mixture.evaluate(
        lambda p, rng: {"loss": p.new_runs(p.log_loss(inputs), inputs, rng, errors)}
    )["loss"]
    columns = summary_columns("predicted", scale.show(drawn), ci_prob)
    table = _shown.named(each, held_out, scale).assign(**columns)
    return table.assign(shown_at=_axes.fanned_out(table[x], table["predicted"], span))


@_shown.drawing
def plot_loss(
    fit: Fits, *, held_out: Runs | None = None, ci_prob: float = 0.9,
    flops_max: float | None = None, unit: LossUnit | None = None, terms: Terms | None = None,
    ax: Axes | None = None, label: str | None = None, color: Colors = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw loss against training compute: the runs, the laws and where they extrapolate.

    A curve is the loss at the compute-optimal split of every budget, so that runs lie on it or
    above it. A law of one variable is drawn against that variable instead. A held-out run has the
    interval that was predicted for its own parameters and tokens.

    Parameters
    ----------
    held_out
        Runs that were not fitted, to compare with the predictions.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1): the dark one is of the law, the light one,
        for a single fit, of a new run with its noise. Both include the fit's discrepancy.

    Examples
    --------
    >>> small, large = runs.split_by_compute(factor=10)           # doctest: +SKIP
    >>> bs.plot_loss(bs.fit(small), held_out=large)               # doctest: +SKIP
    """
    fits = _shown.resolve(fit, label=label, color=color)
    data = loss_data(
        fit, held_out=held_out, ci_prob=ci_prob, flops_max=flops_max, unit=unit, terms=terms,
        label=label,
    )  # fmt: skip
    x, size, alone = data.x, quantity(data.x), len(fits) == 1
    noun = LossScale.of(fits[0].fit.runs, unit).noun
    ax = _axes.new(ax, xscale="log", yscale="log", xlabel=_axes.name_size(size), ylabel=noun)
    entries: Entries = {}
    law = "compute-optimal" if data.optimal else "law"
    for each in fits:
        curve = data.frontier[data.frontier["fit"] == each.name]
        # a law among runs that are coloured by size stands out in the second colour
        hue = each.color if color is not None or not alone else palette()[1]
        new_run = _axes.draw_band(ax, curve, x, "loss", color=hue, alpha=0.2) if alone else None
        band = _axes.draw_band(ax, curve, x, "law_loss", color=hue, alpha=0.5 if alone else 0.3)
        (median,) = ax.plot(curve[x], curve["law_loss"], color=hue, linewidth=points(0.8), zorder=3)
        name = law if alone and label is None else _axes.plain(each.name)
        entries[f"{name}, {percent(ci_prob)}"] = (band, median)
        if new_run is not None:
            entries[f"new run, {percent(ci_prob)}"] = new_run
    entries["fitted runs"] = _draw_runs(ax, data, fits)
    if data.held_out is not None:
        entries |= _draw_held_out(ax, data, data.held_out, fits)
    ends = data.frontier[x].min(), data.frontier[x].max()
    _axes.write_sizes(ax.xaxis, size, *ends)
    _axes.write_losses(ax.yaxis, *ax.get_ylim())
    _axes.mark_extrapolation(ax, data.extrapolation_begins, *ends)
    _shown.draw_legend(ax, entries, legend)
    return ax


def _draw_runs(ax: Axes, data: LossData, fits: list[Shown]) -> Line2D:
    """Draw the fitted runs, of one fit coloured by another size; return a point for the legend."""
    if len(fits) > 1:
        hues = {each.name: blend(each.color, 0.6) for each in fits}
        several = data.runs["fit"].nunique() > 1
        for fit, table in data.runs.groupby("fit", sort=False):
            hue = hues[str(fit)] if several else ink(0.45)
            _axes.draw_points(ax, table[data.x], table["loss"], hue, zorder=2)
        return _shown.dot(ink(0.45), 3)
    name = "tokens" if data.x == "params" else "params"
    if name not in data.runs:
        _axes.draw_points(ax, data.runs[data.x], data.runs["loss"], fits[0].color, zorder=2)
        return _shown.dot(fits[0].color, 3.5)
    low, high = data.runs[name].min(), data.runs[name].max()
    first = fits[0].color
    colors = [blend(first, 0.35), blend(first, 0.75), ink(0.85)]
    shades = LinearSegmentedColormap.from_list("sizes", colors)
    scatter = ax.scatter(
        data.runs[data.x], data.runs["loss"], c=data.runs[name], cmap=shades,
        norm=LogNorm(low, high), s=points(3.4) ** 2, linewidths=0, zorder=2,
    )  # fmt: skip
    if low < high:
        _axes.draw_size_key(ax, scatter, quantity(name), low, high)
    return _shown.dot(shades(0.5), 3.5)


def _draw_held_out(ax: Axes, data: LossData, held_out: pd.DataFrame, fits: list[Shown]) -> Entries:
    """Draw every held-out run, and the interval that each fit predicted for it."""
    alone = len(fits) == 1
    span = np.log(data.frontier[data.x].max() / data.frontier[data.x].min())
    first = held_out[held_out["fit"] == fits[0].name]
    entries: Entries = {}
    for i, each in enumerate(fits):
        table = held_out[held_out["fit"] == each.name]
        # intervals of several fits for the same run stand beside each other
        shift = np.exp(0.35 * _axes.FAN * span * (i - (len(fits) - 1) / 2))
        lines = ax.vlines(
            shift * first["shown_at"], table["predicted_lower"], table["predicted_upper"],
            color=ink(0.8) if alone else each.color, linewidth=points(0.7), zorder=3.5,
        )  # fmt: skip
        if alone:
            entries[f"predicted, {percent(data.ci_prob)}"] = lines
    (entries["held-out runs"],) = ax.plot(
        first["shown_at"], first["loss"], "D", color=ink(), markerfacecolor=paper(),
        markersize=points(2.6), markeredgewidth=points(0.7), linestyle="", zorder=4,
    )  # fmt: skip
    return dict(reversed(entries.items()))
