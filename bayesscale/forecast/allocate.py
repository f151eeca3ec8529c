"""How to split a compute budget between parameters and tokens."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale import _arguments
from bayesscale._arguments import positive_array
from bayesscale._format import flops as write_flops, list_some
from bayesscale._sections import Section
from bayesscale._types import Array
from bayesscale.accounting import Cost, Counting, Money
from bayesscale.forecast.answer import Answer, alike, stated, target_frame
from bayesscale.forecast.bet import Bet, best_bet
from bayesscale.forecast.cost import FlopCount, checked_cost, cost_in_words
from bayesscale.forecast.line import Lines
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.reach import reach, warn_if_far
from bayesscale.forecast.sections import allocation_sections
from bayesscale.forecast.sensitivity import check_answers
from bayesscale.forecast.split import Inputs, exponents, optima, split_at, wanted_beside_split
from bayesscale.forecast.terms import Limits, Repetition, Terms
from bayesscale.forecast.waste import equivalent_flops
from bayesscale.inference import Average, Fit, interval_tails
from bayesscale.model import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS


@dataclass(frozen=True, repr=False)
class Allocation(Answer):
    """Compute-optimal splits of budgets, and the runs to order.

    Parameters
    ----------
    summary
        One row a budget (index ``flops``). Of the optimum, which is not known exactly: median,
        ``_lower`` and ``_upper`` of ``params`` (N*), ``tokens`` (D*), ``tokens_per_param``,
        ``optimal_loss`` (L*, nats/token), and the local exponents d ln N*/d ln C and
        d ln D*/d ln C. Of the run to order, whose posterior expected loss is smallest:
        ``best_bet_params`` and ``best_bet_tokens``; median and interval of its ``loss``, of its
        ``law_loss`` without run noise, of its ``regret`` (law_loss - L*, nats/token) and of
        ``wasted``, the share of the budget that the best run of the same loss would save; the mean
        ``expected_regret``; ``within_prob``, the probability that its loss is within a share
        ``within`` of L*. Of what is nearly as good: ``near_params_lower`` to
        ``near_params_upper``, whose expected loss is within that share of the smallest, and
        ``near_prob``, the probability that N* is among them. ``without_optimum`` and
        ``several_minima`` are shares of the draws: the former are left out of what is said of the
        optimum. Last ``reach_flops``, the budget as a multiple of the largest fitted run's
        compute, and ``money`` where budgets are.
    draws
        The quantities with intervals, dims ``(chain, draw, flops)``; NaN without an optimum.
    ci_prob
        Probability of the equal-tailed intervals.
    within
        Losses within this share of the best are as good.
    assumed
        What was assumed of cost and terms, a sentence each.
    """

    within: float = 0.001
    assumed: tuple[str, ...] = ()

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return allocation_sections(self)


DRAW_UNITS = {
    "params": PARAMS.unit,
    "tokens": TOKENS.unit,
    "tokens_per_param": "tokens/parameter",
    "optimal_loss": LOSS.unit,
    "params_exponent": "1",
    "tokens_exponent": "1",
    "loss": LOSS.unit,
    "law_loss": LOSS.unit,
    "regret": LOSS.unit,
    "wasted": "1",
}


def allocate(
    fit: Fit | Average,
    *,
    flops: ArrayLike | Money,
    cost: Cost | FlopCount | None = None,
    limits: Limits | None = None,
    repetition: Repetition | None = None,
    counting: Counting | None = None,
    within: float = 0.001,
    ci_prob: float = 0.9,
    random_seed: int | None = None,
    **inputs: ArrayLike,
) -> Allocation:
    r"""Split compute budgets between parameters and tokens.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    flops
        Budgets C in FLOP, > 0, shape ``(flops,)`` or a scalar; or :class:`~bayesscale.Money`.
    cost
        What a run costs: a :class:`~bayesscale.PowerCost` C = κ N^p D^q, a
        :class:`~bayesscale.LifetimeCost` that counts serving too, a
        :class:`~bayesscale.TransformerCost`, or your own function ``cost(params, tokens) -> FLOP``
        of arrays, increasing in both. None counts as the runs do: 6ND, or their own compute
        column's median FLOP per parameter and token.
    limits
        Sizes that a run may have; None for any.
    repetition
        How much data there is where tokens have to be repeated; None for plenty.
    counting
        How parameters are counted in the question and its answer; None as in the runs.
    within
        Losses within this share of the best are as good, > 0.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    random_seed
        Seed of the run noise in ``loss``; by default derived from the fit's.
    **inputs
        Inputs of the law that no budget is divided between, by name, such as ``experts=8``: one
        value, or one a budget.

    Returns
    -------
    Allocation
        ``summary``, one row a budget, and ``draws``, dims ``(chain, draw, flops)``.

    Raises
    ------
    DomainError
        If a budget is not positive and finite, the law has nothing to split, the cost or a term is
        unfit, there is no best size, or ``random_seed`` is not a whole number from 0.

    Warns
    -----
    RunsWarning
        If no cost is given and the runs' own compute is not proportional to ND.
    ExtrapolationWarning
        If a budget is more than 30 times the compute of the largest fitted run, N* or D* more
        than 1000 times above the runs' or below them, the predicted loss worse than guessing, or
        some draws have no optimum.

    Notes
    -----
    At C = κ N^p D^q the optimum of L = E + A N^(-a) + B D^(-b) is

    .. math:: N^* = \left(\frac{a A q}{b B p}\right)^{q / \Delta} (C / \kappa)^{b / \Delta},
              \quad \Delta = a q + b p

    and an increasing function around the two terms does not move it [1]_. Elsewhere the lowest of
    the minima along the budget is taken.

    The run to order has to be chosen before the truth is known. It is the one with the smallest
    posterior expected loss, :math:`\arg\min_N \mathrm{E}[L(N, D(N, C))]`; neither the mean of the
    optima nor the optimum at mean parameters. The minimum is flat: read ``near_params_lower`` to
    ``near_params_upper`` before you buy hardware for N*.

    References
    ----------
    .. [1] Hoffmann et al. (2022), section 3.3, arXiv:2203.15556.

    Examples
    --------
    >>> bs.allocate(fit, flops=[1e24, 1e25]).summary              # doctest: +SKIP
    >>> served = bs.LifetimeCost(tokens_served=2e12)              # doctest: +SKIP
    >>> bs.allocate(fit, flops=1e24, cost=served).summary         # doctest: +SKIP
    """
    interval_tails(ci_prob)
    _arguments.number("within", within, above=0)
    mixture = Mixture.of(fit)
    host = mixture.host
    cost = checked_cost(cost, host.runs)
    terms = Terms.of(host.runs, limits=limits, repetition=repetition, counting=counting)
    money = flops if isinstance(flops, Money) else None
    budgets = money.flops if money else positive_array("flops", flops, FLOPS.unit)
    given = stated(host.law, inputs, wanted=wanted_beside_split(host.law))
    targets = alike({"flops": budgets, **given})
    budgets = targets.pop("flops")
    bet = _bets(mixture, budgets, cost, targets, terms, within=within)

    def about(some: slice) -> Question:
        at = _at(targets, some)

        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
            lines = Lines.of(posterior, budgets[some], cost, at, terms)
            return _answers(lines, bet.params[some], rng)

        return question

    def log_sizes(posterior: Posterior, some: NDArray[np.intp]) -> dict[str, Array]:
        at = {name: values[some] for name, values in targets.items()}
        lines = Lines.of(posterior, budgets[some], cost, at, terms)
        x, _ = optima(lines)
        return {"N*": x, "the loss": lines.log_loss(x)}

    columns, drawn, every = mixture.ask_all(
        about, len(budgets), ci_prob=ci_prob, random_seed=random_seed
    )
    minima = drawn.pop("minima")
    columns = {name: v for name, v in columns.items() if not name.startswith("minima")}
    named = ("loss", "law_loss", "regret", "wasted")
    of_run = {f"{name}{end}": columns.pop(f"{name}{end}") for name in named for end in ENDS}
    as_good = drawn["regret"] <= within * drawn["optimal_loss"]
    edge = 1 + 1e-9  # a size at a limit is among those up to it
    among = (drawn["params"] >= bet.near_lower / edge) & (drawn["params"] <= bet.near_upper * edge)
    columns |= {"best_bet_params": bet.params, "best_bet_tokens": bet.tokens, **of_run}
    columns |= {
        "expected_regret": _mean(drawn["regret"]),
        "within_prob": as_good.mean(axis=(0, 1)),
        "near_params_lower": bet.near_lower,
        "near_params_upper": bet.near_upper,
        "near_prob": among.mean(axis=(0, 1)),
        "without_optimum": np.isnan(drawn["params"]).mean(axis=(0, 1)),
        "several_minima": (minima > 1).mean(axis=(0, 1)),
    }
    frame = target_frame("flops", columns | reach(host, {"flops": budgets}), index=budgets)
    if money:
        frame["money"] = money.amounts
    warn_if_far(
        host,
        {"flops": budgets, "params": bet.params, "tokens": bet.tokens},
        loss=columns["law_loss"],
        also=_without(frame),
    )
    variables = {name: (drawn[name], unit) for name, unit in DRAW_UNITS.items()}
    return Allocation(
        summary=frame,
        draws=mixture.dataset(variables, "flops", {}, index=budgets, every=every),
        ci_prob=ci_prob,
        of=mixture.asked,
        sensitivity=check_answers(
            mixture, log_sizes, [f"at {write_flops(budget)}" for budget in budgets],
            what="the split",
        ),
        within=within,
        assumed=(*cost_in_words(cost), *terms.in_words()),
    )  # fmt: skip


ENDS = ("", "_lower", "_upper")


def _bets(
    mixture: Mixture, budgets: Array, cost: Cost, given: Inputs, terms: Terms, *, within: float
) -> Bet:
    parts = [
        best_bet(mixture, budgets[k], cost, _at(given, k), terms, within=within)
        for k in mixture.blocks(len(budgets))
    ]
    return Bet(*(np.concatenate([getattr(p, f) for p in parts]) for f in Bet.__annotations__))


def _answers(lines: Lines, ordered: Array, rng: np.random.Generator) -> dict[str, NDArray[Any]]:
    """Return the optimum of every draw and budget, and what becomes of the runs ordered."""
    posterior, centre = lines.posterior, lines.posterior.spec.reference
    x, minima = optima(lines)
    split = split_at(lines, x, minima)
    n_exponent, d_exponent = exponents(lines, x)
    bet = np.broadcast_to(np.log(ordered / centre["params"]), lines.shape)
    best, of_bet = lines.by_block(
        lambda some, cut: (some.log_loss(cut(x)), some.log_loss(cut(bet)))
    )
    of_bet = np.fmax(of_bet, best)  # to rounding, where the bet is the optimum
    best_loss, law_loss = centre["loss"] * np.exp(best), centre["loss"] * np.exp(of_bet)
    enough = equivalent_flops(lines, x, of_bet)
    return {
        "params": split.params,
        "tokens": split.tokens,
        "tokens_per_param": split.tokens / split.params,
        "optimal_loss": best_loss,
        "params_exponent": n_exponent,
        "tokens_exponent": d_exponent,
        "loss": posterior.new_runs(np.log(centre["loss"]) + of_bet, lines.runs(bet), rng),
        "law_loss": law_loss,
        "regret": law_loss - best_loss,
        "wasted": 1 - np.minimum(enough / lines.flops, 1),
        "minima": minima,
    }


def _at(given: Inputs, some: slice) -> dict[str, Array]:
    return {name: values[some] for name, values in given.items()}


def _mean(draws: Array) -> Array:
    """Return the mean over draws that have an answer, by target."""
    known = np.isfinite(draws)
    total = np.where(known, draws, 0.0).sum(axis=(0, 1))
    return total / np.maximum(known.sum(axis=(0, 1)), 1)


def _without(frame: pd.DataFrame) -> str:
    """Say which budgets have draws without an optimum."""
    missing = frame["without_optimum"]
    some = [f"{share:.2g} of them at {at:.3g} FLOP" for at, share in missing[missing > 0].items()]
    if not some:
        return ""
    return (
        f"Some draws have no best size, as their loss only falls or only rises with it: "
        f"{list_some(some)}. They count in what is expected of the run to order, and are left out "
        "of what is said of the optimum."
    )
