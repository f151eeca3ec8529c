"""Streams that are closed, full or broken, and odd settings: it works, or one line and status 2."""

import os
import subprocess
import sys

import pytest

COMMAND = "bayesscale = __import__('bayesscale.cli', fromlist=['main']).main; bayesscale()"


def shell(line: str, words: str, **environment: str):
    """Run a command line in which $B stands for bayesscale."""
    program = f'"{sys.executable}" -c "{COMMAND}" {words}'
    return subprocess.run(
        ["bash", "-c", line.replace("$B", program)],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


@pytest.mark.parametrize("words", ["--help", "fit --help", "--version"])
@pytest.mark.parametrize(("line", "status"), [
    ("$B >/dev/full", 2),
    ("$B 2>/dev/full >/dev/full", 2),
    ("$B >&-", 0),
    ("$B 2>&-", 0),
    ("$B >&- 2>&-", 0),
    ("$B | true", 0),
])  # fmt: skip
def test_help_into_odd_streams(line, status, words):
    done = shell(line, words)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("words", ["fit nowhere.csv", "nonsense", "fit --nonsense", "fit"])
@pytest.mark.parametrize(
    "line", ["$B", "$B 2>/dev/full", "$B 2>&-", "$B >&- 2>&-", "$B >/dev/full 2>/dev/full"]
)
def test_complaints_into_odd_streams(line, words):
    done = shell(line, words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_without_docstrings_it_says_so():
    done = shell("$B", "fit nowhere.csv", PYTHONOPTIMIZE="2")
    assert done.returncode == 2
    assert "PYTHONOPTIMIZE" in done.stderr
    assert len(done.stderr.splitlines()) == 1


CACHE = """
import bayesscale as bs
bs.Prior
import pytensor
import pytensor.link.numba.cache
"""


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_without_a_home_there_is_a_folder_to_compile_in(home):
    done = subprocess.run(
        [sys.executable, "-c", CACHE],
        capture_output=True, text=True, check=False, env=os.environ | {"HOME": home},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
