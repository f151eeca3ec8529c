"""Laws of one variable: parameters, tokens or optimally spent compute, over a floor or not."""

from bayesscale.laws import coordinates as known
from bayesscale.laws.law import Law
from bayesscale.quantities import FLOPS, PARAMS, TOKENS, Quantity

KAPLAN = "Kaplan et al. (2020), eq. {}, arXiv:2001.08361"
HENIGHAN = "Henighan et al. (2020), arXiv:2010.14701"


class OneVariable(Law):
    r"""Loss as a power of one variable, over an irreducible loss if the member has one.

    .. math:: L(x) = [E +] (x_c / x)^{\alpha}
    """

    def __init__(
        self, name: str, variable: Quantity, slope: known.Coordinate, *, floor: bool, citation: str
    ) -> None:
        letter, self.question = variable.symbol, f"{variable.noun} alone"
        self.name = name
        self.citation = citation
        self.equation = (
            f"L({letter}) = {'E + ' * floor}({letter}_c / {letter})^{{\\alpha_{letter}}}"
        )
        self.inputs = (variable.name,)
        self.coordinates = (known.LEVEL, slope, *([known.IRREDUCIBLE_SHARE] if floor else []))
        self.published_units = {
            **({"E": "nats/token"} if floor else {}),
            f"{letter}_c": f"{variable.unit} × (nats/token)^(1/alpha_{letter})",
            f"alpha_{letter}": "1",
        }

    def log_loss(self, c, x, xp):
        (variable,), slope = self.quantities, c[self.coordinates[1].name]
        if known.IRREDUCIBLE_SHARE not in self.coordinates:
            return xp.log(c["level"]) - slope * x[variable]
        e = c["irreducible_share"]
        return xp.log(c["level"] * (e + (1 - e) * xp.exp(-slope / (1 - e) * x[variable])))

    def published(self, c, reference):
        (variable,), loss = self.quantities, c["level"] * reference["loss"]
        e = c["irreducible_share"] if known.IRREDUCIBLE_SHARE in self.coordinates else 0.0
        alpha = c[self.coordinates[1].name] / (1 - e)
        scale = reference[variable] * ((1 - e) * loss) ** (1 / alpha)
        values = (e * loss, scale, alpha) if len(self.coordinates) > 2 else (scale, alpha)
        return dict(zip(self.published_units, values, strict=True))


KAPLANS = tuple(
    OneVariable(
        f"kaplan_{what}{'_irreducible' * floor}", variable, slope, floor=floor,
        citation=HENIGHAN if floor else KAPLAN.format(number),
    )
    for what, variable, slope, number in (
        ("params", PARAMS, known.SLOPE_N, "1.1"),
        ("data", TOKENS, known.SLOPE_D, "1.2"),
        ("compute", FLOPS, known.SLOPE_C, "1.3"),
    )
    for floor in (False, True)
)  # fmt: skip
"""Loss of models trained to convergence, of large models stopped early on D tokens, and of
optimally spent compute."""
