"""How costs grow: with rows, clusters, budgets and targets, each over some decades.

Usage: python tests/benchmarks/scale.py rows|clusters|budgets|targets [SIZES ...]

rows: a default fit of simulated runs; clusters: the same with every four rows of one cluster; both
with each size in a process of its own. Ten thousand rows shall converge within a minute on two
cores, and a hundred thousand within five, in less than 2 GiB. budgets, targets: bs.allocate and
bs.extrapolate of a default fit of the embedded ladder, 4,000 draws. The last column is the exponent
of CPU time between two sizes. tests/benchmarks/density.py has the time of a gradient.
"""

import json
import resource
import subprocess
import sys
import time
import warnings

import numpy as np

import bayesscale as bs
from tests.benchmarks._common import fitted
from tests.benchmarks.density import simulated

SIZES = {
    "rows": (100, 1000, 10_000, 100_000), "clusters": (100, 1000, 10_000),
    "budgets": (1, 10, 100, 1000), "targets": (10, 100, 1000, 10_000),
}  # fmt: skip


def one(what: str, size: int) -> None:
    """Fit so many runs, and print what it took."""
    from bayesscale.checks import diagnostics

    runs = simulated(size)
    if what == "clusters":
        frame = runs.frame.assign(of=[f"cluster {i // 4}" for i in range(size)])
        runs = bs.Runs.from_frame(frame, cluster="of")
    wall, cpu = time.perf_counter(), time.process_time()
    fit = fitted(runs)
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    table, stats = diagnostics(fit.coordinates), fit.draws["sample_stats"]
    told |= {
        "ess": float(table["ess_bulk"].min()),
        "r_hat": float(table["r_hat"].max()),
        "gradients": int(stats["n_steps"].sum()) + stats.attrs["tuning_gradient_evaluations"],
    }
    finish(told)


def answers(what: str, sizes: tuple[int, ...]) -> None:
    """Ask one fit about more and more budgets or targets, and print what it took."""
    warnings.simplefilter("ignore")
    fit = fitted(bs.load_example())
    questions = {
        "budgets": lambda k: bs.allocate(fit, flops=np.geomspace(1e15, 1e18, k)),
        "targets": lambda k: bs.extrapolate(
            fit, params=np.geomspace(1e6, 1e8, k), tokens=np.geomspace(1e8, 1e10, k)
        ),
    }
    questions[what](sizes[0])  # what is compiled is compiled
    for size in sizes:
        wall, cpu = time.perf_counter(), time.process_time()
        questions[what](size)
        finish({"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu})


def finish(told: dict[str, float]) -> None:
    """Print a line of results as JSON."""
    told["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def results(what: str, sizes: tuple[int, ...]):
    """Yield what each size took."""
    command = [sys.executable, __file__, "--one", what]
    every = [str(size) for size in sizes]
    for arguments in [[size] for size in every] if what in ("rows", "clusters") else [every]:
        with subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, text=True) as run:
            yield from map(json.loads, run.stdout or ())


def main() -> None:
    what, *asked = sys.argv[1:] or ["budgets"]
    sizes = tuple(map(int, asked)) or SIZES[what]
    print(f"{what:>10s}{'wall s':>9s}{'CPU s':>9s}{'GiB':>6s}{'exponent':>9s}  more")
    last = None
    for size, row in zip(sizes, results(what, sizes), strict=True):
        wall, cpu, gib = (row.pop(name) for name in ("wall", "cpu", "gib"))
        grows = "" if last is None else f"{np.log(cpu / last[1]) / np.log(size / last[0]):.2f}"
        more = ", ".join(f"{name} {value:,.5g}" for name, value in row.items())
        print(f"{size:10d}{wall:9.2f}{cpu:9.2f}{gib:6.2f}{grows:>9s}  {more}", flush=True)
        last = size, cpu


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        what, sizes = sys.argv[2], tuple(map(int, sys.argv[3:]))
        one(what, sizes[0]) if what in ("rows", "clusters") else answers(what, sizes)
    else:
        main()
