"""The frame that holds Kaplan's and Chinchilla's laws: an outer exponent over two inner terms."""

from bayesscale.laws.coordinates import (
    EXPONENT_RATIO,
    IRREDUCIBLE_SHARE,
    LEVEL,
    OUTER_EXPONENT,
    SLOPE_D,
    SLOPE_N,
)
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum, two_terms


class Unified(Law):
    r"""Chinchilla's two terms under an outer exponent.

    .. math:: L(N, D) = E + \left( A N^{-\alpha_N / k} + B D^{-\alpha_D / k} \right)^k

    alpha_N and alpha_D are the exponents with which the reducible loss falls in one variable
    alone, whatever k is. k = 1 is Chinchilla's law; E = 0 and k = alpha_D is Kaplan's. The
    optimal split does not depend on E, nor on k at given inner exponents.
    """

    name = "unified"
    equation = r"L(N, D) = E + (A N^{-\alpha_N / k} + B D^{-\alpha_D / k})^k"
    question = "parameters and tokens under a budget"
    citation = "Outer exponent: Videau (2026), arXiv:2608.07222; Busbridge et al. (2025), eq. 8"
    inputs = ("params", "tokens")
    contains = {"chinchilla": {"k": 1.0}}
    coordinates = (LEVEL, SLOPE_N, SLOPE_D, EXPONENT_RATIO, IRREDUCIBLE_SHARE, OUTER_EXPONENT)
    published_units = {
        "E": "nats/token", "A": "(nats/token)^(1/k) × params^(alpha_N/k)",
        "B": "(nats/token)^(1/k) × tokens^(alpha_D/k)", "alpha_N": "1", "alpha_D": "1", "k": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        e, k = c["irreducible_share"], c["k"]
        s, alpha_n, alpha_d = two_terms(c, e)
        params_term = s * xp.exp(-alpha_n / k * x["params"])
        tokens_term = (1 - s) * xp.exp(-alpha_d / k * x["tokens"])
        reducible = xp.exp(k * xp.log(params_term + tokens_term))
        return xp.log(c["level"] * (e + (1 - e) * reducible))

    def published(self, c, reference):
        e, k, loss = c["irreducible_share"], c["k"], c["level"] * reference["loss"]
        s, alpha_n, alpha_d = two_terms(c, e)
        root = ((1 - e) * loss) ** (1 / k)
        return {
            "E": e * loss, "A": s * root * reference["params"] ** (alpha_n / k),
            "B": (1 - s) * root * reference["tokens"] ** (alpha_d / k), "alpha_N": alpha_n,
            "alpha_D": alpha_d, "k": k,
        }  # fmt: skip

    def optimum(self, c, x_flops, cost):
        s, alpha_n, alpha_d = two_terms(c, c["irreducible_share"])
        return two_term_optimum(s, alpha_n / c["k"], alpha_d / c["k"], x_flops, cost)
