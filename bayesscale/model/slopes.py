r"""Sample how steeply the loss falls at the centre of the runs, in place of exponents.

There, runs tell the slopes of log loss, such as :math:`(1 - e)\, p\, \alpha_N` in ln N with e the
irreducible share and p the share due to parameters, to a percent or so; the exponent is known only
as well as the shares are. So shares and exponents lie on a ridge that is narrow and curved, the
shape that NUTS is slow on, most of all where a discrepancy leaves the shares open. With

.. math:: \ln \text{slope} = \ln \alpha_N + \ln (1 - e) + \ln p

in the place of :math:`\ln \alpha_N` the ridge is straight. This is a shear: each exponent moves by
what depends on the shares alone, so its Jacobian is 1 and no density changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

from bayesscale.laws.coordinates import Coordinate

type Array = NDArray[np.float64]

FACTORS = {
    "alpha_N": (("irreducible_share", -1), ("param_share", 1)),
    "alpha_D": (("irreducible_share", -1), ("param_share", -1)),
    "alpha_C": (("irreducible_share", -1),),
}
"""What an exponent is multiplied by: a share (1), or what it leaves of the whole (-1)."""


@dataclass(frozen=True)
class Slopes:
    """The shear from exponents to slopes, on the scale of the coordinates' links: the index of each
    exponent, and the indices and signs of the shares that it is multiplied by.
    """  # noqa: D205

    factors: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]

    @classmethod
    def of(cls, coordinates: Sequence[Coordinate], on_link: Sequence[bool]) -> "Slopes":
        """Find the exponents and shares among coordinates that are sampled on their links."""
        log, logit = (
            {k.name: i for i, k in enumerate(coordinates) if k.link == link and on_link[i]}
            for link in ("log", "logit")
        )
        return cls(
            tuple(
                (log[name], tuple((logit[share], sign) for share, sign in shares if share in logit))
                for name, shares in FACTORS.items()
                if name in log
            )
        )

    def of_exponents(self, u: Array) -> Array:
        """Return slopes in the place of exponents; shape ``(..., coordinate)``, all logs."""
        return self._moved(u, 1)

    def to_exponents(self, u: Array) -> Array:
        """Undo :meth:`of_exponents`."""
        return self._moved(u, -1)

    def exponents_of(self, u: Sequence[Any], softplus: Any) -> list[Any]:
        """Do what :meth:`to_exponents` does, for scalars of PyTensor."""
        result = list(u)
        for exponent, shares in self.factors:
            for share, sign in shares:
                result[exponent] = result[exponent] + softplus(-sign * u[share])
        return result

    def _moved(self, u: Array, direction: int) -> Array:
        result = np.array(u, dtype=float)
        for exponent, shares in self.factors:
            for share, sign in shares:
                result[..., exponent] += direction * log_expit(sign * u[..., share])
        return result
