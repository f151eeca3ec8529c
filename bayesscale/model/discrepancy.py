r"""Model discrepancy: how the fitted surface may depart from the law away from the centre.

The exponents of real ladders are not quite constant over scales, so that fits which assume an exact
law are too certain when they extrapolate. In ``drift`` slopes follow a random walk: with t the
distance from the centre of the runs in units of their spread, ln N, ln D and the log loss of the
law each pass through

.. math:: w(t) = t + \sum_j \left(e^{\tau (\xi_1 + \dots + \xi_j)} - 1\right) \phi_j(t), \qquad
          \xi_j \sim \mathcal N(0, 1)

on each side of the centre, where the pieces φ_j are ramps from one knot to the next: the local
slope is multiplied by the exponential of a random walk with a step of size τ at each knot. The
sizes of steps come from other ladders (:mod:`bayesscale.laws.population`). All slopes stay
positive, and far out loss falls like a law of the same form with constant exponents.

Runs on far fewer tokens per parameter than the others are worse than additive laws predict, so

.. math:: h / (1 + h), \qquad h = a \, e^{-g (W + 1.5)}

with W = ln(D / N) from the centre, in units of its spread, is added to log loss. It falls with
more tokens, and is never more than 1.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from bayesscale._arguments import choice
from bayesscale.errors import DomainError
from bayesscale.laws import SPLIT, Coordinate, Law, population
from bayesscale.runs import Runs

INPUT_KNOTS, LOSS_KNOTS = (0.75,), (0.5, 1.5)
"""Where slopes change, on both sides of the centre, in units of the runs' spread."""

ROUNDING = 0.3
"""Distance over which a change of slope is smoothed, in units of the runs' spread."""

LEAST, LEAST_SPREAD = 0.3, {"loss": 0.03}
"""Smallest unit of distance: runs of one size do not inform the scale of drift."""

DRIFT_LEVEL = 3.0
"""Spreads from the centre at which tokens per parameter level off, so that they do not run away."""

LOG_LOSS_MAX = 500.0
"""No loss is e^500 times another one: a steep law that says so far from the centre is out of the
question, but its infinity, drifted, would be NaN."""

TOKENS_PER_PARAM = "tokens_per_param"

UNDERTRAINED = 1.5
"""Spreads below the centre's tokens per parameter at which the excess is stated."""

UNDERTRAINING = Coordinate(
    "undertraining", "log", *population.UNDERTRAINING, "log loss",
    "excess log loss of runs on few tokens per parameter, 1.5 spreads below the centre",
)  # fmt: skip
UNDERTRAINING_RATE = Coordinate(
    "undertraining_rate", "log", *population.UNDERTRAINING_RATE, "1",
    "how fast the excess grows towards fewer tokens per parameter",
)  # fmt: skip


def spread_of(law: Law, runs: Runs) -> dict[str, float]:
    """Return the discrepancy's units of distance, standard deviations over the runs, by name.

    With fewer runs than coordinates, the unit of loss puts the first knot at the farthest run:
    a surface through all runs leaves the steps their prior.
    """
    scattered = {name: q.on_scale(runs[name]) for name, q in law.quantities.items()}
    scattered["loss"] = np.log(runs.loss)
    if undertrains(law):
        scattered[TOKENS_PER_PARAM] = np.log(runs.tokens / runs.params)
    spread = {name: float(np.std(values)) for name, values in scattered.items()}
    if len(runs) < len(law.coordinates) + len(DISCREPANCIES["drift"].coordinates(law)):
        farthest = np.abs(scattered["loss"] - np.mean(scattered["loss"])).max()
        spread["loss"] = float(farthest / LOSS_KNOTS[0])
    return {name: max(value, LEAST_SPREAD.get(name, LEAST)) for name, value in spread.items()}


class Discrepancy:
    """No discrepancy: the law is exact.

    ``moves_optimum`` is true if the compute-optimal split is not that of the law.
    """

    name: str = "none"
    moves_optimum: bool = False

    def coordinates(self, law: Law) -> tuple[Coordinate, ...]:
        """Return what is sampled besides the coordinates of law and noise."""
        return ()

    def log_loss(
        self, law: Law, c: Mapping[str, Any], x: Mapping[str, Any], spread: Mapping[str, Any],
        xp: Any,
    ) -> Any:  # fmt: skip
        """Return the surface's log loss relative to the reference, at values that broadcast."""
        return law.log_loss(c, x, xp)


class Drift(Discrepancy):
    """Slopes follow a random walk away from the centre; under-trained runs are worse."""

    name = "drift"
    moves_optimum = True

    def coordinates(self, law: Law) -> tuple[Coordinate, ...]:
        steps = [
            Coordinate(
                _step(direction, side, j), "identity", *_size(direction)[side], "log slope",
                f"step {j} of the log slope in {direction}, {side} the centre",
            )
            for direction in (*law.drifts, "loss")
            for side in ("above", "below")
            for j in range(1, len(_knots(direction)) + 1)
        ]  # fmt: skip
        return (*steps, UNDERTRAINING, UNDERTRAINING_RATE) if undertrains(law) else (*steps,)

    def log_loss(self, law, c, x, spread, xp):
        law, c, x = law.surface(c, x, xp)
        wandered = {
            name: spread[name] * _wander(name, v / spread[name], c, xp) if name in law.drifts else v
            for name, v in x.items()
        }
        # the slope of the log loss itself wanders, too; lower loss, as of larger runs, is above
        loss = spread["loss"]
        above = -xp.minimum(law.log_loss(c, wandered, xp), LOG_LOSS_MAX) / loss
        value = -loss * _wander("loss", above, c, xp)
        if not undertrains(law):
            return value
        ratio = (x["tokens"] - x["params"]) / spread[TOKENS_PER_PARAM]
        return value + _excess(ratio, c, xp) - _excess(0.0, c, xp)


def undertrains(law: Law) -> bool:
    """Return whether runs of the law can have too few tokens for their parameters."""
    return set(SPLIT) <= set(law.drifts)


def _knots(direction: str) -> tuple[float, ...]:
    return LOSS_KNOTS if direction == "loss" else INPUT_KNOTS


def _size(direction: str) -> Mapping[str, population.Normal]:
    return population.STEP_IN_LOSS if direction == "loss" else population.STEP_IN_INPUT


def _step(direction: str, side: str, j: int) -> str:
    return f"drift_{direction}_{side}_{j}"


LOSS_STEPS = {
    _step("loss", side, j): sign * (felt - before)
    for side, sign in (("above", 1.0), ("below", -1.0))
    for j, (before, felt) in enumerate(pairwise((0.0, 1.0, 1.75)), start=1)
}
"""The steps in loss, with the distance from where the one before is felt to where it is, towards
lower loss, in units of the spread: between two knots, and a little beyond the last."""


def _wander(direction: str, t: Any, c: Mapping[str, Any], xp: Any) -> Any:
    """Return w(t): the local slope starts at 1 and takes a step at each knot, on both sides."""
    moved = t
    for side, sign in (("above", 1.0), ("below", -1.0)):
        walk, slope = 0.0, 1.0
        for j, knot in enumerate(_knots(direction), start=1):
            walk = walk + c[_step(direction, side, j)]
            steeper = xp.exp(walk)
            ramp = _ramp(sign * t - knot, xp) - _ramp(-knot, np)
            moved = moved + sign * (steeper - slope) * ramp
            slope = steeper
    return moved


def _excess(ratio: Any, c: Mapping[str, Any], xp: Any) -> Any:
    """Return the excess log loss of runs on few tokens per parameter."""
    ratio = ratio / (1 + (ratio / DRIFT_LEVEL) ** 2) ** 0.5 + UNDERTRAINED
    h = c["undertraining"] * xp.exp(-c["undertraining_rate"] * ratio)
    return h / (1 + h)


def excess_slope(size: Any, rate: Any, xp: Any) -> Any:
    """Return how steeply the excess falls at the centre, a spread of tokens per parameter."""
    h = size * xp.exp(-UNDERTRAINED * rate)
    return rate * h / (1 + h) ** 2


def _ramp(t: Any, xp: Any) -> Any:
    """Return a smooth max(t, 0)."""
    return 0.5 * (t + xp.sqrt(t * t + ROUNDING**2))


DISCREPANCIES: dict[str, Discrepancy] = {d.name: d for d in (Drift(), Discrepancy())}


def get_discrepancy(discrepancy: Any) -> Discrepancy:
    """Return a discrepancy by name; None is ``"none"``."""
    name = "none" if discrepancy is None else discrepancy
    if not isinstance(name, str):
        raise DomainError(
            f"discrepancy must be None or a name, one of {list(DISCREPANCIES)}, "
            f"not {discrepancy!r}."
        )
    return DISCREPANCIES[choice("discrepancy", name, DISCREPANCIES)]
