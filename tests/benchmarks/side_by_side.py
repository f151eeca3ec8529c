"""What a first answer costs: plain PyMC and bayesscale, alternating in one call.

Usage: python tests/benchmarks/side_by_side.py PLAIN_PYMC.py RUNS.csv [REPEATS]

PLAIN_PYMC.py is a script that fits the law alone to RUNS.csv with pm.sample, and prints one JSON
line with min_ess. Each line of the table is a whole process, a refit the median of some more fits
in it; figures are medians, CPU seconds are of all threads and processes, ratios are of CPU seconds
to those of plain PyMC. Run it twice and read the second: the first call on a machine also compiles.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = str(Path(__file__).parent)
OURS = "import sys; sys.path.insert(0, sys.argv[1]); import side_by_side; side_by_side.{}()"
LAW = {"law": "chinchilla", "discrepancy": None}
ASKED = {"default": 0.2, "default, refit": 0.08, "law for true": 0.1, "quickstart": 0.5}
"""Of plain PyMC's CPU seconds, at most."""
REFIT_SEEDS = (2, 3, 4, 5, 6)
"""Some seeds are sampled again, at twice the cost: one would say how lucky it was."""


def plain() -> None:
    """Run the script of plain PyMC, and print besides what nutpie's sampling alone took."""
    import runpy

    import nutpie

    sample, took = nutpie.sample, []

    def timed(*args, **options):
        start = time.process_time()
        result = sample(*args, **options)
        took.append(time.process_time() - start)
        return result

    nutpie.sample = timed
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.stdout.write(json.dumps({"sampling_s": sum(took)}) + "\n")


def ours() -> None:
    """Fit and summarise, then refit with other seeds; print the median CPU seconds and wall."""
    import pandas as pd

    import bayesscale as bs
    from bayesscale.inference import sampler

    run, took = sampler.run_chains, []

    def timed(*args, **options):
        start = time.process_time()
        result = run(*args, **options)
        took.append(time.process_time() - start)
        return result

    sampler.run_chains = timed  # pyright: ignore[reportAttributeAccessIssue]
    frame = pd.read_csv(sys.argv[2])
    if "outlier_besiroglu" in frame:
        frame = frame[frame.outlier_besiroglu == 0]
    runs, model = bs.Runs.from_frame(frame), json.loads(sys.argv[3])
    fit = bs.fit(runs, random_seed=1, progress=False, **model)
    names = ["E", "A", "B", "alpha_N", "alpha_D", "sigma"]
    told = {
        "min_ess": float(fit.summary().loc[names, "ess_bulk"].min()),
        "sampling_s": sum(took),
        "converged": fit.convergence.passed,
    }
    whole = time.perf_counter(), time.process_time()
    refits = []
    for seed in REFIT_SEEDS:
        start, cpu = time.perf_counter(), time.process_time()
        bs.fit(runs, random_seed=seed, progress=False, **model).summary()
        refits.append((time.perf_counter() - start, time.process_time() - cpu))
    told["refit_wall_s"], told["refit_s"] = map(statistics.median, zip(*refits, strict=True))
    told["refits_wall_s"] = time.perf_counter() - whole[0]
    told["refits_s"] = time.process_time() - whole[1]
    sys.stdout.write(json.dumps(told) + "\n")


def process(*command: str) -> dict[str, float]:
    """Run a process: its wall and CPU seconds, and what its JSON lines say."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *command], capture_output=True, text=True, check=True
    )
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system
    told = {"wall": wall, "cpu": cpu - before.children_user - before.children_system}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            told |= json.loads(line)
    return told


def once(script: str, runs: str) -> dict[str, dict[str, float]]:
    """Run each once."""
    found = {"plain PyMC": process("-c", OURS.format("plain"), HERE, script, runs)}
    for name, model in (("default", {}), ("law for true", LAW)):
        told = process("-c", OURS.format("ours"), HERE, runs, json.dumps(model))
        refits = {"wall": told["refits_wall_s"], "cpu": told["refits_s"]}
        found[name] = told | {k: told[k] - refits[k] for k in refits}
        found[f"{name}, refit"] = {"wall": told["refit_wall_s"], "cpu": told["refit_s"]}
    with tempfile.TemporaryDirectory() as folder:
        command = "from bayesscale.cli import main; main()"
        found["quickstart"] = process("-c", command, "quickstart", "--output-dir", folder)
    return found


def main() -> None:
    script, runs = sys.argv[1:3]
    repeats = [once(script, runs) for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 5)]

    def median(name: str, key: str) -> float:
        return statistics.median(r[name][key] for r in repeats)

    base = median("plain PyMC", "cpu")
    print(f"{'':24s}{'wall s':>9s}{'CPU s':>9s}{'ratio':>9s}{'asked':>9s}")
    for name in repeats[0]:
        cpu = median(name, "cpu")
        asked = ASKED.get(name, "")
        print(f"{name:24s}{median(name, 'wall'):9.2f}{cpu:9.2f}{cpu / base:9.3f}{asked:>9}")
    print(f"\n{'':24s}{'min ESS':>9s}{'CPU s':>9s}{'a CPU s':>9s}   (of sampling alone)")
    rates = {}
    for name in ("plain PyMC", "law for true", "default"):
        ess, cpu = median(name, "min_ess"), median(name, "sampling_s")
        rates[name] = ess / cpu
        print(f"{name:24s}{ess:9.0f}{cpu:9.2f}{rates[name]:9.0f}")
    print(f"law for true / plain PyMC: {rates['law for true'] / rates['plain PyMC']:.0f}x (300)")
    print("converged:", [r["default"]["converged"] for r in repeats])


if __name__ == "__main__":
    main()
