"""Saves that are killed, or for which the disk is too small: the old file or the new one."""

import os
import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import bayesscale as bs
from bayesscale._files import atomic_write
from bayesscale.errors import FileError

KILLED_SAVES = """
import os, pickle, random, signal, sys, time
import bayesscale as bs
fits, path = pickle.load(open(sys.argv[1], "rb")), sys.argv[2]
tables = [fit.summary() for fit in fits]
folder = os.path.dirname(path)
rng = random.Random(1)
left = 0
for kill in range(int(sys.argv[3])):
    child = os.fork()
    if not child:
        while True:
            for fit in fits:
                fit.save(path)
    time.sleep(rng.uniform(0, 1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    left += len(os.listdir(folder)) - 1
    loaded = bs.load_fit(path).summary()
    assert any(loaded.equals(table) for table in tables), f"kill {kill}"
    fits[0].save(path)
    assert os.listdir(folder) == ["fit.nc"], os.listdir(folder)
print(left)
"""
"""Forked, so that what is killed is a save and not an import."""


@pytest.fixture
def pickled(fit, other, tmp_path):
    path = tmp_path / "fits.pickle"
    path.write_bytes(pickle.dumps([fit, other]))
    return path


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize(
    "kills", [3, pytest.param(200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_a_killed_save_loses_nothing(fit, pickled, tmp_path, kills):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = fit.save(folder / "fit.nc")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED_SAVES, pickled, path, str(kills)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if kills >= 100:
        assert int(done.stdout) > 0  # else no save was hit while it wrote


def test_a_file_that_is_being_written_is_not_cleared(tmp_path):
    path = tmp_path / "a.txt"
    with atomic_write(path) as first:
        first.write_text("first")
        with atomic_write(path) as second:
            second.write_text("second")
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert leftovers(tmp_path) == []


def test_what_is_stale_is_cleared_and_what_belongs_to_others_is_not(tmp_path):
    path, sibling = tmp_path / "a.txt", tmp_path / "b.txt"
    names = []
    for target in (path, sibling):
        with atomic_write(target) as temporary:
            names.append(temporary.name)
    for name in (*names, ".bayesscale-mine.txt", ".bayesscale-0-1"):
        (tmp_path / name).write_text("left by a killed process, or not")
    with atomic_write(path):
        pass
    assert sorted(leftovers(tmp_path)) == sorted(
        [names[1], ".bayesscale-mine.txt", ".bayesscale-0-1"]
    )


def test_many_threads_save_to_one_path(tmp_path):
    path = tmp_path / "a.txt"

    def write(i):
        with atomic_write(path) as temporary:
            temporary.write_text(str(i) * 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(200)))
    assert len(set(path.read_text()[-1])) == 1
    assert leftovers(tmp_path) == []


LIMITED = """
import pickle, resource, sys
from bayesscale.errors import FileError
fits, path = pickle.load(open(sys.argv[1], "rb")), sys.argv[2]
for limit in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    try:
        fits[1].save(path)
    except FileError as error:
        assert "Nothing was changed" in str(error), error
    else:
        sys.exit("saved beyond the limit")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
fits[1].save(path)
"""


@pytest.mark.parametrize(
    "tries", [8, pytest.param(200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_space_is_an_error_and_the_process_goes_on(fit, other, pickled, tmp_path, tries):
    path = fit.save(tmp_path / "fit.nc")
    size = path.stat().st_size
    rng = random.Random(2)
    limits = [0, 1, size - 1, *(rng.randrange(size) for _ in range(tries - 3))]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, pickled, path, *map(str, limits)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert bs.load_fit(path).summary().equals(other.summary())
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("error", [28, 5])
def test_errors_of_the_disk_at_every_step(fit, other, tmp_path, monkeypatch, error):
    path = fit.save(tmp_path / "fit.nc")
    before = path.read_bytes()
    for owner, step in ((os, "fsync"), (type(path), "write_bytes"), (type(path), "replace")):

        def fail(*_, **__):
            raise OSError(error, os.strerror(error))

        with monkeypatch.context() as broken:
            broken.setattr(owner, step, fail)
            with pytest.raises(FileError, match="Nothing was changed"):
                other.save(path)
        assert path.read_bytes() == before
        assert leftovers(tmp_path) == []
