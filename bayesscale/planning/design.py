"""Experimental design: which small runs to train before committing to a large one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale import forecast
from bayesscale._arguments import interval_tails, positive_array, positive_scalar, whole_number
from bayesscale._environment import check_memory
from bayesscale._format import flops as write_flops, interval, percent
from bayesscale._sections import Paragraph, Section, Table
from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.errors import DomainError
from bayesscale.inference import Average, Fit
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior
from bayesscale.quantities import LOSS, PARAMS, TOKENS
from bayesscale.runs import Runs

type Candidates = Mapping[str, ArrayLike] | pd.DataFrame

ARRAYS = 12
"""Arrays of a number for every draw and candidate that are held at once."""

SIZES, RATIOS = 16, 12
"""Sizes, and tokens per parameter, of the grid of candidates that is made if none are given."""

LARGER = 4.0
"""How far beyond the runs' sizes and ratios that grid goes."""

SHOWN = 12  # candidates shown to people

SMALLEST = np.finfo(float).tiny  # in place of no regret, where limits leave no choice


@forecast.described
@dataclass(frozen=True, repr=False)
class Design(forecast.Answer):
    """Candidate runs by how much they would improve the decision on the large one.

    Parameters
    ----------
    summary
        One row per candidate (index ``candidate``), best first by ``gain_per_flop``: ``params``,
        ``tokens``, ``tokens_per_param``, ``flops``; ``gain``, the expected reduction of the
        large run's expected regret by this run alone, nats/token; ``gain_per_flop``; ``share`` of
        the expected regret that it removes; ``order``, its place among the runs chosen together,
        NaN if it is not among them, and ``times``, how often it is.
    draws
        ``law_loss`` of every candidate, nats/token, dims ``(chain, draw, candidate)``.
    target
        Compute of the large run, FLOP.
    budget
        Compute for the small ones together, FLOP.
    expected_regret, regret_after
        Expected regret of the large run now, and after the runs chosen, nats/token.
    best_params
        Median, lower and upper end of N* at the target.
    """

    target: float = np.nan
    budget: float = np.nan
    expected_regret: float = np.nan
    regret_after: float = np.nan
    best_params: tuple[float, float, float] = (np.nan, np.nan, np.nan)

    @property
    def chosen(self) -> pd.DataFrame:
        """The runs to train together, in the order of choice."""
        return self.summary[self.summary["order"].notna()].sort_values("order")

    def body(self) -> list[Section]:
        """Return what is optimised, and the candidates."""
        chosen, (middle, low, high) = self.chosen, self.best_params
        top, scale = self.summary.head(SHOWN), self.scale
        shown = pd.concat([chosen, top[top["order"].isna()]])
        table = Table.of(
            shown,
            {
                "params": lambda row: PARAMS.write(row["params"]),
                "tokens": lambda row: TOKENS.write(row["tokens"]),
                "compute": lambda row: write_flops(row["flops"]),
                "removes": lambda row: f"{100 * row['share']:.2g} %",
                "per FLOP": lambda row: f"{scale.difference(row['gain_per_flop']):.2g}",
                "train": _place,
            },
            "Removes: the share of the large run's expected regret that this run alone would "
            f"remove; per FLOP in {scale.of_differences}. Train: the order of the chosen runs, "
            "each given those before it.",
        )
        removed = (self.expected_regret - self.regret_after) / max(self.expected_regret, SMALLEST)
        return [
            Paragraph(
                f"For a run of {write_flops(self.target)} the best size is {PARAMS.write(middle)} "
                f"parameters ({percent(self.ci_prob)}: {interval(low, high)}). The design "
                "minimises the expected regret of that run, its loss above that of the best size: "
                f"now {scale.difference(self.expected_regret):.2g} {scale.of_differences}."
            ),
            Paragraph(
                f"The {int(chosen['times'].sum())} runs chosen cost "
                f"{write_flops(float((chosen['flops'] * chosen['times']).sum()))} of "
                f"{write_flops(self.budget)} and are expected to reduce the regret by "
                f"{100 * removed:.2g} %, to {scale.difference(self.regret_after):.2g}.",
                emphasis=True,
            ),
            table,
        ]


@dataclass(frozen=True)
class Learning:
    """Draws of the decision and of candidates, on the scale where both are linear.

    ``best``: ln N* at the target, ``bend``: d²L/d(ln N)² there, nats/token, ``(draw,)``;
    ``log_loss`` of candidates, ``(draw, candidate)``, and its ``noise``, SD, ``(candidate,)``.
    """

    best: Array
    bend: Array
    log_loss: Array
    noise: Array

    @property
    def regret(self) -> float:
        """Expected regret of the best decision without any further run, nats/token."""
        return 0.5 * float(self._bend * self.covariance[0, 0])

    @property
    def _bend(self) -> float:
        return float(self.bend.mean())

    @property
    def covariance(self) -> Array:
        """Covariance of the decision and the candidates, weighted by what an error costs."""
        joint = np.column_stack([self.best, self.log_loss])
        weights = self.bend / self.bend.sum()
        centred = joint - weights @ joint
        return (centred * weights[:, None]).T @ centred

    def gains(self, covariance: Array) -> Array:
        """Return by how much each candidate alone lowers expected regret, ``(candidate,)``."""
        together, alone = covariance[0, 1:], np.diagonal(covariance)[1:]
        return 0.5 * self._bend * together**2 / (alone + self.noise**2)

    def after(self, covariance: Array, candidate: int) -> Array:
        """Return the covariance once a candidate has been run."""
        column = covariance[:, candidate + 1]
        noisy = column[candidate + 1] + self.noise[candidate] ** 2
        return covariance - np.outer(column, column) / noisy

    def choose(self, price: Array, budget: float, most: int) -> tuple[list[int], float]:
        """Choose runs greedily, by gain or by gain per FLOP; return them and the regret left."""
        best: tuple[list[int], float] = ([], self.regret)
        for exponent in (0.0, 1.0):
            covariance, left, chosen = self.covariance, budget, []
            while len(chosen) < most and (price <= left).any():
                score = np.where(price <= left, self.gains(covariance) / price**exponent, -np.inf)
                k = int(score.argmax())
                chosen.append(k)
                covariance, left = self.after(covariance, k), left - price[k]
            regret = 0.5 * self._bend * float(covariance[0, 0])
            if chosen and regret < best[1]:
                best = chosen, regret
        return best


@forecast.asks
def design(
    fit: Fit | Average, *, target: float, budget: float, candidates: Candidates | None = None,
    most: int = 6, terms: forecast.Terms | None = None, ci_prob: float = 0.9, **inputs: float,
) -> Design:  # fmt: skip
    r"""Rank small runs by how much they would improve the split of a large budget.

    Parameters
    ----------
    target
        Compute of the large run, FLOP, > 0.
    budget
        Compute for the small runs together, FLOP, > 0.
    candidates
        Runs that could be trained: columns ``params`` and ``tokens``, > 0. None makes a grid from
        the smallest fitted run to four times beyond the largest, within the budget.
    most
        Maximum number of runs, >= 1. One may be chosen several times, as replicates.
    terms
        As for :func:`~bayesscale.allocate`; limits apply to the large run alone.

    Notes
    -----
    The design minimises the expected regret of the size chosen for the large run, nats/token. With
    x* the draws of ln N* at the target, h the second derivative of the loss there and f those of a
    candidate's log loss, the regret of a decision d is :math:`\tfrac12 h (x^* - d)^2` to second
    order, and the best decision that is linear in the candidate's outcome lowers its expectation by

    .. math:: \tfrac12 \bar h \, \frac{\mathrm{Cov}_h(x^*, f)^2}{\mathrm{Var}_h(f) + \sigma^2}

    with covariances weighted by h and σ the noise of that run. Nothing is refitted. Lindley (1956),
    doi:10.1214/aoms/1177728069, with the decision's loss in place of entropy.

    Examples
    --------
    >>> bs.design(fit, target=1e24, budget=1e21).chosen           # doctest: +SKIP
    """
    interval_tails(ci_prob)
    flops = positive_scalar("target", target, "FLOP")
    purse = positive_scalar("budget", budget, "FLOP")
    whole_number("most", most, least=1)
    purchase = forecast.Purchase.of(fit, terms, inputs, single=True)
    mixture, cost = purchase.mixture, purchase.cost
    reference = mixture.reference
    sizes = _read(candidates) if candidates is not None else _grid(reference.runs, cost, purse)
    price = cost.flops(sizes["params"], sizes["tokens"])
    if not (price <= purse).any():
        raise DomainError(
            f"No candidate is within the budget of {purse:.3g} FLOP: the cheapest costs "
            f"{price.min():.3g}."
        )
    check_memory(
        f"Choosing among {len(price):,} candidates",
        8.0 * len(price) * (ARRAYS * len(reference.posterior) + 4 * len(price)),
        remedy="Give fewer: a few hundred sizes and ratios are enough.",
    )
    learning, drawn = _learn(purchase, flops, sizes)
    picked, after = learning.choose(price, purse, most)
    gain = learning.gains(learning.covariance)
    order = [picked.index(k) + 1.0 if k in picked else np.nan for k in range(len(price))]
    columns = {
        **sizes, "tokens_per_param": sizes["tokens"] / sizes["params"], "flops": price,
        "gain": gain, "gain_per_flop": gain / price, "share": gain / max(learning.regret, SMALLEST),
        "order": order, "times": [picked.count(k) for k in range(len(price))],
    }  # fmt: skip
    frame = forecast.target_frame("candidate", columns).sort_values(
        "gain_per_flop", ascending=False
    )
    finite = drawn["best"][np.isfinite(drawn["best"])]
    middle, low, high = np.exp(np.quantile(finite, [0.5, *interval_tails(ci_prob)]))
    target_flops, best = np.array([flops]), np.array([middle])
    far = {"flops": target_flops, "params": best, "tokens": cost.tokens(best, target_flops)}
    outside = forecast.warn_if_far(reference, far)
    draws = mixture.dataset(
        {"law_loss": (np.exp(drawn["log_loss"]), LOSS.unit)},
        "candidate",
        {name: (sizes[name], q.unit) for name, q in (("params", PARAMS), ("tokens", TOKENS))},
        index=np.arange(len(price)),
    )
    return Design(
        frame, draws, ci_prob, mixture.asked, target=flops, budget=purse,
        expected_regret=learning.regret, regret_after=after,
        best_params=(float(middle), float(low), float(high)), outside=outside,
    )  # fmt: skip


def _learn(
    purchase: forecast.Purchase, target: float, sizes: Mapping[str, Array]
) -> tuple[Learning, dict[str, Array]]:
    """Return what the posterior says of the target and the candidates."""

    def question(posterior: Posterior, rng: np.random.Generator) -> dict[str, Array]:
        frontier = purchase.frontier(posterior, np.array([target]))
        x, _ = frontier.optimum()
        at = np.where(np.isfinite(x), x, 0.0)
        _, bend = frontier.slopes(at)
        loss = posterior.spec.reference["loss"] * np.exp(frontier.log_loss(at))
        params = frontier.params(x)
        quiet = np.zeros((len(posterior), 1))
        at_sizes = purchase.law_inputs(posterior, sizes["params"], sizes["tokens"])
        return {
            "best": np.log(params[:, 0]),
            # of the loss, where its first derivative is zero
            "bend": (loss * bend)[:, 0],
            "log_loss": posterior.log_loss(at_sizes),
            "noise": np.log(posterior.new_runs(quiet, at_sizes, rng)),
        }

    drawn = purchase.mixture.evaluate(question)
    flat = {k: v.reshape(-1, *v.shape[2:]) for k, v in drawn.items()}
    fine = np.isfinite(flat["best"]) & (flat["bend"] > 0)
    if not fine.any():
        raise DomainError(
            f"No draw has a best split at {target:.3g} FLOP, so there is no decision to improve."
        )
    # one deviation to both sides: tails may be heavy
    low, high = np.quantile(flat["noise"], [0.1587, 0.8413], axis=0)
    log_loss = flat["log_loss"][fine]
    noise = np.broadcast_to((high - low) / 2, log_loss.shape[1:])
    return Learning(flat["best"][fine], flat["bend"][fine], log_loss, noise), drawn


def _read(candidates: Any) -> dict[str, Array]:
    """Return candidates' parameters and tokens, each of shape ``(candidate,)``."""
    try:
        columns = {name: np.asarray(candidates[name]) for name in SPLIT}
    except (TypeError, KeyError, IndexError, ValueError):
        raise DomainError(
            "candidates must have params and tokens, such as {'params': [1e8, 2e8], 'tokens': "
            f"[2e9, 4e9]}} or a DataFrame with these columns, not {type(candidates).__name__}."
        ) from None
    named = ((q, columns[q.name]) for q in (PARAMS, TOKENS))
    return forecast.broadcast(
        {q.name: positive_array(f"candidates' {q.name}", v, q.unit) for q, v in named}
    )


def _grid(runs: Runs, cost: Cost, budget: float) -> dict[str, Array]:
    """Return sizes and ratios around those of the runs, as far as the budget goes."""
    ratio = runs.tokens / runs.params
    n = np.geomspace(runs.params.min(), LARGER * runs.params.max(), SIZES)
    m = np.geomspace(ratio.min() / LARGER, LARGER * ratio.max(), RATIOS)
    params, per_param = (a.ravel() for a in np.meshgrid(n, m))
    tokens = params * per_param
    # no cheaper than the cheapest run that was worth training
    price = cost.flops(params, tokens)
    kept = (price <= budget) & (price >= cost.flops(runs.params, runs.tokens).min())
    if not kept.any():
        raise DomainError(
            f"A budget of {budget:.3g} FLOP pays for no run as large as the smallest fitted one."
        )
    return {"params": params[kept], "tokens": tokens[kept]}


def _place(row: Mapping[str, Any]) -> str:
    if not np.isfinite(row["order"]):
        return ""
    again = f" ×{int(row['times'])}" if row["times"] > 1 else ""
    return f"{int(row['order'])}{again}"
