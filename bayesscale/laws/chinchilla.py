"""Chinchilla's law: an irreducible loss and two additive power terms."""

from bayesscale.laws.coordinates import ALPHA_D, ALPHA_N, IRREDUCIBLE_SHARE, LEVEL, PARAM_SHARE
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum


class Chinchilla(Law):
    r"""Loss as an irreducible part plus one power of parameters and one of tokens.

    .. math:: L(N, D) = E + A N^{-\alpha_N} + B D^{-\alpha_D}
    """

    name = "chinchilla"
    equation = r"L(N, D) = E + A N^{-\alpha_N} + B D^{-\alpha_D}"
    citation = "Hoffmann et al. (2022), eq. 2, arXiv:2203.15556"
    inputs = ("params", "tokens")
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, PARAM_SHARE, ALPHA_N, ALPHA_D)
    published_units = {
        "E": "nats/token", "A": "nats/token × params^alpha_N", "B": "nats/token × tokens^alpha_D",
        "alpha_N": "1", "alpha_D": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        e, s = c["irreducible_share"], c["param_share"]
        params_term = s * xp.exp(-c["alpha_N"] * x["params"])
        tokens_term = (1 - s) * xp.exp(-c["alpha_D"] * x["tokens"])
        return xp.log(c["level"] * (e + (1 - e) * (params_term + tokens_term)))

    def published(self, c, reference):
        loss = c["level"] * reference["loss"]
        reducible = (1 - c["irreducible_share"]) * loss
        return {
            "E": c["irreducible_share"] * loss,
            "A": c["param_share"] * reducible * reference["params"] ** c["alpha_N"],
            "B": (1 - c["param_share"]) * reducible * reference["tokens"] ** c["alpha_D"],
            "alpha_N": c["alpha_N"],
            "alpha_D": c["alpha_D"],
        }

    def optimum(self, c, x_flops, cost):
        return two_term_optimum(c["param_share"], c["alpha_N"], c["alpha_D"], x_flops, cost)
