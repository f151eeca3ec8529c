"""Whether the compiled density and PyMC's graph of it give one posterior, on public ladders.

Usage: python tests/benchmarks/agreement.py SPLITS.py DATA_ROOT [LADDERS]

Fits the smaller runs of the first LADDERS (20) hold-outs with either density and a seed of its own,
and compares means and standard deviations of every sampled coordinate in units of the Monte Carlo
error of their difference: if both sample one posterior, these z have a standard deviation of 1. For
splits and data see _common.py.
"""

import sys

import numpy as np
import pandas as pd

from tests.benchmarks._common import fitted, in_parallel, read_splits, runs_of

STATISTICS = ("mean", "sd")


def compared(name: str, train: pd.DataFrame) -> pd.DataFrame:
    """Return z by coordinate and statistic."""
    from arviz_stats import mcse

    moments = {}
    for seed, density in enumerate(("fused", "pytensor")):
        draws = fitted(runs_of(train), density=density, random_seed=seed).coordinates
        flat = {"mean": draws.mean(("chain", "draw")), "sd": draws.std(("chain", "draw"))}
        moments[density] = {
            kind: (flat[kind].to_pandas(), mcse(draws, method=kind).to_pandas())
            for kind in STATISTICS
        }
    z = {}
    for kind in STATISTICS:
        (fused, its_error), (graph, error) = (moments[d][kind] for d in ("fused", "pytensor"))
        z[kind] = (fused - graph) / np.hypot(its_error, error)
    table = pd.DataFrame(z)
    return table.assign(ladder=name, coordinate=table.index)


def rms(values: pd.Series) -> float:
    """Return the root mean square."""
    return float(np.sqrt((values**2).mean()))


def main() -> None:
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    ladders = [(name, train) for name, train, _ in read_splits(*sys.argv[1:3])][:count]
    z = pd.concat(in_parallel(compared, ladders), ignore_index=True)
    by_ladder = z.groupby("ladder")[list(STATISTICS)].agg([rms, "max"])
    print(by_ladder.round(2).to_string())
    for kind in STATISTICS:
        far = (z[kind].abs() > 3).sum()
        worst = z.loc[z[kind].abs().idxmax()]
        print(
            f"{kind}: {len(z)} comparisons, rms z {rms(z[kind]):.2f}, {far} beyond 3, farthest "
            f"{worst[kind]:+.1f} ({worst['ladder']}, {worst['coordinate']})"
        )


if __name__ == "__main__":
    main()
