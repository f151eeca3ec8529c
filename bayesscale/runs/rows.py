"""Which rows to take in, and which runs to keep, drop or hold out."""

import difflib
import operator
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale._arguments import number, shown
from bayesscale._format import flops as write_flops, list_some
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.quantities import TOKENS
from bayesscale.runs.columns import EXACT, no_column_repeats, numbers

Reading = Literal["last", "best", "mean"]
Where = Mapping[str, str | float | int] | str | Sequence[str]

_SAME_BUDGET = 1e-9  # 6ND carries rounding errors, budgets differ by far more
_CONDITION = re.compile(r"\s*(.+?)\s*(!=|<=|>=|==?|<|>|\sin\s)\s*(.*\S)\s*")
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip


def rows_where(frame: pd.DataFrame, where: Where | None) -> pd.DataFrame:
    """Keep the rows of an unchecked table that meet conditions, as ``MEANINGS["where"]`` says."""
    columns = [c for c in frame.columns if isinstance(c, str)]
    for column, sign, value in _conditions(where):
        if column not in columns:
            raise unknown_name("column for where", column, columns)
        no_column_repeats([column], columns=columns)
        cells = frame[column]
        filled = cells.notna().to_numpy(dtype=bool)
        if sign in _ORDER:
            read = numbers(cells, TOKENS)[0]
            limit = numbers(pd.Series([value], dtype=object), TOKENS)[0]
            if np.isnan(limit).any():
                raise DomainError(f"where compares {column!r} with {shown(value)}: no number.")
            keep = _ORDER[sign](read, limit)
        else:
            values = [v.strip() for v in value.split(",")] if sign == "in" else [value]
            keep = np.any([_equals(cells, filled, v) for v in values], axis=0)
            keep = filled & ~keep if sign == "!=" else keep
        if not keep.any():
            text = [_written(cell) for cell in cells[filled].tolist()]
            seen = list_some(list(dict.fromkeys(text)), limit=10) or "empty cells only"
            word = sign if sign != "in" else " in "
            raise RunsError(
                f"None of {len(frame):,} rows has {column}{word}{shown(value)}. Seen there: {seen}."
            )
        frame = frame[keep]
    return frame


def _conditions(where: object) -> Iterator[tuple[str, str, Any]]:
    """Take conditions apart: column, sign, value."""
    if isinstance(where, Mapping):
        for column, value in where.items():
            if not isinstance(value, str | Real | np.bool_ | date):
                raise DomainError(
                    f"where[{column!r}] must be one text or number, not {shown(value)}. For "
                    f'several values say where="{column} in a, b".'
                )
            yield str(column), "=", value
        return
    texts = [where] if isinstance(where, str) else [] if where is None else where
    if not isinstance(texts, Sequence) or not all(isinstance(text, str) for text in texts):
        raise DomainError(
            'where must be a mapping of column to value, such as {"corpus": "c4"}, or conditions '
            f'such as "loss < 8", not {shown(where)}.'
        )
    for text in texts:
        if not (match := _CONDITION.fullmatch(text)):
            raise DomainError(
                f"where cannot parse {shown(text)}. Write a column, one of =, !=, <, <=, >, >= "
                'or in, and a value: "loss < 8", "corpus = c4", "corpus in c4, web".'
            )
        sign, value = match[2].strip(), match[3]
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        yield match[1], "=" if sign == "==" else sign, value[1:-1] if quoted else value


def _equals(cells: pd.Series, filled: np.ndarray, value: Any) -> np.ndarray:
    """Return which cells, shape ``(row,)``, are written like a value, or are the same number."""
    text = np.array([_written(cell) for cell in cells.tolist()], dtype=object)
    keep = filled & (text == _written(value))
    number_, _ = numbers(pd.Series([value], dtype=object))
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not keep.any() or (is_number and np.abs(number_) < EXACT):
        keep |= filled & (numbers(cells)[0] == number_)
    return keep


def one_reading(
    keys: pd.Series, loss: np.ndarray, order: np.ndarray, reading: Reading
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row that stands for each run, in order of appearance, and its loss ``(row,)``.

    The last row has the largest ``order``; rows without a loss only count where a run has no other.
    """
    table = pd.DataFrame({"run": pd.factorize(keys)[0], "loss": loss, "order": order})
    by = ["loss"] if reading == "best" else ["order", "row"]
    ranked = table.assign(no_loss=np.isnan(loss), row=table.index).sort_values(
        ["no_loss", *by], ascending=[True, *(reading == "best" for _ in by)], kind="stable"
    )
    at = ranked.drop_duplicates("run").sort_values("run").index.to_numpy()
    return at, table.groupby("run")["loss"].mean().to_numpy() if reading == "mean" else loss[at]


def _written(cell: object) -> str:
    try:
        return str(cell).strip()
    except ValueError:  # Python writes out no whole number of more than 4,300 digits
        return "a number of thousands of digits"


def checked_mask(mask: ArrayLike, *, n_runs: int) -> np.ndarray:
    """Return a mask, shape ``(run,)``, that is boolean and keeps something."""
    try:
        keep = np.asarray(mask)
    except ValueError:  # ragged lists
        keep = np.array(())
    masked = np.ma.is_masked(mask)
    if keep.dtype != bool or keep.shape != (n_runs,) or masked:
        raise RunsError(
            f"A mask has one boolean a run, shape ({n_runs},), but this has {keep.dtype} and "
            f"shape {keep.shape}{', and masked values' if masked else ''}. Example: "
            "runs.select(runs.params < 1e9). To leave out runs by their ids, use "
            "runs.drop(run_ids)."
        )
    if not keep.any():
        raise RunsError(f"None of the {n_runs:,} runs would be left. Keep at least one.")
    return keep


def mask_without(dropped: Any, *, all_ids: np.ndarray) -> np.ndarray:
    """Return the mask, shape ``(run,)``, of all runs but those of one id or several."""
    several = isinstance(dropped, Iterable) and not isinstance(dropped, str)
    keep = np.ones(len(all_ids), dtype=bool)
    position = {run_id: k for k, run_id in enumerate(all_ids.tolist())}
    for one in dropped if several else [dropped]:
        if isinstance(one, bool | np.bool_):
            raise RunsError("runs.drop takes ids, not a mask: use runs.select(~mask).")
        if not isinstance(one, Hashable) or one not in position:
            ids = {str(i): i for i in all_ids[:10_000].tolist()}  # enough to guess from
            close = difflib.get_close_matches(shown(one).strip("'"), ids, n=1)
            suggestion = f" Did you mean {ids[close[0]]!r}?" if close else ""
            raise UnknownNameError(
                f"No run with id {shown(one)}.{suggestion} The {len(all_ids):,} ids begin with "
                f"{', '.join(repr(i) for i in all_ids[:5].tolist())}: see runs.run_ids."
            )
        keep[position[one]] = False
    return keep


def largest_by_compute(flops: np.ndarray, *, factor: float) -> np.ndarray:
    """Return the mask, shape ``(run,)``, of runs within a factor of the largest compute."""
    ratio = number("factor", factor, above=1, why=": 10 holds out a decade.")
    largest = flops.max()
    held_out = flops >= largest / ratio * (1 - _SAME_BUDGET)
    if held_out.all():
        raise RunsError(
            f"All {len(flops):,} runs lie within {ratio:g}x of the largest compute, "
            f"{write_flops(largest)}, and 0 are left to fit: the table spans "
            f"{largest / flops.min():.3g}x. Use a smaller factor."
        )
    return held_out
