"""What a row costs: time a gradient and peak memory for 1e2 to 1e5 simulated runs.

Usage: python tests/benchmarks/rows.py

Each size is a process of its own: a short fit for the peak memory, then gradients for the time.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np


def one(n_runs: int) -> None:
    import warnings

    import bayesscale as bs
    from bayesscale.inference.compiled import compile_model
    from bayesscale.model.data import model_data

    rng = np.random.default_rng(0)
    params, ratio = rng.lognormal(20, 1.5, n_runs), rng.lognormal(3, 1, n_runs)
    tokens = params * ratio
    loss = 1.8 + 480 * params**-0.35 + 2000 * tokens**-0.366
    loss = np.clip(loss * np.exp(0.005 * rng.standard_t(4, n_runs)), 1.8, 9.0)
    runs = bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": loss})
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few draws need not converge: this is about memory
        fit = bs.fit(
            runs, law="chinchilla", discrepancy=None, draws=100, tune=200, chains=2,
            random_seed=1, progress=False,
        )  # fmt: skip
    seconds = time.perf_counter() - start
    compiled, data = compile_model(fit.spec, runs), model_data(fit.spec, runs)
    u = np.array([0.0, 0.5, 0.1, -1.0, -1.0, -5.0, 1.5])
    repeats = max(10, 2_000_000 // n_runs)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(repeats):
            compiled.log_density(u, data)
        times.append((time.perf_counter() - begin) / repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    result = {"gradient_us": 1e6 * float(np.median(times)), "peak_gib": peak, "fit_s": seconds}
    sys.stdout.write(json.dumps(result) + "\n")


def main() -> None:
    print(f"{'runs':>8s}{'us/gradient':>13s}{'ns/run':>9s}{'peak GiB':>10s}{'short fit s':>13s}")
    for n_runs in (100, 1000, 10_000, 100_000):
        command = [sys.executable, __file__, str(n_runs)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        r = json.loads(done.stdout.strip().splitlines()[-1])
        per_run = 1e3 * r["gradient_us"] / n_runs
        print(
            f"{n_runs:8d}{r['gradient_us']:13.1f}{per_run:9.1f}"
            f"{r['peak_gib']:10.2f}{r['fit_s']:13.1f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(int(sys.argv[1]))
    else:
        main()
