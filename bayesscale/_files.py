"""Writing files so that a failed save leaves the old file alone, and nothing else of its own.

A seal behind a file's content: its checksum, which also tells that bayesscale wrote it.

HDF5 knows where its content ends, so that other programs still open a sealed netCDF file.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from bayesscale.errors import DomainError, FileError

_MARK = b"\nbayesscale wrote the bytes above; sha256 "
_LENGTH = len(_MARK) + 64 + 1


def sealed(content: bytes) -> bytes:
    """Return content with its seal."""
    return content + _seal(content)


def unsealed(content: bytes, path: str | os.PathLike[str]) -> bytes:
    """Return content without its seal."""
    within, seal = content[:-_LENGTH], content[-_LENGTH:]
    if seal == _seal(within):
        return within
    if _looks_sealed(seal):
        raise FileError(
            f"'{os.fspath(path)}' was damaged since it was saved: its checksum is wrong. Copy it "
            "again from an intact copy, or refit."
        )
    raise FileError(
        f"'{os.fspath(path)}' cannot be read as a saved fit: it does not end like a file of "
        "Fit.save. It was truncated, or written by another program or by an early version of "
        "bayesscale. Copy it again or refit."
    )


def is_sealed(path: Path) -> bool:
    """Return whether bayesscale wrote a file, from its end alone; it may be damaged before that."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _LENGTH))
        return _looks_sealed(file.read())


def _seal(content: bytes) -> bytes:
    return _MARK + sha256(content).hexdigest().encode() + b"\n"


def _looks_sealed(seal: bytes) -> bool:
    return len(seal) == _LENGTH and seal.startswith(_MARK) and seal.endswith(b"\n")


try:
    import fcntl
except ImportError:  # Windows, where nothing is cleared
    fcntl = None

type AnyPath = str | os.PathLike[str]

MADE_BY = "Made by bayesscale"
"""What figures and reports say of themselves in their metadata."""


@contextmanager
def atomic_write(path: AnyPath) -> Iterator[Path]:
    """Give a temporary path to write to, and move it onto ``path`` once all went well.

    The temporary file, empty and of the same suffix, lies in the folder of ``path``, so that the
    move is a rename: readers see the old file or the new one, never half of one. What killed
    writers of the same ``path`` have left there is removed.
    """
    target = check_writable(path)
    try:
        with _temporary(target) as temporary:
            yield temporary
            if target.exists():
                shutil.copymode(target, temporary)
            _flush(temporary)
            temporary.replace(target)
            with suppress(OSError):  # the file is there; few systems flush folders
                _flush(target.parent)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"Cannot write {_quoted(path)}: {_reason(error)}. Nothing was changed."
        ) from error


def check_saved(path: AnyPath) -> Path:
    """Refuse a path at which no result can be saved, before what would load it is imported."""
    file = Path(path)
    if not file.exists():
        raise FileError(f"There is no file {str(path)!r}. Save one with fit.save(path) first.")
    if not file.is_file():
        raise FileError(f"{str(path)!r} is not a regular file. Give the file of a saved fit.")
    return file


def make_folder(folder: AnyPath) -> Path:
    """Make a folder, unless there is one, and return it."""
    made = Path(folder)
    try:
        made.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"Cannot make the folder {_quoted(folder)}: {_reason(error)}. Give another one."
        ) from error
    return made


def check_output(path: AnyPath, *, inputs: Iterable[AnyPath] = (), force: bool = False) -> None:
    """Fail if a result must not overwrite ``inputs`` or, without ``force``, files not ours."""
    target = check_writable(path)
    for source in inputs:
        if _same_file(target, source):
            raise FileError(
                f"Cannot write {_quoted(path)}: that is the table that is read, "
                f"{_quoted(source)}. Give another name for the result."
            )
    if not force:
        check_replaceable(path)


def check_replaceable(path: AnyPath) -> None:
    """Fail if a file is there that holds something, but was not made by bayesscale."""
    target = Path(path)
    try:
        ours = not target.exists() or _is_ours(target)
    except OSError as error:
        raise FileError(f"Cannot inspect {_quoted(path)}: {_reason(error)}.") from error
    if not ours:
        raise FileError(
            f"Will not overwrite {_quoted(path)}: bayesscale did not write that file. Give another "
            "name, or allow it to be lost: --force on the command line, fit.save(path, "
            "overwrite=True) in Python."
        )


def check_writable(path: AnyPath) -> Path:
    """Fail now if a file could not be written later, before hours are spent on what goes in it.

    Returns the file itself, which ``path`` may be a link to.
    """
    try:
        target = Path(path).resolve()  # replaces what a link points to, not the link
        _check_target(path, target)
        return target
    except TypeError:
        raise DomainError(f"A path must be text or a pathlib.Path, not {path!r}.") from None
    except FileError:
        raise
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError
        raise FileError(
            f"Cannot write {_quoted(path)}: {_reason(error)}. Save elsewhere."
        ) from error
    except ValueError as error:
        raise FileError(f"Cannot write {str(path)!r}: {error}. Save under another name.") from error


def _check_target(shown: AnyPath, target: Path) -> None:
    folder, exists = target.parent, target.exists()
    inside, parent = _quoted(Path(shown) / "fit.nc"), _quoted(folder)
    obstacles = {
        f"it is a folder. Give a file name in it, e.g. {inside}.": target.is_dir(),
        "it is not a regular file but a device, a pipe or a socket. Give the name of a file.": (
            exists and not target.is_file()
        ),
        f"the folder {parent} does not exist. Create it first, or save elsewhere.": (
            not folder.exists()
        ),
        f"{parent} is a file, not a folder. Save elsewhere.": not folder.is_dir(),
        "a write-protected file is there. Change its permissions, or save under another name.": (
            exists and not os.access(target, os.W_OK)
        ),
    }
    for obstacle, met in obstacles.items():
        if met:
            raise FileError(f"Cannot write {_quoted(shown)}: {obstacle}")
    try:  # whatever permissions are, the disk may be read-only, or full, or no disk at all
        with _temporary(target):
            pass
    except OSError as error:
        raise FileError(
            f"Cannot write {_quoted(shown)}: no file can be made in {_quoted(folder)} "
            f"({_reason(error)}). Change its permissions, or save elsewhere."
        ) from error


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    """Make an empty file beside the target, locked while this process lives, and remove it."""
    stem = f".bayesscale-{sha256(os.fsencode(target.name)).hexdigest()[:12]}-"
    _clear(target.parent, stem)
    while True:  # each time by another name: who cleared the last one may do so late
        path = target.with_name(f"{stem}{secrets.token_hex(4)}{target.suffix}")
        with path.open("xb") as file:
            _lock(file.fileno(), wait=True)
            if not path.exists():  # another writer took it for a leftover before it was locked
                continue
            try:
                yield path
            finally:
                path.unlink(missing_ok=True)
            return


def _clear(folder: Path, stem: str) -> None:
    """Remove what writers that were killed have left: nobody holds a lock on it."""
    stale = re.compile(re.escape(stem) + r"[0-9a-f]{8}(\..*)?")
    for path in [p for p in folder.iterdir() if stale.fullmatch(p.name)]:
        with suppress(OSError), path.open("rb") as file:
            if _lock(file.fileno()):
                path.unlink()


def _lock(descriptor: int, *, wait: bool = False) -> bool | None:
    """Lock a file as long as it is open: False if another process has it, None without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # this file system knows no locks
        return None
    return True


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold a lock of that name, which ends with the process at the latest; False if another does.

    True also where nothing can be written, or the file system knows no locks.
    """
    with ExitStack() as stack:
        locked = None
        with suppress(OSError):
            locked = _lock(stack.enter_context(path.open("ab")).fileno())
        yield locked is not False


def _flush(path: Path) -> None:
    """Have the disk confirm what was written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_ours(path: Path) -> bool:
    """Return whether nothing is lost with a file: it is empty, or bayesscale made it."""
    if path.suffix in (".png", ".svg", ".html", ".htm"):
        return MADE_BY.encode() in path.read_bytes()
    return path.stat().st_size == 0 or is_sealed(path)


def _same_file(target: Path, source: AnyPath) -> bool:
    try:
        return target.samefile(source)
    except (OSError, ValueError):  # one of them is not there
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _quoted(path: AnyPath) -> str:
    return f"'{os.fspath(path)}'"
