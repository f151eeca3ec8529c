"""What a comparison of Kaplan's law with Chinchilla's says where one is true, and where neither is.

    python tests/benchmarks/third_truth.py [simulations a truth, 6] [of the third truth, 50]

Runs are simulated from the published constants of each law and from a third one, whose loss falls
in two steps, on designs of 24 to 48 runs; both laws are fitted with drift and short chains, and
compared with drift and assumed exact. What must hold: the headline favours the true law in all
simulations of the first two; of the third, no probability above .9 is given where both laws fail
their checks.
"""

import sys

import numpy as np
import pandas as pd

import bayesscale as bs
from tests.benchmarks._common import fitted, ladder_of
from tests.benchmarks.fair_fight import DESIGNS, TRUTHS

SIGMA, NU = 0.005, 5.0
SHORT = {"draws": 250, "tune": 400}


def two_steps(n, d):
    """Return a loss that falls in two steps of compute, which neither law can."""
    x = np.log10(6 * n * d) - 19.5
    fast = 0.5 * (np.tanh(4 * (x + 0.7)) + np.tanh(4 * (x - 0.7)))
    return np.exp(1.0 - 0.06 * np.log(10) * x - 0.06 * fast)


def compared(design, law, seed):
    """Return what a comparison says of a simulated ladder, one row."""
    params, tokens = DESIGNS[design]
    noise = SIGMA * np.random.default_rng(seed).standard_t(NU, len(params))
    runs = ladder_of(params, tokens, np.log(law(params, tokens)) + noise)
    fits = {each: fitted(runs, law=each, random_seed=seed, **SHORT) for each in TRUTHS}
    found = bs.compare(fits, criteria="evidence", prior_grid=False, progress=False)
    table = found.summary
    drift = table[table["discrepancy"] == "drift"]
    exact = table[table["discrepancy"] == "none"]
    return {
        "design": design, "seed": seed,
        "headline": table.loc[(drift if len(drift) > 1 else exact)["log_evidence"].idxmax(), "law"],
        "exact": table.loc[exact["log_evidence"].idxmax(), "law"],
        "ln_bf": -drift["ln_bf"].min(), "ln_bf_exact": -exact["ln_bf"].min(),
        "p": drift["probability"].max(), "p_exact": exact["probability"].max(),
        "fail": int((~drift["describes_runs"]).sum()),
        "fail_exact": int((~exact["describes_runs"]).sum()), "left_out": 4 - len(table),
    }  # fmt: skip


def main():
    asked = [int(word) for word in sys.argv[1:]]
    each, third = (asked + [6, 50][len(asked) :])[:2]
    designs = [name for name, (params, _) in DESIGNS.items() if len(params) >= 24]
    for truth, law in {**TRUTHS, "two steps": two_steps}.items():
        rows = []
        for i in range(third if law is two_steps else each):
            rows.append(compared(designs[i % len(designs)], law, i))
            print(truth, rows[-1], flush=True)
        table = pd.DataFrame(rows)
        print(f"{truth}: favoured with drift {dict(table['headline'].value_counts())}, exact "
              f"{dict(table['exact'].value_counts())}; both fail with drift "
              f"{(table['fail'] == 2).sum()}, exact {(table['fail_exact'] == 2).sum()}; "
              f"probability above .9 given with drift {(table['p'] > 0.9).sum()}, of these both "
              f"fail {((table['p'] > 0.9) & (table['fail'] == 2)).sum()}; exact "
              f"{(table['p_exact'] > 0.9).sum()} of {len(table)}")  # fmt: skip


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
