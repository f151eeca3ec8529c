"""The coordinates that laws are sampled in, with their default priors.

Every law has a level and slopes at the centre of the runs, with one prior each for all laws, so
that Bayes factors between laws are fair; what is left is shape. Exponents would not do: the slope
that an exponent of .3 stands for is a third as steep where two thirds of the loss are irreducible
as where none is. Published parameters (``E, A, B, alpha_N, ...``) follow from coordinates and the
reference point; in raw units ln A and its exponent correlate at .999.

Every default prior is normal on the scale of the coordinate's link; the numbers are in
:mod:`bayesscale.laws.population`.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal, get_args

from bayesscale.errors import PriorError, unknown_name
from bayesscale.laws import population

type Link = Literal["identity", "log", "logit"]


@dataclass(frozen=True, slots=True)
class Coordinate:
    """One quantity that the sampler moves.

    Parameters
    ----------
    name
        Name in the posterior and in ``priors={...}``.
    link
        ``"log"`` for a positive quantity, ``"logit"`` for a share in (0, 1), ``"identity"``.
    loc, scale
        Mean and standard deviation of the default normal prior on the link's scale.
    unit
        Unit, or ``"1"`` for a pure number.
    meaning
        What it is in the equation, in words.

    Raises
    ------
    UnknownNameError
        If the link is none of the three.
    PriorError
        If ``loc`` is not finite or ``scale`` not positive.
    """

    name: str
    link: Link
    loc: float
    scale: float
    unit: str
    meaning: str

    def __post_init__(self) -> None:
        links = get_args(Link.__value__)
        if self.link not in links:
            raise unknown_name("link", self.link, links)
        if not (isfinite(self.loc) and isfinite(self.scale) and self.scale > 0):
            raise PriorError(
                f"The coordinate {self.name!r} needs a finite loc and a positive scale for its "
                f"default prior, but has loc={self.loc!r}, scale={self.scale!r}."
            )


LEVEL = Coordinate(
    "level", "log", *population.LEVEL, "1",
    "loss of the law at the centre of the runs, relative to their geometric-mean loss",
)  # fmt: skip
SLOPE_N = Coordinate(
    "slope_N", "log", *population.SLOPE, "1",
    "how steeply log loss falls in the log of parameters at the centre of the runs",
)  # fmt: skip
SLOPE_D = Coordinate(
    "slope_D", "log", *population.SLOPE, "1",
    "how steeply log loss falls in the log of tokens at the centre of the runs",
)  # fmt: skip
SLOPE_C = Coordinate(
    "slope_C", "log", *population.SLOPE, "1",
    "how steeply log loss falls in the log of optimally spent compute at the centre of the runs",
)  # fmt: skip
EXPONENT_RATIO = Coordinate(
    "exponent_ratio", "log", *population.EXPONENT_RATIO, "1",
    "alpha_N / alpha_D: compute-optimal parameters grow like C^(1 / (1 + ratio))",
)  # fmt: skip
IRREDUCIBLE_SHARE = Coordinate(
    "irreducible_share", "logit", *population.IRREDUCIBLE_SHARE, "1",
    "share of the loss at the centre that no size removes, E / L(centre)",
)  # fmt: skip
OUTER_EXPONENT = Coordinate(
    "k", "log", *population.OUTER_EXPONENT, "1",
    "outer exponent: 1 adds the two terms (Chinchilla), towards 0 only the larger one counts",
)  # fmt: skip
