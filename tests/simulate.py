"""Simulated ladders, and fits at known parameters without any sampling."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import minimize

from bayesscale.errors import RunsWarning
from bayesscale.inference import Average, Fit, SamplingSpec, compile_model, parameter_groups
from bayesscale.laws import Law
from bayesscale.model import LINKS, ModelSpec, Posterior, model_data, specify
from bayesscale.runs import Runs

TRUTH = {
    "level": 1.02, "slope_N": 0.07, "slope_D": 0.074, "slope_C": 0.06,
    "exponent_ratio": 0.35 / 0.37, "irreducible_share": 0.6, "k": 0.8,
    "sigma": 0.004, "nu_minus_one": 5.0, "sigma_slope_C": 0.0, "sigma_slope_ratio": 0.0,
}  # fmt: skip

ALPHA_N, ALPHA_D = 0.35, 0.37
"""Exponents that the truth stands for in Chinchilla's law and the unified one."""

SIMULATED_LOSS = 2.7
"""Loss that the level of the truth refers to, nats/token."""


def on_slopes(
    share: float, alpha_n: float, alpha_d: float, irreducible_share: float = 0.0
) -> dict[str, float]:
    """Return coordinates of exponents and of parameters' share of the reducible loss."""
    return {
        "slope_N": (1 - irreducible_share) * share * alpha_n,
        "slope_D": (1 - irreducible_share) * (1 - share) * alpha_d,
        "exponent_ratio": alpha_n / alpha_d,
    }


def design(n_budgets: int = 8, sizes: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Sizes on isoFLOP curves, both sides of 20 tokens per parameter."""
    flops = np.repeat(np.geomspace(1e18, 1e21, n_budgets), sizes)
    ratio = np.tile(np.geomspace(2, 200, sizes), n_budgets)
    params = np.sqrt(flops / 6 / ratio)
    return params, params * ratio


def simulate_runs(
    law: str | Law = "chinchilla",
    *,
    seed: int = 0,
    truth: dict[str, float] = TRUTH,
    sizes: tuple[np.ndarray, np.ndarray] | None = None,
    noise: str = "student_t",
    discrepancy: str | None = None,
) -> Runs:
    """Draw a ladder from a law at the truth; its coordinates refer to the design's centre."""
    params, tokens = design() if sizes is None else sizes
    flat = quiet_runs(params, tokens, np.full(len(params), SIMULATED_LOSS))
    spec = specify(flat, law=law, noise=noise, discrepancy=discrepancy)
    log_loss = np.log(SIMULATED_LOSS) + spec.relative_log_loss(truth, spec.centred(flat), np)
    c = {k: np.asarray(v) for k, v in truth.items()}
    draws = spec.noise.draw(np.random.default_rng(seed), log_loss.shape, c)
    return quiet_runs(params, tokens, np.exp(log_loss + draws))


REPEATED = TRUTH | {
    "token_decay": 15.0, "param_decay": 5.0, "overfitting": 0.02, "overfitting_N": 0.6,
    "overfitting_U": 0.4,
}  # fmt: skip


def repeated_runs(law: str = "data_constrained", *, seed: int = 0, sigma: float = 0.003) -> Runs:
    """Draw a ladder of runs of 1 to 40 epochs from a law of unique tokens at the truth."""
    params, tokens = design()
    epochs = np.tile([1.0, 4.0, 12.0, 40.0], len(params) // 4)
    table = {"params": params, "tokens": tokens, "unique_tokens": tokens / epochs}
    named: Any = {"inputs": {"unique_tokens": "unique_tokens"}}
    flat = Runs.from_frame(table | {"loss": np.full(len(params), SIMULATED_LOSS)}, **named)
    spec = specify(flat, law=law, discrepancy=None)
    log_loss = spec.relative_log_loss(REPEATED, spec.centred(flat), np)
    noise = sigma * np.random.default_rng(seed).standard_normal(len(params))
    loss = SIMULATED_LOSS * np.exp(log_loss + noise)
    return Runs.from_frame(table | {"loss": loss}, **named)


def quiet_runs(params: np.ndarray, tokens: np.ndarray, loss: np.ndarray) -> Runs:
    """Make a table of runs, whatever is unusual about their sizes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        table = {"params": params, "tokens": tokens, "loss": loss}
        return Runs.from_frame(table, name="simulated")


def fit_at(
    runs: Runs,
    law: str | Law = "chinchilla",
    *,
    truth: dict[str, float] = TRUTH,
    spread: float = 0.0,
    draws: int = 50,
    spec: ModelSpec | None = None,
    discrepancy: str | None = None,
) -> Fit:
    """Make a fit whose draws lie at the truth, within ``spread`` of it on the links' scale."""
    spec = spec or specify(runs, law=law, discrepancy=discrepancy)
    middle = {c.name: LINKS[c.link].backward(np.asarray(c.loc)) for c in spec.coordinates}
    truth = middle | truth
    rng = np.random.default_rng(1)
    shape, dims = (4, draws), ("chain", "draw")
    drawn = {
        k.name: LINKS[k.link].backward(
            LINKS[k.link].forward(np.asarray(truth[k.name])) + spread * rng.standard_normal(shape)
        )
        for k in spec.coordinates
    }
    stats = xr.Dataset(
        {"diverging": (dims, np.zeros(shape, bool)), "energy": (dims, rng.normal(size=shape))}
    )
    tree = xr.DataTree.from_dict({
        **parameter_groups(Posterior.of(spec, drawn), runs), "sample_stats": stats,
        "runs": runs.to_xarray(),
    })  # fmt: skip
    return Fit(spec, runs, tree, SamplingSpec(draws, 100, 4, 0.9, 1))


def good_fit(runs: Runs, law: str | Law = "chinchilla") -> Fit:
    """Make a fit that passes its checks: the runs' sizes, and losses that the law describes."""
    loss = simulate_runs(law, sizes=(runs.params, runs.tokens)).loss
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        frame = runs.frame.drop(columns="flops").assign(loss=loss)
        described = Runs.from_frame(frame, name=runs.name)
    level = TRUTH["level"] * SIMULATED_LOSS / np.exp(np.log(loss).mean())
    truth = TRUTH | {"sigma": 0.1, "level": level}
    return fit_at(described, law, truth=truth, spread=0.02, draws=400)


def bad_fit(runs: Runs, law: str | Law = "chinchilla") -> Fit:
    """Make a fit of too few draws to trust."""
    return fit_at(runs, law, spread=0.02, draws=20)


def average_of(fits: Mapping[str, Fit], *weights: float, seed: int = 1) -> Average:
    """Average fits at chosen weights."""
    table = pd.DataFrame(
        {"law": [fit.law.name for fit in fits.values()], "weight": weights, "weight_se": 0.1,
         "elpd": 1.0, "refits_converged": True},
        index=pd.Index(list(fits), name="fit"),
    )  # fmt: skip
    shares = dict(zip(fits, weights, strict=True))
    return Average(dict(fits), shares, "loo", table, None, "Chosen.", seed)


def near_mode(runs: Runs, *, draws: int = 300, **model) -> Posterior:
    """Draw from the normal approximation of a posterior at its mode: right to first order."""
    spec = specify(runs, **model)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    start = spec.space.hyperparameters()[:, 0]
    mode = minimize(lambda u: (-density(u)[0], -density(u)[1]), start, jac=True, method="BFGS").x
    steps = 1e-4 * np.eye(len(mode))
    hessian = np.array([(density(mode - h)[1] - density(mode + h)[1]) / 2e-4 for h in steps])
    covariance = np.linalg.inv((hessian + hessian.T) / 2)
    u = np.random.default_rng(1).multivariate_normal(mode, covariance, (4, draws))
    return Posterior.of(spec, spec.space.constrain(u))
