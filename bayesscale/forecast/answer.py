"""What every question returns, and how questions are put: tables for people, draws for maths."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._arguments import positive_array
from bayesscale._format import list_some
from bayesscale._sections import Severity, Told, words, worst
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.errors import DomainError
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.laws import Law
from bayesscale.quantities import Quantity, ShownLoss
from bayesscale.runs import LossScale


@dataclass(frozen=True, repr=False)
class Answer(Told):
    """The posterior of what was asked.

    Parameters
    ----------
    summary
        One row a target, unrounded.
    draws
        The same quantities by draw, with units.
    ci_prob
        Probability of the equal-tailed intervals.
    of
        The fit, or the average of fits, that answers.
    sensitivity
        Whether the runs or the priors decide the answer, or None where that is not asked.
    unit
        What losses are told in; by default the unit of the runs' source.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float
    of: Fit | Average | None = None
    sensitivity: CheckResult | None = None
    unit: ShownLoss | None = None

    def in_unit(self, unit: ShownLoss | None) -> Self:
        """Return the same answer, which tells losses in another unit.

        ``summary`` and ``draws`` stay in nats/token.

        Parameters
        ----------
        unit
            ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or ``"perplexity"``; None for that
            of the runs' source.

        Returns
        -------
        Answer
            Of the same kind.

        Raises
        ------
        UnknownNameError
            If there is no such unit.
        DomainError
            If bytes are wanted, but how many make a token is not known.

        Examples
        --------
        >>> bs.allocate(fit, flops=1e21).in_unit("perplexity")    # doctest: +SKIP
        """
        told = replace(self, unit=unit)
        told.scale  # noqa: B018 - refuses what the runs cannot be shown in
        return told

    @property
    def scale(self) -> LossScale:
        """The unit that losses are told in."""
        if self.of is None:
            return LossScale("nats/token", 1.0)
        return LossScale.of(self.of.runs, self.unit)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of whoever answers; what the answer owes to priors stands for what else does."""
        of = () if self.of is None else self.of.checks
        if self.sensitivity is None:
            return of
        other = (check for check in of if not check.name.startswith(self.sensitivity.name))
        return (*other, self.sensitivity)

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        return worst(check.severity for check in self.checks)

    @property
    def text(self) -> str:
        """The answer's sentences, without its table."""
        return words(self.sections())


def stated(
    law: Law, values: Mapping[str, ArrayLike | None], *, wanted: Any, asked: str = "",
    single: bool = False,
) -> dict[str, Array]:  # fmt: skip
    """Return inputs of a law that a caller gave, each of shape ``(target,)``; None is not given.

    Exactly the ``wanted`` ones must be there, besides the one that is ``asked`` for, each within
    its quantity's domain and, if so said, a single value.
    """
    names, wanted = [name for name, value in values.items() if value is not None], list(wanted)
    if asked:
        names, wanted = [*names, asked], list(law.quantities)
    if set(names) != set(wanted):
        every = set(wanted) == set(law.quantities)
        needs = f"{'predicts from' if every else 'needs to be told'} {' and '.join(wanted)}"
        raise DomainError(
            f"The law {law.name!r} {needs if wanted else 'takes no further inputs here'}, but got "
            f"{' and '.join(names) or 'nothing'}."
        )
    read = {name: _admitted(law.quantities[name], values[name]) for name in wanted if name != asked}
    for name, array in read.items():
        if single and array.size != 1:
            raise DomainError(f"{name} must be one number here, but got {array.size}.")
    return read


def _admitted(q: Quantity, values: Any) -> Array:
    if q.scale == "log":
        return positive_array(q.name, values, q.unit)
    try:
        array = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    outside = ~q.admits(array)
    if array.ndim != 1 or array.size == 0 or outside.any():
        raise DomainError(
            f"{q.name} must be one number or a list of numbers {q.domain} ({q.unit}), but got "
            f"{list_some(np.ravel(array)[np.ravel(outside)]) or values!r}."
        )
    return array


def alike(inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Repeat single values so that all inputs have one length."""
    try:
        return dict(zip(inputs, np.broadcast_arrays(*inputs.values()), strict=True))
    except ValueError:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in inputs.items())
        raise DomainError(f"Targets must be equally many, but got: {lengths}.") from None


def summary_columns(name: str, draws: Array, ci_prob: float) -> dict[str, Array]:
    """Return ``name``, ``name_lower`` and ``name_upper``: median and interval by target, of draws
    of shape ``(chain, draw, target)``. Draws that are NaN have no answer, and are left out.
    """  # noqa: D205
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        quantiles = quantile(draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1))
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))


def target_frame(name: str, columns: Mapping[str, Any], index: Array | None = None) -> pd.DataFrame:
    """Return a table with one row a target."""
    frame = pd.DataFrame(dict(columns), index=index)
    frame.index.name = name
    return frame
