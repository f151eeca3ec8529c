r"""Whether ranks are uniform: an exact test.

Under a calibrated posterior the rank of the truth among L draws is uniform on 0, ..., L. So among n
simulations the number with a rank below i is binomial, with probability :math:`z_i = i / (L + 1)`.
The p-value is how often uniform ranks would be less likely somewhere than at the least likely i
(Säilynoja, Bürkner and Vehtari 2022, arXiv:2103.10522).

Given their sum, counts of ranks are independent Poisson variables, so that the probability is a
chain of convolutions cut off at the band's ends (Moscovich and Nadler 2017, arXiv:1503.04363).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc
from scipy.stats import poisson

type Counts = NDArray[np.int64]

_ROUNDING = 1 + 1e-9  # tail probabilities that differ by rounding alone count as one


def counts_below(ranks: NDArray[np.integer], largest: int) -> Counts:
    """Count ranks, whole numbers from 0 to ``largest``, below each of 1, ..., ``largest``."""
    return np.bincount(ranks, minlength=largest + 1)[:largest].cumsum()


def p_value(ranks: NDArray[np.integer], largest: int) -> float:
    """Return the probability that uniform ranks look as unlikely as these somewhere."""
    n = len(ranks)
    level = float(_level(counts_below(ranks, largest), n, _points(largest)).min())
    return max(0.0, 1.0 - _probability_inside(*_pointwise(n, largest, level * _ROUNDING), n))


def _points(largest: int) -> NDArray[np.float64]:
    return np.arange(1, largest + 1) / (largest + 1)


def _level(counts: Counts, n: int, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return twice the probability of a count so far out on its side, elementwise."""
    above = np.where(counts > 0, bdtrc(np.maximum(counts - 1, 0), n, z), 1.0)
    return 2 * np.minimum(bdtr(counts, n, z), above)


def _pointwise(n: int, largest: int, level: float) -> tuple[Counts, Counts]:
    """Return the ends of the counts above a level at each point, crossed where there are none."""
    z, every = _points(largest)[:, None], np.arange(n + 1)
    inside = _level(every, n, z) > level
    upper = n - inside[:, ::-1].argmax(axis=1)
    return np.where(inside.any(axis=1), inside.argmax(axis=1), n + 1), upper


def _probability_inside(lower: Counts, upper: Counts, n: int) -> float:
    """Return the probability that the counts of n uniform ranks stay inside at all points."""
    step = n / (len(lower) + 1)
    kernel = poisson.pmf(np.arange(n + 1), step)
    first, mass = 0, np.ones(1)  # probability of each count from `first` on
    for low, high in zip(lower.tolist(), upper.tolist(), strict=True):
        low = max(low, first)
        if low > high:
            return 0.0
        moved = np.convolve(mass, kernel[: high - first + 1])
        first, mass = low, moved[low - first : high - first + 1]
    last = mass @ poisson.pmf(n - first - np.arange(len(mass)), step)
    return float(last / poisson.pmf(n, n))
