"""From somebody's table to checked columns in canonical units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypedDict, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale._format import list_some
from bayesscale._types import is_dataset
from bayesscale.errors import DomainError, RunsError
from bayesscale.quantities import (
    EPOCHS,
    FLOPS,
    LOSS,
    PARAMS,
    QUANTITIES,
    TOKENS,
    UNIQUE_TOKENS,
    LossUnit,
    Quantity,
    nats_per_token,
)
from bayesscale.runs import checks, columns as read, units as conventions
from bayesscale.runs.rows import Reading, Where, one_reading, rows_where

if TYPE_CHECKING:
    import xarray as xr

ATTRIBUTE = "bayesscale_runs"
"""Attribute of a dataset that holds the metadata of its runs."""

HISTORY = "history"
"""Attribute of a frame that says which tracker's history it holds, a row per reading."""

BYTES_PER_TOKEN = Quantity("bytes_per_token")

ROUNDED = 0.02
"""Share by which unique tokens may exceed all tokens, as by rounding."""

type Table = pd.DataFrame | xr.Dataset | Mapping[str, ArrayLike]
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
    param_count: conventions.ParamCount
    flop_rule: conventions.FlopRule | None
    loss_unit: LossUnit
    response: Quantity | None
    bytes_per_token: float | str | None
    units: conventions.Units | None
    inputs: Inputs | None
    where: Where | None
    reading: Reading | None
    drop_incomplete: bool
    params_from: str | None
    decimal: Literal[".", ","]


DEFAULTS = dict.fromkeys(ReadOptions.__annotations__)
DEFAULTS |= {"param_count": "total", "loss_unit": LOSS.unit, "drop_incomplete": False}
DEFAULTS["decimal"] = "."

CONVENTIONS = ("param_count", "flop_rule", "loss_unit", "bytes_per_token")

MEANINGS = {
    "params": "Column of the parameters N, count, > 0; not needed for a law without N.",
    "tokens": """Column of the training tokens D, count, > 0, or a product of columns and numbers,
``"steps * 512 * seq_len"``; not needed for a law without D. Of N, D and C, the third follows from
two.""",
    "loss": "Column of the final loss, in ``loss_unit``, > 0.",
    "flops": "Column of the training compute C, FLOP, > 0.",
    "loss_se": "Column of the standard error of each loss, in ``loss_unit``, >= 0.",
    "seed": "Column that distinguishes replicates. Cells may be empty.",
    "group": "One column or several to keep as labels, e.g. the corpus.",
    "cluster": """Column that names the training run, or the sweep, that each row belongs to, e.g.
of checkpoints. Rows of one cluster share an effect on their loss in a fit. Rows with an empty cell
are separate runs.""",
    "run_id": """Column that names the runs, all different. Otherwise the index of the frame names
them if it can, else their position.""",
    "params_non_embedding": "Column of the parameters outside the embeddings, count, > 0.",
    "param_count": """What ``params`` counts: ``"total"``, ``"non_embedding"``, ``"active"`` (of
routed models, those that a token meets, which FLOP count) or ``"other"``.""",
    "flop_rule": """``"6ND"`` or ``"6ND_non_embedding"`` to count compute, ``"column"`` to read it.
By default it is read if there is a column, and counted as 6ND if not; a column that agrees with a
rule within 1 % everywhere is known by that rule.""",
    "loss_unit": """``"nats/token"``, ``"bits/token"``, ``"bits/byte"``, ``"bits/character"`` or
``"perplexity"``, whose log is nats/token.""",
    "response": """What the law describes in place of a loss: a `Quantity` with its name, by which
its column is found, and its unit, such as ``Quantity("error_rate", unit="1")``; positive, and
falling with size. Units of the loss do not apply.""",
    "bytes_per_token": """Mean bytes in a token, > 0; of bits/character, characters. Needed for
these two. The column of it where a table mixes tokenizers: losses then become those of a token of
the mean length, so that they are comparable; tokens D stay as they were counted.""",
    "units": """Units of columns of counts or compute, by name: ``{"params": "M", "tokens":
"B", "flops": "PFLOP-days"}`` (k, M, B, T; FLOP, PFLOP, EFLOP, ZFLOP, PFLOP-days; log10 of a decimal
logarithm), or a number. Units are never guessed; headers such as ``Params (M)`` and cells such as
``1.73B`` are read.""",
    "inputs": """Further inputs of a law: name to column, e.g. ``{"experts": "n_experts"}``. Finite
numbers; in place of a name, a `Quantity` says which numbers it allows.""",
    "where": """Only rows that meet this are kept, and the others are not checked: column to value,
``{"corpus": "c4"}``, or one condition or several, ``"loss < 8"``, with ``=``, ``!=``, ``<``,
``<=``, ``>``, ``>=`` or ``in``. Text compares as it is written and, where no cell reads so, as a
number; numbers compare as numbers.""",
    "reading": """For a table with several rows per run, such as a history: the
``"last"`` row of each run, the ``"best"``, or the last with the ``"mean"`` loss. ``run_id`` or
``cluster`` names the runs.""",
    "drop_incomplete": "Leave out rows that lack a number or a group, and warn which they are.",
    "params_from": "Column of model names that contain the parameters, such as ``pythia-160m``.",
    "decimal": 'Decimal sign of numbers that are text: ``"."`` or ``","``.',
}
"""What the options mean."""

SECTIONS = {
    "Returns": "Runs\n    With losses in nats per token.",
    "Raises": """RunsError
    If numbers are missing, not numbers, not finite or impossible, if a choice of columns is
    ambiguous, if labels or their names cannot be kept in files, or if there are no runs, or none
    with the values of ``where``.
UnknownNameError
    If a column, a unit or a rule does not exist.
DomainError
    If an argument has the wrong type, or ``bytes_per_token`` is missing or not positive.
FileError
    If a file does not exist, has another suffix, or is not what its suffix says.""",
    "Warns": """RunsWarning
    If a run stands there twice, if counts look like millions, billions or swapped, if the losses
    look like something else, or if the FLOP column is far from 6ND.""",
}


def checked_options(options: ReadOptions) -> dict[str, Any]:
    """Return every option, with its default where it is not given; refuse misspelt names."""
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        raise TypeError(f"got an unexpected keyword argument {unknown[0]!r}")
    return {**DEFAULTS, **options}


@dataclass
class _Columns:
    """Which columns of a frame hold the quantities, and how their cells are read."""

    frame: pd.DataFrame
    found: dict[str, read.Source]
    wanted: dict[str, Quantity]
    groups: tuple[str, ...]
    factors: Mapping[str, float | str]
    decimal: str

    def read(self, name: str) -> tuple[np.ndarray, np.ndarray, pd.Series]:
        """Return the numbers of a quantity, which cells are unreadable, and the cells."""
        # a cell such as 1.73B gives its own unit, unless one was named for the column
        source, q = self.found[name], self.wanted[name]
        no_unit = source.unit == 1.0 and name not in self.factors
        cells = source.cells(self.frame, decimal=self.decimal)
        return *read.numbers(cells, q if no_unit else None), cells

    def read_checked(
        self, ids: np.ndarray, loss_unit: str, per_token: Any, param_count: str
    ) -> tuple[dict[str, np.ndarray], float | None]:
        """Return the checked columns in canonical units, and the mean bytes in a token if known."""
        columns: dict[str, np.ndarray] = {}
        problems: list[str] = []
        for name, q in self.wanted.items():
            if name in self.found:
                values, unreadable, cells = self.read(name)
                columns[name] = read.scaled(values, self.found[name].unit)
                problems += checks.number_problems(
                    q, values, unreadable, counted=columns[name], cells=cells, ids=ids
                )
        mean_bytes = _to_nats(columns, loss_unit, per_token)
        problems += checks.column_problems(
            columns, ids=ids, param_count=param_count, unit=loss_unit,
            column=self.found["loss"].column, is_loss=self.wanted["loss"] == LOSS,
        )  # fmt: skip
        named = {
            name: self.found[name].column for name in ("seed", "cluster") if name in self.found
        }
        for name, column in [*named.items(), *zip(self.groups, self.groups, strict=True)]:
            what = f"group column {name!r}" if name in self.groups else name
            cells = self.frame[column]
            columns[name], missing, unreadable = read.labels(cells)
            problems += checks.label_problems(what, unreadable, cells=cells, ids=ids)
            if name in self.groups:
                problems += checks.missing_problems(what, missing, ids=ids)
        checks.raise_for(problems)
        return columns, mean_bytes


def take_in(table: Table, options: ReadOptions) -> dict[str, Any]:
    """Read, convert and check the columns that are wanted; return the fields of `Runs`."""
    every = checked_options(options)
    param_count, flop_rule, loss_unit, per_token = (every[name] for name in CONVENTIONS)
    conventions.check_conventions(param_count, flop_rule, loss_unit)
    nats_per_token(loss_unit, bytes_per_token=1.0 if isinstance(per_token, str) else per_token)
    response = _declared(every)
    _arguments.choice("decimal sign", every["decimal"], (".", ","))
    _arguments.flag("drop_incomplete", every["drop_incomplete"])
    frame = as_frame(table)
    if len(frame) == 0:
        raise RunsError("The table has no rows. Every training run is one row.")
    history = frame.attrs.get(HISTORY, "")
    data, remarks = _assigned(rows_where(frame, every["where"]), every)
    if "params" not in data.found and "params_non_embedding" in data.found:
        data.found["params"] = data.found.pop("params_non_embedding")
        param_count = "non_embedding" if param_count == "total" else param_count
    if every["reading"] is not None or history:
        data.frame, remarks["rows"] = _one_reading(data, every["reading"], history)
    if every["drop_incomplete"]:
        data.frame = _complete_rows(data)
    frame, sources, groups = data.frame, data.found, data.groups
    if sources["loss"].column not in frame.columns:
        raise RunsError("The loss must be one column, and no product.")

    ids = _run_ids(frame, sources["run_id"].column if "run_id" in sources else None)
    columns, mean_bytes = data.read_checked(ids, loss_unit, per_token, param_count)
    columns, rule, derived = _with_third(columns, param_count, flop_rule)
    given = {k: q for k, q in data.wanted.items() if k in columns and k != LOSS.name}
    extra = tuple(q for q in given.values() if q not in read.NUMBERS)
    used = {*groups, *(p for s in sources.values() for p in (s.column, *s.factors))}
    repeated = checks.epochs_of(frame, columns.get("tokens"), used=used)
    if repeated is not None and EPOCHS.name not in columns:
        columns[EPOCHS.name], extra = repeated[1], (*extra, EPOCHS)
        if UNIQUE_TOKENS.name not in columns and TOKENS.name in columns:
            columns[UNIQUE_TOKENS.name] = columns[TOKENS.name] / np.maximum(repeated[1], 1)
            extra = (*extra, UNIQUE_TOKENS)
    remarks |= _unique_at_most_all(columns, ids)
    overlooked = checks.overlooked(frame, columns, used=used, repeated=repeated)
    suspicions = checks.suspicions(
        columns, apart=["seed", "cluster", *groups, *(q.name for q in extra)],
        derived=list(derived), ids=ids, flop_rule=rule, loss_column=sources["loss"].column,
        is_raw=loss_unit == LOSS.unit and per_token is None, is_loss=response == LOSS,
    )  # fmt: skip
    for suspicion in (*suspicions, *overlooked):
        checks.warn(suspicion)
    order = dict.fromkeys((*data.wanted, *(q.name for q in extra), "seed", "cluster", *groups))
    return {
        "_columns": {c: columns[c] for c in order if c in columns}, "run_ids": ids,
        "param_count": param_count, "flop_rule": rule, "loss_unit": loss_unit,
        "bytes_per_token": mean_bytes, "response": response, "_groups": groups, "_inputs": extra,
        "_remarks": {k: v.remark for k, v in sources.items() if v.remark} | remarks | derived,
        "_unread": tuple(c for c in map(str, frame.columns) if c not in used),
    }  # fmt: skip


def _declared(every: Mapping[str, Any]) -> Quantity:
    """Return what is in the place of the loss."""
    response = every["response"]
    if response is None:
        return LOSS
    if not isinstance(response, Quantity) or response.scale not in ("log", "logit"):
        raise DomainError(
            "response must be a positive bs.Quantity, such as bs.Quantity('error_rate', "
            f"unit='1'), not {_arguments.shown(response)}."
        )
    if (every["loss_unit"], every["bytes_per_token"]) != (LOSS.unit, None):
        raise DomainError("loss_unit and bytes_per_token are of a loss: leave out response=.")
    return replace(response, role="response")


def _assigned(frame: pd.DataFrame, every: Mapping[str, Any]) -> tuple[_Columns, dict[str, str]]:
    """Assign columns to quantities by the options, names and units; and what is to be remarked."""
    flop_rule, per_token = every["flop_rule"], every["bytes_per_token"]
    stated = read.input_columns(every["inputs"])
    used = [*(column for _, column in stated.values()), *np.ravel(every["group"] or [])]
    further = read.known_inputs(frame, used) | stated
    wanted = {q.name: q for q in QUANTITIES.values() if q.role != "label"}
    wanted |= {name: q for name, (q, _) in further.items()} | {"loss": _declared(every)}
    factors = conventions.column_factors(every["units"], wanted)
    groups = read.group_columns(
        every["group"], taken=(read.RUN, "cluster", *(q.name for q in read.NUMBERS), *further)
    )
    by_name = {k: read.column_name(k, every[k]) for k in QUANTITIES if every.get(k) is not None}
    if every["response"] is not None:
        by_name.setdefault("loss", every["response"].name)
    counted = flop_rule not in (None, "column")
    if counted and "flops" in by_name:
        raise RunsError(
            f"flops={by_name['flops']!r} and flop_rule={flop_rule!r} contradict each other: "
            "compute is either read or counted. Leave one out."
        )
    remarks = {}
    if every["params_from"] is not None:
        if "params" in by_name:
            raise RunsError("params and params_from both name the column of N. Leave one out.")
        frame, by_name["params"] = _sizes_in_names(frame, every["params_from"])
        remarks["params"] = by_name["params"]
    named = by_name | {name: column for name, (_, column) in further.items()}
    if isinstance(per_token, str):
        named["bytes_per_token"], wanted["bytes_per_token"] = per_token, BYTES_PER_TOKEN
    sources = read.assign_columns(
        frame, sought=[q for q in QUANTITIES.values() if not (counted and q == FLOPS)],
        named=named, groups=groups, required=(LOSS, FLOPS) if flop_rule == "column" else (LOSS,),
    )  # fmt: skip
    if counted and not {"params", "tokens"} <= sources.keys():  # the rule makes the third of two
        sources = read.assign_columns(frame, sought=QUANTITIES.values(), named=named, groups=groups)
    if "seed" in groups and "seed" in sources:
        raise RunsError(
            "seed= names another column, so a group cannot be called 'seed'. Rename it."
        )
    for name in factors.keys() & sources.keys():  # a unit that is named overrides the header's
        sources[name] = read.Source(sources[name].column, factors[name])
    return _Columns(frame, sources, wanted, groups, factors, every["decimal"]), remarks


def _sizes_in_names(frame: pd.DataFrame, names: Any) -> tuple[pd.DataFrame, str]:
    """Return the table with a column of the sizes in names, and what it is called."""
    columns = [c for c in frame.columns if isinstance(c, str)]
    column = _arguments.choice("column for params_from", names, columns)
    read.no_column_repeats([column], columns=columns)
    sizes = f"sizes in {column!r}"
    return frame.assign(**{sizes: frame[column].map(conventions.size_in_name)}), sizes


def _one_reading(data: _Columns, reading: Any, history: str) -> tuple[pd.DataFrame, str]:
    """Keep a row per run, which ``data.found`` then names; say which."""
    frame, sources = data.frame, data.found
    named = [sources[k].column for k in ("run_id", "cluster") if k in sources]
    named += [c for c in ("run", "run_name", "name", "model") if c in frame.columns]
    if reading is None and "cluster" in sources:
        return frame, history
    if reading is None:
        raise RunsError(
            f"This is a {history}: {len(frame):,} rows of {frame['run'].nunique():,} run(s). Fit "
            'one row of each run, reading="last" (or "best", "mean"; on the command line '
            '--reading last), or all rows as checkpoints, cluster="run" (--cluster run).'
        )
    _arguments.choice("reading of a run", reading, get_args(Reading))
    if not named:
        raise RunsError(
            f"reading={reading!r} needs to know which rows belong to one run: name the column, "
            'run_id="my_column" (on the command line --run-id my_column). Known: '
            f"{', '.join(map(repr, frame.columns))}."
        )
    steps = [c for c in map(str, frame.columns) if "step" in c.lower() or "epoch" in c.lower()]
    order = np.arange(len(frame), dtype=float)
    if "tokens" in sources:
        order = data.read("tokens")[0]
    elif steps:
        order = read.numbers(frame[steps[0]])[0]
    at, loss = one_reading(frame[named[0]], data.read("loss")[0], order, reading)
    sources.setdefault("run_id", read.Source(named[0]))
    remark = f"{reading} of each run in {named[0]!r}, of {len(frame):,} rows"
    frame = frame.iloc[at]
    return frame.assign(**{sources["loss"].column: loss}) if reading == "mean" else frame, remark


def _complete_rows(data: _Columns) -> pd.DataFrame:
    """Leave out rows that lack a number or a label, and warn which."""
    frame = data.frame
    lacks = {name: ~np.isfinite(data.read(name)[0]) for name in data.wanted if name in data.found}
    lacks |= {name: read.labels(frame[name])[1] for name in data.groups}
    dropped = np.any([*lacks.values()], axis=0)
    if dropped.all():
        raise RunsError(
            f"All {len(frame):,} rows lack a number: "
            + list_some([f"{name} in {bad.sum():,}" for name, bad in lacks.items() if bad.any()])
            + ". Name other columns, or fill them in."
        )
    if dropped.any():
        why = [
            f"row {label} ({', '.join(name for name, bad in lacks.items() if bad[i])})"
            for i, label in enumerate(frame.index.tolist())
            if dropped[i]
        ]
        checks.warn(
            f"Left out {len(why):,} of {len(frame):,} rows that are incomplete: "
            f"{list_some(why, limit=12)}."
        )
    return frame[~dropped]


def _to_nats(columns: dict[str, np.ndarray], unit: str, per_token: Any) -> float | None:
    """Convert the loss and its error to nats per token of the mean length, which is returned."""
    lengths = columns.pop(BYTES_PER_TOKEN.name, None)
    mean = None if per_token is None else float(per_token if lengths is None else _mean(lengths))
    nats: Any = nats_per_token(unit, bytes_per_token=mean)
    if lengths is not None and not unit.startswith(("bits/byte", "bits/char")):
        nats = nats * mean / lengths
    loss, nats_se = columns["loss"], nats
    if unit == "perplexity":
        with np.errstate(divide="ignore", invalid="ignore"):
            loss, nats_se = np.log(loss), nats / loss
    columns["loss"] = loss * nats
    if "loss_se" in columns:
        columns["loss_se"] = columns["loss_se"] * nats_se
    return mean


def _unique_at_most_all(columns: dict[str, np.ndarray], ids: np.ndarray) -> dict[str, str]:
    """Take unique tokens that exceed all by rounding as all, and say so; refuse others."""
    unique, tokens = columns.get(UNIQUE_TOKENS.name), columns.get(TOKENS.name)
    if unique is None or tokens is None or not (more := unique > tokens).any():
        return {}
    if (far := unique > tokens * (1 + ROUNDED)).any():
        raise RunsError(
            "unique_tokens exceed tokens in "
            f"{checks.some_runs(ids, unique, UNIQUE_TOKENS.name, far)}. Unique tokens are those "
            "that a run used at least once: as many as its tokens if data are plentiful, not the "
            "whole corpus."
        )
    columns[UNIQUE_TOKENS.name] = np.minimum(unique, tokens)
    return {UNIQUE_TOKENS.name: f"rounded down to tokens in {more.sum():,} runs"}


def _mean(lengths: np.ndarray) -> float:
    good = lengths[lengths > 0]  # others are reported as impossible
    return float(np.exp(np.mean(np.log(good)))) if good.size else 1.0


def as_frame(table: Table) -> pd.DataFrame:
    """Bring the accepted kinds of table into one."""
    table = from_native(table)
    if isinstance(table, pd.DataFrame):
        return table
    if is_dataset(table):
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
        "Runs are made from a frame of pandas, polars, pyarrow or duckdb, a one-dimensional "
        f"xarray Dataset or a dict of arrays, not from {type(table).__name__}. For a file, use "
        "read_runs(path)."
    )


def from_native(table: Any) -> Any:
    """Return frames of other libraries as pandas', whole numbers exact; all else as it is."""
    if isinstance(table, pd.DataFrame | Mapping) or is_dataset(table):
        return table
    import narwhals
    import pyarrow

    frame = narwhals.from_native(table, pass_through=True)
    if isinstance(frame, narwhals.LazyFrame):
        frame = frame.collect("pyarrow")
    if not isinstance(frame, narwhals.DataFrame):
        return table
    whole = {pyarrow.int64(): pd.Int64Dtype()}
    return frame.to_arrow().to_pandas(types_mapper=whole.get)


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
        ids, missing, unreadable = read.labels(index.to_series())
        if missing.any() or unreadable.any() or not pd.Index(ids).is_unique:
            return positions
        return ids
    ids, missing, unreadable = read.labels(frame[column])
    checks.raise_for(
        [*checks.label_problems(repr(column), unreadable, cells=frame[column], ids=positions)]
    )
    if missing.any():
        rows = list_some([f"row {i}" for i in np.flatnonzero(missing)])
        raise RunsError(f"{column!r} is empty in {rows} (counted from 0). Every run needs an id.")
    repeated = pd.Index(ids)[pd.Index(ids).duplicated()].unique()
    if len(repeated):
        raise RunsError(
            f"{column!r} has repeated values, so it cannot name the runs: {list_some(repeated)}. "
            f"If rows are checkpoints of one run, pass cluster={column!r}; the rows are then "
            'numbered. For the last of each run alone, reading="last" (--reading last).'
        )
    return ids


def _with_third(
    columns: dict[str, np.ndarray], param_count: str, flop_rule: conventions.FlopRule | None
) -> tuple[dict[str, np.ndarray], conventions.FlopRule, dict[str, str]]:
    """Make the third of N, D and C from two, name the rule of C, and say what was derived."""
    params, tokens, flops = (columns.get(q.name) for q in (PARAMS, TOKENS, FLOPS))
    inner = columns.get("params_non_embedding", params if param_count == "non_embedding" else None)
    counted = inner if flop_rule == "6ND_non_embedding" else params
    if flop_rule == "6ND_non_embedding" and inner is None:
        raise RunsError(
            'flop_rule="6ND_non_embedding" needs the non-embedding parameters: name their column '
            'with params_non_embedding="my_column", or pass param_count="non_embedding" if '
            "params already counts them."
        )
    if flops is None and counted is not None and tokens is not None:
        columns = {**columns, "flops": conventions.training_flops(counted, tokens)}
        return columns, flop_rule or "6ND", {}
    if flops is not None and params is not None and tokens is not None:
        return columns, flop_rule or conventions.recognise_rule(
            flops, params=params, tokens=tokens, params_non_embedding=inner
        ), {}  # fmt: skip
    if flops is None or flop_rule == "column" or (counted is None and tokens is None):
        return columns, "6ND" if flops is None else "column", {}
    count = counted if tokens is None else tokens
    assert count is not None
    made, rule = ("tokens", "C / 6N") if tokens is None else ("params", "C / 6D")
    third = flops / conventions.training_flops(count, np.ones(len(flops)))
    return {**columns, made: third}, flop_rule or "6ND", {made: rule}
