"""The space of a model's coordinates: their priors, and the unconstrained vector that is sampled.

A prior that is normal on the scale of its coordinate's link is written here in NumPy. One of the
user's own choice is PyMC's, which is loaded for it alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from bayesscale._interrupts import interrupts_held
from bayesscale._types import Array
from bayesscale.laws import Coordinate
from bayesscale.model.priors import LINKS, Prior, central_interval
from bayesscale.model.shear import Shear


@dataclass(frozen=True, eq=False)
class Space:
    """Coordinates in their order, with a prior each; ``spread`` has a drift's units."""

    coordinates: tuple[Coordinate, ...]
    priors: Mapping[str, Prior]
    spread: Mapping[str, float]

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # not what PyMC made

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return tuple(k.name for k in self.coordinates)

    @cached_property
    def normals(self) -> dict[str, tuple[float, float]]:
        """Mean and standard deviation on the link's scale of the priors that are normal there."""
        normals = {k.name: self.priors[k.name].normal_on_link(k) for k in self.coordinates}
        return {name: normal for name, normal in normals.items() if normal is not None}

    @cached_property
    def shear(self) -> Shear:
        """What the unconstrained vector has in the place of some coordinates."""
        on_link = [k.name in self.normals for k in self.coordinates]
        return Shear.of(self.coordinates, on_link, self.spread)

    @cached_property
    def _own(self) -> dict[str, Any]:
        """Return the priors that only PyMC knows."""
        chosen = {
            k.name: self.priors[k.name] for k in self.coordinates if k.name not in self.normals
        }
        if not chosen:
            return {}
        with interrupts_held():
            from bayesscale.model.pymc_priors import OwnPrior

        return {name: OwnPrior.of(prior, name) for name, prior in chosen.items()}

    def hyperparameters(self) -> Array:
        """Return the numbers of the normal priors, shape ``(coordinate, 2)``; of others (0, 1)."""
        return np.array([self.normals.get(name, (0.0, 1.0)) for name in self.names], dtype=float)

    def unconstrain(self, c: Mapping[str, Array]) -> Array:
        """Return sheared points on the scale of the links, shape ``(..., coordinate)``."""
        return self.shear.forward(self.on_links(c))

    def on_links(self, c: Mapping[str, Array]) -> Array:
        """Return coordinates each on the scale of its link, shape ``(..., coordinate)``."""
        linked = [self._link(k).forward(np.asarray(c[k.name])) for k in self.coordinates]
        return np.stack(linked, axis=-1)

    def constrain(self, u: Array) -> dict[str, Array]:
        """Translate points that NUTS moves, shape ``(..., coordinate)``, into coordinates."""
        u = self.shear.inverse(u)
        return {k.name: self._link(k).backward(u[..., i]) for i, k in enumerate(self.coordinates)}

    def middle(self) -> dict[str, float]:
        """Return where the priors have their middle, on the scales that are sampled."""
        initial = {name: prior.initial for name, prior in self._own.items()}
        centres = {name: mean for name, (mean, _) in self.normals.items()} | initial
        return {name: centres[name] for name in self.names}

    def draw(self, rng: np.random.Generator, draws: int) -> dict[str, Array]:
        """Draw every coordinate from its prior, shape ``(draw,)``."""
        c = {}
        for k in self.coordinates:
            if k.name in self.normals:
                c[k.name] = LINKS[k.link].backward(rng.normal(*self.normals[k.name], size=draws))
            else:
                c[k.name] = self._own[k.name].draw(rng, draws)
        return c

    def log_prior(self, name: str, values: Array) -> Array:
        """Return the log prior density of values of one coordinate, same shape."""
        if name not in self.normals:
            return self._own[name].log_density(values)
        mu, sigma = self.normals[name]
        link = LINKS[next(k.link for k in self.coordinates if k.name == name)]
        z = (link.forward(values) - mu) / sigma
        return -0.5 * z**2 - np.log(sigma) - 0.5 * np.log(2 * np.pi) + link.log_slope(values)

    def scores(self, c: Mapping[str, Array]) -> dict[str, Array]:
        """Return how many prior standard deviations coordinates lie from the prior's mean."""
        links = {k.name: LINKS[k.link] for k in self.coordinates}
        return {
            name: (links[name].forward(np.asarray(c[name])) - mu) / sigma
            for name, (mu, sigma) in self.normals.items()
            if name in c
        }

    def in_words(self) -> dict[str, str]:
        """Describe every prior in a sentence that a person can check, by name of coordinate."""
        sentences = {}
        for k in self.coordinates:
            interval = central_interval(self.priors[k.name], k)
            words = (
                f"follows {self.priors[k.name]!r}"
                if interval is None
                else f"is between {interval[0]:.3g} and {interval[1]:.3g} with 95 %"
            )
            sentences[k.name] = f"{k.name} ({k.meaning}) {words}"
        return sentences

    def _link(self, k: Coordinate) -> Any:
        """Return the link of a coordinate, its own where its prior is one's own."""
        return LINKS[k.link] if k.name in self.normals else self._own[k.name]
