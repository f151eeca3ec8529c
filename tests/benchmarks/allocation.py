"""How long optimal splits take: draws × budgets, by law, with and without drift.

Usage: python tests/benchmarks/allocation.py

CPU seconds of one core for N* and D* of 4,000 draws at 200 budgets, in closed form and solved for,
and for 1e5 and 1e6 pairs, whose ratio shows that time grows in line with them.
"""

import time

import numpy as np

from bayesscale.forecast import Lines, Terms, lowest, optima
from bayesscale.laws import PowerCost
from tests.simulate import fit_at, simulate_runs


def main() -> None:
    runs = simulate_runs()
    for law, discrepancy in (("chinchilla", None), ("unified", None), ("unified", "drift")):
        posterior = fit_at(runs, law, spread=0.05, draws=1000, discrepancy=discrepancy)
        posterior = posterior.posterior.flat()
        for budgets in (200, 25, 250):
            flops = np.geomspace(1e18, 1e25, budgets)
            lines = Lines.of(posterior, flops, PowerCost(), {}, Terms())
            told = f"{law}, {discrepancy}, 4000 x {budgets}:"
            for name, solve in (("default", optima), ("solved", lowest)):
                start = time.process_time()
                solve(lines)
                told += f" {name} {time.process_time() - start:.2f} s"
            print(told)


if __name__ == "__main__":
    main()
