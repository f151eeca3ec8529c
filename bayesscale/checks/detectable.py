r"""What the tests for lack of fit could have found with the runs at hand.

A shape of size δ moves its score, whose standard deviation is 1, by δ |g|, with g how a unit of it
shows in the scores of the noise (:mod:`.patterns`). So it is found with 80 % where

.. math:: \delta \, |g| = t + \Phi^{-1}(0.8),

with t the critical score. Outliers are found where a binomial exceeds the number that noise
explains with 80 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtrc, ndtri

from bayesscale._format import percent
from bayesscale.checks.patterns import Family, critical_score
from bayesscale.quantities import Quantity

MOST = 1.0
"""A change of log loss by 1 per decade, or outliers among all runs, is no longer one."""

POWER = 0.8
"""The power at which a flaw counts as detectable."""


@dataclass(frozen=True)
class Detectable:
    """The smallest flaws found with 80 %, NaN where none is, however large.

    ``kink`` is a change of the slope of log loss in the middle of the runs, per decade of ``size``;
    ``curvature`` is how much that slope changes from one decade to the next; ``outliers`` is the
    share of runs that lie far off the law.
    """

    size: Quantity | None
    kink: float
    curvature: float
    outliers: float

    @classmethod
    def of(
        cls, families: Sequence[Family], *, n: int, far: float, level: float, least_kink: float
    ) -> "Detectable":
        """Compute them for tests of shapes and of runs ``far`` off the law, each at a ``level``."""
        outliers = smallest_share(n, outliers_needed(n, far, level))
        if not families:
            return cls(None, np.nan, np.nan, outliers)
        family, decade = families[0], np.log(10)
        needed = critical_score(list(families), level) + float(ndtri(POWER))
        kink, curvature = needed / family.lengths[[len(family.knots) // 2, -1]]
        kink = max(kink * decade, least_kink)
        return cls(family.size, kink, 2 * curvature * decade**2, outliers)

    def in_words(self, n: int, sigma: float) -> str:
        """Describe it in sentences, with what it rests on."""
        noun = "size" if self.size is None else self.size.noun
        flaws = {
            "a kink": (self.kink, f"a kink of {_change(self.kink)} per decade of {noun}"),
            "a curvature": (
                self.curvature,
                f"a slope that changes by {_change(self.curvature)} with every decade of {noun}",
            ),
            "outliers": (self.outliers, f"outliers among {100 * self.outliers:.0f} % of the runs"),
        }
        seen = [phrase for size, phrase in flaws.values() if size < MOST]
        unseen = [name for name, (size, _) in flaws.items() if not size < MOST]
        text = f"With these {n:,} runs and noise of {percent(float(f'{sigma:.2g}'))},"
        if seen:
            text += (
                f" {_listed(seen)} would be detected with a probability of 80 %; smaller effects "
                "are likely to be missed."
            )
        if unseen:
            text += f" No {_listed(unseen).removeprefix('a ').replace(' or a ', ' or ')} would"
            text += " be detected, however large: the discrepancy absorbs it."
        return (
            f"{text} Effects that change smoothly with size, such as the cost of repeated data, "
            "cannot be separated from the law by this test. A back-test (bs.backtest) shows how "
            "well larger runs are predicted."
        )


def outliers_needed(n: int, far: float, level: float) -> int:
    """Return how many of n runs must lie far off the law to be called too many."""
    least = int(2 * n * far) + 1
    counts = np.arange(least, n + 1)
    enough = bdtrc(counts - 1, n, far) < level
    return int(counts[np.argmax(enough)]) if enough.any() else n + 1


def smallest_share(n: int, needed: int) -> float:
    """Return the share of outliers of which n runs have as many as needed with 80 %."""
    if needed > n:
        return np.nan
    return float(brentq(lambda share: bdtrc(needed - 1, n, share) - POWER, 0.0, 1.0))


def _change(slope: float) -> str:
    """Write a change of log loss as percent of the loss."""
    return percent(float(f"{np.expm1(slope):.2g}")) if slope < MOST else ""


def _listed(parts: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)
