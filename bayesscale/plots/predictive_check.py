"""Posterior predictive check: this ladder beside ladders that the model makes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from bayesscale._format import percent
from bayesscale.forecast import Mixture
from bayesscale.inference import interval_tails
from bayesscale.plots._axes import axes_or_new
from bayesscale.plots._shown import (
    Colors,
    Entries,
    Fits,
    Legend,
    checked_legend,
    draw_legend,
    plain,
    shown_fits,
)
from bayesscale.plots.style import ink, points

MOST_DRAWS = 500
"""Ladders that are simulated."""


@dataclass(frozen=True)
class PredictiveCheckData:
    """What :func:`plot_predictive_check` draws.

    Parameters
    ----------
    misses
        One row a fit and rank: ``fit``; ``share`` of the runs that miss by as much or less;
        ``observed``, the sorted log observed minus log fitted (posterior median) loss; and
        ``simulated``, what ladders that the model makes have there, with ``simulated_lower`` and
        ``simulated_upper``.
    ci_prob
        Probability of the equal-tailed band, at each rank by itself.
    """

    misses: pd.DataFrame
    ci_prob: float


def predictive_check_data(
    fit: Fits, *, ci_prob: float = 0.9, label: str | None = None
) -> PredictiveCheckData:
    """Return the numbers that :func:`plot_predictive_check` draws.

    Parameters
    ----------
    fit, ci_prob, label
        As for :func:`plot_predictive_check`.

    Returns
    -------
    PredictiveCheckData
        What was missed, and what would be.

    Raises
    ------
    DomainError
        If an option is outside its domain.

    Examples
    --------
    >>> predictive_check_data(fit).misses                         # doctest: +SKIP
    """
    fits = shown_fits(fit, label=label)
    tails = interval_tails(ci_prob)
    tables = []
    for each in fits:
        runs, mixture = each.fit.runs, Mixture.of(each.fit)
        drawn = mixture.ask(
            lambda p, rng, runs=runs: {
                "fitted": p.log_loss(runs), "simulated": p.simulate(runs, rng)
            }
        )  # fmt: skip
        middle = np.median(drawn["fitted"], axis=(0, 1))
        simulated = drawn["simulated"].reshape(-1, len(runs))
        step = -(-len(simulated) // MOST_DRAWS)
        misses = np.sort(simulated[::step] - middle, axis=1)
        median, low, high = np.quantile(misses, [0.5, *tails], axis=0)
        tables.append(
            pd.DataFrame(
                {
                    "fit": each.name, "share": (np.arange(len(runs)) + 0.5) / len(runs),
                    "observed": np.sort(np.log(runs.loss) - middle), "simulated": median,
                    "simulated_lower": low, "simulated_upper": high,
                }
            )
        )  # fmt: skip
    return PredictiveCheckData(pd.concat(tables, ignore_index=True), ci_prob)


def plot_predictive_check(
    fit: Fits,
    *,
    ci_prob: float = 0.9,
    ax: Axes | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Axes:
    """Draw how much runs miss the law by, beside what ladders that the model makes would.

    A curve that leaves its band has heavier or lighter tails, more or less scatter, or more of
    its runs on one side than the model allows.

    Parameters
    ----------
    fit
        A fit, an average of several, or a mapping of names to such, on one picture.
    ci_prob
        Probability of the equal-tailed band, in (0, 1), at each rank by itself.
    ax
        Axes to draw into; by default those of a new figure.
    label
        Name of a single fit in the legend.
    color
        A Matplotlib colour, or one for each of several fits.
    legend
        True draws it above the axes, where no data are; False leaves it out; a place draws it
        inside.

    Returns
    -------
    matplotlib.axes.Axes
        The axes.

    Raises
    ------
    DomainError
        If an option is outside its domain.
    UnknownNameError
        If there is no such place.

    Examples
    --------
    >>> bs.plot_predictive_check(fit)                             # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = predictive_check_data(fit, ci_prob=ci_prob, label=label)
    ax = axes_or_new(ax)
    ax.set(xlabel="observed / fitted − 1", ylabel="share of the runs", ylim=(0, 1))
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.axvline(0, color=ink(0.5), linewidth=points(0.6), zorder=1)
    entries: Entries = {}
    for each in fits:
        table = data.misses[data.misses["fit"] == each.name]
        band = ax.fill_betweenx(
            table["share"], table["simulated_lower"], table["simulated_upper"], color=each.color,
            alpha=0.25, linewidth=0,
        )  # fmt: skip
        (line,) = ax.plot(
            table["observed"], table["share"], color=each.color, drawstyle="steps-mid",
            linewidth=points(1),
        )  # fmt: skip
        told = "" if len(fits) == 1 and label is None else f"{plain(each.name)}: "
        entries[f"{told}runs"] = line
        entries[f"{told}simulated, {percent(ci_prob)}"] = band
    draw_legend(ax, entries, place)
    return ax
