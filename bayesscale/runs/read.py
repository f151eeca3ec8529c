"""Reading a table of training runs from a file."""

import codecs
import difflib
import gzip
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Unpack

import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.csv
import xarray as xr

from bayesscale._arguments import shown
from bayesscale._documented import documented
from bayesscale._format import list_some, printable
from bayesscale.errors import BayesScaleError, DomainError, FileError, RunsError
from bayesscale.runs.intake import DEFAULTS, MEANINGS, ReadOptions, Table, checked_options
from bayesscale.runs.table import Runs

_HDF5 = b"\x89HDF\r\n\x1a\n"
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"  # as people write whole numbers; all of these fit into int64


@documented(MEANINGS, options=ReadOptions, defaults=DEFAULTS)
def read_runs(
    path: str | os.PathLike[str], *, name: str | None = None, **options: Unpack[ReadOptions]
) -> Runs:
    """Read training runs from a file and check them.

    In ``.csv`` and
    ``.tsv``, labels and ids are text as it is written, unless all cells of a column are whole
    numbers that are written as such: ``01``, ``1`` and ``1.0`` are three labels.

    Parameters
    ----------
    path
        A table with one row a run. The suffix tells its format: ``.csv`` and ``.tsv`` (also
        ``.csv.gz``, ``.tsv.gz``), ``.parquet``, ``.jsonl`` or ``.ndjson`` (one object a line),
        ``.json`` (a list of objects, or an object of lists), ``.nc`` (netCDF).
    name
        Name of the ladder; by default that of the file without its suffix.

    Returns
    -------
    Runs
        With losses in nats per token.

    Raises
    ------
    FileError
        If the file does not exist, has another suffix, or is not what its suffix says.
    RunsError
        If the table cannot be trusted as it is; see `Runs.from_frame`.
    UnknownNameError
        If a column, a unit or a rule does not exist.
    DomainError
        If an argument has the wrong type, or ``bytes_per_token`` is missing or not positive.

    Warns
    -----
    RunsWarning
        If something looks wrong, but may be meant; see `Runs.from_frame`.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv", loss="val_loss", group="corpus")  # doctest: +SKIP
    """
    checked_options(options)
    path = _checked_path(path)
    suffix, read = _reader(path)
    try:
        _check_is_file(path)
        table = read(path)
    except BayesScaleError:
        raise
    except Exception as error:  # each parser has its own exceptions: one message for all
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise FileError(
            f"Cannot read {str(path)!r} as {suffix}: {printable(reason[0])}. Check that the file "
            "is complete and that its suffix says what it is."
        ) from error
    name = path.name[: -len(suffix)] if name is None else name
    return Runs.from_frame(table, name=name, **options)


def _csv(path: Path, delimiter: str = ",") -> pd.DataFrame:
    # Arrow's reader is quick, but here it guesses nothing: the header is a row, all cells are text.
    text = _text(path)
    _check_header(path, text, delimiter)
    data = text.encode()
    most_columns = data[:1_000_000].count(delimiter.encode()) + 1
    options = pyarrow.csv.ConvertOptions(
        column_types={f"f{i}": pyarrow.string() for i in range(most_columns)}
    )
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        read_options=pyarrow.csv.ReadOptions(
            block_size=min(len(data) + 1, 2**31 - 1), autogenerate_column_names=True
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
        convert_options=options,
    )
    if any(not pyarrow.types.is_string(column.type) for column in table.columns):
        raise ValueError("its header has more than a million characters")
    names = [column[0].as_py().strip() for column in table.columns]
    empty = pyarrow.array(options.null_values)
    cells = [_cells(column[1:], empty) for column in table.columns]
    whole = {pyarrow.int64(): pd.Int64Dtype()}
    return pyarrow.table(cells, names=names).to_pandas(types_mapper=whole.get)


def _cells(column: pyarrow.ChunkedArray, empty: pyarrow.Array) -> pyarrow.ChunkedArray:
    """Return text without spaces around it and nothing where it says so; whole numbers as such."""
    compute: Any = pyarrow.compute  # its functions are made when it is imported
    text = compute.utf8_trim_whitespace(column)
    text = compute.if_else(compute.is_in(text, value_set=empty), None, text)
    if compute.all(compute.match_substring_regex(text, _WHOLE)).as_py():
        return text.cast(pyarrow.int64())
    return text


def _text(path: Path) -> str:
    """Return the text of a file, which is UTF-8, unpacked if need be."""
    data = path.read_bytes()
    if path.suffix.lower() == ".gz":
        data = gzip.decompress(data)
    if data.startswith(_HDF5):
        raise FileError(
            f"{str(path)!r} is a netCDF file. If it is a saved fit, load it with bs.load_fit; if "
            "it is a table, name it .nc."
        )
    head = data[:2000]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
        head.count(b"\0") > len(head) // 4
    ):
        raise FileError(
            f"Cannot read {str(path)!r} as text: it is UTF-16, as some spreadsheets export. Save "
            'it as UTF-8, e.g. open(copy, "w").write(open(file, encoding="utf-16").read()).'
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileError(
            f"Cannot read {str(path)!r} as text: byte 0x{data[error.start]:02x} in line {line:,} "
            "is not UTF-8. Save it as UTF-8; it may be Latin-1 or Windows-1252."
        ) from error


def _check_header(path: Path, text: str, delimiter: str) -> None:
    """Look at the first line before a parser counts columns by it."""
    first = text[:10_000].lstrip("\n\r ").partition("\n")[0].rstrip()
    if first.startswith("#"):
        raise RunsError(
            f"{str(path)!r} begins with the comment {first[:80]!r}. Remove comments, so that the "
            f"first line holds the names of the columns, separated by {delimiter!r}."
        )
    other = next((c for c in (";", "\t", ",") if delimiter not in first and c in first), None)
    if other:
        raise RunsError(
            f"{str(path)!r} has one column, {first[:80]!r}: it seems to be separated by {other!r} "
            f"instead of {delimiter!r}. Save it with the separator that its suffix says, and with "
            "decimal points."
        )


def _tsv(path: Path) -> pd.DataFrame:
    return _csv(path, delimiter="\t")


def _json_lines(path: Path) -> pd.DataFrame:
    records = []
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is not JSON ({error.msg})") from error
            if not isinstance(record, dict):
                raise ValueError(f"line {number} is not an object with named values")
            records.append(record)
    return _records(records)


def _records(records: list[dict[str, Any]]) -> pd.DataFrame:
    # else pandas rounds whole numbers beside empty cells
    return pd.DataFrame(records, dtype=object)


def _json(path: Path) -> Table:
    # pandas' own reader would guess dates and round floats
    data = json.loads(_text(path))
    if isinstance(data, dict):
        return data
    if isinstance(data, list) and all(isinstance(record, dict) for record in data):
        return _records(data)
    raise ValueError("it holds neither a list of objects nor an object of lists")


def _parquet(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, dtype_backend="numpy_nullable")  # whole numbers stay exact


def _netcdf(path: Path) -> xr.Dataset:
    import h5py

    with h5py.File(path) as file:
        if any(isinstance(file[name], h5py.Group) for name in file):
            raise FileError(
                f"{str(path)!r} holds groups, as a saved fit does, and no table of runs. Load a "
                "fit with bs.load_fit."
            )
    return xr.load_dataset(path, engine="h5netcdf")


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _tsv,
    ".tsv.gz": _tsv,
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".nc": _netcdf,
}


def _checked_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise DomainError(
            f"path must be the path of a file, not {shown(path)}. For data in memory, use "
            "bs.Runs.from_frame."
        )
    if "\0" in os.fspath(path):
        raise FileError(f"{os.fspath(path)!r} is no path: it has a NUL character in it.")
    return Path(path)


def _reader(path: Path) -> tuple[str, Callable[[Path], Table]]:
    for suffix, read in _READERS.items():
        if path.name.lower().endswith(suffix):
            return suffix, read
    raise FileError(
        f"Cannot tell the format of {str(path)!r} by its suffix {path.suffix!r}. "
        f"Known: {', '.join(_READERS)}. Save the table as one of these."
    )


def _check_is_file(path: Path) -> None:
    name, folder = repr(str(path)), repr(str(path.parent))
    if path.is_dir():
        raise FileError(f"{name} is a folder. Give a file in it.")
    if path.is_symlink() and not path.exists():
        raise FileError(
            f"{name} is a link to {str(path.readlink())!r}, which does not exist. Mend the link."
        )
    if not path.exists():
        if not path.parent.is_dir():
            raise FileError(f"No file {name}: there is no folder {folder}. Check the path.")
        tables = sorted(
            p.name for p in path.parent.iterdir() if p.name.lower().endswith(tuple(_READERS))
        )
        close = difflib.get_close_matches(path.name, tables, n=1, cutoff=0.5)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        there = f"tables there: {list_some(tables)}" if tables else "no tables there"
        raise FileError(f"No file {name}.{suggestion} In {folder}: {there}.")
    if not path.is_file():
        raise FileError(f"{name} is no regular file. Save the table as a file.")
    if path.stat().st_size == 0:
        raise FileError(f"{name} is empty. Write the table again.")
