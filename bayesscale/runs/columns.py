"""Which column of somebody's table is which quantity, and what its cells hold."""

import datetime
import difflib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._arguments import shown
from bayesscale._format import list_some
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.quantities import (
    FLOPS,
    LOSS,
    LOSS_SE,
    PARAMS,
    PARAMS_NON_EMBEDDING,
    QUANTITIES,
    TOKENS,
    Quantity,
)
from bayesscale.runs.units import count_in_words

RUN = "run"
"""Name of the index and of the dimension."""

REQUIRED = (PARAMS, TOKENS, LOSS)

NUMBERS = (PARAMS, TOKENS, FLOPS, LOSS, LOSS_SE, PARAMS_NON_EMBEDDING)
"""Numbers that have an argument of their own. All others are further inputs."""

_LABELS = (str, Number, np.bool_, datetime.date, datetime.timedelta)
_EXACT = 2**53  # whole numbers up to here are exact as float64
_INT64 = 2**63


def assign_columns(
    columns: Sequence[str],
    *,
    sought: Iterable[Quantity],
    named: Mapping[str, str],
    groups: Sequence[str] = (),
    required: Sequence[Quantity] = REQUIRED,
) -> dict[str, str]:
    """Return the column of each quantity: the named one, or else one that it is known as.

    Neither groups nor columns that are named for one quantity are tried for another.
    """
    for part, column in [*named.items(), *(("group", g) for g in groups)]:
        if column not in columns:
            raise unknown_name(f"column for {part}", column, columns)
    chosen = dict(named)
    part_of: dict[str, str] = {}
    for part, column in chosen.items():
        if column in part_of:
            raise RunsError(
                f"Column {column!r} is named for both {part_of[column]} and {part}. "
                f"Leave one of them out."
            )
        part_of[column] = part

    spoken_for = {*chosen.values(), *groups}
    for q in sought:
        if q.name in chosen:
            continue
        found = [name for name in q.columns if name in columns and name not in spoken_for]
        if len(found) > 1:
            raise RunsError(
                f"Both {found[0]!r} and {found[1]!r} could be the {q.name} column. "
                f"Say which: {q.name}={found[0]!r}."
            )
        if found:
            chosen[q.name] = found[0]
    missing = [q for q in required if q.name not in chosen]
    if missing:
        raise _not_found(missing, columns, taken={*chosen.values(), *groups})
    no_column_repeats([*chosen.values(), *groups], columns=columns)
    return chosen


def _not_found(
    missing: Sequence[Quantity], columns: Sequence[str], *, taken: Iterable[str]
) -> UnknownNameError:
    """Make the error for required columns, suggesting those that are nothing else."""
    first = missing[0]
    elsewhere = {*taken, *(name for q in QUANTITIES.values() for name in q.columns)}
    free = {name.lower(): name for name in columns if name not in elsewhere}
    # a misspelt well-known name, then one that says what it is, then anything alike
    known = [name for name in first.columns if len(name) > 2]
    close = (
        [name for name in free if difflib.get_close_matches(name, known, cutoff=0.8)]
        or [name for name in free if first.name in name][:3]
        or difflib.get_close_matches(first.name, free, n=1, cutoff=0.5)
    )
    suggestion = " or ".join(repr(free[name]) for name in close)
    looked = "; ".join(f"for {q.name} as {', '.join(q.columns)}" for q in missing)
    say = ", ".join(f'{q.name}="my_column"' for q in missing)
    type_ = " ".join(f"--{q.name.replace('_', '-')}-column my_column" for q in missing)
    return UnknownNameError(
        f"No column named {first.name!r}.{f' Did you mean {suggestion}?' if close else ''} "
        f"Known: {', '.join(map(repr, columns)) or 'none'}. Looked {looked}. Name yours: {say} "
        f"(on the command line {type_})."
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
        if not _is_storable_name(name):
            raise RunsError(
                f"A group column cannot be called {name!r}: a saved fit is netCDF, which cannot "
                "hold names that are empty, '.' or '..', or have '/' or control characters in "
                f"them. Rename the column, e.g. to {_storable_name(name)!r}."
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
        q = key if isinstance(key, Quantity) else QUANTITIES.get(key)
        q = q or Quantity(key, scale="identity")  # pyright: ignore[reportArgumentType]
        if q.name == RUN:
            raise RunsError(f"An input cannot be called {RUN!r}: the table uses that name itself.")
        if q.name in QUANTITIES and (q.role == "label" or q in NUMBERS):
            raise RunsError(
                f"{q.name!r} is no further input: it has an argument of its own, "
                f'{q.name}="my_column".'
            )
        if q.role == "label":
            raise RunsError(f"{q.name!r} is a label and no input: give its column as group=.")
        if q.name in chosen:
            raise RunsError(f"The input {q.name!r} is given twice. Give it once.")
        chosen[q.name] = (q, column_name(f"inputs[{q.name!r}]", column))
    return chosen


def column_name(what: str, column: object) -> str:
    """Return the name of a column, which is text."""
    if not isinstance(column, str):
        raise DomainError(
            f"{what} must be the name of a column, which is text, not {shown(column)}. Columns "
            "that are numbered get names by frame.columns = [...]."
        )
    return column


def _is_storable_name(name: str) -> bool:
    plain = name.strip()
    return plain not in ("", ".", "..") and "/" not in name and name.isprintable()


def _storable_name(name: str) -> str:
    return "".join(c if c.isprintable() and c != "/" else "_" for c in name).strip(" .") or "corpus"


def numbers(column: pd.Series, *, counts: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Read cells as float64, NaN where missing or unreadable, and tell where they are unreadable.

    Numbers of any type and text that holds them, of ``counts`` also such as ``1.73B``; both arrays
    are fresh, shape ``(run,)``.
    """
    if column.dtype.kind in "iuf" and isinstance(column.dtype, np.dtype):
        with np.errstate(over="ignore"):  # beyond float64: infinite, and refused as that
            return column.to_numpy(dtype=np.float64, copy=True), np.zeros(len(column), dtype=bool)
    read = [_number(cell, counts=counts) for cell in column.tolist()]
    values = np.array([np.nan if x is None else x for x in read], dtype=np.float64)
    return values, np.array([x is None for x in read], dtype=bool)


def _number(cell: Any, *, counts: bool) -> float | None:
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
        return count_in_words(str(cell)) if counts else None


def _is_empty(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or cell is np.ma.masked


def labels(column: pd.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read cells as labels; tell where there is none, and where there is what cannot be one.

    Whole numbers that fit become int64, other numbers float64 (NaN where missing), all else text
    as it is written ("" where missing). Nothing is rounded: whole numbers that neither type holds
    are text. Doing it twice changes nothing. All arrays are fresh, shape ``(run,)``.
    """
    nowhere = np.zeros(len(column), dtype=bool)
    if column.dtype == np.int64:  # as this and plain text are most often, they are done quickly
        return column.to_numpy(copy=True), nowhere, nowhere
    if pd.api.types.infer_dtype(column, skipna=False) == "string":
        codes, levels = pd.factorize(column, use_na_sentinel=False)
        blank = np.array([_is_empty(level) or _is_nan(level) for level in levels], dtype=bool)
        text = np.array([_text(level) for level in levels], dtype=object)
        missing = blank[codes]
        return np.where(missing, "", text[codes]), missing, ~missing & (text == "")[codes]
    cells = [None if _is_empty(cell) or _is_nan(cell) else cell for cell in _plain(column)]
    missing = np.array([cell is None for cell in cells], dtype=bool)
    there: list[Any] = [cell for cell in cells if cell is not None]
    if there and all(isinstance(x, Real) and not isinstance(x, bool) for x in there):
        whole = all(abs(x) < _INT64 and x % 1 == 0 for x in there)
        if whole and not missing.any():
            return np.array([int(x) for x in there], dtype=np.int64), missing, nowhere
        if all(isinstance(x, float) or abs(x) <= _EXACT for x in there):
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


def _is_nan(cell: object) -> bool:
    return isinstance(cell, float) and cell != cell


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
