"""Who answers a question: one law, or several, each with its share of the draws."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.forecast.surface import SAMPLE_DIMS, Surface, draws_dataset
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit

type Array = NDArray[np.float64]
type Question = Callable[[Surface, int], Mapping[str, NDArray[Any]]]
"""Called with the draws of one law and a seed; returns arrays ``(chain, draw, ...)`` by name."""

NEXT_LAW = 2**32
"""Step between the seeds of the laws' noise, beyond any seed that people choose."""


@dataclass(frozen=True)
class Voice:
    """One law's share of the draws.

    Parameters
    ----------
    name
        Name of the fit.
    surface
        The draws that stand for it, shape ``(1, draw, 1)``.
    places
        Where they stand among all draws, counted chain after chain.
    """

    name: str
    surface: Surface
    places: NDArray[np.intp]


@dataclass(frozen=True)
class Mixture:
    """Posterior draws of one law or of several, to put questions to.

    Every law answers with its own draws, so that a summary of the draws is one of the mixture:
    its quantiles, not an average of quantiles.

    Parameters
    ----------
    host
        The fit, or the first of an average. Its runs, inputs and centre are those of all, and
        its chains and draws number the mixture's.
    voices
        Who answers.
    random_seed
        Seed of run noise where the question gives none.
    """

    host: Fit
    voices: tuple[Voice, ...]
    random_seed: int

    @classmethod
    def of(cls, fit: Fit | Average) -> "Mixture":
        """Take the draws of a fit, or draws of averaged fits in proportion to their weights.

        Weights are rounded to whole draws without bias, and the draws of each fit are spread
        evenly over its chains.

        Raises
        ------
        DomainError
            If it is neither.
        """
        if isinstance(fit, Average):
            surfaces = {name: Surface.of(each) for name, each in fit.fits.items()}
            weights, seed = [fit.weights[name] for name in surfaces], fit.random_seed
        else:
            surfaces, weights = {"": Surface.of(fit)}, [1.0]
            seed = fit.sampling.random_seed
        host = next(iter(surfaces.values())).fit
        n_draws = int(np.prod(_shape(host)))
        rng = np.random.default_rng([seed, 2])
        ends = np.floor(np.cumsum(weights)[:-1] * n_draws + rng.uniform()).astype(int)
        places = np.split(rng.permutation(n_draws), ends)
        voices = tuple(
            Voice(name, _spread(surface, len(own)), np.sort(own))
            for (name, surface), own in zip(surfaces.items(), places, strict=True)
            if len(own)
        )
        return cls(host, voices, seed)

    def ask(self, question: Question, random_seed: int | None = None) -> dict[str, NDArray[Any]]:
        """Put a question to every law, and gather the draws of the answers.

        Parameters
        ----------
        question
            What to compute from the draws of a law.
        random_seed
            Seed of run noise.

        Returns
        -------
        dict
            Arrays of shape ``(chain, draw, ...)`` by name.
        """
        seed = self.random_seed if random_seed is None else random_seed
        shape = _shape(self.host)
        gathered: dict[str, NDArray[Any]] = {}
        for i, voice in enumerate(self.voices):
            answers = question(voice.surface, seed + i * NEXT_LAW if i else seed)
            for name, values in answers.items():
                empty = np.empty((int(np.prod(shape)), *values.shape[2:]), values.dtype)
                gathered.setdefault(name, empty)[voice.places] = values[0]
        return {name: all_.reshape(*shape, *all_.shape[1:]) for name, all_ in gathered.items()}

    def mean(self, quantity: Callable[[Surface], Array]) -> Array:
        """Return the mean over all draws of a quantity, given its mean over the draws of a law."""
        n_draws = sum(len(voice.places) for voice in self.voices)
        means = [len(voice.places) / n_draws * quantity(voice.surface) for voice in self.voices]
        return np.sum(means, axis=0)

    def dataset(
        self,
        variables: Mapping[str, tuple[Array, str]],
        dim: str,
        targets: Mapping[str, tuple[Array, str]],
        *,
        index: Array | None = None,
    ) -> xr.Dataset:
        """Put draws into a Dataset with units; of several laws, with who drew as ``fit``."""
        dataset = draws_dataset(self.host, variables, dim, targets, index=index)
        if [voice.name for voice in self.voices] == [""]:
            return dataset
        names = np.empty(int(np.prod(_shape(self.host))), dtype=object)
        for voice in self.voices:
            names[voice.places] = voice.name
        return dataset.assign_coords(fit=(SAMPLE_DIMS, names.reshape(_shape(self.host))))


def _shape(fit: Fit) -> tuple[int, ...]:
    return tuple(fit.draws["posterior"].sizes[dim] for dim in SAMPLE_DIMS)


def _spread(surface: Surface, n_draws: int) -> Surface:
    """Keep some draws, evenly over all chains, or repeat some where there are too few."""
    available = int(np.prod(_shape(surface.fit)))
    chosen = np.floor((np.arange(n_draws) + 0.5) * available / n_draws).astype(int)
    return replace(surface, c={k: v.reshape(-1)[None, chosen, None] for k, v in surface.c.items()})
