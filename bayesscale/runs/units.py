"""Units of the loss, and the rules by which training compute is counted.

The rule's name travels with the runs: a bare FLOP number says neither which parameters were
counted nor whether attention was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from bayesscale import _arguments
from bayesscale.accounting import FLOP_PER_PARAM_AND_TOKEN, PFLOP_DAY
from bayesscale.errors import DomainError
from bayesscale.quantities import LossUnit

if TYPE_CHECKING:
    from bayesscale.quantities import Quantity

FlopRule = Literal["6ND", "6ND_non_embedding", "column"]
ParamCount = Literal["total", "non_embedding", "other"]
_SAME_RULE_TOLERANCE = 0.01  # published tables round their FLOP to two or three digits


def check_conventions(param_count: object, flop_rule: object, loss_unit: object) -> None:
    """Refuse names of conventions that do not exist; no rule is one."""
    _arguments.choice("parameter count", param_count, get_args(ParamCount))
    _arguments.choice("loss unit", loss_unit, get_args(LossUnit))
    if flop_rule is not None:
        _arguments.choice("FLOP rule", flop_rule, get_args(FlopRule))


COUNTS = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
"""What counts are written and said in."""

COMPUTE = {"FLOP": 1.0, "PFLOP": 1e15, "EFLOP": 1e18, "ZFLOP": 1e21, "PFLOP-days": PFLOP_DAY}

Units = Mapping[str, str | float]
"""By name of quantity, what one in its column is: ``{"params": "M", "flops": "PFLOP-days"}``."""

_WITH_UNIT = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([kKMBT])\s*")


def column_factors(units: object, known: Mapping[str, Quantity]) -> dict[str, float]:
    """Return what one in each column is, by name of quantity."""
    if units is None:
        return {}
    if not isinstance(units, Mapping):
        raise DomainError(
            'units must say by name what one in a column is, such as {"params": "M", "tokens": '
            f'"B"}}, not {_arguments.shown(units)}.'
        )
    scaled = {n: q for n, q in known.items() if q.style in ("count", "flops")}
    factors = {}
    for name, unit in units.items():
        _arguments.choice("column with a unit", name, scaled, hint="For the loss, say loss_unit.")
        if isinstance(unit, str):
            names = COMPUTE if scaled[name].style == "flops" else COUNTS
            factors[name] = names[_arguments.choice(f"unit of {name}", unit, names)]
        else:
            factors[name] = _arguments.number(f"units[{name!r}]", unit, above=0)
    return factors


def count_in_words(cell: str) -> float | None:
    """Read a count as people write it, such as ``1.73B`` or ``350M``; None for anything else.

    >>> count_in_words("1.4T")
    1400000000000.0
    """
    match = _WITH_UNIT.fullmatch(cell)
    return float(f"{match[1]}e{round(math.log10(COUNTS[match[2]]))}") if match else None


def training_flops(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Count six FLOP a parameter and token, in float64: 6ND does not fit into 64-bit integers."""
    return FLOP_PER_PARAM_AND_TOKEN * params.astype(np.float64) * tokens.astype(np.float64)


def recognise_rule(
    flops: np.ndarray,
    *,
    params: np.ndarray,
    tokens: np.ndarray,
    params_non_embedding: np.ndarray | None,
) -> FlopRule:
    """Name the rule that a FLOP column follows within 1 % in every run, else ``"column"``."""
    counts: list[tuple[FlopRule, np.ndarray | None]] = [
        ("6ND", params),
        ("6ND_non_embedding", params_non_embedding),
    ]
    for rule, count in counts:
        if count is not None:
            ratio = flops / training_flops(count, tokens)
            if np.all(np.abs(ratio - 1.0) <= _SAME_RULE_TOLERANCE):
                return rule
    return "column"
