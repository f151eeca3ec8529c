"""The allocation that all laws with two power terms share.

For L = E + (s e^(-a x) + (1 - s) e^(-b y))^k the outer function is increasing, so E and k do not
move the optimum: at C = κ N^p D^q it is where the elasticities of the two inner terms balance,
a u / p = b v / q.
"""

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws.cost import PowerCost
from bayesscale.laws.law import Optimum


def two_term_optimum(
    share: NDArray[np.float64],
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    x_flops: NDArray[np.float64],
    cost: PowerCost,
) -> Optimum:
    """Return the optimum of two inner power terms, with the share of the first at the centre, their
    inner exponents a and b, and ``x_flops = ln(C / C₀)``, of which the cost says how it is spent:
    ``p x + q y = x_flops``. Arguments broadcast.
    """  # noqa: D205
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
