"""A model in words: law, noise, priors and reference point, all checked, nothing compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.errors import DomainError, RunsError
from bayesscale.laws import LAWS, Law, Reference, get_law
from bayesscale.laws.coordinates import Coordinate
from bayesscale.model.clusters import CLUSTER_SHARE
from bayesscale.model.discrepancy import Discrepancy, Spread, get_discrepancy
from bayesscale.model.links import LINKS
from bayesscale.model.noise import Noise, get_noise
from bayesscale.model.priors import Prior, resolve_priors
from bayesscale.runs import Runs

RESERVED_NAMES = frozenset(
    {"alpha", "model", "sample", "column", "component_group", "chain", "draw", "run", "cluster"}
)
"""Names that break ArviZ plots or clash with the dimensions of the draws."""


@dataclass(frozen=True)
class ModelSpec:
    """Everything that defines a model but the runs.

    Parameters
    ----------
    law
        The law.
    discrepancy
        What the law may get wrong.
    noise
        The noise on log loss.
    priors
        A prior for every coordinate of law, discrepancy and noise, in order.
    reference
        Geometric centre of the runs that the coordinates refer to.
    spread
        Spread of the runs around it, the discrepancy's unit of distance.
    has_loss_se
        Whether the runs carry standard errors, which widen the noise.
    has_clusters
        Whether rows are readings of one run, which share an effect.
    """

    law: Law
    discrepancy: Discrepancy
    noise: Noise
    priors: Mapping[str, Prior]
    reference: Reference
    spread: Spread
    has_loss_se: bool
    has_clusters: bool = False

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Sampled coordinates: the law's, the discrepancy's, then the noise's."""
        return (
            self.law.coordinates + self.discrepancy.coordinates(self.law) + self.noise_coordinates
        )

    @property
    def noise_coordinates(self) -> tuple[Coordinate, ...]:
        """Sampled coordinates of the noise and of what clusters have in common."""
        return _noise_coordinates(self.noise, self.has_clusters)

    @property
    def noise_names(self) -> list[str]:
        """What a summary says of the noise, such as sigma and nu."""
        sampled = [c.name for c in self.noise_coordinates]
        shape = self.noise.shape(dict.fromkeys(sampled, 0.0))
        return ["sigma", *shape, *(["cluster_share"] if self.has_clusters else [])]

    def log_loss(
        self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any,
        *, spread: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Return the log loss of law and discrepancy, relative to the reference loss.

        Parameters
        ----------
        c
            Value of every coordinate, by name; arrays broadcast against the inputs.
        x
            ``ln(input / reference input)`` for every input of the law.
        xp
            Namespace of mathematical functions, ``numpy`` or ``pytensor.tensor``.
        spread
            Stands in for the spec's own spread where that is data, as in a compiled model.
        """
        spread = self.spread.as_dict() if spread is None else spread
        return self.discrepancy.log_loss(self.law, c, x, spread, xp)

    def in_words(self) -> str:
        """Name law, discrepancy and noise for a title."""
        return (
            f"The law {self.law.name!r} with {self.discrepancy.name.replace('none', 'no')} "
            f"discrepancy and {self.noise.name} noise"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as plain JSON types."""
        return {
            "law": self.law.name,
            "coordinates": [c.name for c in self.coordinates],
            "discrepancy": self.discrepancy.name,
            "noise": self.noise.name,
            "priors": {name: prior.as_dict() for name, prior in self.priors.items()},
            "reference": self.reference.as_dict(),
            "spread": self.spread.as_dict(),
            "has_loss_se": self.has_loss_se,
            "has_clusters": self.has_clusters,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], *, law: str | Law | None = None) -> "ModelSpec":
        """Rebuild a spec from :meth:`as_dict`; a law of one's own must be given again.

        Raises
        ------
        UnknownNameError
            If the law does not ship and was not given.
        DomainError
            If the law given is another one than was stored.
        """
        spec = cls(
            law=get_law(stored["law"] if law is None else law),
            discrepancy=get_discrepancy(stored["discrepancy"]),
            noise=get_noise(stored["noise"]),
            priors={name: Prior.from_dict(prior) for name, prior in stored["priors"].items()},
            reference=Reference(**stored["reference"]),
            spread=Spread(**stored["spread"]),
            has_loss_se=stored["has_loss_se"],
            has_clusters=stored.get("has_clusters", False),  # written since there are clusters
        )
        names = [c.name for c in spec.coordinates]
        if (spec.law.name, names) != (stored["law"], stored["coordinates"]):
            raise DomainError(
                f"The fit is of the law {stored['law']!r} with {', '.join(stored['coordinates'])}, "
                f"but the law {spec.law.name!r} at hand has {', '.join(names)}. Pass the law that "
                "was fitted."
            )
        return spec


def specify(
    runs: Runs,
    *,
    law: str | Law = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
) -> ModelSpec:
    """Check a model's options against each other and the runs.

    Parameters
    ----------
    runs
        The training runs.
    law
        Name of a law, or an instance of your own.
    noise
        ``"student_t"``, ``"normal"`` or ``"one_sided"``, on log loss.
    discrepancy
        ``"drift"``, ``"quadratic"``, or None to take the law for true.
    priors
        Overrides by name of coordinate.

    Returns
    -------
    ModelSpec
        The checked model.

    Raises
    ------
    UnknownNameError
        If the law, the noise, the discrepancy or the name of a prior is unknown.
    PriorError
        If a prior is malformed.
    DomainError
        If your own law is incomplete or its formula does not give finite numbers.
    RunsError
        If ``runs`` are not :class:`Runs`, or fewer than the law has coordinates.
    """
    if not isinstance(runs, Runs):
        raise RunsError(
            f"runs must be Runs, not {type(runs).__name__}. Make them with "
            "bs.read_runs(path) or bs.Runs.from_frame(frame)."
        )
    law, noise_, discrepancy_ = get_law(law), get_noise(noise), get_discrepancy(discrepancy)
    has_clusters = runs.has_clusters
    taken = discrepancy_.coordinates(law) + _noise_coordinates(noise_, has_clusters)
    _check_law(law, taken)
    if len(runs) < len(law.coordinates):
        raise RunsError(
            f"The law {law.name!r} has {len(law.coordinates)} unknowns "
            f"({', '.join(c.name for c in law.coordinates)}), but there are only {len(runs)} runs. "
            f"Train at least {len(law.coordinates)}, better three times as many, or choose a law "
            "with fewer unknowns."
        )
    sizes = {name: getattr(runs, name) for name in ("params", "tokens", "flops", "loss")}
    return ModelSpec(
        law=law,
        discrepancy=discrepancy_,
        noise=noise_,
        priors=resolve_priors(law.coordinates + taken, priors),
        reference=Reference.of(**sizes),
        spread=Spread.of(**sizes),
        has_loss_se=runs.loss_se is not None,
        has_clusters=has_clusters,
    )


def log_inputs(runs: Runs, law: Law, reference: Reference) -> dict[str, NDArray[np.float64]]:
    """Return ``ln(input / reference input)`` of every input of the law, shape ``(run,)``."""
    return {name: np.log(getattr(runs, name) / getattr(reference, name)) for name in law.inputs}


def _noise_coordinates(noise: Noise, has_clusters: bool) -> tuple[Coordinate, ...]:
    return (*noise.coordinates, CLUSTER_SHARE) if has_clusters else noise.coordinates


def _check_law(law: Law, taken: tuple[Coordinate, ...]) -> None:
    missing = [a for a in ("name", "inputs", "coordinates") if not hasattr(law, a)]
    if missing:
        raise DomainError(
            f"Your law {type(law).__name__} does not state {', '.join(missing)}. A law states "
            "name, inputs and coordinates, and has one method, log_loss(self, c, x, xp)."
        )
    foreign = [name for name in law.inputs if name not in ("params", "tokens", "flops")]
    if foreign or not law.inputs:
        raise DomainError(
            f"The law {law.name!r} takes {law.inputs!r}, but a law's inputs are "
            "'params', 'tokens' or 'flops'."
        )
    names = [c.name for c in law.coordinates + taken]
    bad = sorted({n for n in names if names.count(n) > 1 or n in RESERVED_NAMES})
    if bad:
        raise DomainError(
            f"The law {law.name!r} cannot name a coordinate {', '.join(map(repr, bad))}: "
            "the name is taken by another coordinate, the discrepancy, the noise or the plotting "
            "library. "
            "Choose another, such as 'alpha_N'."
        )
    if law.name in LAWS and type(LAWS[law.name]) is not type(law):
        raise DomainError(
            f"The name {law.name!r} belongs to a law that ships with bayesscale: a saved fit of "
            "yours would be read as that one. Give your law another name."
        )
    middle = {c.name: LINKS[c.link].backward(np.array(c.loc)) for c in law.coordinates}
    x = {name: np.linspace(-2.0, 2.0, 5) for name in law.inputs}
    try:
        value = np.asarray(law.log_loss(middle, x, np))
        published = law.published(middle, Reference(1.0, 1.0, 1.0, 1.0))
    except Exception as error:
        raise DomainError(
            f"The law {law.name!r} fails at its prior medians: {error!r}. log_loss(c, x, xp) may "
            f"use the coordinates {list(middle)}, the inputs {list(x)} and functions of xp."
        ) from error
    if value.shape != (5,) or not np.isfinite(value).all():
        raise DomainError(
            f"The formula of the law {law.name!r} gives {value!r} for five runs within a factor "
            "e² of the centre at its prior medians. log_loss(c, x, xp) must return one finite "
            "log loss a run, built from c and x with functions of xp."
        )
    unsaid = [name for name in law.published_units if name not in published]
    if unsaid:
        raise DomainError(
            f"The law {law.name!r} lists {', '.join(unsaid)} in published_units, but published() "
            f"returns {list(published)}."
        )
