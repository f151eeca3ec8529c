"""Laws of precision and of routed models as a user would write them: what the package can hold."""

from types import MappingProxyType

import numpy as np

import bayesscale as bs
from bayesscale import laws
from bayesscale.quantities import EXPERTS

STARTS = bs.Coordinate("experts_start", "log", np.log(2), 0.7, "experts", "E_start of Clark's Ê")
MOST = bs.Coordinate("experts_most", "log", np.log(400), 1.0, "experts", "E_max of Clark's Ê")


def ln_worth(c, x, xp):
    """Clark's saturation: ln(Ê / E_start), 0 for a dense model."""
    start, most = c["experts_start"], c["experts_start"] + c["experts_most"]
    grown = 1 / (1 / (xp.expm1(x["experts"]) + 1 / (1 / start - 1 / most)) + 1 / most)
    return xp.log(grown / start)


class Routed(bs.Law):
    """A power of an effective dense size, N (Ê / E_start)^g, over a floor."""

    name = "routed"
    inputs = ("params", EXPERTS)
    references = MappingProxyType({"experts": 1.0})
    coordinates = (
        laws.LEVEL, laws.SLOPE_N, laws.IRREDUCIBLE_SHARE,
        bs.Coordinate("gain", "log", np.log(0.5), 0.7, "1", "power of Ê that sizes are worth"),
        STARTS, MOST,
    )  # fmt: skip

    def log_loss(self, c, x, xp):
        e = c["irreducible_share"]
        size = x["params"] + c["gain"] * ln_worth(c, x, xp)
        return xp.log(c["level"] * (e + (1 - e) * xp.exp(-c["slope_N"] / (1 - e) * size)))


class Bilinear(bs.Law):
    """Clark et al. (2022), eq. 4, arXiv:2202.01169, in logs."""

    name = "bilinear"
    inputs = Routed.inputs
    references = Routed.references
    coordinates = (
        laws.LEVEL, laws.SLOPE_N,
        bs.Coordinate("slope_E", "log", np.log(0.05), 0.7, "1", "slope of log loss in ln Ê"),
        bs.Coordinate("interaction", "identity", 0.0, 0.02, "1", "of ln N and ln Ê"),
        STARTS, MOST,
    )  # fmt: skip

    def log_loss(self, c, x, xp):
        y = ln_worth(c, x, xp)
        slope = c["interaction"] * y - c["slope_N"]
        return xp.log(c["level"]) + slope * x["params"] - c["slope_E"] * y


class Precision(bs.Law):
    """The unified law of N e^(d + s ln N), for every method but the first, the baseline."""

    name = "own_precision"

    def __init__(self, methods: tuple[str, ...], plain: str = "unified") -> None:
        self.plain = laws.get_law(plain)
        self.inputs = ("params", "tokens", bs.Quantity("method", role="label", levels=methods))
        self.coordinates = (
            *self.plain.coordinates,
            *(
                bs.Coordinate(f"{letter}_{i}", "identity", loc, scale, "1", f"{what} of {m}")
                for letter, loc, scale, what in (("d", -0.5, 1.0, "worth"), ("s", 0, 0.05, "slope"))
                for i, m in enumerate(methods[1:], start=1)
            ),
        )

    def log_loss(self, c, x, xp):
        law, c, x = self.surface(c, x, xp)
        return law.log_loss(c, x, xp)

    def surface(self, c, x, xp):
        others = range(1, len(self.quantities["method"].levels))
        d, s = (
            laws.by_label(x["method"], [0.0, *(c[f"{k}_{i}"] for i in others)], xp) for k in "ds"
        )
        return self.plain, c, {"params": x["params"] * (1 + s) + d, "tokens": x["tokens"]}
