"""Ctrl-C and the end of the process, where they would leave something half done behind."""

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SECONDS_TO_LEAVE = 10.0
"""How long the end of the process waits for its samplers to stop."""

leaving = threading.Event()
"""Set when the process ends: who samples shall stop."""

_sampling: set[int] = set()
_none_samples = threading.Condition()


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold signals back that Python code would answer, until the end of the block.

    An import that is broken off leaves compiled modules behind that cannot be loaded again.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are answered in the main thread only
        return
    set_now = {s: signal.getsignal(s) for s in signal.valid_signals()}
    handlers = {s: handler for s, handler in set_now.items() if callable(handler)}
    held: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, _: held.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in dict.fromkeys(held):
            signal.raise_signal(number)


@contextmanager
def samples() -> Iterator[None]:
    """Note that this thread samples: the end of the process asks it to stop, and waits."""
    me = threading.get_ident()
    with _none_samples:
        _sampling.add(me)
    try:
        yield
    finally:
        with _none_samples:
            _sampling.discard(me)
            _none_samples.notify_all()


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_sampling.clear)


@atexit.register
def _stop_samplers() -> None:
    """Stop samplers of other threads: going on, they would crash the interpreter on its way out."""
    leaving.set()
    with _none_samples, suppress(KeyboardInterrupt):
        _none_samples.wait_for(lambda: not _sampling, timeout=SECONDS_TO_LEAVE)
