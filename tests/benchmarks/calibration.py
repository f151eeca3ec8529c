"""Simulation-based calibration of one model at length: its verdict, and what it took.

Usage: python tests/benchmarks/calibration.py STORE [SIMULATIONS] [LAW NOISE DISCREPANCY]
       python tests/benchmarks/calibration.py STORE as_fitted [SIMULATIONS]

By default a thousand simulations of the default model on a small isoFLOP ladder. Ranked besides
the coordinates: the joint log likelihood, and N* and the loss at a hundred times the largest run
and at 1e24 FLOP; laws of further inputs have runs of several values of them, and no such rank.
``as_fitted`` simulates what users do: a fit takes the centre and the spread of losses from the
simulated runs, while calibration keeps those of the model that made them; ranked is the loss of the
last run's shape at 10 and 100 times its compute. STORE is a folder that keeps finished simulations:
an interrupted run goes on.
"""

import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

import bayesscale as bs
from bayesscale.calibration import p_value
from bayesscale.model import Posterior, specify
from tests.benchmarks._common import chinchilla, fitted, isoflop, kept, ladder_of

SIZES = isoflop(1e18, 1e21, 6, 5)  # thirty runs
BEYOND = (10.0, 100.0)
DRAWS = 100
FURTHER = {
    "unique_tokens": (1.0, 4.0, 16.0), "experts": (1, 4, 16, 64, 256), "weight_bits": (16, 8, 4, 2),
    "activation_bits": (16, 8, 4), "method": ("16/16", "8/8", "4/4", "4/4 b"),
}  # fmt: skip
"""Values of further inputs that the runs take in turn; of unique tokens, epochs."""


def as_fitted(seed: int) -> dict[str, float]:
    """Return the rank of each quantity of a truth among a fit's draws, as a user would make it."""
    flat = ladder_of(*SIZES, chinchilla(*SIZES))
    spec, rng = specify(flat), np.random.default_rng([12, seed])
    while True:
        truth = Posterior.of(spec, spec.space.draw(rng, 1))
        try:
            runs = ladder_of(flat.params, flat.tokens, truth.simulate(flat, rng)[0])
            break
        except bs.errors.RunsError:  # no losses that a table may hold
            continue
    fit = fitted(runs, random_seed=seed)
    few, ranks = fit.posterior.thin(DRAWS), {"converged": float(fit.convergence.passed)}
    for times in BEYOND:
        factor = np.sqrt(times)
        at = {"params": factor * runs.params[-1:], "tokens": factor * runs.tokens[-1:]}
        own = float(truth.log_loss(at)[0, 0])
        ranks[f"loss at {times:g}x"] = float((few.log_loss(at)[:, 0] < own).sum())
    return ranks


def calibrate_as_fitted(store: Path, simulations: int) -> None:
    rows = [kept(store / f"as_fitted_{i}", lambda i=i: as_fitted(i)) for i in range(simulations)]
    table = pd.DataFrame(rows)
    print(f"{len(table)} simulations, {(table.pop('converged') == 0).sum()} did not converge")
    for name, ranks in table.astype(int).items():
        inside = {q: ((ranks > (50 - q / 2)) & (ranks < 50 + q / 2)).mean() for q in (50, 90)}
        p = p_value(ranks.to_numpy(), DRAWS)
        print(f"{name}: p = {p:.3g}, mean rank {ranks.mean():.1f} of {DRAWS}, inside {inside}")


def main() -> None:
    store, *rest = sys.argv[1:]
    Path(store).mkdir(parents=True, exist_ok=True)
    if rest and rest[0] == "as_fitted":
        warnings.simplefilter("ignore")
        calibrate_as_fitted(Path(store), int(rest[1]) if len(rest) > 1 else 100)
        return
    simulations = int(rest[0]) if rest else 1000
    law, noise, discrepancy = rest[1:] if len(rest) > 1 else ("unified", "student_t", "drift")
    runs = ladder_of(*SIZES, chinchilla(*SIZES))
    flops = [100 * runs.flops.max(), 1e24]
    further = {k: v for k, v in FURTHER.items() if k in bs.LAWS[law].quantities}
    if further:
        columns = {k: np.resize(v, len(runs)) for k, v in further.items()}
        if "unique_tokens" in columns:
            columns["unique_tokens"] = runs.tokens / columns["unique_tokens"]
        inputs, group = {k: k for k in columns if k != "method"}, "method" in columns
        runs = bs.Runs.from_frame(
            runs.frame.assign(**columns), inputs=inputs, group="method" if group else None
        )
        flops = None
    start = time.perf_counter()
    c = bs.calibrate(
        runs, law=law, noise=noise, discrepancy=discrepancy, simulations=simulations,
        flops=flops, store=store, random_seed=1,
    )  # fmt: skip
    wall = time.perf_counter() - start
    print(c)
    print(
        f"\n{simulations} simulations: {c.fits['seconds'].sum() / 60:.1f} core-minutes of refits "
        f"({c.fits['seconds'].median():.2f} s each at the median), of which some may have been in "
        f"the store; {wall / 60:.1f} minutes now, on {joblib.cpu_count()} cores; "
        f"{c.unconverged} did not converge."
    )


if __name__ == "__main__":
    main()
