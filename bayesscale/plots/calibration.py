"""Ranks of a calibration against uniform ones: how their distribution function differs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bayesscale._arguments import choice
from bayesscale._format import list_some, percent
from bayesscale.calibration import Calibration, band, counts_below
from bayesscale.errors import DomainError
from bayesscale.plots import _axes, _shown
from bayesscale.plots._shown import Entries, Legend
from bayesscale.plots.style import ink, palette, points

MOST_NAMED = 5
"""Curves outside the band that the legend names."""


@dataclass(frozen=True)
class CalibrationData:
    """What :func:`plot_calibration` draws.

    ``differences``: empirical minus uniform distribution function of the ranks, one column a
    quantity. Index ``rank``, the rank over the largest one plus 1, from 0 to 1; ``band``: ``lower``
    and ``upper`` end of the simultaneous band, same index; ``inside``: whether a quantity's curve
    stays inside, by quantity; ``false_alarm``: probability that a right model leaves the band with
    any of the calibration's quantities.
    """

    differences: pd.DataFrame
    band: pd.DataFrame
    inside: pd.Series
    false_alarm: float


def calibration_data(
    calibration: Calibration, *, quantities: Sequence[str] | None = None
) -> CalibrationData:
    """Return what :func:`plot_calibration` draws."""
    _shown.expected(calibration, Calibration, "calibrate")
    known = [str(name) for name in calibration.ranks.columns]
    chosen = known if quantities is None else list(quantities)
    if isinstance(quantities, str) or not chosen:
        raise DomainError(f"quantities must be a list of names, not {quantities!r}.")
    for name in chosen:
        choice("quantity", name, known)
    n, most = len(calibration.ranks), calibration.ranked_among
    z = np.arange(most + 2) / (most + 1)
    index = pd.Index(z, name="rank")

    def difference(counts: np.ndarray) -> np.ndarray:
        return np.concatenate([[0], counts, [n]]) / n - z

    lower, upper = band(n, most, calibration.threshold)
    return CalibrationData(
        differences=pd.DataFrame(
            {
                name: difference(counts_below(calibration.ranks[name].to_numpy(), most))
                for name in chosen
            },
            index=index,
        ),
        band=pd.DataFrame({"lower": difference(lower), "upper": difference(upper)}, index=index),
        inside=calibration.summary["inside"].loc[chosen],
        false_alarm=calibration.false_alarm,
    )


@_shown.drawing
def plot_calibration(
    calibration: Calibration, *, quantities: Sequence[str] | None = None,
    ax: Axes | None = None, legend: Legend = True,
) -> Axes:  # fmt: skip
    """Draw the ranks' distribution functions, less a uniform one's, and the band they belong in.

    A curve that leaves the band shows what is wrong: an arch above zero, posteriors that lie too
    high; below, too low; a wave that starts upwards, posteriors that are too narrow.

    Parameters
    ----------
    calibration
        A calibration.
    quantities
        Names to show, of ``calibration.summary``; by default all.

    Notes
    -----
    The band is that of the verdict: simultaneous over all ranks and over all quantities of the
    calibration, shown or not.

    Examples
    --------
    >>> bs.plot_calibration(bs.calibrate(runs))                   # doctest: +SKIP
    """
    data = calibration_data(calibration, quantities=quantities)
    x, y = "rank of the truth, as a share", "ECDF − uniform"
    ax = _axes.new(ax, xlabel=x, ylabel=y, xlim=(0, 1))
    z = data.differences.index.to_numpy()
    entries: Entries = {}
    entries[f"{percent(1 - data.false_alarm)} band, all at once"] = ax.fill_between(
        z, data.band["lower"], data.band["upper"], color=ink(0.5), alpha=0.2, linewidth=0, zorder=0
    )
    ax.axhline(0, color=ink(), linewidth=points(0.8), zorder=1)
    good = data.inside.index[data.inside].tolist()
    bad = data.inside.index[~data.inside].tolist()
    first, *others = palette()
    for name in good:
        (line,) = ax.plot(z, data.differences[name], color=first, linewidth=points(0.7), alpha=0.6)
        alone = len(good) == 1
        entries[_axes.plain(name) if alone else f"inside: {len(good)} quantities"] = line
    for i, name in enumerate(bad):
        (line,) = ax.plot(z, data.differences[name], color=others[i % len(others)], zorder=3)
        if i < MOST_NAMED:
            entries[f"outside: {_axes.plain(name)}"] = line
    if len(bad) > MOST_NAMED:
        entries[f"and {list_some(bad[MOST_NAMED:], limit=1)}"] = line  # pyright: ignore
    _shown.draw_legend(ax, entries, legend)
    return ax
