"""How many runs tell a gain from none: before any are trained, and after."""

import numpy as np
from scipy.stats import norm

from bayesscale._arguments import number, probability


def multiplier_sd(*, noise: float, slope: float, runs: float, baseline_runs: float) -> float:
    r"""Return the standard deviation of ln m, :math:`\sigma \sqrt{1/n + 1/n_0} / s`."""
    return noise * np.sqrt(1 / runs + 1 / baseline_runs) / slope


def runs_to_tell(
    gain: float = 0.05, *, noise: float = 0.004, slope: float = 0.05, prob: float = 0.95,
    power: float = 0.8,
) -> int:  # fmt: skip
    r"""Say how many runs of each of two recipes tell a gain in compute from none.

    Parameters
    ----------
    gain
        Compute multiplier less one, > 0: 0.05 is a gain of 5 %.
    noise
        Standard deviation of a run's log loss around the law, as among seeds, > 0.
    slope
        How steeply log loss falls in the log of compute along the best runs, > 0: about .03 to
        .08 on public ladders.
    prob
        The posterior probability of a gain, P(m > 1), that counts as known, in (0, 1).
    power
        How probable it is that the runs reach it, in (0, 1).

    Returns
    -------
    int
        Runs of each recipe, at least 3, over the same sizes.

    Raises
    ------
    DomainError
        If an argument is outside its domain.

    Notes
    -----
    With the shape of the law shared, and n runs of each recipe,

    .. math:: \mathrm{SD}(\ln m) \approx \frac{\sigma}{s} \sqrt{\frac{2}{n}}, \qquad
              n = 2 \left( \frac{(z_{prob} + z_{power}) \, \sigma}{s \ln(1 + gain)} \right)^2

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.runs_to_tell(0.05), bs.runs_to_tell(0.2)
    (34, 3)
    """
    told = number("noise", noise, above=0) / number("slope", slope, above=0)
    scores = norm.ppf([probability("prob", prob), probability("power", power)]).sum()
    needed = 2 * (scores * told / np.log1p(number("gain", gain, above=0))) ** 2
    return max(3, int(np.ceil(needed)))
