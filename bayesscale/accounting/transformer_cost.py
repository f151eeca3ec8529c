"""The FLOP of a family of transformers of one aspect, as a function of their size."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale._types import Array
from bayesscale.accounting.embedding import EmbeddingShare
from bayesscale.accounting.rules import FLOP_PER_PARAM_AND_TOKEN, SCORES, Attention, counted


@counted
@dataclass(frozen=True, kw_only=True)
class TransformerCost:
    r"""Exact training FLOP of transformers whose width is ``aspect`` times their depth.

    Parameters
    ----------
    aspect
        Width over depth, > 0.
    count
        What N counts: ``"total"`` or ``"non_embedding"``.

    Notes
    -----
    With :math:`N_{\setminus E} = 12 l d^2` and d = aspect · l, the width is
    :math:`d = (N_{\setminus E}\, \mathrm{aspect} / 12)^{1/3}` and

    .. math:: C / D = 6 N_{\setminus E} + 6 V d + 6 l T d

    (12 l T d without a causal mask). Kaplan et al. (2020), table 1, arXiv:2001.08361.

    Examples
    --------
    >>> import bayesscale as bs
    >>> cost = bs.TransformerCost(vocab=50257, context=2048)
    >>> f"{float(cost.flops(1e9, 2e10)):.3g}"
    '1.32e+20'
    """

    vocab: float
    context: float
    aspect: float = 128.0
    count: Literal["total", "non_embedding"] = "total"
    head: bool = True
    attention: Attention = "causal"
    tied: bool = True

    def __post_init__(self) -> None:
        for name in ("vocab", "context", "aspect"):
            _arguments.number(name, getattr(self, name), above=0)
        _arguments.choice("parameter count", self.count, ("total", "non_embedding"))
        _arguments.choice("count of attention scores", self.attention, SCORES)
        for name in ("head", "tied"):
            _arguments.flag(name, getattr(self, name))

    @property
    def share(self) -> EmbeddingShare:
        """How many of the parameters of this family are embeddings."""
        tables = 1 if self.tied else 2
        return EmbeddingShare(omega=tables * self.vocab * float(np.cbrt(self.aspect / 12)))

    def per_token(self, params: ArrayLike) -> Array:
        """Return FLOP a token of N parameters, same shape."""
        inner = np.asarray(params, float)
        if self.count == "total":
            inner = self.share.non_embedding(inner)
        width = np.cbrt(inner * self.aspect / 12)
        head = FLOP_PER_PARAM_AND_TOKEN * self.vocab * width if self.head else 0.0
        scores = SCORES[self.attention] * self.context * width * width / self.aspect
        return FLOP_PER_PARAM_AND_TOKEN * inner + head + scores

    def flops(self, params: ArrayLike, tokens: ArrayLike) -> Array:
        """Return FLOP of N parameters and D tokens."""
        return self.per_token(params) * np.asarray(tokens, float)

    def tokens(self, params: ArrayLike, flops: ArrayLike) -> Array:
        """Return the tokens that a budget pays for at N parameters."""
        return np.asarray(flops, float) / self.per_token(params)
