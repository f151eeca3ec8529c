"""Ctrl-C, alarms and the end of the process, at any moment: never half of anything."""

import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from bayesscale._interrupts import interrupts_held
from bayesscale.errors import DomainError

FIT = """
import signal, sys, time
import numpy as np
import bayesscale as bs

class Alarm(Exception):
    pass

def raise_alarm(*_):
    raise Alarm("time is up")

size = np.geomspace(1e7, 1e9, 12)
table = {
    "params": size, "tokens": 20 * size,
    "loss": (1.7 + 400 / size**0.34 + 410 / (20 * size)**0.28)
    * np.exp(0.003 * np.random.default_rng(1).normal(size=12)),
}

def fit():
    return bs.fit(bs.Runs.from_frame(table), law="chinchilla", discrepancy=None, draws=100,
                  tune=100, chains=2, random_seed=1, progress=False)
"""

INTERRUPTED = (
    FIT
    + """
signal.signal(signal.SIGALRM, raise_alarm)
sent, seconds = int(sys.argv[1]), float(sys.argv[2])
expected = {signal.SIGINT: KeyboardInterrupt, signal.SIGALRM: Alarm}[sent]
import os, threading
os.environ["PYTHONWARNINGS"] = "ignore"
import warnings
warnings.simplefilter("ignore")
threading.Timer(seconds, lambda: os.kill(os.getpid(), sent)).start()
try:
    fit()
    time.sleep(max(0.0, 60.0))
except expected:
    print("stopped", end=" ")
fit()
print("and went on")
"""
)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGALRM], ids=lambda s: s.name)
@pytest.mark.parametrize(
    "tries", [1, pytest.param(20, marks=pytest.mark.slow)], ids=["one", "many"]
)
def test_a_process_can_fit_after_it_was_interrupted(sent, tries):
    rng = random.Random(tries)
    for _ in range(tries):
        seconds = 0.3 if tries == 1 else rng.uniform(0, 4)
        done = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(int(sent)), str(seconds)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout == "stopped and went on\n", (seconds, done.stdout, done.stderr)


LEAVING = (
    FIT
    + """
import threading, warnings
warnings.simplefilter("ignore")
fit()
long = dict(law="chinchilla", draws=100_000, progress=False)
threading.Thread(target=lambda: bs.fit(bs.Runs.from_frame(table), **long), daemon=True).start()
time.sleep(float(sys.argv[1]))
print("left")
"""
)


@pytest.mark.parametrize(
    "tries", [1, pytest.param(10, marks=pytest.mark.slow)], ids=["one", "many"]
)
def test_leaving_while_a_thread_samples(tries):
    rng = random.Random(tries)
    for _ in range(tries):
        done = subprocess.run(
            [sys.executable, "-c", LEAVING, str(rng.uniform(0.2, 2))],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "left\n"), done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGALRM, signal.SIGUSR1])
def test_signals_wait_for_the_end_of_the_block_and_reach_their_own_handler(sent):
    heard = []
    before = signal.signal(sent, lambda *_: heard.append(sent))
    try:
        with interrupts_held():
            signal.raise_signal(sent)
            signal.raise_signal(sent)
            assert heard == []
        assert heard == [sent]
        signal.raise_signal(sent)
        assert heard == [sent, sent]
    finally:
        signal.signal(sent, before)


def test_an_error_of_the_block_is_not_hidden():
    with pytest.raises(ValueError, match="mine"), interrupts_held():
        raise ValueError("mine")
    with pytest.raises(KeyboardInterrupt), interrupts_held():
        signal.raise_signal(signal.SIGINT)


def test_blocks_may_lie_in_each_other_and_in_other_threads():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012
        with interrupts_held():
            signal.raise_signal(signal.SIGINT)
        done.append("still held")

    def in_thread():
        with interrupts_held():
            done.append("in a thread")

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert done == ["still held", "in a thread"]


@pytest.mark.parametrize("length", [{"draws": 10**9}, {"tune": 10**10}, {"chains": 10**6}], ids=str)
def test_what_does_not_fit_into_memory_is_refused_before_sampling(runs, length):
    import bayesscale as bs

    with pytest.raises(DomainError, match="GiB"):
        bs.fit(runs, law="chinchilla", progress=False, **length)


@pytest.mark.parametrize("phase", ["Compiling", "Sampling 600 of", "Sampling 2", "Summarising"])
def test_ctrl_c_is_answered_in_every_phase(phase, monkeypatch):
    """With many rows, so that there is a pilot; a second on two cores is two of CPU."""
    from bayesscale.inference import Setup, compiled
    from tests.simulate import design, simulate_runs

    runs = simulate_runs(sizes=design(36, 36))
    monkeypatch.setattr(compiled, "_compiled", {})
    sent = []

    def report(text, done=0, total=None):
        if text.startswith(phase) and not sent:
            sent.append(time.process_time())
            threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        Setup.of(runs, law="chinchilla", draws=400, tune=200, chains=2).sample(report=report)
    assert time.process_time() - sent[0] < 2.0
    short = simulate_runs()
    length = {"draws": 100, "tune": 100, "chains": 2}
    again = Setup.of(short, law="chinchilla", discrepancy=None, **length).sample()
    assert again.posterior.shape == (2, 100)
