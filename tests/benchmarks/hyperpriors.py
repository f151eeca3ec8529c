"""Learn what ladders are like from public ones, and score what was learned on sources left out.

    python tests/benchmarks/hyperpriors.py SPLITS.py DATA STORE

The numbers in bayesscale/laws/population.py are made here. What is maximised is the joint density
of held-out runs given the fitted ones,

    sum over sources of ln p(y_all | h) - ln p(y_small | h),

averaged over the splits of a source, by the means and standard deviations h of normal priors on
the scale of the links. Both evidences are those under broad priors times the mean ratio of priors
over the posterior's draws, so that two fits a split serve every h; the gradient is the same kind of
mean. Some twelve sources move a number from what it was before only as far as they agree: it is
shrunk towards that. To the public sources of SPLITS.py come the package's own two ladders, as one
source: they bend more than most. Each source is scored by numbers learned without it, in fits of
its own; coverage, CRPS over that of Approach 3 and log score are averaged within the source.

STORE keeps fits and scores: an interrupted run goes on.
"""

import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import logsumexp

import bayesscale as bs
from bayesscale.backtesting import (
    exact_log_score,
    normal_log_score,
    predict_by_bootstrap,
    score_draws,
    summarise,
)
from bayesscale.inference import Setup
from bayesscale.model import LINKS, NORMAL_ON_LINK
from tests.benchmarks._common import kept, read_splits, runs_of, source

DRAWS = 3000
SHRUNK_MEAN, SHRUNK_WIDTH = 0.7, 0.3
"""Standard deviations of how far numbers move: a mean, in units of the width before, and the log of
a width."""
BOUND = 0.6  # reweighting goes no further

INPUTS, LOSS = ("params_{}_1", "tokens_{}_1"), ("loss_{}_1", "loss_{}_2")
GROUPS: dict[str, tuple[tuple[str, ...], float | None, float]] = {
    f"{what} {side}": (tuple(f"drift_{n.format(side)}" for n in names), None, width)
    for what, names in (("inputs", INPUTS), ("loss", LOSS))
    for side, width in (("above", 0.25), ("below", 0.3))
} | {
    "noise in C": (("sigma_slope_C",), -0.12, 0.12),
    "noise in D/N": (("sigma_slope_ratio",), -0.04, 0.08),
    "nu - 1": (("nu_minus_one",), 1.4, 0.85),
    "undertraining": (("undertraining",), -4.2, 1.3),
    "its rate": (("undertraining_rate",), np.log(2), 0.7),
}  # fmt: skip
"""Coordinates that share a prior, with the mean (None: zero, not learned) and width of a broad one.
Slopes, shapes and level of the laws were tried and left as they were: sources left out gained less
with them (.2 nats each) than without (.5), some more and some less. So were Student-t steps, and
steps of a scale that a ladder's own share: no prior on steps of the same size gained .1 nats."""

OWN = (("code", 4), ("code", 30), ("bytes", 4))
"""Embedded ladders, and within what factor of the largest compute runs are held out."""


def splits(script: str, data: str) -> list[tuple[str, bs.Runs, bs.Runs]]:
    """Return the name of every split, its small and its large runs."""
    found = read_splits(script, data)
    own = [(f"embedded/{name}/x{factor}", *own_split(name, factor)) for name, factor in OWN]
    return [(name, runs_of(small), runs_of(large)) for name, small, large in found] + own


def own_split(name: str, factor: float) -> tuple[bs.Runs, bs.Runs]:
    runs = bs.load_example(name)
    large = runs.flops >= runs.flops.max() / factor * (1 - 1e-9)
    columns = ["params", "tokens", "loss"]
    return tuple(bs.Runs.from_frame(runs.frame.loc[rows, columns]) for rows in (~large, large))


def priors_of(h: dict[str, tuple[float, float]]) -> dict[str, bs.Prior]:
    """Return priors by coordinate, from mean and width by group."""
    links = {"nu_minus_one": "log", "undertraining": "log", "undertraining_rate": "log"}
    return {
        name: bs.Prior(NORMAL_ON_LINK[links.get(name, "identity")], mu=mu, sigma=sigma)
        for group, (mu, sigma) in h.items()
        for name in GROUPS[group][0]
    }


BEFORE = {
    "inputs above": (0.0, 0.12), "loss above": (0.0, 0.12), "inputs below": (0.0, 0.12),
    "loss below": (0.0, 0.12), "noise in C": (0.0, 0.12), "noise in D/N": (0.0, 0.05),
    "nu - 1": (np.log(6), 0.9), "undertraining": (np.log(0.013), 1.0),
    "its rate": (np.log(2), 0.7),
}  # fmt: skip
"""The defaults before anything was learned; noise had one scale. Its slope in D/N starts from
little: with more, runs on few tokens can be noisier or worse, two modes that chains are slow to
cross."""

BROAD = {group: (mu or 0.0, sigma) for group, (_, mu, sigma) in GROUPS.items()}


def fitted(small: bs.Runs, large: bs.Runs) -> dict[str, dict[str, np.ndarray]]:
    """Return draws of what is learned, on the links' scale, given the small runs and given all."""
    frames = (small.frame, large.frame)
    both = bs.Runs.from_frame(pd.concat(frames, ignore_index=True)[["params", "tokens", "loss"]])
    fit = bs.fit(small, priors=priors_of(BROAD), draws=DRAWS, random_seed=1, progress=False)
    # the law's centre and the units of distance stay those of the small runs
    again = Setup(both, fit.spec, fit.sampling).sample()
    return {
        name: {
            k.name: LINKS[k.link].forward(f.posterior.flat().c[k.name][:, 0])
            for k in f.spec.coordinates
        }
        for name, f in (("small", fit), ("all", again))
    }


def log_ratio(draws: dict[str, np.ndarray], h: dict[str, tuple[float, float]]) -> np.ndarray:
    """Return the log ratio of the priors h to the broad ones at every draw."""
    total = np.zeros(len(next(iter(draws.values()))))
    for group, (mu, sigma) in h.items():
        mu0, sigma0 = BROAD[group]
        for name in GROUPS[group][0]:
            u = draws[name]
            total += ((u - mu0) / sigma0) ** 2 / 2 - ((u - mu) / sigma) ** 2 / 2
            total += np.log(sigma0 / sigma)
    return total


def at(theta: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return h from what is searched over: a shift of each mean, then a log ratio of each width."""
    means = [group for group, (_, mu, _) in GROUPS.items() if mu is not None]
    shift = dict(zip(means, theta, strict=False))
    wider = dict(zip(GROUPS, theta[len(means) :], strict=True))
    return {
        group: (mu + sigma * shift.get(group, 0.0), sigma * float(np.exp(wider[group])))
        for group, (mu, sigma) in BROAD.items()
    }


def gain(theta: np.ndarray, fits: dict[str, Any], without: str) -> tuple[float, np.ndarray]:
    """Return minus the shrunk gain in joint log density over the broad priors, and its slope."""
    h, count = at(theta), Counter(map(source, fits))
    means = [group for group, (_, mu, _) in GROUPS.items() if mu is not None]
    by_mean, by_width, value = dict.fromkeys(GROUPS, 0.0), dict.fromkeys(GROUPS, 0.0), 0.0
    for name, both in fits.items():
        if source(name) == without:
            continue
        for sign, draws in ((1, both["all"]), (-1, both["small"])):
            weight = sign / count[source(name)]
            log_w = log_ratio(draws, h)
            total = logsumexp(log_w)
            w = np.exp(log_w - total)
            value += weight * (total - np.log(len(w)))
            for group, (mu, sigma) in h.items():
                for coordinate in GROUPS[group][0]:
                    z = (draws[coordinate] - mu) / sigma
                    by_mean[group] += weight * float(w @ z) / sigma * BROAD[group][1]
                    by_width[group] += weight * (float(w @ z**2) - 1)
    for group, (mu, sigma) in h.items():
        mu0, sigma0 = BEFORE[group]
        moved = (mu - mu0) / (SHRUNK_MEAN * sigma0)
        wider = np.log(sigma / sigma0) / SHRUNK_WIDTH
        value -= (moved**2 + wider**2) / 2
        by_mean[group] -= moved / (SHRUNK_MEAN * sigma0) * BROAD[group][1]
        by_width[group] -= wider / SHRUNK_WIDTH
    return -value, -np.array([*(by_mean[group] for group in means), *by_width.values()])


def learn(fits: dict[str, Any], without: str = "") -> dict[str, tuple[float, float]]:
    n = len(GROUPS) + sum(mu is not None for _, mu, _ in GROUPS.values())
    found = minimize(
        gain, np.zeros(n), args=(fits, without), jac=True, method="L-BFGS-B",
        bounds=[(-BOUND, BOUND)] * n, options={"maxiter": 25},
    )  # fmt: skip
    return at(found.x)


def scored(small: bs.Runs, large: bs.Runs, h: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """Score a fit under the priors h, or Approach 3 if h is empty."""
    observed = np.log(large.loss)
    if h:
        fit = bs.fit(small, priors=priors_of(h), random_seed=1, progress=False)
        sizes = {"params": large.params, "tokens": large.tokens}
        loss = bs.extrapolate(fit, **sizes).draws["loss"].to_numpy()
        draws, log_score = np.log(loss.reshape(-1, len(large))), exact_log_score(fit, large)
    else:
        x, new = (np.log(np.stack([r.params, r.tokens])) for r in (small, large))
        draws = predict_by_bootstrap(x, np.log(small.loss), new, np.random.default_rng(1))
        log_score = normal_log_score(draws, observed)
    known = {"observed": large.loss, "run": large.run_ids, "reach": large.flops / small.flops.max()}
    return score_draws(draws, observed).assign(log_score=log_score, **known)


def main() -> None:
    script, data, folder = sys.argv[1:4]
    store = Path(folder)
    store.mkdir(parents=True, exist_ok=True)
    ladders = {name: two for name, *two in splits(script, data)}
    files = {name: name.replace("/", "_") + ".joblib" for name in ladders}
    fits = {}
    for name, two in ladders.items():
        fits[name] = kept(store / f"fit_{files[name]}", lambda two=two: fitted(*two))
        sys.stderr.write(f"{name}: fitted\n")
    learned = {s: learn(fits, s) for s in ["", *Counter(map(source, fits))]}
    table = {(s or "all"): {g: f"{m:.2f} ± {w:.2f}" for g, (m, w) in h.items()}
             for s, h in learned.items()}  # fmt: skip
    pd.set_option("display.width", 240, "display.max_columns", None)
    print("mean ± width learned from all sources, then without each\n", pd.DataFrame(table).T)
    rows = []
    for name, two in ladders.items():
        ways = {"left out": learned[source(name)], "approach3": {}}
        for way, h in ways.items():
            path = store / f"{way}_{files[name]}"
            points = kept(path, lambda two=two, h=h: scored(*two, h)).assign(way=way)
            rows.append(summarise(points, ["way"]).assign(split=name).reset_index())
    found = pd.concat(rows).set_index(["way", "split"])
    crps = found["crps"].unstack("way")
    for way in ("left out", "approach3"):
        ratio = np.log((crps[way] / crps["approach3"]).clip(lower=0.05))
        by_split = found.loc[way, ["cover90", "cover50", "log_score"]].assign(ratio=ratio)
        by_source = by_split.groupby(by_split.index.map(source)).mean()
        public = by_source.drop("embedded").agg(["mean", "sem"])
        told = pd.concat(
            [by_source, by_source.agg(["mean", "sem"]), public.add_suffix(" public", axis=0)]
        )
        told["ratio"] = np.exp(told["ratio"])
        print(f"\n{way}\n{told.round(3).to_string()}")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
