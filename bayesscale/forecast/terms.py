"""The terms of a purchase besides its cost: limits on sizes, repeated data, how N is counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from bayesscale import _arguments
from bayesscale._types import Array
from bayesscale.accounting import Counting
from bayesscale.errors import DomainError
from bayesscale.model import Posterior
from bayesscale.runs import Runs


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes that a run may have, whatever its budget.

    Parameters
    ----------
    params_min, params_max
        Least and most parameters N, > 0; None for no limit.
    tokens_max
        Most tokens D, > 0, such as all there are where none may be repeated; what a budget has
        left over is not spent.

    Raises
    ------
    DomainError
        If a limit is not positive and finite, or the least is above the most.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Limits.memory(80e9, bytes_per_param=2).params_max
    40000000000.0
    """

    params_min: float | None = None
    params_max: float | None = None
    tokens_max: float | None = None

    def __post_init__(self) -> None:
        for name in ("params_min", "params_max", "tokens_max"):
            if (value := getattr(self, name)) is not None:
                _arguments.number(name, value, above=0)
        least, most = self.params_min, self.params_max
        if least is not None and most is not None and least > most:
            raise DomainError(f"params_min={least:g} is above params_max={most:g}.")

    @classmethod
    def memory(cls, capacity: float, *, bytes_per_param: float = 2.0) -> Self:
        """Limit N by the memory that holds the weights.

        Parameters
        ----------
        capacity
            Bytes for weights, > 0.
        bytes_per_param
            Bytes a parameter, > 0: 2 in 16 bits.

        Returns
        -------
        Limits
            ``params_max`` = capacity / bytes_per_param.

        Raises
        ------
        DomainError
            If a number is not positive and finite.
        """
        room = _arguments.number("capacity", capacity, above=0)
        return cls(params_max=room / _arguments.number("bytes_per_param", bytes_per_param, above=0))

    @classmethod
    def latency(
        cls, seconds_per_token: float, *, bytes_per_second: float, bytes_per_param: float = 2.0
    ) -> Self:
        """Limit N by the time to write a token, which reads every weight once.

        Parameters
        ----------
        seconds_per_token
            The longest time a token may take, s, > 0.
        bytes_per_second
            Memory bandwidth of all devices that hold the model together, > 0.
        bytes_per_param
            Bytes a parameter, > 0.

        Returns
        -------
        Limits
            ``params_max`` = seconds_per_token · bytes_per_second / bytes_per_param.

        Raises
        ------
        DomainError
            If a number is not positive and finite.
        """
        seconds = _arguments.number("seconds_per_token", seconds_per_token, above=0)
        rate = _arguments.number("bytes_per_second", bytes_per_second, above=0)
        return cls.memory(seconds * rate, bytes_per_param=bytes_per_param)


@dataclass(frozen=True, kw_only=True)
class Repetition:
    r"""Data of which there is only so much, read several times.

    Parameters
    ----------
    unique_tokens
        Tokens U that there are, > 0.
    token_decay, param_decay
        Repetitions after which another one is worth 1/e of new tokens, :math:`R_D^*`, and excess
        parameters likewise, :math:`R_N^*`, > 0. The defaults are those of the paper.
    params_per_token
        Parameters that U tokens are best used with, over U, > 0: more are in excess.

    Raises
    ------
    DomainError
        If a number is not positive and finite.

    Notes
    -----
    The law is asked at the tokens and parameters that are worth as much,

    .. math:: D' = U_D \left[1 + R_D^* (1 - e^{-R_D / R_D^*})\right], \qquad
              N' = U_N \left[1 + R_N^* (1 - e^{-R_N / R_N^*})\right]

    with :math:`U_D = \min(U, D)`, :math:`R_D = D / U_D - 1`,
    :math:`U_N = \min(N, \mathrm{params\_per\_token} \cdot U)` and :math:`R_N = N / U_N - 1`.
    Muennighoff et al. (2023), section 3, arXiv:2305.16264. In the paper U_N goes with U_D
    rather than U; here a run that repeats nothing is as the fit says while data are plenty.

    Examples
    --------
    >>> import bayesscale as bs
    >>> data = bs.Repetition(unique_tokens=1e9)
    >>> float(data.worth_tokens(4e9).round(-6))
    3726000000.0
    """

    unique_tokens: float
    token_decay: float = 15.387756
    param_decay: float = 5.309743
    params_per_token: float = 1 / 19.6

    def __post_init__(self) -> None:
        for name in ("unique_tokens", "token_decay", "param_decay", "params_per_token"):
            _arguments.number(name, getattr(self, name), above=0)

    def worth_tokens(self, tokens: Array | float) -> Array:
        """Return the new tokens that D tokens are worth, same shape."""
        return _worth(tokens, self.unique_tokens, self.token_decay)

    def worth_params(self, params: Array | float) -> Array:
        """Return the parameters that N are worth with so few data, same shape."""
        return _worth(params, self.params_per_token * self.unique_tokens, self.param_decay)


def _worth(size: Array | float, plenty: float, decay: float) -> Array:
    used = np.minimum(plenty, size)
    again = np.asarray(size, float) / used - 1
    return used * (1 - decay * np.expm1(-again / decay))


@dataclass(frozen=True)
class Terms:
    """What holds of every size that is asked about; ``fit_count`` is how the runs count N."""

    limits: Limits = Limits()
    repetition: Repetition | None = None
    counting: Counting | None = None
    fit_count: str = "total"

    @classmethod
    def of(
        cls, runs: Runs, *, limits: Limits | None = None, repetition: Repetition | None = None,
        counting: Counting | None = None,
    ) -> Terms:  # fmt: skip
        """Check terms against the runs."""
        for name, value, kind in (
            ("limits", limits, Limits),
            ("repetition", repetition, Repetition),
            ("counting", counting, Counting),
        ):
            if value is not None and not isinstance(value, kind):
                raise DomainError(
                    f"{name} must be {kind.__name__}, such as bs.{kind.__name__}(...), not "
                    f"{_arguments.shown(value)}."
                )
        if counting is not None and runs.param_count not in ("total", "non_embedding"):
            raise DomainError(
                f"The runs count parameters as {runs.param_count!r}, from which there is no way to "
                f"{counting.params!r}. Read them with param_count='total' or 'non_embedding'."
            )
        if counting is not None and counting.params == runs.param_count:
            counting = None  # as the runs do
        return cls(limits or Limits(), repetition, counting, runs.param_count)

    @property
    def plain(self) -> bool:
        """Whether sizes are what the law takes, without limits."""
        return self == Terms(fit_count=self.fit_count)

    def omega(self, posterior: Posterior) -> Array:
        """Return ω for every draw, shape ``(draw, 1)``; NaN if nothing is counted anew."""
        if self.counting is None:
            return np.full((1, 1), np.nan)
        return self.counting.share.draws(len(posterior))

    def of_law(self, params: Array, tokens: Array, omega: Array) -> tuple[Array, Array]:
        """Return the parameters and tokens to evaluate the law at; arrays broadcast."""
        if self.counting is not None:
            params = self.counting.to_count(params, self.fit_count, omega)
        if self.repetition is not None:
            params = self.repetition.worth_params(params)
            tokens = self.repetition.worth_tokens(tokens)
        return params, tokens

    def in_words(self) -> list[str]:
        """Say what was assumed, a sentence each."""
        said = []
        if self.counting is not None:
            share = self.counting.share
            spread = f" (1 ± {share.scale:.2g})" if share.scale else ""
            said.append(
                f"Parameters and compute are counted as {self.counting.params!r}, while the runs "
                f"count {self.fit_count!r}: translated by N_T = N + ω N^(1/3) with ω = "
                f"{share.omega:.6g}{spread}."
            )
        if (data := self.repetition) is not None:
            said.append(
                f"There are {data.unique_tokens:.3g} unique tokens; repeated ones lose their worth "
                f"over {data.token_decay:.3g} repetitions, excess parameters over "
                f"{data.param_decay:.3g} (Muennighoff et al. 2023)."
            )
        limits = [
            f"{name} at {word} {value:.3g}"
            for name, word, value in (
                ("parameters", "least", self.limits.params_min),
                ("parameters", "most", self.limits.params_max),
                ("tokens", "most", self.limits.tokens_max),
            )
            if value is not None
        ]
        return [*said, *([f"Limits: {', '.join(limits)}."] if limits else [])]
