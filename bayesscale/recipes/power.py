"""How many runs it takes to distinguish a gain from none."""

import numpy as np
from scipy.stats import norm

from bayesscale._arguments import number, probability


def runs_needed(
    gain: float, *, noise: float, slope: float, prob: float = 0.95, power: float = 0.8
) -> int:
    r"""Return how many runs of each of two recipes distinguish a gain in compute from none.

    Parameters
    ----------
    gain
        Compute multiplier less one, > 0: 0.05 is a gain of 5 %.
    noise
        Standard deviation of a run's log loss around the law, as among seeds, > 0.
    slope
        How fast log loss falls in the log of compute along the best runs, > 0: .03 to .08 on
        public ladders.
    prob
        The probability of a gain, P(m > 1), that counts as known, in (0, 1).
    power
        How probably the runs reach it, in (0, 1).

    Returns
    -------
    int
        Runs of each recipe over the same sizes, at least 3.

    Notes
    -----
    If the recipes share the shape of their law, n runs of each let expect

    .. math:: \mathrm{SD}(\ln m) \approx \frac{\sigma}{s} \sqrt{\frac{2}{n}}, \qquad
              n = 2 \left( \frac{(z_{prob} + z_{power}) \, \sigma}{s \ln(1 + gain)} \right)^2

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.runs_needed(0.05, noise=0.004, slope=0.05)
    34
    """
    spread = number("noise", noise, above=0) / number("slope", slope, above=0)
    scores = norm.ppf(probability("prob", prob)) + norm.ppf(probability("power", power))
    return max(
        3, int(np.ceil(2 * (scores * spread / np.log1p(number("gain", gain, above=0))) ** 2))
    )
