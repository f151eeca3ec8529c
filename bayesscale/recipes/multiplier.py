r"""The compute multiplier by draw: how much more compute the baseline needs for the same loss.

.. math:: m(C) = C \,/\, C_r(L^*_0(C))

with :math:`L^*_0(C)` the least loss of the baseline at compute C, and :math:`C_r(L)` the least
compute with which recipe r reaches a loss; 0 where it never does.
"""

from collections.abc import Sequence

import numpy as np

from bayesscale._types import Array
from bayesscale.forecast import Frontier, Terms
from bayesscale.model import Posterior

FARTHEST = 40.0
"""A recipe that needs e^40 times the baseline's compute never reaches its loss."""

LARGEST, RESOLVED = {"params": np.array([1e150]), "tokens": np.array([1e300])}, 1e-9
"""Sizes at which a loss is least, with tokens in plenty, and how close log loss comes to it."""


def frontier(posterior: Posterior, flops: Array, terms: Terms, recipe: int) -> Frontier:
    """Return budgets of a recipe, 0 being the baseline, shape ``(flops,)`` or ``(draw, flops)``."""
    codes = [name for name in posterior.spec.law.given if name.startswith("recipe_")]
    given = {name: np.array([float(name == f"recipe_{recipe}")]) for name in codes}
    return Frontier.of(posterior, flops, terms, {**terms.given, **given})


def multipliers(
    posterior: Posterior, terms: Sequence[Terms], flops: Array, losses: Array
) -> dict[str, Array]:
    """Return by draw and target multipliers, loss, compute, and log loss of all best runs."""
    reference = np.log(posterior.spec.reference["loss"])
    base = frontier(posterior, flops, terms[0], 0)
    x = base.optimum()[0]
    at, needed = base.log_loss(x), np.broadcast_to(flops, base.shape)
    with np.errstate(all="ignore"):
        if len(losses):
            start = np.full(len(losses), np.exp(np.log(flops).mean()))
            line = frontier(posterior, start, terms[0], 0)
            log_loss = np.broadcast_to(np.log(losses) - reference, line.shape)
            reached = line.flops_for(log_loss, line.optimum()[0])
            x_there = frontier(posterior, reached, terms[0], 0).optimum()[0]
            at, needed, x = (np.concatenate(both, axis=1) for both in
                             ((at, log_loss), (needed, reached), (x, x_there)))  # fmt: skip
        every, best = [], [at]
        for i in range(1, len(terms)):
            budget = frontier(posterior, needed, terms[i], i)
            least = posterior.relative_log_loss(posterior.spec.centred({**LARGEST, **budget.given}))
            start = budget.optimum(x)[0]
            best.append(budget.log_loss(start))
            ratio = np.log(needed / budget.flops_for(at, start))
            resolved = (at > least + RESOLVED) & (np.abs(ratio) < FARTHEST)
            every.append(np.where(np.isnan(at), np.nan, np.where(resolved, np.exp(ratio), 0.0)))
    return {
        "multiplier": np.stack(every, axis=1), "loss": np.exp(at + reference), "flops": needed,
        "log_loss": np.stack(best, axis=1),
    }  # fmt: skip
