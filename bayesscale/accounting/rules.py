"""How compute is counted: FLOP for each parameter and token, and what a cost has to know."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bayesscale import _arguments
from bayesscale._documented import documented
from bayesscale._types import Array

FLOP_PER_PARAM_AND_TOKEN = 6.0
"""The 6 in 6ND: forward 2, backward 4, a multiplication and an addition for each weight. Kaplan et
al. (2020), section 2.1, arXiv:2001.08361."""

FLOP_PER_PARAM_SERVED = 2.0
"""A forward pass alone: what a token costs that a trained model reads or writes. Sardana et al.
(2024), arXiv:2401.00448."""

counted = documented(
    {
        "amount": "Budgets, > 0, one number or several.",
        "currency": "What prices and budgets are in.",
        "vocab": "Tokens in the vocabulary V, > 0.",
        "context": "Positions T that a token of training attends over at most, > 0.",
        "tied": "Whether the output head is the embedding table.",
    },
    sections={
        "Raises": """DomainError
    If a number is outside its domain, or an argument is of another kind.
UnknownNameError
    If there is no count of a name."""
    },
)
"""Completes the docstring of what counts parameters, FLOP or money."""


class Cost(Protocol):
    """What a training run costs, in FLOP, rising in parameters and tokens."""

    def flops(self, params: Any, tokens: Any) -> Array:
        """Return the FLOP of N parameters and D tokens, arrays that broadcast."""
        ...

    def tokens(self, params: Any, flops: Any) -> Array:
        """Return the tokens that a budget pays for at N parameters: 0 where it pays for none."""
        ...


@counted
@dataclass(frozen=True, slots=True)
class PowerCost:
    """Training cost as a power law, C = κ N^p D^q, in FLOP.

    Parameters
    ----------
    kappa
        Factor κ, FLOP per parameter^p and token^q, > 0.
    params_exponent, tokens_exponent
        Exponents p and q, > 0. The default is 6ND.

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
            _arguments.number(name, getattr(self, name), above=0)

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
