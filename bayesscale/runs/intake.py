"""From somebody's table to checked columns in canonical units."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._format import list_some
from bayesscale.errors import RunsError
from bayesscale.quantities import FLOPS, LOSS, LOSS_SE, QUANTITIES, Quantity
from bayesscale.runs import checks
from bayesscale.runs.columns import (
    NUMBERS,
    REQUIRED,
    RUN,
    assign_columns,
    column_name,
    group_columns,
    input_columns,
    labels,
    numbers,
)
from bayesscale.runs.rows import Where, rows_where
from bayesscale.runs.units import (
    FlopRule,
    Units,
    check_conventions,
    column_factors,
    nats_per_token,
    recognise_rule,
    training_flops,
)

ATTRIBUTE = "bayesscale_runs"
"""Attribute of a dataset that holds the metadata of its runs."""

Table = pd.DataFrame | xr.Dataset | Mapping[str, ArrayLike]
Inputs = Mapping[str, str] | Mapping[Quantity, str]


def take_in(
    table: Table,
    named: Mapping[str, str | None],
    *,
    inputs: Inputs | None,
    group: str | Sequence[str] | None,
    where: Where | None,
    param_count: str,
    flop_rule: FlopRule | None,
    loss_unit: str,
    bytes_per_token: float | None,
    units: Units | None,
) -> dict[str, Any]:
    """Read, convert and check the columns that are wanted; return the fields of `Runs`."""
    check_conventions(param_count, flop_rule, loss_unit)
    nats = nats_per_token(loss_unit, bytes_per_token=bytes_per_token)
    frame = as_frame(table)
    if len(frame) == 0:
        raise RunsError("The table has no rows. Every training run is one row.")
    frame = rows_where(frame, where)
    further = input_columns(inputs)
    wanted = {q.name: q for q in QUANTITIES.values() if q.role != "label"}
    wanted |= {name: q for name, (q, _) in further.items()}
    factors = column_factors(units, wanted)
    groups = group_columns(group, taken=(RUN, "cluster", *(q.name for q in NUMBERS), *further))
    by_name = {name: column_name(name, c) for name, c in named.items() if c is not None}
    counted = flop_rule not in (None, "column")
    if counted and "flops" in by_name:
        raise RunsError(
            f"flops={by_name['flops']!r} and flop_rule={flop_rule!r} contradict each other: "
            "compute is either read or counted. Leave one out."
        )
    found = assign_columns(
        [c for c in frame.columns if isinstance(c, str)],
        sought=[q for q in QUANTITIES.values() if not (counted and q == FLOPS)],
        named=by_name | {name: column for name, (_, column) in further.items()},
        groups=groups,
        required=(*REQUIRED, FLOPS) if flop_rule == "column" else REQUIRED,
    )
    if "seed" in groups and "seed" in found:
        raise RunsError(
            "seed= names another column, so a group cannot be called 'seed'. Rename it."
        )

    ids = _run_ids(frame, found.get("run_id"))
    columns, problems = _numbers(frame, found, wanted, ids, nats, factors)
    problems += checks.loss_problems(columns, ids=ids, unit=loss_unit)
    problems += checks.count_problems(columns, param_count, ids)
    told = {name: found[name] for name in ("seed", "cluster") if name in found}
    for name, column in [*told.items(), *zip(groups, groups, strict=True)]:
        what = f"group column {name!r}" if name in groups else name
        columns[name], missing, unreadable = labels(frame[column])
        problems += checks.label_problems(what, unreadable, cells=frame[column], ids=ids)
        if name in groups:
            problems += checks.missing_problems(what, missing, ids=ids)
    checks.raise_for(problems)

    columns, rule = _with_flops(columns, param_count, flop_rule)
    extra = tuple(q for name, q in wanted.items() if name in found and q not in NUMBERS)
    for suspicion in checks.suspicions(
        columns,
        apart=["seed", "cluster", *groups, *(q.name for q in extra)],
        ids=ids,
        flop_rule=rule,
        loss_column=found["loss"],
        is_raw=loss_unit == LOSS.unit and bytes_per_token is None,
    ):
        checks.warn(suspicion)
    order = [c for c in (*wanted, "seed", "cluster", *groups) if c in columns]
    return {
        "_columns": {c: columns[c] for c in order},
        "run_ids": ids,
        "param_count": param_count,
        "flop_rule": rule,
        "loss_unit": loss_unit,
        "bytes_per_token": None if bytes_per_token is None else float(bytes_per_token),
        "_groups": groups,
        "_inputs": extra,
    }


def as_frame(table: Table) -> pd.DataFrame:
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
                f"{list_some(list(table.dims)) or 'none'}. Stack or select them first."
            )
        return table.to_dataframe()
    if isinstance(table, Mapping):
        # lists stay as they are: pandas would round whole numbers beside empty cells
        columns = {
            name: pd.Series(list(cells), dtype=object) if isinstance(cells, list | tuple) else cells
            for name, cells in table.items()
        }
        lengths = {len(cells) for cells in columns.values() if isinstance(cells, Sized)}
        try:
            if len(lengths) > 1 and not any(isinstance(c, str) for c in columns.values()):
                raise ValueError("columns of several lengths")
            return pd.DataFrame(columns)
        except (ValueError, TypeError) as error:
            shapes = list_some([f"{k} {_shape(v)}" for k, v in table.items()], limit=12)
            raise RunsError(
                f"The columns must be one-dimensional and of one length, but are: {shapes}."
            ) from error
    raise RunsError(
        "Runs are made from a pandas DataFrame, a one-dimensional xarray Dataset or a dict of "
        f"arrays, not from {type(table).__name__}. For a file, use read_runs(path)."
    )


def _shape(cells: Any) -> str:
    try:
        return str(np.shape(cells))
    except ValueError:
        return "(ragged)"


def _run_ids(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    """Take ids from their column, else from an index that tells rows apart, else count."""
    positions = np.arange(len(frame))
    if column is None:
        index = frame.index
        if isinstance(index, pd.MultiIndex):
            index = index.map(lambda levels: "/".join(map(str, levels)))
        ids, missing, unreadable = labels(index.to_series())
        if missing.any() or unreadable.any() or not pd.Index(ids).is_unique:
            return positions
        return ids
    ids, missing, unreadable = labels(frame[column])
    checks.raise_for(
        [*checks.label_problems(repr(column), unreadable, cells=frame[column], ids=positions)]
    )
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


def _numbers(
    frame: pd.DataFrame,
    found: Mapping[str, str],
    wanted: Mapping[str, Quantity],
    ids: np.ndarray,
    nats: float,
    factors: Mapping[str, float],
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Read the columns of numbers, and collect what is wrong with their cells as given."""
    columns: dict[str, np.ndarray] = {}
    problems: list[str] = []
    for name, q in wanted.items():
        if name in found:
            cells = frame[found[name]]
            # a cell such as 1.73B says its unit, unless the column's was said
            values, unreadable = numbers(cells, counts=q.style == "count" and name not in factors)
            problems += checks.number_problems(q, values, unreadable, cells=cells, ids=ids)
            columns[name] = values * (nats if q in (LOSS, LOSS_SE) else factors.get(name, 1.0))
    return columns, problems


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
