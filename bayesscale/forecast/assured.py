"""The cheapest run that reaches a loss with a given probability."""

import numpy as np
import pandas as pd

from bayesscale._types import Array
from bayesscale.accounting import Cost
from bayesscale.forecast.mixture import Mixture
from bayesscale.forecast.requirement import Search, solved
from bayesscale.forecast.split import Inputs
from bayesscale.model import Posterior
from bayesscale.quantities import PARAMS, TOKENS

SIZES = 33
"""Sizes compared at a time."""

WIDTH = 6.0
"""Sizes are looked for within a factor e^6 of where the median compute would be split evenly."""

ZOOMS = 4
"""After so many rounds, neighbours differ by less than .1 % in size and 1e-7 in cost."""


def assured_runs(
    mixture: Mixture, required: pd.DataFrame, cost: Cost, given: Inputs, *, prob: float
) -> dict[str, Array]:
    """Return FLOP, parameters and tokens of the cheapest runs, by target loss.

    A size N needs :math:`D_s(N)` tokens in draw s; with their quantile ``prob`` it reaches the loss
    with that probability, and N is chosen so that this costs least.
    """
    found = [
        _cheapest(mixture, float(loss), float(flops), cost, given, prob)
        for loss, flops in zip(required.index, required["flops"], strict=True)
    ]
    names = ("assured_flops", "assured_params", "assured_tokens")
    return dict(zip(names, np.array(found).T, strict=True))


def _cheapest(
    mixture: Mixture, loss: float, flops: float, cost: Cost, given: Inputs, prob: float
) -> tuple[float, float, float]:
    centre = mixture.host.spec.reference
    none = (np.inf, np.nan, np.nan)
    if not np.isfinite(flops):
        return none
    n, d = centre[PARAMS.name], centre[TOKENS.name]
    middle = np.log(n) + np.log(flops / float(cost.flops(n, d))) / 2
    width = WIDTH + abs(middle - np.log(n)) / 2
    found = none
    for _ in range(ZOOMS):
        sizes = np.exp(middle + np.linspace(-width, width, SIZES))
        tokens = _tokens(mixture, sizes, loss, given, prob)
        reached = np.isfinite(tokens)
        price = np.full(SIZES, np.inf)
        price[reached] = cost.flops(sizes[reached], tokens[reached])
        best = int(price.argmin())
        if not np.isfinite(price[best]):
            return none
        found = float(price[best]), float(sizes[best]), float(tokens[best])
        middle, width = np.log(sizes[best]), 2 * width / (SIZES - 1)
    return found


def _tokens(mixture: Mixture, sizes: Array, loss: float, given: Inputs, prob: float) -> Array:
    """Return the tokens with which sizes reach a loss with a probability, infinite for none."""
    fixed = {name: np.broadcast_to(values, sizes.shape) for name, values in given.items()}

    def search(posterior: Posterior) -> Search:
        return Search(
            lambda tokens: {"params": sizes, **fixed, "tokens": tokens},
            {"params": sizes, **fixed, "tokens": np.full(sizes.shape, np.inf)},
            posterior.spec.reference["tokens"],
        )

    losses = np.full(sizes.shape, loss)
    drawn = mixture.ask(lambda posterior, _: solved(posterior, search(posterior), losses))
    draws = np.where(np.isnan(drawn["size"]), np.inf, drawn["size"])
    return np.quantile(draws, prob, axis=(0, 1), method="inverted_cdf")
