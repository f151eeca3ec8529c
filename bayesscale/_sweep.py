"""Many independent jobs: on all cores where that pays, on the caller's cluster, kept in a folder.

Everything that makes many fits comes through :func:`sweep`. Without a configuration it decides
itself between this process and all cores of this machine; a cluster, or fewer cores, is the
caller's ``joblib.parallel_config(backend="dask")`` or ``parallel_config(n_jobs=1)``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

from bayesscale._files import atomic_write
from bayesscale.errors import FileError

START_SECONDS = 6.0
"""What new processes cost: to load and compile, and that a fit has one core there, not all."""

SETTINGS = "settings.json"

FORMULA = "formula"
"""Setting with numbers that formula, priors, noise and runs all enter, so that it tells models
apart that bear the same name."""


@dataclass(frozen=True)
class Store[Result]:
    """A folder that keeps the results of finished jobs, so that an interrupted sweep goes on.

    ``settings.json`` says of what; beside it lies one file a job, which ``save(result, path)``
    writes, whole or not at all, and ``load(path)`` reads. Workers write, so a cluster must share
    the folder.
    """

    folder: Path
    save: Callable[[Result, Path], Any]
    load: Callable[[Path], Result]
    suffix: str = ".json"

    @classmethod
    def of_json(
        cls, folder: Path, encode: Callable[[Result], Any], decode: Callable[[Any], Result]
    ) -> Store[Result]:
        """Keep results as JSON, which they are translated to and back."""

        def save(result: Result, path: Path) -> None:
            with atomic_write(path) as temporary:
                temporary.write_text(json.dumps(encode(result)))

        return cls(folder, save, lambda path: decode(_read(path)))

    def setting(self, name: str) -> Any:
        """Return a setting of what the folder holds, None if it holds nothing."""
        path = self.folder / SETTINGS
        return _read(path)[name] if path.is_file() else None

    def open(self, settings: Mapping[str, Any]) -> None:
        """Make the folder, or check that it was made with the same settings (plain JSON types)."""
        path = self.folder / SETTINGS
        if path.is_file():
            stored = _read(path)
            differ = [
                k for k in dict.fromkeys([*settings, *stored])
                if not _same(stored.get(k), settings.get(k))
            ]  # fmt: skip
            if differ:
                raise _other(self.folder, stored, settings, differ)
            return
        if self._files():
            raise FileError(
                f"{str(self.folder)!r} holds finished jobs, but {SETTINGS}, which says of what, is "
                "gone, so that they cannot be told from another model's. Give store= another "
                "folder, or delete this one."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"The folder {str(self.folder)!r} cannot be made: {error.strerror}. Give store= "
                "another."
            ) from error
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(dict(settings), indent=1))

    def write(self, name: str, result: Result) -> None:
        """Keep the result of a job."""
        self.save(result, self.folder / f"{name}{self.suffix}")

    def read(self) -> dict[str, Result]:
        """Return the results of all finished jobs by name."""
        try:
            return {path.stem: self.load(path) for path in self._files()}
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise FileError(
                f"{str(self.folder)!r} was written by another version of bayesscale ({error}). "
                "Give store= another folder."
            ) from error

    def _files(self) -> list[Path]:
        """Return the files of finished jobs; a leading dot marks what was never finished."""
        return sorted(
            path for path in self.folder.glob(f"*{self.suffix}")
            if path.name != SETTINGS and not path.name.startswith(".")
        )  # fmt: skip


def sweep[Job, Result](
    function: Callable[[Job], Result],
    jobs: Mapping[str, Job],
    *,
    seconds: float,
    report: Callable[..., None],
    text: str,
    store: Store[Result] | None = None,
) -> dict[str, Result]:
    """Apply a function to every job through joblib, and tell how far it is.

    ``function``: A function of one job that can be pickled, such as one defined in a module;
    ``jobs``: what to apply it to, by names that are unique, and names of files if there is a store;
    ``seconds``: what a job takes, roughly, in a process that has loaded and compiled; ``report``:
    where progress goes; ``text``: what is being done, such as ``"Refitting"``; ``store``: opened:
    jobs that it holds are not done again, and others are kept in it one by one. Returns the results
    by name, in the order of the jobs.
    """
    done: dict[str, Result] = {} if store is None else store.read()
    todo = [name for name in jobs if name not in done]
    total, finished = len(jobs), len(jobs) - len(todo)
    report(f"{text}: {finished} of {total}", finished, total)
    if todo:
        import joblib

        parallel = joblib.Parallel(
            n_jobs=_n_jobs(len(todo), seconds), return_as="generator_unordered"
        )
        # as one tuple, which Dask keeps with the task: what it takes for data it would put on one
        # worker alone, and lose with it
        calls = (joblib.delayed(_run)((function, name, jobs[name], store)) for name in todo)
        results: Any = parallel(calls)
        for name, result in results:
            done[name] = result
            finished += 1
            report(f"{text}: {finished} of {total}", finished, total)
    return {name: done[name] for name in jobs}


def _run(work: tuple[Callable[[Any], Any], str, Any, Store[Any] | None]) -> tuple[str, Any]:
    function, name, job, store = work
    result = function(job)
    if store is not None:
        store.write(name, result)
    return name, result


def _n_jobs(n: int, seconds: float) -> int | None:
    """Return how many processes pay for so many jobs; None where the caller has configured it."""
    import joblib
    from joblib.parallel import BACKENDS, DEFAULT_BACKEND, get_active_backend

    backend, n_jobs = get_active_backend()
    if n_jobs is not None or type(backend) is not BACKENDS[DEFAULT_BACKEND]:
        return None
    processes = min(joblib.cpu_count(), n)
    rounds = -(-n // processes)
    return processes if START_SECONDS + rounds * seconds < n * seconds else 1


def _other(
    folder: Path, stored: Mapping[str, Any], settings: Mapping[str, Any], differ: list[str]
) -> FileError:
    shown = [
        "formula, priors or runs" if k == FORMULA
        else f"{k} ({stored.get(k)!r} there, {settings.get(k)!r} here)"
        for k in differ if k != FORMULA or differ == [FORMULA]
    ]  # fmt: skip
    return FileError(
        f"{str(folder)!r} holds results of something else. What differs: {', '.join(shown)}. Give "
        "store= another folder, or delete this one."
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise FileError(
            f"{str(path)!r} cannot be read ({error}). Delete it: what it held is done again."
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
