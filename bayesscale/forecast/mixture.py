"""Who answers a question: one law, or several, each with its share of the draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale._arguments import random_seed as check_seed
from bayesscale.errors import DomainError
from bayesscale.inference.average import Average
from bayesscale.inference.draws import SAMPLE_DIMS
from bayesscale.inference.result import Fit
from bayesscale.model.posterior import Posterior

type Array = NDArray[np.float64]
type Question = Callable[[Posterior, np.random.Generator], Mapping[str, NDArray[Any]]]
"""Called with the draws of one law, shape ``(draw, 1)``, and a source of run noise; returns arrays
``(draw, ...)`` by name."""

NEXT_LAW = 2**32
"""Step between the seeds of the laws' noise, beyond any seed that people choose."""


@dataclass(frozen=True)
class Voice:
    """One law's share of the draws: ``places`` counts them chain after chain."""

    name: str
    posterior: Posterior
    places: NDArray[np.intp]


@dataclass(frozen=True)
class Mixture:
    """Posterior draws of one law or of several, to put questions to.

    Every law answers with its own draws, so that a summary of the draws is one of the mixture:
    its quantiles, not an average of quantiles. The ``host`` is the fit, or the first of an
    average: its runs, inputs and centre are those of all, its chains and draws number the
    mixture's.
    """

    host: Fit
    voices: tuple[Voice, ...]
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
        host = next(iter(fits.values()))
        n_draws = len(host.posterior)
        rng = np.random.default_rng([seed, 2])
        ends = np.floor(np.cumsum(weights)[:-1] * n_draws + rng.uniform()).astype(int)
        places = np.split(rng.permutation(n_draws), ends)
        voices = tuple(
            Voice(name, each.posterior.thin(len(own)), np.sort(own))
            for (name, each), own in zip(fits.items(), places, strict=True)
            if len(own)
        )
        return cls(host, voices, seed, fit)

    def ask(self, question: Question, random_seed: int | None = None) -> dict[str, NDArray[Any]]:
        """Put a question to every law, and gather the answers, shape ``(chain, draw, ...)``."""
        seed = self.random_seed if random_seed is None else check_seed(random_seed)
        shape = self.host.posterior.shape
        gathered: dict[str, NDArray[Any]] = {}
        for i, voice in enumerate(self.voices):
            # a stream of its own, apart from the sampler's
            rng = np.random.default_rng([seed + i * NEXT_LAW if i else seed, 1])
            for name, values in question(voice.posterior, rng).items():
                empty = np.empty((int(np.prod(shape)), *values.shape[1:]), values.dtype)
                gathered.setdefault(name, empty)[voice.places] = values
        return {name: all_.reshape(*shape, *all_.shape[1:]) for name, all_ in gathered.items()}

    def mean(self, quantity: Callable[[Posterior], Array]) -> Array:
        """Return the mean over all draws of a quantity, given its mean over the draws of a law."""
        n_draws = sum(len(voice.places) for voice in self.voices)
        means = [len(voice.places) / n_draws * quantity(voice.posterior) for voice in self.voices]
        return np.sum(means, axis=0)

    def dataset(
        self,
        variables: Mapping[str, tuple[Array, str]],
        dim: str,
        targets: Mapping[str, tuple[Array, str]],
        *,
        index: Array | None = None,
    ) -> xr.Dataset:
        """Put draws, shape ``(chain, draw, target)``, into a Dataset with units; of several laws,
        with who drew as ``fit``.
        """  # noqa: D205
        numbered = self.host.draws["posterior"]
        coords: dict = {name: numbered[name].to_numpy() for name in SAMPLE_DIMS}
        if index is not None:
            coords[dim] = index
        coords |= {name: (dim, values, {"unit": unit}) for name, (values, unit) in targets.items()}
        named = {k: ((*SAMPLE_DIMS, dim), v, {"unit": unit}) for k, (v, unit) in variables.items()}
        dataset = xr.Dataset(named, coords=coords)
        if [voice.name for voice in self.voices] == [""]:
            return dataset
        shape = self.host.posterior.shape
        names = np.empty(int(np.prod(shape)), dtype=object)
        for voice in self.voices:
            names[voice.places] = voice.name
        return dataset.assign_coords(fit=(SAMPLE_DIMS, names.reshape(shape)))
