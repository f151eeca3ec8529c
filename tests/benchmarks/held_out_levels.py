"""Does N* hold? The best size of isoFLOP levels that were held out, against the interval foreseen.

    python tests/benchmarks/held_out_levels.py SPLITS.py DATA

On the splits of sources that trained several sizes at each budget, the default is fitted to the
small runs and asked for N* at every level of the large ones. The truth is the size of the level's
best run, and, as sizes are a factor of up to two apart and losses have noise, the vertex of a
parabola through its runs (Approach 2), in ln N. Levels whose best run is their smallest or largest
tell no best size, and are left out. Coverage of 90 % intervals, by source.
"""

import sys
import warnings

import numpy as np
import pandas as pd
from hyperpriors import source, splits

import bayesscale as bs

SOURCES = ("porian", "marin", "llama3")
SAME_LEVEL = 0.25
"""Runs whose compute differs by less in its log are of one level."""
LEAST = 5


def levels(runs: bs.Runs) -> list[np.ndarray]:
    """Return the places of the runs of every level, by compute."""
    order = np.argsort(runs.flops)
    ends = np.flatnonzero(np.diff(np.log(runs.flops[order])) > SAME_LEVEL) + 1
    return [level for level in np.split(order, ends) if len(level) >= LEAST]


def main() -> None:
    rows = []
    for name, small, large in splits(*sys.argv[1:3]):
        if source(name) not in SOURCES:
            continue
        fit = bs.fit(small, random_seed=1, progress=False)
        for level in levels(large):
            n, loss = np.log(large.params[level]), large.loss[level]
            best = n[loss.argmin()]
            if best in (n.min(), n.max()):
                continue
            bend, slope, _ = np.polyfit(n - n.mean(), loss, 2)
            vertex = n.mean() - slope / (2 * bend) if bend > 0 else np.nan
            flops = float(np.exp(np.log(large.flops[level]).mean()))
            row = bs.allocate(fit, flops=flops).summary.iloc[0]
            low, high = np.log(row["params_lower"]), np.log(row["params_upper"])
            rows.append(
                {"split": name, "source": source(name), "flops": flops, "runs": len(level),
                 "best": np.exp(best), "foreseen": row["params"],
                 "factor": np.exp((high - low) / 2),
                 "held best": low <= best <= high, "held vertex": low <= vertex <= high}
            )  # fmt: skip
    found = pd.DataFrame(rows)
    pd.set_option("display.width", 200)
    print(found.to_string(float_format="{:.3g}".format))
    held = ["held best", "held vertex"]
    by_split = found.groupby(["source", "split"])[held].mean()
    print(by_split.groupby("source").mean().round(2))
    print(f"{len(found)} levels:", found[held].mean().round(3).to_dict())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
