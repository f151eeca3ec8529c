"""What must hold of a law before anything is compiled: a user's own is tried out in NumPy."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.accounting import PowerCost
from bayesscale.errors import BayesScaleError, DomainError
from bayesscale.laws import LAWS, Coordinate, Law
from bayesscale.model.priors import LINKS
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS

RESERVED_NAMES = frozenset(
    {
        "alpha", "model", "sample", "column", "component_group", "chain", "draw", "run", "cluster",
        "prior", "log_loss",
    }
)  # fmt: skip
"""Names that break ArviZ plots, or clash with dimensions or variables of the model."""

POINTS = 5
"""Sizes at which a formula is tried, within a factor e² of the centre."""


def check_stated(law: Law) -> None:
    """Refuse a law that does not state what a law states."""
    missing = [a for a in ("name", "inputs", "coordinates") if not hasattr(law, a)]
    if missing:
        raise DomainError(
            f"Your law {type(law).__name__} does not state {', '.join(missing)}. A law states "
            "name, inputs and coordinates, and has one method, log_loss(self, c, x, xp)."
        )
    if not (isinstance(law.name, str) and law.name):
        raise DomainError(f"The name of a law is text such as 'tied', not {law.name!r}.")
    if law.name in LAWS and LAWS[law.name] is not law and type(LAWS[law.name]) is not type(law):
        raise DomainError(
            f"The name {law.name!r} belongs to a law that ships with bayesscale: a saved fit of "
            "yours would be read as that one. Give your law another name."
        )
    if not isinstance(law.inputs, Sequence) or isinstance(law.inputs, str) or not law.inputs:
        raise DomainError(
            f"The law {law.name!r} takes {law.inputs!r}, but a law's inputs are a tuple of names "
            "such as ('params', 'tokens'), or of custom bs.Quantity objects."
        )
    try:
        quantities = law.quantities
    except BayesScaleError as error:
        raise DomainError(f"The inputs of the law {law.name!r} are invalid. {error}") from error
    wrong = [k for k in law.coordinates if not isinstance(k, Coordinate)]
    if wrong or not law.coordinates:
        raise DomainError(
            f"The coordinates of the law {law.name!r} must be a tuple of bs.Coordinate, at least "
            f"one, but are {law.coordinates!r}."
        )
    for name, origin in law.references.items():
        q, other = quantities.get(name), quantities.get(str(origin))
        if isinstance(origin, str):
            fits = q and other and q.scale == other.scale and origin not in law.references
        else:
            fits = q and q.role != "label" and q.admits(np.asarray(origin, float))
        if not fits:
            raise DomainError(
                f"The law {law.name!r} measures {name} from {origin!r}: references has a value of "
                "an input, {'experts': 1.0}, or another input of its scale that has no reference."
            )
    for what, names in (("split", law.split), ("drifts", law.drifts)):
        foreign = [name for name in names if name not in quantities]
        if isinstance(names, str) or foreign:
            raise DomainError(
                f"The law {law.name!r} states {what}={names!r}, which must be a tuple of some of "
                f"its inputs, {tuple(quantities)!r}."
            )


def check_names(law: Law, taken: Iterable[Coordinate]) -> None:
    """Refuse names of a law's coordinates that the rest of the model takes."""
    taken = tuple(taken)
    theirs = {k.name for k in taken} | {"nu"} | RESERVED_NAMES
    letters = [name for name in law.published_units if name in theirs]
    if letters:
        raise DomainError(
            f"The law {law.name!r} cannot publish {', '.join(map(repr, letters))}: the name is "
            "taken by the noise, the discrepancy or the model. Choose another name."
        )
    names = [k.name for k in (*law.coordinates, *taken)]
    bad = sorted(
        {
            n for n in names
            if names.count(n) > 1 or n in RESERVED_NAMES or not str(n).isidentifier()
        }
    )  # fmt: skip
    if bad:
        raise DomainError(
            f"The law {law.name!r} cannot name a coordinate {', '.join(map(repr, bad))}: the name "
            "is taken by another coordinate, the discrepancy, the noise, the model or the plotting "
            "library, or is no Python name. Choose another, such as 'slope_N'."
        )


REPEATABLE = (
    "A formula must depend on c, x and constants alone: on no clock, counter, file, random number "
    "or anything else that changes."
)


def same_values(a: Sequence[float], b: Sequence[float]) -> bool:
    """Compare :func:`law_values`, but for rounding on another machine."""
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


def law_values(law: Law) -> list[float]:
    """Return log losses of a law at fixed points: which distinguish formulas of one name."""
    values = []
    for shift in (0.0, 0.5):
        c = {k.name: LINKS[k.link].backward(np.array(k.loc + shift)) for k in law.coordinates}
        values += np.ravel(law.log_loss(c, _points(law), np)).tolist()
    return values


def _points(law: Law) -> dict[str, NDArray[np.float64]]:
    """Return centred inputs of shape ``(point,)``, no two inputs alike."""
    at = np.linspace(-2.0, 2.0, POINTS)
    number = np.arange(float(POINTS))
    return {
        name: number % max(len(q.levels), 1) if q.role == "label" else np.roll(at, i)
        for i, (name, q) in enumerate(law.quantities.items())
    }


def check_formula(law: Law) -> None:
    """Refuse a law whose formulas do not give finite numbers, one per run or draw."""
    middle = {k.name: LINKS[k.link].backward(np.array(k.loc)) for k in law.coordinates}
    x = _points(law)
    reference = dict.fromkeys((*x, PARAMS.name, TOKENS.name, FLOPS.name, LOSS.name), 1.0)
    three = {name: np.full(3, value) for name, value in middle.items()}
    draws = {name: np.full((2, 3, 1), value) for name, value in middle.items()}
    optimum = None
    try:
        value = np.asarray(law.log_loss(middle, x, np))
        again = np.asarray(law.log_loss(middle, x, np))
        by_draw = np.asarray(law.log_loss(draws, x, np))
        published = law.published(three, reference)
        if law.split:
            optimum = law.optimum(three, np.zeros(3), PowerCost())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit, too
        raise DomainError(
            f"The law {law.name!r} fails at its prior medians: {error!r}. log_loss(c, x, xp) may "
            f"use the coordinates {list(middle)}, the inputs {list(x)} and functions of xp."
        ) from error
    if value.shape != (POINTS,) or not np.isfinite(value).all():
        raise DomainError(
            f"The formula of the law {law.name!r} gives {value!r} for five runs within a factor "
            "e² of the centre at its prior medians. log_loss(c, x, xp) must return one finite "
            "log loss per run, built from c and x with functions of xp."
        )
    if not np.array_equal(value, again):
        raise DomainError(
            f"The formula of the law {law.name!r} gives other losses when it is evaluated twice "
            f"at one point: {value[value != again][0]:.6g} and {again[value != again][0]:.6g}. "
            f"{REPEATABLE}"
        )
    if by_draw.shape != (2, 3, POINTS) or not np.allclose(by_draw, value):
        raise DomainError(
            f"The formula of the law {law.name!r} must broadcast: of draws of shape (2, 3, 1) and "
            f"inputs of shape ({POINTS},) it must return the loss of each run for each draw, shape "
            f"(2, 3, {POINTS}), but returns shape {by_draw.shape}"
            f"{'' if by_draw.shape != (2, 3, POINTS) else ' with other losses than for one draw'}. "
            "Use operators and functions of xp that act element by element."
        )
    unsaid = [name for name in law.published_units if name not in published]
    if unsaid:
        raise DomainError(
            f"The law {law.name!r} lists {', '.join(unsaid)} in published_units, but published() "
            f"returns {list(published)}."
        )
    answers: dict[str, Any] = dict(published)
    if optimum is not None:
        answers |= {name: getattr(optimum, name) for name in type(optimum).__slots__}
    for name, values in answers.items():
        if np.shape(values) not in ((), (3,)):
            raise DomainError(
                f"The law {law.name!r} returns {name} of shape {np.shape(values)} for draws of "
                "shape (3,). published() and optimum() take arrays of draws and return one value "
                "a draw."
            )
