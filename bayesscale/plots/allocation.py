"""The compute-optimal split against compute, of one law or several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from bayesscale._arguments import choice, interval_tails, number, positive_scalar, shown
from bayesscale._format import percent
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast import HABIT, Purchase, Terms, landmark_models, params_at_ratio, runs_cost
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Fits, Legend, Shown
from bayesscale.plots.style import ink, palette, points
from bayesscale.quantities import FLOPS, PARAMS
from bayesscale.runs import Runs

type SplitQuantity = Literal["both", "params", "tokens", "tokens_per_param"]

SHOWN = {
    "both": ("tokens", "params"), "params": ("params",), "tokens": ("tokens",),
    "tokens_per_param": ("tokens_per_param",),
}  # fmt: skip

LABELS = {
    "both": "parameters $N^*$, tokens $D^*$", "params": "parameters $N^*$",
    "tokens": "training tokens $D^*$", "tokens_per_param": "tokens per parameter $D^*/N^*$",
}  # fmt: skip

KAPLAN_AND_CHINCHILLA = {"Kaplan, C^0.73": 0.73, "Chinchilla, C^0.5": 0.5}
"""Exponents of N* that the two papers are quoted with: Kaplan et al. (2020), table 6 and
Hoffmann et al. (2022), table 2."""

NAMES = 6.5
"""Points of the names in a paper."""

LINES = 1.15
"""Height of a line of names over the points of its text."""


@dataclass(frozen=True)
class AllocationData:
    """What :func:`plot_allocation` draws.

    ``frontier``: one row per fit and budget, smallest first: ``fit``, ``flops``; medians,
    ``_lower`` and ``_upper`` of ``params`` (N*), ``tokens`` (D*) and ``tokens_per_param``; and, if
    asked for, the split at a fixed ratio, ``reference_params`` and ``reference_tokens``;
    ``slopes``: straight lines N ~ C^a through the middle of the first fit's: ``exponent``,
    ``flops``, ``params``, ``tokens`` and ``tokens_per_param``; ``runs``: the fitted runs, ``fit``
    and the columns of :meth:`Runs.to_frame`, each table once; ``extrapolation_begins``: the largest
    compute among the fitted runs, FLOP; ``ci_prob``: probability of the equal-tailed bands.
    """

    frontier: pd.DataFrame
    slopes: pd.DataFrame
    runs: pd.DataFrame
    extrapolation_begins: float
    ci_prob: float


def allocation_data(
    fit: Fits, *, ci_prob: float = 0.9, flops_max: float | None = None,
    tokens_per_param: float | None = HABIT, slopes: Mapping[str, float] | None = None,
    terms: Terms | None = None, label: str | None = None,
) -> AllocationData:  # fmt: skip
    """Return what :func:`plot_allocation` draws."""
    fits = _shown.resolve(fit, label=label)
    interval_tails(ci_prob)
    if tokens_per_param is not None:
        positive_scalar("tokens_per_param", tokens_per_param, "tokens per parameter")
    if not isinstance(slopes, Mapping | None):
        raise DomainError(
            f"slopes must be exponents by name, such as {{'C^0.5': 0.5}}, not {shown(slopes)}."
        )
    exponents = {k: number(f"slopes[{k!r}]", v) for k, v in (slopes or {}).items()}
    fitted = np.concatenate([each.fit.runs.flops for each in fits])
    budgets = _axes.sizes_up_to(fitted, flops_max)
    frontier = [_curves(each, budgets, ci_prob, tokens_per_param, terms) for each in fits]
    return AllocationData(
        frontier=pd.concat(frontier, ignore_index=True),
        slopes=_slopes(frontier[0], exponents),
        runs=_shown.fitted_runs(fits),
        extrapolation_begins=float(fitted.max()), ci_prob=ci_prob,
    )  # fmt: skip


def _curves(
    each: Shown, budgets: Array, ci_prob: float, ratio: float | None, terms: Terms | None
) -> pd.DataFrame:
    """Return medians and intervals of the best splits, one row per budget."""
    purchase = Purchase.of(each.fit, terms)
    table = purchase.summary(budgets, ci_prob)
    table.insert(0, "fit", each.name)
    if ratio is None:
        return table
    params = params_at_ratio(purchase.cost, ratio, budgets)
    return table.assign(reference_params=params, reference_tokens=ratio * params)


def _slopes(frontier: pd.DataFrame, exponents: Mapping[str, float]) -> pd.DataFrame:
    """Return lines of some slopes through the middle of a frontier."""
    middle = frontier.iloc[len(frontier) // 2]
    parts = []
    for name, a in exponents.items():
        times = frontier["flops"] / middle["flops"]
        params, tokens = middle["params"] * times**a, middle["tokens"] * times ** (1 - a)
        parts.append(
            pd.DataFrame(
                {
                    "name": name, "exponent": a, "flops": frontier["flops"], "params": params,
                    "tokens": tokens, "tokens_per_param": tokens / params,
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"name": []})


@_shown.drawing
def plot_allocation(
    fit: Fits, *, quantity: SplitQuantity = "both", ci_prob: float = 0.9,
    flops_max: float | None = None, tokens_per_param: float | None = HABIT,
    slopes: Mapping[str, float] | None = None, landmarks: bool = False, terms: Terms | None = None,
    ax: Axes | None = None, label: str | None = None, color: Colors = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw the compute-optimal parameters N* and tokens D* against training compute.

    Faint points are the parameters and tokens of the runs: beyond them a curve extrapolates.

    Parameters
    ----------
    quantity
        ``"params"`` for N*, ``"tokens"`` for D*, ``"tokens_per_param"`` for their ratio, or
        ``"both"``: of several fits N* is solid then and D* dashed.
    tokens_per_param
        Tokens per parameter, > 0, of a fixed split to compare with, or None for none.
    slopes
        Exponents a of N ~ C^a to compare with, by name, such as
        ``bs.plots.KAPLAN_AND_CHINCHILLA``, drawn through the middle of the first fit.
    landmarks
        Whether to show published models, :func:`~bayesscale.landmark_models`, whose compute lies on
        the axis: with all their parameters, and compute by the rule of the runs. Their names stand
        to the right.

    Examples
    --------
    >>> bs.plot_allocation(fit, flops_max=1e25)                   # doctest: +SKIP
    >>> bs.plot_allocation({"Kaplan": k, "Chinchilla": c}, quantity="params")  # doctest: +SKIP
    """
    choice("quantity of a split", quantity, SHOWN)
    fits = _shown.resolve(fit, label=label, color=color)
    data = allocation_data(
        fit, ci_prob=ci_prob, flops_max=flops_max, tokens_per_param=tokens_per_param,
        slopes=slopes, terms=terms, label=label,
    )  # fmt: skip
    x = _axes.name_size(FLOPS)
    ax = _axes.new(ax, xscale="log", yscale="log", xlabel=x, ylabel=LABELS[quantity])
    names = SHOWN[quantity]
    hues = _hues(fits, names, by_quantity=len(fits) == 1 and color is None)
    entries: Entries = _draw_curves(ax, data, fits, names, hues, label)
    entries["fitted runs"] = _draw_tried(ax, data, fits, names, hues)
    first = data.frontier[data.frontier["fit"] == fits[0].name]
    entries |= _draw_references(ax, data, first, names, tokens_per_param)
    ends = data.frontier["flops"].min(), data.frontier["flops"].max()
    named = _draw_landmarks(ax, fits[0].fit.runs, *ends, names) if landmarks else []
    low, high = np.log(ax.get_ylim())
    ax.set_ylim(*np.exp([low, high + 0.05 * (high - low)]))  # room for the label above
    if len(names) > 1:
        inks = {name: hues[fits[0].name, name] if len(fits) == 1 else ink() for name in names}
        _name_curves(ax, first.iloc[-1], inks)
    _axes.write_sizes(ax.xaxis, FLOPS, *ends)
    _axes.write_sizes(ax.yaxis, PARAMS, *ax.get_ylim())
    _axes.mark_extrapolation(ax, data.extrapolation_begins, *ends)
    _shown.draw_legend(ax, entries, legend, side_by_side=len(names))
    _spread(ax, named)
    return ax


def _hues(
    fits: list[Shown], names: tuple[str, ...], *, by_quantity: bool
) -> dict[tuple[str, str], str]:
    """Return the colour of each fit's quantity: of one fit, each has its own."""
    first, second, *_ = palette()
    quantity = {"params": first, "tokens": second, "tokens_per_param": first}
    return {(fit.name, k): quantity[k] if by_quantity else fit.color for fit in fits for k in names}


def _draw_curves(
    ax: Axes, data: AllocationData, fits: list[Shown], names: tuple[str, ...],
    hues: Mapping[tuple[str, str], str], label: str | None,
) -> Entries:  # fmt: skip
    """Draw medians and bands of each fit."""
    entries: Entries = {}
    for each in fits:
        curve = data.frontier[data.frontier["fit"] == each.name]
        bands, medians = [], []
        for name in names:
            hue, dashed = hues[each.name, name], len(fits) > 1 and name != names[-1]
            alpha = 0.5 if len(fits) == 1 else 0.25
            bands.append(_axes.draw_band(ax, curve, "flops", name, color=hue, alpha=alpha))
            medians += ax.plot(
                curve["flops"], curve[name], color=hue, linewidth=points(0.8),
                linestyle="--" if dashed else "-", zorder=3,
            )  # fmt: skip
        title = "optimum" if len(fits) == 1 and label is None else _axes.plain(each.name)
        entries[f"{title}, {percent(data.ci_prob)}"] = (*bands, *medians)
    return entries


def _draw_tried(
    ax: Axes, data: AllocationData, fits: list[Shown], names: tuple[str, ...],
    hues: Mapping[tuple[str, str], str],
) -> tuple[Any, ...]:  # fmt: skip
    """Draw the parameters and tokens of the runs, faintly."""
    runs = data.runs.assign(tokens_per_param=data.runs["tokens"] / data.runs["params"])
    colored = len(fits) == 1 or runs["fit"].nunique() > 1
    drawn = [
        _axes.draw_points(
            ax, table["flops"], table[name], hues[str(fit), name] if colored else ink(0.6),
            alpha=0.3, zorder=1,
        )
        for fit, table in runs.groupby("fit", sort=False)
        for name in names
    ]  # fmt: skip
    return tuple(drawn[: len(names)])


def _draw_references(
    ax: Axes, data: AllocationData, first: pd.DataFrame, names: tuple[str, ...],
    ratio: float | None,
) -> Entries:  # fmt: skip
    """Draw the split at a fixed ratio, and the straight lines."""
    entries: Entries = {}
    for name in names if ratio is not None else ():
        at_ratio = name == "tokens_per_param"
        values = np.full(len(first), ratio) if at_ratio else first[f"reference_{name}"]
        (entries[f"{ratio:g} tokens per parameter"],) = ax.plot(
            first["flops"], values, ":", color=ink(0.7), linewidth=points(1), zorder=1.2
        )
    styles = ("-.", (0, (6, 2)), (0, (1, 1)))
    for i, (label, line) in enumerate(data.slopes.groupby("name", sort=False)):
        for name in names:
            (entries[_axes.plain(label)],) = ax.plot(
                line["flops"], line[name], color=ink(0.55), linestyle=styles[i % 3],
                linewidth=points(0.8), zorder=1.3,
            )  # fmt: skip
    return entries


def _name_curves(ax: Axes, end: pd.Series, hues: Mapping[str, str]) -> None:
    """Write N* and D* beside the curves' ends, apart even where the curves meet."""
    low, high = ax.get_ylim()
    gap = np.log(end["tokens"] / end["params"]) / np.log(high / low)
    apart = np.copysign(points(7), gap) if abs(gap) < 0.08 else 0
    for name, letter, shift in (("tokens", "$D^*$", apart), ("params", "$N^*$", -apart)):
        ax.annotate(
            letter, (1, end[name]), xycoords=ax.get_yaxis_transform(),
            xytext=(points(3), shift), textcoords="offset points", va="center",
            color=hues[name], annotation_clip=False,
        )  # fmt: skip


def _draw_landmarks(
    ax: Axes, runs: Runs, low: float, high: float, quantities: Sequence[str]
) -> list[Annotation]:
    """Mark published models whose compute lies on the axis; return their names, for `_spread`."""
    table = landmark_models()
    params, tokens = table["params"].to_numpy(), table["tokens"].to_numpy()
    flops = runs_cost(runs).flops(params, tokens)
    table = table.assign(flops=flops, tokens_per_param=tokens / params)
    table = table[table["flops"].between(low, high)].sort_values("flops")
    for quantity in quantities:
        ax.plot(
            table["flops"], table[quantity], "^", color=ink(0.85), markersize=points(3),
            markeredgewidth=0, zorder=3.5,
        )  # fmt: skip
    leader = {
        "arrowstyle": "-", "relpos": (0, 0.5), "shrinkA": 0, "color": ink(0.4),
        "linewidth": points(0.4),
    }  # fmt: skip
    beside: Any = ax.get_yaxis_transform()
    # the letters of the curves stand between the axes and the names
    gap = 1.15 if len(quantities) > 1 else 1.04
    return [
        ax.annotate(
            str(name), (row["flops"], row[quantities[-1]]), xytext=(gap, row[quantities[-1]]),
            textcoords=beside, va="center", fontsize=points(NAMES), color=ink(0.75),
            arrowprops=leader, annotation_clip=False,
        )
        for name, row in table.iterrows()
    ]  # fmt: skip


def _spread(ax: Axes, names: Sequence[Annotation]) -> None:
    """Move names up and down so that none covers another, in the order of their marks."""
    if not names:
        return
    height = _axes.laid_out(ax).height
    low, high = np.log(ax.get_ylim())
    ordered = sorted(names, key=lambda name: name.xy[1])
    wanted = (np.log([name.xy[1] for name in ordered]) - low) / (high - low)
    dpi = ax.figure.dpi
    step = LINES * points(NAMES) * dpi / 72 / height
    # pushed apart upwards, then back below the upper end: shares of the height
    order = np.arange(len(ordered))
    apart = np.maximum.accumulate(wanted - step * order) + step * order
    ends = 1 - step * (order[::-1] + 0.5)
    for name, at in zip(ordered, np.minimum(apart, ends), strict=True):
        name.set_position((name.get_position()[0], float(np.exp(low + at * (high - low)))))
