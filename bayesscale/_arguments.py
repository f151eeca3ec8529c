"""Checks of arguments used all over: each returns the plain value or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from bayesscale._format import list_some
from bayesscale.errors import DomainError, unknown_name

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_WHOLE = 2**63 - 1
"""The largest whole number: files and random number generators take 64 bits with a sign."""

_LONGEST = 60

_SIZES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
_COMPUTE = {"": 1.0, "p": 1e15, "e": 1e18, "z": 1e21, "y": 1e24}
_SIZE = re.compile(
    r"(?P<number>[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)\s*"
    r"((?P<size>[kmbgt])?|(?P<compute>[pezy]?)f(lops?)?(/s)?(?P<days>-days?)?)", re.IGNORECASE,
)  # fmt: skip


def read_size(text: str) -> float | None:
    """Read a size as people write it, ``70B``, ``1e23``, ``100PF-days``; None if it is none.

    >>> read_size("1.4T"), read_size("100 PF-days")
    (1400000000000.0, 8.64e+21)
    """
    with suppress(ValueError):
        return float(text)
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    unit = _SIZES[(match["size"] or "").lower()]
    if match["compute"] is not None:
        unit = _COMPUTE[match["compute"].lower()] * (86_400 if match["days"] else 1)
    return float(f"{float(match['number']) * unit:.15g}")


def _sizes_read(name: str, values: Any) -> Any:
    """Return values with texts, alone or in a list, read as sizes."""
    if isinstance(values, list | tuple):
        return [_sizes_read(name, value) for value in values]
    if not isinstance(values, str):
        return values
    size = read_size(values)
    if size is None:
        raise DomainError(
            f"{name} must be numbers, or sizes such as '70B', '1e23' or '100PF-days', not "
            f"{shown(values)}. Hours need a machine: Machine.flops('1000 H100-hours')."
        )
    return size


def positive_array(name: str, values: object, unit: str) -> NDArray[np.float64]:
    """Return one positive, finite number or several as an array of shape ``(value,)``."""
    import numpy as np

    array = np.atleast_1d(_numbers(name, _sizes_read(name, values), unit))
    if array.ndim != 1 or array.size == 0:
        raise DomainError(
            f"{name} must be a number or a list of numbers ({unit}), but has shape {array.shape}."
        )
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        raise DomainError(
            f"{name} must be positive and finite ({unit}), but got {list_some(array[bad])}."
        )
    return array


def positive_scalar(name: str, value: object, unit: str) -> float:
    """Return one positive, finite number; an array of size 1 is one."""
    array = positive_array(name, value, unit)
    if array.size != 1:
        raise DomainError(f"{name} must be one number ({unit}), but got {array.size}.")
    return float(array[0])


def number(name: str, value: object, *, above: float | None = None, why: str = "") -> float:
    """Return one finite number, above a limit if there is one."""
    allowed = "a finite number" if above is None else f"above {above:g} and finite"
    read = _real(value)
    if read is None or not (float("-inf") if above is None else above) < read < float("inf"):
        raise DomainError(f"{name} must be {allowed}, not {shown(value)}{why or '.'}")
    return read


def likely(name: str, value: object, low: float, high: float, *, unit: str, slip: str) -> float:
    """Return a number above 0 within bounds that nothing real exceeds, or name the slip."""
    read = number(name, value, above=0)
    if not low <= read <= high:
        raise DomainError(
            f"{name} must be from {low:g} to {high:g} ({unit}), not {shown(value)}. {slip}"
        )
    return read


def whole_number(name: str, value: Any, *, least: int = 0) -> int:
    """Return a whole number of at least ``least`` that fits into 64 bits."""
    if not _is_whole(value) or value < least:
        raise DomainError(f"{name} must be a whole number of at least {least}, not {shown(value)}.")
    if value > LARGEST_WHOLE:
        raise DomainError(f"{name} must be at most 2^63 - 1, not {shown(value)}.")
    return int(value)


def random_seed(value: Any, *, name: str = "random_seed") -> int:
    """Return a seed: a whole number from 0 to 2^63 - 1."""
    if not _is_whole(value) or not 0 <= value <= LARGEST_WHOLE:
        raise DomainError(f"{name} must be a whole number from 0 to 2^63 - 1, not {shown(value)}.")
    return int(value)


def probability(name: str, value: object) -> float:
    """Return a probability: between 0 and 1, both excluded."""
    read = _real(value)
    if read is None or not 0 < read < 1:
        raise DomainError(f"{name} must be between 0 and 1, such as 0.9, not {shown(value)}.")
    return read


def interval_tails(ci_prob: float) -> tuple[float, float]:
    """Return the lower and upper quantile of an equal-tailed interval."""
    prob = probability("ci_prob", ci_prob)
    return (1 - prob) / 2, (1 + prob) / 2


def choice(what: str, value: object, known: Collection[str], *, hint: str = "") -> str:
    """Return a name that is one of the known ones."""
    if not isinstance(value, str) or value not in known:
        raise unknown_name(
            what, value if isinstance(value, str) else shown(value), known, hint=hint
        )
    return value


def several(name: str, value: object) -> list[Any]:
    """Return the items of a list or tuple of one or more; text and mappings are neither."""
    if not isinstance(value, Collection) or isinstance(value, str | bytes | Mapping) or not value:
        raise DomainError(f"{name} must be a list of one or more, not {shown(value)}.")
    return list(value)


def text(name: str, value: object) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise DomainError(f"{name} must be text, not {shown(value)}.")
    return str(value)


def flag(name: str, value: object) -> bool:
    """Return True or False; other things that Python takes for them are refused."""
    if not isinstance(value, bool):
        raise DomainError(f"{name} must be True or False, not {shown(value)}.")
    return value


def shown(value: object) -> str:
    """Write any value for a message: on one line, cut short, control characters escaped."""
    try:
        line = repr(value)
    except Exception:  # an integer beyond 4,300 digits, an object that cannot tell of itself
        return f"something of type {type(value).__name__}"
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in line).split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _numbers(name: str, values: object, unit: str) -> NDArray[np.float64]:
    """Return numbers of any shape: no text, no booleans, nothing masked."""
    import numpy as np

    wrong = DomainError(f"{name} must be numbers ({unit}), not {shown(values)}.")
    try:
        # as objects, or else a boolean or a text beside numbers would silently become one
        array = np.asarray(values, dtype=object if isinstance(values, list | tuple) else None)
    except Exception as error:
        raise wrong from error
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise DomainError(f"{name} has masked values: leave them out.")
    if array.dtype.kind in "iuf":
        return array.astype(np.float64)
    if array.dtype != object:
        raise wrong
    read = [_real(value) for value in array.ravel()]
    if None in read:
        raise wrong
    return np.array(read, dtype=np.float64).reshape(array.shape)


def _real(value: Any) -> float | None:
    """Return a number as a float; None for all else, an integer beyond floats included."""
    import numpy as np

    if getattr(value, "shape", None) == () and hasattr(value, "item") and value is not np.ma.masked:
        value = value.item()  # an array of no dimension
    if not isinstance(value, Real) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
