"""Many ladders in one call: fits a core-minute, memory of this process, size of the store.

    python tests/benchmarks/many_ladders.py [ladders, 50,200]

Ladders of 40 runs simulated from the law of Besiroglu et al. with noise of .5 %, the default model,
all cores. For each number of ladders: the time; the largest memory of this process and of a worker;
the store's size and files; and the time of the same call again, which finds all of them done.

What a million ladders on a thousand cores need, by these figures (39 fits a core-minute, 2.6 MiB a
fit, 6 kB a summary): 430 core-hours, so half an hour; 2.6 TB in two million files, 7,800 in each of
256 folders, or 6 GB with fits=False; some 650 tasks a second, which is near what one Dask scheduler
hands out, so that this breaks first: divide the ladders between calls, each with a store of its
own, as one store is locked by one caller. That caller holds a million tables of runs and summaries,
some 20 GB.
"""

import os
import resource
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

import bayesscale as bs
from tests.benchmarks._common import isoflop
from tests.forecast.published import BESIROGLU


def ladder(seed: int) -> bs.Runs:
    """Simulate 40 runs at five budgets."""
    e, a, b, alpha, beta = BESIROGLU
    n, d = isoflop(1e18, 1e20, 5, 8, (4, 100))
    noise = 0.005 * np.random.default_rng(seed).standard_normal(len(n))
    loss = (e + a * n**-alpha + b * d**-beta) * np.exp(noise)
    return bs.Runs.from_frame({"params": n, "tokens": d, "loss": loss})


def peak(who: int) -> float:
    """Return the largest memory so far, MiB."""
    return resource.getrusage(who).ru_maxrss / 1024


def main() -> None:
    warnings.simplefilter("ignore")
    counts = [int(n) for n in (sys.argv[1] if len(sys.argv) > 1 else "50,200").split(",")]
    for count in counts:
        ladders = {f"ladder {i}": ladder(i) for i in range(count)}
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            many = bs.fit_many(ladders, store=folder, random_seed=1, progress=False)
            wall = time.perf_counter() - start
            start = time.perf_counter()
            again = bs.fit_many(ladders, store=folder, random_seed=1, progress=False)
            resumed = time.perf_counter() - start
            assert again.summary.equals(many.summary)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            size = sum(path.stat().st_size for path in files)
        print(
            f"{count} ladders: {wall:.0f} s, {60 * count / wall / (os.cpu_count() or 1):.1f} fits "
            f"a core-minute, memory {peak(resource.RUSAGE_SELF):.0f} MiB, a "
            f"worker {peak(resource.RUSAGE_CHILDREN):.0f} MiB, store {size / 2**20:.0f} MiB in "
            f"{len(files)} files, again {resumed:.1f} s; "
            f"{many.ladders['severity'].value_counts().to_dict()}",
            flush=True,
        )


if __name__ == "__main__":
    main()
