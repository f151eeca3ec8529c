"""Recipes compared: simulated ladders of known gains, and real pairs with large runs held out.

    python tests/benchmarks/recipes.py simulate [seeds, 20] [runs a recipe, 12,24,48] [gains, 0,.2]
    python tests/benchmarks/recipes.py pairs FOLDER [names, all]

Simulations: Besiroglu's constants, 4 budgets over 2 decades, noise of .4 % in log loss. What must
hold at the centre: 90 % intervals cover 86-94 %, P(m > 1) > .95 in at most .07 without a gain and
in at least .4, .8 and .97 at 5 %.

Pairs of public ladders, in FOLDER: the largest runs are held out by a factor of 4, or 8 where that
leaves fewer than 8 of a recipe; the truth is the multiplier of the held-out runs alone, by the form
with a shared shape, at their centre.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

import bayesscale as bs
from tests.benchmarks._common import isoflop
from tests.forecast.published import BESIROGLU

SHORT = {"draws": 500, "tune": 500, "progress": False}
SEEDS, RUNS, GAINS, NOISE = 20, (12, 24, 48), (0.0, 0.05, 0.2), 0.004
LEAST = 8


def ladder(gain: float, runs: int, seed: int) -> dict[str, object]:
    """Simulate two recipes, of which B has a gain in compute, half of it in parameters."""
    e, a, b, alpha, beta = BESIROGLU
    n, d = isoflop(1e18, 1e20, 4, runs // 4, (4, 100))
    times = np.repeat([1.0, np.sqrt(1 + gain)], runs)
    params, tokens = np.tile(n, 2), np.tile(d, 2)
    loss = e + a * (times * params) ** -alpha + b * (times * tokens) ** -beta
    noise = NOISE * np.random.default_rng(seed).standard_normal(2 * runs)
    recipe = np.repeat(["A", "B"], runs)
    return {"params": params, "tokens": tokens, "loss": loss * np.exp(noise), "recipe": recipe}


def compared(runs, seed=1, **options) -> bs.RecipeComparison:
    """Compare without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bs.compare_recipes(runs, random_seed=seed, **SHORT, **options)


def simulated(gain: float, runs: int, seed: int) -> dict[str, float]:
    """Return what is found of one ladder: at the centre and at 100 times the largest run."""
    found = compared(ladder(gain, runs, seed), seed)
    row: dict[str, float] = {"gain": gain, "runs": runs, "seed": seed}
    for place in ("centre", "10x", "100x"):
        at = found.at(place).loc["B"]
        low, high = np.log(at[["multiplier_lower", "multiplier_upper"]].astype(float) + 1e-9)
        row |= {
            f"covered_{place}": low <= np.log1p(gain) <= high, f"width_{place}": high - low,
            f"claimed_{place}": at["prob_better"] > 0.95,
        }  # fmt: skip
    if "shared" in found.of.fits:
        c = found.of.fits["shared"].coordinates
        row["sd"] = float((c["ln_rho_N_1"] + c["ln_rho_D_1"]).std())
    slope = float(found.power["slope"].iloc[0])
    row["sd_by_rule"] = NOISE * np.sqrt(2 / runs) / slope
    row["sd_said"] = float(found.power["sd"].iloc[0])
    row |= {f"weight_{form}": w for form, w in found.forms["weight"].items()}
    row["ln_bf_shared"] = found.forms.loc["shared", "ln_bf"]
    row["severity"] = found.severity != "ok"
    return row


def simulate(seeds: int, runs: tuple[int, ...], gains: tuple[float, ...]) -> None:
    """Print a row a cell."""
    for n in runs:
        for gain in gains:
            start = time.monotonic()
            table = pd.DataFrame([simulated(gain, n, seed) for seed in range(seeds)])
            told = table.drop(columns=["gain", "runs", "seed"]).mean()
            print(f"gain {gain:.0%}, {n} runs a recipe, {seeds} seeds, "
                  f"{(time.monotonic() - start) / seeds:.0f} s each")  # fmt: skip
            print(told.round(3).to_string(), "\n", flush=True)


def pairs(root: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield source/name, and runs of two recipes with the columns of a table of runs."""
    marin = pd.read_csv(root / "marin2026/runs.csv")
    for a, b in (("comma", "dclm"), ("comma", "nemotron"), ("dclm", "nemotron")):
        yield f"marin/{a}-{b}", _pair(marin, "dataset", a, b)
    porian = pd.read_csv(root / "porian2024/runs.csv")
    porian = porian[(porian.n_tokens > 2 * porian.n_params) & (porian.loss < 5)]
    steps = ("2_count_last_layer", "3_correct_warmup", "4_cosine_decay", "5_tuned_optimizer")
    for corpus in ("rw", "owt2"):
        own = porian[porian.dataset == corpus]
        for a, b in pairwise(steps):
            yield f"porian/{corpus} {a[0]}-{b[0]}", _pair(own, "experiment", a, b)
    xlstm = pd.read_csv(root / "xlstm2025/runs.csv")
    xlstm = xlstm[xlstm.loss < 6]
    xlstm["model"] = xlstm.family.str[:5] + " " + xlstm.ctx.astype(str)
    for a, b in (("Trans 16384", "xLSTM 16384"), ("Trans 2048", "Trans 8192"),
                 ("Trans 8192", "Trans 16384")):  # fmt: skip
        yield f"xlstm/{a}-{b}", _pair(xlstm, "model", a, b)


def _pair(frame: pd.DataFrame, column: str, a: str, b: str) -> pd.DataFrame:
    some = frame[frame[column].isin([a, b])]
    renamed = {"n_params": "params", "n_tokens": "tokens", column: "recipe"}
    return some.rename(columns=renamed)[["params", "tokens", "loss", "recipe"]]


def held_out(name: str, frame: pd.DataFrame) -> dict[str, object]:
    """Compare the smaller runs, and the larger ones alone."""
    second = frame.recipe.unique()
    runs = bs.Runs.from_frame(frame, group="recipe")
    for factor in (4.0, 8.0):
        small, large = runs.split_by_compute(factor)
        counts = pd.Series(large.groups["recipe"]).value_counts().reindex(second, fill_value=0)
        if counts.min() >= LEAST:
            break
    baseline = str(sorted(second)[0])
    truth = compared(large, forms=("shared",), baseline=baseline)
    at = np.exp(np.log(large.flops).mean())
    start = time.monotonic()
    found = compared(small, baseline=baseline, budgets=[at])
    row: dict[str, object] = {
        "pair": name, "factor": factor, "small": len(small), "large": len(large),
        "seconds": time.monotonic() - start, "truth_stop": truth.severity,
        "found_stop": found.severity,
    }  # fmt: skip
    known = np.log(truth.draws["multiplier"].sel(at="centre").values)
    row |= {"truth": known.mean(), "truth_sd": known.std()}
    there = f"{at:.3g} FLOP"
    drawn = np.log(np.maximum(found.draws["multiplier"].sel(at=there).values, 1e-9))
    row |= dict(zip(("low", "ln_m", "high"), np.quantile(drawn, [0.05, 0.5, 0.95]), strict=True))
    row["covered"] = row["low"] <= row["truth"] <= row["high"]
    row["missed_by"] = abs(row["ln_m"] - row["truth"])
    row["centre"] = float(np.log(found.at("centre")["multiplier"].iloc[0]))
    row |= {f"w_{form}": w for form, w in found.forms["weight"].items()}
    return row


def main() -> None:
    warnings.simplefilter("ignore")
    what, *asked = sys.argv[1:] or ["simulate"]
    if what == "simulate":
        numbers = [tuple(float(x) for x in part.split(",")) for part in asked]
        seeds = int(numbers[0][0]) if numbers else SEEDS
        runs = tuple(int(n) for n in numbers[1]) if len(numbers) > 1 else RUNS
        simulate(seeds, runs, numbers[2] if len(numbers) > 2 else GAINS)
        return
    rows = []
    for name, frame in pairs(Path(asked[0])):
        if len(asked) < 2 or any(part in name for part in asked[1:]):
            rows.append(held_out(name, frame))
            print(pd.Series(rows[-1]).to_string(), "\n", flush=True)
    table = pd.DataFrame(rows)
    table["source"] = table["pair"].str.split("/").str[0]
    print(
        table.groupby("source")[["covered", "missed_by"]].agg(["mean", "median", "size"]).round(3)
    )
    print(
        f"covered {table.covered.sum()} of {len(table)}, median miss {table.missed_by.median():.3f}"
    )


if __name__ == "__main__":
    main()
