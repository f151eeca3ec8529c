"""The compute-optimal split against compute, of one law or several."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale._arguments import choice, number, positive_scalar
from bayesscale._format import percent
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
    axes_or_new,
    draw_band,
    mark_extrapolation,
    name_size,
    sizes_up_to,
    write_sizes,
)
from bayesscale.plots._landmarks import draw_landmarks, models_within, spread
from bayesscale.plots._shown import (
    Colors,
    Entries,
    Fits,
    Legend,
    Shown,
    checked_legend,
    draw_legend,
    plain,
    shown_fits,
)
from bayesscale.plots.style import ink, palette, points
from bayesscale.quantities import FLOPS, PARAMS

type SplitQuantity = Literal["both", "params", "tokens", "tokens_per_param"]

HABIT = 20.0
"""Tokens per parameter that people take for compute-optimal."""

SHOWN = {
    "both": ("tokens", "params"),
    "params": ("params",),
    "tokens": ("tokens",),
    "tokens_per_param": ("tokens_per_param",),
}

LETTERS = {"params": "$N^*$", "tokens": "$D^*$", "tokens_per_param": "$D^*/N^*$"}

LABELS = {
    "both": "parameters $N^*$, tokens $D^*$",
    "params": "parameters $N^*$",
    "tokens": "training tokens $D^*$",
    "tokens_per_param": "tokens per parameter $D^*/N^*$",
}


@dataclass(frozen=True)
class AllocationData:
    """What :func:`plot_allocation` draws.

    Parameters
    ----------
    frontier
        One row a fit and budget, smallest first: ``fit``, ``flops``; medians, ``_lower`` and
        ``_upper`` of ``params`` (N*), ``tokens`` (D*) and ``tokens_per_param``; and, if asked
        for, the split at a fixed ratio, ``reference_params`` and ``reference_tokens``.
    slopes
        Straight lines N ~ C^a through the middle of the first fit's: ``exponent``, ``flops``,
        ``params``, ``tokens`` and ``tokens_per_param``.
    runs
        The fitted runs, ``fit`` and the columns of :meth:`Runs.to_frame`, each table once.
    extrapolation_begins
        The largest compute among the fitted runs, FLOP.
    ci_prob
        Probability of the equal-tailed bands.
    """

    frontier: pd.DataFrame
    slopes: pd.DataFrame
    runs: pd.DataFrame
    extrapolation_begins: float
    ci_prob: float


def allocation_data(
    fit: Fits,
    *,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    tokens_per_param: float | None = HABIT,
    slopes: Mapping[str, float] | None = None,
    given: Mapping[str, float] | None = None,
    label: str | None = None,
) -> AllocationData:
    """Return the numbers that :func:`plot_allocation` draws.

    Parameters
    ----------
    fit, ci_prob, flops_max, tokens_per_param, slopes, given, label
        As for :func:`plot_allocation`.

    Returns
    -------
    AllocationData
        Tables of the split and the runs.

    Raises
    ------
    DomainError
        If an option is outside its domain, or the law has no compute-optimal split.

    Examples
    --------
    >>> allocation_data(fit).frontier                             # doctest: +SKIP
    """
    fits = shown_fits(fit, label=label)
    interval_tails(ci_prob)
    if tokens_per_param is not None:
        positive_scalar("tokens_per_param", tokens_per_param, "tokens per parameter")
    exponents = {k: number(f"slopes[{k!r}]", v) for k, v in (slopes or {}).items()}
    fitted = np.concatenate([each.fit.runs.flops for each in fits])
    budgets = sizes_up_to(fitted, flops_max)
    frontier = [_frontier(each, budgets, ci_prob, tokens_per_param, given) for each in fits]
    runs = {each.fit.runs.fingerprint: (each.name, each.fit.runs.to_frame()) for each in fits}
    return AllocationData(
        frontier=pd.concat(frontier, ignore_index=True),
        slopes=_slopes(frontier[0], exponents),
        runs=pd.concat([frame.assign(fit=name) for name, frame in runs.values()]),
        extrapolation_begins=float(fitted.max()),
        ci_prob=ci_prob,
    )


def _frontier(
    each: Shown, budgets: np.ndarray, ci_prob: float, ratio: float | None,
    given: Mapping[str, float] | None,
) -> pd.DataFrame:  # fmt: skip
    mixture = Mixture.of(each.fit)
    law, cost = mixture.host.law, runs_cost(mixture.host.runs)
    further = stated(law, given or {}, wanted=wanted_beside_split(law))

    def question(posterior: Posterior, _: object) -> dict[str, Any]:
        split = optimal_split(posterior, budgets, cost, further)
        return {
            "params": split.params, "tokens": split.tokens,
            "tokens_per_param": split.tokens / split.params,
        }  # fmt: skip

    columns: dict[str, Any] = {"fit": each.name, "flops": budgets}
    for name, values in mixture.ask(question).items():
        columns |= summary_columns(name, values, ci_prob)
    if ratio is not None:
        params = np.sqrt(budgets / (cost.kappa * ratio))
        columns |= {"reference_params": params, "reference_tokens": ratio * params}
    return pd.DataFrame(columns)


def _slopes(frontier: pd.DataFrame, exponents: Mapping[str, float]) -> pd.DataFrame:
    """Return lines of given slopes through the middle of a frontier."""
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


KAPLAN_AND_CHINCHILLA = {"Kaplan, C^0.73": 0.73, "Chinchilla, C^0.5": 0.5}
"""Exponents of N* that the two papers are quoted with: Kaplan et al. (2020), table 6 and
Hoffmann et al. (2022), table 2."""


def plot_allocation(
    fit: Fits,
    *,
    quantity: SplitQuantity = "both",
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    tokens_per_param: float | None = HABIT,
    slopes: Mapping[str, float] | None = None,
    landmarks: bool = False,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw the compute-optimal parameters N* and tokens D* against training compute.

    Faint points are the parameters and tokens that were tried: where a curve leaves them, the
    law speaks alone.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, an average of several, or a mapping of names to
        such, on one picture.
    quantity
        ``"params"`` for N*, ``"tokens"`` for D*, ``"tokens_per_param"`` for their ratio, or
        ``"both"``: of several fits N* is solid then and D* dashed.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1).
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
    tokens_per_param
        Tokens per parameter, > 0, of a fixed split to compare with, or None for none.
    slopes
        Exponents a of N ~ C^a to compare with, by name, such as
        ``bs.plots.allocation.KAPLAN_AND_CHINCHILLA``, drawn through the middle of the first fit.
    landmarks
        Whether to show published models, :func:`~bayesscale.landmark_models`, whose compute lies
        on the axis: with all their parameters, and as much compute as the runs' rule gives them.
        Their names stand to the right.
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
        ``"lower right"`` draws it inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, both logarithmic.

    Raises
    ------
    DomainError
        If an option is outside its domain, or the law has no compute-optimal split.
    UnknownNameError
        If there is no such quantity or place.

    Notes
    -----
    Compute is counted as the runs count it: 6ND, scaled by the median of their own count over 6ND
    where they bring one.

    Examples
    --------
    >>> bs.plot_allocation(fit, flops_max=1e25)                   # doctest: +SKIP
    >>> bs.plot_allocation({"Kaplan": k, "Chinchilla": c}, quantity="params")  # doctest: +SKIP
    """
    choice("quantity of a split", quantity, SHOWN)
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = allocation_data(
        fit, ci_prob=ci_prob, flops_max=flops_max, tokens_per_param=tokens_per_param,
        slopes=slopes, given=given, label=label,
    )  # fmt: skip
    ax = axes_or_new(ax)
    ax.set(xscale="log", yscale="log", xlabel=name_size(FLOPS), ylabel=LABELS[quantity])
    names = SHOWN[quantity]
    hues = _hues(fits, names, by_quantity=len(fits) == 1 and color is None)
    entries: Entries = _draw_curves(ax, data, fits, names, hues, label)
    entries["fitted runs"] = _draw_tried(ax, data, fits, names, hues)
    first = data.frontier[data.frontier["fit"] == fits[0].name]
    if tokens_per_param is not None:
        for name in names:
            values = (
                np.full(len(first), tokens_per_param) if name == "tokens_per_param"
                else first[f"reference_{name}"]
            )  # fmt: skip
            (line,) = ax.plot(
                first["flops"], values, ":", color=ink(0.7), linewidth=points(1), zorder=1.2
            )
            entries[f"{tokens_per_param:g} tokens per parameter"] = line
    styles = ("-.", (0, (6, 2)), (0, (1, 1)))
    for i, (name, line) in enumerate(
        data.slopes.groupby("name", sort=False) if len(data.slopes) else ()
    ):
        for shown in names:
            (entries[plain(name)],) = ax.plot(
                line["flops"], line[shown], color=ink(0.55), linestyle=styles[i % 3],
                linewidth=points(0.8), zorder=1.3,
            )  # fmt: skip
    flops = data.frontier["flops"]
    models = models_within(fits[0].fit.runs, flops.min(), flops.max())
    named = draw_landmarks(ax, models, names) if landmarks else []
    low, high = np.log(ax.get_ylim())
    ax.set_ylim(*np.exp([low, high + 0.05 * (high - low)]))  # room for the label above
    if len(names) > 1:
        own = {name: hues[fits[0].name, name] if len(fits) == 1 else ink() for name in names}
        _name_curves(ax, first.iloc[-1], own)
    write_sizes(ax.xaxis, FLOPS, flops.min(), flops.max())
    write_sizes(ax.yaxis, PARAMS, *ax.get_ylim())
    mark_extrapolation(ax, data.extrapolation_begins, flops.min(), flops.max())
    draw_legend(ax, entries, place, side_by_side=len(names))
    spread(ax, named)
    return ax


def _hues(
    fits: list[Shown], names: tuple[str, ...], *, by_quantity: bool
) -> dict[tuple[str, str], str]:
    """Return the colour of each fit's quantity: of one fit, each has its own."""
    if by_quantity:
        own = {"params": palette()[0], "tokens": palette()[1], "tokens_per_param": palette()[0]}
        return {(fits[0].name, name): own[name] for name in names}
    return {(each.name, name): each.color for each in fits for name in names}


def _draw_curves(
    ax: Axes, data: AllocationData, fits: list[Shown], names: tuple[str, ...],
    hues: Mapping[tuple[str, str], str], label: str | None,
) -> Entries:  # fmt: skip
    entries: Entries = {}
    for each in fits:
        curve = data.frontier[data.frontier["fit"] == each.name]
        bands, medians = [], []
        for name in names:
            hue, dashed = hues[each.name, name], len(fits) > 1 and name != names[-1]
            alpha = 0.5 if len(fits) == 1 else 0.25
            bands.append(draw_band(ax, curve, "flops", name, color=hue, alpha=alpha))
            medians += ax.plot(
                curve["flops"], curve[name], color=hue, linewidth=points(0.8),
                linestyle="--" if dashed else "-", zorder=3,
            )  # fmt: skip
        told = "optimum" if len(fits) == 1 and label is None else plain(each.name)
        entries[f"{told}, {percent(data.ci_prob)}"] = (*bands, *medians)
    return entries


def _draw_tried(
    ax: Axes, data: AllocationData, fits: list[Shown], names: tuple[str, ...],
    hues: Mapping[tuple[str, str], str],
) -> tuple[Any, ...]:  # fmt: skip
    """Draw the parameters and tokens of the runs, faintly."""
    runs = data.runs.assign(tokens_per_param=data.runs["tokens"] / data.runs["params"])
    several = runs["fit"].nunique() > 1
    drawn = []
    for fit, table in runs.groupby("fit", sort=False):
        for name in names:
            own = len(fits) == 1 or several
            drawn += ax.plot(
                table["flops"], table[name], "o",
                color=hues[str(fit), name] if own else ink(0.6), alpha=0.3,
                markersize=points(2.5), markeredgewidth=0, zorder=1,
            )  # fmt: skip
    return tuple(drawn[: len(names)])


def _name_curves(ax: Axes, end: pd.Series, hues: Mapping[str, str]) -> None:
    """Write N* and D* beside the curves' ends, apart even where the curves meet."""
    low, high = ax.get_ylim()
    gap = np.log(end["tokens"] / end["params"]) / np.log(high / low)
    apart = np.copysign(points(7), gap) if abs(gap) < 0.08 else 0
    for name, shift in (("tokens", apart), ("params", -apart)):
        ax.annotate(
            LETTERS[name], (1, end[name]), xycoords=ax.get_yaxis_transform(),
            xytext=(points(3), shift), textcoords="offset points", va="center",
            color=hues[name], annotation_clip=False,
        )  # fmt: skip
