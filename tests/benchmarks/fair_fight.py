"""Is Kaplan against Chinchilla a fair fight? Data simulated from the published constants of each.

    python tests/benchmarks/fair_fight.py [noise of log loss, .005] [data sets, 20] [designs, 8]

Eight designs × two truths; every data set is fitted by both laws, taken for true, and their
evidences are compared. What must hold: with 24 runs or more the true law wins in at least 80 % and
never loses by more than 3 nats; at all designs the probabilities are calibrated.
"""

import sys
import time

import numpy as np
import pandas as pd

import bayesscale as bs
from tests.benchmarks._common import fitted, isoflop, ladder_of

NU = 5.0


def scattered(low, high, n):
    """Return n runs at random sizes."""
    rng = np.random.default_rng(0)
    flops = np.exp(rng.uniform(np.log(low), np.log(high), n))
    ratio = np.exp(rng.uniform(np.log(2), np.log(200), n))
    params = np.sqrt(flops / 6 / ratio)
    return params, params * ratio


def grid(sizes, lengths):
    """Return every size at every length."""
    params, tokens = np.meshgrid(np.geomspace(1e7, 1e9, sizes), np.geomspace(3e8, 2e10, lengths))
    return params.ravel(), tokens.ravel()


DESIGNS = {
    "12 isoFLOP, 2 decades": isoflop(1e18, 1e20, 3, 4),
    "15 isoFLOP, 2 decades": isoflop(1e18, 1e20, 3, 5),
    "20 isoFLOP, 3 decades": isoflop(1e18, 1e21, 4, 5),
    "24 isoFLOP, 3 decades": isoflop(1e18, 1e21, 4, 6),
    "24 scattered, 3 decades": scattered(1e18, 1e21, 24),
    "25 grid": grid(5, 5),
    "36 isoFLOP, 3 decades": isoflop(1e18, 1e21, 6, 6),
    "48 isoFLOP, 4 decades": isoflop(1e17, 1e21, 8, 6),
}


def kaplan(n, d):
    """Kaplan et al. (2020), table 2."""
    return ((6.4e13 / n) ** (0.076 / 0.103) + 1.8e13 / d) ** 0.103


def hoffmann(n, d):
    """Hoffmann et al. (2022), unrounded, from the paper's source."""
    return (
        np.exp(0.5267228) + np.exp(6.0073404) * n**-0.33917084 + np.exp(6.0179186) * d**-0.2849083
    )


TRUTHS = {"kaplan": kaplan, "chinchilla": hoffmann}


def main():
    asked = sys.argv[1:]
    sigma = float(asked[0]) if asked else 0.005
    repeats = int(asked[1]) if len(asked) > 1 else 20
    start, rows = time.process_time(), []
    designs = list(DESIGNS.items())[: int(asked[2]) if len(asked) > 2 else None]
    for name, (params, tokens) in designs:
        for truth, law in TRUTHS.items():
            for seed in range(repeats):
                noise = sigma * np.random.default_rng(seed).standard_t(NU, len(params))
                runs = ladder_of(params, tokens, np.log(law(params, tokens)) + noise)
                found = {}
                for each in TRUTHS:
                    fit = fitted(runs, law=each, discrepancy=None, random_seed=seed)
                    found[each] = bs.evidence(fit, progress=False).log_evidence
                other = next(each for each in TRUTHS if each != truth)
                rows.append((name, len(params), truth, seed, found[truth] - found[other]))
        here = pd.DataFrame(rows, columns=["design", "runs", "truth", "seed", "ln_bf"])
        here = here[here.design == name].assign(won=here.ln_bf > 0).groupby("truth")
        told = here.ln_bf.agg(["median", "min"]).assign(won=here.won.mean())
        print(f"{name}\n{told.round(2)}", flush=True)
    table = pd.DataFrame(rows, columns=["design", "runs", "truth", "seed", "ln_bf"])
    told = table.assign(favoured=1 / (1 + np.exp(-table.ln_bf.abs())), right=table.ln_bf > 0)
    bands = pd.cut(told.favoured, [0.5, 0.7, 0.8, 0.95, 0.99, 1.0])
    print("\nprobability of the favoured law, and how often it is the true one:")
    print(told.groupby(bands, observed=True)[["favoured", "right"]].agg(["mean", "size"]).round(3))
    print(f"{time.process_time() - start:.0f} CPU seconds")


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore")
    main()
