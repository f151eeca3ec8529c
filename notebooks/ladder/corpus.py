"""The text: the Python source files of CPython's standard library, as bytes.

An installation of CPython carries it, so the ladder can be rebuilt without a data set. One version
is fixed and its hash checked: another version is another data set.
"""

import hashlib
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PYTHON = "3.12.1"
BYTES = 30_867_791
SHA256 = "07c2e585de144180c670cb34b12791133f9dc513d10f0487ff8ffb06e2ba4369"
# Not in CPython's source: installed by others, or written when Python is built. The data of pydoc
# are prose, and one file of them would be a third of all that is held out.
LEFT_OUT = ("site-packages", "__pycache__", "pydoc_data")
# A file is held out when the first byte of the hash of its name is below this: 1 file in 16.
HELD_OUT = 16


@dataclass(frozen=True)
class Corpus:
    """Training and evaluation text, whole files apart.

    Attributes
    ----------
    training
        Bytes of the training files, one after another, each followed by a zero byte.
    evaluation
        The held-out files' bytes, one array a file, each followed by a zero byte.
    """

    training: np.ndarray
    evaluation: list[np.ndarray]


def find_library() -> Path:
    """Return the folder of the running interpreter's standard library."""
    return Path(sysconfig.get_paths()["stdlib"])


def read_corpus(folder: Path | None = None) -> Corpus:
    """Read the standard library's source and split off the held-out files.

    Parameters
    ----------
    folder
        An installation's ``lib/python3.12``; by default that of the interpreter which runs this.

    Raises
    ------
    ValueError
        If the files are not those of the version that the published table was made with.
    """
    folder = folder or find_library()
    files = source_files(folder)
    digest, size = fingerprint(folder, files)
    if digest != SHA256:
        raise ValueError(
            f"{folder} is not the standard library of CPython {PYTHON}: its {len(files)} Python "
            f"files have {size:,} bytes and SHA-256 {digest}, {BYTES:,} and {SHA256} are needed "
            f"(this interpreter is {sys.version.split()[0]}). Some distributions leave the tests "
            f"out. Install CPython {PYTHON} from its source, and pass its lib/python3.12 as "
            "--library."
        )
    training, evaluation = [], []
    for name in files:
        text = np.frombuffer((folder / name).read_bytes() + b"\0", dtype=np.uint8)
        (evaluation if is_held_out(name) else training).append(text)
    return Corpus(training=np.concatenate(training), evaluation=evaluation)


def source_files(folder: Path) -> list[str]:
    """Return the names of all Python source files below ``folder``, sorted."""
    names = []
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).parts
        built = parts[0].startswith(("_sysconfigdata", "config-"))
        if not built and not any(part in LEFT_OUT for part in parts):
            names.append("/".join(parts))
    return sorted(names)


def fingerprint(folder: Path, files: list[str]) -> tuple[str, int]:
    """Return the SHA-256 over names and contents of ``files``, and their size in bytes."""
    total, size = hashlib.sha256(), 0
    for name in files:
        text = (folder / name).read_bytes()
        total.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
        size += len(text)
    return total.hexdigest(), size


def is_held_out(name: str) -> bool:
    """Tell whether the file is for evaluation: by its name alone, so that no order matters."""
    return hashlib.sha256(name.encode()).digest()[0] < HELD_OUT
