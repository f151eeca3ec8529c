"""Decisions on simulated ladders: the run to order against plug-in rules, and what to run next.

Usage: python tests/benchmarks/decisions.py {bets,design} [LADDERS]

Truths are drawn around published exponents, ladders simulated from them and fitted; a decision's
regret is its true loss above that of the best size at the same cost. ``bets``: the size with the
least posterior expected loss against the median and the mean of the optima and the optimum at mean
parameters, for a budget 100 times the largest run's. ``design``: the next six runs by bs.design,
on one isoFLOP curve, or at random, for the same FLOP; regret at 100 times the ladder's largest run
after refitting. One process; CPU seconds are printed.
"""

import sys
import time
import warnings

import numpy as np
import pandas as pd
from scipy.stats import skew

import bayesscale as bs
from bayesscale.accounting import PowerCost
from bayesscale.forecast import Frontier, Terms
from bayesscale.model import Posterior, specify
from tests.benchmarks._common import isoflop
from tests.simulate import SIMULATED_LOSS, on_slopes

QUIET = {"progress": False, "draws": 500, "tune": 500, "chains": 4}
SERVED = bs.LifetimeCost(tokens_served=2e11, training=PowerCost())


def grid(budgets: int, sizes: int, top: float = 1e20, low: float = 2, high: float = 200):
    """Sizes on isoFLOP curves."""
    return isoflop(top / 30, top, budgets, sizes, (low, high))


def frontier(n: int, top: float = 1e20):
    """One run a budget, all near 20 tokens per parameter."""
    flops = np.geomspace(top / 100, top, n)
    ratio = 20 * np.tile([0.7, 1.0, 1.4], n)[:n]
    params = np.sqrt(flops / 6 / ratio)
    return params, params * ratio


SCENARIOS = {
    "32 isoFLOP runs, sigma .003": (grid(4, 8), 0.003, PowerCost()),
    "12 isoFLOP runs, sigma .01": (grid(3, 4), 0.01, PowerCost()),
    "12 runs near the frontier, sigma .005": (frontier(12), 0.005, PowerCost()),
    "8 runs few tokens, sigma .01": (grid(2, 4, low=1, high=10), 0.01, PowerCost()),
    "12 near the frontier, served": (frontier(12), 0.005, SERVED),
}


def truth_of(rng: np.random.Generator, sigma: float) -> dict[str, float]:
    def share(middle: float, spread: float) -> float:
        return float(1 / (1 + np.exp(-(np.log(middle / (1 - middle)) + spread * rng.normal()))))

    floor, of_params = share(0.6, 0.4), share(0.5, 0.5)
    alpha_n, alpha_d = 0.34 * np.exp(0.2 * rng.normal(size=2))
    return {
        "level": 1.0, "irreducible_share": floor, "sigma": sigma, "nu_minus_one": 6.0,
        "sigma_slope_C": 0.0, "sigma_slope_ratio": 0.0,
        **on_slopes(of_params, alpha_n, alpha_d, floor),
    }  # fmt: skip


class Truth:
    """The law that a ladder was drawn from, at the centre that its coordinates refer to."""

    def __init__(self, c: dict[str, float], sizes) -> None:
        self.c = c
        flat = {"params": sizes[0], "tokens": sizes[1], "loss": np.full(len(sizes[0]), 2.7)}
        spec = specify(bs.Runs.from_frame(flat), law="chinchilla", discrepancy=None)
        draws = {name: np.array([value]) for name, value in c.items()}
        self.posterior = Posterior.of(spec, draws)
        self.spec = spec

    def ladder(self, sizes, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Simulate runs of any sizes."""
        at = {"params": sizes[0], "tokens": sizes[1]}
        log_loss = np.log(SIMULATED_LOSS / self.spec.reference["loss"])
        log_loss = log_loss + self.posterior.log_loss(at)
        return {**at, "loss": self.posterior.new_runs(log_loss, at, rng)[0]}

    def regret(self, params, flops: float, cost) -> np.ndarray:
        frontier = Frontier.of(self.posterior, np.array([flops]), Terms(cost=cost), {})
        best = frontier.log_loss(frontier.optimum()[0])
        centre = frontier.posterior.spec.reference["params"]
        at = [frontier.log_loss(np.full((1, 1), np.log(n / centre)))[0, 0] for n in params]
        return SIMULATED_LOSS * (np.exp(at) - np.exp(best[0, 0]))


def decisions(fit: bs.Fit, target: float, cost) -> tuple[dict[str, float], np.ndarray]:
    answer = bs.allocate(fit, flops=target, terms=bs.Terms(cost=cost))
    best = answer.draws["params"].to_numpy().ravel()
    posterior = fit.posterior.flat()
    mean = {name: np.array([v.mean()]) for name, v in posterior.c.items()}
    plug = Frontier.of(Posterior.of(fit.spec, mean), np.array([target]), Terms(cost=cost), {})
    at_mean = fit.spec.reference["params"] * np.exp(plug.optimum()[0][0, 0])
    return {
        "expected loss": float(answer.summary["recommended_params"].iloc[0]),
        "median of optima": float(np.median(best)),
        "mean of optima": float(best.mean()),
        "at mean parameters": float(at_mean),
    }, best


def posterior_regret(fit: bs.Fit, params, target: float, cost) -> np.ndarray:
    """Return the regret of sizes averaged over the posterior: what a fair truth would give."""
    frontier = Frontier.of(fit.posterior.flat(), np.array([target]), Terms(cost=cost), {})
    centre, loss = fit.spec.reference["params"], fit.spec.reference["loss"]
    best = np.exp(frontier.log_loss(frontier.optimum()[0]))
    at = [np.exp(frontier.log_loss(np.full((1, 1), np.log(n / centre)))) for n in params]
    return np.array([loss * (a - best).mean() for a in at])


def bets(ladders: int) -> None:
    rows = []
    for name, (sizes, sigma, cost) in SCENARIOS.items():
        target = 100 * float((6 * sizes[0] * sizes[1]).max())
        for seed in range(ladders):
            rng = np.random.default_rng([seed, 7])
            truth = Truth(truth_of(rng, sigma), sizes)
            runs = bs.Runs.from_frame(truth.ladder(sizes, rng))
            fit = bs.fit(runs, law="chinchilla", discrepancy=None, random_seed=seed, **QUIET)
            chosen, best = decisions(fit, target, cost)
            at_truth = truth.regret(chosen.values(), target, cost)
            fair = posterior_regret(fit, chosen.values(), target, cost)
            for rule, regret, expected in zip(chosen, at_truth, fair, strict=True):
                rows.append(
                    (name, seed, rule, regret, expected, skew(np.log(best)), np.log(best).std())
                )
    columns = ["scenario", "seed", "rule", "regret", "expected", "skew", "sd ln N*"]
    table = pd.DataFrame(rows, columns=columns)
    for what, title in (("expected", "mean over posterior draws"), ("regret", "at the truth")):
        wide = table.pivot(index=["scenario", "seed"], columns="rule", values=what) * 1e3
        by = wide.groupby("scenario", sort=False)
        print(f"\nmean regret {title}, 1e-3 nats/token")
        print(by.mean().round(3).to_string())
        paired = wide.sub(wide["expected loss"], axis=0).drop(columns="expected loss")
        print("plug-in minus expected loss: mean (standard error)")
        both = paired.groupby("scenario", sort=False).agg(
            lambda d: f"{d.mean():.3f} ({d.std() / np.sqrt(len(d)):.3f})"
        )
        print(both.to_string())
    print(table.groupby("scenario", sort=False)[["skew", "sd ln N*"]].mean().round(2).to_string())


def iso_flop(fit: bs.Fit, budget: float):
    """Six sizes on one isoFLOP curve about the optimum that the fit finds, ratios 2 apart."""
    each = budget / 6
    best = float(bs.allocate(fit, flops=each).summary["params"].iloc[0])
    params = best * 2.0 ** np.linspace(-1.5, 1.5, 6)
    return params, each / 6 / params


def at_random(runs: bs.Runs, budget: float, rng: np.random.Generator):
    """Six runs of a sixth of the budget each, at ratios drawn from those of the ladder."""
    ratio = np.exp(
        rng.uniform(
            *np.log([(runs.tokens / runs.params).min(), (runs.tokens / runs.params).max()]), 6
        )
    )
    params = np.sqrt(budget / 6 / 6 / ratio)
    return params, params * ratio


def by_design(fit: bs.Fit, target: float, budget: float):
    chosen = bs.design(fit, target=target, budget=budget).chosen
    chosen = chosen.loc[chosen.index.repeat(chosen["times"])]
    return chosen["params"].to_numpy(), chosen["tokens"].to_numpy()


def next_runs(ladders: int) -> None:
    sizes, sigma = grid(3, 4, top=1e19), 0.006
    target, budget = 1e21, 3e19
    rows = []
    for seed in range(ladders):
        rng = np.random.default_rng([seed, 11])
        truth = Truth(truth_of(rng, sigma), sizes)
        frame = truth.ladder(sizes, rng)
        runs = bs.Runs.from_frame(frame)
        options = {"law": "chinchilla", "discrepancy": None, "random_seed": seed, **QUIET}
        fit = bs.fit(runs, **options)
        more = {
            "design": by_design(fit, target, budget),
            "isoFLOP": iso_flop(fit, budget),
            "random": at_random(runs, budget, rng),
        }
        bet = bs.allocate(fit, flops=target).summary.iloc[0]
        row = {"none": (truth.regret([bet["recommended_params"]], target, PowerCost())[0],
                        bet["expected_regret"])}  # fmt: skip
        for rule, new in more.items():
            extra = truth.ladder(new, np.random.default_rng([seed, 13]))
            both = {k: np.r_[frame[k], extra[k]] for k in frame}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # replicates
                after = bs.fit(bs.Runs.from_frame(both), **options)
            bet = bs.allocate(after, flops=target).summary.iloc[0]
            row[rule] = (
                truth.regret([bet["recommended_params"]], target, PowerCost())[0],
                bet["expected_regret"],
            )
        rows += [(seed, rule, *values) for rule, values in row.items()]
    table = pd.DataFrame(rows, columns=["seed", "next six runs", "regret", "expected"])
    for what in ("regret", "expected"):
        by = 1e3 * table.pivot(index="seed", columns="next six runs", values=what)
        print(f"\n{what} at 100 times the ladder's compute after refitting, 1e-3 nats/token")
        summary = by.agg(["mean", "sem", "median", "std", "max"]).T
        print(summary.round(3).to_string())
        paired = by[["isoFLOP", "random", "none"]].sub(by["design"], axis=0)
        print("minus design: mean, standard error, share of ladders where design is better")
        print(pd.DataFrame({"mean": paired.mean(), "se": paired.sem(),
                            "better": (paired > 0).mean()}).round(3).to_string())  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore", bs.BayesScaleWarning)
    start = time.process_time()
    ladders = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    {"bets": bets, "design": next_runs}[sys.argv[1]](ladders)
    print(f"\n{ladders} ladders, {time.process_time() - start:.0f} CPU s")


if __name__ == "__main__":
    main()
