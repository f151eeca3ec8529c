"""A decoder-only transformer: pre-norm, no gains or biases, fixed positions, tied."""

import math

import torch
import torch.nn.functional as F
from shapes import CONTEXT, EXPANSION, VOCABULARY, Shape
from torch import Tensor, nn


class Block(nn.Module):
    """Causal self-attention, then a feed-forward layer, each added to what comes in."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        width = shape.width
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.mix = nn.Linear(width, width, bias=False)
        self.expand = nn.Linear(width, EXPANSION * width, bias=False)
        self.contract = nn.Linear(EXPANSION * width, width, bias=False)
        # Keeps the residual stream's variance the same at every depth.
        damped = 1 / math.sqrt(2 * shape.depth)
        for layer, scale in (
            (self.query_key_value, 1.0),
            (self.mix, damped),
            (self.expand, 1.0),
            (self.contract, damped),
        ):
            nn.init.normal_(layer.weight, std=scale / math.sqrt(layer.in_features))

    def forward(self, stream: Tensor) -> Tensor:
        """Map (batch, context, width) to the same."""
        batch, context, width = stream.shape
        split = (batch, context, 3, self.heads, width // self.heads)
        query, key, value = self.query_key_value(normed(stream)).view(split).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        stream = stream + self.mix(seen.transpose(1, 2).reshape(batch, context, width))
        return stream + self.contract(F.gelu(self.expand(normed(stream))))


class Transformer(nn.Module):
    """Tokens in, logits of the next token out."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, shape.width)
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(shape.width))
        self.scale = math.sqrt(shape.width)
        self.register_buffer("positions", sinusoids(shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.depth))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens of shape (batch, context) to logits (batch, context, vocabulary)."""
        stream = self.scale * self.embedding(tokens) + self.positions
        for block in self.blocks:
            stream = block(stream)
        return F.linear(normed(stream), self.embedding.weight)


def normed(stream: Tensor) -> Tensor:
    """Root-mean-square norm without a gain."""
    return F.rms_norm(stream, stream.shape[-1:])


def sinusoids(width: int) -> Tensor:
    """Return fixed positions, shape (context, width): sines and cosines, wavelengths geometric."""
    rates = CONTEXT ** -(torch.arange(0, width, 2) / width)
    angles = torch.arange(CONTEXT)[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)
