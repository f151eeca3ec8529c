"""Laws of one variable: parameters, tokens or optimally spent compute, over a floor or not."""

from bayesscale.laws.coordinates import (
    ALPHA_C,
    ALPHA_D,
    ALPHA_N,
    IRREDUCIBLE_SHARE,
    LEVEL,
    Coordinate,
)
from bayesscale.laws.law import Law
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, Quantity

KAPLAN = "Kaplan et al. (2020), eq. {}, arXiv:2001.08361"
HENIGHAN = "Henighan et al. (2020), arXiv:2010.14701"


class OneVariable(Law):
    r"""Loss as a power of one variable, over an irreducible loss if the member has one.

    .. math:: L(x) = [E +] (x_c / x)^{\alpha}
    """

    def __init__(
        self, name: str, variable: Quantity, exponent: Coordinate, *, floor: bool, citation: str
    ) -> None:
        letter = variable.symbol
        self.name = name
        self.citation = citation
        self.equation = (
            f"L({letter}) = {'E + ' * floor}({letter}_c / {letter})^{{\\alpha_{letter}}}"
        )
        self.inputs = (variable.name,)
        self.coordinates = (LEVEL, *([IRREDUCIBLE_SHARE] if floor else []), exponent)
        self.published_units = {
            **({"E": "nats/token"} if floor else {}),
            f"{letter}_c": f"{variable.unit} × (nats/token)^(1/{exponent.name})",
            exponent.name: "1",
        }

    def log_loss(self, c, x, xp):
        (variable,), exponent = self.quantities, c[self.coordinates[-1].name]
        reducible = xp.exp(-exponent * x[variable])
        if IRREDUCIBLE_SHARE in self.coordinates:
            e = c["irreducible_share"]
            return xp.log(c["level"] * (e + (1 - e) * reducible))
        return xp.log(c["level"]) - exponent * x[variable]

    def published(self, c, reference):
        (variable,), name = self.quantities, self.coordinates[-1].name
        loss = c["level"] * reference["loss"]
        e = c["irreducible_share"] if IRREDUCIBLE_SHARE in self.coordinates else 0.0
        scale = reference[variable] * ((1 - e) * loss) ** (1 / c[name])
        values = {"E": e * loss, f"{name[-1]}_c": scale, name: c[name]}
        return {key: values[key] for key in self.published_units}


KAPLANS = tuple(
    OneVariable(
        f"kaplan_{what}{'_irreducible' * floor}",
        variable,
        exponent,
        floor=floor,
        citation=HENIGHAN if floor else KAPLAN.format(number),
    )
    for what, variable, exponent, number in (
        ("params", PARAMS, ALPHA_N, "1.1"),
        ("data", TOKENS, ALPHA_D, "1.2"),
        ("compute", FLOPS, ALPHA_C, "1.3"),
    )
    for floor in (False, True)
)
"""Loss of models trained to convergence, of large models stopped early on D tokens, and of
optimally spent compute."""
