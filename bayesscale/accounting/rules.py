"""How compute is counted: FLOP for each parameter and token, and what a cost has to know."""

from typing import Any, Literal, Protocol

from bayesscale._types import Array

type Attention = Literal["none", "causal", "full"]
"""Which attention scores are counted: none, half of the square of positions, or all of it."""

FLOP_PER_PARAM_AND_TOKEN = 6.0
"""The 6 in 6ND: forward 2, backward 4, a multiplication and an addition for each weight.

Kaplan et al. (2020), section 2.1, arXiv:2001.08361.
"""

FLOP_PER_PARAM_SERVED = 2.0
"""A forward pass alone: what a token costs that a trained model reads or writes.

Kaplan et al. (2020), section 2.1; Sardana et al. (2024), arXiv:2401.00448.
"""

SCORES: dict[Attention, float] = {"none": 0.0, "causal": 6.0, "full": 12.0}
"""Training FLOP of attention scores for each layer, position in context and unit of width.

QKᵀ and AV are 2 FLOP each a pair of positions and unit of width, three times over for training:
12 for all pairs, 6 where a causal mask leaves half. Kaplan et al. (2020), table 1.
"""


class Cost(Protocol):
    """What a training run costs, in FLOP, rising in parameters and tokens."""

    def flops(self, params: Any, tokens: Any) -> Array:
        """Return the FLOP of N parameters and D tokens, arrays that broadcast."""
        ...

    def tokens(self, params: Any, flops: Any) -> Array:
        """Return the tokens that a budget pays for at N parameters: 0 where it pays for none."""
        ...
