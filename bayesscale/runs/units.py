"""Units of the loss, and the rules by which training compute is counted."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np

from bayesscale import _arguments
from bayesscale.accounting import FLOP_PER_PARAM_AND_TOKEN, PFLOP_DAY
from bayesscale.errors import DomainError
from bayesscale.quantities import PARAMS, LossUnit, Quantity
from bayesscale.runs.names import LOG10, unit_in_words

FlopRule = Literal["6ND", "6ND_non_embedding", "column"]
ParamCount = Literal["total", "non_embedding", "active", "other"]
_SAME_RULE_TOLERANCE = 0.01  # published tables round their FLOP to two or three digits


def check_conventions(param_count: object, flop_rule: object, loss_unit: object) -> None:
    """Refuse names of conventions that do not exist; no rule is one."""
    _arguments.choice("parameter count", param_count, get_args(ParamCount))
    _arguments.choice("loss unit", loss_unit, get_args(LossUnit))
    if flop_rule is not None:
        _arguments.choice("FLOP rule", flop_rule, get_args(FlopRule))


COUNTS: dict[str, float | str] = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12, LOG10: LOG10}
"""What counts are written and said in."""

COMPUTE: dict[str, float | str] = {
    "FLOP": 1.0, "PFLOP": 1e15, "EFLOP": 1e18, "ZFLOP": 1e21, "PFLOP-days": PFLOP_DAY, LOG10: LOG10,
}  # fmt: skip

Units = Mapping[str, str | float]
"""By name of quantity, what one in its column is: ``{"params": "M", "flops": "PFLOP-days"}``."""

_WITH_UNIT = re.compile(r"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*([^\d\s].*)?", re.IGNORECASE)
_GROUPED = re.compile(r"[0-9]{1,3}(?:[, '\u00a0\u202f][0-9]{3})+(?=$|[^0-9,])")
_SIZE_IN_NAME = re.compile(r"(?<![0-9a-z.])[0-9]+(?:\.[0-9]+)?[kmbt](?![0-9a-z])", re.IGNORECASE)


def column_factors(units: object, quantities: Mapping[str, Quantity]) -> dict[str, float | str]:
    """Return what one in each column is, by name of quantity."""
    if units is None:
        return {}
    if not isinstance(units, Mapping):
        raise DomainError(
            'units must be a mapping of column to unit, such as {"params": "M", "tokens": "B"}, '
            f"not {_arguments.shown(units)}."
        )
    scaled = {n: q for n, q in quantities.items() if q.style in ("count", "flops")}
    factors = {}
    for name, unit in units.items():
        _arguments.choice("column with a unit", name, scaled, hint="For the loss, pass loss_unit.")
        if isinstance(unit, str):
            names = COMPUTE if scaled[name].style == "flops" else COUNTS
            factors[name] = names[_arguments.choice(f"unit of {name}", unit, names)]
        else:
            factors[name] = _arguments.number(f"units[{name!r}]", unit, above=0)
    return factors


def count_in_words(cell: str, quantity: Quantity = PARAMS) -> float | None:
    """Read a count as people write it, ``1.73B`` or ``2,040``, or ``3 PFLOP-days``; else None.

    >>> count_in_words("1.4T")
    1400000000000.0
    """
    text = cell.strip()
    if grouped := _GROUPED.match(text):
        text = re.sub(r"\D", "", grouped[0]) + text[grouped.end() :]
    match = _WITH_UNIT.fullmatch(text)
    unit = 1.0 if match and not match[2] else match and unit_in_words(match[2], quantity)
    if match is None or unit is None:
        return None
    power = math.log10(unit)
    # written out, so that 1.73B is exactly what 1.73e9 is
    plain = power.is_integer() and "e" not in match[1].lower()
    return float(f"{match[1]}e{round(power)}") if plain else float(match[1]) * unit


def size_in_name(name: object) -> object:
    """Return the only size in a model's name, ``"160m"`` of ``pythia-160m``; else all of it."""
    sizes = _SIZE_IN_NAME.findall(str(name))
    return sizes[0] if len(sizes) == 1 else name


def training_flops(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Count six FLOP per parameter and token, in float64: 6ND does not fit into 64-bit integers."""
    return FLOP_PER_PARAM_AND_TOKEN * params.astype(np.float64) * tokens.astype(np.float64)


def recognise_rule(
    flops: np.ndarray, *, params: np.ndarray, tokens: np.ndarray,
    params_non_embedding: np.ndarray | None,
) -> FlopRule:  # fmt: skip
    """Name the rule that a FLOP column follows within 1 % in every run, else ``"column"``."""
    counts: dict[FlopRule, Any] = {"6ND": params, "6ND_non_embedding": params_non_embedding}
    for rule, count in counts.items():
        if count is not None:
            ratio = flops / training_flops(count, tokens)
            if np.all(np.abs(ratio - 1.0) <= _SAME_RULE_TOLERANCE):
                return rule
    return "column"
