"""From somebody's table to checked columns in canonical units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._format import list_some
from bayesscale.errors import RunsError
from bayesscale.runs import checks
from bayesscale.runs.cells import labels, numbers
from bayesscale.runs.columns import REQUIRED, assign_columns, group_columns
from bayesscale.runs.subsets import rows_where
from bayesscale.runs.units import FlopRule, recognise_rule, training_flops

NUMBERS = ("params", "tokens", "flops", "loss", "loss_se", "params_non_embedding")
"""Canonical numeric columns, float64; the last two are optional."""

RUN = "run"
"""Name of the index and of the dimension."""

ATTRIBUTE = "bayesscale_runs"
"""Attribute of a dataset that holds the metadata of its runs."""

Table = pd.DataFrame | xr.Dataset | Mapping[str, ArrayLike]


@dataclass(frozen=True)
class Intake:
    """What a table came to: checked columns, ids, groups, and the rule its FLOP follow."""

    columns: dict[str, np.ndarray]
    run_ids: np.ndarray
    groups: tuple[str, ...]
    flop_rule: FlopRule


def take_in(
    table: Table,
    *,
    where: Mapping[str, str | float | int] | None,
    named: Mapping[str, str | None],
    group: str | Sequence[str] | None,
    param_count: str,
    flop_rule: FlopRule | None,
    loss_unit: str,
    nats: float,
) -> Intake:
    """Read, convert and check the columns that are wanted.

    Parameters
    ----------
    table
        One row a run.
    where
        Column to value: rows with others are left out before anything is checked.
    named
        Part to column, ``None`` to look for the well-known names.
    group
        Columns to keep as labels.
    param_count
        What the params column counts.
    flop_rule
        The rule to count compute by; ``None`` to use a FLOP column if there is one.
    loss_unit
        Unit of the loss column.
    nats
        One ``loss_unit`` in nats per token, > 0.

    Returns
    -------
    Intake
        With losses in nats per token and all arrays of shape ``(run,)``.

    Raises
    ------
    RunsError
        If the table cannot be trusted as it is, or no row has the values of ``where``.
    UnknownNameError
        If a column is missing.

    Warns
    -----
    RunsWarning
        If something looks wrong, but may be meant.
    """
    frame = _as_frame(table)
    if len(frame) == 0:
        raise RunsError("The table has no rows. Every training run is one row.")
    frame = rows_where(frame, where or {})
    groups = group_columns(group, taken=(RUN, "cluster", *NUMBERS))
    required = (*REQUIRED, "flops") if flop_rule == "column" else REQUIRED
    found = assign_columns(
        list(frame.columns), _compute_parts(named, flop_rule), groups=groups, required=required
    )
    if "seed" in groups and "seed" in found:
        raise RunsError(
            "seed= names another column, so a group cannot be called 'seed'. Rename it."
        )

    ids = _run_ids(frame, found.get("run_id"))
    columns, problems = _numbers(frame, found, ids, nats)
    problems += checks.loss_problems(columns["loss"], ids=ids, loss_unit=loss_unit)
    problems += _count_problems(columns, param_count, ids)
    for part in ("seed", "cluster"):
        if part in found:
            columns[part], _ = labels(frame[found[part]])
    for name in groups:
        columns[name], missing = labels(frame[name])
        problems += checks.missing_problems(f"group column {name!r}", missing, ids=ids)
    checks.raise_for(problems)

    columns, rule = _with_flops(columns, param_count, flop_rule)
    for suspicion in checks.suspicions(columns, groups=groups, ids=ids, flop_rule=rule):
        checks.warn(suspicion)
    order = [c for c in (*NUMBERS, "seed", "cluster", *groups) if c in columns]
    return Intake({c: columns[c] for c in order}, ids, groups, rule)


def _as_frame(table: Table) -> pd.DataFrame:
    """Bring the accepted kinds of table into one."""
    if isinstance(table, pd.DataFrame):
        return table
    if isinstance(table, xr.Dataset):
        if ATTRIBUTE in table.attrs:
            raise RunsError(
                "This dataset was made by Runs.to_xarray(), so its units and rules are known. "
                "Use Runs.from_xarray(dataset)."
            )
        if len(table.dims) != 1:
            raise RunsError(
                f"A dataset of runs has one dimension, but this has {len(table.dims)}: "
                f"{list_some(list(table.dims))}. Stack or select them first."
            )
        return table.to_dataframe()
    if isinstance(table, Mapping):
        try:
            return pd.DataFrame(dict(table))
        except ValueError as error:
            shapes = list_some([f"{k} {np.shape(v)}" for k, v in table.items()], limit=12)
            raise RunsError(
                f"The columns must be one-dimensional and of one length, but are: {shapes}."
            ) from error
    raise RunsError(
        "Runs are made from a pandas DataFrame, a one-dimensional xarray Dataset or a dict of "
        f"arrays, not from {type(table).__name__}. For a file, use read_runs(path)."
    )


def _numbers(
    frame: pd.DataFrame, found: Mapping[str, str], ids: np.ndarray, nats: float
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the numeric columns, and collect what is wrong with their cells as they were given."""
    columns: dict[str, np.ndarray] = {}
    problems: list[str] = []
    for part in NUMBERS:
        if part in found:
            cells = frame[found[part]]
            values, unreadable = numbers(cells)
            problems += checks.number_problems(part, values, unreadable, cells=cells, ids=ids)
            columns[part] = values * nats if part in ("loss", "loss_se") else values
    return columns, problems


def _compute_parts(
    named: Mapping[str, str | None], flop_rule: FlopRule | None
) -> Mapping[str, str | None]:
    """Leave the FLOP column out where compute is to be counted by a rule."""
    if flop_rule is None or flop_rule == "column":
        return named
    if named["flops"] is not None:
        raise RunsError(
            f"flops={named['flops']!r} and flop_rule={flop_rule!r} contradict each other: "
            "compute is either read or counted. Leave one out."
        )
    return {part: column for part, column in named.items() if part != "flops"}


def _run_ids(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    """Take ids from their column, else from an index that tells rows apart, else count."""
    if column is None:
        index = frame.index
        if isinstance(index, pd.MultiIndex):
            index = index.map(lambda levels: "/".join(map(str, levels)))
        ids, missing = labels(index.to_series())
        if missing.any() or not pd.Index(ids).is_unique:
            return np.arange(len(frame))
        return ids
    ids, missing = labels(frame[column])
    if missing.any():
        rows = list_some([f"row {i}" for i in np.flatnonzero(missing)])
        raise RunsError(f"{column!r} is empty in {rows} (counted from 0). Every run needs an id.")
    repeated = pd.Index(ids)[pd.Index(ids).duplicated()].unique()
    if len(repeated):
        raise RunsError(
            f"{column!r} repeats itself, so it cannot name the runs: {list_some(repeated)}. If "
            f"its rows are checkpoints or evaluations of one run, say so with cluster={column!r}; "
            "the rows are then numbered."
        )
    return ids


def _count_problems(
    columns: Mapping[str, np.ndarray], param_count: str, ids: np.ndarray
) -> list[str]:
    """Compare the two parameter counts, if there are two."""
    if param_count != "total" or "params_non_embedding" not in columns:
        return []
    more = columns["params_non_embedding"] > columns["params"]
    if not more.any():
        return []
    which = list_some([f"run {i}" for i in ids[more]])
    return [
        f"params_non_embedding exceeds params in {more.sum():,} of {len(ids):,} runs: {which}. "
        'Swap the columns, or say what params counts with param_count="other".'
    ]


def _with_flops(
    columns: dict[str, np.ndarray], param_count: str, flop_rule: FlopRule | None
) -> tuple[dict[str, np.ndarray], FlopRule]:
    """Count compute where there is no column, and name the rule it follows."""
    params, tokens = columns["params"], columns["tokens"]
    non_embedding = columns.get("params_non_embedding")
    if non_embedding is None and param_count == "non_embedding":
        non_embedding = params
    if "flops" in columns:
        rule: FlopRule = flop_rule or recognise_rule(
            columns["flops"], params=params, tokens=tokens, params_non_embedding=non_embedding
        )
        return columns, rule
    if flop_rule != "6ND_non_embedding":
        return {**columns, "flops": training_flops(params, tokens)}, "6ND"
    if non_embedding is None:
        raise RunsError(
            'flop_rule="6ND_non_embedding" needs the non-embedding parameters: name their column '
            'with params_non_embedding="my_column", or say param_count="non_embedding" if params '
            "already counts them."
        )
    return {**columns, "flops": training_flops(non_embedding, tokens)}, "6ND_non_embedding"
