"""A model in words: law, noise, priors and reference point, all checked, nothing compiled."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

from bayesscale._format import rows
from bayesscale._types import ReadOnly
from bayesscale.errors import DomainError, RunsError
from bayesscale.laws import LAWS, Coordinate, Law, Reference, get_law
from bayesscale.model import checked_law
from bayesscale.model.discrepancy import Discrepancy, get_discrepancy, spread_of
from bayesscale.model.noise import Noise, get_noise, scale_at, scale_coordinates
from bayesscale.model.priors import Prior, resolve_priors
from bayesscale.model.rows import CLUSTER_SHARE, Rows
from bayesscale.model.space import Space
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS
from bayesscale.runs import Runs

MODEL_MEANINGS = {
    "law": """``"unified"``, ``"chinchilla"``, ``"kaplan"``, ... (:func:`~bayesscale.list_laws`), or
an instance of a custom :class:`~bayesscale.Law`.""",
    "noise": """Scatter of log loss around the law, whose scale changes with compute and with
tokens per parameter: ``"student_t"`` down-weights outliers, ``"normal"`` does not;
``"one_sided"``: runs can only be worse than well-tuned ones, whose loss the law is.""",
    "discrepancy": """Model discrepancy. ``"drift"``: local slopes follow a random walk in log size,
so that uncertainty grows with extrapolation. None: the law is assumed exact.""",
    "priors": """Overrides of default priors by name of sampling coordinate, such as
``{"slope_N": Prior.between(0.03, 0.1, mass=0.9)}``.""",
}
"""What the options that define a model mean."""


ROUNDED_SHARES = 0.02
"""How far rounded shares may be from adding up to 1."""


@dataclass(frozen=True)
class ModelSpec:
    """Everything that defines a model but the runs.

    Parameters
    ----------
    law
        The law.
    discrepancy
        Model discrepancy.
    noise
        The noise on log loss.
    priors
        A prior for every coordinate of law, discrepancy and noise, in order.
    reference
        Centre of the runs that the coordinates refer to, by name of quantity.
    spread
        Spread of the runs around it, the discrepancy's units of distance.
    has_loss_se
        Whether the runs carry standard errors, which widen the noise.
    has_clusters
        Whether several rows belong to one run, and share an effect.
    """

    law: Law
    discrepancy: Discrepancy
    noise: Noise
    priors: Mapping[str, Prior]
    reference: Reference
    spread: Mapping[str, float]
    has_loss_se: bool
    has_clusters: bool = False

    def __post_init__(self) -> None:
        for name in ("priors", "reference", "spread"):
            object.__setattr__(self, name, ReadOnly(getattr(self, name)))

    @cached_property
    def formula(self) -> list[float]:
        """Log losses of the law at fixed points, as they were when first looked at."""
        return checked_law.law_values(self.law)

    @cached_property
    def structure(self) -> object:
        """What compiled code depends on besides its data."""
        custom = tuple(
            (name, repr(prior))
            for name, prior in self.priors.items()
            if name not in self.space.normals
        )
        return (
            _identity(self.law), self.discrepancy.name, self.noise.name, self.has_loss_se,
            self.has_clusters, custom,
        )  # fmt: skip

    def check_unchanged(self) -> None:
        """Refuse a law whose formula gives other losses than when the model was made."""
        if not checked_law.same_values(checked_law.law_values(self.law), self.formula):
            raise DomainError(
                f"The formula of the law {self.law.name!r} gives other losses now than when the "
                "model was built, so that its posterior would be of another law. "
                f"{checked_law.REPEATABLE}"
            )

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Sampled coordinates: the law's, the discrepancy's, then the noise's."""
        return (
            *self.law.coordinates, *self.discrepancy.coordinates(self.law),
            *self.noise_coordinates,
        )  # fmt: skip

    @property
    def noise_coordinates(self) -> tuple[Coordinate, ...]:
        """Sampled coordinates of the noise: its shape, change with size, and clusters."""
        return _noise_coordinates(self.law, self.noise, self.has_clusters)

    @cached_property
    def space(self) -> Space:
        """The coordinates with their priors."""
        return Space(self.coordinates, self.priors, self.spread)

    @property
    def noise_names(self) -> list[str]:
        """What a summary says of the noise, such as sigma and nu."""
        sampled = [c.name for c in self.noise_coordinates]
        shape = self.noise.shape(dict.fromkeys(sampled, 0.0))
        by_size = [k.name for k in scale_coordinates(self.law)]
        return ["sigma", *by_size, *shape, *(["cluster_share"] if self.has_clusters else [])]

    def rows(self, runs: Runs) -> Rows:
        """Return the rows of a table as the noise of this model sees them."""
        return Rows.of(runs, share_effect=self.has_clusters)

    def centred(self, values: Any) -> dict[str, Any]:
        """Return the law's inputs relative to the reference, of runs or of values by name."""
        whole = share_sums(self.law, values)
        return {
            name: q.centred(values[name] / whole if q.scale == "simplex" else values[name],
                            self.reference[name])
            for name, q in self.law.quantities.items()
        }  # fmt: skip

    def relative_log_loss(
        self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any,
        *, spread: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        """Return the log loss of law and discrepancy, relative to the reference loss.

        Coordinates ``c`` and centred inputs ``x`` broadcast; ``xp`` is ``numpy`` or
        ``pytensor.tensor``; ``spread`` is given where that is data, as in a compiled model.
        """
        spread = self.spread if spread is None else spread
        return self.discrepancy.log_loss(self.law, c, x, spread, xp)

    def noise_at(self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> dict[str, Any]:
        """Return coordinates ``c`` with the scale of the noise at centred inputs ``x``."""
        return {**c, "sigma": scale_at(self.law, c, x, xp)}

    def in_words(self) -> str:
        """Name law, discrepancy and noise for a title."""
        return (
            f"The law {self.law.name!r} with {self.discrepancy.name.replace('none', 'no')} "
            f"discrepancy and {self.noise.name} noise"
        )

    def options(self) -> dict[str, Any]:
        """Return the options of a fit that make this model, by name."""
        kind = self.discrepancy.name
        return {
            "law": self.law, "noise": self.noise.name,
            "discrepancy": None if kind == "none" else kind, "priors": dict(self.priors),
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return the spec as plain JSON types."""
        return {
            "law": self.law.name,
            "levels": {k: q.levels for k, q in self.law.quantities.items() if q.levels},
            "coordinates": [c.name for c in self.coordinates],
            "discrepancy": self.discrepancy.name, "noise": self.noise.name,
            "priors": {name: prior.as_dict() for name, prior in self.priors.items()},
            "reference": dict(self.reference), "spread": dict(self.spread),
            "has_loss_se": self.has_loss_se, "has_clusters": self.has_clusters,
            "formula": self.formula,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any], *, law: str | Law | None = None) -> "ModelSpec":
        """Rebuild a spec from :meth:`as_dict`; a custom law must be given again, the same."""
        spec = cls(
            law=get_law(stored["law"] if law is None else law).with_levels(
                {name: tuple(levels) for name, levels in stored.get("levels", {}).items()}
            ),
            discrepancy=get_discrepancy(stored["discrepancy"]),
            noise=get_noise(stored["noise"]),
            priors={name: Prior.from_dict(prior) for name, prior in stored["priors"].items()},
            reference=dict(stored["reference"]),
            spread=dict(stored["spread"]),
            has_loss_se=stored["has_loss_se"],
            has_clusters=stored["has_clusters"],
        )
        names = [c.name for c in spec.coordinates]
        if (spec.law.name, names) != (stored["law"], stored["coordinates"]):
            raise DomainError(
                f"The fit is of the law {stored['law']!r} with {', '.join(stored['coordinates'])}, "
                f"but the law {spec.law.name!r} at hand has {', '.join(names)}. Pass the law that "
                "was fitted."
            )
        if not checked_law.same_values(spec.formula, stored["formula"]):
            raise DomainError(
                f"The formula of the law {spec.law.name!r} at hand gives other losses than the one "
                "that was fitted: its posterior would be of another law. Pass the law as it was "
                "when the fit was saved, or refit."
            )
        return spec


def specify(
    runs: Runs, *, law: str | Law = "unified", noise: str = "student_t",
    discrepancy: str | None = "drift", priors: Mapping[str, Prior] | None = None,
    few: bool = False,
) -> ModelSpec:  # fmt: skip
    """Check a model's options against each other and the runs, before anything is compiled.

    With ``few``, fewer runs than parameters are enough: other priors will be put in their place.
    """
    if not isinstance(runs, Runs):
        raise RunsError(
            f"runs must be Runs, not {type(runs).__name__}. Make them with "
            "bs.read_runs(path) or bs.Runs.from_frame(frame)."
        )
    law, noise_, discrepancy_ = get_law(law), get_noise(noise), get_discrepancy(discrepancy)
    has_clusters = runs.has_clusters
    checked_law.check_stated(law)
    _check_inputs(law, runs)
    law = law.with_levels(_levels(law, runs))
    taken = (*discrepancy_.coordinates(law), *_noise_coordinates(law, noise_, has_clusters))
    checked_law.check_names(law, taken)
    checked_law.check_formula(law)
    overrides = priors if isinstance(priors, Mapping) else {}
    unknown = [c.name for c in law.coordinates if c.name not in overrides]
    if len(runs) < len(unknown) and not few:
        raise RunsError(
            f"The law {law.name!r} has {len(unknown)} parameters ({', '.join(unknown)}), but there "
            f"are only {len(runs)} runs. Train at least {len(unknown)}, better three times as "
            "many, choose a law with fewer parameters, or pass the fit of a similar ladder as "
            "like=."
        )
    spec = ModelSpec(
        law=law, discrepancy=discrepancy_, noise=noise_,
        priors=resolve_priors((*law.coordinates, *taken), priors), reference=_reference(law, runs),
        spread=spread_of(law, runs), has_loss_se=runs.loss_se is not None,
        has_clusters=has_clusters,
    )  # fmt: skip
    spec.check_unchanged()
    return spec


def _reference(law: Law, runs: Runs) -> dict[str, float]:
    """Return the centre of the runs: what compute is counted by, the law's inputs, the loss."""
    sizes = (q for q in (PARAMS, TOKENS, FLOPS) if q.name in runs)
    inputs = {q.name: q for q in (*sizes, *law.quantities.values(), LOSS)}
    for name, q in law.quantities.items():
        values = runs[name]
        outside = ~q.admits(values)
        if outside.any():
            raise RunsError(
                f"The law {law.name!r} takes {name} {q.domain}, but it is not in "
                f"{int(outside.sum())} of {len(runs)} runs: "
                f"{rows(runs.run_ids[outside], values[outside], name)}. Correct the column, or "
                "leave these runs out."
            )
    whole = share_sums(law, runs)
    far = np.abs(whole - 1) > ROUNDED_SHARES
    if far.any():
        raise RunsError(
            f"The shares that the law {law.name!r} takes must add up to 1 in every run, but do not "
            f"within {ROUNDED_SHARES} in {far.sum()} of {len(runs)}: "
            f"{rows(runs.run_ids[far], whole[far], 'sum')}. Correct them, or leave these runs out."
        )
    centres = {name: q.centre(runs[name]) for name, q in inputs.items()}
    origins = {k: centres[v] if isinstance(v, str) else float(v) for k, v in law.references.items()}
    return centres | origins


def share_sums(law: Law, values: Any) -> Any:
    """Return what the shares that a law takes add up to, shape of a share; 1 without any."""
    shares = [values[name] for name, q in law.quantities.items() if q.scale == "simplex"]
    return sum(shares[1:], start=np.asarray(shares[0])) if shares else np.ones(1)


def _levels(law: Law, runs: Runs) -> dict[str, tuple[str, ...]]:
    """Return the levels of the labels that a law takes, sorted, unless it states them."""
    labels = {name: q for name, q in law.quantities.items() if q.role == "label"}
    return {k: q.levels or tuple(sorted({*map(str, runs[k].tolist())})) for k, q in labels.items()}


def _check_inputs(law: Law, runs: Runs) -> None:
    """Refuse runs that lack what the law is of, naming the laws of what they have."""
    lacking = [name for name in law.quantities if name not in runs]
    if lacking:
        others = [name for name, other in LAWS.items() if all(q in runs for q in other.quantities)]
        laws = f"; or fit a law of what they have: {', '.join(others)}" if others else ""
        available = [name for name in ("params", "tokens", "flops", *runs.inputs) if name in runs]
        raise runs.lacks(
            [law.quantities[name] for name in lacking],
            f"The law {law.name!r} is of {' and '.join(law.quantities)}, but these runs have no "
            f"{' and no '.join(lacking)}, only {', '.join([*available, 'loss'])}{laws}.",
        )


def _noise_coordinates(law: Law, noise: Noise, has_clusters: bool) -> tuple[Coordinate, ...]:
    coordinates = (*noise.coordinates, *scale_coordinates(law))
    return (*coordinates, CLUSTER_SHARE) if has_clusters else coordinates


def model_data(spec: ModelSpec, runs: Runs) -> dict[str, NDArray]:
    """Return every array that the model depends on, by name."""
    data = {centred_name(name): value for name, value in spec.centred(runs).items()}
    data["log_loss_observed"] = np.log(runs.loss)
    data["log_loss_reference"] = np.array(np.log(spec.reference["loss"]))
    data |= {f"spread_{name}": np.array(value) for name, value in spread_data(spec).items()}
    rows = spec.rows(runs)
    if spec.has_loss_se:
        data["log_loss_se"] = rows.log_loss_se
    if spec.has_clusters:
        data["cluster_code"] = rows.codes
        data["cluster_size"] = rows.size.astype(float)
    data["hyperparameters"] = spec.space.hyperparameters()
    return {name: np.array(value, order="C") for name, value in data.items()}


def some_rows(data: Mapping[str, NDArray], rows: NDArray[np.int64]) -> dict[str, NDArray]:
    """Return the arrays of some rows alone, shape ``(row,)``; of clusters, what is left of them."""
    subset = {k: v[rows] if dims_of(k, v) == ("run",) else v for k, v in data.items()}
    if "cluster_code" in subset:
        _, codes, sizes = np.unique(subset["cluster_code"], return_inverse=True, return_counts=True)
        subset |= {"cluster_code": codes, "cluster_size": sizes.astype(float)}
    return subset


def centred_name(name: str) -> str:
    """Return what the model calls an input relative to its reference."""
    return f"{name}_centred"


def spread_data(spec: ModelSpec) -> dict[str, float]:
    """Return the units of distance that the model depends on."""
    return dict(spec.spread) if spec.discrepancy.coordinates(spec.law) else {}


def dims_of(name: str, values: NDArray) -> tuple[str, ...]:
    """Return the dimensions of one of the arrays."""
    if name == "hyperparameters":
        return "coordinate", "hyperparameter"
    if np.ndim(values) == 0:
        return ()
    return ("cluster",) if name == "cluster_size" else ("run",)


def _identity(law: Law) -> object:
    """Return what distinguishes laws: their class, their state, and what their formula gives."""
    slots = [name for kind in type(law).__mro__ for name in getattr(kind, "__slots__", ())]
    state = {name: getattr(law, name) for name in slots if hasattr(law, name)}
    state |= getattr(law, "__dict__", {})
    try:
        hashed: object = joblib.hash(state)
    except Exception:  # what cannot be pickled is its own and no other law's
        hashed = id(law)
    return type(law), hashed, tuple(checked_law.law_values(law))
