"""Saying what is going on: a live line in a terminal or notebook, log lines elsewhere."""

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

from bayesscale.errors import DomainError

type ProgressOption = Literal["auto"] | bool
type Report = Callable[..., None]

PROGRESS = {"progress": '``"auto"`` shows what is going on, ``False`` is silent.'}
"""What the argument of many functions means."""

SECONDS_BETWEEN_LINES = 5.0

SECONDS_BETWEEN_UPDATES = 0.3
"""Of a line in a notebook: each is a message to the browser."""


@contextmanager
def progress_reporter(progress: ProgressOption) -> Iterator[Report]:
    """Open a channel to tell a person what a long computation is doing.

    ``progress``: ``"auto"``: a live line in a terminal or notebook, a line on standard error now
    and then elsewhere. ``True`` is the same; ``False`` is silent. Yields ``report(text, done=0,
    total=None)``, cheap enough to call often.
    """
    if progress not in ("auto", True, False):
        raise DomainError(f'progress must be "auto", True or False, not {progress!r}.')
    if progress is False or sys.stderr is None:  # closed: there is nobody to tell
        yield lambda text, done=0, total=None: None
    elif _in_notebook():
        yield from _notebook_line()
    elif sys.stderr.isatty():
        yield from _live_line()
    else:
        yield _log_lines()


def _in_notebook() -> bool:
    """Tell a notebook from a terminal."""
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def _notebook_line() -> Iterator[Report]:
    """Keep one line of output up to date; a saved notebook keeps how long it took."""
    from IPython.display import display

    began = shown = time.monotonic()
    line: Any = display({"text/plain": "…"}, raw=True, display_id=True)

    def show(text: str) -> None:
        line.update({"text/plain": text}, raw=True)

    def report(text: str, done: int = 0, total: int | None = None) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_UPDATES:
            shown = now
            show(f"{text} ({now - began:.0f} s)")

    try:
        yield report
    finally:
        show(f"{time.monotonic() - began:.1f} s")


def _live_line() -> Iterator[Report]:
    """Keep one line of a terminal up to date, and wipe it out in the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def report(text: str, done: int = 0, total: int | None = None) -> None:
            bar.update(task, description=text, completed=done, total=total)

        yield report


def _log_lines() -> Report:
    """Write one line when the phase changes, and one every few seconds while it lasts."""
    phase, last = "", 0.0

    def report(text: str, done: int = 0, total: int | None = None) -> None:
        nonlocal phase, last
        now = time.monotonic()
        if text.split(":")[0] == phase and now - last < SECONDS_BETWEEN_LINES:
            return
        phase, last = text.split(":")[0], now
        with suppress(OSError, ValueError):  # a full or closed stream must not stop the work
            sys.stderr.write(f"bayesscale: {text}\n")
            sys.stderr.flush()

    return report


@contextmanager
def silent(logger: str | logging.Logger) -> Iterator[None]:
    """Suppress the log messages of a library: progress is reported by this package, or not at all.

    Its logger by name, or itself where the library has not registered it.
    """
    log = logging.getLogger(logger) if isinstance(logger, str) else logger
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
