"""Reading a table of training runs from a file."""

import difflib
import gzip
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow.csv
import xarray as xr

from bayesscale._format import list_some
from bayesscale.errors import FileError, RunsError
from bayesscale.runs.intake import Table
from bayesscale.runs.table import Runs
from bayesscale.runs.units import FlopRule, LossUnit, ParamCount


def read_runs(
    path: str | os.PathLike[str],
    *,
    params: str | None = None,
    tokens: str | None = None,
    loss: str | None = None,
    flops: str | None = None,
    loss_se: str | None = None,
    seed: str | None = None,
    group: str | Sequence[str] | None = None,
    cluster: str | None = None,
    run_id: str | None = None,
    params_non_embedding: str | None = None,
    param_count: ParamCount = "total",
    flop_rule: FlopRule | None = None,
    loss_unit: LossUnit = "nats/token",
    bytes_per_token: float | None = None,
    where: Mapping[str, str | float | int] | None = None,
    name: str | None = None,
) -> Runs:
    """Read training runs from a file and check them.

    The arguments that name columns and conventions are those of `Runs.from_frame`.

    Parameters
    ----------
    path
        A table with one row a run. The suffix tells its format: ``.csv`` and ``.tsv`` (also
        ``.csv.gz``, ``.tsv.gz``), ``.parquet``, ``.jsonl`` or ``.ndjson`` (one object a line),
        ``.json`` (a list of objects, or an object of lists), ``.nc`` (netCDF).
    params, tokens, loss, flops, loss_se, seed, group, cluster, run_id, params_non_embedding
        Columns, by default looked for under well-known names; for ``group`` one column or several
        to keep as labels, by default none; for ``cluster`` the column that names the training run
        or sweep that each row is a reading of, by default none.
    param_count
        What ``params`` counts: ``"total"``, ``"non_embedding"`` or ``"other"``.
    flop_rule
        ``"6ND"``, ``"6ND_non_embedding"`` or ``"column"``; by default the column if there is one.
    loss_unit
        ``"nats/token"``, ``"bits/token"`` or ``"bits/byte"``.
    bytes_per_token
        Mean bytes in a token, > 0. Needed for ``"bits/byte"``.
    where
        Column to value, e.g. ``{"corpus": "c4"}``: only rows with these values are kept, and the
        others are not checked. Numbers compare as numbers, however they are written.
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
        If ``bytes_per_token`` is missing or not positive.

    Warns
    -----
    RunsWarning
        If something looks wrong, but may be meant; see `Runs.from_frame`.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv", loss="val_loss", group="corpus")  # doctest: +SKIP
    """
    path = Path(path)
    suffix, read = _reader(path)
    _check_is_file(path)
    try:
        table = read(path)
    except RunsError:
        raise
    except Exception as error:  # each parser has its own exceptions: one message for all
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise FileError(
            f"Cannot read '{path}' as {suffix}: {reason[0]}. Check that the file is complete and "
            "that its suffix says what it is."
        ) from error
    return Runs.from_frame(
        table,
        params=params,
        tokens=tokens,
        loss=loss,
        flops=flops,
        loss_se=loss_se,
        seed=seed,
        group=group,
        cluster=cluster,
        run_id=run_id,
        params_non_embedding=params_non_embedding,
        param_count=param_count,
        flop_rule=flop_rule,
        loss_unit=loss_unit,
        bytes_per_token=bytes_per_token,
        where=where,
        name=path.name[: -len(suffix)] if name is None else name,
    )


def _csv(path: Path, delimiter: str = ",") -> pd.DataFrame:
    # Arrow's reader is quick and reads every float exactly. It decides a column's type by its
    # first block, so the whole file is one block: a late "1.2B" shall be reported as a cell.
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    _check_header(path, data, delimiter)
    table = pyarrow.csv.read_csv(
        io.BytesIO(data),
        read_options=pyarrow.csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
        parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter),
        convert_options=pyarrow.csv.ConvertOptions(strings_can_be_null=True),
    )
    return table.rename_columns([str(name).strip() for name in table.column_names]).to_pandas()


def _check_header(path: Path, data: bytes, delimiter: str) -> None:
    """Look at the first line before a parser counts columns by it."""
    line = data[:10_000].decode("utf-8-sig", errors="replace").lstrip("\n\r ").partition("\n")[0]
    first = line.rstrip()
    if first.startswith("#"):
        raise RunsError(
            f"'{path}' begins with the comment {first[:80]!r}. Remove comments, so that the first "
            f"line holds the names of the columns, separated by {delimiter!r}."
        )
    other = next((c for c in (";", "\t", ",") if delimiter not in first and c in first), None)
    if other:
        raise RunsError(
            f"'{path}' has one column, {first[:80]!r}: it seems to be separated by {other!r} "
            f"instead of {delimiter!r}. Save it with the separator that its suffix says, and with "
            "decimal points."
        )


def _tsv(path: Path) -> pd.DataFrame:
    return _csv(path, delimiter="\t")


def _json_lines(path: Path) -> pd.DataFrame:
    records = []
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    record = json.loads(line)
                except json.JSONDecodeError as error:
                    raise ValueError(f"line {number} is not JSON ({error.msg})") from error
                if not isinstance(record, dict):
                    raise ValueError(f"line {number} is not an object with named values")
                records.append(record)
    return pd.DataFrame.from_records(records)


def _json(path: Path) -> Table:
    # pandas' own reader would guess dates and round floats
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(data, dict):
        return data
    if isinstance(data, list) and all(isinstance(record, dict) for record in data):
        return pd.DataFrame.from_records(data)
    raise ValueError("it holds neither a list of objects nor an object of lists")


def _netcdf(path: Path) -> xr.Dataset:
    return xr.load_dataset(path, engine="h5netcdf")


_READERS: dict[str, Callable[[Path], Table]] = {
    ".csv": _csv,
    ".csv.gz": _csv,
    ".tsv": _tsv,
    ".tsv.gz": _tsv,
    ".parquet": pd.read_parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".nc": _netcdf,
}


def _reader(path: Path) -> tuple[str, Callable[[Path], Table]]:
    for suffix, read in _READERS.items():
        if path.name.lower().endswith(suffix):
            return suffix, read
    raise FileError(
        f"Cannot tell the format of '{path}' by its suffix {path.suffix!r}. "
        f"Known: {', '.join(_READERS)}. Save the table as one of these."
    )


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise FileError(f"'{path}' is a folder. Give a file in it.")
    if not path.exists():
        if not path.parent.is_dir():
            raise FileError(
                f"No file '{path}': there is no folder '{path.parent}'. Check the path."
            )
        tables = sorted(
            p.name for p in path.parent.iterdir() if p.name.lower().endswith(tuple(_READERS))
        )
        close = difflib.get_close_matches(path.name, tables, n=1, cutoff=0.5)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        there = f"tables there: {list_some(tables)}" if tables else "no tables there"
        raise FileError(f"No file '{path}'.{suggestion} In '{path.parent}': {there}.")
    if path.stat().st_size == 0:
        raise FileError(f"'{path}' is empty. Write the table again.")
