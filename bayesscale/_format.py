"""Numbers and lists as people write them: 350M parameters, 1.0e24 FLOP, "a, b and 12 more"."""

import re
from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import islice
from typing import Any, Protocol

_UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_LARGEST_WITH_A_UNIT = 1e15
_LONGEST_CELL = 40


class _SizedIterable[T](Sized, Iterable[T], Protocol):
    """Any collection, NumPy arrays included."""


def si_count(x: float) -> str:
    """Write a count with three digits: ``"1.2B"``, ``"350M"``, ``"12.5k"``, ``"1.5e+16"``."""
    rounded = float(f"{x:.3g}")  # first, so that 999,999 becomes 1M and not 1e+03k
    if abs(rounded) < _LARGEST_WITH_A_UNIT:
        for size, unit in _UNITS:
            if abs(rounded) >= size:
                return f"{rounded / size:g}{unit}"
    return f"{rounded:g}".replace("e+", "e")


def scientific(x: float) -> str:
    """Write a number as ``1.0e24``: two significant digits and no plus sign."""
    return f"{x:.1e}".replace("e+", "e")


def short_number(x: float) -> str:
    """Write a number with four significant digits, its exponent as in ``7e9``."""
    return short_exponent(f"{x:.4g}")


def short_exponent(number: str) -> str:
    """Write ``7e+09`` as ``7e9``."""
    return re.sub(r"e\+?(-?)0*", r"e\1", number)


def loss(x: float) -> str:
    """Write a loss in nats/token."""
    return f"{x:.3f}"


def flops(x: float) -> str:
    """Write an amount of compute as ``"1.0e24 FLOP"``."""
    return f"{scientific(x)} FLOP"


def percent(share: float) -> str:
    """Write a share as ``"90 %"``."""
    return f"{100 * share:.4g} %"


def write_share(x: float) -> str:
    """Write a share in percent with two digits: ``0.12 %``, ``35 %``."""
    return f"{two_digits(100 * x)} %" if 100 * x >= 0.01 else "0 %"


def write_times(x: float) -> str:
    """Write a factor with two digits: ``"1.5x"``, ``"120x"``."""
    return f"{float(f'{x:.2g}'):g}x"


def two_digits(x: float) -> str:
    """Write two digits, or more where a number has more before the point; no exponent."""
    return f"{x:.2g}" if x < 99.5 else f"{x:.0f}"


def interval(lo: float, hi: float, fmt: Callable[[float], str] = si_count) -> str:
    """Write a range as ``"57M–16B"``, or one number where both ends read the same."""
    low, high = fmt(lo), fmt(hi)
    return low if low == high else f"{low}–{high}"


def over_interval(row: Mapping[str, Any], name: str, fmt: Callable[[float], str] = si_count) -> str:
    """Write a quantity of a summary as a cell of two lines: the median, and its interval."""
    return f"{fmt(row[name])}\n{interval(row[f'{name}_lower'], row[f'{name}_upper'], fmt)}"


def printable(x: object) -> str:
    r"""Write anything as text that a terminal shows: ``\x1b`` and the like are escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(x))


def list_some(items: _SizedIterable[object], *, limit: int = 5) -> str:
    """List the first few items and count the rest, as ``"a, b, c and 12 more"``."""
    text = ", ".join(printable(item) for item in islice(items, limit))
    more = len(items) - limit
    return f"{text} and {more:,} more" if more > 0 else text


def rows(
    ids: _SizedIterable[object], values: Iterable[object], name: str, *, limit: int = 5
) -> str:
    """Point at runs by id and value: ``"run 7 (loss=-0.12), run 19 (loss=nan) and 3 more"``."""
    first = islice(zip(ids, values, strict=False), limit)
    shown = [f"run {printable(i)} ({name}={_cell(v)})" for i, v in first]
    more = len(ids) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    try:
        text = repr(str(value)) if isinstance(value, str) else printable(value)
    except ValueError:  # Python writes out no whole number of more than 4,300 digits
        text = "a number of thousands of digits"
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
