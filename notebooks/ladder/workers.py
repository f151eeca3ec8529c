"""Several runs at a time, each in a process of its own that opens the text.

PyTorch is imported there alone: whoever hands out the work does not need it.
"""

import math
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

from corpus import Corpus, read_corpus
from design import Cell
from run import Outcome
from tune import best_rate, first_guess

# For a worker's environment. Large arrays come and go at every step: a C library that keeps their
# memory makes small networks a quarter faster.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
    "MALLOC_TOP_PAD_": str(2**28),
}

_corpus: Corpus  # one a process, opened when it starts


def in_parallel[Work, Result](
    task: Callable[[Work], Result], work: list[Work], processes: int
) -> Iterator[tuple[Work, Result]]:
    """Yield each piece of work with its result as it is finished, in whatever order.

    Raises
    ------
    ExceptionGroup
        If any piece failed, when all others are done.
    """
    if not work:
        return
    # Forked processes would inherit PyTorch's threads in an unknown state.
    pool = ProcessPoolExecutor(
        processes, mp_context=multiprocessing.get_context("spawn"), initializer=start_process
    )
    with pool:
        futures: dict[Future[Result], Work] = {pool.submit(task, each): each for each in work}
        failed = []
        try:
            for future in as_completed(futures):
                if (error := future.exception()) is None:
                    yield futures[future], future.result()
                elif isinstance(error, Exception):
                    error.add_note(f"while working on {futures[future]}")
                    failed.append(error)
        finally:
            pool.shutdown(cancel_futures=True)
        if failed:
            raise ExceptionGroup(f"{len(failed)} of {len(work)} failed", failed)


def start_process() -> None:
    """Open the text once a process, and end the process if its parent is killed."""
    global _corpus
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _corpus = read_corpus()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def tune_here(cell: Cell, device: str) -> tuple[float, dict[float, float]]:
    """Return the best learning rate of a cell, and the loss at every rate that was tried."""
    from train import train

    def loss_at(rate: float) -> float:
        try:
            return train(cell.run(rate), _corpus, device).loss
        except FloatingPointError:  # too high a rate
            return math.inf

    return best_rate(first_guess(cell), loss_at)


def train_here(work: tuple[Cell, float], device: str) -> Outcome:
    """Train a cell at a learning rate."""
    from train import train

    cell, rate = work
    return train(cell.run(rate), _corpus, device)
