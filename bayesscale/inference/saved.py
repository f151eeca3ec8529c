"""The files that fits and averages are kept in: netCDF, with a seal behind it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._files import AnyPath, atomic_write, check_replaceable, check_writable
from bayesscale._interrupts import interrupts_held
from bayesscale._seal import is_sealed, sealed, unsealed
from bayesscale.errors import BayesScaleError, DomainError, FileError, RunsError
from bayesscale.inference.result import Fit, SamplingSpec
from bayesscale.model import ModelSpec
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesscale.inference.average import Average
    from bayesscale.laws import Law

SCHEMA = 2
"""Version of the saved file's layout."""

ATTRIBUTE = "bayesscale"
"""Attribute of the root, and of each fit of an average, with what is not an array as JSON."""

GROUPS = ("posterior", "sample_stats", "runs")
"""What no fit is without."""


def save_fit(fit: Fit, path: AnyPath, *, overwrite: bool = False) -> Path:
    """Write a fit into one file."""
    return _save(_with_header(fit), path, overwrite=overwrite)


def save_average(average: Average, path: AnyPath, *, overwrite: bool = False) -> Path:
    """Write an average into one file: its fits as groups, its weights and tables as JSON."""
    import xarray as xr

    fits = {f"fit_{i}": _with_header(fit) for i, fit in enumerate(average.fits.values())}
    tree = xr.DataTree(children=fits)
    tree.attrs[ATTRIBUTE] = _json(
        {
            "schema": SCHEMA,
            "average": {
                "names": list(average.fits),
                "weights": [average.weights[name] for name in average.fits],
                "by": average.by,
                "text": average.text,
                "random_seed": average.random_seed,
                "summary": _table(average.summary),
                "pointwise": average.pointwise is not None and _table(average.pointwise),
            },
            "versions": _versions(),
        }
    )
    return _save(tree, path, overwrite=overwrite)


def load_fit(path: str | Path, *, law: str | Law | None = None) -> Fit:
    """Read a saved fit.

    Parameters
    ----------
    path
        A file that :meth:`Fit.save` wrote.
    law
        Your own law, if it was fitted: a file holds its name, not its code.

    Returns
    -------
    Fit
        The same fit.

    Raises
    ------
    FileError
        If the file is missing, is not as it was saved or not a saved fit, or was written by
        another version in a layout that this one does not read.
    UnknownNameError
        If the fit is of a law that does not ship, and ``law`` was not given.
    DomainError
        If ``law`` is another law than the one that was fitted.

    Examples
    --------
    >>> fit = bs.load_fit("fit.nc")                               # doctest: +SKIP
    """
    return _understood(path, lambda tree: _fit(tree, law), kind="fit")


def load_average(path: str | Path, *, laws: Mapping[str, Law] | None = None) -> Average:
    """Read a saved average.

    Parameters
    ----------
    path
        A file that :meth:`Average.save` wrote.
    laws
        Your own laws, if any were fitted, by the name of their fit in the average.

    Returns
    -------
    Average
        The same average.

    Raises
    ------
    FileError
        If the file is missing, is not as it was saved or not a saved average, or was written by
        another version in a layout that this one does not read.
    UnknownNameError
        If a fit is of a law that does not ship, and was not given.
    DomainError
        If one of ``laws`` is another law than the one that was fitted.

    Examples
    --------
    >>> m = bs.load_average("average.nc")                         # doctest: +SKIP
    """
    given = laws or {}
    return _understood(path, lambda tree: _average(tree, given), kind="average")


def _average(tree: xr.DataTree, laws: Mapping[str, Law]) -> Average:
    from bayesscale.inference.average import Average

    stored = json.loads(tree.attrs[ATTRIBUTE])["average"]
    names, pointwise, fits = stored["names"], stored["pointwise"], tree.children
    return Average(
        fits={name: _fit(fits[f"fit_{i}"].copy(), laws.get(name)) for i, name in enumerate(names)},
        weights=dict(zip(names, stored["weights"], strict=True)),
        by=stored["by"],
        summary=_frame(stored["summary"]),
        pointwise=_frame(pointwise) if pointwise else None,
        text=stored["text"],
        random_seed=stored["random_seed"],
    )


def _fit(tree: xr.DataTree, law: str | Law | None) -> Fit:
    stored = json.loads(tree.attrs.pop(ATTRIBUTE))
    if missing := [name for name in GROUPS if name not in tree.children]:
        raise ValueError(f"it has no group {missing[0]!r}")
    spec = ModelSpec.from_dict(stored["spec"], law=law)
    sampled = tree["posterior"].dataset[[c.name for c in spec.coordinates]]
    for name, values in sampled.data_vars.items():
        if set(values.dims) != {"chain", "draw"} or not values.size:
            raise ValueError(f"{name} has no draws")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has draws that are not finite")
    runs = Runs.from_xarray(tree["runs"].dataset)
    return Fit(spec=spec, runs=runs, draws=tree, sampling=SamplingSpec(**stored["sampling"]))


def _with_header(fit: Fit) -> xr.DataTree:
    tree = fit.draws.copy()
    tree.attrs[ATTRIBUTE] = _json(
        {
            "schema": SCHEMA,
            "spec": fit.spec.as_dict(),
            "sampling": asdict(fit.sampling),
            "versions": _versions(),
        }
    )
    return tree


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("bayesscale", "pymc", "nutpie", "numpy")}


def _save(tree: xr.DataTree, path: AnyPath, *, overwrite: bool) -> Path:
    """Write a tree by way of memory: HDF5 ends the process where it cannot write to a disk."""
    check_writable(path)
    if not overwrite:
        check_replaceable(path)
    content = sealed(bytes(tree.to_netcdf(None, engine="h5netcdf")))
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def _understood[T](path: AnyPath, understand: Callable[[xr.DataTree], T], *, kind: str) -> T:
    """Read a file, find out whether it holds what is wanted, and turn it into that."""
    tree = _load(path)
    shown = repr(str(path))
    if ATTRIBUTE not in tree.attrs:
        raise FileError(f"{shown} is a netCDF file, but not one that Fit.save wrote.")
    try:
        stored = json.loads(tree.attrs[ATTRIBUTE])
        if stored["schema"] != SCHEMA:
            raise FileError(
                f"{shown} was written by bayesscale {stored['versions']['bayesscale']} in layout "
                f"{stored['schema']}; this version reads layout {SCHEMA}. "
                f"{'Upgrade bayesscale.' if stored['schema'] > SCHEMA else 'Refit.'}"
            )
        held = "average" if "average" in stored else "fit"
        if held != kind:
            raise FileError(f"{shown} holds a saved {held}: load it with bs.load_{held}(path).")
        return understand(tree)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, BayesScaleError) and not isinstance(error, RunsError):
            raise
        reason = str(error) if isinstance(error, ValueError) else repr(error)
        raise FileError(
            f"{shown} is not a complete {kind}: {reason}. It was changed, or saved from another "
            "version of the law; refit it."
        ) from error


def _load(path: AnyPath) -> xr.DataTree:
    """Read the whole of a sealed netCDF file into memory."""
    with interrupts_held():
        import xarray as xr

    try:
        file = Path(path)
        if not file.exists():
            raise FileError(f"There is no file {str(path)!r}. Save one with fit.save(path) first.")
        if not file.is_file():
            raise FileError(f"{str(path)!r} is no regular file. Give the file of a saved fit.")
        # the end tells what is no saved fit at all, however large it is
        whole = file.read_bytes() if is_sealed(file) else b""
    except FileError:
        raise
    except TypeError:
        raise DomainError(f"A path must be text or a pathlib.Path, not {path!r}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{str(path)!r} cannot be read: {reason}.") from error
    content = unsealed(whole, file)
    try:
        return xr.load_datatree(io.BytesIO(content), engine="h5netcdf")
    except Exception as error:  # h5py raises whatever a strange file makes it raise
        raise FileError(f"{str(path)!r} cannot be read as a saved fit ({error}). Refit.") from error


def _json(header: Mapping[str, Any]) -> str:
    return json.dumps(header, default=lambda value: value.item())


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as plain JSON."""
    table: dict[str, Any] = frame.to_dict("split")
    return {**table, "index_name": frame.index.name}


def _frame(table: Mapping[str, Any]) -> pd.DataFrame:
    """Undo `_table`."""
    import pandas as pd

    index = pd.Index(table["index"], name=table["index_name"])
    return pd.DataFrame(table["data"], index=index, columns=table["columns"])
