"""Laws compared: evidence, leave-one-out and the largest runs, with errors."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from bayesscale.comparison import ALL, Comparison, PriorSensitivity
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Legend
from bayesscale.plots.style import ink, palette, points

SCORES = {
    "evidence": ("ln_bf", "ln_bf_mcse", "evidence, ± Monte Carlo error"),
    "leave-one-out": ("elpd_diff", "elpd_diff_se", "leave-one-out, ± standard error"),
    "largest compute": (
        "log_score_diff", "log_score_diff_mcse", "largest compute, ± Monte Carlo error",
    ),
}  # fmt: skip
"""By criterion: its column, that of its error, and what the legend says."""

LINEAR = 10.0
"""Nats from zero up to which the axis is linear; beyond it is logarithmic."""


@dataclass(frozen=True)
class ComparisonData:
    """What :func:`plot_comparison` draws.

    ``scores``: one row per criterion and fit: ``criterion``, ``fit``; ``score``, nats, less that of
    the best fit of the same discrepancy; its ``error``.
    """

    scores: pd.DataFrame


def comparison_data(comparison: Comparison) -> ComparisonData:
    """Return what :func:`plot_comparison` draws."""
    _shown.expected(comparison, Comparison, "compare")
    table = comparison.summary
    parts = [
        pd.DataFrame(
            {
                "criterion": criterion, "fit": table.index, "score": table[score].to_numpy(),
                "error": table[error].fillna(0.0).to_numpy(),
            }
        )
        for criterion, (score, error, _) in SCORES.items()
        if score in table
    ]  # fmt: skip
    return ComparisonData(pd.concat(parts, ignore_index=True))


@_shown.drawing
def plot_comparison(
    comparison: Comparison, *, ax: Axes | None = None, color: Colors = None,
    legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw how far laws score below the best one of their setting, by every criterion, with errors.

    A forest: one row per fit, one marker per criterion. The axis is linear within 10 nats of the
    best and logarithmic beyond.

    Examples
    --------
    >>> bs.plot_comparison(bs.compare(fits))                      # doctest: +SKIP
    """
    scores = comparison_data(comparison).scores
    names, criteria = scores["fit"].unique().tolist(), scores["criterion"].unique().tolist()
    hues = _shown.colors_for(len(criteria), color)
    ax = _axes.new(ax, xlabel="nats below the best law of the same discrepancy")
    ax.axvline(0, color=ink(0.5), linewidth=points(0.6), zorder=0)
    entries: Entries = {}
    for i, (criterion, hue) in enumerate(zip(criteria, hues, strict=True)):
        table = scores[scores["criterion"] == criterion]
        apart = 0.2 * (i - (len(criteria) - 1) / 2)
        entries[SCORES[criterion][2]] = ax.errorbar(
            table["score"], [y + apart for y in range(len(names))], xerr=table["error"],
            fmt="osD"[i], color=hue, markersize=points(3.5), elinewidth=points(1),
            capsize=points(2),
        )[0]  # fmt: skip
    if (scores["score"] - scores["error"]).min() < -LINEAR:
        ax.set_xscale("symlog", linthresh=LINEAR)
    _axes.name_rows(ax, names)
    _shown.draw_legend(ax, entries, legend)
    return ax


@dataclass(frozen=True)
class SensitivityData:
    """What :func:`plot_sensitivity` draws.

    ``grid``: one row per prior and scale: ``prior``, ``scale``, ``ln_bf`` and ``ln_bf_mcse``;
    ``pair``: the fits that are compared, the better one first.
    """

    grid: pd.DataFrame
    pair: tuple[str, str]


def sensitivity_data(sensitivity: PriorSensitivity) -> SensitivityData:
    """Return what :func:`plot_sensitivity` draws."""
    _shown.expected(sensitivity, PriorSensitivity, "prior_sensitivity")
    grid = sensitivity.summary.reset_index()[["prior", "scale", "ln_bf", "ln_bf_mcse"]]
    unscaled = grid[grid["scale"] == 1]  # the fits' own priors belong to every curve
    named = [unscaled.assign(prior=name) for name in grid["prior"].unique() if name != ALL]
    grid = pd.concat([grid, *named]).sort_values(["prior", "scale"], kind="stable")
    return SensitivityData(grid.reset_index(drop=True), sensitivity.pair)


@_shown.drawing
def plot_sensitivity(
    sensitivity: PriorSensitivity, *, ax: Axes | None = None, color: Colors = None,
    legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw the log Bayes factor under narrower and wider priors, with Monte Carlo errors.

    If a curve crosses zero, the result depends on its prior.

    Examples
    --------
    >>> bs.plot_sensitivity(bs.prior_sensitivity(fits))           # doctest: +SKIP
    """
    data = sensitivity_data(sensitivity)
    names = data.grid["prior"].unique().tolist()
    hues = _shown.colors_for(len(names), color) if color is not None else [
        palette()[i % len(palette())] for i in range(len(names))
    ]  # fmt: skip
    best, second = (_axes.plain(name) for name in data.pair)
    x, y = "width of the prior over the fits' own", f"ln Bayes factor of\n{best} over {second}"
    ax = _axes.new(ax, xscale="log", xlabel=x, ylabel=y)
    ax.axhline(0, color=ink(), linewidth=points(0.6), zorder=0)
    entries: Entries = {}
    for i, (name, hue) in enumerate(zip(names, hues, strict=True)):
        table = data.grid[data.grid["prior"] == name]
        style = "-" if i < len(palette()) else "--"
        entries[_axes.plain(name)] = ax.errorbar(
            table["scale"], table["ln_bf"], yerr=table["ln_bf_mcse"], color=hue, linestyle=style,
            linewidth=points(1.6 if name == ALL else 0.9), elinewidth=points(0.7),
        )[0]  # fmt: skip
    scales = sorted(data.grid["scale"].unique())
    ax.set_xticks(scales, [f"{scale:g}×" for scale in scales])
    ax.minorticks_off()
    _shown.draw_legend(ax, entries, legend)
    return ax
