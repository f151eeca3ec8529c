"""Recipes compared: simulated ladders of known gains, and real pairs with large runs held out.

    python tests/benchmarks/recipes.py simulate [seeds, 20] [runs a recipe, 12,24,48] [gains, 0,.2]
        [constant|grows|floor]
    python tests/benchmarks/recipes.py pairs FOLDER [names, all]

Simulations: Besiroglu's constants, 4 budgets over 2 decades, noise of .4 % in log loss. What must
hold at the centre: 90 % intervals cover 86-94 %, P(m > 1) > .95 in at most .07 without a gain and
in at least .4, .8 and .97 at 5 %. A gain is constant, grows by 5 % with every factor e of compute
from its value at the centre, or comes with an irreducible loss that is 1 % lower. Beside it, least
squares with a bootstrap: recipes fitted apart, and with the irreducible loss of the baseline.

Pairs of public ladders, in FOLDER: the largest runs are held out by a factor of 4, or 8 where that
leaves fewer than 8 of a recipe; the truth is the multiplier of the held-out runs alone, by the form
with a shared shape, at their centre.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import brentq, least_squares

import bayesscale as bs
from bayesscale._types import Array
from bayesscale.backtesting.baselines import fit_power_laws, log_power_laws
from tests.benchmarks._common import isoflop
from tests.forecast.published import BESIROGLU

SHORT = {"draws": 500, "tune": 500, "progress": False}
SEEDS, RUNS, GAINS, NOISE = 20, (12, 24, 48), (0.0, 0.05, 0.2), 0.004
KINDS, PLACES = ("constant", "grows", "floor"), ("centre", "10x", "100x")
GROWS, LOWER, CENTRE = 0.05, 0.01, 1e19 / 6
REFITS = 100
LEAST = 8


def ladder(gain: float, runs: int, seed: int, kind: str = "constant") -> dict[str, np.ndarray]:
    """Simulate two recipes, of which B has a gain in compute, half of it in parameters."""
    e, a, b, alpha, beta = BESIROGLU
    n, d = isoflop(1e18, 1e20, 4, runs // 4, (4, 100))
    log_m = np.full(runs, np.log1p(gain))
    if kind == "grows":
        log_m += GROWS * np.log(n * d / CENTRE)
    times, floor = np.exp(np.r_[np.zeros(runs), log_m / 2]), np.full(2 * runs, e)
    if kind == "floor":
        floor[runs:] *= 1 - LOWER
    params, tokens = np.tile(n, 2), np.tile(d, 2)
    loss = floor + a * (times * params) ** -alpha + b * (times * tokens) ** -beta
    noise = NOISE * np.random.default_rng(seed).standard_normal(2 * runs)
    recipe = np.repeat(["A", "B"], runs)
    return {"params": params, "tokens": tokens, "loss": loss * np.exp(noise), "recipe": recipe}


def reducible(flops: Array, powers: tuple[float, ...]) -> Array:
    """Return the least A N^-alpha + B D^-beta at 6ND = flops."""
    a, b, alpha, beta = powers
    n = (alpha * a / (beta * b) * (flops / 6) ** beta) ** (1 / (alpha + beta))
    return a * n**-alpha + b * (flops / 6 / n) ** -beta


def log_multiplier(flops: Array, first: tuple[float, ...], second: tuple[float, ...]) -> Array:
    """Return ln m at compute of the first law, -inf where the second never reaches its loss."""
    left = first[0] + reducible(flops, first[1:]) - second[0]
    if left <= 0:
        return -np.inf
    fit = brentq(lambda x: np.log(reducible(np.exp(x), second[1:]) / left), -50, 400)
    return np.log(flops) - fit


def known(flops: float, gain: float, kind: str) -> float:
    """Return the true ln m at compute of the baseline."""
    constant = np.log1p(gain)
    if kind == "grows":  # ln m = constant + GROWS ln(C_B / C_0), and ln C_B = ln C - ln m
        return (constant + GROWS * np.log(flops / 6 / CENTRE)) / (1 + GROWS)
    if kind == "floor":
        e, *powers = BESIROGLU
        return constant + log_multiplier(flops, (e, *powers), (e * (1 - LOWER), *powers))
    return constant


def by_least_squares(table: dict[str, np.ndarray], places: dict[str, float], seed: int):
    """Yield method, place and draws of ln m by Approach 3 with a bootstrap of runs."""
    first, rng, x = (
        0.0,
        np.random.default_rng(seed),
        np.log(np.stack([table["params"], table["tokens"]])),
    )
    y, drawn = np.log(table["loss"]), {}
    centre = x.mean(axis=1, keepdims=True)

    def law(theta: Array) -> tuple[float, ...]:
        amplitudes = np.exp(theta[1:3] + theta[3:] * centre[:, 0])
        return (np.exp(theta[0]), *amplitudes, *theta[3:])

    for _ in range(REFITS):
        laws = []
        for name in ("A", "B"):
            rows = rng.choice(
                np.flatnonzero(table["recipe"] == name), (table["recipe"] == name).sum()
            )
            at, target = x[:, rows] - centre, y[rows]
            theta = fit_power_laws(at, target)
            laws.append(law(theta))
            if name == "A":
                first = theta[0]
        pinned = least_squares(
            lambda t, e=first, at=at, target=target: log_power_laws(np.r_[e, t], at) - target,
            theta[1:], loss="huber", f_scale=1e-3,
        )  # fmt: skip
        laws.append(law(np.r_[first, pinned.x]))
        for place, flops in places.items():
            for method, k in (("apart", 1), ("pinned", 2)):
                with np.errstate(all="ignore"), suppress(ValueError):
                    drawn.setdefault((method, place), []).append(
                        log_multiplier(flops, laws[0], laws[k])
                    )
    for (method, place), values in drawn.items():
        yield method, place, np.array(values)


def compared(runs, seed=1, **options) -> bs.RecipeComparison:
    """Compare without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bs.compare_recipes(runs, random_seed=seed, **SHORT, **options)


def simulated(gain: float, runs: int, seed: int, kind: str) -> dict[str, float]:
    """Return what is found of one ladder: at the centre and at 100 times the largest run."""
    table = ladder(gain, runs, seed, kind)
    found = compared(table, seed)
    row: dict[str, float] = {"gain": gain, "runs": runs, "seed": seed}
    places = {place: float(found.at(place)["flops"].iloc[0]) for place in PLACES}
    for place, flops in places.items():
        at = found.at(place).loc["B"]
        low, high = np.log(at[["multiplier_lower", "multiplier_upper"]].astype(float) + 1e-9)
        row |= {
            f"covered_{place}": low <= known(flops, gain, kind) <= high,
            f"width_{place}": high - low, f"claimed_{place}": at["prob_better"] > 0.95,
        }  # fmt: skip
    for method, place, drawn in by_least_squares(table, places, seed):
        low, high = np.quantile(drawn, [0.05, 0.95], method="inverted_cdf")
        row |= {
            f"{method}_covered_{place}": low <= known(places[place], gain, kind) <= high,
            f"{method}_claimed_{place}": np.mean(drawn > 0) > 0.95,
        }
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


def simulate(seeds: int, runs: tuple[int, ...], gains: tuple[float, ...], kind: str) -> None:
    """Print a row a cell."""
    for n in runs:
        for gain in gains:
            start = time.monotonic()
            table = pd.DataFrame([simulated(gain, n, seed, kind) for seed in range(seeds)])
            told = table.drop(columns=["gain", "runs", "seed"]).mean()
            print(f"{kind}, gain {gain:.0%}, {n} runs a recipe, {seeds} seeds, "
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
        kind = asked.pop() if asked and asked[-1] in KINDS else "constant"
        numbers = [tuple(float(x) for x in part.split(",")) for part in asked]
        seeds = int(numbers[0][0]) if numbers else SEEDS
        runs = tuple(int(n) for n in numbers[1]) if len(numbers) > 1 else RUNS
        simulate(seeds, runs, numbers[2] if len(numbers) > 2 else GAINS, kind)
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
