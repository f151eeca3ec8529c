"""The frame that holds Kaplan's and Chinchilla's laws: an outer exponent over two inner terms."""

from bayesscale.laws.coordinates import (
    ALPHA_D,
    ALPHA_N,
    IRREDUCIBLE_SHARE,
    LEVEL,
    OUTER_EXPONENT,
    PARAM_SHARE,
)
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum


class Unified(Law):
    r"""Chinchilla's two terms under an outer exponent.

    .. math:: L(N, D) = E + \left( A N^{-\alpha_N / k} + B D^{-\alpha_D / k} \right)^k

    alpha_N and alpha_D are the exponents with which the reducible loss falls in one variable
    alone, whatever k is. k = 1 is Chinchilla's law; E = 0 and k = alpha_D is Kaplan's. The
    optimal split does not depend on E, nor on k at given inner exponents.
    """

    name = "unified"
    equation = r"L(N, D) = E + (A N^{-\alpha_N / k} + B D^{-\alpha_D / k})^k"
    citation = "Outer exponent: Videau (2026), arXiv:2608.07222; Busbridge et al. (2025), eq. 8"
    inputs = ("params", "tokens")
    contains = {"chinchilla": {"k": 1.0}}
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, PARAM_SHARE, ALPHA_N, ALPHA_D, OUTER_EXPONENT)
    published_units = {
        "E": "nats/token", "A": "(nats/token)^(1/k) × params^(alpha_N/k)",
        "B": "(nats/token)^(1/k) × tokens^(alpha_D/k)", "alpha_N": "1", "alpha_D": "1", "k": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        e, s, k = c["irreducible_share"], c["param_share"], c["k"]
        bracket = s * xp.exp(-c["alpha_N"] / k * x["params"]) + (1 - s) * xp.exp(
            -c["alpha_D"] / k * x["tokens"]
        )
        return xp.log(c["level"] * (e + (1 - e) * xp.exp(k * xp.log(bracket))))

    def published(self, c, reference):
        loss, s, k = c["level"] * reference["loss"], c["param_share"], c["k"]
        root = ((1 - c["irreducible_share"]) * loss) ** (1 / k)
        return {
            "E": c["irreducible_share"] * loss,
            "A": s * root * reference["params"] ** (c["alpha_N"] / k),
            "B": (1 - s) * root * reference["tokens"] ** (c["alpha_D"] / k),
            "alpha_N": c["alpha_N"],
            "alpha_D": c["alpha_D"],
            "k": k,
        }

    def optimum(self, c, x_flops, cost):
        k = c["k"]
        return two_term_optimum(c["param_share"], c["alpha_N"] / k, c["alpha_D"] / k, x_flops, cost)
