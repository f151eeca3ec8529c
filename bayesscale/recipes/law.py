r"""One law for several recipes: what a recipe changes is stated relative to a baseline.

With L the law of the baseline, recipe r has the loss

.. math:: L_r(N, D) = L(\rho_N N, \rho_D D)

so that at C = κND its best run is the baseline's best run at :math:`\rho_N \rho_D C`: the compute
multiplier :math:`m = \rho_N \rho_D` is one number at every budget. Three forms free one thing each:
the irreducible loss of the recipe, its exponents, or a drift of its gain with compute,

.. math:: \ln m(C) = \ln \rho_N + \ln \rho_D + \delta t + \delta' \max(t - 1, 0), \qquad
          t = \ln \frac{N D}{N_0 D_0}

with the size of the recipe's run and the centre :math:`N_0, D_0` of all runs.
"""

from dataclasses import dataclass
from typing import Any

from bayesscale.laws import IRREDUCIBLE_SHARE, SPLIT, Coordinate, Law, get_law
from bayesscale.quantities import Quantity

GAIN, FLOOR, EXPONENT, DRIFT = 0.3, 0.03, 0.15, 0.03
"""Scales of the normal priors: of ln ρ, of ln E, of ln α, and of the drift of ln m for every factor
e of compute."""

KNOT = 1.0
"""Where the drift of a gain may change, ln(N D) above the centre of the runs."""

SAME, SHARED = "same", "shared"

FREED: dict[str, tuple[tuple[str, float, str], ...]] = {
    SAME: (),
    SHARED: (),
    "floor": (("ln_E", FLOOR, "log of its irreducible loss over the baseline's"),),
    "exponents": (
        ("ln_alpha_N", EXPONENT, "log of its exponent of parameters over the baseline's"),
        ("ln_alpha_D", EXPONENT, "log of its exponent of tokens over the baseline's"),
    ),
    "drift": (
        ("gain_drift", DRIFT, "change of its ln multiplier for every factor e of compute"),
        ("gain_drift_above", DRIFT, "further change of it above the centre of the runs"),
    ),
}
"""What each form frees besides the gain, per recipe: name, scale of the prior, meaning."""

FORMS = tuple(form for form in FREED if form != SAME)


@dataclass(frozen=True, slots=True)
class Code(Quantity):
    """1 for the runs of a recipe, 0 for others: not centred, as the baseline is the reference."""

    def centre(self, values: Any) -> float:
        """Return the code of the baseline."""
        return 0.0


class RecipeLaw(Law):
    """A law of parameters and tokens with the changes that recipes 1, 2, ... make to it.

    Parameters
    ----------
    law
        The law of the baseline, recipe 0.
    count
        How many recipes there are besides the baseline.
    form
        What is freed besides the gain: one of ``FREED``, of which ``"same"`` has no gain either.
    """

    def __init__(self, law: str | Law, count: int, form: str = SHARED) -> None:
        self.law, self.form = get_law(law), form
        self.name = f"{self.law.name}, {form}"
        self.codes = tuple(f"recipe_{i}" for i in range(1, count + 1))
        self.inputs = (*self.law.inputs, *(Code(code, scale="identity") for code in self.codes))
        gains = (
            ("ln_rho_N", GAIN, "log of what multiplies its parameters"),
            ("ln_rho_D", GAIN, "log of what multiplies its tokens"),
        )
        self.own = () if form == SAME else (*gains, *FREED[form])
        self.coordinates = (
            *self.law.coordinates,
            *(
                Coordinate(f"{name}_{i}", "identity", 0.0, scale, "1", f"recipe {i}: {meaning}")
                for i in range(1, count + 1)
                for name, scale, meaning in self.own
            ),
        )

    @property
    def floored(self) -> bool:
        """Whether the law of the baseline has an irreducible loss."""
        return IRREDUCIBLE_SHARE in self.law.coordinates

    def log_loss(self, c, x, xp):
        law, c, x = self.surface(c, x, xp)
        return law.log_loss(c, x, xp)

    def surface(self, c, x, xp):
        if self.form == SAME:
            return self.law, c, x

        def change(name: str) -> Any:
            return sum(c[f"{name}_{i}"] * x[code] for i, code in enumerate(self.codes, start=1))

        n, d = (x[name] for name in SPLIT)
        moved = {"params": n + change("ln_rho_N"), "tokens": d + change("ln_rho_D")}
        if self.form == "drift":
            beyond = xp.maximum(n + d - KNOT, 0.0)
            drift = change("gain_drift") * (n + d) + change("gain_drift_above") * beyond
            moved = {name: value + drift / 2 for name, value in moved.items()}
        elif self.form == "exponents":
            f_n, f_d = xp.exp(change("ln_alpha_N")), xp.exp(change("ln_alpha_D"))
            c = {
                **c, "slope_N": c["slope_N"] * f_n, "slope_D": c["slope_D"] * f_d,
                "exponent_ratio": c["exponent_ratio"] * f_n / f_d,
            }  # fmt: skip
        elif self.form == "floor":
            # the reducible part stays, so that level, share and slopes at the centre all change
            e, times = c["irreducible_share"], xp.exp(change("ln_E"))
            whole = e * times + 1 - e
            c = {
                **c, "level": c["level"] * whole, "irreducible_share": e * times / whole,
                "slope_N": c["slope_N"] / whole, "slope_D": c["slope_D"] / whole,
            }  # fmt: skip
        return self.law, c, {**x, **moved}
