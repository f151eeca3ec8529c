"""Reading a table of training runs from a file."""

import difflib
import gzip
import os
import sys
from pathlib import Path
from typing import Unpack

from bayesscale._arguments import shown
from bayesscale._documented import documented
from bayesscale._format import list_some, printable
from bayesscale.errors import BayesScaleError, DomainError, FileError
from bayesscale.runs.formats import READERS, format_of
from bayesscale.runs.intake import DEFAULTS, MEANINGS, SECTIONS, ReadOptions, checked_options
from bayesscale.runs.table import Runs

STDIN = "-"
"""The path of standard input."""


@documented(MEANINGS, options=ReadOptions, defaults=DEFAULTS, sections=SECTIONS)
def read_runs(
    path: str | os.PathLike[str], *, name: str | None = None, **options: Unpack[ReadOptions]
) -> Runs:
    """Read training runs from a file and check them.

    In ``.csv`` and ``.tsv``, labels and ids are text as it is written, unless all cells of a column
    are whole numbers that are written as such: ``01``, ``1`` and ``1.0`` are three labels.

    Parameters
    ----------
    path
        A table with one row per run, ``"-"`` for standard input. The suffix gives its format:
        ``.csv`` and ``.tsv`` with any separator, ``.md`` (a markdown table), ``.parquet``,
        ``.xlsx`` (needs ``bayesscale[excel]``), ``.jsonl`` or ``.ndjson`` (one object per line),
        ``.json`` (a list of objects, or an object of lists or objects), ``.nc`` (netCDF), each also
        with ``.gz``; of ``.txt`` and standard input, the content. Objects in objects become columns
        such as ``train.steps``. Histories as W&B and Hugging Face's ``trainer_state.json`` hold
        them are recognised.
    name
        Name of the ladder; by default that of the file without its suffix.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv", loss="val_loss", group="corpus")  # doctest: +SKIP
    """
    checked_options(options)
    path = _checked_path(path)
    suffix = ""
    try:
        if str(path) == STDIN:
            data, name = sys.stdin.buffer.read(), name or "stdin"
        else:
            suffix = _suffix(path)
            _check_is_file(path)
            data = path.read_bytes()
            data = gzip.decompress(data) if suffix.endswith(".gz") else data
            stem = path.name[: -len(suffix)] if suffix else path.stem
            name = stem if name is None else name
        table = READERS[suffix.removesuffix(".gz") or format_of(data)](data)
    except BayesScaleError as error:
        error.args = (f"{error}" if str(path) in f"{error}" else f"{str(path)!r}: {error}",)
        raise
    except Exception as error:  # each parser has its own exceptions: one message for all
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise FileError(
            f"Cannot read {str(path)!r}{' as ' * bool(suffix)}{suffix}: {printable(reason[0])}. "
            "Check that the file is complete and that its suffix says what it is."
        ) from error
    return Runs.from_frame(table, name=name, **options)


def _checked_path(path: object) -> Path:
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise DomainError(
            f"path must be the path of a file, not {shown(path)}. For data in memory, use "
            "bs.Runs.from_frame."
        )
    if "\0" in os.fspath(path):
        raise FileError(f"{os.fspath(path)!r} is not a path: it contains a NUL character.")
    return Path(path)


def _suffix(path: Path) -> str:
    """Return the suffix that tells the format, ``.gz`` included; none where the content does."""
    name = path.name.lower()
    packed = ".gz" if name.endswith(".gz") else ""
    suffix = Path(name.removesuffix(packed)).suffix
    if suffix in READERS:
        return suffix + packed
    if suffix in ("", ".txt", ".dat"):
        return packed
    raise FileError(
        f"Cannot determine the format of {str(path)!r} by its suffix {path.suffix!r}. Known: "
        f"{', '.join(READERS)}, each also with .gz. Save the table as one of these."
    )


def _check_is_file(path: Path) -> None:
    name, folder = repr(str(path)), repr(str(path.parent))
    if path.is_dir():
        raise FileError(f"{name} is a folder. Give a file in it.")
    if path.is_symlink() and not path.exists():
        raise FileError(
            f"{name} is a link to {str(path.readlink())!r}, which does not exist. Correct the link."
        )
    if not path.exists():
        if not path.parent.is_dir():
            raise FileError(f"No file {name}: there is no folder {folder}. Check the path.")
        tables = sorted(
            p.name for p in path.parent.iterdir() if p.name.lower().endswith(tuple(READERS))
        )
        close = difflib.get_close_matches(path.name, tables, n=1, cutoff=0.5)
        suggestion = f" Did you mean {close[0]!r}?" if close else ""
        there = f"tables there: {list_some(tables)}" if tables else "no tables there"
        raise FileError(f"No file {name}.{suggestion} In {folder}: {there}.")
    if not path.is_file():
        raise FileError(f"{name} is not a regular file. Save the table as a file.")
    if path.stat().st_size == 0:
        raise FileError(f"{name} is empty. Write the table again.")
