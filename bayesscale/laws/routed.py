"""Laws of routed models, that is mixtures of experts: what dense size they are worth."""

from math import log

from bayesscale.laws.coordinates import Coordinate
from bayesscale.laws.effective import EffectiveParams
from bayesscale.laws.one_variable import KAPLANS
from bayesscale.laws.unified import Unified
from bayesscale.quantities import EXPERTS

GAIN = Coordinate("experts_gain", "log", log(0.5), 0.7, "1", "power of experts that size is worth")
START = Coordinate("experts_start", "log", log(2), 0.7, "experts", "number where they help")
SPAN = Coordinate("experts_span", "log", log(400), 1.0, "experts", "further ones that help")


class Routed(EffectiveParams):
    r"""A dense law at the dense size that a routed model of N parameters and M experts is worth.

    .. math:: N_{dense} = N \left( M' / M_{start} \right)^g, \qquad
              \frac{1}{M'} = \frac{1}{M - 1 + (1 / M_{start} - 1 / M_{max})^{-1}}
              + \frac{1}{M_{max}}

    with the saturation of Clark et al. (2022), eq. 6, arXiv:2202.01169. N are the parameters of the
    dense model whose layers are routed, not those of all experts; one expert is a dense model.
    """

    further, own = (EXPERTS,), (GAIN, START, SPAN)
    equation = "N (M' / M_{start})^g"
    question = "what experts are worth"
    references = {EXPERTS.name: 1.0}
    citation = "Saturation of experts: Clark et al. (2022), eq. 6, arXiv:2202.01169"
    published_units = {"g": "1", "M_start": EXPERTS.unit, "M_max": EXPERTS.unit}
    caveat = (
        "Intervals of larger models than the runs' are too narrow: of three routers of Clark et "
        "al. (2022), fitted to 17M to 370M parameters, 90 % intervals held at most 6 of the ten "
        "models of 1.3B. Use this law for what experts are worth among the runs."
    )

    def log_worth(self, c, x, xp):
        start, most = c["experts_start"], c["experts_start"] + c["experts_span"]
        further = xp.expm1(xp.maximum(x["experts"], 0.0))  # no model has fewer than one expert
        grown = 1 / (1 / (further + 1 / (1 / start - 1 / most)) + 1 / most)
        return c["experts_gain"] * xp.log(grown / start)

    def caveats(self, runs):
        dense = (runs["experts"] == 1).any()
        none = "No run is dense (experts = 1): M_start rests on the priors and on the law's form."
        return (*super().caveats(runs), *([] if dense else [none]))

    def published(self, c, reference):
        start = c["experts_start"]
        own = {"g": c["experts_gain"], "M_start": start, "M_max": start + c["experts_span"]}
        return super().published(c, reference) | own


ROUTED = (
    Routed("routed", Unified()),
    Routed("routed_params", next(k for k in KAPLANS if k.name == "kaplan_params_irreducible")),
)
