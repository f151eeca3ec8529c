"""Published letters of laws, two by two: what trades off against what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bayesscale.errors import DomainError
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
from bayesscale.plots.priors import chosen_names, only_fits
from bayesscale.plots.style import points

MOST_DRAWS = 500

LARGE = 30.0
"""Letters above this are shown as their decimal logarithm."""


CROWDED = 6.0
"""Panels narrower than this, over the size of the text, have smaller names and fewer ticks."""


@dataclass(frozen=True)
class PairsData:
    """What :func:`plot_pairs` draws.

    Parameters
    ----------
    draws
        One row a fit and draw: ``fit`` and the letters, those of ``log10`` as log10.
    log10
        Letters that are shown as their decimal logarithm: amplitudes, whose draws differ by
        orders of magnitude.
    """

    draws: pd.DataFrame
    log10: list[str]


def pairs_data(
    fit: Fits, *, names: Sequence[str] | None = None, label: str | None = None
) -> PairsData:
    """Return the numbers that :func:`plot_pairs` draws.

    Parameters
    ----------
    fit, names, label
        As for :func:`plot_pairs`.

    Returns
    -------
    PairsData
        Draws, thinned evenly to 500 a fit.

    Raises
    ------
    UnknownNameError
        If the fits do not share such a letter.
    DomainError
        If an average is given, or fewer than two letters are shared or named.

    Examples
    --------
    >>> pairs_data(fit, names=["E", "alpha_N"]).draws             # doctest: +SKIP
    """
    fits = only_fits(shown_fits(fit, label=label), "letters")
    shared = [
        letter for letter in fits[0][1].law.published_units
        if all(letter in own.published for _, own in fits)
    ]  # fmt: skip
    chosen = chosen_names("published letter", names, shared)
    if len(chosen) < 2:
        raise DomainError(f"Pairs need two letters or more, but there is {chosen or 'none'}.")
    tables = []
    for name, own in fits:
        flat = {k: np.ravel(own.published[k].to_numpy()) for k in chosen}
        step = -(-len(flat[chosen[0]]) // MOST_DRAWS)
        tables.append(pd.DataFrame({"fit": name, **{k: v[::step] for k, v in flat.items()}}))
    draws = pd.concat(tables, ignore_index=True)
    large = [k for k in chosen if draws[k].median() > LARGE and (draws[k] > 0).all()]
    return PairsData(draws.assign(**{k: np.log10(draws[k]) for k in large}), large)


def plot_pairs(
    fit: Fits,
    *,
    names: Sequence[str] | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Figure:
    """Draw the posterior of published letters two by two, and of each alone on the diagonal.

    Parameters
    ----------
    fit
        A fit, or a mapping of names to fits, on one picture.
    names
        Published letters to show, at least two; by default all that the laws share.
    label
        Name of a single fit in the legend.
    color
        A Matplotlib colour, or one for each of several fits.
    legend
        True draws it above; False leaves it out; a place draws it inside.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    UnknownNameError
        If the fits do not share such a letter, or there is no such place.
    DomainError
        If an average is given, or fewer than two letters are shared or named.

    Examples
    --------
    >>> bs.plot_pairs({"kaplan": k, "chinchilla": c})             # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = pairs_data(fit, names=names, label=label)
    letters = [str(name) for name in data.draws if name != "fit"]
    side = plt.rcParams["figure.figsize"][0]
    crowded = side * 72 / len(letters) < CROWDED * plt.rcParams["font.size"]
    text, ticks = ("small", 2) if crowded else (None, 3)
    figure, grid = plt.subplots(
        len(letters), len(letters), figsize=(side, side), squeeze=False, sharex="col",
        layout="constrained",
    )  # fmt: skip
    entries: Entries = {
        plain(each.name): Line2D([], [], marker="o", linestyle="", color=each.color)
        for each in fits
    }
    for i, row in enumerate(letters):
        for j, column in enumerate(letters):
            own = grid[i, j]
            if j > i:
                own.set_visible(False)
                continue
            for each in fits:
                draws = data.draws[data.draws["fit"] == each.name]
                if i == j:
                    own.hist(
                        draws[row], bins=25, density=True, color=each.color, alpha=0.5,
                        histtype="stepfilled",
                    )  # fmt: skip
                else:
                    own.plot(
                        draws[column], draws[row], "o", color=each.color, alpha=0.4,
                        markersize=points(1.4), markeredgewidth=0,
                    )  # fmt: skip
            own.xaxis.set_major_locator(MaxNLocator(ticks))
            own.yaxis.set_major_locator(MaxNLocator(ticks))
            own.tick_params(axis="x", rotation=45)
            if i == j:
                own.set_yticks([])
            elif j > 0:
                own.set_yticklabels([])
            if j == 0 and i > 0:
                own.set_ylabel(_title(row, data), fontsize=text)
            if i == len(letters) - 1:
                own.set_xlabel(_title(column, data), fontsize=text)
    figure.align_labels()
    if len(fits) > 1:
        draw_legend(grid[0, 0], entries, place)
    return figure


def _title(letter: str, data: PairsData) -> str:
    return plain(f"log10 {letter}" if letter in data.log10 else letter)
