"""The coordinates that laws are sampled in, with their default priors.

A coordinate means the same in every law that has it, and its default prior is written here
once: that is what makes a Bayes factor between two laws fair. Published parameters
(``E, A, B, ...``) follow from coordinates and the reference point; in raw units ln A and its
exponent correlate at .999, in these coordinates they hardly do.

Every default prior is a normal distribution on the scale of the coordinate's link: a log-normal
for a positive quantity, a logit-normal for a share.
"""

from dataclasses import dataclass
from math import isfinite, log
from typing import Literal, get_args

from bayesscale.errors import PriorError, unknown_name

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
    "level", "log", 0.0, 0.3, "1",
    "loss of the law at the centre of the runs, relative to their geometric-mean loss",
)  # fmt: skip
IRREDUCIBLE_SHARE = Coordinate(
    "irreducible_share", "logit", 0.0, 1.5, "1",
    "share of the loss at the centre that no size removes, E / L(centre)",
)  # fmt: skip
PARAM_SHARE = Coordinate(
    "param_share", "logit", 0.0, 1.5, "1",
    "share of the reducible loss at the centre that is due to the number of parameters",
)  # fmt: skip
ALPHA_N = Coordinate(
    "alpha_N", "log", log(0.33), 0.45, "1",
    "exponent with which the reducible loss falls in the number of parameters alone",
)  # fmt: skip
ALPHA_D = Coordinate(
    "alpha_D", "log", log(0.33), 0.45, "1",
    "exponent with which the reducible loss falls in the number of tokens alone",
)  # fmt: skip
ALPHA_C = Coordinate(
    "alpha_C", "log", log(0.12), 0.6, "1",
    "exponent with which the reducible loss falls in optimally spent compute",
)  # fmt: skip
OUTER_EXPONENT = Coordinate(
    "k", "log", log(0.7), 0.5, "1",
    "outer exponent: 1 adds the two terms (Chinchilla), towards 0 only the larger one counts",
)  # fmt: skip
