"""What the laws miss of the runs, against parameters, tokens and compute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from bayesscale._format import percent
from bayesscale.forecast import Mixture
from bayesscale.inference import interval_tails
from bayesscale.plots._axes import FAN, name_size, panels, write_sizes
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
from bayesscale.quantities import QUANTITIES

AGAINST = ("params", "tokens", "flops")


@dataclass(frozen=True)
class ResidualsData:
    """What :func:`plot_residuals` draws.

    Parameters
    ----------
    residuals
        One row a fit and run: ``fit``, ``run``, ``params``, ``tokens``, ``flops``; ``residual``,
        log observed minus log fitted loss, posterior median, with ``residual_lower`` and
        ``residual_upper``.
    noise
        By fit, half the width of the interval that holds a run's noise with ``ci_prob``.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    residuals: pd.DataFrame
    noise: pd.Series
    ci_prob: float


def residuals_data(fit: Fits, *, ci_prob: float = 0.9, label: str | None = None) -> ResidualsData:
    """Return the numbers that :func:`plot_residuals` draws.

    Parameters
    ----------
    fit, ci_prob, label
        As for :func:`plot_residuals`.

    Returns
    -------
    ResidualsData
        Residuals of every fit and run.

    Raises
    ------
    DomainError
        If an option is outside its domain.

    Examples
    --------
    >>> residuals_data(fit).residuals                             # doctest: +SKIP
    """
    fits = shown_fits(fit, label=label)
    tails = interval_tails(ci_prob)
    tables, noise = [], {}
    for each in fits:
        runs, mixture = each.fit.runs, Mixture.of(each.fit)
        drawn = mixture.ask(
            lambda p, rng, runs=runs: {
                "residual": p.residuals(runs),
                "noise": np.log(p.new_runs(np.zeros((len(p), 1)), runs, rng)),
            }
        )
        middle, low, high = np.quantile(drawn["residual"], [0.5, *tails], axis=(0, 1))
        noise[each.name] = float(np.ptp(np.quantile(drawn["noise"], tails)) / 2)
        tables.append(
            runs.to_frame()[list(AGAINST)].reset_index().assign(
                fit=each.name, residual=middle, residual_lower=low, residual_upper=high
            )
        )  # fmt: skip
    return ResidualsData(pd.concat(tables, ignore_index=True), pd.Series(noise), ci_prob)


def plot_residuals(
    fit: Fits,
    *,
    ci_prob: float = 0.9,
    ax: Sequence[Axes] | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Figure:
    """Draw log observed minus log fitted loss of every run against parameters, tokens, compute.

    A pattern is what the law misses; the dashed lines hold the noise of a run.

    Parameters
    ----------
    fit
        A fit, an average of several, or a mapping of names to such, on one picture.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1), of the residuals and of the noise.
    ax
        Three axes to draw into; by default those of a new figure.
    label
        Name of a single fit in the legend.
    color
        A Matplotlib colour, or one for each of several fits.
    legend
        True draws it above the first panel; False leaves it out; a place draws it inside.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    DomainError
        If an option is outside its domain.
    UnknownNameError
        If there is no such place.

    Examples
    --------
    >>> bs.plot_residuals({"kaplan": k, "chinchilla": c})         # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = residuals_data(fit, ci_prob=ci_prob, label=label)
    figure, axes = panels(len(AGAINST), ax)
    entries: Entries = {}
    for own, name in zip(axes, AGAINST, strict=True):
        own.set(xscale="log", xlabel=name_size(QUANTITIES[name]))
        own.axhline(0, color=ink(), linewidth=points(0.6), zorder=1)
        span = np.log(data.residuals[name].max() / data.residuals[name].min())
        for i, each in enumerate(fits):
            table = data.residuals[data.residuals["fit"] == each.name]
            # what several fits miss of the same run stands side by side
            x = table[name] * np.exp(FAN * span * (i - (len(fits) - 1) / 2))
            own.vlines(
                x, table["residual_lower"], table["residual_upper"], color=each.color,
                linewidth=points(0.5), alpha=0.5,
            )  # fmt: skip
            (entries[plain(each.name)],) = own.plot(
                x, table["residual"], "o", color=each.color, markersize=points(2.4),
                markeredgewidth=0,
            )  # fmt: skip
            for sign in (-1, 1):
                own.axhline(
                    sign * data.noise[each.name], color=each.color, linewidth=points(0.6),
                    linestyle="--", zorder=1,
                )  # fmt: skip
        write_sizes(own.xaxis, QUANTITIES[name], *own.get_xlim())
        own.yaxis.set_major_formatter(PercentFormatter(1.0))
        own.set_ylabel("observed / fitted − 1")
    entries[f"noise of a run, {percent(ci_prob)}"] = Line2D(
        [], [], color=ink(0.6), linewidth=points(0.6), linestyle="--"
    )
    draw_legend(axes[0], entries, place)
    return figure
