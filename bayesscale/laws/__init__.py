"""Scaling laws: one formula each, in pure maths."""

from bayesscale.laws.coordinates import (
    ALPHA_C,
    ALPHA_D,
    ALPHA_N,
    IRREDUCIBLE_SHARE,
    LEVEL,
    OUTER_EXPONENT,
    PARAM_SHARE,
    Coordinate,
)
from bayesscale.laws.cost import PowerCost
from bayesscale.laws.law import Law, Optimum, Reference
from bayesscale.laws.registry import LAWS, get_law

__all__ = [
    "ALPHA_C",
    "ALPHA_D",
    "ALPHA_N",
    "IRREDUCIBLE_SHARE",
    "LAWS",
    "LEVEL",
    "OUTER_EXPONENT",
    "PARAM_SHARE",
    "Coordinate",
    "Law",
    "Optimum",
    "PowerCost",
    "Reference",
    "get_law",
]
