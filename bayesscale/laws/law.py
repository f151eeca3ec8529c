"""What a scaling law is: one formula, its parameters, and its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, cast

from bayesscale._types import Array
from bayesscale.accounting import PowerCost
from bayesscale.laws.coordinates import Coordinate
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, Quantity, quantity

type Reference = Mapping[str, float]
"""The point that a fit's coordinates refer to: the centre of its runs, by name of quantity, and
their geometric-mean loss, ``"loss"``."""

SPLIT = (PARAMS.name, TOKENS.name)
"""What training compute pays for."""


class _Default:
    """A tuple of names that follows from a law's inputs, until a subclass states its own."""

    def __init__(self, names: Any) -> None:
        self._names = names

    def __get__(self, law: Law | None, kind: type[Law]) -> Any:
        return self if law is None else self._names(law)


def _default_drifts(law: Law) -> tuple[str, ...]:
    on_logs = tuple(name for name, q in law.quantities.items() if q.scale == "log")
    # with one input, its drift and that of the loss would be the same thing twice
    return law.split or (on_logs if len(on_logs) > 1 else ())


def _default_sizes(law: Law) -> tuple[str, ...]:
    # compute follows from parameters and tokens, which every run has
    return *SPLIT, *(name for name in law.quantities if name not in (*SPLIT, FLOPS.name))


class Law(ABC):
    """A scaling law. A subclass states its names once and writes its formula once.

    The same ``log_loss`` is sampled by NUTS (``xp`` is ``pytensor.tensor``), evaluated on
    posterior draws (``xp`` is ``numpy``) and tested in plain NumPy, so it may use operators and
    functions that both namespaces have (``exp``, ``log``, ``sqrt``, ...) and nothing else.

    Attributes
    ----------
    name
        Name by which ``fit(law=...)`` knows it.
    equation
        The published equation, in LaTeX.
    citation
        Where it comes from, with the equation's number.
    question
        What it is used for, in a few words.
    caveat
        What its intervals are known to miss: a caution of every fit and of what rests on it.
    inputs
        What the loss depends on: names of quantities (``"params"``, ``"tokens"``, ``"flops"``), or
        a custom :class:`~bayesscale.Quantity`.
    coordinates
        The quantities that are sampled, with their default priors.
    published_units
        Units of what :meth:`published` returns, in the order of the paper.
    split
        The inputs that a budget is divided between; by default parameters and tokens, if the law
        has both. The others are arguments of an allocation.
    references
        What inputs are measured from in place of the centre of the runs: a value, as in
        ``{"experts": 1.0}``, or another input, whose centre they take, as unique tokens of tokens.
    drifts
        The inputs in which the law's slopes may drift; by default those of ``split``.
    sizes
        Inputs that define replicates: runs that agree in these are replicates, and lack of fit is
        tested among neighbours in them; by default parameters, tokens and the law's other inputs.
    contains
        Laws that this one is at fixed values of its coordinates, such as
        ``{"chinchilla": {"k": 1.0}}``.

    Examples
    --------
    >>> import numpy as np
    >>> from bayesscale.laws import Law, LEVEL, SLOPE_D
    >>> class DataOnly(Law):
    ...     name = "data_only"
    ...     inputs = ("tokens",)
    ...     coordinates = (LEVEL, SLOPE_D)
    ...     def log_loss(self, c, x, xp):
    ...         return xp.log(c["level"]) - c["slope_D"] * x["tokens"]
    >>> float(DataOnly().log_loss({"level": 1.0, "slope_D": 0.5}, {"tokens": 2.0}, np))
    -1.0
    """

    name: str
    inputs: tuple[str | Quantity, ...]
    coordinates: tuple[Coordinate, ...]
    equation: str = ""
    citation: str = ""
    question: str = ""
    caveat: str = ""
    published_units: Mapping[str, str] = {}
    references: Mapping[str, float | str] = {}
    split: tuple[str, ...] = cast(
        Any, _Default(lambda law: SPLIT if {*SPLIT} <= {*law.quantities} else ())
    )
    drifts: tuple[str, ...] = cast(Any, _Default(_default_drifts))
    sizes: tuple[str, ...] = cast(Any, _Default(_default_sizes))
    contains: Mapping[str, Mapping[str, float]] = {}

    def caveats(self, runs: Any) -> tuple[str, ...]:
        """Return what fits of these runs (columns by name) cannot say: a caution each."""
        return (self.caveat,) if self.caveat else ()

    @property
    def quantities(self) -> dict[str, Quantity]:
        """The inputs by name."""
        return {q.name: q for q in map(quantity, self.inputs)}

    @property
    def splits_compute(self) -> bool:
        """Whether a budget is divided between parameters and tokens."""
        return set(self.split) == set(SPLIT)

    @property
    def given(self) -> tuple[str, ...]:
        """The inputs that no budget is divided between."""
        return tuple(name for name in self.quantities if name not in self.split)

    @abstractmethod
    def log_loss(self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
        """Return the log of the loss, relative to the reference loss.

        Parameters
        ----------
        c
            Value of every coordinate, by name; arrays broadcast against the inputs.
        x
            Every input by name, relative to the reference on the input's scale: for a positive
            quantity ``ln(input / reference input)``; of a label the number of its level, for
            :func:`by_label`.
        xp
            Namespace of mathematical functions, ``numpy`` or ``pytensor.tensor``.
        """

    def with_levels(self, levels: Mapping[str, tuple[str, ...]]) -> Law:
        """Return the law of labels that have these levels, by name of label."""
        if not levels:
            return self
        law = copy(self)
        law.inputs = tuple(
            replace(q, levels=q.levels or levels[q.name]) if q.name in levels else q
            for q in self.quantities.values()
        )
        return law

    def surface(
        self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any
    ) -> tuple[Law, Mapping[str, Any], Mapping[str, Any]]:
        """Return the law, coordinates and centred inputs that a discrepancy acts on."""
        return self, c, x

    def published(self, c: Mapping[str, Array], reference: Reference) -> dict[str, Array]:
        """Translate coordinates into the parameters that the paper names.

        Parameters
        ----------
        c
            Value of every coordinate, any shape.
        reference
            The reference point of the fit: ``reference["params"]``, ``reference["loss"]``, ...

        Returns
        -------
        dict
            The keys of ``published_units``; none unless the law says so.
        """
        return {}

    def optimum(self, c: Mapping[str, Array], x_flops: Array, cost: PowerCost) -> Optimum | None:
        """Return the compute-optimal split in closed form, or None where the law has none.

        Parameters
        ----------
        c
            Value of every coordinate, any shape that broadcasts with ``x_flops``.
        x_flops
            ``ln(C / C₀)``, where C₀ is the cost of the reference parameters and tokens.
        cost
            The cost C = κ N^p D^q.
        """
        return None


def by_label(label: Any, values: Sequence[Any], xp: Any) -> Any:
    """Return each run's level of ``values`` ``(level,)`` by ``label``, numbered from 0."""
    of_level = (v * xp.where(abs(label - i) < 0.5, 1.0, 0.0) for i, v in enumerate(values))
    return sum(of_level, start=0.0)


@dataclass(frozen=True, slots=True)
class Optimum:
    """A compute-optimal split, ``ln(N* / N₀)`` and ``ln(D* / D₀)``, with local exponents."""

    x_params: Array
    x_tokens: Array
    params_exponent: Array
    tokens_exponent: Array
