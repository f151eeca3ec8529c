"""What all laws with two power terms share: their terms at the centre, and their allocation.

For L = E + (s e^(-a x) + (1 - s) e^(-b y))^k the outer function is increasing, so E and k do not
move the optimum: at C = κ N^p D^q it is where the elasticities of the two inner terms balance,
a u / p = b v / q.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.accounting import PowerCost
from bayesscale.laws.law import Optimum


def two_terms(c: Mapping[str, Any], irreducible_share: Any = 0.0) -> tuple[Any, Any, Any]:
    r"""Return the share of the reducible loss that is due to parameters, alpha_N and alpha_D.

    They follow from the slopes of log loss at the centre, :math:`(1 - e)\, s\, \alpha_N` in ln N
    and :math:`(1 - e) (1 - s)\, \alpha_D` in ln D, and the ratio of the exponents:

    .. math:: s = \frac{g_N}{g_N + \rho\, g_D}, \quad
              \alpha_N = \frac{g_N + \rho\, g_D}{1 - e}, \quad
              \alpha_D = \alpha_N / \rho

    Parameters
    ----------
    c
        Values of ``slope_N``, ``slope_D`` and ``exponent_ratio``; they broadcast.
    irreducible_share
        Share e of the loss at the centre that no size removes; 0 in a law without one.
    """
    ratio = c["exponent_ratio"]
    together = c["slope_N"] + ratio * c["slope_D"]
    alpha_n = together / (1 - irreducible_share)
    return c["slope_N"] / together, alpha_n, alpha_n / ratio


def two_term_optimum(
    share: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64],
    x_flops: NDArray[np.float64], cost: PowerCost,
) -> Optimum:  # fmt: skip
    """Return the optimum of two inner power terms, the first with this share at the centre."""
    p, q = cost.params_exponent, cost.tokens_exponent
    balance = np.log(share) - np.log1p(-share) + np.log(a * q) - np.log(b * p)
    x = (q * balance + b * x_flops) / (a * q + b * p)
    y = (x_flops - p * x) / q
    params_exponent = b / (a * q + b * p)
    tokens_exponent = a / (a * q + b * p)
    x, y, params_exponent, tokens_exponent = np.broadcast_arrays(
        x, y, params_exponent, tokens_exponent
    )
    return Optimum(x, y, params_exponent, tokens_exponent)
