"""One transformer: its parameters and FLOP, counted by every rule in use."""

from dataclasses import dataclass
from typing import Literal, get_args

from bayesscale import _arguments
from bayesscale.accounting.rules import FLOP_PER_PARAM_AND_TOKEN, SCORES, Attention, counted
from bayesscale.errors import DomainError

type Count = Literal["total", "non_embedding", "with_head"]

COUNTS: tuple[str, ...] = get_args(Count.__value__)


@counted
@dataclass(frozen=True, kw_only=True)
class Transformer:
    r"""A decoder's shape, and what follows from it.

    Norms and biases are left out: less than .1 % of the parameters from a width of 1000 on.

    Parameters
    ----------
    width
        Width d of the residual stream, > 0.
    depth
        Layers l, > 0.
    heads
        Query heads; only needed with ``kv_heads``.
    kv_heads
        Key and value heads where queries share them; by default as many as ``heads``.
    ff_width
        Width of the feed-forward layers; by default 4d.
    gated
        Whether the feed-forward layers have a third, gating matrix.
    learned_positions
        Whether T positions have embeddings of their own.

    Notes
    -----
    Parameters without embeddings are, with four times the width in feed-forward layers,

    .. math:: N_{\setminus E} = 12\, l d^2

    Kaplan et al. (2020), table 1, arXiv:2001.08361.

    Examples
    --------
    >>> import bayesscale as bs
    >>> xl = bs.Transformer(width=1600, depth=48, vocab=50257, context=1024)
    >>> f"{xl.params('non_embedding'):.5g} {xl.params('total'):.5g}"
    '1.4746e+09 1.555e+09'
    """

    width: int
    depth: int
    vocab: int
    context: int
    heads: int | None = None
    kv_heads: int | None = None
    ff_width: int | None = None
    gated: bool = False
    tied: bool = True
    learned_positions: bool = False

    def __post_init__(self) -> None:
        for name in ("width", "depth", "vocab", "context", "heads", "kv_heads", "ff_width"):
            if (value := getattr(self, name)) is not None:
                _arguments.whole_number(name, value, least=1)
        for name in ("gated", "tied", "learned_positions"):
            _arguments.flag(name, getattr(self, name))
        most = {"width": 1e6, "depth": 1e4, "vocab": 1e7, "context": 1e9, "ff_width": 1e7}
        for name, bound in most.items():
            if (getattr(self, name) or 0) > bound:
                raise DomainError(
                    f"{name} must be at most {bound:,.0f}, not {getattr(self, name):,}: it is no "
                    "count of parameters or training tokens."
                )
        if self.heads is not None and self.width % self.heads:
            raise DomainError(
                f"heads={self.heads} must divide width={self.width}: each head has width / heads "
                "dimensions. Give the number of heads, not the width of one."
            )
        if self.kv_heads is not None and (self.heads is None or self.heads % self.kv_heads):
            raise DomainError(
                f"kv_heads={self.kv_heads} must divide heads, but heads={self.heads}. Give both, "
                "such as heads=32, kv_heads=8."
            )

    @counted
    def params(self, count: Count = "total") -> float:
        """Count parameters.

        Parameters
        ----------
        count
            ``"non_embedding"``: layers alone, Kaplan's N; ``"with_head"``: layers and the output
            head, what a forward pass multiplies with; ``"total"``: everything that is stored.

        Returns
        -------
        float
            Parameters.
        """
        _arguments.choice("parameter count", count, COUNTS)
        d = float(self.width)
        shared = 1.0 if self.kv_heads is None else self.kv_heads / float(self.heads or 1)
        attention = (2 + 2 * shared) * d * d
        feed_forward = (3 if self.gated else 2) * d * (self.ff_width or 4 * d)
        layers = self.depth * (attention + feed_forward)
        if count == "non_embedding":
            return layers
        if count == "with_head":
            return layers + self.vocab * d
        positions = self.context * d if self.learned_positions else 0.0
        return layers + (1 if self.tied else 2) * self.vocab * d + positions

    @counted
    def flops_per_token(self, *, head: bool = True, attention: Attention = "causal") -> float:
        """Count training FLOP per token: 6 for every weight that is multiplied with, and scores.

        Reading a row of the embedding table costs none.

        Returns
        -------
        float
            FLOP per token; ``6 * params("non_embedding")`` with neither head nor scores.
        """
        _arguments.flag("head", head)
        _arguments.choice("count of attention scores", attention, SCORES)
        weights = self.params("with_head" if head else "non_embedding")
        scores = SCORES[attention] * self.depth * self.context * self.width
        return FLOP_PER_PARAM_AND_TOKEN * weights + scores
