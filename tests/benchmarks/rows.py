"""What many rows cost: a default fit of simulated runs, each size a process of its own.

Usage: python tests/benchmarks/rows.py [ROWS ...]

Ten thousand rows shall converge within a minute on two cores, and a hundred thousand within five,
in less than 2 GiB. tests/benchmarks/density.py has the time of a gradient.
"""

import json
import resource
import subprocess
import sys
import time

from tests.benchmarks._common import fitted
from tests.benchmarks.density import simulated


def one(n_runs: int) -> None:
    from bayesscale.checks import diagnostics

    runs = simulated(n_runs)
    wall, cpu = time.perf_counter(), time.process_time()
    fit = fitted(runs)
    told = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    table, stats = diagnostics(fit.coordinates), fit.draws["sample_stats"]
    told |= {
        "ess": float(table["ess_bulk"].min()),
        "r_hat": float(table["r_hat"].max()),
        "gradients": int(stats["n_steps"].sum()) + stats.attrs["tuning_gradient_evaluations"],
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    sys.stdout.write(json.dumps(told) + "\n")


def main() -> None:
    sizes = [int(n) for n in sys.argv[1:]] or [1000, 10_000, 100_000]
    print(f"{'rows':>8s}{'wall s':>9s}{'CPU s':>9s}{'gradients':>11s}{'min ESS':>9s}"
          f"{'R-hat':>8s}{'GiB':>6s}")  # fmt: skip
    for n_runs in sizes:
        command = [sys.executable, __file__, "--one", str(n_runs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        r = json.loads(done.stdout.splitlines()[-1])
        print(f"{n_runs:8d}{r['wall']:9.1f}{r['cpu']:9.1f}{r['gradients']:11,d}{r['ess']:9.0f}"
              f"{r['r_hat']:8.4f}{r['gib']:6.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one(int(sys.argv[2]))
    else:
        main()
