"""The value of repeated data and of parameters, the data that a size needs, the limit of data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from bayesscale._arguments import interval_tails, number, positive_array, positive_scalar
from bayesscale._format import over_interval, percent, short_number, write_share
from bayesscale._sections import Section, Table
from bayesscale._types import Array
from bayesscale.errors import DomainError
from bayesscale.forecast import answer
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.plans import HABIT
from bayesscale.forecast.purchase import Purchase, law_inputs, priced
from bayesscale.forecast.requirement import HUGE, SOLVABLE, limit_of, log_loss_of
from bayesscale.forecast.search import crossing, lowest_along
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.laws import SPLIT, EffectiveParams
from bayesscale.model import Posterior
from bayesscale.quantities import EPOCHS, FLOPS, PARAMS, TOKENS, UNIQUE_TOKENS, WEIGHT_BITS

ENDLESS, NEXT = np.full(1, np.inf), 1e-3
"""Endless tokens, and the share of an epoch by which it is found what the next ones are worth."""

UNITS = {"tokens": TOKENS.unit, "effective_params": PARAMS.unit, "bits_per_param": "bits"}


@answer.described
@dataclass(frozen=True, repr=False)
class DataWorth(answer.Answer):
    """What data, or parameters, are worth.

    Parameters
    ----------
    summary
        One row per target: median, ``_lower`` and ``_upper`` of what the function returns.
    note
        What that is.
    """

    note: str = ""

    def body(self) -> list[Section]:
        """Return medians over intervals, one row per target."""
        write = dict.fromkeys(("stop_epochs", "bits_per_param"), short_number)
        write |= {"tokens": TOKENS.write, "effective_params": PARAMS.write}
        index = str(self.summary.index.name)
        columns: dict[str, Callable[..., str]] = {answer.title(index): answer.writer(index)}
        for name in map(str, self.draws):
            columns[answer.title(name)] = lambda row, name=name: over_interval(
                row, name, write.get(name, write_share)
            )
        return [Table.of(self.summary, columns, f"{self.note} {percent(self.ci_prob)} intervals.")]

    @classmethod
    def evaluate(
        cls, mixture: Mixture, question: Question, index: dict[str, Array], ci_prob: float,
        note: str, inputs: Mapping[str, Array] | None = None,
    ) -> "DataWorth":  # fmt: skip
        """Put the question, and sum up its answers ``(draw, target)``."""
        ((dim, targets),), drawn = index.items(), mixture.evaluate(question)
        columns = answer.broadcast(inputs or {})
        for name, values in drawn.items():  # quantiles between infinities are no numbers
            columns |= answer.summary_columns(name, np.minimum(values, HUGE), ci_prob)
        frame = answer.target_frame(dim, columns, index=targets)
        variables = {k: (v, UNITS.get(k, "1")) for k, v in drawn.items()}
        draws = mixture.dataset(variables, dim, {}, index=targets)
        frame = frame.replace(HUGE, np.inf)
        outside = answer.warn_if_far(mixture.reference, inputs) if inputs else None
        return cls(frame, draws, ci_prob, mixture.asked, outside=outside, note=note)


def _stated(fit: Fit, terms: Terms, **sizes: Any) -> dict[str, Array]:
    """Return sizes with the law's other inputs, those of the terms but for unique tokens."""
    given = {k: v for k, v in {**terms.given, **sizes}.items() if k in fit.law.quantities}
    return answer.check_inputs(fit.law, given, wanted=fit.law.quantities)


def _new(posterior: Posterior, sizes: dict[str, Array], terms: Terms) -> dict[str, Array]:
    """Return the inputs of runs that see no token twice."""
    inputs = {k: sizes["tokens"] if k == UNIQUE_TOKENS.name else v for k, v in sizes.items()}
    return law_inputs(posterior, inputs, terms)


@answer.asks
def worth_of_epochs(
    fit: Fit | Average, *, epochs: ArrayLike, unique_tokens: float | None = None,
    params: float | None = None, terms: Terms | None = None, ci_prob: float = 0.9,
) -> DataWorth:  # fmt: skip
    r"""Estimate the value of repeated tokens, and from how many epochs on they do harm.

    Parameters
    ----------
    epochs
        Passes over the unique tokens, >= 1, shape ``(epochs,)`` or a scalar.
    unique_tokens
        Tokens U that there are, > 0; None for those of the terms, ``given``.
    params
        Parameters N, > 0; by default one per 20 unique tokens.

    Returns
    -------
    DataWorth
        ``worth``: new tokens that give the same loss, as a share of those read; ``next_tokens``:
        the same of further ones; ``stop_epochs``: epochs at which the loss is least.

    Notes
    -----
    The worth :math:`D'` of e epochs solves :math:`L(N, D', D') = L(N, e U, U)`.

    Examples
    --------
    >>> bs.worth_of_epochs(fit, unique_tokens=1e9, epochs=[4, 16])  # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    reference, name = mixture.reference, UNIQUE_TOKENS.name
    if name not in reference.law.quantities:
        raise DomainError(
            f"The law {reference.law.name!r} does not model repeated data. Fit one that takes "
            "unique tokens, such as law='data_constrained'."
        )
    terms = priced(reference, terms)
    unique = terms.given.get(name) if unique_tokens is None else unique_tokens
    unique = positive_scalar(name, unique, TOKENS.unit)
    read = positive_array(EPOCHS.name, epochs, EPOCHS.name)
    if read.min() < 1:
        raise DomainError(f"epochs must be at least 1, not {read.min():g}.")
    n = unique / HABIT if params is None else positive_scalar("params", params, PARAMS.unit)
    fixed = _stated(reference, terms, params=n, tokens=unique, unique_tokens=unique)

    def question(posterior: Posterior, _: object) -> dict[str, Array]:
        def log_loss(inputs: Any) -> Callable[[Array], Array]:
            sizes = lambda x: fixed | {"tokens": unique * np.exp(x)}  # noqa: E731
            return lambda x: log_loss_of(posterior, inputs(posterior, sizes(x), terms))

        repeated, new = log_loss(law_inputs), log_loss(_new)
        log_tokens = np.log(np.concatenate([read, read * (1 + NEXT)]))[None]
        limit = limit_of(posterior, _new(posterior, fixed | {"tokens": ENDLESS}, terms))
        x, _ = crossing(new, limit, repeated(log_tokens), SOLVABLE)
        now, then = np.split(np.exp(x), 2, axis=-1)
        further = (then - now) / (read * NEXT)
        stop = np.broadcast_to(np.exp(lowest_along(repeated, (len(posterior), 1))), now.shape)
        return {"worth": now / read, "next_tokens": further, "stop_epochs": stop}

    run = f"{PARAMS.write(n)} parameters on {TOKENS.write(unique)} unique tokens"
    note = f"For {run}: worth of all and of further tokens, in new tokens; epochs of lowest loss."
    at = {"params": np.full(1, n), "tokens": unique * read, name: np.full(1, unique)}
    return DataWorth.evaluate(mixture, question, {EPOCHS.name: read}, ci_prob, note, at)


@answer.asks
def tokens_without_overfitting(
    fit: Fit | Average, *, params: ArrayLike, excess: float = 0.02, terms: Terms | None = None,
    ci_prob: float = 0.9,
) -> DataWorth:  # fmt: skip
    r"""Find the new tokens that bring a size within a share of its loss with unlimited data.

    Parameters
    ----------
    params
        Parameters N, > 0, shape ``(target,)`` or a scalar.
    excess
        The share, > 0.

    Returns
    -------
    DataWorth
        ``tokens``.

    Notes
    -----
    :math:`L(N, D) = (1 + \mathrm{excess})\, L(N, \infty)`. Kaplan et al. (2020), section 4.2,
    arXiv:2001.08361, found :math:`5000\, N^{.74}` at 2 % with a law without an irreducible loss.

    Examples
    --------
    >>> bs.tokens_without_overfitting(fit, params=1e9)            # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture, share = Mixture.of(fit), np.log1p(number("excess", excess, above=0))
    reference, sizes = mixture.reference, positive_array("params", params, PARAMS.unit)
    terms = priced(reference, terms)
    fixed = _stated(reference, terms, params=sizes, tokens=1.0, unique_tokens=1.0)

    def question(posterior: Posterior, _: object) -> dict[str, Array]:
        centre = posterior.spec.reference["tokens"]

        def log_loss(x: Array) -> Array:
            sizes = fixed | {"tokens": centre * np.exp(x)}
            return log_loss_of(posterior, _new(posterior, sizes, terms))

        limit = limit_of(posterior, _new(posterior, fixed | {"tokens": ENDLESS}, terms))
        return {"tokens": centre * np.exp(crossing(log_loss, limit, limit + share, SOLVABLE)[0])}

    note = f"New tokens at which the loss is {percent(excess)} above that with unlimited data."
    return DataWorth.evaluate(mixture, question, {PARAMS.name: sizes}, ci_prob, note)


@answer.asks
def convergence(
    fit: Fit | Average, flops: ArrayLike, *, terms: Terms | None = None, ci_prob: float = 0.9
) -> DataWorth:
    """Estimate how far compute-optimal runs are from convergence.

    Parameters
    ----------
    flops
        Budgets C in FLOP, > 0, shape ``(flops,)`` or a scalar.

    Returns
    -------
    DataWorth
        ``over_converged``: the loss of the best run over that of its size with unlimited data,
        minus 1; ``of_reducible``: the difference as a share of the reducible loss. Kaplan et al.
        (2020), section 6.1, arXiv:2001.08361, found 10 % over converged at every budget.

    Examples
    --------
    >>> bs.convergence(fit, [1e19, 1e24])                         # doctest: +SKIP
    """
    interval_tails(ci_prob)
    purchase, budgets = Purchase.of(fit, terms), positive_array("flops", flops, FLOPS.unit)

    def question(posterior: Posterior, _: object) -> dict[str, Array]:
        def endless(params: Array) -> Array:
            sizes = {**purchase.given, "params": params, "tokens": ENDLESS}
            return np.exp(limit_of(posterior, _new(posterior, sizes, purchase.terms)))

        best = purchase.best(posterior, budgets)
        short, above = (best["loss"] - endless(n) for n in (best["params"], ENDLESS))
        return {"over_converged": short / (best["loss"] - short), "of_reducible": short / above}

    note = "Loss of the best run above its size's limit: relative, and as a share of the reducible."
    return DataWorth.evaluate(purchase.mixture, question, {FLOPS.name: budgets}, ci_prob, note)


@answer.asks
def effective_params(
    fit: Fit | Average, *, params: ArrayLike | None = None, terms: Terms | None = None,
    ci_prob: float = 0.9, **inputs: ArrayLike,
) -> DataWorth:  # fmt: skip
    """Estimate what the parameters of routed models, or of models in few bits, are worth.

    Parameters
    ----------
    params
        Parameters N, > 0, shape ``(target,)`` or a scalar; None for the centre of the runs.
    **inputs
        Settings, such as ``experts=64``: one value, or one per target; by default every setting
        of the runs.

    Returns
    -------
    DataWorth
        ``worth``: a parameter in those of a plain model (one expert, 16/16 bits, or the baseline
        method); ``effective_params``; and where the runs have ``weight_bits``,
        ``bits_per_param``: the bits that hold the worth of one plain parameter. In given memory the
        setting with the fewest of these is best.

    Examples
    --------
    >>> bs.effective_params(fit, experts=[8, 64])                 # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    law, runs = mixture.reference.law, mixture.reference.runs
    laws = [component.posterior.spec.law for component in mixture.components]
    if other := [each.name for each in laws if not isinstance(each, EffectiveParams)]:
        raise DomainError(
            f"The law {other[0]!r} does not model what parameters are worth. Fit one that does, "
            "such as law='routed' or 'precision'."
        )
    centre = mixture.reference.spec.reference
    n = positive_array("params", centre["params"] if params is None else params, PARAMS.unit)
    names = [name for name in law.quantities if name not in (*SPLIT, FLOPS.name)]
    seen = runs.to_frame().astype({k: str for k in names if law.quantities[k].role == "label"})
    widths = seen.groupby(names)["weight_bits"].nunique() if WEIGHT_BITS.name in runs else [0]
    seen = seen.drop_duplicates(names).sort_values(names).set_index(names)
    given = {**priced(mixture.reference, terms, spends=False).given, **inputs}
    asked = given or {name: seen.index.get_level_values(name).to_numpy() for name in names}
    targets = answer.broadcast({"params": n, **answer.check_inputs(law, asked, wanted=names)})
    settings = [targets[name] for name in names]
    bits = targets.get(WEIGHT_BITS.name)
    if bits is None and np.max(widths) == 1:
        at = settings[0] if len(names) == 1 else list(zip(*settings, strict=True))
        bits = seen[WEIGHT_BITS.name].reindex(at).to_numpy()

    def question(posterior: Posterior, _: object) -> dict[str, Array]:
        own = posterior.spec.law
        x = {k: own.quantities[k].centred(v, centre[k]) for k, v in targets.items()}
        worth = np.exp(cast(EffectiveParams, own).log_worth_in_all(posterior.c, x, np))
        answers = {"worth": worth, "effective_params": worth * targets["params"]}
        return answers if bits is None else {**answers, "bits_per_param": bits / worth}

    shown = {k: targets[k] for k in (*([] if params is None else ["params"]), *names)}
    index = answer.settings(law, shown)
    per_bits = "" if bits is None else ", and bits per such parameter"
    note = f"What a parameter is worth in those of a plain model{per_bits}."
    return DataWorth.evaluate(mixture, question, {"setting": index}, ci_prob, note, targets)
