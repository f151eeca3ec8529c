"""How parameters and compute are counted, in one place: every rule, and the way between counts."""

from bayesscale.accounting.embedding import Counting, EmbeddingShare
from bayesscale.accounting.lifetime import LifetimeCost, Money
from bayesscale.accounting.rules import FLOP_PER_PARAM_AND_TOKEN, Cost
from bayesscale.accounting.transformer import Transformer
from bayesscale.accounting.transformer_cost import TransformerCost

__all__ = [
    "FLOP_PER_PARAM_AND_TOKEN",
    "Cost",
    "Counting",
    "EmbeddingShare",
    "LifetimeCost",
    "Money",
    "Transformer",
    "TransformerCost",
]
