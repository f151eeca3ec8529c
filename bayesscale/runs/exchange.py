"""Columns and conventions of runs as an xarray dataset and back, and their fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bayesscale._arguments import text
from bayesscale.errors import BayesScaleError, RunsError
from bayesscale.quantities import CLUSTER, LOSS, SEED, Quantity, nats_per_token
from bayesscale.runs import checks, intake
from bayesscale.runs.columns import NUMBERS, RUN
from bayesscale.runs.units import check_conventions

if TYPE_CHECKING:
    import xarray as xr

CONVENTIONS = (*intake.CONVENTIONS, "name")

_STRANGE = (
    "This dataset does not hold runs as Runs.to_xarray() writes them{}. "
    "For any other dataset use Runs.from_frame(dataset)."
)


def to_dataset(
    columns: Mapping[str, np.ndarray], run_ids: np.ndarray, inputs: Sequence[Quantity],
    metadata: Mapping[str, Any],
) -> xr.Dataset:  # fmt: skip
    """Copy columns, shape ``(run,)`` each, into a dataset whose one attribute is the metadata."""
    import xarray as xr

    units = {q.name: {"units": q.unit} for q in (*NUMBERS, *inputs)}
    # as JSON, because netCDF knows neither None nor lists of one text
    attributes = {intake.ATTRIBUTE: json.dumps(metadata)}
    return xr.Dataset(
        {name: (RUN, column.copy(), units.get(name, {})) for name, column in columns.items()},
        coords={RUN: run_ids.copy()}, attrs=attributes,
    )  # fmt: skip


def from_dataset(dataset: xr.Dataset) -> dict[str, Any]:
    """Undo `to_dataset`, also after a file; refuse runs that no table can have."""
    try:
        stored = json.loads(dataset.attrs[intake.ATTRIBUTE])
        ids = _plain(dataset[RUN])
        inputs = tuple(Quantity(**fields) for fields in stored["inputs"])
        response = Quantity(**stored["response"])
        groups = tuple(stored["groups"])
        header: dict[str, Any] = {name: stored[name] for name in CONVENTIONS}
        labels = [q.name for q in (SEED, CLUSTER) if q.name in dataset and q.name not in groups]
        must = [*stored["numbers"], *(q.name for q in inputs), *groups]
        if missing := [name for name in must if name not in dataset]:
            raise RunsError(_STRANGE.format(f": there is no {missing[0]!r} in it"))
        numbers = [q for q in (*NUMBERS, *inputs) if q.name in dataset]
        columns = {q.name: np.array(_plain(dataset[q.name]), np.float64) for q in numbers}
        columns |= {name: _plain(dataset[name]) for name in (*labels, *groups)}
        check_conventions(header["param_count"], header["flop_rule"], header["loss_unit"])
        nats_per_token(header["loss_unit"], bytes_per_token=header["bytes_per_token"])
        if header["name"] is not None:
            text("name", header["name"])
    except RunsError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, BayesScaleError) as error:
        raise RunsError(_STRANGE.format("")) from error
    if not ids.size or pd.Index(ids).has_duplicates:
        raise RunsError("A table of runs needs at least one run, and unique ids.")
    _refuse_impossible(columns, numbers, groups, ids, header["param_count"], response)
    header["_remarks"] = stored.get("remarks", {})
    fields = {"_columns": columns, "run_ids": ids, "_inputs": inputs, "_groups": groups}
    return {**fields, "response": response, **header}


def _plain(variable: xr.DataArray) -> np.ndarray:
    """Return a variable as int64, float64 or text in objects, shape ``(run,)``."""
    if variable.dims != (RUN,):
        raise TypeError(f"{variable.name} has dimensions {variable.dims}")
    values = np.asarray(variable.values)
    if values.dtype.kind in "iuf":
        return values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
    if not all(isinstance(value, str) for value in values.tolist()):
        raise TypeError(f"{variable.name} holds neither numbers nor text")
    return np.array([str(value) for value in values.tolist()], dtype=object)


def _refuse_impossible(
    columns: Mapping[str, np.ndarray], numbers: Sequence[Quantity], groups: Sequence[str],
    ids: np.ndarray, param_count: str, response: Quantity,
) -> None:  # fmt: skip
    """Refuse a damaged table: what was checked when read must still hold."""
    fine = np.zeros(len(ids), dtype=bool)
    problems: list[str] = []
    for q in numbers:
        values, cells = columns[q.name], pd.Series(columns[q.name])
        problems += checks.number_problems(q, values, fine, counted=values, cells=cells, ids=ids)
    problems += checks.column_problems(
        columns, ids=ids, param_count=param_count, is_loss=response == LOSS
    )
    for name in groups:
        column = pd.Series(columns[name])
        missing = (column.isna() | column.eq("")).to_numpy(dtype=bool)
        problems += checks.missing_problems(f"group column {name!r}", missing, ids=ids)
    checks.raise_for(problems)


def input_metadata(inputs: Sequence[Quantity]) -> list[dict[str, Any]]:
    """Describe inputs as plain JSON."""
    return json.loads(json.dumps([asdict(q) for q in inputs]))


def fingerprint(columns: Mapping[str, np.ndarray], conventions: str) -> str:
    """Return the SHA-256 of all columns, by name, and of the conventions, in hexadecimal."""
    digest = hashlib.sha256(conventions.encode())
    for name in sorted(columns):
        column = columns[name]
        digest.update(f"|{name}|{column.dtype.kind}|".encode())
        if column.dtype == object:
            digest.update(json.dumps(column.tolist()).encode())
        else:
            digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
