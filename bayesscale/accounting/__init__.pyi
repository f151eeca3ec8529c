from .embedding import Counting as Counting, EmbeddingShare as EmbeddingShare
from .lifetime import LifetimeCost as LifetimeCost, Money as Money, is_cost as is_cost
from .machine import Machine as Machine, PFLOP_DAY as PFLOP_DAY
from .rules import (
    Cost as Cost, FLOP_PER_PARAM_AND_TOKEN as FLOP_PER_PARAM_AND_TOKEN, PowerCost as PowerCost,
)
from .transformer import Transformer as Transformer
