r"""The compute multiplier by draw: how much more compute the baseline needs for the same loss.

.. math:: m(C) = \frac{C}{C_r(L^*_0(C))}

with :math:`L^*_0(C)` the least loss of the baseline at compute C, and :math:`C_r(L)` the least
compute with which recipe r reaches a loss; 0 where it never does.
"""

from collections.abc import Sequence

import numpy as np

from bayesscale._types import Array
from bayesscale.accounting import PowerCost
from bayesscale.forecast import Frontier, Terms
from bayesscale.model import Posterior
from bayesscale.recipes.law import SAME, SHARED, RecipeLaw

OUT_OF_REACH = 40.0
"""A recipe that needs e^40 times the baseline's compute never reaches its loss."""

LARGEST, RESOLVED = {"params": np.array([1e150]), "tokens": np.array([1e300])}, 1e-9
"""Sizes at which a loss is least, with tokens in plenty, and how close log loss comes to it."""


def frontier(posterior: Posterior, flops: Array, terms: Terms, recipe: int) -> Frontier:
    """Return budgets of a recipe, 0 being the baseline, shape ``(flops,)`` or ``(draw, flops)``."""
    count = len(law_of(posterior).codes)
    given = {f"recipe_{i}": np.array([float(i == recipe)]) for i in range(1, count + 1)}
    return Frontier.of(posterior, flops, terms, given)


def law_of(posterior: Posterior) -> RecipeLaw:
    """Return the law with its recipes."""
    law = posterior.spec.law
    assert isinstance(law, RecipeLaw)
    return law


def exact(posterior: Posterior, terms: Sequence[Terms], recipe: int) -> Array | None:
    """Return what the multiplier is at every budget, shape ``(draw, 1)``; None where it is not one
    number: where more than the gain is free, or costs are no powers with the same exponents.
    """  # noqa: D205
    form, costs = law_of(posterior).form, (terms[0].compute, terms[recipe].compute)
    if form not in (SAME, SHARED) or not all(t.plain for t in (terms[0], terms[recipe])):
        return None
    a, b = costs
    if not (isinstance(a, PowerCost) and isinstance(b, PowerCost)):
        return None
    powers = a.params_exponent, a.tokens_exponent
    if powers != (b.params_exponent, b.tokens_exponent):
        return None
    ratio = np.full((len(posterior), 1), np.log(a.kappa / b.kappa))
    if form == SHARED:
        for power, name in zip(powers, ("ln_rho_N", "ln_rho_D"), strict=True):
            ratio = ratio + power * posterior.c[f"{name}_{recipe}"]
    return np.exp(ratio)


def searched(
    posterior: Posterior, terms: Sequence[Terms], recipe: int, flops: Array, x: Array,
    log_loss: Array,
) -> Array:  # fmt: skip
    """Return the multiplier by search: the baseline has the log loss, relative to the reference's,
    at budgets, ``(flops,)`` or ``(draw, flops)``, with best sizes ``x``; all ``(draw, flops)``.
    """  # noqa: D205
    of = frontier(posterior, flops, terms[recipe], recipe)
    with np.errstate(all="ignore"):
        least = posterior.relative_log_loss(posterior.spec.centred({**LARGEST, **of.given}))
        needed = of.flops_for(log_loss, of.optimum(x)[0])
        ratio = np.log(np.broadcast_to(flops, needed.shape) / needed)
        reached = (log_loss > least + RESOLVED) & (np.abs(ratio) < OUT_OF_REACH)
    return np.where(reached, np.exp(ratio), 0.0)


def multipliers(
    posterior: Posterior, terms: Sequence[Terms], flops: Array, losses: Array
) -> dict[str, Array]:
    """Return for every recipe but the baseline the multiplier at budgets and then at losses of the
    baseline, shape ``(draw, recipe, target)``; the loss, nats/token, and the baseline's compute,
    ``(draw, target)``.
    """  # noqa: D205
    reference = np.log(posterior.spec.reference["loss"])
    base = frontier(posterior, flops, terms[0], 0)
    x = base.optimum()[0]
    at, needed = base.log_loss(x), np.broadcast_to(flops, base.shape)
    if len(losses):
        start = np.full(len(losses), np.exp(np.log(flops).mean()))
        line = frontier(posterior, start, terms[0], 0)
        asked = np.broadcast_to(np.log(losses) - reference, line.shape)
        with np.errstate(all="ignore"):
            reached = line.flops_for(asked, line.optimum()[0])
        needed, at = (np.concatenate(both, axis=1) for both in ((needed, reached), (at, asked)))
        x = np.concatenate([x, frontier(posterior, reached, terms[0], 0).optimum()[0]], axis=1)
    every = []
    for i in range(1, len(terms)):
        known = exact(posterior, terms, i)
        every.append(
            searched(posterior, terms, i, needed, x, at)
            if known is None
            else np.broadcast_to(known, at.shape)
        )
    return {"multiplier": np.stack(every, axis=1), "loss": np.exp(at + reference), "flops": needed}
