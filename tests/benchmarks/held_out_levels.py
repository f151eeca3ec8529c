"""Does N* hold? The best size of isoFLOP levels that were held out, against the predicted interval.

    python tests/benchmarks/held_out_levels.py SPLITS.py DATA

On the splits of sources that trained several sizes at each budget, the default is fitted to the
small runs and asked for N* at every level of the large ones. Coverage of 90 % intervals is given
in three ways. ``run``: the size of the level's best run is in the interval, though sizes are up to
a factor of 1.6 apart, and intervals often narrower than that. ``grid``: the interval meets the
sizes that are nearer to the best run's than to its neighbours'. ``in vertex``: it holds the vertex
of a parabola through the five runs around the best one, once it is widened by the vertex's own
error from the noise of runs. Levels whose best run is their smallest or largest have no best
size, and are left out.
"""

import sys
import warnings

import numpy as np
import pandas as pd

import bayesscale as bs
from tests.benchmarks._common import source
from tests.benchmarks.hyperpriors import splits

SOURCES = ("porian", "marin", "llama3")
SAME_LEVEL = 0.13
"""Runs whose compute differs by less from the next one's, in its log, are of one level."""
AROUND, LEAST = 5, 5
Z = 1.645


def levels(runs: bs.Runs) -> list[np.ndarray]:
    """Return the places of the runs of every level, by compute."""
    order = np.argsort(runs.flops)
    ends = np.flatnonzero(np.diff(np.log(runs.flops[order])) > SAME_LEVEL) + 1
    return [level for level in np.split(order, ends) if len(level) >= LEAST]


def vertex_of(fit: bs.Fit, runs: bs.Runs, level: np.ndarray) -> dict | None:
    """Return ln N of the vertex through a level's runs around the best one, and its error; None
    where that is the level's smallest or largest run.
    """
    level = level[np.argsort(runs.params[level])]
    n, log_loss = np.log(runs.params[level]), np.log(runs.loss[level])
    best = int(log_loss.argmin())
    if best in (0, len(n) - 1):
        return None
    near = np.sort(np.argsort(np.abs(n - n[best]))[:AROUND])
    at = {"params": runs.params[level[near]], "tokens": runs.tokens[level[near]]}
    noise = np.median(fit.posterior.flat().noise_at(at)["sigma"], axis=0)
    vertex, error = parabola(n[near], log_loss[near], noise)
    if not np.isfinite(vertex):
        return None
    flops = float(np.exp(np.log(runs.flops[level[near]]).mean()))
    ends = (n[best] + n[best - 1]) / 2, (n[best] + n[best + 1]) / 2
    return {"flops": flops, "runs": len(n), "best": n[best], "nearest": ends, "vertex": vertex,
            "error": error}  # fmt: skip


def judged(fit: bs.Fit, runs: bs.Runs, level: np.ndarray) -> dict:
    """Compare the best size of a level with the prediction; nothing if it is at an end."""
    place = vertex_of(fit, runs, level)
    if place is None:
        return {}
    answer = bs.allocate(fit, flops=place["flops"]).summary.iloc[0]
    low, middle, high = np.log([answer[f"params{end}"] for end in ("_lower", "", "_upper")])
    lower, upper = place["nearest"]
    width = Z * np.hypot((high - low) / (2 * Z), place["error"])
    return {
        "flops": place["flops"], "runs": place["runs"], "best": np.exp(place["best"]),
        "vertex": np.exp(place["vertex"]),
        "predicted": answer["params"], "factor": np.exp((high - low) / 2),
        "run": low <= place["best"] <= high, "grid": low <= upper and lower <= high,
        "in vertex": abs(place["vertex"] - middle) <= width,
    }  # fmt: skip


def parabola(x: np.ndarray, y: np.ndarray, sigma: np.ndarray) -> tuple[float, float]:
    """Return the vertex of a parabola by least squares, and its standard error."""
    design = np.vander(x - x.mean(), 3)
    inverse = np.linalg.pinv(design)
    bend, slope, _ = inverse @ y
    if bend <= 0:
        return np.nan, np.nan
    covariance = inverse @ np.diag(sigma**2) @ inverse.T
    gradient = np.array([slope / (2 * bend**2), -1 / (2 * bend), 0])
    return x.mean() - slope / (2 * bend), float(np.sqrt(gradient @ covariance @ gradient))


def main() -> None:
    rows = []
    for name, small, large in splits(*sys.argv[1:3]):
        if source(name) not in SOURCES:
            continue
        fit = bs.fit(small, random_seed=1, progress=False)
        for level in levels(large):
            row = judged(fit, large, level)
            if row:
                rows.append({"split": name, "source": source(name)} | row)
    found = pd.DataFrame(rows)
    pd.set_option("display.width", 200)
    print(found.to_string(float_format="{:.3g}".format))
    held = ["run", "grid", "in vertex"]
    by_split = found.groupby(["source", "split"])[held].mean()
    print(by_split.groupby("source").mean().round(2))
    print(f"{len(found)} levels:", found[held].mean().round(3).to_dict())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
