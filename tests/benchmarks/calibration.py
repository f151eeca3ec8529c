"""Simulation-based calibration of one model at length: its verdict, and what it took.

Usage: python tests/benchmarks/calibration.py STORE [SIMULATIONS] [LAW NOISE DISCREPANCY]

By default a thousand simulations of the default model on a small isoFLOP ladder. Ranked besides
the coordinates: the joint log likelihood, and N* and the loss at a hundred times the largest run
and at 1e24 FLOP. STORE is a folder that keeps finished simulations: an interrupted run goes on.
"""

import sys
import time

import joblib

import bayesscale as bs
from tests.benchmarks._common import chinchilla, isoflop, ladder_of


def main() -> None:
    store, *rest = sys.argv[1:]
    simulations = int(rest[0]) if rest else 1000
    law, noise, discrepancy = rest[1:] if len(rest) > 1 else ("unified", "student_t", "drift")
    sizes = isoflop(1e18, 1e21, 6, 5)
    runs = ladder_of(*sizes, chinchilla(*sizes))  # thirty runs
    start = time.perf_counter()
    c = bs.calibrate(
        runs, law=law, noise=noise, discrepancy=discrepancy, simulations=simulations,
        flops=[100 * runs.flops.max(), 1e24], store=store, random_seed=1,
    )  # fmt: skip
    wall = time.perf_counter() - start
    print(c)
    print(
        f"\n{simulations} simulations: {c.fits['seconds'].sum() / 60:.1f} core-minutes of refits "
        f"({c.fits['seconds'].median():.2f} s each at the median), of which some may have been in "
        f"the store; {wall / 60:.1f} minutes now, on {joblib.cpu_count()} cores. "
        f"{(c.fits['draws'] > 1000).sum()} fits were made again, longer; "
        f"{c.unconverged} did not converge."
    )


if __name__ == "__main__":
    main()
