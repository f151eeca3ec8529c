"""Which rows to take in, and which runs to keep, drop or hold out."""

import difflib
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale._format import flops as write_flops
from bayesscale._format import list_some
from bayesscale.errors import DomainError, RunsError, UnknownNameError, unknown_name
from bayesscale.runs.cells import numbers
from bayesscale.runs.columns import no_column_repeats

_SAME_BUDGET = 1e-9  # 6ND carries rounding errors, budgets differ by far more


def rows_where(frame: pd.DataFrame, where: Mapping[str, str | float | int]) -> pd.DataFrame:
    """Keep the rows that have certain values.

    Parameters
    ----------
    frame
        A table as it was given: nothing in it has been checked.
    where
        Column to value. A row stays if its cells equal all of them, as text or as numbers; an
        empty cell equals nothing.

    Returns
    -------
    pandas.DataFrame
        The rows that stay, in their order and with their index.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    RunsError
        If no row stays, or if a column is there twice.
    """
    for column, value in where.items():
        if column not in frame.columns:
            raise unknown_name("column for where", column, map(str, frame.columns))
        no_column_repeats([column], columns=list(frame.columns))
        cells = frame[column]
        filled = cells.notna().to_numpy(dtype=bool)
        text = np.array([str(cell).strip() for cell in cells.tolist()], dtype=object)
        number, _ = numbers(pd.Series([value], dtype=object))
        keep = filled & ((text == str(value).strip()) | (numbers(cells)[0] == number))
        if not keep.any():
            seen = list_some(pd.unique(text[filled]), limit=10) or "empty cells only"
            raise RunsError(
                f"None of {len(frame):,} rows has {column}={value!r}. Seen there: {seen}."
            )
        frame = frame[keep]
    return frame


def checked_mask(mask: ArrayLike, *, n_runs: int) -> np.ndarray:
    """Check that a mask holds one boolean a run and keeps something.

    Parameters
    ----------
    mask
        True for the runs to keep. Boolean, shape ``(run,)``.
    n_runs
        Number of runs.

    Returns
    -------
    numpy.ndarray
        The mask. Boolean, shape ``(run,)``.

    Raises
    ------
    RunsError
        If it is not boolean, has another shape or keeps nothing.
    """
    keep = np.asarray(mask)
    if keep.dtype != bool or keep.shape != (n_runs,):
        raise RunsError(
            f"A mask has one boolean a run, shape ({n_runs},), but this has {keep.dtype} and "
            f"shape {keep.shape}. Example: runs.select(runs.params < 1e9). To leave out runs by "
            "their ids, use runs.drop(run_ids)."
        )
    if not keep.any():
        raise RunsError(f"None of the {n_runs:,} runs would be left. Keep at least one.")
    return keep


def mask_without(dropped: object | Iterable[object], *, run_ids: np.ndarray) -> np.ndarray:
    """Mark all runs but some.

    Parameters
    ----------
    dropped
        One id or several.
    run_ids
        Ids of all runs. Shape ``(run,)``.

    Returns
    -------
    numpy.ndarray
        True for the runs that stay. Boolean, shape ``(run,)``.

    Raises
    ------
    UnknownNameError
        If there is no run of that id.
    """
    if isinstance(dropped, str) or not isinstance(dropped, Iterable):
        dropped = [dropped]
    wanted = pd.Index(list(dropped), dtype=object)
    at = pd.Index(run_ids, dtype=object).get_indexer(wanted)
    for wrong in wanted[at < 0]:
        ids = {str(i): i for i in run_ids[:10_000].tolist()}  # enough to guess from
        close = difflib.get_close_matches(str(wrong), ids, n=1)
        suggestion = f" Did you mean {ids[close[0]]!r}?" if close else ""
        raise UnknownNameError(
            f"No run with id {wrong!r}.{suggestion} The {len(run_ids):,} ids begin with "
            f"{', '.join(repr(i) for i in run_ids[:5].tolist())}: see runs.run_ids."
        )
    keep = np.ones(len(run_ids), dtype=bool)
    keep[at] = False
    return keep


def largest_by_compute(flops: np.ndarray, *, factor: float) -> np.ndarray:
    """Mark every run whose compute is within a factor of the largest.

    Parameters
    ----------
    flops
        Training compute, FLOP, > 0. Shape ``(run,)``.
    factor
        How far below the largest compute, > 1.

    Returns
    -------
    numpy.ndarray
        True for the largest runs. Boolean, shape ``(run,)``.

    Raises
    ------
    DomainError
        If the factor is not above 1.
    RunsError
        If that were all runs.
    """
    if not factor > 1:
        raise DomainError(f"factor must be above 1, not {factor!r}: 10 holds out a decade.")
    largest = flops.max()
    held_out = flops >= largest / factor * (1 - _SAME_BUDGET)
    if held_out.all():
        raise RunsError(
            f"All {len(flops):,} runs lie within {factor:g}x of the largest compute, "
            f"{write_flops(largest)}, and 0 are left to fit: the table spans "
            f"{largest / flops.min():.3g}x. Use a smaller factor."
        )
    return held_out
