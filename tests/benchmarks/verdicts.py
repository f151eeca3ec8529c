"""How often each verdict is given: on the model's own simulations, on flawed ladders, in public.

Usage: python tests/benchmarks/verdicts.py FOLDER model|flaws|limits [SIMULATIONS]
       python tests/benchmarks/verdicts.py FOLDER splits|plans SPLITS.py DATA_ROOT
       python tests/benchmarks/verdicts.py FOLDER simulated_plans SIMULATIONS

``model`` draws truths from the prior and runs from the model, and counts what the checks say of the
fits: whatever they say is a false alarm. ``flaws`` does so for ladders that no law of the model
describes, and says beside it whether the 90 % interval at ten times the compute held the truth:
what is neither cautioned of nor covered is what a user should fear. ``limits`` simulates kinks of
the size that a fit says its runs would have shown. ``splits`` fits public ladders below a cutoff;
SPLITS.py defines splits(root) as for the scoreboard. ``plans`` makes a whole plan, back-test and
other assumptions included, for the largest held-out compute, and says whether the answer held: the
joint p-value of the held-out errors is above 5 %. ``simulated_plans`` does so where the truth
is a draw of the model. FOLDER keeps the fits: a rerun judges them
anew without sampling.
"""

import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import bayesscale as bs
from bayesscale.backtesting import Fold, score_fold
from bayesscale.checks import KNOTS
from bayesscale.inference import SamplingSpec, Setup
from bayesscale.model import ModelSpec, Posterior, specify
from tests.benchmarks._common import (
    chinchilla,
    fitted,
    isoflop,
    kept,
    ladder_of,
    read_splits,
    runs_of,
)

MODELS = {"default": {}, "law for true": {"law": "chinchilla", "discrepancy": None}}
KEPT = ("posterior", "closest_law", "sample_stats", "runs")
NOISE = 0.005
BEYOND = 10.0
SIZES = isoflop(1e18, 1e21, 6, 6)


def larger(params, tokens):
    """Return how far compute lies above the middle of the ladder, in decades."""
    return np.log10(6 * params * tokens) - 19.5


def kink(params, tokens):
    return chinchilla(params, tokens) + 0.05 * np.maximum(larger(params, tokens), 0)


def curvature(params, tokens):
    return chinchilla(params, tokens) + 0.03 * larger(params, tokens) ** 2


def repeated(params, tokens, unique=3e9):
    """Tokens beyond 3B are repeated: Muennighoff et al. (2023), their decay of 15.4 epochs."""
    seen = np.minimum(tokens, unique)
    again = 15.4 * (1 - np.exp(-(tokens / seen - 1) / 15.4))
    return chinchilla(params, seen * (1 + again))


def double_descent(params, tokens):
    return chinchilla(params, tokens) + 0.04 * np.exp(-2 * np.log(params / 1e9) ** 2)


def rising(params, tokens):
    """Loss rises with the number of parameters."""
    return np.log(1.8 + 0.03 * np.log(params / 1e8) + 2000 * tokens**-0.366)


def outliers(rng, n):
    """Every seventh run is off by 5 to 15 % on either side."""
    off = rng.permutation(n) % 7 == 0
    return off * rng.uniform(0.05, 0.15, n) * rng.choice([-1, 1], n)


def diverged(rng, n):
    """Every sixth run ended far above."""
    return (rng.permutation(n) % 6 == 0) * rng.uniform(0.1, 0.6, n)


def nothing(rng, n):
    return np.zeros(n)


FLAWS = {
    "none": (chinchilla, nothing), "kink of 5 % a decade": (kink, nothing),
    "curvature": (curvature, nothing), "outliers": (chinchilla, outliers),
    "repeated data": (repeated, nothing), "diverged runs": (chinchilla, diverged),
    "double descent": (double_descent, nothing), "loss rising with N": (rising, nothing),
}  # fmt: skip


def kept_fit(path: Path, make) -> bs.Fit:
    """Load a fit, or make it and keep what its checks need."""

    def small():
        fit = make()
        groups = {name: fit.draws[name].to_dataset() for name in KEPT if name in fit.draws.children}
        return replace(fit, draws=xr.DataTree.from_dict(groups))

    return kept(path, small)


def said(fit: bs.Fit, *answers) -> dict:
    """Return the verdict on a fit and its answers, and what was found."""
    checks = [*fit.checks, *(c for answer in answers for c in answer.checks if c not in fit.checks)]
    found = [c.name for c in checks if c.warns]
    lack = next(c for c in fit.checks if c.name == "lack of fit")
    tests = [str(t) for t, p in lack.table["p"].items() if p < 0.01 / 6] if lack.warns else []
    severity = max((c.severity for c in checks), key=["ok", "note", "caution", "stop"].index)
    return {"verdict": severity, "found": ", ".join([*found, *tests])}


def answers(fit: bs.Fit, params, tokens):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            bs.extrapolate(fit, params=params, tokens=tokens),
            bs.allocate(fit, flops=BEYOND * fit.runs.flops.max()),
        )


def model(folder: Path, simulations: int) -> Iterator[dict]:
    flat = ladder_of(*SIZES, chinchilla(*SIZES))
    for name, i in product(MODELS, range(simulations)):
        spec = specify(flat, **MODELS[name])

        def make(spec=spec, i=i):
            runs = simulated(flat, spec, np.random.default_rng([7, i]))
            return Setup(runs, spec, SamplingSpec(1000, 1000, 4, 0.9, i)).sample()

        fit = kept_fit(folder / f"model {name} {i}", make)
        yield {"model": name} | said(fit, *answers(fit, 1e10, 2e11))


def simulated(flat: bs.Runs, spec: ModelSpec, rng: np.random.Generator) -> bs.Runs:
    """Draw a truth and its runs; again where these are no losses that a table may hold."""
    while True:
        truth = Posterior.of(spec, spec.space.draw(rng, 1))
        log_loss = truth.simulate(flat, rng)[0]
        try:
            return ladder_of(flat.params, flat.tokens, log_loss)
        except bs.errors.RunsError:
            continue


def flaws(folder: Path, simulations: int) -> Iterator[dict]:
    far = np.sqrt(BEYOND) * np.array(SIZES)[:, -3]  # the middle of the top level
    for flaw, i, name in product(FLAWS, range(simulations), MODELS):
        log_loss, error = FLAWS[flaw]
        rng = np.random.default_rng([8, i])
        noise = NOISE * rng.standard_t(6, len(SIZES[0])) + error(rng, len(SIZES[0]))
        runs = ladder_of(*SIZES, log_loss(*SIZES) + noise)
        path = folder / f"flaw {flaw} {name} {i}".replace("%", "pc")
        fit = kept_fit(path, lambda runs=runs, name=name: fitted(runs, **MODELS[name]))
        loss, split = answers(fit, *far)
        row, truth = loss.summary.iloc[0], np.exp(log_loss(*far))
        held = row["law_loss_lower"] <= truth <= row["law_loss_upper"]
        yield {"flaw": flaw, "model": name} | said(fit, loss, split) | {"held": held}


def limits(folder: Path, simulations: int) -> Iterator[dict]:
    """Put in kinks of the size that a fit of clean runs says would have been seen."""
    x = larger(*SIZES)
    knot = np.quantile(np.unique(x), KNOTS[len(KNOTS) // 2])
    for name, i in product(MODELS, range(simulations)):
        noise = NOISE * np.random.default_rng([9, i]).standard_t(6, len(x))
        log_loss = chinchilla(*SIZES) + noise

        def fit_with(slope, times, name=name, i=i, log_loss=log_loss):
            runs = ladder_of(*SIZES, log_loss + slope * np.maximum(x - knot, 0))
            path = folder / f"limit {name} {times} {i}"
            return kept_fit(path, lambda: fitted(runs, **MODELS[name]))

        clean = fit_with(0.0, "clean")
        lack = next(c for c in clean.checks if c.name == "lack of fit")
        size = lack.table["detectable"]["bends"]
        for times in (0.5, 1.0):
            told = said(fit_with(times * size, times))
            yield {"model": name, "times": times, "size": size} | told


def splits(folder: Path, script: str, root: str) -> Iterator[dict]:
    for (split, train, test), name in product(read_splits(script, root), MODELS):
        small, large = runs_of(train), runs_of(test)
        path = folder / f"split {split} {name}".replace("/", "_")
        fit = kept_fit(path, lambda small=small, name=name: fitted(small, **MODELS[name]))
        loss, allocation = answers(fit, large.params, large.tokens)
        s = loss.summary
        held = (s["loss_lower"] <= large.loss) & (large.loss <= s["loss_upper"])
        row = {"split": split, "model": name, "runs": len(small), "held": held.mean()}
        yield row | said(fit, loss, allocation)


def plan_of(small: bs.Runs, large: bs.Runs) -> dict:
    """Make a plan for larger runs, and judge it by them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = bs.plan(small, flops=float(large.flops.max()), random_seed=1, progress=False)
        found = score_fold(plan.fit, Fold(1, small, large)).fold
    test, fit = plan.test, plan.fit.summary()
    exponent = fit.loc["params_exponent", ["median", "lower", "upper"]].round(3).tolist()
    beyond = plan.allocation.summary.iloc[0]
    return {
        "runs": len(small), "verdict": plan.severity, "label": plan.verdict.mark,
        "found": ", ".join(c.name for c in plan.checks if c.warns), "reach": plan.reach,
        "tested": test.tested_reach if test else 0.0, "p": test.p_value if test else np.nan,
        "power": test.power if test else np.nan, "folds": len(test.folds) if test else 0,
        "p_large": found["p_value"], "errors": found["error_ratio"],
        "held": found["p_value"] >= 0.05, "over runs": exponent,
        "beyond": [round(beyond[f"params_exponent{e}"], 3) for e in ("", "_lower", "_upper")],
        "conflicts": "; ".join(
            f"{name}: {what}"
            for (name, _), what in plan.robustness.table["conflict"].items() if what
        ),
    }  # fmt: skip


def plans(folder: Path, script: str, root: str) -> Iterator[dict]:
    for split, train, test in read_splits(script, root):
        path = folder / f"plan {split}".replace("/", "_")

        def make(train=train, test=test):
            return plan_of(runs_of(train), runs_of(test))

        yield {"model": "default", "split": split} | kept(path, make)


def simulated_plans(folder: Path, simulations: int) -> Iterator[dict]:
    flat = ladder_of(*SIZES, chinchilla(*SIZES))
    spec = specify(flat)
    for i in range(simulations):

        def make(i=i):
            runs = simulated(flat, spec, np.random.default_rng([10, i]))
            return plan_of(*runs.split_by_compute(factor=2))

        yield {"model": "default"} | kept(folder / f"simulated plan {i}", make)


STAGES = {
    "plans": (plans, ["model"]), "simulated_plans": (simulated_plans, ["model"]),
    "model": (model, ["model"]), "flaws": (flaws, ["flaw", "model"]),
    "limits": (limits, ["model", "times"]), "splits": (splits, ["model"]),
}  # fmt: skip


def main() -> None:
    folder, stage, *rest = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    rows, (make, by) = [], STAGES[stage]
    for row in make(Path(folder), *(int(word) if word.isdigit() else word for word in rest)):
        rows.append(row)
        if len(rows) % 20 == 0:
            sys.stderr.write(f"{len(rows)}: {row}, {sum(os.times()[:2]):.0f} s of CPU\n")
    found = pd.DataFrame(rows)
    if stage in ("splits", "plans", "simulated_plans"):
        pd.set_option("display.width", 200)
        print(found.to_string(max_colwidth=70, float_format="{:.3g}".format))
    counts = pd.crosstab([found[name] for name in by], found["verdict"], normalize="index")
    print((100 * counts).round(1))  # percent
    for key, group in found.groupby(by, sort=False):
        print(key, len(group), dict(Counter(group["found"]).most_common(8)))
    if "held" in found:
        found["calm and wrong"] = found["verdict"].isin(["ok", "note"]) & (found["held"] < 1)
        by = ["model", "verdict"] if stage in ("splits", "plans", "simulated_plans") else by
        print(found.groupby(by, sort=False)[["held", "calm and wrong"]].agg(["count", "mean"]))
    if "size" in found:
        print(found.groupby(by)["size"].describe())


if __name__ == "__main__":
    main()
