"""One simulation: draw a truth from the prior, simulate the runs, refit them, rank the truth."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import xarray as xr

from bayesscale._types import Array
from bayesscale.calibration.quantities import Ladder
from bayesscale.checks import diagnostics
from bayesscale.inference import CompiledModel, SamplingSpec, compile_model, sample_nuts
from bayesscale.model import Posterior, model_data

RANKED_AMONG = 100
"""Draws that a truth is ranked among. A chain's neighbours resemble each other, so these are far
apart in it; a hundred resolve a percentile, which is finer than a thousand simulations can tell."""

BLOCK = 10
"""Simulations whose truths are drawn at once, and which are run and stored together."""

RHAT_MAX = 1.1
ESS_MIN = RANKED_AMONG / 2
"""Chains will do if every coordinate's R-hat is no larger and its effective sample size no smaller.
That is laxer than for a posterior to be used, as a truth is ranked among a hundred draws only; but
ranks among draws that are far from independent pile up at both ends."""

LONGER = 4
"""Chains that have not converged are sampled again, so many times as long."""


@dataclass(frozen=True)
class Ranked:
    """What a simulation showed: ``ranks``, how many of the draws lie below the truth; the worst
    diagnostics of all coordinates; ``draws`` of each chain in the end; ``seconds`` of the refit.
    """  # noqa: D205

    simulation: int
    ranks: dict[str, int]
    r_hat: float
    ess: float
    divergences: int
    draws: int
    converged: bool
    seconds: float


def draw_truths(ladder: Ladder, block: int, random_seed: int) -> tuple[dict[str, Array], Array]:
    """Draw the truths of a block, shape ``(simulation,)``, and log losses ``(simulation, run)``."""
    rng = np.random.default_rng([random_seed, 5, block])  # apart from the sampler's streams
    truths = ladder.spec.space.draw(rng, BLOCK)
    return truths, Posterior.of(ladder.spec, truths).simulate(ladder.runs, rng)


def run_block(ladder: Ladder, numbers: Sequence[int], sampling: SamplingSpec) -> list[Ranked]:
    """Simulate, refit and rank simulations of one block; the seed is that of the calibration."""
    compiled = compile_model(ladder.spec, ladder.runs)
    truths, log_losses = draw_truths(ladder, numbers[0] // BLOCK, sampling.random_seed)
    ranked = []
    for number in numbers:
        at = number % BLOCK
        truth = {name: values[[at]] for name, values in truths.items()}
        ranked.append(_run(ladder, compiled, number, truth, log_losses[at], sampling))
    return ranked


def _run(
    ladder: Ladder, compiled: CompiledModel, number: int, truth: Mapping[str, Array],
    log_loss: Array, sampling: SamplingSpec,
) -> Ranked:  # fmt: skip
    start = time.perf_counter()
    rng = np.random.default_rng([sampling.random_seed, 6, number])
    data = model_data(ladder.spec, ladder.runs) | {"log_loss_observed": log_loss}
    longer = replace(sampling, draws=LONGER * sampling.draws, tune=LONGER * sampling.tune)
    for how in (sampling, longer):
        how = replace(how, random_seed=int(rng.integers(2**31)))
        u, stats = sample_nuts(compiled, ladder.spec, data, report=lambda *_: None, **asdict(how))
        r_hat, ess = _diagnostics(u)
        converged = r_hat <= RHAT_MAX and ess >= ESS_MIN
        if converged:
            break
    return Ranked(
        number, ranks_of_truth(
            ladder, truth, ladder.spec.space.constrain(thinned(u)), log_loss, rng
        ),
        r_hat, ess, int(stats["diverging"].sum()), u.shape[1], converged,
        time.perf_counter() - start,
    )  # fmt: skip


def thinned(u: Array) -> Array:
    """Take draws evenly from all chains, shape ``(100, coordinate)``."""
    flat = u.reshape(-1, u.shape[-1])
    return flat[np.linspace(0, len(flat) - 1, RANKED_AMONG).round().astype(int)]


def ranks_of_truth(
    ladder: Ladder, truth: Mapping[str, Array], draws: Mapping[str, Array], log_loss: Array,
    rng: np.random.Generator,
) -> dict[str, int]:  # fmt: skip
    """Count the draws ``(draw,)`` below the truth ``(1,)``, by quantity; ties break at random."""
    both = {name: np.concatenate([truth[name], draws[name]]) for name in truth}
    ranks = {}
    for name, values in ladder.quantities(both, log_loss).items():
        true, drawn = values[0], values[1:]
        ties = int((drawn == true).sum())
        ranks[name] = int((drawn < true).sum()) + int(rng.integers(ties + 1))
    return ranks


def _diagnostics(u: Array) -> tuple[float, float]:
    """Return the largest split R-hat and the smallest bulk effective sample size."""
    draws = xr.Dataset({str(i): (("chain", "draw"), u[..., i]) for i in range(u.shape[-1])})
    table = diagnostics(draws)
    return float(table["r_hat"].max(skipna=False)), float(table["ess_bulk"].min(skipna=False))
