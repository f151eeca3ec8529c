"""Laws of models trained in few bits: what their parameters are worth at full precision."""

from math import log

import numpy as np

from bayesscale._format import list_some
from bayesscale.laws.coordinates import Coordinate
from bayesscale.laws.effective import EffectiveParams
from bayesscale.laws.law import Law, by_label
from bayesscale.laws.unified import Unified
from bayesscale.quantities import ACTIVATION_BITS, WEIGHT_BITS, Quantity

FULL = 16.0  # bits

METHOD = Quantity("method", noun="method", known_as=(), role="label")

DECAYS = {
    bits.name: Coordinate(
        f"{of}_decay", "log", log(2.4), 0.5, "bits", f"bits of {of}s that a factor e of harm takes"
    )
    for of, bits in (("weight", WEIGHT_BITS), ("activation", ACTIVATION_BITS))
}


class Precision(EffectiveParams):
    r"""The unified law at the parameters that those of few bits are worth.

    .. math:: N' = N \prod_{x} \frac{1 - e^{-P_x / \gamma_x}}{1 - e^{-16 / \gamma_x}}

    over the bits P of weights and activations: N' = N at 16/16.
    """

    further, own = (WEIGHT_BITS, ACTIVATION_BITS), tuple(DECAYS.values())
    equation = r"N \prod_x (1 - e^{-P_x / \gamma_x}) / (1 - e^{-16 / \gamma_x})"
    question = "what training in few bits costs"
    references = dict.fromkeys(DECAYS, FULL)
    citation = "Kumar et al. (2024), section 4, arXiv:2411.04330"
    published_units = {"gamma_w": "bits", "gamma_a": "bits"}

    def log_worth(self, c, x, xp):
        kept = (
            xp.expm1(-FULL * xp.exp(x[name]) / c[k.name]) / xp.expm1(-FULL / c[k.name])
            for name, k in DECAYS.items()
        )
        return sum(map(xp.log, kept))

    def published(self, c, reference):
        decays = {f"gamma_{k.name[0]}": c[k.name] for k in DECAYS.values()}
        return super().published(c, reference) | decays

    def caveats(self, runs):
        full = np.logical_and(*(runs[name] == FULL for name in DECAYS)).any()
        none = "No run is at 16/16 bits: ratios between precisions are known, what 16 bits are not."
        return (*super().caveats(runs), *([] if full else [none]))


class PrecisionMethods(EffectiveParams):
    r"""The unified law at the parameters that those of a method of training are worth.

    .. math:: N' = N e^{d_{method} + s_{method} \ln(N / N_0)}

    around the centre N_0 of the runs. For the baseline d = s = 0: by default the method whose name
    starts with 16/16 (the shortest of several), or else the first. On the runs of Panferov et al.
    (2025) the scatter around the law of bits is eight times that around this one, whose chains mix
    with discrepancy=None, but seldom with drift.
    """

    further, own = (METHOD,), ()
    equation = r"N e^{d_{method} + s_{method} \ln(N / N_0)}"
    question = "what methods of training in few bits cost"
    citation = "Effective parameters by method: Panferov et al. (2025), arXiv:2502.05003"

    def __init__(self, name: str, plain: Law, *, baseline: str = "16/16") -> None:
        super().__init__(name, plain)
        self.baseline = baseline

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods of the runs, the baseline first."""
        return self.quantities[METHOD.name].levels

    def with_levels(self, levels):
        def rank(name: str) -> tuple[bool, int]:
            return (False, len(name)) if name.startswith(self.baseline) else (True, 0)

        ordered = tuple(sorted(levels.get(METHOD.name, ()), key=rank))
        law = super().with_levels({METHOD.name: ordered} if ordered else {})
        own = (
            Coordinate(f"{letter}_{i}", "identity", *prior, unit, f"{what} of {name!r}")
            for letter, prior, unit, what in (
                ("d", (-0.5, 1.0), "log N", "worth"), ("s", (0.0, 0.05), "1", "d worth / d ln N"),
            )
            for i, name in enumerate(ordered[1:], start=1)
        )  # fmt: skip
        law.coordinates = (*self.plain.coordinates, *own)
        return law

    def log_worth(self, c, x, xp):
        def of_method(letter: str):
            others = (c[f"{letter}_{i}"] for i in range(1, len(self.methods)))
            return by_label(x[METHOD.name], [0.0, *others], xp)

        return of_method("d") + of_method("s") * x["params"]

    def caveats(self, runs):
        names, counts = np.unique(runs[METHOD.name].astype(str), return_counts=True)
        first, once = self.methods[0], names[counts == 1]
        other = f"No method is called {self.baseline!r}: worths are in parameters of {first!r}."
        one = f"Of {list_some(once)} there is one run: its noise counts as the method's worth."
        told = {other: not first.startswith(self.baseline), one: once.size}
        return (*super().caveats(runs), *(text for text, holds in told.items() if holds))


PRECISION = (Precision("precision", Unified()), PrecisionMethods("precision_methods", Unified()))
