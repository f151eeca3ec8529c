"""Chinchilla's law: an irreducible loss and two additive power terms."""

from bayesscale.laws.coordinates import EXPONENT_RATIO, IRREDUCIBLE_SHARE, LEVEL, SLOPE_D, SLOPE_N
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum, two_terms


class Chinchilla(Law):
    r"""Loss as an irreducible part plus one power of parameters and one of tokens.

    .. math:: L(N, D) = E + A N^{-\alpha_N} + B D^{-\alpha_D}
    """

    name = "chinchilla"
    equation = r"L(N, D) = E + A N^{-\alpha_N} + B D^{-\alpha_D}"
    question = "parameters and tokens under a budget, terms that add up"
    citation = "Hoffmann et al. (2022), eq. 2, arXiv:2203.15556"
    inputs = ("params", "tokens")
    coordinates = (LEVEL, SLOPE_N, SLOPE_D, EXPONENT_RATIO, IRREDUCIBLE_SHARE)
    published_units = {
        "E": "nats/token", "A": "nats/token × params^alpha_N", "B": "nats/token × tokens^alpha_D",
        "alpha_N": "1", "alpha_D": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        e = c["irreducible_share"]
        s, alpha_n, alpha_d = two_terms(c, e)
        reducible = s * xp.exp(-alpha_n * x["params"]) + (1 - s) * xp.exp(-alpha_d * x["tokens"])
        return xp.log(c["level"] * (e + (1 - e) * reducible))

    def published(self, c, reference):
        e, loss = c["irreducible_share"], c["level"] * reference["loss"]
        s, alpha_n, alpha_d = two_terms(c, e)
        return {
            "E": e * loss, "A": s * (1 - e) * loss * reference["params"] ** alpha_n,
            "B": (1 - s) * (1 - e) * loss * reference["tokens"] ** alpha_d, "alpha_N": alpha_n,
            "alpha_D": alpha_d,
        }  # fmt: skip

    def optimum(self, c, x_flops, cost):
        s, alpha_n, alpha_d = two_terms(c, c["irreducible_share"])
        return two_term_optimum(s, alpha_n, alpha_d, x_flops, cost)
