"""Would other scales of drift, or another prior, foretell larger runs and best sizes better?

    python tests/benchmarks/drift_scales.py SPLITS.py DATA STORE [EXACT_LADDERS, 20]

Every split is fitted twice by the default, to its small runs and to all of them. Another normal
prior on a coordinate, or on a sum or difference of two, changes the weights of the draws: the
joint density of the held-out runs, the best sizes of held-out isoFLOP levels, and what is predicted
for ladders simulated from Chinchilla's law follow without a new fit. Where few draws carry the
weight (least effective share below .1) a row is an indication only.

Columns: joint log density less the default's with its standard error over sources, and of how many
sources it is above; coverage of the held-out levels' vertices by 90 % intervals, and the intervals'
median factor; on exact ladders at 100x the largest run the bias of the median log loss in percent,
its coverage, half its interval's width, and the factor of N*.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp

import bayesscale as bs
from bayesscale.inference import Setup
from bayesscale.laws import population
from bayesscale.model import LINKS
from tests.benchmarks import held_out_levels as held_out
from tests.benchmarks._common import chinchilla, isoflop, kept, ladder_of, source
from tests.benchmarks.hyperpriors import splits

DRAWS, BEYOND, Z = 1500, 100.0, 1.645
GRID = np.linspace(-1.8, 1.8, 13)
"""Standard normal deviates of a ladder's own ln scale; each as probable as the density there."""

STEP = {side: normal.scale for side, normal in population.STEP_IN_INPUT.items()}
LOSS_STEP = {side: normal.scale for side, normal in population.STEP_IN_LOSS.items()}

CASES: dict[str, dict[str, Any]] = {
    "default": {},
    **{f"N-D difference of steps x {x}": {"difference": x} for x in (0.25, 0.5, 0.7, 1.2, 1.4)},
    **{f"N-D mean of steps x {x}": {"mean": x} for x in (0.5, 0.7, 1.3)},
    **{f"steps in loss x {x}": {"loss": x} for x in (0.7, 1.3)},
    **{f"a scale of all steps of its own, ln s ~ N(0, {x})": {"own scale": x} for x in (0.2, 0.4)},
    **{f"ln ratio of exponents 0 ± {x}": {"exponent_ratio": (0.0, x)} for x in (0.4, 0.3, 0.2)},
    **{
        f"undertraining {mu} x/÷ e^{sigma}": {"undertraining": (np.log(mu), sigma)}
        for mu, sigma in ((0.006, 1.1), (0.003, 1.6), (0.001, 1.0))
    },
}


def links(fit: bs.Fit) -> dict[str, np.ndarray]:
    """Return draws on the links' scale, ``(draw,)`` a coordinate."""
    c = fit.posterior.flat().c
    return {k.name: LINKS[k.link].forward(c[k.name][:, 0]) for k in fit.spec.coordinates}


def levels(fit: bs.Fit, large: bs.Runs) -> list[dict[str, Any]]:
    """Return of each held-out level ln N of the vertex, its error, and the draws of ln N*."""
    found = []
    for level in held_out.levels(large):
        place = held_out.vertex_of(fit, large, level)
        if place is not None:
            draws = bs.allocate(fit, flops=place["flops"]).draws["params"].to_numpy()
            found.append(place | {"draws": np.log(draws.ravel())})
    return found


def of_split(name: str, small: bs.Runs, large: bs.Runs) -> dict[str, Any]:
    columns = ["params", "tokens", "loss"]
    frames = [runs.frame[columns] for runs in (small, large)]
    every = bs.Runs.from_frame(pd.concat(frames, ignore_index=True))
    fit = bs.fit(small, draws=DRAWS, random_seed=1, progress=False)
    again = Setup(every, fit.spec, fit.sampling).sample()  # centre, spread and priors stay
    at = levels(fit, large) if source(name) in held_out.SOURCES else []
    return {"small": links(fit), "all": links(again), "levels": at}


def of_exact_ladder(seed: int) -> dict[str, Any]:
    """Fit forty runs of Chinchilla's law, and predict its best run at 100x their compute."""
    sizes = isoflop(1e18, 1e21, 5, 8)
    noise = 0.004 * np.random.default_rng([77, seed]).standard_normal(40)
    runs = ladder_of(*sizes, chinchilla(*sizes) + noise)
    fit = bs.fit(runs, draws=DRAWS, random_seed=1, progress=False)
    flops = BEYOND * runs.flops.max()
    a, b, scale_n, scale_d = 0.35, 0.366, 480, 2000
    params = np.exp((np.log(a * scale_n / (b * scale_d)) + b * np.log(flops / 6)) / (a + b))
    tokens = flops / 6 / params
    at = {"params": np.array([params]), "tokens": np.array([tokens])}
    loss = fit.posterior.flat().log_loss(at)[:, 0]
    draws = np.log(bs.allocate(fit, flops=flops).draws["params"].to_numpy().ravel())
    truth = {"loss": float(chinchilla(params, tokens)), "params": float(np.log(params))}
    return {"small": links(fit), "loss": loss, "params": draws, "truth": truth}


def log_ratio(u: np.ndarray, before: tuple[float, float], after: tuple[float, float]) -> np.ndarray:
    """Return the log ratio of two normal densities."""
    (mu0, sigma0), (mu, sigma) = before, after
    return ((u - mu0) / sigma0) ** 2 / 2 - ((u - mu) / sigma) ** 2 / 2 + np.log(sigma0 / sigma)


def log_weights(draws: dict[str, np.ndarray], case: dict[str, Any]) -> np.ndarray:
    """Return how much more probable a prior makes each draw than the default does."""
    total = np.zeros(len(draws["level"]))
    for side, step in STEP.items():
        n, d = (draws[f"drift_{name}_{side}_1"] for name in ("params", "tokens"))
        for name, u, sd in (("difference", n - d, 2**0.5 * step), ("mean", n + d, 2**0.5 * step)):
            if name in case:
                total += log_ratio(u, (0, sd), (0, case[name] * sd))
        for j in (1, 2) if "loss" in case else ():
            sd = LOSS_STEP[side]
            total += log_ratio(draws[f"drift_loss_{side}_{j}"], (0, sd), (0, case["loss"] * sd))
    if "own scale" in case:
        steps = [(k, (LOSS_STEP if "loss" in k else STEP)[k.split("_")[2]])
                 for k in draws if k.startswith("drift_")]  # fmt: skip
        by_scale = [
            sum(log_ratio(draws[k], (0, sd), (0, np.exp(z * case["own scale"]) * sd))
                for k, sd in steps) - z**2 / 2
            for z in GRID
        ]  # fmt: skip
        total += logsumexp(by_scale, axis=0) - logsumexp(-(GRID**2) / 2)
    before = {
        "exponent_ratio": population.EXPONENT_RATIO,
        "undertraining": population.UNDERTRAINING,
    }
    for name in before.keys() & case.keys():
        total += log_ratio(draws[name], before[name], case[name])
    return total


def quantiles(values: np.ndarray, log_w: np.ndarray) -> np.ndarray:
    """Return the weighted 5, 50 and 95 % quantiles."""
    order = np.argsort(values)
    total = np.cumsum(np.exp(log_w - log_w.max())[order])
    return np.interp([0.05, 0.5, 0.95], total / total[-1], values[order])


def judged(case: dict[str, Any], fits: dict[str, Any], exact: list[Any]) -> dict[str, Any]:
    gains, share, vertices = {}, 1.0, []
    for name, fit in fits.items():
        log_w = {which: log_weights(fit[which], case) for which in ("small", "all")}
        mean = {which: logsumexp(w) - np.log(len(w)) for which, w in log_w.items()}
        gains[name] = mean["all"] - mean["small"]
        for w in log_w.values():
            share = min(share, np.exp(2 * logsumexp(w) - logsumexp(2 * w)) / len(w))
        for level in fit["levels"]:
            low, median, high = quantiles(level["draws"], log_w["small"])
            width = Z * np.hypot((high - low) / (2 * Z), level["error"])
            vertices.append((abs(level["vertex"] - median) <= width, (high - low) / 2))
    gain = pd.Series(gains).groupby(source).mean()
    held, half = np.transpose(vertices) if vertices else np.full((2, 1), np.nan)
    row = {
        "joint": f"{gain.mean():+.2f} ± {gain.sem():.2f}",
        "above": f"{(gain > 0).sum()} of {len(gain)}", "least share": share,
        "levels": held.mean(), "factor": np.exp(np.median(half)),
    }  # fmt: skip
    beyond = []
    for fit in exact:
        log_w = log_weights(fit["small"], case)
        low, median, high = quantiles(fit["loss"], log_w)
        n_low, _, n_high = quantiles(fit["params"], log_w)
        truth = fit["truth"]["loss"]
        beyond.append(
            (median - truth, low <= truth <= high, (high - low) / 2, (n_high - n_low) / 2)
        )
    if beyond:
        bias, cover, width, factor = np.mean(beyond, axis=0)
        se = np.std([b for b, *_ in beyond]) / len(beyond) ** 0.5
        row |= {"bias, %": f"{100 * bias:+.2f} ± {100 * se:.2f}", "cover": cover,
                "half width, %": 100 * width, "N* factor": np.exp(factor)}  # fmt: skip
    return row


def main() -> None:
    script, data, folder, *rest = sys.argv[1:]
    store = Path(folder)
    store.mkdir(parents=True, exist_ok=True)
    fits = {}
    for name, *two in splits(script, data):
        path = store / f"split_{name.replace('/', '_')}"
        fits[name] = kept(path, lambda name=name, two=two: of_split(name, *two))
        sys.stderr.write(f"{name}: fitted\n")
    exact = [
        kept(store / f"exact_{i}", lambda i=i: of_exact_ladder(i))
        for i in range(int(rest[0]) if rest else 20)
    ]
    table = pd.DataFrame({name: judged(case, fits, exact) for name, case in CASES.items()}).T
    pd.set_option("display.width", 200, "display.max_columns", None)
    print(table.to_string(float_format="{:.2f}".format))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
