"""What a run costs: C = κ N^p D^q."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.accounting import FLOP_PER_PARAM_AND_TOKEN
from bayesscale.errors import DomainError


@dataclass(frozen=True, slots=True)
class PowerCost:
    """Training cost as a power law, C = κ N^p D^q, in FLOP.

    Parameters
    ----------
    kappa
        Factor κ, FLOP per parameter^p and token^q, > 0.
    params_exponent, tokens_exponent
        Exponents p and q, > 0. The default is 6ND.

    Raises
    ------
    DomainError
        If one of the three is not positive and finite.

    Examples
    --------
    >>> from bayesscale.laws import PowerCost
    >>> float(PowerCost().flops(70e9, 1.4e12))
    5.88e+23
    """

    kappa: float = FLOP_PER_PARAM_AND_TOKEN
    params_exponent: float = 1.0
    tokens_exponent: float = 1.0

    def __post_init__(self) -> None:
        for name in ("kappa", "params_exponent", "tokens_exponent"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise DomainError(
                    f"A cost C = kappa N^p D^q needs a positive, finite {name}, not {value!r}. "
                    "The default, 6ND, is PowerCost()."
                )

    def flops(self, params: float | NDArray, tokens: float | NDArray) -> NDArray[np.float64]:
        """Return C in FLOP of N parameters and D tokens."""
        return np.asarray(
            self.kappa
            * np.power(np.asarray(params, float), self.params_exponent)
            * np.power(np.asarray(tokens, float), self.tokens_exponent)
        )

    def tokens(self, params: float | NDArray, flops: float | NDArray) -> NDArray[np.float64]:
        """Return the tokens D that C FLOP pay for at N parameters."""
        paid = np.asarray(flops, float) / (
            self.kappa * np.power(np.asarray(params, float), self.params_exponent)
        )
        return np.power(paid, 1.0 / self.tokens_exponent)
