"""Many independent jobs: on all cores where that pays, on the caller's cluster, kept in a folder.

Everything that makes many fits comes through :func:`sweep`. Without a configuration it decides
itself between this process and all cores of this machine; a cluster, or fewer cores, is the
caller's ``joblib.parallel_config(backend="dask")`` or ``parallel_config(n_jobs=1)``.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

from bayesscale import _arguments
from bayesscale._files import atomic_write, locked, make_folder
from bayesscale.errors import BayesScaleError, DomainError, FileError

START_SECONDS = 6.0
"""What new processes cost: to load and compile, and that a fit has one core there, not all."""

SETTINGS, LOCK = "settings.json", ".lock"

FORMULA = "formula"
"""Setting with numbers that formula, priors, noise and runs all enter, so that it tells models
apart that bear the same name."""


@dataclass(frozen=True)
class Store[Result]:
    """A folder that keeps the results of finished jobs, so that an interrupted sweep goes on.

    ``settings``, plain JSON types, say of what: they lie in ``settings.json``, and each file holds
    those of its own result, so that files of another store are refused wherever they come from.
    ``encode`` translates a result to plain JSON types, and ``decode`` back; a job is done only if a
    file of the suffix ``beside`` is there, too. Workers write, so a cluster must share the folder.
    """

    folder: Path
    settings: Mapping[str, Any]
    encode: Callable[[Result], Any]
    decode: Callable[[Any], Result]
    beside: str = ".json"

    @contextmanager
    def opened(self) -> Iterator[dict[str, Result]]:
        """Lock the folder, made or checked, for the block; give finished results by name."""
        path = make_folder(self.folder) / SETTINGS
        with locked(path.with_name(LOCK)) as alone:
            if not alone:
                raise FileError(
                    f"{str(self.folder)!r} is in use by another process. Wait until that has "
                    "ended, or give store= another folder: finished files may be moved here later."
                )
            if path.is_file():
                self._check(path, _settings(path))
            done = self.read()
            if not path.is_file():
                _write(path, dict(self.settings))
            yield done

    def write(self, name: str, result: Result) -> None:
        """Keep the result of a job."""
        path = self.folder / f"{name}.json"
        make_folder(path.parent)
        _write(path, {"settings": dict(self.settings), "result": self.encode(result)})

    def read(self) -> dict[str, Result]:
        """Return the results of all finished jobs by name, each checked to be of this store."""
        done: dict[str, Result] = {}
        for path in sorted(self.folder.rglob("*.json")):
            hidden = path.name.startswith(".")  # never finished
            if path.name != SETTINGS and not hidden and path.with_suffix(self.beside).is_file():
                done[path.relative_to(self.folder).with_suffix("").as_posix()] = self._read(path)
        return done

    def _read(self, path: Path) -> Result:
        try:
            held = _read(path)
            settings, result = dict(held["settings"]), self.decode(held["result"])
        except (BayesScaleError, TypeError, KeyError, ValueError, AttributeError) as error:
            raise FileError(
                f"{str(path)!r} cannot be read as a finished job of this store, or was written by "
                f"another version of bayesscale ({error}). Move or delete this file: its job will "
                "then be rerun."
            ) from error
        self._check(path, settings)
        return result

    def _check(self, path: Path, stored: Mapping[str, Any]) -> None:
        """Refuse a file that was made with other settings."""
        differ = [
            k for k in dict.fromkeys([*self.settings, *stored])
            if not _same(stored.get(k), self.settings.get(k))
        ]  # fmt: skip
        if not differ:
            return
        shown = [
            "formula, priors or runs" if k == FORMULA
            else f"{k} ({_shown(stored.get(k))} there, {_shown(self.settings.get(k))} here)"
            for k in differ if k != FORMULA or differ == [FORMULA]
        ]  # fmt: skip
        raise FileError(
            f"{str(path)!r} holds results of another computation. Differences: {', '.join(shown)}. "
            "Move this file elsewhere, or give store= another folder."
        )


def store_folder(store: object) -> Path | None:
    """Return the folder that ``store=`` names, or None."""
    if store is None:
        return None
    if not isinstance(store, str | os.PathLike) or not str(store).strip() or "\0" in str(store):
        raise DomainError(
            f"store must be a folder, as text or pathlib.Path, not {_arguments.shown(store)}. "
            "Write '.' for the current one."
        )
    return Path(store)


def stored_setting(folder: Path | None, name: str) -> Any:
    """Return a setting of what a store holds, None if it holds nothing."""
    path = None if folder is None else folder / SETTINGS
    return None if path is None or not path.is_file() else _settings(path).get(name)


def sweep[Job, Result](
    function: Callable[[Job], Result], jobs: Mapping[str, Job], *, seconds: float,
    report: Callable[..., None], text: str, store: Store[Result] | None = None,
) -> dict[str, Result]:  # fmt: skip
    """Apply a function that can be pickled to every job through joblib, and report progress.

    ``jobs``: by name, which is that of a file if there is a store; ``seconds``: what a job takes,
    roughly, in a process that has loaded and compiled; ``text``: what is being done, such as
    ``"Refitting"``; ``store``: jobs that it holds are not done again, and others are kept in it one
    by one. Returns the results by name, in the order of the jobs.
    """
    with nullcontext(dict[str, Result]()) if store is None else store.opened() as done:
        todo = [name for name in jobs if name not in done]
        total, finished = len(jobs), len(jobs) - len(todo)
        report(f"{text}: {finished} of {total}", finished, total)
        if todo:
            import joblib

            parallel = joblib.Parallel(
                n_jobs=_n_jobs(len(todo), seconds), return_as="generator_unordered"
            )
            # as one tuple, which Dask keeps with the task: what it takes for data it would put on
            # one worker alone, and lose with it
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


def _settings(path: Path) -> dict[str, Any]:
    """Return the settings of a store from their file."""
    with suppress(FileError):
        if isinstance(stored := _read(path), dict):
            return stored
    raise FileError(
        f"{str(path)!r} is damaged: it does not hold the settings of a store. Delete only this "
        "file: finished jobs hold their own settings, and are used if these match yours. Pass "
        "random_seed=, which is unknown otherwise."
    )


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(f"{str(path)!r} cannot be read: {error}") from error


def _write(path: Path, content: Any) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _shown(value: object) -> str:
    """Write a setting for a message: numbers and names, of more only that they differ."""
    return "others" if isinstance(value, dict | list) else _arguments.shown(value)


def _same(a: Any, b: Any) -> bool:
    """Compare plain JSON; numbers computed on two machines may differ in their last digits."""
    if isinstance(a, float) and isinstance(b, float):
        return isclose(a, b, rel_tol=1e-6)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b
