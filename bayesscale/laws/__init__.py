"""Scaling laws: one formula each, in pure maths. Called, the room lists them: ``bs.laws()``."""

import sys
from types import ModuleType

from bayesscale.laws.coordinates import (
    EXPONENT_RATIO,
    IRREDUCIBLE_SHARE,
    LEVEL,
    OUTER_EXPONENT,
    SLOPE_C,
    SLOPE_D,
    SLOPE_N,
    Coordinate,
)
from bayesscale.laws.cost import PowerCost
from bayesscale.laws.law import Law, Optimum, Reference
from bayesscale.laws.registry import LAWS, get_law, list_laws
from bayesscale.laws.two_terms import two_terms

__all__ = [
    "EXPONENT_RATIO",
    "IRREDUCIBLE_SHARE",
    "LAWS",
    "LEVEL",
    "OUTER_EXPONENT",
    "SLOPE_C",
    "SLOPE_D",
    "SLOPE_N",
    "Coordinate",
    "Law",
    "Optimum",
    "PowerCost",
    "Reference",
    "get_law",
    "list_laws",
    "two_terms",
]


class _Room(ModuleType):
    """A package and the function of its name in one: ``bs.laws.LEVEL`` and ``bs.laws()``."""

    __call__ = staticmethod(list_laws)


sys.modules[__name__].__class__ = _Room
