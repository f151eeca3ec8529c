r"""NUTS by nutpie, on a compiled density, after a pilot where there are many rows.

Chains that start at the middle of the priors may be caught in a corner of a posterior as narrow as
that of ten thousand rows, and gradients of warm-up are expensive. A few hundred random rows are
sampled first. Their draws are scattered starts, and their covariance predicts that of all n rows:
in units of the priors' widths, the precision of m rows is 1 from the prior and the rest from rows,

.. math:: \Sigma_n^{-1} = I + \frac{n}{m} \left( \Sigma_m^{-1} - I \right).

NUTS samples all rows in coordinates whitened by it; a wrong prediction costs only time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale._progress import Report
from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.checks import chains_state, lowest_bfmi
from bayesscale.density import BoundDensity, whitened
from bayesscale.errors import SamplerError
from bayesscale.inference.compiled import CompiledModel
from bayesscale.inference.nutpie_chains import STATISTICS, run_chains
from bayesscale.model import ModelSpec, some_rows

PILOT_ROWS = 600

MANY_ROWS = 2 * PILOT_ROWS
"""With fewer rows a pilot costs what it saves."""

PILOT_DRAWS = 300
"""Of each chain."""

NEGLIGIBLE = 10.0
"""Nats: a corner that holds so much less of the mass than another is left by its chains."""


@dataclass(frozen=True)
class Pilot:
    """Draws, shape ``(draw, coordinate)``, and the whitening u = mean + factor v."""

    draws: Array
    mean: Array
    factor: Array
    inverse: Array

    @classmethod
    def of(cls, u: Array, log_density: Array, *, prior_scale: Array, more_rows: float) -> Pilot:
        """Learn from draws ``u`` of some rows; ``more_rows`` is the ratio n / m."""
        covariances = np.array([_covariance(chain / prior_scale) for chain in u])
        # mass of where each chain is, were it normal there
        log_mass = log_density.mean(axis=1) + 0.5 * np.linalg.slogdet(covariances)[1]
        draws = u[log_mass > log_mass.max() - NEGLIGIBLE].reshape(-1, u.shape[-1])
        variance, directions = np.linalg.eigh(_covariance(draws / prior_scale))
        tiny = np.finfo(float).tiny
        precision = 1 + more_rows * np.maximum(1 / np.maximum(variance, tiny) - 1, 0)
        return cls(
            draws, draws.mean(axis=0),
            prior_scale[:, None] * directions / np.sqrt(precision),
            np.sqrt(precision)[:, None] * directions.T / prior_scale,
        )  # fmt: skip

    def start(self, seed: int) -> Array:
        """Return one of the draws, whitened."""
        rng = np.random.default_rng(seed)
        return self.inverse @ (self.draws[rng.integers(len(self.draws))] - self.mean)

    def back(self, v: Array) -> Array:
        """Translate whitened points, shape ``(..., coordinate)``."""
        return self.mean + np.einsum("ij,...j->...i", self.factor, v)


def _covariance(draws: Array) -> Array:
    """Return the covariance of draws; einsum adds in one order, whatever the load."""
    centred = draws - draws.mean(axis=0)
    return np.einsum("ni,nj->ij", centred, centred) / (len(draws) - 1)


# Low-rank adaptation ignores eigenvalues within a factor of the cutoff. Over 20 seeds on each of
# three ladders, 1.2 gave as many effective draws a gradient as 2 with drift (.97 to 1.06 times),
# .9 to 1.3 times as many without, and chains that had not mixed in 5 fits of 60 rather than 8.
MASS_MATRIX = {"mass_matrix_eigval_cutoff": 1.2}

STARTS_TRIED = 100

STEPS_PER_DRAW = 2
"""A discrepancy trades off with its law's own curvature, so that draws are more alike."""

MOST_DRAWS = 1000
"""Kept in each chain where no number is asked for."""

EARLY = (0.5,)
"""Shares of the draws at which chains may end, where no number is asked for. A quarter converged on
easy ladders, but is too few for densities at a point and for evidences."""

LOOKS = (1.0, 2.0, 4.0)
"""Times as many steps at which chains that mix, but are short of effective draws, are judged."""

MARGIN = 1.2
"""Chains end early at so many times the effective draws needed: early looks select for luck."""

BYTES_PER_STEP, BYTES_PER_COORDINATE = 4000, 60
"""Memory at the peak, as measured at 7 and at 18 coordinates."""


def sample_nuts(
    compiled: CompiledModel, spec: ModelSpec, data: Mapping[str, NDArray[np.float64]], *,
    draws: int | None, tune: int, chains: int, target_accept: float, random_seed: int,
    report: Report, longest: float = 1.0,
) -> tuple[NDArray[np.float64], xr.Dataset]:  # fmt: skip
    """Draw from a compiled density, conditioned on the arrays of ``data``.

    Returns unconstrained draws ``(chain, draw, coordinate)`` and statistics ``(chain, draw)``.
    ``draws`` None keeps as many as converge, up to :data:`MOST_DRAWS`; chains that are short of
    effective draws go on, up to ``longest`` times as long.
    """
    most, every = draws or MOST_DRAWS, _steps_per_draw(spec)
    shares = [*(EARLY if draws is None else ()), *(f for f in LOOKS if f <= longest)]
    looks = [round(share * most) * every for share in shares]
    settings = {
        "num_draws": looks[-1], "num_tune": tune, "num_chains": chains,
        "target_accept": target_accept, **MASS_MATRIX,
    }  # fmt: skip
    n_rows = len(data["log_loss_observed"])
    density, pilot = compiled.bind(data), None
    subject = f"{n_rows} runs, law {spec.law.name!r}, noise {spec.noise.name!r}"
    common: dict[str, Any] = {"report": report, "subject": subject}
    if n_rows > MANY_ROWS:
        settings["num_tune"] = tune // 2
        short = settings | {"num_draws": PILOT_DRAWS}
        pilot = _pilot(compiled, spec, data, random_seed, short, common)
        density = whitened(density, pilot.mean, pilot.factor)

    def start(seed: int) -> NDArray[np.float64]:
        if pilot is not None:
            return pilot.start(seed)
        return initial_point(density, spec, data, seed)

    def thinning(steps: int) -> int:
        return max(every, steps // most)

    def enough(u: Array, values: Mapping[str, NDArray]) -> bool:
        steps = u.shape[1]
        kept = u[:, :: thinning(steps)]
        kept = spec.space.shear.inverse(kept if pilot is None else pilot.back(kept))
        early = steps < most * every
        state = chains_state(
            kept, diverging=values["diverging"], energy=values["energy"],
            margin=MARGIN if early else 1.0,
        )  # fmt: skip
        return state == "converged" or (state == "stuck" and not early)

    start(random_seed)  # fails here, not in the sampler's threads
    u, values, tuned = run_chains(
        density, start=start, seed=random_seed, settings=settings, looks=looks[:-1],
        enough=enough, text=f"Sampling {chains} chains", **common,
    )  # fmt: skip
    if pilot is not None:
        u = pilot.back(u)
    steps = u.shape[1] - tuned
    every = thinning(steps)
    kept = {name: values[name][:, tuned:] for name in STATISTICS}
    stats = xr.Dataset(
        {STATISTICS[name]: (("chain", "draw"), kept[name][:, ::every]) for name in STATISTICS}
    )
    for name, gather in (("diverging", np.any), ("n_steps", np.sum)):  # none may be lost
        gathered = gather(kept[name].reshape(chains, steps // every, every), axis=-1)
        stats[name] = (("chain", "draw"), gathered)
    # of all steps, as the checks need them: thinning makes energies look independent
    stats.attrs = {
        "inference_library": "nutpie", "inference_library_version": version("nutpie"),
        "density": compiled.kind, "tuning_steps": tuned,
        "tuning_gradient_evaluations": int(values["n_steps"][:, :tuned].sum()),
        "steps_per_draw": every, "divergences": int(kept["diverging"].sum()),
        "bfmi": lowest_bfmi(kept["energy"]),
    }  # fmt: skip
    return u[:, tuned::every], stats


def memory_needed(
    spec: ModelSpec, *, draws: int | None, tune: int, chains: int, longest: float = 1.0
) -> float:
    """Return the bytes that sampling takes at its peak, with what is made of the draws."""
    steps = chains * (longest * _steps_per_draw(spec) * (draws or MOST_DRAWS) + tune)
    return float(steps) * (BYTES_PER_STEP + BYTES_PER_COORDINATE * len(spec.coordinates))


def _steps_per_draw(spec: ModelSpec) -> int:
    return STEPS_PER_DRAW if spec.discrepancy.coordinates(spec.law) else 1


def _pilot(
    compiled: CompiledModel, spec: ModelSpec, data: Mapping[str, NDArray[np.float64]],
    random_seed: int, settings: Mapping[str, Any], common: Mapping[str, Any],
) -> Pilot:  # fmt: skip
    """Sample some of the rows, to know how to sample all."""
    n_rows, rng = len(data["log_loss_observed"]), generator(random_seed, Stream.PILOT)
    subset = some_rows(data, np.sort(rng.choice(n_rows, PILOT_ROWS, replace=False)))
    density = compiled.bind(subset)
    u, values, tuned = run_chains(
        density, start=lambda seed: initial_point(density, spec, subset, seed),
        seed=random_seed, settings=settings, text=f"Sampling {PILOT_ROWS} of {n_rows:,} rows",
        **common,
    )  # fmt: skip
    return Pilot.of(
        u[:, tuned:], values["logp"][:, tuned:], more_rows=n_rows / PILOT_ROWS,
        prior_scale=spec.space.hyperparameters()[:, 1],
    )  # fmt: skip


def initial_point(
    density: BoundDensity, spec: ModelSpec, data: Mapping[str, Array], seed: int
) -> Array:
    """Return a jittered start: prior medians, but noise as wide as the data.

    With the noise's scale at its small prior median, runs that the start misses would all look
    like outliers, and heavy tails make that a trap.
    """
    rng = np.random.default_rng(seed)
    wide = np.log(max(np.std(data["log_loss_observed"]), 1e-3))
    space = spec.space
    middle, scale = space.middle(), space.hyperparameters()[:, 1]
    if "sigma" in space.normals:
        middle["sigma"], scale[space.names.index("sigma")] = wide, 1.0
    start, value = np.empty(len(middle)), np.nan
    for _ in range(STARTS_TRIED):
        jitter = [rng.uniform(-0.5, 0.5) * min(sigma, 1.0) for sigma in scale]
        start = space.shear.forward(np.array(list(middle.values())) + jitter)
        value, gradient = density(start)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return start
    raise SamplerError(
        f"The density of the law {spec.law.name!r} is not finite at any of {STARTS_TRIED} starts "
        f"near the middle of the priors, for example at {space.constrain(start)}: log density "
        f"{value}. Check the priors' parameters, and the formula if the law is your own."
    )
