"""Writing files so that a failed save leaves the old file alone."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bayesscale.errors import FileError


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path to write to, and move it onto ``path`` once all went well.

    The temporary file lies in the folder of ``path``, so that the move is a rename: readers see
    the old file or the new one, never half of one.

    Parameters
    ----------
    path
        Where the file shall be. Its folder must exist; a file that is there is replaced.

    Yields
    ------
    pathlib.Path
        A path that does not exist yet, with the same suffix.

    Raises
    ------
    FileError
        If the file cannot be written: the folder is missing or not writable, the path is a folder,
        the disk is full, or writing failed otherwise. The old file is then still there.
    """
    target = Path(path).resolve()  # replaces what a link points to, not the link
    check_writable(path)
    temporary = _beside(target)
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except FileError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(f"Cannot write {_quoted(path)}: {reason}. Nothing was changed.") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Fail now if a file could not be written later, before hours are spent on what goes in it.

    Raises
    ------
    FileError
        If the folder is missing or not writable, or a folder or a protected file is in the way.
    """
    shown, target = path, Path(path).resolve()
    folder = target.parent
    if target.is_dir():
        raise FileError(
            f"Cannot write {_quoted(shown)}: it is a folder. Give a file name in it, "
            f"e.g. {_quoted(Path(shown) / 'fit.nc')}."
        )
    if not folder.exists():
        raise FileError(
            f"Cannot write {_quoted(shown)}: the folder {_quoted(folder)} does not exist. "
            "Create it first, or save elsewhere."
        )
    if not folder.is_dir():
        raise FileError(
            f"Cannot write {_quoted(shown)}: {_quoted(folder)} is a file, not a folder. "
            "Save elsewhere."
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise FileError(
            f"Cannot write {_quoted(shown)}: a write-protected file is there. "
            "Change its permissions, or save under another name."
        )
    temporary = _beside(target)
    try:  # permissions do not tell all: the disk may be read-only, or full, or no disk at all
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"Cannot write {_quoted(shown)}: no file can be made in {_quoted(folder)} ({reason}). "
            "Change its permissions, or save elsewhere."
        ) from error


def _beside(target: Path) -> Path:
    """Name a temporary file in the folder of the target, with its suffix."""
    return target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")


def _quoted(path: str | os.PathLike[str]) -> str:
    return f"'{os.fspath(path)}'"
