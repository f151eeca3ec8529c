"""What the sampled density costs: a gradient, by model and by rows, and compiling.

Usage: python tests/benchmarks/density.py [ROWS]

Gradients of simulated ladders are called from machine code, as the sampler calls them; figures are
medians of CPU seconds, up to ROWS (1,000,000). tests/benchmarks/side_by_side.py has what fits cost.
"""

import ctypes
import statistics
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


def gradient_seconds(runs, *, least: float, **model) -> tuple[float, float]:
    """Return CPU seconds of one gradient, and of compiling."""
    from bayesscale.density import FusedDensity, compile_text, trace
    from bayesscale.model import model_data, specify

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


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    least = min(0.3, most / 3e6)  # CPU seconds of measuring
    models = {
        "unified drift student_t": {},
        "chinchilla none student_t": {"law": "chinchilla", "discrepancy": None},
        "kaplan drift normal": {"law": "kaplan", "noise": "normal"},
        "unified drift one_sided": {"noise": "one_sided"},
    }
    print(f"{'240 rows':34s}{'us/gradient':>12s}{'compile s':>12s}")
    for name, model in models.items():
        seconds, compiling = gradient_seconds(simulated(240), least=least, **model)
        print(f"{name:34s}{1e6 * seconds:12.2f}{compiling:12.2f}")
    seconds, compiling = gradient_seconds(clustered(240), least=least)
    print(f"{'default, 24 clusters':34s}{1e6 * seconds:12.2f}{compiling:12.2f}")
    print(f"\n{'rows, default model':34s}{'us/gradient':>12s}{'ns/row':>12s}")
    for n in (6, 48, 100, 1000, 10_000, 100_000, 1_000_000):
        if n <= most:
            seconds, _ = gradient_seconds(simulated(n), least=least)
            print(f"{n:<34d}{1e6 * seconds:12.2f}{1e9 * seconds / n:12.1f}")


if __name__ == "__main__":
    main()
