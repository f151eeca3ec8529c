"""Residuals of the runs, against parameters, tokens and compute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale._arguments import interval_tails
from bayesscale._format import percent
from bayesscale.forecast import Mixture
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Colors, Entries, Fits, Legend
from bayesscale.plots.style import ink, points
from bayesscale.quantities import QUANTITIES

AGAINST = ("params", "tokens", "flops")


@dataclass(frozen=True)
class ResidualsData:
    """What :func:`plot_residuals` draws.

    ``residuals``: one row per fit and run: ``fit``, ``run``, ``params``, ``tokens``, ``flops``;
    ``residual``, log observed minus log fitted loss, posterior median, with ``residual_lower`` and
    ``residual_upper``; ``noise``: by fit, half the width of the interval that holds a run's noise
    with ``ci_prob``; ``ci_prob``: probability of the equal-tailed intervals.
    """

    residuals: pd.DataFrame
    noise: pd.Series
    ci_prob: float


def residuals_data(fit: Fits, *, ci_prob: float = 0.9, label: str | None = None) -> ResidualsData:
    """Return what :func:`plot_residuals` draws."""
    fits = _shown.resolve(fit, label=label)
    tails = interval_tails(ci_prob)
    tables, noise = [], {}
    for each in fits:
        runs, mixture = each.fit.runs, Mixture.of(each.fit)
        drawn = mixture.evaluate(
            lambda p, rng, runs=runs: {
                "residual": p.residuals(runs),
                "noise": np.log(p.new_runs(np.zeros((len(p), 1)), runs, rng)),
            }
        )
        middle, low, high = np.quantile(drawn["residual"], [0.5, *tails], axis=(0, 1))
        noise[each.name] = float(np.ptp(np.quantile(drawn["noise"], tails)) / 2)
        tables.append(
            runs.to_frame().filter(AGAINST).reset_index().assign(
                fit=each.name, residual=middle, residual_lower=low, residual_upper=high
            )
        )  # fmt: skip
    return ResidualsData(pd.concat(tables, ignore_index=True), pd.Series(noise), ci_prob)


@_shown.drawing
def plot_residuals(
    fit: Fits, *, ci_prob: float = 0.9, ax: Sequence[Axes] | None = None,
    label: str | None = None, color: Colors = None, legend: Legend = True,
) -> Figure:  # fmt: skip
    """Draw log observed minus log fitted loss of every run against parameters, tokens, compute.

    A pattern is lack of fit; the dashed lines show the interval of run noise.

    Parameters
    ----------
    ax
        Axes to draw into, three or one for each of the sizes that the runs have; by default those
        of a new figure.

    Examples
    --------
    >>> bs.plot_residuals({"kaplan": k, "chinchilla": c})         # doctest: +SKIP
    """
    fits = _shown.resolve(fit, label=label, color=color)
    data = residuals_data(fit, ci_prob=ci_prob, label=label)
    against = [name for name in AGAINST if name in data.residuals]
    figure, axes = _axes.panels(len(against), ax)
    entries: Entries = {}
    for panel, name in zip(axes, against, strict=True):
        panel.set(xscale="log", xlabel=_axes.name_size(QUANTITIES[name]))
        panel.axhline(0, color=ink(), linewidth=points(0.6), zorder=1)
        span = np.log(data.residuals[name].max() / data.residuals[name].min())
        for i, each in enumerate(fits):
            table = data.residuals[data.residuals["fit"] == each.name]
            # what several fits miss of the same run stands side by side
            x = table[name] * np.exp(_axes.FAN * span * (i - (len(fits) - 1) / 2))
            panel.vlines(
                x, table["residual_lower"], table["residual_upper"], color=each.color,
                linewidth=points(0.5), alpha=0.5,
            )  # fmt: skip
            entries[_axes.plain(each.name)] = _axes.draw_points(
                panel, x, table["residual"], each.color, size=2.4
            )
            for sign in (-1, 1):
                panel.axhline(
                    sign * data.noise[each.name], color=each.color, linewidth=points(0.6),
                    linestyle="--", zorder=1,
                )  # fmt: skip
        _axes.write_sizes(panel.xaxis, QUANTITIES[name], *panel.get_xlim())
        _axes.write_shares(panel.yaxis)
        panel.set_ylabel("observed / fitted − 1")
    entries[f"noise of a run, {percent(ci_prob)}"] = _shown.stroke(ink(0.6), 0.6, "--")
    _shown.draw_legend(axes[0], entries, legend)
    return figure
