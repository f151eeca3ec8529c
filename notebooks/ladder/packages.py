"""The packages whose source is the text: fetched as pinned wheels, read without installing them.

``packages/training.txt`` and ``packages/held_out.txt`` name them, with versions and SHA-256, as
requirements that pip checks. All are under the MIT, BSD, Apache, ISC or Python licences. A package
is in one list alone.
"""

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

LISTS = Path(__file__).parent / "packages"
# One build of each package, whatever machine this is: another may hold other files.
ONE_BUILD = [
    "--only-binary=:all:",
    "--python-version=3.12",
    "--implementation=cp",
    *(f"--platform=manylinux_2_{version}_x86_64" for version in (28, 27, 24, 17)),
    "--platform=manylinux2014_x86_64",
]
LARGEST = 200_000  # bytes of a file; larger ones are tables and generated code for the most part


def listed(part: str) -> dict[str, str]:
    """Return the SHA-256 of the wheel of each package of a part, ``training`` or ``held_out``."""
    lines = (LISTS / f"{part}.txt").read_text().splitlines()
    return {line.partition("==")[0]: line.partition("--hash=sha256:")[2] for line in sorted(lines)}


def fetch(part: str, folder: Path) -> dict[str, Path]:
    """Download what ``folder`` lacks of a part, and return the wheel of each package."""
    wanted = listed(part)
    folder.mkdir(parents=True, exist_ok=True)
    if not set(wanted.values()) <= set(wheels_by_hash(folder)):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        source = [f"--dest={folder}", f"--requirement={LISTS / part}.txt"]
        subprocess.run([*pip, *ONE_BUILD, *source], check=True)
    wheels = wheels_by_hash(folder)
    return {package: wheels[digest] for package, digest in wanted.items()}


def wheels_by_hash(folder: Path) -> dict[str, Path]:
    """Return the wheels of a folder by their SHA-256."""
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.glob("*.whl")}


def source_files(wheel: Path, seen: set[bytes]) -> Iterator[str]:
    """Yield the Python files of a wheel by name, and note the hash of each in ``seen``.

    Left out are files that are empty, over ``LARGEST``, not UTF-8, or already in ``seen``.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".py"):
                continue
            content = archive.read(name)
            digest = hashlib.sha256(content).digest()
            if digest in seen or not 0 < len(content) <= LARGEST:
                continue
            seen.add(digest)
            try:
                yield content.decode()
            except UnicodeDecodeError:
                continue
