"""The numbers of the default priors, in one place.

Each is the mean and the standard deviation of a normal prior on the scale of its coordinate's link
(:class:`~bayesscale.Coordinate`).

*Shapes of laws* are about twice as wide as public sources differ, fitted one by one
(``tests/benchmarks/population.py``): slopes of .03 to .12, ratios of exponents of .2 to 1.7,
irreducible shares of .2 to .8, outer exponents of .3 to 1.9.

*Discrepancy and noise* were estimated from 27 splits of 12 sources, the package's own ladders among
them, by the joint density of their largest runs given the smaller ones, each source with equal
weight (``tests/benchmarks/hyperpriors.py``). The ranges of these numbers were chosen with all
sources known, so that left-out scores are somewhat optimistic.
"""

from math import log
from typing import NamedTuple


class Normal(NamedTuple):
    """Mean and standard deviation on the scale of the link."""

    loc: float
    scale: float


LEVEL = Normal(0.0, 0.3)
SLOPE = Normal(log(0.055), 0.6)
EXPONENT_RATIO = Normal(0.0, 0.6)
IRREDUCIBLE_SHARE = Normal(0.4, 1.2)
OUTER_EXPONENT = Normal(log(0.6), 0.6)

STEP_IN_INPUT = {"above": Normal(0.0, 0.18), "below": Normal(0.0, 0.26)}
STEP_IN_LOSS = {"above": Normal(0.0, 0.15), "below": Normal(0.0, 0.16)}
"""Steps of the log slope, above the centre of the runs and below: small runs are uglier."""

UNDERTRAINING = Normal(log(0.012), 1.1)
UNDERTRAINING_RATE = Normal(log(2), 0.7)

SIGMA = Normal(log(0.006), 1.2)
SIGMA_SLOPE_C = Normal(-0.09, 0.11)
SIGMA_SLOPE_RATIO = Normal(-0.03, 0.06)
NU_MINUS_ONE = Normal(log(4.2), 0.8)
