"""What every question returns, how questions are put, and how far they reach beyond the runs."""

import warnings
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale._arguments import interval_tails, positive_array, shown
from bayesscale._documented import documented
from bayesscale._format import list_some, write_share
from bayesscale._sections import Heading, Result, Section, Severity, findings, further, words, worst
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.errors import PACKAGE, DomainError, ExtrapolationWarning
from bayesscale.forecast.outside import check_outside
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit, in_words
from bayesscale.laws import SPLIT, Law
from bayesscale.quantities import FLOPS, QUANTITIES, LossScale, LossUnit, Quantity, quantity
from bayesscale.runs import LARGEST_LOSS

VALIDATED_REACH = 30.0
"""Largest ratio of compute to the largest run in the public hold-outs with scored intervals."""

STRANGE_REACH = 1000.0
"""A size this many times above the largest run's, or below the smallest one's, may be a slip."""

ARGUMENTS = {
    "fit": "A fitted law, or an average of several.",
    "loss": "Target losses of the law (without run noise), nats/token, > 0, shape ``(target,)``.",
    "terms": """Cost, limits, repeated data, counting of parameters, further inputs, tolerance; None
for the defaults of :class:`~bayesscale.Terms`, and for a law that splits no budget.""",
    "ci_prob": "Probability of the equal-tailed intervals, in (0, 1).",
    "random_seed": "Seed of the run noise in ``loss``; by default derived from the fit's.",
    "inputs": """Inputs of the law that no budget is divided between, by name, such as
``experts=8``: one value, or one per row of the result where it has several.""",
}
"""What arguments mean that many questions take."""

SECTIONS = {
    "Raises": """DomainError
    If an input of the law is missing or is not one of its inputs, an argument or a term is outside
    its domain, lengths differ, a target loss is worse than guessing among 256,000 tokens, or the
    law cannot answer: it has nothing to split, or no draw has a best split.""",
    "Warns": """RunsWarning
    If a budget is split, no cost is given and the runs' own compute is not proportional to ND.
ExtrapolationWarning
    If compute, or the law's only input, is more than 30 times that of the largest fitted run; if N
    or D lies more than 30 times outside the runs' range, D/N more than twice, or another input more
    than 1000 times; if the predicted loss is worse than guessing; if some draws have no optimum, or
    fewer than half reach a target. What concerns N, D and D/N is a caution in ``outside``, too.""",
}

FIELDS = {
    "draws": "The quantities with intervals by draw, with units; NaN without an answer.",
    "ci_prob": "Probability of the equal-tailed intervals.",
    "of": "The fit, or the average of fits, that answers.",
    "sensitivity": "Whether the runs or the priors decide the answer; None where not checked.",
    "unit": "Unit in which losses are shown; by default the unit of the runs' source.",
    "outside": "Which targets lie far outside the fitted runs, or None.",
    "within": "Losses within this share of the optimal loss are as good.",
    "assumed": "What the answer assumes, a sentence each.",
}
"""What fields mean that many answers have."""

described = documented(FIELDS)
"""Completes the docstring of a kind of answer."""

asks = documented(ARGUMENTS, sections=SECTIONS)
"""Completes the docstring of a function that puts a question to a fit."""


@described
@dataclass(frozen=True, repr=False)
class Answer(Result):
    """The posterior of a derived quantity, by target.

    Parameters
    ----------
    summary
        One row per target, unrounded.
    """

    summary: pd.DataFrame
    draws: xr.Dataset
    ci_prob: float
    of: Fit | Average | None = None
    sensitivity: CheckResult | None = None
    unit: LossUnit | None = None
    outside: CheckResult | None = None

    def in_unit(self, unit: LossUnit | None) -> Self:
        """Return the same answer with losses shown in another unit.

        ``summary`` and ``draws`` stay in nats/token.

        Parameters
        ----------
        unit
            ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or ``"perplexity"``; None for that
            of the runs' source.

        Raises
        ------
        UnknownNameError
            If there is no such unit.
        DomainError
            If the unit is per byte, but the bytes per token are not known.

        Examples
        --------
        >>> bs.allocate(fit, flops=1e21).in_unit("perplexity")    # doctest: +SKIP
        """
        answer = replace(self, unit=unit)
        answer.scale  # noqa: B018 - refuses what the runs cannot be shown in
        return answer

    @property
    def scale(self) -> LossScale:
        """The unit in which losses are shown."""
        if self.of is None:
            return LossScale("nats/token", 1.0)
        return LossScale.of(self.of.runs, self.unit)

    @property
    def fingerprint(self) -> str:
        """That of the runs, which a report of them checks."""
        return "" if self.of is None else self.of.runs.fingerprint

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """All those of the fit that answers, and of what the answer itself owes to priors."""
        fit_checks = () if self.of is None else self.of.checks
        added = (self.sensitivity, self.outside)
        return (*fit_checks, *(check for check in added if check is not None))

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        return worst(check.severity for check in self.checks)

    @property
    def text(self) -> str:
        """The answer's sentences, without its table."""
        return words(self.sections())

    @abstractmethod
    def body(self) -> list[Section]:
        """Return the answer: its table, and what is to say of it."""

    def sections(self) -> list[Section]:
        """Return which fit answers, whether that may be used, and the answer."""
        fit = self.of
        head = [] if fit is None else [Heading(in_words(fit)), *findings(self.checks)]
        # what the answer owes to priors; what else was found is for the fit to report
        return [*head, *self.body(), *further([self.sensitivity] if self.sensitivity else [])]


def check_inputs(
    law: Law, values: Mapping[str, ArrayLike | None], *, wanted: Any, asked: str = "",
    single: bool = False,
) -> dict[str, Array]:  # fmt: skip
    """Return exactly the ``wanted`` inputs, shape ``(target,)``, besides the one ``asked`` for."""
    names, wanted = [name for name, value in values.items() if value is not None], list(wanted)
    if asked:
        names, wanted = [*names, asked], list(law.quantities)
    if set(names) != set(wanted):
        terms = [name for name in names if name in {f.name for f in fields(Terms)}]
        if terms:
            raise DomainError(
                f"{terms[0]} belongs to the terms: pass terms=bs.Terms({terms[0]}=...)."
            )
        every = set(wanted) == set(law.quantities)
        needs = f"{'predicts from' if every else 'needs'} {' and '.join(wanted)}"
        hints = [
            f" Pass {n}= (--given {n}=), or terms=bs.Terms(given={{{n!r}: ...}})."
            for n in law.given if n in wanted and n not in names
        ]  # fmt: skip
        raise DomainError(
            f"The law {law.name!r} {needs if wanted else 'takes no further inputs here'}, but got "
            f"{' and '.join(names) or 'nothing'}.{''.join(hints)}"
        )
    read = {name: admitted(law.quantities[name], values[name]) for name in wanted if name != asked}
    for name, array in read.items():
        if single and array.size != 1:
            raise DomainError(f"{name} must be one number here, but got {array.size}.")
    return read


def admitted(q: Quantity, values: Any) -> Array:
    """Return values of a quantity as an array ``(target,)``; refuse those outside its domain."""
    if q.scale == "log":
        values = positive_array(q.name, values, q.unit)
    try:
        array = np.atleast_1d(np.asarray(values, dtype=str if q.role == "label" else float))
    except (TypeError, ValueError, OverflowError):
        array = np.full(1, np.nan)
    outside = ~q.admits(array)
    if array.ndim != 1 or array.size == 0 or outside.any():
        kind = "label" if q.role == "label" else "number"
        raise DomainError(
            f"{q.name} must be one {kind} or a list of {kind}s {q.domain} ({q.unit}), but got "
            f"{list_some(np.ravel(array)[np.ravel(outside)]) or shown(values)}."
        )
    return array


def broadcast(inputs: Mapping[str, Array], *, what: str = "Targets") -> dict[str, Array]:
    """Repeat single values so that all inputs have one length."""
    try:
        return dict(zip(inputs, np.broadcast_arrays(*inputs.values()), strict=True))
    except ValueError:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in inputs.items())
        raise DomainError(f"{what} must be equally many, but got: {lengths}.") from None


def settings(law: Law, inputs: Mapping[str, Array]) -> Array:
    """Write inputs ``(target,)`` in words, such as ``64 experts``; of labels their names alone."""

    def words(*values: Any) -> str:
        written = zip((law.quantities[name] for name in inputs), values, strict=True)
        return ", ".join(v if q.role == "label" else f"{q.write(v)} {q.noun}" for q, v in written)

    return np.array([words(*row) for row in zip(*inputs.values(), strict=True)])


def summary_columns(
    name: str, draws: Array, ci_prob: float, *, method: Any = "linear"
) -> dict[str, Array]:
    """Return median and interval of draws ``(chain, draw, target)``, NaN left out."""
    quantile = np.nanquantile if np.isnan(draws).any() else np.quantile
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN")
        quantiles = quantile(draws, [0.5, *interval_tails(ci_prob)], axis=(0, 1), method=method)
    return dict(zip((name, f"{name}_lower", f"{name}_upper"), quantiles, strict=True))


def target_frame(name: str, columns: Mapping[str, Any], index: Array | None = None) -> pd.DataFrame:
    """Return a table with one row per target."""
    frame = pd.DataFrame(dict(columns), index=index)
    frame.index.name = name
    return frame


def reach(fit: Fit, sizes: Mapping[str, Array]) -> dict[str, Array]:
    """Return each size as a multiple of the largest one among the runs, ``reach_<size>``."""
    return {
        f"reach_{name}": v / fit.runs[name].max()
        for name, v in sizes.items()
        if quantity_of(fit.law, name).scale == "log"
    }


def quantity_of(law: Law, name: str) -> Quantity:
    """Return an input of a law, or compute."""
    return law.quantities.get(name, quantity(name))


def warn_if_far(
    fit: Fit, sizes: Mapping[str, Array], *, loss: Array | None = None, also: str = ""
) -> CheckResult | None:
    """Warn once of what is far from the runs, at the user's line, and return :func:`check_outside`.

    ``sizes`` may be NaN and have any shape; ``loss`` holds predicted medians, nats/token; ``also``
    is what else to warn of.
    """
    outside = check_outside(fit, sizes)
    sizes = {name: v for name, v in sizes.items() if quantity_of(fit.law, name).scale == "log"}
    above, below = _far(fit, sizes)
    sentences = []
    if above or below:
        sentences.append(f"The farthest target takes {'; '.join(above + below)}.")
    if above:
        sentences.append(
            f"Intervals were validated on real hold-outs only up to {VALIDATED_REACH:.0f} times "
            f"the largest run's compute{_and_how(fit)}. Train a larger run, or back-test your own "
            "ladder at this extrapolation factor."
        )
    if below:
        sentences.append("Counts are plain numbers: 70e9, not 70.")
    if outside is not None:
        sentences.append(outside.text)
    if loss is not None and np.max(loss) > fit.runs.loss_max:
        sentences.append(
            f"The predicted loss is up to {np.max(loss):.4g} nats/token. Guessing among 256,000 "
            f"tokens costs {LARGEST_LOSS:.2f}: the law does not hold there."
        )
    if also:
        sentences.append(also)
    if sentences:
        warnings.warn(" ".join(sentences), ExtrapolationWarning, skip_file_prefixes=(PACKAGE,))
    return outside


def _and_how(fit: Fit) -> str:
    """Describe what the intervals assume of the law."""
    if fit.spec.discrepancy.coordinates(fit.law):
        return ", with drift; beyond that their coverage is unknown"
    return (
        ", and here the law is assumed exact: such 90 % intervals covered about two thirds of the "
        "runs, and cover fewer beyond that"
    )


def _far(fit: Fit, sizes: Mapping[str, Array]) -> tuple[list[str], list[str]]:
    """Return in words which sizes are far above the largest run's or far below the smallest's."""
    above, below = [], []
    for name, values in sizes.items():
        q, seen, present = quantity_of(fit.law, name), fit.runs[name], ~np.isnan(values)
        unit = f" {q.unit}" if q.style == "flops" else ""
        most = np.max(values, initial=0.0, where=present)
        least = np.min(values, initial=np.inf, where=present)
        decisive = name == FLOPS.name or tuple(fit.law.quantities) == (name,)
        elsewhere = name in SPLIT and not decisive  # what check_outside looks at
        times, under = most / seen.max(), seen.min() / least
        if times > (VALIDATED_REACH if decisive else STRANGE_REACH) and not elsewhere:
            size = f"{q.write(most)}{unit}"
            above.append(f"{times:.3g} times the {q.noun} of the largest run ({size})")
        if under > STRANGE_REACH:
            size = f"{q.write(least)}{unit}"
            below.append(f"1/{under:.3g} of the {q.noun} of the smallest run ({size})")
    return above, below


def title(name: str) -> str:
    """Return what heads a column: short, as tables of them are wide."""
    return QUANTITIES[name].unit if name == FLOPS.name else name.replace("_", " ")


def writer(name: str) -> Callable[[Mapping[str, Any]], str]:
    """Return what writes a quantity of a row."""
    write = quantity(name).write
    return lambda row: row[name] if isinstance(row[name], str) else write(row[name])


def write_excess(row: Mapping[str, Any]) -> str:
    """Write the excess compute of a run, over its interval."""
    low, high = (write_share(row[f"excess_compute_{end}"]) for end in ("lower", "upper"))
    return (
        f"{write_share(row['excess_compute'])}\n{low.removesuffix(' %') if low != high else ''}"
        + (f"–{high}" if low != high else high)
    )
