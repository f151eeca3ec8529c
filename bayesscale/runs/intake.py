"""From somebody's table to checked columns in canonical units."""

from collections.abc import Mapping, Sequence, Sized
from typing import Any, TypedDict

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._format import list_some
from bayesscale.errors import RunsError
from bayesscale.quantities import (
    EPOCHS,
    FLOPS,
    LOSS,
    LOSS_SE,
    QUANTITIES,
    LossUnit,
    Quantity,
    nats_per_token,
)
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
    ParamCount,
    Units,
    check_conventions,
    column_factors,
    recognise_rule,
    training_flops,
)

ATTRIBUTE = "bayesscale_runs"
"""Attribute of a dataset that holds the metadata of its runs."""

Table = pd.DataFrame | xr.Dataset | Mapping[str, ArrayLike]
Inputs = Mapping[str, str] | Mapping[Quantity, str]


class ReadOptions(TypedDict, total=False):
    """What columns of a table are, and the conventions of their numbers."""

    params: str | None
    tokens: str | None
    loss: str | None
    flops: str | None
    loss_se: str | None
    seed: str | None
    group: str | Sequence[str] | None
    cluster: str | None
    run_id: str | None
    params_non_embedding: str | None
    param_count: ParamCount
    flop_rule: FlopRule | None
    loss_unit: LossUnit
    bytes_per_token: float | None
    units: Units | None
    inputs: Inputs | None
    where: Where | None


DEFAULTS = dict.fromkeys(ReadOptions.__annotations__)
DEFAULTS |= {"param_count": "total", "loss_unit": LOSS.unit}

CONVENTIONS = ("param_count", "flop_rule", "loss_unit", "bytes_per_token")

MEANINGS = {
    "params": "Column of the parameters N, count, > 0.",
    "tokens": "Column of the training tokens D, count, > 0.",
    "loss": "Column of the final loss, in ``loss_unit``, > 0.",
    "flops": "Column of the training compute C, FLOP, > 0.",
    "loss_se": "Column of the standard error of each loss, in ``loss_unit``, >= 0.",
    "seed": "Column that tells replicates apart. Cells may be empty.",
    "group": "One column or several to keep as labels, e.g. the corpus.",
    "cluster": """Column that names the training run, or the sweep, that each row is a reading of,
e.g. of checkpoints. Their losses miss a law together, and a fit counts them so. Rows with an empty
cell are runs of their own.""",
    "run_id": """Column that names the runs, all different. Otherwise the index of the frame names
them if it can, else their position.""",
    "params_non_embedding": "Column of the parameters outside the embeddings, count, > 0.",
    "param_count": 'What ``params`` counts: ``"total"``, ``"non_embedding"`` or ``"other"``.',
    "flop_rule": """``"6ND"`` or ``"6ND_non_embedding"`` to count compute, ``"column"`` to read it.
By default it is read if there is a column, and counted as 6ND if not; a column that agrees with a
rule within 1 % everywhere is known by that rule.""",
    "loss_unit": '``"nats/token"``, ``"bits/token"`` or ``"bits/byte"``.',
    "bytes_per_token": 'Mean bytes in a token, > 0. Needed for ``"bits/byte"``.',
    "units": """What one in a column of counts or compute is, by name: ``{"params": "M", "tokens":
"B", "flops": "PFLOP-days"}`` (k, M, B, T; FLOP, PFLOP, EFLOP, ZFLOP, PFLOP-days), or a number. It
is said, never guessed; a cell such as ``1.73B`` says it itself.""",
    "inputs": """Further inputs of a law: name to column, e.g. ``{"experts": "n_experts"}``. Finite
numbers; in place of a name, a `Quantity` says which numbers it allows.""",
    "where": """Column to value, e.g. ``{"corpus": "c4"}``: only rows with these values are kept,
and the others are not checked. Text compares as it is written and, where no cell reads so, as a
number; numbers compare as numbers.""",
}
"""What the options mean."""


def checked_options(options: ReadOptions) -> dict[str, Any]:
    """Return every option, with its default where it is not given; refuse misspelt names."""
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        raise TypeError(f"got an unexpected keyword argument {unknown[0]!r}")
    return {**DEFAULTS, **options}


def take_in(table: Table, options: ReadOptions) -> dict[str, Any]:
    """Read, convert and check the columns that are wanted; return the fields of `Runs`."""
    every = checked_options(options)
    param_count, flop_rule, loss_unit, bytes_per_token = (every[name] for name in CONVENTIONS)
    check_conventions(param_count, flop_rule, loss_unit)
    nats = nats_per_token(loss_unit, bytes_per_token=bytes_per_token)
    frame = as_frame(table)
    if len(frame) == 0:
        raise RunsError("The table has no rows. Every training run is one row.")
    frame = rows_where(frame, every["where"])
    further = input_columns(every["inputs"])
    wanted = {q.name: q for q in QUANTITIES.values() if q.role != "label"}
    wanted |= {name: q for name, (q, _) in further.items()}
    factors = column_factors(every["units"], wanted)
    groups = group_columns(
        every["group"], taken=(RUN, "cluster", *(q.name for q in NUMBERS), *further)
    )
    by_name = {k: column_name(k, every[k]) for k in QUANTITIES if every.get(k) is not None}
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
    used = [*found.values(), *groups]
    repeated = checks.epochs_of(frame, columns["tokens"], used=used)
    if repeated is not None and EPOCHS.name not in columns:
        columns[EPOCHS.name], extra = repeated[1], (*extra, EPOCHS)
    overlooked = checks.overlooked(frame, columns, used=used, repeated=repeated)
    suspicions = checks.suspicions(
        columns,
        apart=["seed", "cluster", *groups, *(q.name for q in extra)],
        ids=ids,
        flop_rule=rule,
        loss_column=found["loss"],
        is_raw=loss_unit == LOSS.unit and bytes_per_token is None,
    )
    for suspicion in (*suspicions, *overlooked):
        checks.warn(suspicion)
    every_name = dict.fromkeys((*wanted, *(q.name for q in extra), "seed", "cluster", *groups))
    order = [c for c in every_name if c in columns]
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
