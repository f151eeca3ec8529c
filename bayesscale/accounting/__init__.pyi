from .embedding import Counting as Counting, EmbeddingShare as EmbeddingShare
from .lifetime import LifetimeCost as LifetimeCost, Money as Money, is_cost as is_cost
from .machine import PFLOP_DAY as PFLOP_DAY, Machine as Machine
from .rules import FLOP_PER_PARAM_AND_TOKEN as FLOP_PER_PARAM_AND_TOKEN, Cost as Cost
from .transformer import Transformer as Transformer
from .transformer_cost import TransformerCost as TransformerCost
