"""Which rows to take in, and which runs to keep, drop or hold out."""

import difflib
from collections.abc import Hashable, Iterable, Mapping
from datetime import date
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale._arguments import number, shown
from bayesscale._format import flops as write_flops, list_some
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.runs.columns import no_column_repeats, numbers

Where = Mapping[str, str | float | int]

_SAME_BUDGET = 1e-9  # 6ND carries rounding errors, budgets differ by far more
_EXACT = 2**53  # whole numbers below are exact as float64


def rows_where(frame: pd.DataFrame, where: Where | None) -> pd.DataFrame:
    """Keep the rows that have certain values; nothing in the table has been checked yet.

    Text is compared as it is written and, where no cell reads so, as a number; a number as a
    number, exactly. An empty cell equals nothing.
    """
    if not isinstance(where, Mapping | None):
        raise DomainError(
            'where must be a mapping of column to value, such as {"corpus": "c4"}, not '
            f"{shown(where)}."
        )
    columns = [c for c in frame.columns if isinstance(c, str)]
    for column, value in (where or {}).items():
        if not isinstance(value, str | Real | np.bool_ | date):
            raise DomainError(
                f"where[{column!r}] must be one text or number, not {shown(value)}. For several "
                "values make a table of each, or use runs.select(mask)."
            )
        if column not in columns:
            raise unknown_name("column for where", column, columns)
        no_column_repeats([column], columns=columns)
        cells = frame[column]
        filled = cells.notna().to_numpy(dtype=bool)
        text = np.array([_written(cell) for cell in cells.tolist()], dtype=object)
        keep = filled & (text == _written(value))
        sought, _ = numbers(pd.Series([value], dtype=object))
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not keep.any() or (is_number and np.abs(sought) < _EXACT):
            keep |= filled & (numbers(cells)[0] == sought)
        if not keep.any():
            seen = list_some(pd.unique(text[filled]), limit=10) or "empty cells only"
            raise RunsError(
                f"None of {len(frame):,} rows has {column}={shown(value)}. Seen there: {seen}."
            )
        frame = frame[keep]
    return frame


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
