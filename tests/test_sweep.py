"""Sweeps: when processes pay, what a folder keeps, and that a killed sweep goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

from bayesscale import _sweep
from bayesscale._sweep import SETTINGS, START_SECONDS, Store, store_folder, stored_setting, sweep
from bayesscale.errors import DomainError, FileError

JOBS = {f"job-{i}": i for i in range(6)}


def silent(*_):
    pass


def squared(i):
    return i * i


def options(**more):
    return {"seconds": 0.0, "report": silent, "text": "Working"} | more


def kept(folder, **settings):
    return Store(Path(folder), settings or {"seed": 1}, lambda v: v, lambda v: v)


def test_results_come_in_order_and_progress_is_told():
    told = []
    found = sweep(squared, JOBS, **options(report=lambda *said: told.append(said)))
    assert found == {name: i * i for name, i in JOBS.items()}
    assert list(found) == list(JOBS)
    assert told[0] == ("Working: 0 of 6", 0, 6)
    assert told[-1] == ("Working: 6 of 6", 6, 6)


@pytest.mark.parametrize(
    ("n", "seconds", "cpus", "processes"),
    [
        (6, 0.1, 8, 1),  # over before a process has started
        (2, START_SECONDS, 8, 1),
        (2, 3 * START_SECONDS, 8, 2),
        (100, 1.0, 8, 8),
        (100, 1.0, 1, 1),
        (1, 1e6, 8, 1),
    ],
)
def test_processes_start_where_they_pay(monkeypatch, n, seconds, cpus, processes):
    monkeypatch.setattr(joblib, "cpu_count", lambda: cpus)
    assert _sweep._n_jobs(n, seconds) == processes


@pytest.mark.parametrize(
    "configured", [{"n_jobs": 1}, {"n_jobs": 3}, {"backend": "threading"}], ids=str
)
def test_the_callers_configuration_is_respected(configured):
    with joblib.parallel_config(**configured):
        assert _sweep._n_jobs(1000, 1000.0) is None


def test_a_folder_keeps_what_is_done(tmp_path):
    store, ran = kept(tmp_path / "new"), []

    def stops(i):
        ran.append(i)
        if i == 3:
            raise KeyboardInterrupt
        return squared(i)

    with pytest.raises(KeyboardInterrupt):
        sweep(stops, JOBS, **options(store=store))
    assert ran == [0, 1, 2, 3]
    told = []
    found = sweep(squared, JOBS, **options(store=store, report=lambda *s: told.append(s)))
    assert found == sweep(squared, JOBS, **options())
    assert told[0] == ("Working: 3 of 6", 3, 6)
    assert stored_setting(store.folder, "seed") == 1


def test_a_folder_of_something_else_is_refused(tmp_path):
    settings = {"seed": 1, "formula": [0.1], "flops": [1e20]}
    others = {
        r"seed \(1 there, 2 here\)": settings | {"seed": 2},
        "formula, priors or runs": settings | {"formula": [0.2]},
        r"more \(None there, 1 here\)": settings | {"more": 1},
    }
    sweep(squared, JOBS, **options(store=kept(tmp_path, **settings)))
    other_machine = settings | {"formula": [0.1 + 1e-12]}
    assert sweep(str, JOBS, **options(store=kept(tmp_path, **other_machine)))["job-3"] == 9
    for match, other in others.items():
        with pytest.raises(FileError, match=match) as caught:
            kept(tmp_path, **other).opened().__enter__()
        assert f"{SETTINGS}'" in str(caught.value)


@pytest.mark.parametrize("settings_there", [True, False])
@pytest.mark.parametrize("n", range(len(JOBS)))
def test_a_file_of_another_store_is_refused_by_its_name(tmp_path, n, settings_there):
    mine, theirs = kept(tmp_path / "a", seed=1), kept(tmp_path / "b", seed=2)
    for store in (mine, theirs):
        sweep(squared, JOBS, **options(store=store))
    shutil.copy(theirs.folder / f"job-{n}.json", mine.folder)
    if not settings_there:
        (mine.folder / SETTINGS).unlink()
    with pytest.raises(FileError, match=rf"job-{n}\.json' holds .* seed \(2 there, 1 here\)"):
        sweep(squared, JOBS, **options(store=mine))


def test_folders_of_the_same_settings_are_merged(tmp_path):
    whole, part = kept(tmp_path / "a"), kept(tmp_path / "b")
    sweep(squared, {"job-0": 0}, **options(store=whole))
    sweep(squared, {"job-1": 1}, **options(store=part))
    shutil.copy(part.folder / "job-1.json", whole.folder)
    (whole.folder / SETTINGS).unlink()
    assert whole.read() == {"job-0": 0, "job-1": 1}
    sweep(lambda i: pytest.fail("done again"), {"job-0": 0}, **options(store=whole))
    assert stored_setting(whole.folder, "seed") == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "3", '"text"', "\x00"])
def test_damage_is_named_with_what_to_delete(tmp_path, content):
    store = kept(tmp_path)
    sweep(squared, JOBS, **options(store=store))
    job, settings = tmp_path / "job-2.json", tmp_path / SETTINGS
    whole = job.read_text()
    job.write_text(content)
    with pytest.raises(FileError, match=r"job-2\.json' cannot be read.*delete this file"):
        store.read()
    job.write_text(whole)
    settings.write_text(content)
    for ask in (lambda: stored_setting(tmp_path, "seed"), lambda: store.opened().__enter__()):
        with pytest.raises(FileError, match="Delete only this file"):
            ask()
    settings.unlink()  # as the message says: nothing is lost
    sweep(lambda i: pytest.fail("done again"), JOBS, **options(store=store))


def test_half_written_files_do_not_count(tmp_path):
    store = kept(tmp_path)
    sweep(squared, JOBS, **options(store=store))
    (tmp_path / ".job-9.ab12.json").write_text("{")
    assert store.read() == {name: i * i for name, i in JOBS.items()}


def test_a_store_in_use_is_refused(tmp_path):
    store = kept(tmp_path)
    with store.opened(), pytest.raises(FileError, match="in use by another process"):
        sweep(squared, JOBS, **options(store=store))
    sweep(squared, JOBS, **options(store=store))


@pytest.mark.parametrize("store", [3, "", " ", True, ["a"], "a\0b", b"a"], ids=repr)
def test_a_store_is_a_folder(store):
    with pytest.raises(DomainError, match="store must be a folder"):
        store_folder(store)


SLOW = """
import sys
import time
from pathlib import Path

from bayesscale._sweep import Store, sweep


def same(value):
    return value


def slow(i):
    time.sleep(0.03)
    return i * i


store = Store(Path(sys.argv[1]), {"seed": 1}, same, same)
sweep(slow, {f"job-{i}": i for i in range(40)}, seconds=0, report=lambda *_: None, text="",
      store=store)
"""


def test_kill_9_loses_at_most_the_job_under_way(tmp_path):
    folder = tmp_path / "store"
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", SLOW, str(folder)])
        before = len(list(folder.glob("job-*.json")))
        deadline = time.monotonic() + 60
        while len(list(folder.glob("job-*.json"))) < before + 4 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        done = sorted(folder.glob("job-*.json"))
        assert len(done) >= before + 4
        assert all(json.loads(p.read_text())["result"] == int(p.stem[4:]) ** 2 for p in done)
    subprocess.run([sys.executable, "-c", SLOW, str(folder)], check=True)
    assert kept(folder).read() == {f"job-{i}": i * i for i in range(40)}


ON_DASK = """
import os
import signal
import sys
import time
from pathlib import Path

import joblib
import numpy as np
from dask.distributed import Client, LocalCluster

from bayesscale._sweep import Store, sweep


def same(value):
    return value


def slow(numbers):  # large enough that Dask would put them on a worker
    time.sleep(0.2)
    return int(numbers.sum())


if __name__ == "__main__":
    store = Store(Path(sys.argv[1]), {"seed": 1}, same, same)
    jobs = {f"job-{i}": np.full(1000, i) for i in range(24)}
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client, joblib.parallel_config(backend="dask"):
            victim, *_ = client.run(os.getpid).values()
            told = []

            def report(text, done, total):
                told.append(done)
                if done == 5:
                    os.kill(victim, signal.SIGKILL)

            found = sweep(slow, jobs, seconds=0.2, report=report, text="Working", store=store)
            workers = set(client.run(os.getpid).values())
    assert found == {f"job-{i}": 1000 * i for i in range(24)}
    assert store.read() == found
    assert told == list(range(25))
    assert victim not in workers
    print("nothing lost")
"""


def test_a_dask_cluster_that_loses_a_worker_loses_nothing(tmp_path):
    script = tmp_path / "on_dask.py"
    script.write_text(ON_DASK)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store")],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout == "nothing lost\n", done.stderr


FITS_ON_DASK = """
import sys
import warnings

import joblib
import numpy as np
from dask.distributed import Client

import bayesscale as bs
from tests.simulate import simulate_runs

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    frame = simulate_runs().to_frame().assign(corpus=np.arange(48) % 2)
    how = {"law": "chinchilla", "discrepancy": None, "draws": 100, "tune": 100, "random_seed": 1}
    runs = bs.Runs.from_frame(frame, group="corpus")
    with Client(n_workers=1, dashboard_address=None), joblib.parallel_config(backend="dask"):
        fits = bs.fit_many(runs, group="corpus", store=sys.argv[1], progress=False, **how)
        bs.fit(runs, progress=False, **how).save(f"{sys.argv[1]}.nc")
    print(len(fits.summary.index.unique(level=0)))
"""


def test_fits_are_saved_while_a_dask_client_is_there(tmp_path):
    script = tmp_path / "fits_on_dask.py"
    script.write_text(FITS_ON_DASK)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store")], capture_output=True, text=True,
        check=False, timeout=300, env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.stdout == "2\n", done.stderr
