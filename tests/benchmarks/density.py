"""What the sampled density costs: a gradient, a row, a cold fit and a refit.

Usage: python tests/benchmarks/density.py [RUNS.csv] [REPEATS]

RUNS.csv is what bs.read_runs reads; without it a ladder of 240 runs is simulated. Gradients are
called from machine code, as the sampler calls them; fits are whole processes. Figures are medians;
CPU seconds are of the process with all its threads.
"""

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

CALLS = """
define void @calls(i64 %n, ptr %f, i64 %dim, ptr %u, ptr %gradient, ptr %value, ptr %data) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %rc = call i64 %f(i64 %dim, ptr %u, ptr %gradient, ptr %value, ptr %data)
  %next = add i64 %i, 1
  %again = icmp ult i64 %next, %n
  br i1 %again, label %loop, label %after
after:
  ret void
}
"""


def simulated(n_runs: int):
    """Draw a ladder from Chinchilla's law with noise of half a percent."""
    import bayesscale as bs

    rng = np.random.default_rng(0)
    params, ratio = rng.lognormal(20, 1.5, n_runs), rng.lognormal(3, 1, n_runs)
    tokens = params * ratio
    loss = 1.8 + 480 * params**-0.35 + 2000 * tokens**-0.366
    loss = np.clip(loss * np.exp(0.005 * rng.standard_t(4, n_runs)), 1.8, 9.0)
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": loss})


def clustered(n_runs: int):
    """Make every ten rows of a ladder one run's."""
    import bayesscale as bs

    frame = simulated(n_runs).frame.assign(run=np.arange(n_runs) // 10)
    return bs.Runs.from_frame(frame, cluster="run")


def gradient_seconds(runs, *, least: float = 0.3, **model) -> tuple[float, float]:
    """Return CPU seconds of one gradient, and of compiling."""
    from bayesscale.density import FusedDensity, trace
    from bayesscale.density.native import compile_text
    from bayesscale.model.data import model_data
    from bayesscale.model.spec import specify

    spec = specify(runs, **model)
    start = time.process_time()
    fused = FusedDensity(trace(spec))
    compiling = time.process_time() - start
    address, data, alive = fused.bind(model_data(spec, runs)).native
    engine = compile_text(CALLS)
    pointer = ctypes.c_void_p
    calls = ctypes.CFUNCTYPE(None, ctypes.c_int64, pointer, ctypes.c_int64, *[pointer] * 4)(
        engine.get_function_address("calls")
    )
    u = np.array([k.loc for k in spec.coordinates])
    out = np.empty(len(u) + 1)
    at = (address, len(u), u.ctypes.data, out.ctypes.data + 8, out.ctypes.data, data)

    def timed(n: int) -> float:
        start = time.process_time()
        calls(n, *at)
        return (time.process_time() - start) / n

    n = 1
    while (once := timed(n)) * n < least / 10:
        n *= 4
    n = max(1, int(least / 5 / once))
    assert alive is not None
    return statistics.median(timed(n) for _ in range(5)), compiling


def gradients() -> None:
    default = {}
    models = {
        "unified drift student_t": default,
        "chinchilla none student_t": {"law": "chinchilla", "discrepancy": None},
        "kaplan quadratic normal": {"law": "kaplan", "discrepancy": "quadratic", "noise": "normal"},
        "unified drift one_sided": {"noise": "one_sided"},
    }
    print(f"{'240 rows':34s}{'us/gradient':>12s}{'compile s':>12s}")
    for name, model in models.items():
        seconds, compiling = gradient_seconds(simulated(240), **model)
        print(f"{name:34s}{1e6 * seconds:12.2f}{compiling:12.2f}")
    seconds, compiling = gradient_seconds(clustered(240))
    print(f"{'default, 24 clusters':34s}{1e6 * seconds:12.2f}{compiling:12.2f}")
    print(f"\n{'rows, default model':34s}{'us/gradient':>12s}{'ns/row':>12s}")
    for n in (1, 48, 100, 1000, 10_000, 100_000, 1_000_000):
        seconds, _ = gradient_seconds(simulated(max(n, 6)))
        print(f"{max(n, 6):<34d}{1e6 * seconds:12.2f}{1e9 * seconds / max(n, 6):12.1f}")


def read(path: str):
    """Read a ladder; without the five outliers, where it is Chinchilla's as published."""
    import pandas as pd

    import bayesscale as bs

    frame = pd.read_csv(path)
    if "outlier_besiroglu" in frame:
        frame = frame[frame.outlier_besiroglu == 0]
    return bs.Runs.from_frame(frame)


def one_process(path: str) -> None:
    """Fit, then refit other rows, and tell what each took."""
    import warnings

    import bayesscale as bs

    warnings.simplefilter("ignore")
    runs = read(path) if path else simulated(240)
    told = {}
    for model, options in (("", {}), ("law only, ", {"law": "chinchilla", "discrepancy": None})):
        for name in ("first fit", "refit", "refit"):
            wall, cpu = time.perf_counter(), time.process_time()
            fit = bs.fit(runs, random_seed=1, progress=False, **options)
            told[model + name] = (time.perf_counter() - wall, time.process_time() - cpu)
        assert fit.convergence.passed
    sys.stdout.write(json.dumps(told) + "\n")


def fits(path: str, repeats: int) -> None:
    results = []
    for _ in range(repeats):
        before, wall = os.times(), time.perf_counter()
        command = [sys.executable, __file__, "--one", path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        whole, after = time.perf_counter() - wall, os.times()
        cpu = (after.children_user - before.children_user) + (
            after.children_system - before.children_system
        )
        told = json.loads(done.stdout.splitlines()[-1])
        others = [sum(v[i] for k, v in told.items() if k != "first fit") for i in (0, 1)]
        told["cold process to its first fit"] = (whole - others[0], cpu - others[1])
        results.append(told)
    print(f"\n{'fits':34s}{'wall s':>12s}{'CPU s':>12s}")
    for name in ("cold process to its first fit", "refit", "law only, first fit",
                 "law only, refit"):  # fmt: skip
        wall, cpu = (statistics.median(r[name][i] for r in results) for i in (0, 1))
        print(f"{name:34s}{wall:12.2f}{cpu:12.2f}")


def main() -> None:
    path = sys.argv[1] if len(sys.argv) > 1 else ""
    gradients()
    fits(path, int(sys.argv[2]) if len(sys.argv) > 2 else 5)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one_process(sys.argv[2])
    else:
        main()
