"""Simulated ladders, and fits at known parameters without any sampling."""

import numpy as np
import xarray as xr

from bayesscale.inference import Fit, SamplingSpec, parameter_groups
from bayesscale.laws import Law
from bayesscale.model import LINKS, ModelSpec, Posterior, specify
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
    flat = Runs.from_frame(
        {"params": params, "tokens": tokens, "loss": np.full(len(params), SIMULATED_LOSS)}
    )
    spec = specify(flat, law=law, noise=noise, discrepancy=discrepancy)
    log_loss = np.log(SIMULATED_LOSS) + spec.relative_log_loss(truth, spec.centred(flat), np)
    c = {k: np.asarray(v) for k, v in truth.items()}
    draws = spec.noise.draw(np.random.default_rng(seed), log_loss.shape, c)
    return Runs.from_frame(
        {"params": params, "tokens": tokens, "loss": np.exp(log_loss + draws)}, name="simulated"
    )


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
    tree = xr.DataTree.from_dict(
        {
            **parameter_groups(Posterior.of(spec, drawn), runs),
            "sample_stats": stats,
            "runs": runs.to_xarray(),
        }
    )
    return Fit(spec, runs, tree, SamplingSpec(draws, 100, 4, 0.9, 1))
