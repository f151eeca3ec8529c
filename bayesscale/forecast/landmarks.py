"""Published models as landmarks: how far a fit finds each from the best use of its compute."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayesscale.accounting import Counting
from bayesscale.forecast.regret import Regret, regret
from bayesscale.inference import Average, Fit


@dataclass(frozen=True, slots=True)
class Landmark:
    """A published model: parameters in all, training tokens, and where they are stated."""

    name: str
    params: float
    tokens: float
    source: str


GPT3 = "Brown et al. (2020), table 2.1, arXiv:2005.14165"
GOPHER = "Rae et al. (2021), arXiv:2112.11446"
CHINCHILLA = "Hoffmann et al. (2022), arXiv:2203.15556"
LLAMA = "Touvron et al. (2023), table 2, arXiv:2302.13971"
LLAMA2 = "Touvron et al. (2023), table 1, arXiv:2307.09288"
LLAMA3 = "Llama team (2024), arXiv:2407.21783"

LANDMARKS: tuple[Landmark, ...] = (
    Landmark("GPT-3 175B", 175e9, 300e9, GPT3),
    Landmark("Gopher 280B", 280e9, 300e9, GOPHER),
    Landmark("Chinchilla 70B", 70e9, 1.4e12, CHINCHILLA),
    Landmark("LLaMA 7B", 6.7e9, 1.0e12, LLAMA),
    Landmark("LLaMA 13B", 13.0e9, 1.0e12, LLAMA),
    Landmark("LLaMA 33B", 32.5e9, 1.4e12, LLAMA),
    Landmark("LLaMA 65B", 65.2e9, 1.4e12, LLAMA),
    Landmark("Llama 2 70B", 70e9, 2.0e12, LLAMA2),
    Landmark("Llama 3 8B", 8e9, 15e12, LLAMA3),
    Landmark("Llama 3 70B", 70e9, 15e12, LLAMA3),
    Landmark("Llama 3 405B", 405e9, 15.6e12, LLAMA3),
)
"""GPT-2's tokens were not published (Radford et al. 2019), so it has no place here."""


def landmark_models() -> pd.DataFrame:
    """List published models whose parameters and training tokens are known.

    Returns
    -------
    pandas.DataFrame
        Index ``plan``, the model; ``params`` (total), ``tokens``, ``source``.

    Raises
    ------
    ImportError
        If pandas cannot be imported.

    Examples
    --------
    >>> import bayesscale as bs
    >>> bs.landmark_models().loc["Chinchilla 70B", "tokens"]
    np.float64(1400000000000.0)
    """
    rows = [(m.name, m.params, m.tokens, m.source) for m in LANDMARKS]
    return pd.DataFrame(rows, columns=["plan", "params", "tokens", "source"]).set_index("plan")


def landmarks(fit: Fit | Average, *, ci_prob: float = 0.9, **terms: Any) -> Regret:
    """Say how over- or under-trained published models are, as a fit finds it.

    Their losses are those that the fit's own recipe and data would give, not theirs.

    Parameters
    ----------
    fit
        A fitted law of parameters and tokens, or an average of several.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).
    **terms
        Further arguments of :func:`~bayesscale.regret`, such as ``cost`` or ``within``. Where the
        runs count parameters without embeddings, ``counting`` is ``bs.Counting("total")``.

    Returns
    -------
    Regret
        One row a model of :func:`~bayesscale.landmark_models`.

    Raises
    ------
    DomainError
        As :func:`~bayesscale.regret` does.

    Examples
    --------
    >>> bs.landmarks(fit).summary["overtraining"]                 # doctest: +SKIP
    """
    table = landmark_models()
    if isinstance(fit, Fit | Average) and fit.runs.param_count == "non_embedding":
        terms = {"counting": Counting("total")} | terms
    return regret(
        fit,
        params=table["params"].to_numpy(),
        tokens=table["tokens"].to_numpy(),
        names=list(table.index),
        ci_prob=ci_prob,
        **terms,
    )
