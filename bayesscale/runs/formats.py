"""What a file of each format holds, as a table: CSV, markdown, JSON, Parquet, Excel, netCDF.

A history, as trackers export it, is a table with a row per reading, named in ``attrs[HISTORY]``.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow
import pyarrow.compute
import pyarrow.csv

from bayesscale._format import list_some
from bayesscale.errors import FileError, RunsError
from bayesscale.quantities import LOSS
from bayesscale.runs.intake import HISTORY, Table
from bayesscale.runs.names import unit_in_name

if TYPE_CHECKING:
    import xarray as xr

_HDF5 = b"\x89HDF\r\n\x1a\n"
_SEPARATORS = ",;\t|"
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"  # as people write whole numbers; all of these fit into int64
_RULE = re.compile(r"\|?(\s*:?-+:?\s*\|)+(\s*:?-+:?\s*)?\|?")


def format_of(data: bytes) -> str:
    """Return the suffix that a file of this content would have."""
    head = data[:5000].lstrip(b"\xef\xbb\xbf \t\r\n")
    for mark, suffix in ((b"PAR1", ".parquet"), (b"PK\x03\x04", ".xlsx"), (_HDF5, ".nc")):
        if data.startswith(mark):
            return suffix
    if head[:1] in (b"{", b"["):
        return ".json"
    lines = head.decode(errors="replace").splitlines()
    return ".md" if any(_RULE.fullmatch(line.strip()) for line in lines) else ".csv"


def _text(data: bytes) -> str:
    """Return text, which is UTF-8."""
    if data.startswith(_HDF5):
        raise FileError(
            "This is a netCDF file. If it is a saved fit, load it with bs.load_fit; if it is a "
            "table, name it .nc."
        )
    head = data[:2000]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) or head.count(b"\0") > len(head) // 4:
        raise FileError(
            "it is UTF-16, as some spreadsheets export. Save it as UTF-8, e.g. "
            'open(copy, "w").write(open(file, encoding="utf-16").read()).'
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FileError(
            f"byte 0x{data[error.start]:02x} in line {line:,} is not UTF-8. Save it as UTF-8; it "
            "may be Latin-1 or Windows-1252."
        ) from error


def _csv(data: bytes, usual: str = ",") -> pd.DataFrame:
    # Arrow's reader is quick, but here it guesses nothing: the header is a row, all cells are text.
    text = _text(data)
    first = text[:1_000_000].lstrip("\n\r ").partition("\n")[0].rstrip()
    if first.startswith("#"):
        raise RunsError(
            f"The table begins with the comment {first[:80]!r}. Remove comments, so that the "
            f"first line holds the names of the columns, separated by {usual!r}."
        )
    separator = max(usual + _SEPARATORS, key=first.count)
    if separator not in first and len(first.split()) > 1:
        text = "\n".join("\t".join(line.split()) for line in text.splitlines())
        separator = "\t"
    data = text.encode()
    most_columns = data[:1_000_000].count(separator.encode()) + 1
    options = pyarrow.csv.ConvertOptions(
        column_types={f"f{i}": pyarrow.string() for i in range(most_columns)}
    )
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        read_options=pyarrow.csv.ReadOptions(
            block_size=min(len(data) + 1, 2**31 - 1), autogenerate_column_names=True
        ),
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
        convert_options=options,
    )
    if any(not pyarrow.types.is_string(column.type) for column in table.columns):
        raise ValueError("its header has more than a million characters")
    names = [column[0].as_py().strip() for column in table.columns]
    empty = pyarrow.array(options.null_values)
    cells = [_cells(column[1:], empty) for column in table.columns]
    whole = {pyarrow.int64(): pd.Int64Dtype()}
    return _of_wandb(pyarrow.table(cells, names=names).to_pandas(types_mapper=whole.get))


def _cells(column: pyarrow.ChunkedArray, empty: pyarrow.Array) -> pyarrow.ChunkedArray:
    """Return text without spaces around it and nothing where it says so; whole numbers as such."""
    compute: Any = pyarrow.compute  # its functions are made when it is imported
    text = compute.utf8_trim_whitespace(column)
    text = compute.if_else(compute.is_in(text, value_set=empty), None, text)
    if compute.all(compute.match_substring_regex(text, _WHOLE)).as_py():
        return text.cast(pyarrow.int64())
    return text


def _of_wandb(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn the history of a W&B chart, a column per run, into a row per run and step; no other."""
    sides = {c for c in frame.columns if c.endswith(("__MIN", "__MAX")) and " - " in c}
    if not sides or not {c[: -len("__MIN")] for c in sides} <= {*frame.columns}:
        return frame
    wide = [c for c in frame.columns if " - " in c and c not in sides]
    axis = [c for c in frame.columns if c not in sides and c not in wide]
    runs: dict[str, dict[str, str]] = {}
    for column in wide:
        run, _, metric = column.rpartition(" - ")
        runs.setdefault(run, {})[metric] = column
    parts = [
        frame[axis].assign(run=run, **{m: frame[c] for m, c in of.items()}).dropna(subset=[*of])
        for run, of in runs.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    table.attrs[HISTORY] = "history exported by W&B, of each step its value, not __MIN or __MAX"
    return table


def _markdown(data: bytes) -> pd.DataFrame:
    lines = [line.strip() for line in _text(data).splitlines()]
    tables = {}
    for k in range(1, len(lines)):
        if "|" in lines[k - 1] and _RULE.fullmatch(lines[k]):
            end = next((i for i in range(k + 1, len(lines)) if "|" not in lines[i]), len(lines))
            names = _row(lines[k - 1])
            rows = [dict(zip(names, _row(line), strict=False)) for line in lines[k + 1 : end]]
            tables[f"the one in line {k}"] = pd.DataFrame(rows, columns=names, dtype=object)
    return _only(tables)


def _row(line: str) -> list[str]:
    cells = line.strip("|").replace(r"\|", "\0").split("|")
    return [cell.replace("\0", "|").replace("**", "").strip("` ") for cell in cells]


def _only(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the only table, or the only one that has a loss."""
    with_loss = [
        name
        for name, table in tables.items()
        if any(unit_in_name(str(c), LOSS) is not None for c in table.columns)
    ]
    chosen = [*tables] if len(tables) == 1 else with_loss
    if len(chosen) != 1:
        raise RunsError(
            f"The file has {len(tables)} tables ({list_some(list(tables)) or 'none'}), of which "
            f"{len(chosen)} have a column of the loss. Save the one with the runs on its own."
        )
    return tables[chosen[0]]


def _json_lines(data: bytes) -> pd.DataFrame:
    records = []
    for number, line in enumerate(_text(data).split("\n"), start=1):
        if line.strip():
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number} is not JSON ({error.msg})") from error
            if not isinstance(record, dict):
                raise ValueError(f"line {number} is not an object with named values")
            records.append(record)
    return _records(records)


def _records(records: list[Any], index: list[str] | None = None) -> pd.DataFrame:
    # as objects, else pandas rounds whole numbers beside empty cells
    return pd.DataFrame([_flat(record) for record in records], index=index, dtype=object)


def _flat(record: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Name what is inside objects by its path, such as ``train.steps``."""
    flat = {}
    for key, value in record.items():
        if isinstance(value, dict) and {"value"} <= value.keys() <= {"desc", "value"}:
            value = value["value"]  # as W&B keeps settings
        if isinstance(value, dict):
            flat |= _flat(value, f"{path}{key}.")
        else:
            flat[f"{path}{key}"] = value
    return flat


def _json(data: bytes) -> Table:
    # pandas' own reader would guess dates and round floats
    try:
        content = json.loads(_text(data))
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        return _json_lines(data)
    if isinstance(content, dict):
        return _json_object(content)
    if _has_records(content):
        return _records(content)
    raise ValueError("it holds neither a list of objects nor an object of lists or objects")


def _json_object(content: dict[str, Any]) -> Table:
    """Read an object: columns, rows by name, a table's parts, or one list of objects in it."""
    log = content.get("log_history", ())
    if log and _has_records(log):
        of_evaluation = [row for row in log if "eval_loss" in row]
        rows = of_evaluation or [row for row in log if "loss" in row]
        table = _records([{"run": "trainer_state", **row} for row in rows])
        table.attrs[HISTORY] = "history of one run, trainer_state.json of Hugging Face"
        return table
    if isinstance(content.get("columns"), list) and isinstance(content.get("data"), list):
        return pd.DataFrame(content["data"], columns=content["columns"], dtype=object)
    if content and all(isinstance(value, dict) for value in content.values()):
        rows = _records([*content.values()], [*content])
        of_columns = any(unit_in_name(name, LOSS) is not None for name in content)
        return rows.T if of_columns else rows
    lists = [value for value in content.values() if _has_records(value)]
    if len(lists) == 1:
        return _records(lists[0])
    return content


def _has_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _excel(data: bytes) -> pd.DataFrame:
    try:
        sheets = pd.read_excel(io.BytesIO(data), sheet_name=None, dtype=object)
    except ImportError as error:
        raise FileError(
            "To read Excel, install openpyxl: pip install 'bayesscale[excel]'. Or save the table "
            "as .csv."
        ) from error
    filled = {f"sheet {k!r}": v.dropna(how="all") for k, v in sheets.items()}
    return _only({k: v for k, v in filled.items() if len(v)} or filled)


def _netcdf(data: bytes) -> xr.Dataset:
    import h5py

    with h5py.File(io.BytesIO(data)) as file:
        if any(isinstance(file[name], h5py.Group) for name in file):
            raise FileError(
                "This holds groups, as a saved fit does, and no table of runs. Load a fit with "
                "bs.load_fit."
            )
    import xarray as xr

    return xr.load_dataset(io.BytesIO(data), engine="h5netcdf")


READERS: dict[str, Callable[[bytes], Table]] = {
    ".csv": _csv, ".tsv": partial(_csv, usual="\t"), ".md": _markdown,
    ".parquet": lambda data: pd.read_parquet(io.BytesIO(data), dtype_backend="numpy_nullable"),
    ".jsonl": _json_lines, ".ndjson": _json_lines, ".json": _json, ".xlsx": _excel, ".nc": _netcdf,
}  # fmt: skip
"""What reads a file, by its suffix."""
