"""A question about budgets: who answers it, on what terms, and at which further inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.errors import DomainError
from bayesscale.forecast.answer import broadcast, check_inputs, summary_columns
from bayesscale.forecast.frontier import Frontier
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.terms import Terms
from bayesscale.inference import Average, Fit
from bayesscale.laws import SPLIT
from bayesscale.model import Posterior


@dataclass(frozen=True)
class Purchase:
    """A posterior that splits budgets; ``given``: the law's other inputs, ``(1 or target,)``."""

    mixture: Mixture
    terms: Terms
    given: dict[str, Array]

    @classmethod
    def of(
        cls, fit: Fit | Average, terms: Terms | None = None,
        inputs: Mapping[str, ArrayLike] | None = None, *, single: bool = False,
    ) -> Purchase:  # fmt: skip
        """Check terms, and further inputs, against a fit; refuse a law without a split."""
        mixture = Mixture.of(fit)
        law = mixture.reference.law
        terms = Terms.of(terms, mixture.reference.runs, law=law)
        stated_inputs = {**terms.given, **(inputs or {})}
        if not law.splits_compute:
            raise DomainError(
                f"The law {law.name!r} depends on {' and '.join(law.quantities)}, so it has "
                "nothing to split. Fit a law of parameters and tokens, such as 'chinchilla' or "
                "'unified'."
            )
        given = check_inputs(law, stated_inputs, wanted=law.given, single=single)
        return cls(mixture, terms, given)

    @property
    def cost(self) -> Cost:
        """The cost at the further inputs."""
        return self.terms.cost_at(self.given)

    def over(self, flops: Array) -> tuple[Purchase, Array]:
        """Return the question with one value of every input a budget, and the budgets."""
        targets = broadcast({"flops": flops, **self.given})
        flops = targets.pop("flops")
        return replace(self, given=targets), flops

    def at(self, targets: Any) -> Purchase:
        """Return the question about some of the targets."""
        return replace(self, given={name: values[targets] for name, values in self.given.items()})

    def frontier(self, posterior: Posterior, flops: Array) -> Frontier:
        """Return the budgets, shape ``(flops,)`` or ``(draw, flops)``, of flat draws."""
        return Frontier.of(posterior, flops, self.terms, self.given)

    def law_inputs(self, posterior: Posterior, params: Array, tokens: Array) -> dict[str, Array]:
        """Return what the law takes for parameters and tokens of the question, by name."""
        sizes = {"params": params, "tokens": tokens, **self.given}
        return law_inputs(posterior, sizes, self.terms)

    def law_loss(self, params: Array, tokens: Array) -> Array:
        """Return the loss of sizes, nats/token, ``(chain, draw, size)``."""
        return self.mixture.evaluate(
            lambda p, _: {"loss": p.law_loss(self.law_inputs(p, params, tokens))}
        )["loss"]

    def best(self, posterior: Posterior, flops: Array) -> dict[str, Array]:
        """Return N*, D* and L* (nats/token), shape ``(draw, flops)``, NaN without an optimum."""
        with np.errstate(invalid="ignore"):  # corners where serving leaves nothing to train on
            split = self.frontier(posterior, flops).split()
        inputs = self.law_inputs(posterior, split.params, split.tokens)
        return {"params": split.params, "tokens": split.tokens, "loss": posterior.law_loss(inputs)}

    def optima(self, flops: Array) -> dict[str, Array]:
        """Return what :meth:`best` does of the mixture, shape ``(chain, draw, flops)``."""
        return self.mixture.evaluate(lambda posterior, _: self.best(posterior, flops))

    def summary(self, flops: Array, ci_prob: float) -> pd.DataFrame:
        """Return medians and intervals of N*, D*, D*/N* and L*, one row per budget."""
        drawn = self.optima(flops)
        drawn["tokens_per_param"] = drawn["tokens"] / drawn["params"]
        columns: dict[str, Any] = {"flops": flops}
        for name, values in drawn.items():
            columns |= summary_columns(name, values, ci_prob)
        return pd.DataFrame(columns)


def law_inputs(posterior: Posterior, sizes: Mapping[str, Array], terms: Terms) -> dict[str, Array]:
    """Return the law's inputs for sizes: parameters as the runs count, repeated tokens' worth."""
    if terms.counting is None and terms.repetition is None:
        return dict(sizes)
    n, d = (np.asarray(sizes[name], float) for name in SPLIT)
    params, tokens = terms.of_law(n, d, terms.own(posterior))
    return {**sizes, "params": params, "tokens": tokens}


def priced(fit: Fit, terms: Terms | None, *, spends: bool = True) -> Terms:
    """Return the terms of a question to any law, checked and completed."""
    if not fit.law.split:
        return without_split(fit, terms)
    return Terms.of(terms, fit.runs, spends=spends, law=fit.law)


def without_split(fit: Fit, terms: Terms | None) -> Terms:
    """Return the terms of a question to a law that splits no budget: inputs and tolerance alone."""
    terms = Terms() if terms is None else terms
    if not terms.free:
        raise DomainError(
            "Cost, limits, repetition and counting are terms of splitting compute between "
            f"parameters and tokens, but the law {fit.law.name!r} depends on "
            f"{' and '.join(fit.law.quantities)} alone. Leave them out."
        )
    return terms
