"""Who answers a question: one law, or several, each with its share of the draws, or the priors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayesscale._arguments import random_seed as check_seed
from bayesscale._random import Stream, generator
from bayesscale._types import Array
from bayesscale.checks import Answers, CheckResult, check_prior_power, prior_power
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import summary_columns
from bayesscale.inference import SAMPLE_DIMS, Average, Fit
from bayesscale.model import Posterior, evenly
from bayesscale.quantities import LOSS

type Question = Callable[[Posterior, np.random.Generator], Mapping[str, NDArray[Any]]]
"""Called with the draws of one law, shape ``(draw, 1)``, and a source of run noise; returns arrays
``(draw, ...)`` by name."""

MOST_AT_ONCE, MOST_KEPT = 2**21, 2**24
"""Draws × targets of one quantity that are computed at once, and that are kept."""

NEXT_LAW = 2**32
"""Step between the seeds of the laws' noise, beyond any seed that people choose."""

type Ask = Callable[[Posterior, NDArray[np.intp]], Mapping[str, Array]]
"""Called with draws, shape ``(draw, 1)``, and the numbers of targets; returns logs of answers by
name, shape ``(draw, target)``."""

TARGETS, DRAWS, PRIOR_DRAWS, SEED = 12, 2000, 400, 0
"""At most so many targets and draws are looked at: evenly chosen, the first and last included."""

MATTERS = 0.25
"""A law of an average counts from this share of the draws on."""


@dataclass(frozen=True)
class Component:
    """One law's share of the draws: ``places`` counts them chain after chain."""

    name: str
    posterior: Posterior
    places: NDArray[np.intp]


@dataclass(frozen=True)
class Mixture:
    """Posterior draws of one law or of several, to put questions to.

    Every law answers with its own draws, so that a summary of the draws is one of the mixture:
    its quantiles, not an average of quantiles. The ``reference`` is the fit, or the first
    of an average: its runs, inputs and centre are those of all, its chains and draws number the
    mixture's.
    """

    reference: Fit
    components: tuple[Component, ...]
    random_seed: int
    asked: Fit | Average

    @classmethod
    def of(cls, fit: Fit | Average) -> Mixture:
        """Take the draws of a fit, or draws of averaged fits in proportion to their weights.

        Weights are rounded to whole draws without bias, and the draws of each fit are spread
        evenly over its chains.
        """
        if isinstance(fit, Average):
            fits, weights = fit.fits, [fit.weights[name] for name in fit.fits]
            seed = fit.random_seed
        elif isinstance(fit, Fit):
            fits, weights, seed = {"": fit}, [1.0], fit.sampling.random_seed
        else:
            raise DomainError(
                "Expected a Fit, as bs.fit or bs.load_fit returns, or an Average, as bs.average "
                f"returns, not {type(fit).__name__}."
            )
        for each in fits.values():
            each.spec.check_unchanged()
        reference = next(iter(fits.values()))
        n_draws = len(reference.posterior)
        rng = generator(seed, Stream.CHOICE_OF_DRAWS)
        ends = np.floor(np.cumsum(weights)[:-1] * n_draws + rng.uniform()).astype(int)
        places = np.split(rng.permutation(n_draws), ends)
        components = tuple(
            Component(name, each.posterior.thin(len(part)), np.sort(part))
            for (name, each), part in zip(fits.items(), places, strict=True)
            if len(part)
        )
        return cls(reference, components, seed, fit)

    def evaluate(
        self, question: Question, random_seed: int | None = None, *, block: int = 0
    ) -> dict[str, NDArray[Any]]:
        """Put a question to every law, and gather the answers, shape ``(chain, draw, ...)``."""
        seed = self.random_seed if random_seed is None else check_seed(random_seed)
        shape = self.reference.posterior.shape
        gathered: dict[str, NDArray[Any]] = {}
        for i, component in enumerate(self.components):
            # a stream of its own, apart from the sampler's
            rng = generator(
                seed + i * NEXT_LAW, Stream.LOSSES_OF_NEW_RUNS, *([block] if block else [])
            )
            for name, values in question(component.posterior, rng).items():
                empty = np.empty((int(np.prod(shape)), *values.shape[1:]), values.dtype)
                gathered.setdefault(name, empty)[component.places] = values
        return {name: all_.reshape(*shape, *all_.shape[1:]) for name, all_ in gathered.items()}

    def blocks(self, n_targets: int) -> list[slice]:
        """Divide targets so that the draws of each part fit into memory."""
        size = max(1, MOST_AT_ONCE // len(self.reference.posterior))
        return [slice(k, min(k + size, n_targets)) for k in range(0, n_targets, size)]

    def evaluate_all(
        self, question: Callable[[slice], Question], n_targets: int, *, ci_prob: float,
        random_seed: int | None = None,
    ) -> tuple[dict[str, Array], dict[str, Array], int]:  # fmt: skip
        """Put a question about many targets, some at a time, so that memory is bounded.

        Returns medians and intervals by target, from all draws; the draws themselves, shape
        ``(chain, draw, target)``; and of how many draws one was kept, 1 unless they are very many.
        """
        every = -(-len(self.reference.posterior) * n_targets // MOST_KEPT)
        columns: dict[str, list[Array]] = {}
        kept: dict[str, list[Array]] = {}
        for block, targets in enumerate(self.blocks(n_targets)):
            for name, values in self.evaluate(question(targets), random_seed, block=block).items():
                for column, part in summary_columns(name, values, ci_prob).items():
                    columns.setdefault(column, []).append(part)
                kept.setdefault(name, []).append(values[:, ::every].copy())
        return (
            {name: np.concatenate(parts) for name, parts in columns.items()},
            {name: np.concatenate(parts, axis=-1) for name, parts in kept.items()}, every,
        )  # fmt: skip

    def mean(self, quantity: Callable[[Posterior], Array]) -> Array:
        """Return the mean over all draws of a quantity, given its mean over the draws of a law."""
        n_draws = len(self.reference.posterior)
        means = [len(law.places) / n_draws * quantity(law.posterior) for law in self.components]
        return np.sum(means, axis=0)

    def published(self, name: str) -> Array | None:
        """Return draws of a published parameter, shape ``(draw,)``; None where a law has none."""
        gathered = np.empty(len(self.reference.posterior))
        for component in self.components:
            fit = self.asked.fits[component.name] if isinstance(self.asked, Average) else self.asked
            if name not in fit.published:
                return None
            draws = np.ravel(fit.published[name])
            gathered[component.places] = draws[evenly(len(component.places), len(draws))]
        return gathered

    def dataset(
        self, variables: Mapping[str, tuple[Array, str]], dim: str,
        targets: Mapping[str, tuple[Array, str]], *, index: NDArray[Any] | None = None,
        every: int = 1,
    ) -> xr.Dataset:  # fmt: skip
        """Put draws ``(chain, draw, target)``, one of ``every`` kept, into a Dataset with units."""
        numbered = self.reference.draws["posterior"].dataset.isel(draw=slice(None, None, every))
        coords: dict = {name: numbered[name].to_numpy() for name in SAMPLE_DIMS}
        if index is not None:
            coords[dim] = index
        coords |= {name: (dim, values, {"units": unit}) for name, (values, unit) in targets.items()}
        own = {LOSS.unit: self.reference.runs.response.unit}  # what is in the place of a loss
        named = {
            k: ((*SAMPLE_DIMS, dim), v, {"units": own.get(unit, unit)})
            for k, (v, unit) in variables.items()
        }
        dataset = xr.Dataset(named, coords=coords)
        if every > 1:
            dataset.attrs["note"] = (
                f"One draw in {every} was kept, for memory: summaries are of all draws."
            )
        if [component.name for component in self.components] == [""]:
            return dataset
        shape = self.reference.posterior.shape
        names = np.empty(int(np.prod(shape)), dtype=object)
        for component in self.components:
            names[component.places] = component.name
        return dataset.assign_coords(fit=(SAMPLE_DIMS, names.reshape(shape)[:, ::every]))


def check_answers(mixture: Mixture, ask: Ask, labels: Sequence[str], *, what: str) -> CheckResult:
    """Check that priors do not decide answers about targets, whose names are ``labels``."""
    targets = np.unique(np.linspace(0, len(labels) - 1, TARGETS).round().astype(int))
    least = MATTERS * len(mixture.reference.posterior)
    material = [component for component in mixture.components if len(component.places) >= least]
    results: dict[str, CheckResult] = {}
    for component in material or mixture.components[:1]:
        drawn, answers = _answers(component.posterior, ask, targets, labels)
        results[component.name] = check_prior_power(
            prior_power(drawn, answers), drawn, mixture.reference.runs, what=what
        )
    if list(results) == [""]:
        return results[""]
    worst = max(results.values(), key=lambda check: check.warns)
    text = " ".join(
        f"{name!r}: {check.text}" for name, check in results.items() if check.warns == worst.warns
    )
    tables = pd.concat({name: check.table for name, check in results.items()}, names=["fit"])
    return CheckResult(worst.name, worst.severity, text, tables, worst.warning)


def _answers(
    posterior: Posterior, ask: Ask, targets: NDArray[np.intp], labels: Sequence[str]
) -> tuple[Posterior, Answers]:
    """Return draws that have an answer, and the answers of these and of the priors alone."""
    drawn = posterior.thin(min(DRAWS, len(posterior)))
    answered = ask(drawn, targets)
    named = [f"{name} {labels[i]}" for name in answered for i in targets]
    values, finite = _known(answered)
    drawn = Posterior(drawn.spec, {name: c[finite] for name, c in drawn.c.items()})
    spec = drawn.spec
    prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS))
    alone = None
    with suppress(DomainError):  # priors of one's own that allow laws without an answer
        alone, _ = _known(ask(prior, targets))
    return drawn, Answers(named, values, alone if alone is not None and len(alone) else None)


def _known(answered: Mapping[str, Array]) -> tuple[Array, NDArray[np.bool_]]:
    """Return answers side by side, of the draws that have all, and which these are."""
    values = np.concatenate(list(answered.values()), axis=-1)
    finite = np.isfinite(values).all(axis=-1)
    return values[finite], finite
