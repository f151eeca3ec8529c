"""Held-out coverage on public ladders: Approach 3, laws assumed exact, the default, an average.

Usage: python tests/benchmarks/scoreboard.py SPLITS.py DATA_ROOT [METHOD ...]

SPLITS.py and DATA_ROOT are described in _common.py. Every method fits the same small runs and
predicts the same large ones in one call. Scores are of log loss, averaged within a source first,
then over sources, as splits of one source share runs, recipes and people. All processors work, one
split each.

Held-out runs of a split share the error of one fit. Beside each coverage stands the band (90 %)
that the method itself would score if it were right: held-out runs drawn jointly from its own
predictions, scored as if they were observed. ``joint`` is the log density of all held-out runs of a
split together, by two evidences; a baseline's is that of a normal with the mean and covariance of
its draws. Differences from the default are paired by split.
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal

import bayesscale as bs
from bayesscale.backtesting import (
    exact_log_score,
    normal_log_score,
    predict_by_bootstrap,
    predict_by_conformal,
    score_draws,
    summarise,
)
from bayesscale.comparison import joint_density as between
from bayesscale.inference import Setup
from tests.benchmarks._common import in_parallel, read_splits, runs_of, source

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


REPLICATES = 400


def predict(
    method: str, small: bs.Runs, large: bs.Runs
) -> tuple[np.ndarray, np.ndarray, float | None]:
    """Return draws of the larger runs' log loss, shape (draw, run), log scores, (run,), and the
    joint log density of all.
    """
    sizes, observed = {"params": large.params, "tokens": large.tokens}, np.log(large.loss)
    if method in BASELINES:
        x, new = (np.log(np.stack([r.params, r.tokens])) for r in (small, large))
        y = np.log(small.loss)
        if method == "approach3":
            draws = predict_by_bootstrap(x, y, new, np.random.default_rng(1))
            joint = multivariate_normal.logpdf(
                observed, draws.mean(axis=0), np.cov(draws.T), allow_singular=True
            )
        else:  # marginal intervals alone
            draws, joint = predict_by_conformal(x, small.flops, y, new, large.flops), None
        return draws, normal_log_score(draws, observed), joint
    options = {"random_seed": 1, "progress": False}
    if method == "average":
        fits = {law: bs.fit(small, law=law, **options) for law in AVERAGE}
        fit = bs.average(fits, **options)
    else:
        fit = bs.fit(small, **METHODS[method], **options)
    loss = bs.extrapolate(fit, **sizes).draws["loss"]
    draws = np.log(loss.stack(sample=("chain", "draw")).transpose("sample", "target").to_numpy())
    if not isinstance(fit, bs.Fit):
        return draws, normal_log_score(draws, observed), None
    return draws, exact_log_score(fit, large), joint_density(fit, small, large)


def joint_density(fit: bs.Fit, small: bs.Runs, large: bs.Runs) -> float:
    """Return the joint log density of the larger runs given the smaller ones."""
    frames = [runs.frame[["params", "tokens", "loss"]] for runs in (small, large)]
    every = bs.Runs.from_frame(pd.concat(frames, ignore_index=True))
    again = Setup(every, fit.spec, fit.sampling).sample()  # centre, spread and priors stay
    before, after = (bs.evidence(each, progress=False) for each in (fit, again))
    return between(before, after)[0]


def replicates(draws: np.ndarray) -> pd.DataFrame:
    """Return the shares that a right method would cover, one row a joint draw of the runs."""
    some = draws[np.linspace(0, len(draws) - 1, REPLICATES).astype(int)]
    shares = {}
    for level in (50, 90):
        low, high = np.quantile(draws, [0.5 - level / 200, 0.5 + level / 200], axis=0)
        shares[f"cover{level}"] = ((some >= low) & (some <= high)).mean(axis=1)
    return pd.DataFrame(shares)


def score(
    name: str, train: pd.DataFrame, test: pd.DataFrame, methods: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every method on one split; return its points, and its replicates of coverage."""
    small, large = runs_of(train), runs_of(test)
    tables, bands = [], []
    for method in methods:
        start = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                draws, log_score, joint = predict(method, small, large)
                table = score_draws(draws, np.log(large.loss)).assign(log_score=log_score)
            except bs.BayesScaleError as error:
                sys.stderr.write(f"{name}, {method}: {error}\n")
                continue
        table["observed"], table["run"] = large.loss, large.run_ids
        table["reach"] = large.flops / small.flops.max()
        table["warned"] = "; ".join(
            sorted({str(w.message).split(":")[0] for w in caught if str(w.message).isascii()})
        )
        table["joint"] = np.nan if joint is None else joint
        table["seconds"] = time.perf_counter() - start
        tables.append(table.assign(split=name, method=method))
        bands.append(replicates(draws).assign(split=name, method=method))
    sys.stderr.write(f"{name}: done\n")
    return pd.concat(tables), pd.concat(bands)


def right_model(bands: pd.DataFrame, seen: pd.DataFrame) -> pd.DataFrame:
    """Return the band of coverage that each method would score if it were right, by method, with
    the probability of as little, or as much, as was seen.
    """
    rng, rows = np.random.default_rng(0), {}
    for method, of_method in bands.groupby("method", sort=False):
        drawn: dict[str, list] = {}
        for split, table in of_method.groupby("split"):  # each fit's error is drawn by itself
            drawn.setdefault(source(str(split)), []).append(
                table[["cover50", "cover90"]].sample(4000, replace=True, random_state=rng)
            )
        mean = np.mean([np.mean(tables, axis=0) for tables in drawn.values()], axis=0)
        row = {}
        for k, column in enumerate(("cover50", "cover90")):
            low, high = np.quantile(mean[:, k], [0.05, 0.95])
            below = (mean[:, k] <= seen.loc[method, column] + 1e-12).mean()
            above = (mean[:, k] >= seen.loc[method, column] - 1e-12).mean()
            row[column] = f"{seen.loc[method, column]:.3f} ({low:.2f}-{high:.2f})"
            row[f"{column} p"] = round(min(1.0, 2 * min(below, above)), 3)
        rows[method] = row
    return pd.DataFrame(rows).T


def main() -> None:
    methods = sys.argv[3:] or [*BASELINES, *METHODS, "average"]
    jobs = [(*split, methods) for split in read_splits(*sys.argv[1:3])]
    points, bands = map(pd.concat, zip(*in_parallel(score, jobs), strict=True))
    by_split = summarise(points, ["method", "split"])
    by_split["joint"] = points.groupby(["method", "split"])["joint"].first()
    by_split["seconds"] = points.groupby(["method", "split"])["seconds"].first()
    columns = ["cover50", "cover90", "crps", "log_score", "rmsle", "bias", "width90", "seconds"]
    pd.set_option("display.width", 200)
    for column in columns[:3]:
        print(f"\n{column}")
        table = by_split[column].unstack("method").reindex(columns=methods)
        print(table.round(4 if column == "crps" else 2).to_string())
    sources = by_split.index.get_level_values("split").map(source).rename("source")
    if "approach3" in methods:
        ratio = by_split["crps"] / by_split.loc["approach3", "crps"].reindex(
            by_split.index.get_level_values("split")
        ).to_numpy()  # fmt: skip
        # where Approach 3 explodes, a method is not given more credit than this
        by_split["ln crps / approach3"] = np.log(ratio.clip(lower=0.05))
        columns += ["ln crps / approach3"]
    by_source = by_split.groupby(["method", sources])[columns].mean()
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
    print(
        "\ncoverage, (what a right method would score, 90 %), and the probability of what was seen"
    )
    print(right_model(bands, mean).to_string())
    if "default" in methods:
        paired = by_split["joint"].unstack("method").reindex(columns=methods)
        paired = paired.sub(paired["default"], axis=0)
        by_source = paired.groupby(paired.index.map(source)).mean()
        print("\njoint log density less the default's, by source")
        print(pd.concat([by_source, by_source.agg(["mean", "sem"])]).round(2).to_string())
    checks = points.groupby(["method", "split"])["warned"].first().unstack("method")
    print("\nwarnings\n" + checks.reindex(columns=methods).to_string(max_colwidth=60))


if __name__ == "__main__":
    main()
