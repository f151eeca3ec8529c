r"""What the tests for lack of fit could have found with the runs at hand.

A shape of size δ moves its score by δ |h|, with h what the posterior leaves of it in units of the
noise (:mod:`.patterns`), and the score has a standard deviation of at most 1. So it is found with
80 % where

.. math:: \delta \, |h| = t + \Phi^{-1}(0.8),

with t the score that chance exceeds as rarely as the test allows. Outliers are found where their
number exceeds what noise puts far above the law: a share of the runs for which a binomial does so
with 80 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtrc, ndtri

from bayesscale._format import percent
from bayesscale.checks.patterns import Family, critical_score
from bayesscale.quantities import Quantity

POWER = 0.8
"""How often that is found which is said to be found."""


@dataclass(frozen=True)
class Detectable:
    """The smallest flaws found with 80 %, NaN where none is, however large.

    ``kink`` is a change of the slope of log loss in the middle of the runs, per decade of ``size``;
    ``curvature`` is how much that slope changes from one decade to the next; ``outliers`` is the
    share of runs that lie far above the law.
    """

    size: Quantity | None
    kink: float
    curvature: float
    outliers: float

    @classmethod
    def of(
        cls, found: Sequence[Family], *, n: int, far: float, level: float, least_kink: float
    ) -> "Detectable":
        """Compute them for a test of shapes that lets smaller kinks than ``least_kink`` pass, per
        decade, and one of runs far above the law that noise puts there with a probability of
        ``far``, each at a ``level``.
        """  # noqa: D205
        outliers = smallest_share(n, outliers_needed(n, far, level))
        if not found:
            return cls(None, np.nan, np.nan, outliers)
        family, decade = found[0], np.log(10)
        needed = critical_score(list(found), level) + float(ndtri(POWER))
        curvature, kink = needed / family.lengths[[0, 1 + len(family.knots) // 2]]
        kink = max(kink * decade, least_kink)
        return cls(family.size, kink, 2 * curvature * decade**2, outliers)

    def in_words(self, n: int, sigma: float) -> str:
        """Say it in a sentence that says what it rests on."""
        seen = []
        if self.size is not None:
            seen.append(f"a kink of {_change(self.kink)} per decade of {self.size.noun}")
            seen.append(f"a slope that changes by {_change(self.curvature)} with every decade")
        if np.isfinite(self.outliers):
            seen.append(f"outliers among {percent(round(self.outliers, 2))} of them")
        flaws = " or ".join(part for part in (", ".join(seen[:-1]), *seen[-1:]) if part)
        return (
            f"With these {n:,} runs and noise of {percent(float(f'{sigma:.2g}'))}, {flaws} would "
            "have been seen in 4 of 5 ladders like this one; less would mostly not be. A back-test "
            "(bs.backtest) shows whether larger runs are foreseen."
        )


def outliers_needed(n: int, far: float, level: float) -> int:
    """Return how many of n runs must lie far above the law to be called too many."""
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
    return percent(float(f"{np.expm1(slope):.2g}")) if slope < 1 else "a factor e or more"
