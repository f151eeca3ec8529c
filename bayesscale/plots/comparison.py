"""Laws compared: evidence, leave-one-out and the largest runs, with errors, and weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale.comparison import ALL, Comparison, PriorSensitivity
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Legend
from bayesscale.plots.style import blend, ink, palette, points

SCORES = {
    "evidence": ("log_evidence", "mcse", "ln evidence", "Monte Carlo error"),
    "leave-one-out": ("elpd_diff", "elpd_diff_se", "leave-one-out, nats", "standard error"),
    "largest compute": (
        "log_score_diff", "log_score_diff_mcse", "largest compute, nats", "Monte Carlo error",
    ),
}  # fmt: skip
"""By criterion: its column, that of its error, what it is called, and what its error is."""

WEIGHTS = {"probability": "by evidence", "stacking": "by stacking"}


@dataclass(frozen=True)
class ComparisonData:
    """What :func:`plot_comparison` draws.

    ``scores``: one row a criterion and fit: ``criterion``, ``fit``; ``score``, nats, less that of
    the best fit; its ``error``; ``weights``: one row a fit, with the columns of weights that there
    are: ``probability``, posterior probabilities of the laws at equal prior ones, and ``stacking``.
    """

    scores: pd.DataFrame
    weights: pd.DataFrame


def comparison_data(comparison: Comparison) -> ComparisonData:
    """Return what :func:`plot_comparison` draws."""
    _shown.expected(comparison, Comparison, "compare")
    table = comparison.summary
    parts = [
        pd.DataFrame(
            {
                "criterion": criterion, "fit": table.index,
                "score": (table[score] - table[score].max()).to_numpy(),
                "error": table[error].fillna(0.0).to_numpy(),
            }
        )
        for criterion, (score, error, *_) in SCORES.items()
        if score in table
    ]  # fmt: skip
    weights = table[[name for name in WEIGHTS if name in table]]
    return ComparisonData(pd.concat(parts, ignore_index=True), weights)


@_shown.drawing
def plot_comparison(
    comparison: Comparison, *, ax: Sequence[Axes] | None = None, color: Colors = None,
    legend: Legend = True,
) -> Figure:  # fmt: skip
    """Draw how laws score by every criterion, below the best one, with errors; and their weights.

    Parameters
    ----------
    comparison
        A comparison.
    ax
        Axes to draw into, one a criterion and one for weights; by default those of a new figure.
    color
        A Matplotlib colour for each fit.

    Examples
    --------
    >>> bs.plot_comparison(bs.compare(fits))                      # doctest: +SKIP
    """
    _shown.check_legend(legend)
    data = comparison_data(comparison)
    names = data.weights.index.tolist()
    hues = dict(zip(names, _shown.colors_for(len(names), color), strict=True))
    criteria = data.scores["criterion"].unique().tolist()
    shows_weights = len(data.weights.columns) > 0
    figure, axes = _axes.panels(len(criteria) + shows_weights, ax)
    places = range(len(names))
    for panel, criterion in zip(axes, criteria, strict=False):
        table = data.scores[data.scores["criterion"] == criterion]
        panel.axvline(0, color=ink(0.5), linewidth=points(0.6), zorder=0)
        for y, row in zip(places, table.itertuples(), strict=True):
            panel.errorbar(
                row.score, y, xerr=row.error, fmt="o", color=hues[row.fit],
                markersize=points(3.5), elinewidth=points(1), capsize=points(2),
            )  # fmt: skip
        _, _, title, error = SCORES[criterion]
        panel.set(xlabel=f"{title} below\nthe best, ± {error}")
        _axes.name_rows(panel, names)
    if shows_weights:
        _draw_weights(axes[-1], data, names, legend)
    return figure


def _draw_weights(ax: Axes, data: ComparisonData, names: list[str], legend: Legend) -> None:
    """Draw bars of the weights, the kinds below each other."""
    kinds = list(data.weights.columns)
    height = 0.8 / len(kinds)
    entries: Entries = {}
    for i, kind in enumerate(kinds):
        hue = blend(palette()[0], 1.0 if i == 0 else 0.45)
        at = [y + (i - (len(kinds) - 1) / 2) * height for y in range(len(names))]
        entries[WEIGHTS[kind]] = ax.barh(at, data.weights[kind], 0.9 * height, color=hue)[0]
    ax.set(xlim=(0, 1), xlabel="weight")
    _axes.name_rows(ax, names)
    _shown.draw_legend(ax, entries, legend)


@dataclass(frozen=True)
class SensitivityData:
    """What :func:`plot_sensitivity` draws.

    ``grid``: one row a prior and scale: ``prior``, ``scale``, ``ln_bf`` and ``ln_bf_mcse``;
    ``pair``: the fits that are compared, the better one first.
    """

    grid: pd.DataFrame
    pair: tuple[str, str]


def sensitivity_data(sensitivity: PriorSensitivity) -> SensitivityData:
    """Return what :func:`plot_sensitivity` draws."""
    _shown.expected(sensitivity, PriorSensitivity, "prior_sensitivity")
    grid = sensitivity.summary.reset_index()[["prior", "scale", "ln_bf", "ln_bf_mcse"]]
    own = grid[grid["scale"] == 1]  # the fits' own priors belong to every curve
    named = [own.assign(prior=name) for name in grid["prior"].unique() if name != ALL]
    grid = pd.concat([grid, *named]).sort_values(["prior", "scale"], kind="stable")
    return SensitivityData(grid.reset_index(drop=True), sensitivity.pair)


@_shown.drawing
def plot_sensitivity(
    sensitivity: PriorSensitivity, *, ax: Axes | None = None, color: Colors = None,
    legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw the log Bayes factor under narrower and wider priors, with Monte Carlo errors.

    A curve that crosses zero means that its prior decides.

    Parameters
    ----------
    sensitivity
        What :func:`~bayesscale.prior_sensitivity` returned.
    color
        A Matplotlib colour for each prior.

    Examples
    --------
    >>> bs.plot_sensitivity(bs.prior_sensitivity(fits))           # doctest: +SKIP
    """
    _shown.check_legend(legend)
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
