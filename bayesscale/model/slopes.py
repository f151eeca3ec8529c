r"""Sample how steeply the loss falls at the centre of the runs, in place of exponents.

There, runs tell the slopes of log loss, such as :math:`(1 - e)\, p\, \alpha_N` in ln N with e the
irreducible share and p the share due to parameters, to a percent or so; the exponent is known only
as well as the shares are. So shares and exponents lie on a ridge that is narrow and curved, the
shape that NUTS is slow on, most of all where a discrepancy leaves the shares open. With

.. math:: \ln \text{slope} = \ln \alpha_N + \ln (1 - e) + \ln p

in the place of :math:`\ln \alpha_N` the ridge is straight. This is a shear: each exponent moves by
what depends on the shares alone, so its Jacobian is 1 and no density changes.

The same holds further out. A law whose loss cannot fall below e bends: at a log loss t below the
centre's, its slope is smaller by a factor whose log is about :math:`-t\, e / (1 - e)`. Runs tell
slopes there too, not how they come about, so that the steps of a drift in loss must make up for
whatever e does. Sampled is therefore the whole change of the log slope from one knot to the next,

.. math:: \xi_j' = \xi_j - (t_j - t_{j-1})\, \frac{e}{1 - e}

for steps towards lower loss, with the opposite sign on the other side: again a shear. Over nine
ladders with two seeds each it gave 2.4 times as many effective draws a gradient.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from bayesscale.laws.coordinates import Coordinate
from bayesscale.model.discrepancy import LOSS_STEPS

type Array = NDArray[np.float64]

FACTORS = {
    "alpha_N": (("irreducible_share", -1), ("param_share", 1)),
    "alpha_D": (("irreducible_share", -1), ("param_share", -1)),
    "alpha_C": (("irreducible_share", -1),),
}
"""What an exponent is multiplied by: a share (1), or what it leaves of the whole (-1)."""


@dataclass(frozen=True)
class Slopes:
    """The shear from exponents and steps to slopes, on the scale of the coordinates' links.

    ``factors`` has the index of each exponent, and the indices and signs of the shares that it is
    multiplied by; ``bends`` the index of each step in loss, that of the irreducible share, and how
    far the law bends from the knot before to this one, in units of ``loss_spread``.
    """

    factors: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]
    bends: tuple[tuple[int, int, float], ...]
    loss_spread: float

    @classmethod
    def of(
        cls, coordinates: Sequence[Coordinate], on_link: Sequence[bool], loss_spread: float
    ) -> "Slopes":
        """Find exponents, steps and shares among coordinates that are sampled on their links."""
        identity, log, logit = (
            {k.name: i for i, k in enumerate(coordinates) if k.link == link and on_link[i]}
            for link in ("identity", "log", "logit")
        )
        factors = tuple(
            (log[name], tuple((logit[share], sign) for share, sign in shares if share in logit))
            for name, shares in FACTORS.items()
            if name in log
        )
        bends = tuple(
            (identity[name], logit["irreducible_share"], distance)
            for name, distance in LOSS_STEPS.items()
            if name in identity and "irreducible_share" in logit
        )
        return cls(factors, bends, loss_spread)

    def of_exponents(self, u: Array) -> Array:
        """Return slopes in the place of exponents; shape ``(..., coordinate)``, all logs."""
        return self._moved(u, 1)

    def to_exponents(self, u: Array) -> Array:
        """Undo :meth:`of_exponents`."""
        return self._moved(u, -1)

    def exponents_of(self, u: Sequence[Any], loss_spread: Any, xp: Any) -> list[Any]:
        """Do what :meth:`to_exponents` does, for scalars that ``xp`` has ``softplus`` and ``exp``
        of; ``loss_spread`` is data there.
        """  # noqa: D205
        result = list(u)
        for exponent, shares in self.factors:
            for share, sign in shares:
                result[exponent] = result[exponent] + xp.softplus(-sign * u[share])
        for step, share, distance in self.bends:
            result[step] = result[step] + distance * loss_spread * xp.exp(u[share])
        return result

    def _moved(self, u: Array, direction: int) -> Array:
        result = np.array(u, dtype=float)
        for exponent, shares in self.factors:
            for share, sign in shares:
                result[..., exponent] += direction * log_expit(sign * u[..., share])
        for step, share, distance in self.bends:
            result[..., step] -= direction * distance * self.loss_spread * np.exp(u[..., share])
        return result
