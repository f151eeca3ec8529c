"""What a model costs over its life, and budgets in money."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale._types import Array
from bayesscale.accounting.rules import FLOP_PER_PARAM_SERVED, Cost, counted
from bayesscale.errors import DomainError


@counted
@dataclass(frozen=True, kw_only=True)
class LifetimeCost:
    r"""Training a model and serving it: :math:`C(N, D) + 2 r N D_\mathrm{served}`.

    Parameters
    ----------
    tokens_served
        Tokens that the model will read or write in use, >= 0.
    serving_price
        Price r of a FLOP of serving, over that of a FLOP of training, > 0. Utilisation counts
        here: serving at a third of training's makes it 3.
    training
        What training costs, an object with ``flops(params, tokens)`` and ``tokens(params,
        flops)`` such as :class:`~bayesscale.PowerCost`; None counts as the fitted runs do.

    Notes
    -----
    At equal loss the elasticities of the loss balance as
    :math:`\epsilon_N / \epsilon_D = 1 + r D_\mathrm{served} / (3 D)` for 6ND: a smaller model is
    trained longer. Sardana et al. (2024), eq. 3, arXiv:2401.00448.

    Examples
    --------
    >>> import bayesscale as bs
    >>> cost = bs.LifetimeCost(tokens_served=2e12, training=bs.PowerCost())
    >>> float(cost.flops(7e9, 1e12))
    7e+22
    """

    tokens_served: float
    serving_price: float = 1.0
    training: Cost | None = None

    def __post_init__(self) -> None:
        if _arguments.number("tokens_served", self.tokens_served) < 0:
            raise DomainError(f"tokens_served must not be negative: {self.tokens_served!r}.")
        _arguments.likely(
            "serving_price", self.serving_price, 0.01, 1000, unit="over the price of training",
            slip="It is a ratio of prices of a FLOP, such as 3, not money or per cent.",
        )  # fmt: skip
        if self.training is not None and not is_cost(self.training):
            raise DomainError(
                "training must be a cost such as PowerCost(), "
                f"not {_arguments.shown(self.training)}."
            )
        if 0 < self.tokens_served < 1e6 or self.tokens_served > 1e20:
            raise DomainError(
                f"tokens_served must be 0, or from 1e6 to 1e20, not {self.tokens_served:g}: plain "
                "tokens over the model's life, so write 2e12 for 2 trillion, not 2."
            )

    @property
    def _serving(self) -> float:
        """FLOP of serving for each parameter, at the price of training."""
        return FLOP_PER_PARAM_SERVED * self.serving_price * self.tokens_served

    def _trained(self) -> Cost:
        if self.training is None:
            raise DomainError("This cost counts training as a fit's runs do: ask it of a fit.")
        return self.training

    def flops(self, params: ArrayLike, tokens: ArrayLike) -> Array:
        """Return FLOP of training and serving N parameters on D tokens, at training's price."""
        params, tokens = np.asarray(params, float), np.asarray(tokens, float)
        return self._trained().flops(params, tokens) + self._serving * params

    def tokens(self, params: ArrayLike, flops: ArrayLike) -> Array:
        """Return the tokens that a budget trains N parameters on; 0 if serving takes it all."""
        params = np.asarray(params, float)
        left = np.asarray(flops, float) - self._serving * params
        paid = self._trained().tokens(params, np.where(left > 0, left, 1.0))
        return np.where(left > 0, paid, 0.0)


def is_cost(value: object) -> bool:
    """Return whether a value counts FLOP and tokens."""
    return not isinstance(value, type) and all(
        callable(getattr(value, name, None)) for name in ("flops", "tokens")
    )


@counted
@dataclass(frozen=True)
class Money:
    """Budgets in money, for ``flops=``, converted to FLOP by the price of a FLOP of training.

    Parameters
    ----------
    per_flop
        Price of a FLOP of training, > 0: price of a device-hour over 3600 times the achieved FLOP
        per second.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Money([1e6, 1e7], per_flop=2 / 3600 / 4e14).flops.round(-20)
    array([7.2e+23, 7.2e+24])
    """

    amount: ArrayLike
    per_flop: float
    currency: str = "USD"

    def __post_init__(self) -> None:
        _arguments.positive_array("amount", self.amount, self.currency)
        _arguments.likely(
            "per_flop", self.per_flop, 1e-26, 1e-9, unit=f"{self.currency} a FLOP",
            slip="At 2 an hour and 4e14 FLOP per second it is 2 / 3600 / 4e14.",
        )  # fmt: skip
        _arguments.text("currency", self.currency)

    @property
    def amounts(self) -> Array:
        """The budgets in money, shape ``(budget,)``."""
        return _arguments.positive_array("amount", self.amount, self.currency)

    @property
    def flops(self) -> Array:
        """The budgets in FLOP, shape ``(budget,)``."""
        return self.amounts / self.per_flop
