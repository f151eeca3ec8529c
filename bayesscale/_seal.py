"""A seal behind a file's content: its checksum, which also tells that bayesscale wrote it.

HDF5 knows where its content ends, so that other programs still open a sealed netCDF file.
"""

import os
from hashlib import sha256
from pathlib import Path

from bayesscale.errors import FileError

_MARK = b"\nbayesscale wrote the bytes above; sha256 "
_LENGTH = len(_MARK) + 64 + 1


def sealed(content: bytes) -> bytes:
    """Return content with its seal."""
    return content + _seal(content)


def unsealed(content: bytes, path: str | os.PathLike[str]) -> bytes:
    """Return content without its seal.

    Raises
    ------
    FileError
        If there is no seal, or any byte is not as it was written.
    """
    within, seal = content[:-_LENGTH], content[-_LENGTH:]
    if seal == _seal(within):
        return within
    if _looks_sealed(seal):
        raise FileError(
            f"'{os.fspath(path)}' was damaged since it was saved: its checksum is wrong. Copy it "
            "again from where it is whole, or refit."
        )
    raise FileError(
        f"'{os.fspath(path)}' cannot be read as a saved fit: it does not end as Fit.save ends a "
        "file. It was cut short, written by another program or by an early version of bayesscale, "
        "or is something else. Copy it again or refit."
    )


def is_sealed(path: Path) -> bool:
    """Tell whether bayesscale wrote a file, from its end alone; it may be damaged before that."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - _LENGTH))
        return _looks_sealed(file.read())


def _seal(content: bytes) -> bytes:
    return _MARK + sha256(content).hexdigest().encode() + b"\n"


def _looks_sealed(seal: bytes) -> bool:
    return len(seal) == _LENGTH and seal.startswith(_MARK) and seal.endswith(b"\n")
