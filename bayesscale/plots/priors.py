"""From prior to posterior, coordinate by coordinate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale.errors import DomainError, unknown_name
from bayesscale.inference import Fit
from bayesscale.model import LINKS
from bayesscale.plots._axes import panels
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
from bayesscale.plots.style import ink, points

GRID = 200
PRIOR_DRAWS = 4000
EDGE = 0.002
"""Share of the prior that may lie beyond each end of an axis."""


@dataclass(frozen=True)
class PriorsData:
    """What :func:`plot_priors` draws.

    Parameters
    ----------
    densities
        One row a fit, coordinate and value: ``fit``, ``coordinate``, ``value``, ``prior`` and
        ``posterior``, densities of the value.
    units
        Unit of each coordinate.
    """

    densities: pd.DataFrame
    units: dict[str, str]


def priors_data(
    fit: Fits, *, names: Sequence[str] | None = None, label: str | None = None
) -> PriorsData:
    """Return the numbers that :func:`plot_priors` draws.

    Parameters
    ----------
    fit, names, label
        As for :func:`plot_priors`.

    Returns
    -------
    PriorsData
        Densities.

    Raises
    ------
    UnknownNameError
        If no fit has such a coordinate.
    DomainError
        If an average is given, or no names.

    Examples
    --------
    >>> priors_data(fit, names=["slope_N"]).densities             # doctest: +SKIP
    """
    fits = only_fits(shown_fits(fit, label=label), "prior")
    known = {c.name: c.unit for _, own in fits for c in own.spec.coordinates}
    chosen = chosen_names("coordinate", names, list(known))
    tables = []
    for name, own in fits:
        rng = np.random.default_rng([own.sampling.random_seed, 5])
        prior = own.spec.space.draw(rng, PRIOR_DRAWS)
        for c in own.spec.coordinates:
            if c.name in chosen:
                posterior = np.ravel(own.coordinates[c.name].to_numpy())
                densities = _densities(own, c, prior[c.name], posterior)
                tables.append(pd.DataFrame({"fit": name, "coordinate": c.name, **densities}))
    return PriorsData(pd.concat(tables, ignore_index=True), {k: known[k] for k in chosen})


def only_fits(fits: list[Shown], what: str) -> list[tuple[str, Fit]]:
    """Return fits by name; refuse averages, which have no such thing of their own."""
    for each in fits:
        if not isinstance(each.fit, Fit):
            raise DomainError(
                f"{each.name!r} is an average, which has no {what} of its own. Show its fits: "
                "average.fits."
            )
    return [(each.name, each.fit) for each in fits if isinstance(each.fit, Fit)]


def chosen_names(what: str, names: Sequence[str] | None, known: list[str]) -> list[str]:
    """Return the names that are asked for, all that are known by default."""
    if names is None:
        return known
    if isinstance(names, str) or not list(names):
        raise DomainError(f"names must be a list of one {what} or more, not {names!r}.")
    for name in names:
        if name not in known:
            raise unknown_name(what, name, known)
    return list(names)


def _densities(fit: Fit, c: Any, prior: np.ndarray, posterior: np.ndarray) -> dict[str, Any]:
    """Return prior and posterior density where either has mass.

    The prior's is exact. The posterior's is smoothed on the scale of the coordinate's link, so
    that no mass is smeared beyond what it can be.
    """
    from scipy.stats import gaussian_kde

    link = LINKS[c.link]
    ends = [np.quantile(v, [EDGE, 1 - EDGE]) for v in (prior, posterior)]
    margin = 0.2 * np.ptp(ends[1])  # the posterior may be narrow beside the prior
    near = np.clip([ends[1][0] - margin, ends[1][1] + margin], np.min(ends), np.max(ends))
    whole = np.linspace(np.min(ends), np.max(ends), GRID)
    value = np.unique(np.concatenate([whole, np.linspace(near[0], near[1], GRID)]))
    x = link.forward(posterior)
    smooth = gaussian_kde(x)(link.forward(value))
    return {
        "value": value,
        "prior": np.exp(fit.spec.space.log_prior(c.name, value)),
        "posterior": smooth * np.exp(link.log_slope(value)),
    }


def plot_priors(
    fit: Fits,
    *,
    names: Sequence[str] | None = None,
    ax: Sequence[Axes] | None = None,
    label: str | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Figure:
    """Draw the prior and the posterior of every sampled coordinate.

    Where the two look alike, the runs taught nothing.

    Parameters
    ----------
    fit
        A fit, or a mapping of names to fits, on one picture.
    names
        Coordinates to show, of ``fit.summary(coordinates=True)``; by default all.
    ax
        Axes to draw into, one a coordinate; by default those of a new figure.
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
    UnknownNameError
        If no fit has such a coordinate, or there is no such place.
    DomainError
        If an average is given, or no names.

    Examples
    --------
    >>> bs.plot_priors(fit, names=["slope_N", "slope_D"])         # doctest: +SKIP
    """
    place = checked_legend(legend)
    fits = shown_fits(fit, label=label, color=color)
    data = priors_data(fit, names=names, label=label)
    figure, axes = panels(len(data.units), ax, least=1.5)
    entries: Entries = {}
    for own, (name, unit) in zip(axes, data.units.items(), strict=True):
        own.set(xlabel=plain(name) + ("" if unit == "1" else f"\n({plain(unit)})"), yticks=[])
        for each in fits:
            of = (data.densities["fit"] == each.name) & (data.densities["coordinate"] == name)
            table = data.densities[of]
            if table.empty:
                continue
            one = len(fits) == 1
            (prior,) = own.plot(
                table["value"], table["prior"], "--", color=ink(0.6) if one else each.color,
                linewidth=points(0.9),
            )  # fmt: skip
            posterior = own.fill_between(
                table["value"], 0, table["posterior"], color=each.color, alpha=0.5, linewidth=0
            )
            told = "" if one and label is None else f"{plain(each.name)}: "
            entries |= {f"{told}prior": prior, f"{told}posterior": posterior}
        own.set_ylim(0)
    draw_legend(axes[0], entries, place)
    return figure
