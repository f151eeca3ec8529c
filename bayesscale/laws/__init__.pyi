from .coordinates import (
    Coordinate as Coordinate, EXPONENT_RATIO as EXPONENT_RATIO,
    IRREDUCIBLE_SHARE as IRREDUCIBLE_SHARE, LEVEL as LEVEL, OUTER_EXPONENT as OUTER_EXPONENT,
    SLOPE_C as SLOPE_C, SLOPE_D as SLOPE_D, SLOPE_N as SLOPE_N,
)
from .effective import EffectiveParams as EffectiveParams
from .law import (
    Law as Law, Optimum as Optimum, Reference as Reference, SPLIT as SPLIT, by_label as by_label,
)
from .precision import Precision as Precision, PrecisionMethods as PrecisionMethods
from .registry import LAWS as LAWS, get_law as get_law, list_laws as list_laws
from .routed import Routed as Routed
from .two_terms import two_terms as two_terms
