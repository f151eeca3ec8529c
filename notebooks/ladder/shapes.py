"""The sizes of a transformer: its parameter counts and its exact FLOP.

Blocks have neither gains nor biases, so the non-embedding parameters are exactly
``12 * depth * width**2``; one matrix embeds the tokens and reads them out (tied), so the total is
``1024 * width`` more.
"""

from dataclasses import dataclass

VOCABULARY = 1024
CONTEXT = 32
EXPANSION = 4


@dataclass(frozen=True)
class Shape:
    """Width and depth of a transformer."""

    width: int
    depth: int

    @property
    def name(self) -> str:
        """What the shape is called in the tables."""
        return f"w{self.width}d{self.depth}"

    @property
    def heads(self) -> int:
        """Attention heads: of 16 dimensions up to a width of 64, of 32 above; one below 32."""
        return max(1, self.width // (16 if self.width <= 64 else 32))

    @property
    def non_embedding(self) -> int:
        """Parameters of the blocks: 4 width**2 of attention, 8 width**2 of feed-forward each."""
        return self.depth * (4 + 2 * EXPANSION) * self.width**2

    @property
    def embedding(self) -> int:
        """Parameters of the one matrix that embeds tokens and reads them out."""
        return VOCABULARY * self.width

    @property
    def total(self) -> int:
        """All parameters."""
        return self.non_embedding + self.embedding

    def flop_per_token(self) -> dict[str, int]:
        """Training FLOP a token by component: matrix products, forward and twice that backward.

        A multiplication with an addition counts 2. Scores count the keys that a token may see,
        ``(context + 1) / 2`` on average. Embedding a token is a look-up: 0. Norms, activations and
        the optimiser are not counted.
        """
        square = self.width**2
        forward = {
            "embedding": 0,
            "attention": self.depth * (2 * 4 * square + 2 * self.width * (CONTEXT + 1)),
            "feed_forward": self.depth * 2 * 2 * EXPANSION * square,
            "head": 2 * VOCABULARY * self.width,
        }
        return {name: 3 * flop for name, flop in forward.items()}
