"""The files that results are kept in: a netCDF tree, its header as JSON, with a seal behind it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale import _files as files
from bayesscale._documented import documented
from bayesscale._interrupts import interrupts_held
from bayesscale.errors import BayesScaleError, DomainError, FileError, RunsError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SCHEMA = 2
"""Version of the saved file's layout."""

ATTRIBUTE = "bayesscale"
"""Attribute of the root, and of each fit of an average, with what is not an array as JSON."""

SEALED = "bayesscale_sealed"
"""Attribute of the root of a file that ends in a seal: without it such a file was cut short."""


saves = documented(
    {
        "path": "Where to, usually ending in ``.nc``.",
        "overwrite": "Replace a file that is there even if bayesscale did not save it.",
    },
    sections={
        "Returns": "pathlib.Path\n    The file.",
        "Raises": """FileError
    If the file cannot be written, or another file than a saved fit is there.
DomainError
    If ``draws`` of a fit were changed after sampling.""",
    },
)
"""Completes the docstring of a method that saves."""

loads = documented(
    {},
    sections={
        "Raises": """FileError
    If the file is missing, is not as it was saved or of another kind, or was written by another
    version in a layout that this one does not read.
UnknownNameError
    If a fit is of a law that does not ship, and was not given.
DomainError
    If a given law is another one than the one that was fitted."""
    },
)
"""Completes the docstring of a function that loads."""


def freeze(tree: xr.DataTree) -> None:
    """Make the arrays of a tree read-only, in place."""
    for node in tree.subtree:
        for variable in node.dataset.variables.values():
            variable.values.flags.writeable = False


def content(tree: xr.DataTree) -> str:
    """Return the SHA-256 of the arrays of a tree with their names, dimensions and attributes."""
    digest = sha256()
    for node in tree.subtree:
        digest.update(repr((node.path, dict(node.attrs))).encode())
        for name, variable in node.dataset.variables.items():
            values = variable.values
            digest.update(repr((name, variable.dims, variable.attrs, values.dtype)).encode())
            plain = repr(values.tolist()).encode() if values.dtype.kind in "OUT" else None
            digest.update(values.tobytes() if plain is None else plain)
    return digest.hexdigest()


def set_header(tree: xr.DataTree, **header: Any) -> xr.DataTree:
    """Put a header, plain JSON types by name, into a tree."""
    names = ("bayesscale", "pymc", "nutpie", "numpy")
    content = {"schema": SCHEMA, **header, "versions": {name: version(name) for name in names}}
    tree.attrs[ATTRIBUTE] = json.dumps(content, default=lambda value: value.item())
    return tree


def save_tree(tree: xr.DataTree, path: files.AnyPath, *, overwrite: bool) -> Path:
    """Write a tree by way of memory: HDF5 ends the process where it cannot write to a disk."""
    files.check_writable(path)
    if not overwrite:
        files.check_replaceable(path)
    tree = tree.copy()
    tree.attrs[SEALED] = 1
    with _no_cluster():
        content = files.sealed(bytes(tree.to_netcdf(None, engine="h5netcdf")))
    with files.atomic_write(path) as temporary:
        temporary.write_bytes(content)
    return Path(path)


def _no_cluster() -> AbstractContextManager[Any]:
    """Keep xarray from asking a cluster that is there for a lock on memory of this process."""
    dask = sys.modules.get("dask")
    return nullcontext() if dask is None else dask.config.set(scheduler="synchronous")


def load_tree[T](path: files.AnyPath, understand: Callable[[xr.DataTree], T], *, kind: str) -> T:
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


def _load(path: files.AnyPath) -> xr.DataTree:
    """Read the whole of a sealed netCDF file into memory."""
    with interrupts_held():
        import xarray as xr

    try:
        file = files.check_saved(path)
        # the end tells what is no saved fit at all, however large it is
        whole = file.read_bytes() if files.is_sealed(file) else b""
        if not whole and _is_plain(file):
            with _no_cluster():
                return xr.load_datatree(file, engine="h5netcdf")
    except FileError:
        raise
    except TypeError:
        raise DomainError(f"A path must be text or a pathlib.Path, not {path!r}.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FileError(f"{str(path)!r} cannot be read: {reason}.") from error
    content = files.unsealed(whole, file)
    try:
        with _no_cluster():
            tree = xr.load_datatree(io.BytesIO(content), engine="h5netcdf")
        tree.attrs.pop(SEALED, None)
        return tree
    except Exception as error:  # h5py raises whatever a strange file makes it raise
        raise FileError(f"{str(path)!r} cannot be read as a saved fit ({error}). Refit.") from error


def _is_plain(file: Path) -> bool:
    """Return whether a file is what ``fit.draws.to_netcdf(path)`` writes: whole, not sealed."""
    import xarray as xr

    try:
        with xr.open_datatree(file, engine="h5netcdf") as tree:
            return ATTRIBUTE in tree.attrs and SEALED not in tree.attrs
    except Exception:  # h5py raises whatever a strange file makes it raise
        return False


def from_table(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a table as plain JSON."""
    table: dict[str, Any] = frame.to_dict("split")
    return {**table, "index_name": frame.index.name}


def to_table(table: Mapping[str, Any]) -> pd.DataFrame:
    """Undo :func:`from_table`."""
    import pandas as pd

    index = pd.Index(table["index"], name=table["index_name"])
    return pd.DataFrame(table["data"], index=index, columns=table["columns"])
