"""Where results go, found out before the sampling and not after it."""

from pathlib import Path

from bayesscale.errors import FileError


def make_folder(folder: Path) -> None:
    """Make a folder, unless there is one.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise FileError(
            f"Cannot make the folder '{folder}': {reason}. Give another one."
        ) from error
