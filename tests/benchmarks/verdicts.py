"""How often each verdict is given: on the model's own simulations, on flawed ladders, in public.

Usage: python tests/benchmarks/verdicts.py FOLDER model|flaws|limits [SIMULATIONS]
       python tests/benchmarks/verdicts.py FOLDER splits SPLITS.py DATA_ROOT

``model`` draws truths from the prior and runs from the model, and counts what the checks say of the
fits: whatever they say is a false alarm. ``flaws`` does so for ladders that no law of the model
describes, and says beside it whether the 90 % interval at ten times the compute held the truth:
what is neither cautioned of nor covered is what a user should fear. ``limits`` simulates kinks of
the size that a fit says its runs would have shown. ``splits`` fits public ladders below a cutoff;
SPLITS.py defines splits(root) as for the scoreboard. FOLDER keeps the fits: a rerun judges them
anew without sampling.
"""

import importlib.util
import os
import sys
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import xarray as xr

import bayesscale as bs
from bayesscale.checks import KNOTS
from bayesscale.inference import check_sampling, fit_spec
from bayesscale.model import ModelSpec, Posterior, specify

MODELS = {"default": {}, "law for true": {"law": "chinchilla", "discrepancy": None}}
KEPT = ("posterior", "closest_law", "sample_stats", "runs")
NOISE = 0.005
BEYOND = 10.0
OPTIONS = {"progress": False, "random_seed": 1}


def ladder() -> tuple[np.ndarray, np.ndarray]:
    """Thirty-six runs on six isoFLOP curves from 1e18 to 1e21 FLOP."""
    flops = np.repeat(np.geomspace(1e18, 1e21, 6), 6)
    ratio = np.tile(np.geomspace(2, 200, 6), 6)
    params = np.sqrt(flops / 6 / ratio)
    return params, params * ratio


def chinchilla(params, tokens):
    return np.log(1.8 + 480 * params**-0.35 + 2000 * tokens**-0.366)


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
    "none": (chinchilla, nothing),
    "kink of 5 % a decade": (kink, nothing),
    "curvature": (curvature, nothing),
    "outliers": (chinchilla, outliers),
    "repeated data": (repeated, nothing),
    "diverged runs": (chinchilla, diverged),
    "double descent": (double_descent, nothing),
    "loss rising with N": (rising, nothing),
}


def runs_of(params, tokens, log_loss) -> bs.Runs:
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": np.exp(log_loss)})


def kept(path: Path, make) -> bs.Fit:
    """Load a fit, or make it and keep what its checks need."""
    if not path.exists():
        fit = make()
        groups = {name: fit.draws[name].to_dataset() for name in KEPT if name in fit.draws.children}
        joblib.dump(replace(fit, draws=xr.DataTree.from_dict(groups)), path, compress=3)
    return joblib.load(path)


def said(fit: bs.Fit, *answers) -> dict:
    """Return the verdict on a fit and its answers, and what was found."""
    checks = [*fit.checks, *(c for answer in answers for c in answer.checks if c not in fit.checks)]
    found = [c.name for c in checks if c.warns]
    lack = next(c for c in fit.checks if c.name == "lack of fit")
    tests = [str(t) for t, p in lack.table["p"].items() if p < 0.01 / 6] if lack.warns else []
    severity = max(
        (c.severity for c in checks), key=["ok", "note", "caution", "stop"].index
    )  # fmt: skip
    return {"verdict": severity, "found": ", ".join([*found, *tests])}


def answers(fit: bs.Fit, params, tokens):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return (
            bs.extrapolate(fit, params=params, tokens=tokens),
            bs.allocate(fit, flops=BEYOND * fit.runs.flops.max()),
        )


def model(folder: Path, simulations: int) -> None:
    params, tokens = ladder()
    flat = runs_of(params, tokens, chinchilla(params, tokens))
    rows = []
    for name, options in MODELS.items():
        spec = specify(flat, **options)
        for i in range(simulations):
            runs = simulated(flat, spec, np.random.default_rng([7, i]))

            def make(spec=spec, runs=runs, i=i):
                sampling = check_sampling(1000, 1000, 4, 0.9, i)
                return fit_spec(spec, runs, sampling, report=lambda *_: None)

            fit = kept(folder / f"model {name} {i}", make)
            rows.append({"model": name} | said(fit, *answers(fit, 1e10, 2e11)))
            progress(rows)
    table(pd.DataFrame(rows), ["model"])


def simulated(flat: bs.Runs, spec: ModelSpec, rng: np.random.Generator) -> bs.Runs:
    """Draw a truth and its runs; again where these are no losses that a table may hold."""
    while True:
        truth = Posterior.of(spec, spec.space.draw(rng, 1))
        log_loss = truth.simulate(flat, rng)[0]
        try:
            return runs_of(flat.params, flat.tokens, log_loss)
        except bs.errors.RunsError:
            continue


def flaws(folder: Path, simulations: int) -> None:
    params, tokens = ladder()
    far = np.sqrt(BEYOND) * np.array([params, tokens])[:, -3]  # the middle of the top level
    rows = []
    for flaw, (log_loss, error) in FLAWS.items():
        for i in range(simulations):
            rng = np.random.default_rng([8, i])
            noise = NOISE * rng.standard_t(6, len(params)) + error(rng, len(params))
            runs = runs_of(params, tokens, log_loss(params, tokens) + noise)
            for name, options in MODELS.items():
                fit = kept(
                    folder / f"flaw {flaw} {name} {i}".replace("%", "pc"),
                    lambda runs=runs, options=options: fitted(runs, options),
                )
                loss, split = answers(fit, *far)
                row = loss.summary.iloc[0]
                truth = np.exp(log_loss(*far))
                held = row["law_loss_lower"] <= truth <= row["law_loss_upper"]
                told = said(fit, loss, split)
                rows.append({"flaw": flaw, "model": name} | told | {"held": held})
                progress(rows)
    found = pd.DataFrame(rows)
    table(found, ["flaw", "model"])
    calm = found["verdict"].isin(["ok", "note"])
    found["calm and wrong"] = calm & ~found["held"]
    print(found.groupby(["flaw", "model"], sort=False)[["held", "calm and wrong"]].mean())


def limits(folder: Path, simulations: int) -> None:
    """Put in kinks of the size that a fit of clean runs says would have been seen."""
    params, tokens = ladder()
    rows = []
    x = larger(params, tokens)
    knot = np.quantile(np.unique(x), KNOTS[len(KNOTS) // 2])
    for name, options in MODELS.items():
        for i in range(simulations):
            noise = NOISE * np.random.default_rng([9, i]).standard_t(6, len(params))
            clean = chinchilla(params, tokens) + noise
            fit = kept(
                folder / f"limit {name} clean {i}",
                lambda c=clean, options=options: fitted(runs_of(params, tokens, c), options),
            )
            lack = next(c for c in fit.checks if c.name == "lack of fit")
            size = lack.table["detectable"]["bends"]
            for times in (0.5, 1.0):
                bent = clean + times * size * np.maximum(x - knot, 0)
                again = kept(
                    folder / f"limit {name} {times} {i}",
                    lambda b=bent, options=options: fitted(runs_of(params, tokens, b), options),
                )
                told = said(again)
                rows.append({"model": name, "times": times, "size": size} | told)
                progress(rows)
    found = pd.DataFrame(rows)
    table(found, ["model", "times"])
    print(found.groupby(["model", "times"])["size"].describe())


def splits(folder: Path, script: str, root: str) -> None:
    spec = importlib.util.spec_from_file_location("splits", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = []
    for split, train, test in module.splits(root):
        small, large = (
            bs.Runs.from_frame(frame, params="n_params", tokens="n_tokens", loss="loss")
            for frame in (train, test)
        )
        for name, options in MODELS.items():
            fit = kept(
                folder / f"split {split} {name}".replace("/", "_"),
                lambda small=small, options=options: fitted(small, options),
            )
            loss, allocation = answers(fit, large.params, large.tokens)
            s = loss.summary
            held = (s["loss_lower"] <= large.loss) & (large.loss <= s["loss_upper"])
            row = {"split": split, "model": name, "runs": len(small), "held": held.mean()}
            rows.append(row | said(fit, loss, allocation))
            progress(rows)
    found = pd.DataFrame(rows)
    pd.set_option("display.width", 200)
    print(found.to_string(max_colwidth=70))
    table(found, ["model"])
    print(found.groupby(["model", "verdict"])["held"].agg(["count", "mean"]))


def fitted(runs: bs.Runs, options: dict) -> bs.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bs.fit(runs, **options, **OPTIONS)


def progress(rows: list[dict]) -> None:
    if len(rows) % 20 == 0:
        sys.stderr.write(f"{len(rows)}: {rows[-1]}, {sum(os.times()[:2]):.0f} s of CPU\n")


def table(found: pd.DataFrame, by: list[str]) -> None:
    """Print how often each verdict was given, in percent, and what was found."""
    counts = pd.crosstab([found[name] for name in by], found["verdict"], normalize="index")
    print(
        (100 * counts).round(1).reindex(found[by].drop_duplicates().to_numpy().squeeze().tolist())
    )
    for key, group in found.groupby(by, sort=False):
        print(key, len(group), dict(Counter(group["found"]).most_common(8)))


def main() -> None:
    folder, stage, *rest = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    stages = {"model": model, "flaws": flaws, "limits": limits, "splits": splits}
    given = [int(word) if word.isdigit() else word for word in rest]
    stages[stage](Path(folder), *given)


if __name__ == "__main__":
    main()
