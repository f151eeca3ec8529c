"""Held-out coverage on public ladders: Approach 3, laws taken for true, the default, an average.

Usage: python tests/benchmarks/scoreboard.py SPLITS.py DATA_ROOT [METHOD ...]

SPLITS.py and DATA_ROOT are told in _common.py. Every method fits the same small runs and predicts
the same large ones in one call. Scores are of log loss, averaged within a
source first, then over sources, as splits of one source share runs, recipes and people. All
processors work, one split each.
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd

import bayesscale as bs
from bayesscale.backtesting import (
    exact_log_score,
    normal_log_score,
    predict_by_bootstrap,
    predict_by_conformal,
    score_draws,
    summarise,
)
from tests.benchmarks._common import in_parallel, read_splits, runs_of

OFF = 1e-6  # a prior this narrow switches a term off, and nothing is compiled anew
STEPS = {
    part: {f"drift_{part}_{side}_{j}": bs.Prior("Normal", mu=0, sigma=OFF)
           for side in ("above", "below") for j in range(1, n + 1)}
    for part, n in (("params", 1), ("tokens", 1), ("loss", 2))
}  # fmt: skip
NO_UNDERTRAINING = {"undertraining": bs.Prior("LogNormal", mu=np.log(OFF), sigma=0.1)}
ONE_SCALE = {n: bs.Prior("Normal", mu=0, sigma=OFF) for n in ("sigma_slope_C", "sigma_slope_ratio")}
ALIKE = {name: bs.Prior("Normal", mu=0, sigma=0.12) for part in STEPS.values() for name in part}

METHODS: dict[str, dict] = {
    "chinchilla": {"law": "chinchilla", "discrepancy": None},
    "unified": {"law": "unified", "discrepancy": None},
    "default": {},
    "chinchilla+drift": {"law": "chinchilla"},
    # what each ingredient gives
    "no undertraining": {"priors": NO_UNDERTRAINING},
    "no drift in N, D": {"priors": STEPS["params"] | STEPS["tokens"]},
    "no drift in loss": {"priors": STEPS["loss"]},
    "normal noise": {"noise": "normal"},
    "noise of one scale": {"priors": ONE_SCALE},
    "steps of .12": {"priors": ALIKE},
}
BASELINES = ("approach3", "conformal")
AVERAGE = ("kaplan_irreducible", "chinchilla", "unified")


def predict(method: str, small: bs.Runs, large: bs.Runs) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the larger runs' log loss, shape (draw, run), and log scores, (run,)."""
    sizes, observed = {"params": large.params, "tokens": large.tokens}, np.log(large.loss)
    if method in BASELINES:
        x, new = (np.log(np.stack([r.params, r.tokens])) for r in (small, large))
        y = np.log(small.loss)
        if method == "approach3":
            draws = predict_by_bootstrap(x, y, new, np.random.default_rng(1))
        else:
            draws = predict_by_conformal(x, small.flops, y, new, large.flops)
        return draws, normal_log_score(draws, observed)
    options = {"random_seed": 1, "progress": False}
    if method == "average":
        fits = {law: bs.fit(small, law=law, **options) for law in AVERAGE}
        fit = bs.average(fits, **options)
    else:
        fit = bs.fit(small, **METHODS[method], **options)
    loss = bs.extrapolate(fit, **sizes).draws["loss"]
    draws = np.log(loss.stack(sample=("chain", "draw")).transpose("sample", "target").to_numpy())
    one = isinstance(fit, bs.Fit)
    return draws, exact_log_score(fit, large) if one else normal_log_score(draws, observed)


def score(name: str, train: pd.DataFrame, test: pd.DataFrame, methods: list[str]) -> pd.DataFrame:
    small, large = runs_of(train), runs_of(test)
    tables = []
    for method in methods:
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                draws, log_score = predict(method, small, large)
                table = score_draws(draws, np.log(large.loss)).assign(log_score=log_score)
            except bs.BayesScaleError as error:
                sys.stderr.write(f"{name}, {method}: {error}\n")
                continue
        table["observed"], table["run"] = large.loss, large.run_ids
        table["reach"] = large.flops / small.flops.max()
        table["said"] = "; ".join(
            sorted({str(w.message).split(":")[0] for w in caught if str(w.message).isascii()})
        )
        table["split"], table["method"] = name, method
        table["seconds"] = time.perf_counter() - start
        tables.append(table)
    sys.stderr.write(f"{name}: done\n")
    return pd.concat(tables)


def main() -> None:
    methods = sys.argv[3:] or [*BASELINES, *METHODS, "average"]
    jobs = [(*split, methods) for split in read_splits(*sys.argv[1:3])]
    points = pd.concat(in_parallel(score, jobs))
    by_split = summarise(points, ["method", "split"])
    by_split["seconds"] = points.groupby(["method", "split"])["seconds"].first()
    columns = ["cover50", "cover90", "crps", "log_score", "rmsle", "bias", "width90", "seconds"]
    pd.set_option("display.width", 200)
    for column in columns[:3]:
        print(f"\n{column}")
        table = by_split[column].unstack("method").reindex(columns=methods)
        print(table.round(4 if column == "crps" else 2).to_string())
    source = by_split.index.get_level_values("split").str.split("/").str[0].rename("source")
    if "approach3" in methods:
        ratio = by_split["crps"] / by_split.loc["approach3", "crps"].reindex(
            by_split.index.get_level_values("split")
        ).to_numpy()  # fmt: skip
        # where Approach 3 explodes, a method is not given more credit than this
        by_split["ln crps / approach3"] = np.log(ratio.clip(lower=0.05))
        columns += ["ln crps / approach3"]
    by_source = by_split.groupby(["method", source])[columns].mean()
    mean = by_source.groupby("method").mean().reindex(methods)
    for column in ("cover50", "cover90", "log_score", *columns[8:]):
        print(f"\n{column}, by source")
        print(by_source[column].unstack("method").reindex(columns=methods).round(2).to_string())
    for column in ("cover90", "cover50", "log_score"):
        mean[f"{column} se"] = by_source[column].groupby("method").sem()
    mean["least cover90"] = by_source["cover90"].groupby("method").min()
    if "approach3" in methods:
        mean["crps / approach3"] = np.exp(mean.pop("ln crps / approach3"))
    print("\nmean over sources of the means of their splits")
    print(mean.round(4).to_string())
    checks = points.groupby(["method", "split"])["said"].first().unstack("method")
    print("\nwarnings\n" + checks.reindex(columns=methods).to_string(max_colwidth=60))


if __name__ == "__main__":
    main()
