"""The same law on the same runs: plain PyMC and bayesscale, side by side in one call.

Usage: python tests/benchmarks/side_by_side.py PLAIN_PYMC.py RUNS.csv [REPEATS]

PLAIN_PYMC.py is a script that takes RUNS.csv and prints one JSON line with min_ess and steps (the
gradient evaluations of the kept draws). Both are whole processes, taken in turn; figures are
medians. Run it twice and read the second: the first call on a machine also compiles.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

OURS = "import sys; sys.path.insert(0, sys.argv[1]); import side_by_side; side_by_side.ours()"


def ours() -> None:
    """Fit, summarise and print what it took; then, if asked to, refit on other runs."""
    start = time.perf_counter()
    import pandas as pd

    import bayesscale as bs

    frame = pd.read_csv(sys.argv[2])
    if "outlier_besiroglu" in frame:
        frame = frame[frame.outlier_besiroglu == 0]
    same = {"law": "chinchilla", "discrepancy": None, "progress": False}  # as in plain PyMC
    fit = bs.fit(bs.Runs.from_frame(frame), random_seed=1, **same)
    names = ["E", "A", "B", "alpha_N", "alpha_D", "sigma"]
    stats = fit.draws["sample_stats"].dataset
    result = {
        "total_s": time.perf_counter() - start,
        "min_ess": float(fit.summary().loc[names, "ess_bulk"].min()),
        "steps": int(stats["n_steps"].sum()),
        "tuning_steps": stats.attrs["tuning_gradient_evaluations"],
        "passed": fit.passed,
    }
    if sys.argv[3] == "refit":
        times = []
        for seed in range(5):
            start = time.perf_counter()
            other = bs.Runs.from_frame(frame.sample(len(frame) - 10, random_state=seed))
            bs.fit(other, random_seed=seed, **same).summary()
            times.append(time.perf_counter() - start)
        result["refit_s"] = statistics.median(times)
    sys.stdout.write(json.dumps(result) + "\n")


def run(command: list[str]) -> dict[str, float]:
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    wall = time.perf_counter() - start
    return {"wall_s": wall} | json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    plain_script, runs = sys.argv[1:3]
    repeats = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    here = str(Path(__file__).parent)
    plain, own = [], []
    for _ in range(repeats):
        plain.append(run([sys.executable, plain_script, runs]))
        own.append(run([sys.executable, "-c", OURS, here, runs, "once"]))
    refit = run([sys.executable, "-c", OURS, here, runs, "refit"])

    def median(results: list[dict[str, float]], key: str) -> float:
        return statistics.median(r[key] for r in results)

    plain_wall, own_wall = median(plain, "wall_s"), median(own, "wall_s")
    plain_rate = median(plain, "min_ess") / median(plain, "steps")
    own_rate = median(own, "min_ess") / median(own, "steps")
    print(f"{'':34s}{'plain PyMC':>12s}{'bayesscale':>12s}{'ratio':>9s}")
    rows = [
        ("whole process, s", plain_wall, own_wall, own_wall / plain_wall),
        ("smallest bulk ESS", median(plain, "min_ess"), median(own, "min_ess"),
         median(own, "min_ess") / median(plain, "min_ess")),
        ("gradients of kept draws", median(plain, "steps"), median(own, "steps"),
         median(own, "steps") / median(plain, "steps")),
        ("ESS per 1000 gradients", 1e3 * plain_rate, 1e3 * own_rate, own_rate / plain_rate),
        ("refit on other runs, s", plain_wall, refit["refit_s"], refit["refit_s"] / plain_wall),
    ]  # fmt: skip
    for name, a, b, ratio in rows:
        print(f"{name:34s}{a:12.4g}{b:12.4g}{ratio:9.4g}")
    print("walls:", [round(r["wall_s"], 1) for r in plain], [round(r["wall_s"], 1) for r in own])


if __name__ == "__main__":
    main()
