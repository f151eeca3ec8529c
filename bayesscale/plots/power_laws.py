"""Laws of one variable side by side, as in the first figure of Kaplan et al."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bayesscale.errors import DomainError
from bayesscale.inference import Fit
from bayesscale.plots._axes import panels
from bayesscale.plots._shown import Colors, Legend, colors_for, shown_fits
from bayesscale.plots.loss import LossData, loss_data, plot_loss
from bayesscale.quantities import ShownLoss


def power_laws_data(
    fits: Mapping[str, Fit], *, ci_prob: float = 0.9, unit: ShownLoss | None = None
) -> dict[str, LossData]:
    """Return the numbers that :func:`plot_power_laws` draws.

    Parameters
    ----------
    fits, ci_prob, unit
        As for :func:`plot_power_laws`.

    Returns
    -------
    dict
        What each panel shows, by name of the fit.

    Raises
    ------
    DomainError
        If a law has more than one variable.

    Examples
    --------
    >>> power_laws_data(fits)["compute"].frontier                 # doctest: +SKIP
    """
    _check(fits)
    return {name: loss_data(fit, ci_prob=ci_prob, unit=unit) for name, fit in fits.items()}


def plot_power_laws(
    fits: Mapping[str, Fit],
    *,
    ci_prob: float = 0.9,
    unit: ShownLoss | None = None,
    ax: Sequence[Axes] | None = None,
    color: Colors = None,
    legend: Legend = True,
) -> Figure:
    """Draw laws of one variable, each against its own: compute, tokens, parameters.

    Parameters
    ----------
    fits
        Fits of laws of one variable by name, such as ``"kaplan_compute"``, ``"kaplan_data"`` and
        ``"kaplan_params"``. Each is right where that variable alone holds the loss up: fit it to
        runs for which that is so.
    ci_prob
        Probability of the equal-tailed bands, in (0, 1).
    unit
        Unit of the losses; by default that of the runs' source.
    ax
        Axes to draw into, one a fit; by default those of a new figure.
    color
        A Matplotlib colour for each fit, or one for all.
    legend
        True draws one above each panel; False leaves them out; a place draws them inside.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    DomainError
        If a law has more than one variable, or an option is outside its domain.

    References
    ----------
    .. [1] Kaplan et al. (2020), figure 1, arXiv:2001.08361.

    Examples
    --------
    >>> fits = bs.fit_laws(runs, laws=["kaplan_compute", "kaplan_data"])  # doctest: +SKIP
    >>> bs.plot_power_laws(fits)                                  # doctest: +SKIP
    """
    _check(fits)
    if isinstance(color, str):
        color = [color] * len(fits)
    colors: Sequence[str | None] = (
        [None] * len(fits) if color is None else colors_for(len(fits), color)
    )
    figure, axes = panels(len(fits), ax)
    for (name, fit), own, hue in zip(fits.items(), axes, colors, strict=True):
        plot_loss(fit, ci_prob=ci_prob, unit=unit, ax=own, label=name, color=hue, legend=legend)
    return figure


def _check(fits: Mapping[str, Fit]) -> None:
    if not isinstance(fits, Mapping):
        raise DomainError("fits must be a mapping of names to fits of laws of one variable.")
    for each in shown_fits(fits, color=["k"] * len(fits)):
        law = each.fit.law if isinstance(each.fit, Fit) else None
        if law is None or len(law.quantities) != 1:
            of = "an average" if law is None else f"a law of {' and '.join(law.quantities)}"
            raise DomainError(
                f"{each.name!r} is {of}. Draw laws of one variable here, such as 'kaplan_compute', "
                "and others with bs.plot_loss."
            )
