"""Which column of somebody's table is which quantity, and what its cells hold."""

import datetime
import difflib
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._arguments import shown
from bayesscale._format import list_some, short_number
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.quantities import (
    FLOPS,
    INPUTS,
    LOSS,
    LOSS_SE,
    PARAMS,
    PARAMS_NON_EMBEDDING,
    QUANTITIES,
    TOKENS,
    UNIQUE_TOKENS,
    Quantity,
)
from bayesscale.runs.names import needs_no_comment, of_that_meaning, unit_in_name, unit_of_loss
from bayesscale.runs.units import count_in_words

RUN = "run"
"""Name of the index and of the dimension."""

NUMBERS = (PARAMS, TOKENS, FLOPS, LOSS, LOSS_SE, PARAMS_NON_EMBEDDING)
"""Numbers that have an argument of their own. All others are further inputs."""

_LABELS = (str, Number, np.bool_, datetime.date, datetime.timedelta)
EXACT = 2**53  # whole numbers up to here are exact as float64
_INT64 = 2**63


@dataclass(frozen=True)
class Source:
    """Where a quantity comes from: a column or a product, its unit, and a remark for readers."""

    column: str
    unit: float | str = 1.0
    remark: str = ""

    @property
    def factors(self) -> list[str]:
        """What is multiplied, columns and numbers."""
        return [part.strip() for part in self.column.split("*")]

    def cells(self, frame: pd.DataFrame, *, decimal: str = ".") -> pd.Series:
        """Return the cells, of a product its numbers, with decimal points."""
        if self.column in frame.columns:
            return _with_points(frame[self.column], decimal)
        product = pd.Series(1.0, frame.index)
        for part in self.factors:
            if part in frame.columns:
                product = product * numbers(_with_points(frame[part], decimal), TOKENS)[0]
            else:
                product = product * float(part)
        return product


def _with_points(column: pd.Series, decimal: str) -> pd.Series:
    if decimal == ".":
        return column
    swapped = str.maketrans({",": ".", ".": None, " ": None})
    return column.map(lambda cell: cell.translate(swapped) if isinstance(cell, str) else cell)


def assign_columns(
    frame: pd.DataFrame, *, sought: Iterable[Quantity], named: Mapping[str, str],
    groups: Sequence[str] = (), required: Sequence[Quantity] = (LOSS,),
) -> dict[str, Source]:  # fmt: skip
    """Return the source of each quantity: the named column, or else a free one by its name."""
    columns = [c for c in frame.columns if isinstance(c, str)]
    named = {part: _as_written(column, columns) for part, column in named.items()}
    for part, column in [*named.items(), *(("group", g) for g in groups)]:
        if column not in columns and not _is_product(column, columns):
            raise unknown_name(f"column for {part}", column, columns)
    for part, column in named.items():
        first = next(other for other, same in named.items() if same == column)
        if first != part:
            raise RunsError(
                f"Column {column!r} is named for both {first} and {part}. Leave one of them out."
            )
    chosen = {part: Source(column) for part, column in named.items()}
    free = [c for c in columns if c not in {*named.values(), *groups}]
    for q in sought:
        if q.name not in chosen and (origin := _only_source(q, free, frame)):
            chosen[q.name] = origin
    missing, why = [q for q in required if q.name not in chosen], ""
    sizes = (PARAMS, TOKENS, FLOPS)
    if not missing and not {q.name for q in sizes} & chosen.keys():
        missing = [] if chosen.keys() - QUANTITIES.keys() else [*sizes]
        why = "No column of params, tokens or flops: a law needs one or two of them."
    taken = {source.column for source in chosen.values()}
    if missing:
        raise not_found(missing, columns, taken={*taken, *groups}, why=why)
    no_column_repeats([*taken, *groups], columns=columns)
    return chosen


def _as_written(name: str, columns: Sequence[str]) -> str:
    """Return the only column of that name but for characters that cannot be seen."""
    seen = [c for c in columns if "".join(filter(str.isprintable, c)).strip() == name]
    return seen[0] if name not in columns and len(seen) == 1 else name


def _is_product(text: str, columns: Sequence[str]) -> bool:
    return "*" in text and all(p in columns or _is_count(p) for p in Source(text).factors)


def _is_count(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _only_source(q: Quantity, free: Sequence[str], frame: pd.DataFrame) -> Source | None:
    """Return the only column that a quantity is known as; several must hold the same numbers."""
    units = {c: unit for c in free if (unit := unit_in_name(c, q)) is not None}
    no_column_repeats(units, columns=free)
    if q.role != "label":
        read = {c: scaled(numbers(frame[c], TOKENS)[0], u) for c, u in units.items()}
        with_numbers = {c: x for c, x in read.items() if np.isfinite(x).any()}
        units = {c: units[c] for c in with_numbers or list(units)[:1]}
        first, *others = with_numbers.values() or [np.zeros(0)]
        if all(np.allclose(first, x, rtol=1e-6, atol=0, equal_nan=True) for x in others):
            units = dict(sorted(units.items(), key=lambda item: item[1] != 1.0)[:1])
    if len(units) > 1:
        both = list(units)
        raise RunsError(
            f"Both {' and '.join(map(repr, units))} could be the {q.name} column. "
            f"Say which: {q.name}={both[0]!r} (on the command line "
            f"{_option(q, both[0])})."
        )
    for column, unit in units.items():
        factor = f" × {short_number(unit)}" if isinstance(unit, float) else f", {unit}"
        known = q.role == "label" or (unit == 1.0 and needs_no_comment(column, q))
        return Source(column, unit, "" if known else f"{column!r}{factor * (unit != 1.0)}")
    return None


def scaled(values: np.ndarray, unit: float | str) -> np.ndarray:
    """Return counts of what a unit says, same shape."""
    with np.errstate(over="ignore"):
        return 10.0**values if isinstance(unit, str) else values * unit


def _option(q: Quantity, column: str) -> str:
    if q.role == "label" and q.name not in QUANTITIES:
        return f"--group {shlex.quote(column)}"
    if q not in NUMBERS and q.name not in ("run_id", "seed", "cluster"):
        return f"--input {shlex.quote(f'{q.name}={column}')}"
    apart = q.name in ("run_id", "params_non_embedding")
    return f"--{q.name.replace('_', '-')}{'' if apart else '-column'} {shlex.quote(column)}"


def not_found(
    missing: Sequence[Quantity], columns: Sequence[str], *, taken: Iterable[str], why: str = ""
) -> UnknownNameError:
    """Make the error for columns that are wanted, suggesting those that are nothing else."""
    first, taken = missing[0], {*taken}
    free = [name for name in columns if name not in taken]
    others = [q for q in (PARAMS, TOKENS, FLOPS, LOSS) if q not in missing]
    free = [name for name in free if all(unit_in_name(name, q) is None for q in others)]
    # a name that means it, then a misspelt well-known one
    candidates = [name for name in first.columns if len(name) > 2]
    lower = {name.lower(): name for name in free}
    spelt = [n for n in lower if difflib.get_close_matches(n, candidates, n=1, cutoff=0.8)]
    close = of_that_meaning(free, first)[:3] or [lower[name] for name in spelt] or [
        lower[name] for name in difflib.get_close_matches(first.name, lower, n=1, cutoff=0.5)
    ]  # fmt: skip
    suggestion = " or ".join(repr(name) for name in close)
    looked = "; ".join(f"for {q.name} as {', '.join(q.columns[:4])}, …" for q in missing)
    mine = close[0] if close else "my_column"
    names = {q: mine if q is first else "my_column" for q in missing}
    say = ", ".join(f'{q.name}="{column}"' for q, column in names.items() if q in NUMBERS)
    further = {q.name: v for q, v in names.items() if q not in NUMBERS and q.role != "label"}
    say += ", " * bool(say and further) + f"inputs={further}" * bool(further)
    labels = [v for q, v in names.items() if q.role == "label"]
    say += ", " * bool(say and labels) + f"group={labels}" * bool(labels)
    unit = unit_of_loss(mine) if first == LOSS else ""
    say += f', loss_unit="{unit}"' * bool(unit)
    typed = " ".join(_option(q, column) for q, column in names.items())
    typed += f" --loss-unit {unit}" * bool(unit)
    steps = next((c for c in free if "step" in c.lower() or "iter" in c.lower()), None)
    product = (
        f' Or count them: tokens="{steps} * BATCH * LENGTH", columns or numbers.'
        if steps and first == TOKENS else ""
    )  # fmt: skip
    return UnknownNameError(
        f"{why or f'No column named {first.name!r}.'}"
        f"{f' Did you mean {suggestion}?' if close else ''} "
        f"Known: {', '.join(map(repr, columns)) or 'none'}. Looked {looked}. Name yours: {say} "
        f"(on the command line {typed}).{product}"
    )


def no_column_repeats(wanted: Iterable[str], *, columns: Sequence[str]) -> None:
    """Refuse a table that has two columns of a name that is wanted."""
    for column in wanted:
        if columns.count(column) > 1:
            raise RunsError(f"The table has {columns.count(column)} columns {column!r}. Keep one.")


def group_columns(group: object, *, taken: Iterable[str]) -> tuple[str, ...]:
    """Return the group argument as names that the table does not use itself and files can hold."""
    if group is None:
        return ()
    groups = (group,) if isinstance(group, str) else group
    if not (isinstance(groups, Sequence) and all(isinstance(g, str) for g in groups)):
        raise DomainError(
            f'group must be the name of a column or a list of names, such as "corpus" or '
            f'["corpus", "width"], not {shown(group)}.'
        )
    repeated = [g for g in dict.fromkeys(groups) if groups.count(g) > 1]
    if repeated:
        raise RunsError(f"Group columns are given twice: {list_some(repeated)}. Give each once.")
    clash = [g for g in groups if g in set(taken)]
    if clash:
        raise RunsError(
            f"A group column cannot be called {clash[0]!r}: the table of runs uses that name "
            "itself. Rename the column."
        )
    for name in groups:
        if name.strip() in ("", ".", "..") or "/" in name or not name.isprintable():
            storable = "".join(c if c.isprintable() and c != "/" else "_" for c in name).strip(" .")
            raise RunsError(
                f"A group column cannot be called {name!r}: a saved fit is netCDF, which cannot "
                "hold names that are empty, '.' or '..', or have '/' or control characters in "
                f"them. Rename the column, e.g. to {storable or 'corpus'!r}."
            )
    return tuple(groups)


def input_columns(inputs: object) -> dict[str, tuple[Quantity, str]]:
    """Return further inputs by name, each with its column, from name (or quantity) to column."""
    if inputs is None:
        return {}
    if not isinstance(inputs, Mapping):
        raise DomainError(
            'inputs must be a mapping of name to column, such as {"experts": "n_experts"}, not '
            f"{shown(inputs)}."
        )
    chosen: dict[str, tuple[Quantity, str]] = {}
    for key, column in inputs.items():
        if not isinstance(key, str | Quantity):
            raise DomainError(f"An input is a name or a bs.Quantity, not {shown(key)}.")
        q = key if isinstance(key, Quantity) else {**QUANTITIES, **INPUTS}.get(key)
        q = q or Quantity(key, scale="identity")  # pyright: ignore[reportArgumentType]
        if q.name == RUN:
            raise RunsError(f"An input cannot be called {RUN!r}: the table uses that name itself.")
        if q.name in QUANTITIES and (q.role == "label" or q in NUMBERS):
            raise RunsError(
                f'{q.name!r} is not a further input: it has its own argument, {q.name}="my_column".'
            )
        if q.role == "label":
            raise RunsError(f"{q.name!r} is a label, not an input: give its column as group=.")
        if q.name in chosen:
            raise RunsError(f"The input {q.name!r} is given twice. Give it once.")
        chosen[q.name] = (q, column_name(f"inputs[{q.name!r}]", column))
    return chosen


def known_inputs(frame: pd.DataFrame, used: Sequence[str]) -> dict[str, tuple[Quantity, str]]:
    """Return inputs that free columns are called as and hold, but for unique tokens."""
    free = {k: q for k, q in INPUTS.items() if k in frame.columns and k not in used}
    return {
        k: (q, k) for k, q in free.items()
        if q != UNIQUE_TOKENS and q.admits(numbers(frame[k], q)[0]).all()
    }  # fmt: skip


def column_name(what: str, column: object) -> str:
    """Return the name of a column, which is text."""
    if not isinstance(column, str):
        raise DomainError(
            f"{what} must be the name of a column, which is text, not {shown(column)}. Columns "
            "that are numbered get names by frame.columns = [...]."
        )
    return column


def numbers(column: pd.Series, q: Quantity | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Read cells as fresh float64 ``(run,)``, NaN where missing, and tell where unreadable.

    Text of a quantity that is a count may be ``1.73B`` or ``2,040``, of compute ``1e21 FLOP``.
    """
    if column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype):
        with np.errstate(over="ignore"):  # beyond float64: infinite, and refused as that
            return column.to_numpy(dtype=np.float64, copy=True), np.zeros(len(column), dtype=bool)
    read = [_number(cell, q) for cell in column.tolist()]
    values = np.array([np.nan if x is None else x for x in read], dtype=np.float64)
    return values, np.array([x is None for x in read], dtype=bool)


def _number(cell: Any, q: Quantity | None) -> float | None:
    """Return the cell as a float, NaN if it is empty, None if it is no number."""
    if _is_empty(cell):
        return np.nan
    if isinstance(cell, bool) or not isinstance(cell, Real | Decimal | str):
        return None
    try:
        return float(cell)
    except OverflowError:
        return None
    except ValueError:
        return count_in_words(str(cell), q) if q and q.style in ("count", "flops") else None


def _is_empty(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    nan = isinstance(cell, float) and cell != cell
    return nan or cell is None or cell is pd.NA or cell is pd.NaT or cell is np.ma.masked


def labels(column: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read cells as fresh labels ``(run,)``; tell which are missing, and which cannot be labels.

    Whole numbers become int64, other numbers float64 (NaN where missing), all else text as it is
    written ("" where missing), also whole numbers that neither type holds exactly.
    """
    nowhere = np.zeros(len(column), dtype=bool)
    if column.dtype == np.int64:  # as this and plain text are most often, they are done quickly
        return column.to_numpy(copy=True), nowhere, nowhere
    if pd.api.types.infer_dtype(column, skipna=False) == "string":
        codes, levels = pd.factorize(column, use_na_sentinel=False)
        blank = np.array([_is_empty(level) for level in levels], dtype=bool)
        text = np.array([_text(level) for level in levels], dtype=object)
        missing = blank[codes]
        return np.where(missing, "", text[codes]), missing, ~missing & (text == "")[codes]
    cells = [None if _is_empty(cell) else cell for cell in _plain(column)]
    missing = np.array([cell is None for cell in cells], dtype=bool)
    there: list[Any] = [cell for cell in cells if cell is not None]
    if there and all(isinstance(x, Real) and not isinstance(x, bool) for x in there):
        whole = all(abs(x) < _INT64 and x % 1 == 0 for x in there)
        if whole and not missing.any():
            return np.array([int(x) for x in there], dtype=np.int64), missing, nowhere
        if all(isinstance(x, float) or abs(x) <= EXACT for x in there):
            floats = np.array([np.nan if x is None else x for x in cells], dtype=np.float64)
            return floats, missing, nowhere
    text = np.array([_text(cell) for cell in cells], dtype=object)
    return text, missing, ~missing & (text == "")


def _plain(column: pd.Series) -> list[object]:
    """Return the cells as plain Python, whole numbers exact."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels = column.cat.categories.tolist()
        return [levels[code] if code >= 0 else None for code in column.cat.codes]
    return [cell.item() if isinstance(cell, np.generic) else cell for cell in column.tolist()]


def _text(cell: object) -> str:
    """Write a label; "" for what is none, or what a file cannot hold."""
    if not isinstance(cell, _LABELS):
        return ""
    try:
        text = str(cell)
        text.encode()  # halves of surrogate pairs have no UTF-8
    except ValueError:
        return ""
    return "" if "\0" in text else text
