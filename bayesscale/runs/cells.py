"""From whatever a column holds to plain float64 numbers or plain labels."""

import numpy as np
import pandas as pd


def numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read a column as numbers.

    Parameters
    ----------
    column
        Numbers of any type, or text that may hold numbers. Shape ``(run,)``.

    Returns
    -------
    values
        float64, NaN where a cell is missing or unreadable; a fresh array. Shape ``(run,)``.
    unreadable
        True where a cell holds something that is not a number. Shape ``(run,)``.
    """
    kind = pd.api.types
    if (
        kind.is_numeric_dtype(column.dtype)
        and not kind.is_bool_dtype(column.dtype)
        and not kind.is_complex_dtype(column.dtype)
    ):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        return values, np.zeros(len(column), dtype=bool)
    read = [_number(cell) for cell in column.tolist()]
    values = np.array([np.nan if x is None else x for x in read], dtype=np.float64)
    return values, np.array([x is None for x in read], dtype=bool)


def _number(cell: object) -> float | None:
    """Return the cell as a float, NaN if it is empty, None if it is no number."""
    if cell is None or cell is pd.NA or (isinstance(cell, str) and not cell.strip()):
        return np.nan
    if isinstance(cell, bool | np.bool_):
        return None
    try:
        return float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None


def labels(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Read a column as labels: ids, seeds, groups.

    Whole numbers become int64, other numbers float64, everything else text. Doing it twice
    changes nothing, and neither does a file in between.

    Parameters
    ----------
    column
        Anything that can be printed. Shape ``(run,)``.

    Returns
    -------
    values
        int64, float64 (NaN where missing) or str objects (empty where missing); a fresh array.
        Shape ``(run,)``.
    missing
        True where there is no label. Shape ``(run,)``.
    """
    missing = column.isna().to_numpy(dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = pd.Series(np.asarray(column), dtype=column.cat.categories.dtype)
    if column.dtype == object:
        column = column.infer_objects()  # Python integers in an object column are integers
    kind = pd.api.types
    if kind.is_numeric_dtype(column.dtype) and not kind.is_bool_dtype(column.dtype):
        floats = column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        if not missing.any() and np.all(np.abs(floats) < 2**63) and np.all(floats % 1 == 0):
            return column.to_numpy(dtype=np.int64, copy=True), missing
        return floats, missing
    text = np.array([str(cell) for cell in column.tolist()], dtype=object)
    text[missing] = ""
    return text, missing | (text == "")
