"""One simulation: draw a truth from the prior, simulate the runs, refit them, rank the truth."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.checks import effective, r_hat as split_r_hat
from bayesscale.forecast import runs_cost
from bayesscale.inference import MOST_DRAWS, CompiledModel, Setup, compile_model, sample_nuts
from bayesscale.laws import SPLIT
from bayesscale.model import ModelSpec, Posterior, model_data
from bayesscale.runs import Runs

LOG_LIKELIHOOD = "log_likelihood"

WIDTH = 15.0
"""The best size is looked for within this distance of the centre's shape, in ln N."""

SIZES = 241
"""Sizes compared on the way."""

LOG_LOSS_MAX = 1e3
"""Losses beyond it are alike: no size that has one is the best."""


@dataclass(frozen=True)
class Ladder:
    """A fit that is simulated and repeated, all but its losses kept, and budgets to rank at."""

    setup: Setup
    flops: tuple[float, ...]

    @property
    def spec(self) -> ModelSpec:
        """The model, of which all but the runs' losses is kept."""
        return self.setup.spec

    @property
    def runs(self) -> Runs:
        """The real runs."""
        return self.setup.runs

    def quantities(self, c: Mapping[str, Array], log_loss: Array) -> dict[str, Array]:
        """Return what is ranked ``(draw,)``, of coordinates ``(draw,)`` and losses ``(run,)``."""
        posterior = Posterior.of(self.spec, c)
        # with the standard errors of the real runs' log losses, which the refit is given
        density = self.spec.noise.log_density(
            self.spec.rows(self.runs),
            log_loss - posterior.log_loss(self.runs),
            posterior.noise_at(self.runs),
        )
        result = {name: c[name] for name in self.spec.space.names}
        result[LOG_LIKELIHOOD] = density.sum(axis=1)
        for budget in self.flops:
            at = f"{budget:g} FLOP".replace("e+", "e")
            if set(self.spec.law.split) == set(SPLIT):
                result[f"N* at {at}"] = self._log_best_params(posterior, budget)
            result[f"loss at {at}"] = self._log_loss_beyond(posterior, budget)
        return result

    def _log_loss_beyond(self, posterior: Posterior, budget: float) -> Array:
        """Return the log loss at the largest run's shape, scaled up to the budget."""
        largest = int(self.runs.flops.argmax())
        x = {name: v[[largest]] for name, v in self.spec.centred(self.runs).items()}
        scaled = self.spec.law.split or tuple(x)
        further = np.log(budget / self.runs.flops[largest]) / len(scaled)
        return self._log_loss(posterior, x | {name: x[name] + further for name in scaled})[:, 0]

    def _log_best_params(self, posterior: Posterior, budget: float) -> Array:
        """Return ln N of the least loss that a budget buys, relative to the centre's N.

        Within wide bounds there is always a best size: to leave out truths without a best split
        would bias the ranks.
        """
        reference, cost = self.spec.reference, runs_cost(self.runs)
        params, tokens = (reference[name] for name in SPLIT)
        middle = np.log(budget / cost.flops(params, tokens)) / 2
        x = middle + np.linspace(-WIDTH, WIDTH, SIZES)
        paid = cost.tokens(params * np.exp(x), np.full(SIZES, budget))
        sizes = {"params": x, "tokens": np.log(paid / tokens)}
        given = {name: np.zeros(1) for name in self.spec.law.given}  # at the centre
        loss = self._log_loss(posterior, sizes | given)
        best = loss.argmin(axis=1)
        at, rows = best.clip(1, SIZES - 2), np.arange(len(loss))
        before, here, after = (np.minimum(loss[rows, at + k], LOG_LOSS_MAX) for k in (-1, 0, 1))
        bend = before - 2 * here + after
        vertex = np.divide((before - after) / 2, bend, out=np.zeros_like(here), where=bend > 0)
        return np.where(best == at, x[at] + (x[1] - x[0]) * vertex, x[best])

    def _log_loss(self, posterior: Posterior, x: Mapping[str, Array]) -> Array:
        with np.errstate(over="ignore"):  # a steep law far from the centre: infinite is right
            return np.log(self.spec.reference["loss"]) + posterior.relative_log_loss(x)


RANKED_AMONG = 100
"""Draws that a truth is ranked among, far apart in their chain: they resolve a percentile."""

BLOCK = 10
"""Simulations whose truths are drawn at once, and which are run and stored together."""

RHAT_MAX = 1.1
ESS_MIN = RANKED_AMONG / 2
"""Bounds of every coordinate's R-hat and effective sample size: laxer than for a posterior that is
used, but ranks among draws that are far from independent pile up at both ends."""

LONGER = 4
"""Chains that have not converged are sampled again, so many times as long."""


@dataclass(frozen=True)
class Ranked:
    """One simulation: the number of draws below the truth, and the worst diagnostics."""

    simulation: int
    ranks: dict[str, int]
    r_hat: float
    ess: float
    divergences: int
    draws: int
    converged: bool
    seconds: float


def draw_truths(ladder: Ladder, block: int) -> tuple[dict[str, Array], Array]:
    """Draw the truths of a block, shape ``(simulation,)``, and log losses ``(simulation, run)``."""
    rng = generator(ladder.setup.sampling.random_seed, Stream.SIMULATED_TRUTHS, block)
    truths = ladder.spec.space.draw(rng, BLOCK)
    return truths, Posterior.of(ladder.spec, truths).simulate(ladder.runs, rng)


def run_block(job: tuple[Ladder, Sequence[int]]) -> list[Ranked]:
    """Simulate, refit and rank simulations of one block, by their numbers."""
    ladder, numbers = job
    compiled = compile_model(ladder.spec, ladder.runs)
    truths, log_losses = draw_truths(ladder, numbers[0] // BLOCK)
    ranked = []
    for number in numbers:
        at = number % BLOCK
        truth = {name: values[[at]] for name, values in truths.items()}
        ranked.append(_run(ladder, compiled, number, truth, log_losses[at]))
    return ranked


def _run(
    ladder: Ladder, compiled: CompiledModel, number: int, truth: Mapping[str, Array],
    log_loss: Array,
) -> Ranked:  # fmt: skip
    start, sampling = time.perf_counter(), ladder.setup.sampling
    rng = generator(sampling.random_seed, Stream.SIMULATED_FITS, number)
    data = model_data(ladder.spec, ladder.runs) | {"log_loss_observed": log_loss}
    draws = LONGER * (sampling.draws or MOST_DRAWS)
    longer = replace(sampling, draws=draws, tune=LONGER * sampling.tune)
    for how in (sampling, longer):
        how = replace(how, random_seed=int(rng.integers(2**31)))
        u, stats = sample_nuts(compiled, ladder.spec, data, report=lambda *_: None, **asdict(how))
        r_hat, ess = float(split_r_hat(u).max()), float(effective(u)[0].min())
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
