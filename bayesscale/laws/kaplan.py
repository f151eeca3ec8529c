"""Kaplan's joint law of parameters and tokens, without and with an irreducible loss."""

import numpy as np

from bayesscale.laws.coordinates import ALPHA_D, ALPHA_N, IRREDUCIBLE_SHARE, LEVEL, PARAM_SHARE
from bayesscale.laws.law import Law
from bayesscale.laws.two_terms import two_term_optimum


class Kaplan(Law):
    r"""Loss as a power of two inner terms that falls to zero.

    .. math:: L(N, D) = \left[ (N_c / N)^{\alpha_N / \alpha_D} + D_c / D \right]^{\alpha_D}

    In the frame of :class:`~bayesscale.laws.unified.Unified` it is E = 0 and an inner token
    exponent of 1, so that the outer exponent is alpha_D.
    """

    name = "kaplan"
    equation = r"L(N, D) = [(N_c / N)^{\alpha_N / \alpha_D} + D_c / D]^{\alpha_D}"
    citation = "Kaplan et al. (2020), eq. 1.5, arXiv:2001.08361"
    inputs = ("params", "tokens")
    coordinates = (LEVEL, PARAM_SHARE, ALPHA_N, ALPHA_D)
    published_units = {
        "N_c": "parameters × (nats/token)^(1/alpha_N)", "D_c": "tokens × (nats/token)^(1/alpha_D)",
        "alpha_N": "1", "alpha_D": "1",
    }  # fmt: skip

    def log_loss(self, c, x, xp):
        return xp.log(c["level"]) + c["alpha_D"] * xp.log(self._bracket(c, x, xp))

    def published(self, c, reference):
        return self._published(c, reference, c["level"] * reference["loss"])

    def optimum(self, c, x_flops, cost):
        inner = c["alpha_N"] / c["alpha_D"]
        return two_term_optimum(c["param_share"], inner, np.ones_like(inner), x_flops, cost)

    @staticmethod
    def _bracket(c, x, xp):
        s = c["param_share"]
        inner = c["alpha_N"] / c["alpha_D"]
        return s * xp.exp(-inner * x["params"]) + (1 - s) * xp.exp(-x["tokens"])

    @staticmethod
    def _published(c, reference, reducible):
        s = c["param_share"]
        return {
            "N_c": reference["params"] * (s ** c["alpha_D"] * reducible) ** (1 / c["alpha_N"]),
            "D_c": reference["tokens"] * (1 - s) * reducible ** (1 / c["alpha_D"]),
            "alpha_N": c["alpha_N"],
            "alpha_D": c["alpha_D"],
        }


class KaplanIrreducible(Kaplan):
    r"""Kaplan's joint law over an irreducible loss.

    .. math:: L(N, D) = E + \left[ (N_c / N)^{\alpha_N / \alpha_D} + D_c / D \right]^{\alpha_D}
    """

    name = "kaplan_irreducible"
    equation = r"L(N, D) = E + [(N_c / N)^{\alpha_N / \alpha_D} + D_c / D]^{\alpha_D}"
    citation = "Kaplan et al. (2020), eq. 1.5, arXiv:2001.08361, with an irreducible loss added"
    coordinates = (LEVEL, IRREDUCIBLE_SHARE, PARAM_SHARE, ALPHA_N, ALPHA_D)
    published_units = {"E": "nats/token", **Kaplan.published_units}

    def log_loss(self, c, x, xp):
        e = c["irreducible_share"]
        reducible = xp.exp(c["alpha_D"] * xp.log(self._bracket(c, x, xp)))
        return xp.log(c["level"] * (e + (1 - e) * reducible))

    def published(self, c, reference):
        loss = c["level"] * reference["loss"]
        e = c["irreducible_share"]
        return {"E": e * loss, **self._published(c, reference, (1 - e) * loss)}
