"""How long optimal splits take: draws × budgets, by law, with and without drift.

Usage: python tests/benchmarks/allocation.py [DRAWS]

CPU seconds of one core for N* and D* of 4 × 1,000 DRAWS at 200 budgets, in closed form and solved
for, and for 1e5 and 1e6 pairs, whose ratio shows that time grows in line with them.
"""

import sys
import time

import numpy as np

from bayesscale.accounting import PowerCost
from bayesscale.forecast import Frontier, Terms
from tests.simulate import fit_at, simulate_runs


def main() -> None:
    runs, draws = simulate_runs(), int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for law, discrepancy in (("chinchilla", None), ("unified", None), ("unified", "drift")):
        fit = fit_at(runs, law, spread=0.05, draws=draws, discrepancy=discrepancy)
        posterior = fit.posterior.flat()
        for budgets in (200, 25, 250):
            flops = np.geomspace(1e18, 1e25, budgets)
            frontier = Frontier.of(posterior, flops, Terms(cost=PowerCost()), {})
            told = f"{law}, {discrepancy}, {4 * draws} x {budgets}:"
            for name, solve in (("default", frontier.optimum), ("solved", frontier.lowest)):
                start = time.process_time()
                solve()
                told += f" {name} {time.process_time() - start:.2f} s"
            print(told)


if __name__ == "__main__":
    main()
