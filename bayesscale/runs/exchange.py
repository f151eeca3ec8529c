"""Columns and conventions of runs as an xarray dataset and back, and their fingerprint."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale.errors import RunsError
from bayesscale.runs.cells import labels
from bayesscale.runs.intake import ATTRIBUTE, NUMBERS, RUN

_UNITS = {
    "params": "parameters",
    "tokens": "tokens",
    "flops": "FLOP",
    "loss": "nats/token",
    "loss_se": "nats/token",
    "params_non_embedding": "parameters",
}


def to_dataset(
    columns: Mapping[str, np.ndarray], run_ids: np.ndarray, metadata: Mapping[str, Any]
) -> xr.Dataset:
    """Copy runs into a dataset.

    Parameters
    ----------
    columns
        Canonical columns, seed, cluster and groups. Each of shape ``(run,)``.
    run_ids
        Run ids. Shape ``(run,)``.
    metadata
        Conventions as plain JSON.

    Returns
    -------
    xarray.Dataset
        Dimension ``run``, variables with units, the metadata as one attribute in JSON: netCDF
        knows neither None nor lists of one string.
    """
    variables = {
        name: (RUN, column.copy(), {"units": _UNITS[name]} if name in _UNITS else {})
        for name, column in columns.items()
    }
    attributes = {ATTRIBUTE: json.dumps(metadata)}
    return xr.Dataset(variables, coords={RUN: run_ids.copy()}, attrs=attributes)


def from_dataset(
    dataset: xr.Dataset,
) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, Any]]:
    """Undo `to_dataset`.

    Parameters
    ----------
    dataset
        What `to_dataset` returned, also after a file. Other variables in it are left alone.

    Returns
    -------
    columns, run_ids, metadata
        As they went in.

    Raises
    ------
    RunsError
        If the dataset was not made by `to_dataset`.
    """
    try:
        metadata = json.loads(dataset.attrs[ATTRIBUTE])
        run_ids, _ = labels(pd.Series(dataset[RUN].values))
        columns = {
            c: np.array(dataset[c].values, dtype=np.float64) for c in NUMBERS if c in dataset
        }
        for name in ["seed", "cluster", *metadata["groups"]]:
            if name in dataset:
                columns[name], _ = labels(pd.Series(dataset[name].values))
    except (KeyError, TypeError, ValueError) as error:
        raise RunsError(
            "This dataset does not hold runs as Runs.to_xarray() writes them. "
            "For any other dataset use Runs.from_frame(dataset)."
        ) from error
    return columns, run_ids, metadata


def fingerprint(columns: Mapping[str, np.ndarray], conventions: str) -> str:
    """Compute SHA-256 over all columns, in the order of the runs, and the conventions.

    Parameters
    ----------
    columns
        Numbers and labels. Each of shape ``(run,)``. The order of the columns does not matter.
    conventions
        Whatever else shall tell tables apart.

    Returns
    -------
    str
        64 hexadecimal digits, the same on every machine.
    """
    digest = hashlib.sha256(conventions.encode())
    for name in sorted(columns):
        column = columns[name]
        digest.update(f"|{name}|{column.dtype.kind}|".encode())
        if column.dtype == object:
            digest.update(json.dumps(column.tolist()).encode())
        else:
            digest.update(column.astype(column.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
