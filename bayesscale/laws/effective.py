"""Laws of what parameters are worth: in routed models, and at low precision."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from bayesscale.laws.coordinates import Coordinate
from bayesscale.laws.law import Law
from bayesscale.quantities import Quantity


class EffectiveParams(Law):
    r"""A law at the parameters of a plain model that a model is worth.

    .. math:: L(N, \ldots) = L_{plain}(N e^{w}, \ldots)

    A discrepancy acts on the effective parameters.
    """

    further: tuple[Quantity, ...]
    own: tuple[Coordinate, ...]

    def __init__(self, name: str, plain: Law) -> None:
        self.name, self.plain, self.drifts = name, plain, plain.drifts
        self.inputs = (*plain.inputs, *self.further)
        self.coordinates = (*plain.coordinates, *self.own)
        self.references = {**plain.references, **self.references}
        self.question += f": {plain.question}"
        self.equation = f"{plain.equation} at {self.equation}"
        self.published_units = {**plain.published_units, **self.published_units}

    @abstractmethod
    def log_worth(self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
        """Return w, the log of what a parameter is worth in those of the plain law."""

    def log_worth_in_all(self, c: Mapping[str, Any], x: Mapping[str, Any], xp: Any) -> Any:
        """Return the same with what those are worth, if the plain law is one of these, too."""
        worth = self.log_worth(c, x, xp)
        if isinstance(self.plain, EffectiveParams):
            inner = {**x, "params": x["params"] + worth}
            worth = worth + self.plain.log_worth_in_all(c, inner, xp)
        return worth

    def caveats(self, runs):
        return (*super().caveats(runs), *self.plain.caveats(runs))

    def log_loss(self, c, x, xp):
        law, c, x = self.surface(c, x, xp)
        return law.log_loss(c, x, xp)

    def surface(self, c, x, xp):
        sizes = {name: x[name] for name in self.plain.quantities}
        return self.plain, c, {**sizes, "params": x["params"] + self.log_worth(c, x, xp)}

    def published(self, c, reference):
        return self.plain.published(c, reference)
