r"""One law for several recipes: what a recipe changes is stated relative to a baseline.

With L the law of the baseline, a recipe has the loss :math:`L(\rho_N N, \rho_D D)`, so that its
best run at C = κND is the baseline's best run at :math:`\rho_N \rho_D C`: the compute multiplier
:math:`m = \rho_N \rho_D` is one number at every budget. Other forms free a drift of the gain with
the size of the recipe's run, and with it the irreducible loss or the exponents of the recipe,

.. math:: \ln m = \ln \rho_N + \ln \rho_D + \delta t + \delta' \max(t - 1, 0), \qquad
          t = \ln \frac{N D}{N_0 D_0}

from the centre :math:`N_0, D_0` of all runs.
"""

from dataclasses import dataclass
from typing import Any

from bayesscale.laws import SPLIT, Coordinate, Law, get_law
from bayesscale.quantities import Quantity

SAME, SHARED, FLOOR, EXPONENTS, DRIFT = "same", "shared", "floor", "exponents", "drift"
KNOT = 1.0

GAIN = (("ln_rho_N", 0.5, "log of what multiplies parameters"),
        ("ln_rho_D", 0.5, "log of what multiplies tokens"))  # fmt: skip
FREED = {
    FLOOR: (("ln_E", 0.03, "log ratio of the irreducible losses"),),
    EXPONENTS: (("ln_alpha_N", 0.15, "log ratio of the exponents of parameters"),
                ("ln_alpha_D", 0.15, "log ratio of the exponents of tokens")),
    DRIFT: (("gain_drift", 0.1, "change of ln m for every factor e of compute"),
            ("gain_drift_above", 0.1, "further change of it above the centre of the runs")),
}  # fmt: skip
"""What a form frees besides the gain, for each recipe: name, scale of the normal prior around zero,
meaning. Gains and their drift are about as large as those of 12 pairs of public ladders."""

FORMS = (SHARED, DRIFT, f"{FLOOR} + {DRIFT}", f"{EXPONENTS} + {DRIFT}")


@dataclass(frozen=True, slots=True)
class Code(Quantity):
    """1 for the runs of a recipe, else 0; not centred, as the baseline is the reference."""

    def centre(self, values: Any) -> float:
        """Return the code of the baseline."""
        return 0.0


class RecipeLaw(Law):
    """A law, and what recipes 1 to ``count`` change of it in a form: one of `FORMS`, or none."""

    def __init__(self, law: str | Law, count: int, form: str = SHARED) -> None:
        self.law, self.form = get_law(law), form
        self.name = f"{self.law.name}, {form}"
        self.codes = tuple(f"recipe_{i}" for i in range(1, count + 1))
        self.inputs = (*self.law.inputs, *(Code(code, scale="identity") for code in self.codes))
        self.parts = () if form in (SAME, SHARED) else tuple(form.split(" + "))
        freed = (*GAIN, *(each for part in self.parts for each in FREED[part]))
        gains = [
            Coordinate(f"{name}_{i}", "identity", 0.0, scale, "1", f"recipe {i}: {meaning}")
            for i in range(1, count + 1) for name, scale, meaning in freed if form != SAME
        ]  # fmt: skip
        self.coordinates = (*self.law.coordinates, *gains)

    def log_loss(self, c, x, xp):
        """Return the loss of every recipe."""
        law, c, x = self.surface(c, x, xp)
        return law.log_loss(c, x, xp)

    def surface(self, c, x, xp):
        """Return the baseline's law at what recipes make of coordinates and sizes."""
        if self.form == SAME:
            return self.law, c, x

        def change(name: str) -> Any:
            return sum(c[f"{name}_{i}"] * x[code] for i, code in enumerate(self.codes, start=1))

        n, d = (x[name] for name in SPLIT)
        moved = {"params": n + change("ln_rho_N"), "tokens": d + change("ln_rho_D")}
        if DRIFT in self.parts:
            above = change("gain_drift_above") * xp.maximum(n + d - KNOT, 0.0)
            drift = change("gain_drift") * (n + d) + above
            moved = {name: value + drift / 2 for name, value in moved.items()}
        if EXPONENTS in self.parts:
            f_n, f_d = xp.exp(change("ln_alpha_N")), xp.exp(change("ln_alpha_D"))
            ratio = c["exponent_ratio"] * f_n / f_d
            c = {**c, "slope_N": c["slope_N"] * f_n, "slope_D": c["slope_D"] * f_d,
                 "exponent_ratio": ratio}  # fmt: skip
        if FLOOR in self.parts:  # the reducible part stays: level, share and slopes all change
            e, times = c["irreducible_share"], xp.exp(change("ln_E"))
            whole = e * times + 1 - e
            c = {**c, "level": c["level"] * whole, "irreducible_share": e * times / whole,
                 "slope_N": c["slope_N"] / whole, "slope_D": c["slope_D"] / whole}  # fmt: skip
        return self.law, c, {**x, **moved}
