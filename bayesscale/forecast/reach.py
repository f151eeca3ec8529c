"""How far a question reaches beyond the runs, and the warning where that is too far."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bayesscale._types import Array
from bayesscale.errors import ExtrapolationWarning
from bayesscale.inference import Fit
from bayesscale.laws import Law
from bayesscale.quantities import FLOPS, quantity
from bayesscale.runs import LARGEST_LOSS

VALIDATED_REACH = 30.0
"""Largest ratio of compute to the largest run in the public hold-outs that intervals were scored
on."""

STRANGE_REACH = 1000.0
"""A size this many times above the largest run's, or below the smallest one's, may be a slip."""

PACKAGE = str(Path(__file__).parents[1])


def reach(fit: Fit, sizes: Mapping[str, Array]) -> dict[str, Array]:
    """Return each size as a multiple of the largest one among the runs, ``reach_<size>``."""
    return {
        f"reach_{name}": v / fit.runs[name].max()
        for name, v in sizes.items()
        if scale_of(fit.law, name) == "log"
    }


def scale_of(law: Law, name: str) -> str:
    """Return the scale of an input of a law, or of compute."""
    return law.quantities.get(name, quantity(name)).scale


def unit_of(law: Law, name: str) -> str:
    """Return the unit of an input of a law, or of compute."""
    return law.quantities.get(name, quantity(name)).unit


def warn_if_far(
    fit: Fit,
    sizes: Mapping[str, Array],
    *,
    loss: Array | None = None,
    also: str = "",
) -> None:
    """Say once what is far from the runs, at the line of the user's that asked.

    ``sizes`` are those that the question is about, by name, any shape, NaN being left out;
    ``loss`` holds predicted median losses, nats/token; ``also`` is what else to warn of. Far is
    compute, or the only input of the law, more than 30 times that of the largest run; any size
    more than 1000 times above the runs' or below them; a loss that is worse than guessing.
    """
    sizes = {name: v for name, v in sizes.items() if scale_of(fit.law, name) == "log"}
    above, below = _above(fit, sizes), _below(fit, sizes)
    said = []
    if above or below:
        said.append(f"The farthest target takes {'; '.join(above + below)}.")
    if above:
        said.append(
            f"Intervals were checked on real hold-outs up to {VALIDATED_REACH:.0f} times the "
            f"largest run's compute only{_and_how(fit)}. Train a larger run, or back-test your own "
            "ladder at this reach."
        )
    if below:
        said.append("Counts are plain numbers: 70e9, not 70.")
    if loss is not None and np.max(loss) > LARGEST_LOSS:
        said.append(
            f"The predicted loss is up to {np.max(loss):.4g} nats/token. Guessing among 256,000 "
            f"tokens costs {LARGEST_LOSS:.2f}: the law does not hold there."
        )
    if also:
        said.append(also)
    if said:
        warnings.warn(" ".join(said), ExtrapolationWarning, skip_file_prefixes=(PACKAGE,))


def _and_how(fit: Fit) -> str:
    """Say what the intervals assume of the law."""
    if fit.spec.discrepancy.coordinates(fit.law):
        return ", with the drift that the law is allowed: beyond that they are a guess"
    return (
        ", and these take the law for true: of such 90 % intervals about two thirds held the "
        "truth, and beyond that fewer will"
    )


def _above(fit: Fit, sizes: Mapping[str, Array]) -> list[str]:
    found = []
    for name, values in sizes.items():
        most = np.max(values, initial=0.0, where=~np.isnan(values))
        times = most / fit.runs[name].max()
        decisive = name == FLOPS.name or tuple(fit.law.quantities) == (name,)
        if times > (VALIDATED_REACH if decisive else STRANGE_REACH):
            found.append(f"{times:.3g} times the {_of(fit.law, name, most, 'largest')}")
    return found


def _below(fit: Fit, sizes: Mapping[str, Array]) -> list[str]:
    found = []
    for name, values in sizes.items():
        least = np.min(values, initial=np.inf, where=~np.isnan(values))
        times = fit.runs[name].min() / least
        if times > STRANGE_REACH:
            found.append(f"1/{times:.3g} of the {_of(fit.law, name, least, 'smallest')}")
    return found


def _of(law: Law, name: str, value: float, which: str) -> str:
    q = law.quantities.get(name, quantity(name))
    unit = f" {q.unit}" if q.style == "flops" else ""
    return f"{q.noun} of the {which} run ({q.write(value)}{unit})"
