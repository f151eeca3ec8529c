"""How to split a compute budget between parameters and tokens."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from bayesscale._arguments import positive_array
from bayesscale._format import flops as write_flops
from bayesscale._sections import Section
from bayesscale.forecast.answer import Answer, alike, stated, target_frame
from bayesscale.forecast.cost import CentredCost, FlopCount, checked_cost
from bayesscale.forecast.mixture import Mixture, Question
from bayesscale.forecast.reach import reach, warn_if_far
from bayesscale.forecast.roots import WIDEST
from bayesscale.forecast.sections import allocation_sections
from bayesscale.forecast.sensitivity import check_answers
from bayesscale.forecast.split import Inputs, optimal_split, wanted_beside_split
from bayesscale.inference.average import Average
from bayesscale.inference.result import Fit, interval_tails
from bayesscale.laws import PowerCost
from bayesscale.model.posterior import Posterior
from bayesscale.quantities import FLOPS, LOSS, PARAMS, TOKENS

type Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Allocation(Answer):
    """Compute-optimal splits of budgets.

    Parameters
    ----------
    summary
        One row a budget (index ``flops``): median, ``_lower`` and ``_upper`` of ``params`` (N*),
        ``tokens`` (D*), ``tokens_per_param``, ``loss`` of a run there, ``law_loss`` without run
        noise (nats/token), and the local exponents d ln N*/d ln C and d ln D*/d ln C; then
        the parameters whose posterior expected loss is smallest, ``best_bet_params``, and the
        range of those that are nearly as good, ``near_params_lower`` and ``near_params_upper``;
        last ``reach_flops``, the budget as a multiple of the largest fitted run's compute.
    draws
        The same quantities, dims ``(chain, draw, flops)``.
    ci_prob
        Probability of the equal-tailed intervals.
    """

    near_optimal: ClassVar[float] = 0.001
    """A size is nearly as good if its expected loss is within this share of the smallest one."""

    def sections(self) -> list[Section]:
        """Return whom it is of, whether that may be used, and the answer."""
        return allocation_sections(self)


DRAW_UNITS = {
    "params": PARAMS.unit,
    "tokens": TOKENS.unit,
    "tokens_per_param": "tokens/parameter",
    "loss": LOSS.unit,
    "law_loss": LOSS.unit,
    "params_exponent": "1",
    "tokens_exponent": "1",
}

SIZES, SIZES_BETWEEN = 61, 1201

NEAR_FACTOR = 30.0
"""Sizes nearly as good are looked for within this factor of the median N*."""


def allocate(
    fit: Fit | Average,
    *,
    flops: ArrayLike,
    cost: PowerCost | FlopCount | None = None,
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
        Budgets C in FLOP, > 0, shape ``(flops,)`` or a scalar.
    cost
        What a run costs: a :class:`~bayesscale.PowerCost` C = κ N^p D^q, or your own function
        ``cost(params, tokens) -> FLOP`` of arrays, increasing in both. None counts as the runs
        do: 6ND, or their own compute column's median FLOP per parameter and token.
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
        If a budget is not positive and finite, the law has nothing to split, the cost function is
        unfit, there is no interior optimum, or ``random_seed`` is not a whole number from 0.

    Warns
    -----
    RunsWarning
        If no cost is given and the runs' own compute is not proportional to ND.
    ExtrapolationWarning
        If a budget is more than 30 times the compute of the largest fitted run, N* or D* more
        than 1000 times above the runs' or below them, or the predicted loss worse than guessing.

    Notes
    -----
    At C = κ N^p D^q the optimum of L = E + A N^(-a) + B D^(-b) is

    .. math:: N^* = \left(\frac{a A q}{b B p}\right)^{q / \Delta} (C / \kappa)^{b / \Delta},
              \quad \Delta = a q + b p

    and an increasing function around the two terms does not move it. The minimum is flat: read
    ``near_params_lower`` to ``near_params_upper`` before you buy hardware for N*. At these sizes
    the posterior expected loss is within .1 % of the smallest one, which is at
    ``best_bet_params``. They are looked for within a factor 30 of the median N*: a range that
    goes that far is wider still.

    References
    ----------
    .. [1] Hoffmann et al. (2022), section 3.3, arXiv:2203.15556.

    Examples
    --------
    >>> bs.allocate(fit, flops=[1e24, 1e25]).summary              # doctest: +SKIP
    """
    interval_tails(ci_prob)
    mixture = Mixture.of(fit)
    host = mixture.host
    cost = checked_cost(cost, host.runs)
    budgets = positive_array("flops", flops, FLOPS.unit)
    given = stated(host.law, inputs, wanted=wanted_beside_split(host.law))
    targets = alike({"flops": budgets, **given})
    budgets = targets.pop("flops")

    def about(some: slice) -> Question:
        at = _at(targets, some)

        def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
            split = optimal_split(posterior, budgets[some], cost, at)
            sizes = {"params": split.params, "tokens": split.tokens}
            log_loss = posterior.log_loss(sizes | at)
            return {
                **sizes,
                "tokens_per_param": split.tokens / split.params,
                "loss": posterior.new_runs(log_loss, rng),
                "law_loss": np.exp(log_loss),
                "params_exponent": np.broadcast_to(split.params_exponent, log_loss.shape),
                "tokens_exponent": np.broadcast_to(split.tokens_exponent, log_loss.shape),
            }

        return question

    def log_sizes(posterior: Posterior, some: NDArray[np.intp]) -> dict[str, Array]:
        at = {name: values[some] for name, values in targets.items()}
        split = optimal_split(posterior, budgets[some], cost, at)
        return {
            "N*": np.log(split.params),
            "the loss": posterior.log_loss({"params": split.params, "tokens": split.tokens} | at),
        }

    columns, drawn, every = mixture.ask_all(
        about, len(budgets), ci_prob=ci_prob, random_seed=random_seed
    )
    near = [
        _near_optimal(mixture, budgets[k], columns["params"][k], cost, _at(targets, k))
        for k in mixture.blocks(len(budgets))
    ]
    columns |= {name: np.concatenate([part[name] for part in near]) for name in near[0]}
    frame = target_frame("flops", columns | reach(host, {"flops": budgets}), index=budgets)
    medians = {name: columns[name] for name in ("params", "tokens")}
    warn_if_far(host, {"flops": budgets} | medians, loss=columns["law_loss"])
    variables = {name: (values, DRAW_UNITS[name]) for name, values in drawn.items()}
    draws = mixture.dataset(variables, "flops", {}, index=budgets, every=every)
    return Allocation(
        summary=frame, draws=draws, ci_prob=ci_prob, of=mixture.asked,
        sensitivity=check_answers(
            mixture, log_sizes, [f"at {write_flops(budget)}" for budget in budgets],
            what="the split",
        ),
    )  # fmt: skip


def _at(given: Inputs, some: slice) -> dict[str, Array]:
    return {name: values[some] for name, values in given.items()}


def _near_optimal(
    mixture: Mixture, budgets: Array, middle: Array, cost: PowerCost | FlopCount, given: Inputs
) -> dict[str, Array]:
    """Return the sizes whose expected loss is within a thousandth of the smallest one.

    The size is chosen before the truth is known, so what counts is the loss averaged over the
    posterior at each size, not the loss at the average optimum.
    """
    log_ratio = np.log(NEAR_FACTOR) * np.linspace(-1, 1, SIZES)
    sizes = middle * np.exp(log_ratio)[:, None]
    expected = np.stack(
        [mixture.mean(lambda p, at=at: _expected_loss(p, at, budgets, cost, given)) for at in sizes]
    )
    ratios = np.exp(np.log(NEAR_FACTOR) * np.linspace(-1, 1, SIZES_BETWEEN))
    if np.isfinite(
        expected
    ).all():  # the mean over draws is smooth, and a spline between sizes exact to 1e-6 of it
        expected = CubicSpline(log_ratio, expected)(np.log(ratios))
    else:  # some sizes cannot be paid for
        ratios = np.exp(log_ratio)
    near = expected <= expected.min(axis=0) * (1 + Allocation.near_optimal)
    first = near.argmax(axis=0)
    last = len(ratios) - 1 - near[::-1].argmax(axis=0)
    return {
        "best_bet_params": middle * ratios[expected.argmin(axis=0)],
        "near_params_lower": middle * ratios[first],
        "near_params_upper": middle * ratios[last],
    }


def _expected_loss(
    posterior: Posterior, params: Array, budgets: Array, cost: PowerCost | FlopCount, given: Inputs
) -> Array:
    """Return the posterior mean loss of sizes, infinite where a budget does not pay for one."""
    reference = posterior.spec.reference
    centred = CentredCost(cost, reference)
    x, y = np.log(params / reference["params"]), np.full(len(params), -WIDEST)
    pays = centred.log_flops(x, y) < np.log(budgets)
    y[pays] = centred.log_tokens(x[pays], np.log(budgets[pays]))
    sizes = {"params": params, "tokens": reference["tokens"] * np.exp(y)}
    return np.where(pays, posterior.law_loss(sizes | dict(given)).mean(axis=0), np.inf)
