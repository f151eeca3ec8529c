"""A folder that keeps finished simulations, so that an interrupted calibration goes on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from math import isclose
from pathlib import Path
from typing import Any

from bayesscale._files import atomic_write
from bayesscale.calibration.simulation import Ranked
from bayesscale.errors import FileError

SETTINGS = "settings.json"

FIRST = "first_simulation"
"""Setting that says what the first simulation drew. Formula, priors, runs and noise all enter
there, so it tells models apart that bear the same name."""


def stored_seed(folder: Path) -> int | None:
    """Return the seed of the simulations in a folder, or None if it holds none."""
    path = folder / SETTINGS
    return int(_read(path)["random_seed"]) if path.is_file() else None


def open_store(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a folder for simulations, or check that the one at hand is of the same model.

    Parameters
    ----------
    folder
        The folder.
    settings
        What defines the simulations, as plain JSON types.

    Raises
    ------
    FileError
        If the folder cannot be made, or holds something else.
    """
    path = folder / SETTINGS
    if path.is_file():
        stored = _read(path)
        keys = dict.fromkeys([*settings, *stored])
        differ = [k for k in keys if not _same(stored.get(k), settings.get(k))]
        if differ:
            shown = [
                "formula, priors or runs" if k == FIRST
                else f"{k} ({stored.get(k)!r} there, {settings.get(k)!r} here)"
                for k in differ if k != FIRST or differ == [FIRST]
            ]  # fmt: skip
            raise FileError(
                f"{str(folder)!r} holds simulations of something else. What differs: "
                f"{', '.join(shown)}. Give store= another folder, or delete this one."
            )
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {str(folder)!r} cannot be made: {error.strerror}. Give store= another."
        ) from error
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(dict(settings), indent=1))


def write_block(folder: Path, ranked: Iterable[Ranked]) -> None:
    """Keep finished simulations, in a file of their own."""
    records = [asdict(r) for r in ranked]
    first, last = records[0]["simulation"], records[-1]["simulation"]
    with atomic_write(folder / f"simulations-{first:06d}-{last:06d}.json") as temporary:
        temporary.write_text(json.dumps(records))


def read_blocks(folder: Path) -> dict[int, Ranked]:
    """Return all finished simulations by number."""
    paths = sorted(folder.glob("simulations-*.json"))
    try:
        found = [Ranked(**record) for path in paths for record in _read(path)]
    except TypeError as error:
        raise FileError(
            f"{str(folder)!r} was written by another version of bayesscale ({error}). Give "
            "store= another folder."
        ) from error
    return {r.simulation: r for r in found}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FileError(
            f"{str(path)!r} cannot be read ({error}). Delete it: its simulations are run again."
        ) from error


def _same(a: Any, b: Any) -> bool:
    """Compare plain JSON; numbers computed on two machines may differ in their last digits."""
    if isinstance(a, float) and isinstance(b, float):
        return isclose(a, b, rel_tol=1e-6)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b
