"""The terms of a purchase: cost, limits on sizes, repeated data, how N is counted, inputs."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self, cast

import numpy as np

from bayesscale import _arguments
from bayesscale._types import Array
from bayesscale.accounting import Cost, Counting, LifetimeCost, PowerCost, is_cost
from bayesscale.errors import PACKAGE, DomainError, RunsWarning
from bayesscale.forecast.search import find_roots
from bayesscale.laws import Law
from bayesscale.model import Posterior, evenly
from bayesscale.quantities import UNIQUE_TOKENS
from bayesscale.runs import Runs

type FlopCount = Callable[..., Array]
"""A user's own cost: FLOP of N parameters (array) trained on D tokens (array), elementwise; and of
further inputs of the law that it takes by keyword."""

TRIED = 1e12
"""A user's cost is tried within this factor of the runs' sizes."""

SPREAD_MAX = 1.2
"""Runs whose FLOP per parameter and token differ by more than this are no power law 6ND."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Sizes that a run may have, whatever its budget.

    Parameters
    ----------
    params_min, params_max
        Least and most parameters N, > 0; None for no limit.
    tokens_max
        Most tokens D, > 0, such as all available tokens if none may be repeated; any remaining
        budget is not spent.

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
                _arguments.likely(
                    name, value, 1.0, 1e20, unit="a plain count", slip="Write 7e9 for 7 billion."
                )
        least, most = self.params_min, self.params_max
        if least is not None and most is not None and least > most:
            raise DomainError(f"params_min={least:g} is above params_max={most:g}.")

    @classmethod
    def memory(cls, capacity: float, *, bytes_per_param: float = 2.0) -> Self:
        """Limit N by the bytes that hold the weights, > 0, 2 a parameter in 16 bits."""
        room = _arguments.number("capacity", capacity, above=0)
        return cls(params_max=room / _arguments.number("bytes_per_param", bytes_per_param, above=0))


@dataclass(frozen=True, kw_only=True)
class Repetition:
    r"""Limited data, repeated for several epochs.

    Parameters
    ----------
    unique_tokens
        Available unique tokens U, > 0.
    token_decay, param_decay
        Repetitions after which another one has 1/e of the value of new tokens, :math:`R_D^*`, and
        likewise for excess parameters, :math:`R_N^*`, > 0. The defaults are those of the paper.
    params_per_token
        Parameters that U tokens are best used with, over U, > 0: more are in excess.
    draws
        Draws of both decays, as :meth:`of` makes them.

    Raises
    ------
    DomainError
        If a number is not positive and finite.

    Notes
    -----
    The law is evaluated at the effective tokens and parameters

    .. math:: D' = U_D \left[1 + R_D^* (1 - e^{-R_D / R_D^*})\right], \qquad
              N' = U_N \left[1 + R_N^* (1 - e^{-R_N / R_N^*})\right]

    with :math:`U_D = \min(U, D)`, :math:`R_D = D / U_D - 1`, :math:`U_N = \min(N,
    \mathrm{params\_per\_token} \cdot U)` and :math:`R_N = N / U_N - 1`. Muennighoff et al. (2023),
    section 3, arXiv:2305.16264. In the paper U_N is proportional to U_D rather than U; here a run
    without repetition is predicted as the fit does with plentiful data.

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
    draws: tuple[tuple[float, float], ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, fit: Any, *, unique_tokens: float) -> Self:
        """Take the decays of a fit of the law ``"muennighoff"`` with their uncertainty."""
        decays = ("token_decay", "param_decay")
        if not set(decays) <= {k.name for k in fit.law.coordinates}:
            raise DomainError(
                f"Repetition takes the two decays of the law 'muennighoff', but {fit.law.name!r} "
                "has other parameters. Use that fit itself, with unique_tokens as an input."
            )
        draws = np.stack([np.ravel(fit.posterior.c[name]) for name in decays], axis=1)
        medians = dict(zip(decays, np.median(draws, axis=0).tolist(), strict=True))
        return cls(unique_tokens=unique_tokens, draws=tuple(map(tuple, draws.tolist())), **medians)

    def decays(self, n: int) -> tuple[Array, Array]:
        """Return both decays for n draws, shape ``(n or 1, 1)``: draws of them in random order."""
        pairs = self.draws or ((self.token_decay, self.param_decay),)
        n = n if self.draws else 1
        chosen = np.random.default_rng(0).permutation(evenly(n, len(pairs)))
        token_decay, param_decay = np.array(pairs)[chosen].T[..., None]
        return token_decay, param_decay

    def __post_init__(self) -> None:
        _arguments.likely(
            "unique_tokens", self.unique_tokens, 1.0, 1e20, unit="a plain count",
            slip="Write 1e9 for a billion.",
        )  # fmt: skip
        for name in ("token_decay", "param_decay", "params_per_token"):
            _arguments.number(name, getattr(self, name), above=0)

    def worth_tokens(self, tokens: Array | float) -> Array:
        """Return the new tokens that D tokens are worth, same shape."""
        return _worth(tokens, self.unique_tokens, self.token_decay)


def _worth(size: Array | float, plenty: float, decay: Array | float) -> Array:
    used = np.minimum(plenty, size)
    again = np.asarray(size, float) / used - 1
    return used * (1 - decay * np.expm1(-again / decay))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """All assumptions about cost, limits and data; one argument of every function of budgets.

    Parameters
    ----------
    cost
        What a run costs: a :class:`~bayesscale.PowerCost` C = κ N^p D^q, a
        :class:`~bayesscale.LifetimeCost` that counts serving too, or a custom function
        ``cost(params, tokens) -> FLOP`` of arrays, increasing in both; ``cost(params, tokens, *,
        experts)`` prices a further input of the law. None counts as the runs do: 6ND, or their own
        compute column's median FLOP per parameter and token.
    limits
        Sizes that a run may have.
    repetition
        The unique data, where tokens have to be repeated; None for unlimited data.
    counting
        How parameters are counted in arguments and results; None as in the runs.
    given
        Inputs of the law that no budget is divided between, by name, such as ``{"experts": 8}``:
        for every call with these terms. Functions that take ``**inputs`` may override them.
    within
        Losses within this share of the best count as equally good, > 0.

    Raises
    ------
    DomainError
        If a term is of another kind, or ``within`` is not positive and finite.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.Terms(limits=bs.Limits(params_max=7e9)).limits.params_max
    7000000000.0
    """

    cost: Cost | FlopCount | None = None
    limits: Limits = Limits()
    repetition: Repetition | None = None
    counting: Counting | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    within: float = 0.001

    def __post_init__(self) -> None:
        kinds = {"limits": Limits, "repetition": Repetition, "counting": Counting}
        for name, kind in kinds.items():
            value = getattr(self, name)
            if not isinstance(value, kind) and (value is not None or name == "limits"):
                raise DomainError(
                    f"{name} must be {kind.__name__}, such as bs.{kind.__name__}(...), not "
                    f"{_arguments.shown(value)}."
                )
        if not isinstance(self.given, Mapping):
            raise DomainError(
                "given must be inputs by name, such as {'experts': 8}, not "
                f"{_arguments.shown(self.given)}."
            )
        if _arguments.number("within", self.within, above=0) >= 1:
            raise DomainError(
                f"within must be a share of the loss, above 0 and below 1, not {self.within:g}. "
                "Write 0.001 for 0.1 %."
            )

    @classmethod
    def of(
        cls, terms: Terms | None, runs: Runs, *, spends: bool = True, law: Law | None = None
    ) -> Terms:
        """Check terms, None being the defaults, against the runs of a fit, and complete their cost.

        ``spends``: a budget is split, so that it matters how well the runs' own cost fits.
        """
        if terms is None:
            terms = cls()
        if not isinstance(terms, Terms):
            raise DomainError(
                f"terms must be bs.Terms(...), such as bs.Terms(cost=bs.PowerCost()), not "
                f"{_arguments.shown(terms)}."
            )
        if terms.repetition is not None and law and UNIQUE_TOKENS.name in law.quantities:
            raise DomainError(
                f"The law {law.name!r} takes unique tokens itself, so that Repetition would count "
                "repeated data twice. Give them as an input: unique_tokens=1e9, or "
                "terms=bs.Terms(given={'unique_tokens': 1e9}) (on the command line --given "
                "unique_tokens=1e9)."
            )
        counting = terms.counting
        if counting is not None and runs.param_count not in ("total", "non_embedding"):
            raise DomainError(
                f"The runs count parameters as {runs.param_count!r}, which cannot be converted to "
                f"{counting.params!r}. Read them with param_count='total' or 'non_embedding'."
            )
        if counting is not None and counting.params == runs.param_count:
            counting = None  # as the runs do
        quiet = terms.cost is None and not spends
        cost = runs_cost(runs) if quiet else checked_cost(terms.cost, runs, law)
        return replace(terms, cost=cost, counting=counting)

    @property
    def compute(self) -> Cost:
        """The cost, once checked."""
        return cast(Cost, self.cost)

    def cost_at(self, given: Mapping[str, Array]) -> Cost:
        """Return the cost at the law's further inputs, arrays that broadcast with sizes."""
        return self.cost.at(given) if isinstance(self.cost, OwnCost) else self.compute

    @property
    def free(self) -> bool:
        """Whether there are only inputs and a tolerance: all that a law without a split takes."""
        return replace(self, given={}, within=Terms.within) == Terms()

    @property
    def plain(self) -> bool:
        """Whether sizes are what the law takes, without limits."""
        return self.limits == Limits() and self.counting is None and self.repetition is None

    def own(self, posterior: Posterior) -> tuple[Array, Array, Array]:
        """Return ω and the two decays of repetition for every draw, shape ``(draw or 1, 1)``."""
        omega = decays = np.full((1, 1), np.nan)
        if self.counting is not None:
            omega = self.counting.share.draws(len(posterior))
        if self.repetition is None:
            return omega, decays, decays
        return omega, *self.repetition.decays(len(posterior))

    def of_law(self, params: Array, tokens: Array, draws: tuple[Array, ...]) -> tuple[Array, Array]:
        """Return the parameters and tokens to evaluate the law at; arrays broadcast."""
        omega, token_decay, param_decay = draws
        if self.counting is not None:
            params = self.counting.to_other(params, omega)
        if (data := self.repetition) is not None:
            params = _worth(params, data.params_per_token * data.unique_tokens, param_decay)
            tokens = _worth(tokens, data.unique_tokens, token_decay)
        return params, tokens

    def in_words(self) -> list[str]:
        """Describe what was assumed, a sentence each."""
        sentences = cost_in_words(self.compute)
        if self.counting is not None:
            share = self.counting.share
            spread = f" (1 ± {share.scale:.2g})" if share.scale else ""
            sentences.append(
                f"Parameters and compute are counted as {self.counting.params!r}, while the runs "
                f"count {self.counting.other!r}: converted by N_T = N + ω N^(1/3) with ω = "
                f"{share.omega:.6g}{spread}."
            )
        if (data := self.repetition) is not None:
            sentences.append(
                f"There are {data.unique_tokens:.3g} unique tokens; repeated ones lose their value "
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
        return [*sentences, *([f"Limits: {', '.join(limits)}."] if limits else [])]


def runs_cost(runs: Runs) -> PowerCost:
    """Return the cost that counts compute as the runs do: 6ND, scaled to their own count."""
    rule = PowerCost()
    if runs.flop_rule == "6ND" or not all(name in runs for name in ("params", "tokens", "flops")):
        return rule
    ratio = runs.flops / rule.flops(runs.params, runs.tokens)
    return PowerCost(kappa=rule.kappa * float(np.median(ratio)))


def _warn_if_not_a_power(runs: Runs) -> None:
    """Warn where FLOP per parameter and token vary by more than a fifth over the runs."""
    per_token = runs.flops / (runs.params * runs.tokens)
    least, most = np.quantile(per_token, [0.05, 0.95])
    if runs.flop_rule != "6ND" and most > SPREAD_MAX * least:
        warnings.warn(
            f"The runs' compute is between {least:.3g} and {most:.3g} FLOP per parameter and token "
            f"(6ND would be 6); budgets are split with their median. Pass cost=PowerCost(...) or "
            "a function cost(params, tokens) that counts as the runs do.",
            RunsWarning,
            skip_file_prefixes=(PACKAGE,),
        )


def checked_cost(cost: Cost | FlopCount | None, runs: Runs, law: Law | None = None) -> Cost:
    """Return the cost to use, None being the runs' own rule, after trying a user's function."""
    if cost is None or (isinstance(cost, LifetimeCost) and cost.training is None):
        _warn_if_not_a_power(runs)
        training = runs_cost(runs)
        return training if cost is None else replace(cost, training=training)
    if is_cost(cost):
        return cast(Cost, cost)
    if isinstance(cost, type) or not callable(cost):
        raise DomainError(
            "cost must be a PowerCost or another cost of bayesscale, or a function of (params, "
            f"tokens) in FLOP, not {cost!r}."
        )
    taken = _further_inputs(cost)
    further = tuple(k for k in taken if k in runs and (law is None or k in law.given))
    if foreign := [k for k, optional in taken.items() if not optional and k not in further]:
        raise DomainError(
            f"Your cost function takes {', '.join(foreign)}, which the law does not. It may take "
            f"{', '.join(law.given) if law and law.given else 'no further inputs'}."
        )
    around = np.geomspace(1 / TRIED, TRIED, 97)
    n, d = np.meshgrid(np.median(runs.params) * around, np.median(runs.tokens) * around)
    own = OwnCost(cost, float(np.median(runs.tokens)), further)
    try:
        tried = own.at({name: runs[name][:1] for name in further})
        value = np.asarray(tried.flops(n.ravel(), d.ravel()), dtype=float)
    except Exception as error:
        raise DomainError(
            f"Your cost function fails on arrays of parameters and tokens: {error!r}. It is called "
            "as cost(params, tokens), or cost(params, tokens, *, experts) for a further input, "
            "with NumPy arrays of one shape and returns FLOP."
        ) from error
    if value.shape != (n.size,) or not (np.isfinite(value).all() and (value > 0).all()):
        raise DomainError(
            "Your cost function must return positive, finite FLOP, elementwise, but gave "
            f"{value!r} for parameters and tokens within a factor {TRIED:.0e} of the runs'."
        )
    value = value.reshape(n.shape)
    for what, axis in (("parameters", 1), ("tokens", 0)):
        if not (np.diff(value, axis=axis) > 0).all():
            i, j = np.argwhere(~(np.diff(value, axis=axis) > 0))[0]
            raise DomainError(
                f"Your cost function must rise in both parameters and tokens, but more {what} than "
                f"N = {n[i, j]:.3g}, D = {d[i, j]:.3g} do not cost more: {value[i, j]:.6g} FLOP. "
                "Where a cost has steps or falls, no budget has one best split."
            )
    return own


def _further_inputs(cost: FlopCount) -> dict[str, bool]:
    """Return what a function takes beside parameters and tokens, and whether it may be left out."""
    try:
        further = list(inspect.signature(cost).parameters.values())[2:]
    except (TypeError, ValueError):  # written in C
        return {}
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {p.name: p.default is not p.empty for p in further if p.kind in by_name}


@dataclass(frozen=True)
class OwnCost:
    """A user's function with its inverse, which is solved for, at values of ``further`` inputs."""

    function: FlopCount
    centre: float
    further: tuple[str, ...] = ()
    given: Mapping[str, Array] = field(default_factory=dict)

    def at(self, given: Mapping[str, Array]) -> OwnCost:
        """Return the cost at values of the further inputs."""
        return replace(self, given={name: given[name] for name in self.further})

    def flops(self, params: Array, tokens: Array) -> Array:
        """Return FLOP of counts, arrays that broadcast."""
        params, tokens, *values = np.broadcast_arrays(params, tokens, *self.given.values())
        return self.function(params, tokens, **dict(zip(self.given, values, strict=True)))

    def tokens(self, params: Array, flops: Array) -> Array:
        """Return the tokens that a budget pays for; 0 where a size costs more untrained."""
        params, flops, *values = np.broadcast_arrays(params, flops, *self.given.values())

        def short(y: Array, params: Array, flops: Array, place: Array) -> Array:
            at = (each.ravel()[place.astype(int)] for each in values)
            here = self.at(dict(zip(self.given, at, strict=True)))
            return np.log(here.flops(params, self.centre * np.exp(y))) - np.log(flops)

        place = np.arange(params.size, dtype=float).reshape(params.shape)
        args = (np.asarray(params, float), np.asarray(flops, float), place)
        return self.centre * np.exp(find_roots(short, args, "tokens", missing=-np.inf))


def cost_in_words(cost: Cost) -> list[str]:
    """Describe how compute is counted, a sentence or two."""
    match cost:
        case PowerCost(kappa, p, q):
            powers = "".join(
                f" × {name}{'' if power == 1 else f'^{power:.3g}'}"
                for name, power in (("N", p), ("D", q))
            )
            return [f"Compute is counted as {kappa:.4g}{powers}."]
        case LifetimeCost():
            price = (
                "" if cost.serving_price == 1 else f" at {cost.serving_price:.3g} times the price"
            )
            return [
                f"Budgets pay for training and for {cost.tokens_served:.3g} tokens served, at 2 "
                f"FLOP per parameter{price}.",
                *(cost_in_words(cost.training) if cost.training else []),
            ]
    return ["Compute is counted by a custom function."]
