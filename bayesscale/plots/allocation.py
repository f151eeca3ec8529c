"""The compute-optimal split against compute."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from bayesscale._arguments import positive_scalar
from bayesscale._format import percent
from bayesscale.forecast.answer import stated, summary_columns
from bayesscale.forecast.cost import runs_cost
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.split import optimal_split, wanted_beside_split
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.model.posterior import Posterior
from bayesscale.plots._axes import (
    axes_or_new,
    draw_band,
    draw_legend,
    mark_extrapolation,
    name_size,
    sizes_up_to,
    write_sizes,
)
from bayesscale.plots.style import BLUE, VERMILION
from bayesscale.quantities import FLOPS, PARAMS

HABIT = 20.0
"""Tokens per parameter that people take for compute-optimal."""


@dataclass(frozen=True)
class AllocationData:
    """What :func:`plot_allocation` draws.

    Parameters
    ----------
    frontier
        One row a budget, smallest first: ``flops``; medians, ``_lower`` and ``_upper`` of
        ``params`` (N*), ``tokens`` (D*) and ``tokens_per_param``; and, if asked for, the split
        at a fixed ratio, ``reference_params`` and ``reference_tokens``.
    runs
        The fitted runs, as :meth:`Runs.to_frame` returns them.
    extrapolation_begins
        The largest compute among the fitted runs, FLOP.
    ci_prob
        Probability of the equal-tailed bands.
    """

    frontier: pd.DataFrame
    runs: pd.DataFrame
    extrapolation_begins: float
    ci_prob: float


def allocation_data(
    fit: Fit | Average,
    *,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    tokens_per_param: float | None = HABIT,
    given: Mapping[str, float] | None = None,
) -> AllocationData:
    """Return the numbers that :func:`plot_allocation` draws; the arguments are the same.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1).
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
    tokens_per_param
        Tokens per parameter, > 0, of a fixed split to compare with, or None for none.
    given
        Further inputs of a law that has them, by name, such as ``{"experts": 8}``.

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
    mixture, runs = Mixture.of(fit), fit.runs
    interval_tails(ci_prob)
    budgets = sizes_up_to(runs.flops, flops_max)
    cost = runs_cost(runs)
    reference = {}
    if tokens_per_param is not None:
        ratio = positive_scalar("tokens_per_param", tokens_per_param, "tokens per parameter")
        params = np.sqrt(budgets / (cost.kappa * ratio))
        reference = {"reference_params": params, "reference_tokens": ratio * params}
    further = stated(mixture.host.law, given or {}, wanted=wanted_beside_split(mixture.host.law))

    def question(posterior: Posterior, _: object) -> dict[str, Any]:
        split = optimal_split(posterior, budgets, cost, further)
        return {
            "params": split.params, "tokens": split.tokens,
            "tokens_per_param": split.tokens / split.params,
        }  # fmt: skip

    drawn = mixture.ask(question)
    columns = {"flops": budgets}
    for name, values in drawn.items():
        columns |= summary_columns(name, values, ci_prob)
    return AllocationData(
        frontier=pd.DataFrame(columns | reference),
        runs=runs.to_frame(),
        extrapolation_begins=float(runs.flops.max()),
        ci_prob=ci_prob,
    )


def plot_allocation(
    fit: Fit | Average,
    *,
    ci_prob: float = 0.9,
    flops_max: float | None = None,
    tokens_per_param: float | None = HABIT,
    given: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the compute-optimal parameters N* and tokens D* against training compute.

    Faint points are the parameters and tokens that were tried: where a curve leaves them, the
    law speaks alone.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1).
    flops_max
        End of the compute axis, FLOP, above the smallest run; by default ten times the largest.
    tokens_per_param
        Tokens per parameter, > 0, of a fixed split to compare with, or None for none.
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
        If an option is outside its domain, or the law has no compute-optimal split.

    Notes
    -----
    Compute is counted as the runs count it: 6ND, scaled by the median of their own count over 6ND
    where they bring one.

    Examples
    --------
    >>> bs.plot_allocation(fit, flops_max=1e25)                   # doctest: +SKIP
    """
    data = allocation_data(
        fit, ci_prob=ci_prob, flops_max=flops_max, tokens_per_param=tokens_per_param, given=given
    )
    curve, flops = data.frontier, data.frontier["flops"]
    ax = axes_or_new(ax)
    ax.set(
        xscale="log", yscale="log", xlabel=name_size(FLOPS),
        ylabel="parameters $N^*$, tokens $D^*$",
    )  # fmt: skip
    tried, bands, medians = [], [], []
    for name, color in (("tokens", VERMILION), ("params", BLUE)):
        tried += ax.plot(
            data.runs["flops"], data.runs[name], "o", color=color, alpha=0.2,
            markersize=2.5, markeredgewidth=0, zorder=1,
        )  # fmt: skip
        bands += [draw_band(ax, curve, "flops", name, color=color, alpha=0.5)]
        medians += ax.plot(flops, curve[name], color=color, linewidth=0.8)
    entries: dict[str, Artist | tuple[Artist, ...]] = {
        f"optimum, {percent(ci_prob)}": (*bands, *medians),
        "fitted runs": tuple(tried),
    }
    if tokens_per_param is not None:
        for name in ("reference_tokens", "reference_params"):
            (line,) = ax.plot(flops, curve[name], ":", color="0.3", linewidth=1, zorder=1.2)
            entries[f"{tokens_per_param:g} tokens per parameter"] = line
    low, high = np.log(ax.get_ylim())
    # room for the legend below, and for the label above
    ax.set_ylim(*np.exp([low - 0.25 * (high - low), high + 0.05 * (high - low)]))
    _name_curves(ax, curve.iloc[-1])
    write_sizes(ax.xaxis, FLOPS, flops.iloc[0], flops.iloc[-1])
    write_sizes(ax.yaxis, PARAMS, *ax.get_ylim())
    mark_extrapolation(ax, data.extrapolation_begins, flops.iloc[0], flops.iloc[-1])
    draw_legend(ax, entries, "lower right", side_by_side=2)
    return ax


def _name_curves(ax: Axes, end: pd.Series) -> None:
    """Write N* and D* beside the curves' ends, apart even where the curves meet."""
    low, high = ax.get_ylim()
    gap = np.log(end["tokens"] / end["params"]) / np.log(high / low)
    apart = np.copysign(7, gap) if abs(gap) < 0.08 else 0
    for name, text, color, shift in (
        ("tokens", "$D^*$", VERMILION, apart), ("params", "$N^*$", BLUE, -apart),
    ):  # fmt: skip
        ax.annotate(
            text, (1, end[name]), xycoords=ax.get_yaxis_transform(), xytext=(3, shift),
            textcoords="offset points", va="center", color=color, annotation_clip=False,
        )  # fmt: skip
