"""Units of the loss, and the rules by which training compute is counted.

The rule's name travels with the runs: a bare FLOP number says neither which parameters were
counted nor whether attention was.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from bayesscale import _arguments
from bayesscale._format import loss as write_loss
from bayesscale.accounting import FLOP_PER_PARAM_AND_TOKEN, PFLOP_DAY
from bayesscale.errors import DomainError
from bayesscale.quantities import LossUnit, ShownLoss

if TYPE_CHECKING:
    from bayesscale.quantities import Quantity
    from bayesscale.runs.table import Runs

FlopRule = Literal["6ND", "6ND_non_embedding", "column"]
ParamCount = Literal["total", "non_embedding", "other"]
_SAME_RULE_TOLERANCE = 0.01  # published tables round their FLOP to two or three digits


def check_conventions(param_count: object, flop_rule: object, loss_unit: object) -> None:
    """Refuse names of conventions that do not exist; no rule is one."""
    _arguments.choice("parameter count", param_count, get_args(ParamCount))
    _arguments.choice("loss unit", loss_unit, get_args(LossUnit))
    if flop_rule is not None:
        _arguments.choice("FLOP rule", flop_rule, get_args(FlopRule))


def nats_per_token(loss_unit: str, *, bytes_per_token: float | None = None) -> float:
    """Say what one unit of loss is in nats per token.

    >>> round(0.6526 * nats_per_token("bits/byte", bytes_per_token=4.2), 2)
    1.9
    """
    if bytes_per_token is not None:
        bytes_per_token = _arguments.number("bytes_per_token", bytes_per_token, above=0)
    match loss_unit:
        case "bits/token":
            return math.log(2)
        case "bits/byte":
            if bytes_per_token is None:
                raise DomainError(
                    'loss_unit="bits/byte" needs bytes_per_token: the mean number of bytes in a '
                    "token of your tokenizer on the evaluation text, e.g. bytes_per_token=4.2."
                )
            return math.log(2) * bytes_per_token
    return 1.0


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


@dataclass(frozen=True)
class LossScale:
    """The unit that losses are shown in.

    ``nats`` is what one unit is in nats/token; a perplexity has none.
    """

    unit: ShownLoss
    nats: float

    @classmethod
    def of(cls, runs: Runs, unit: ShownLoss | None = None) -> LossScale:
        """Take the unit of the source of the runs, or another one that they can be shown in.

        Raises
        ------
        UnknownNameError
            If there is no such unit.
        DomainError
            If bytes are wanted, but how many make a token is not known.
        """
        if unit is None:
            unit = runs.loss_unit
        _arguments.choice("loss unit", unit, get_args(ShownLoss))
        if unit == "bits/byte" and runs.bytes_per_token is None:
            raise DomainError(
                'unit="bits/byte" needs to know how many bytes make a token: read the runs with '
                "bytes_per_token=4.2 or what it is for your tokenizer."
            )
        per_byte = runs.bytes_per_token if unit == "bits/byte" else None
        return cls(unit, nats_per_token(unit, bytes_per_token=per_byte))

    @property
    def noun(self) -> str:
        """What an axis is called."""
        return self.unit if self.unit == "perplexity" else f"loss ({self.unit})"

    @property
    def word(self) -> str:
        """What heads a column."""
        return "perplexity" if self.unit == "perplexity" else "loss"

    @property
    def in_words(self) -> str:
        """The unit behind what is in it."""
        return "as perplexity" if self.unit == "perplexity" else f"in {self.unit}"

    @property
    def of_differences(self) -> str:
        """Unit of differences: those of perplexities say little, so they stay in nats/token."""
        return "nats/token" if self.unit == "perplexity" else self.unit

    def show(self, nats: Any) -> Any:
        """Return losses, nats/token, any shape, in this unit."""
        return np.exp(nats) if self.unit == "perplexity" else nats / self.nats

    def read(self, shown: Any) -> Any:
        """Return losses in this unit, any shape, in nats/token."""
        return np.log(shown) if self.unit == "perplexity" else shown * self.nats

    def write(self, nats: float) -> str:
        """Write a loss, nats/token, in this unit, without its name."""
        shown = self.show(nats)
        return f"{shown:.4g}" if self.unit == "perplexity" else write_loss(shown)

    def say(self, nats: float) -> str:
        """Say a loss, nats/token: ``a loss of 2.315 nats/token``, ``a perplexity of 10.12``."""
        if self.unit == "perplexity":
            return f"a perplexity of {self.write(nats)}"
        return f"a loss of {self.write(nats)} {self.unit}"

    def difference(self, nats: Any) -> Any:
        """Return differences of losses, nats/token, any shape, in their unit."""
        return nats / self.nats
