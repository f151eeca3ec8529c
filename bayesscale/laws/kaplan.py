"""Kaplan's joint law of parameters and tokens, without and with an irreducible loss."""

import numpy as np

from bayesscale.laws.coordinates import EXPONENT_RATIO, IRREDUCIBLE_SHARE, LEVEL, SLOPE_D, SLOPE_N
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum, two_terms


class Kaplan(Law):
    r"""Loss as a power of two inner terms that falls to zero.

    .. math:: L(N, D) = \left[ (N_c / N)^{\alpha_N / \alpha_D} + D_c / D \right]^{\alpha_D}

    In the frame of :class:`~bayesscale.laws.unified.Unified` it is E = 0 and an inner token
    exponent of 1, so that the outer exponent is alpha_D.
    """

    name = "kaplan"
    equation = r"L(N, D) = [(N_c / N)^{\alpha_N / \alpha_D} + D_c / D]^{\alpha_D}"
    citation = "Kaplan et al. (2020), eq. 1.5, arXiv:2001.08361"
    question = "parameters and tokens under a budget, in Kaplan's form"
    inputs = ("params", "tokens")
    coordinates = (LEVEL, SLOPE_N, SLOPE_D, EXPONENT_RATIO)
    published_units = {
        "N_c": "parameters × (nats/token)^(1/alpha_N)", "D_c": "tokens × (nats/token)^(1/alpha_D)",
        "alpha_N": "1", "alpha_D": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        return xp.log(c["level"]) + self._log_reducible(c, x, xp)

    def published(self, c, reference):
        return self._published(c, c["level"] * reference["loss"], reference)

    def optimum(self, c, x_flops, cost):
        s, ratio = two_terms(c)[0], c["exponent_ratio"]
        return two_term_optimum(s, ratio, np.ones_like(ratio), x_flops, cost)

    @staticmethod
    def _log_reducible(c, x, xp, e=0.0):
        s, _, alpha_d = two_terms(c, e)
        params_term = s * xp.exp(-c["exponent_ratio"] * x["params"])
        return alpha_d * xp.log(params_term + (1 - s) * xp.exp(-x["tokens"]))

    @staticmethod
    def _published(c, reducible, reference, e=0.0):
        s, alpha_n, alpha_d = two_terms(c, e)
        return {
            "N_c": reference["params"] * (s**alpha_d * reducible) ** (1 / alpha_n),
            "D_c": reference["tokens"] * (1 - s) * reducible ** (1 / alpha_d), "alpha_N": alpha_n,
            "alpha_D": alpha_d,
        }  # fmt: skip


class KaplanIrreducible(Kaplan):
    r"""Kaplan's joint law over an irreducible loss.

    .. math:: L(N, D) = E + \left[ (N_c / N)^{\alpha_N / \alpha_D} + D_c / D \right]^{\alpha_D}
    """

    name = "kaplan_irreducible"
    equation = r"L(N, D) = E + [(N_c / N)^{\alpha_N / \alpha_D} + D_c / D]^{\alpha_D}"
    citation = "Kaplan et al. (2020), eq. 1.5, arXiv:2001.08361, with an irreducible loss added"
    coordinates = (LEVEL, SLOPE_N, SLOPE_D, EXPONENT_RATIO, IRREDUCIBLE_SHARE)
    published_units = {"E": "nats/token", **Kaplan.published_units}

    def log_loss(self, c, x, xp):
        e = c["irreducible_share"]
        return xp.log(c["level"] * (e + (1 - e) * xp.exp(self._log_reducible(c, x, xp, e))))

    def published(self, c, reference):
        e, loss = c["irreducible_share"], c["level"] * reference["loss"]
        return {"E": e * loss, **self._published(c, (1 - e) * loss, reference, e)}
