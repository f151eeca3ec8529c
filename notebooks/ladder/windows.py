"""The text in windows, and the loss of a network on them."""

import torch.nn.functional as F
from shapes import CONTEXT, VOCABULARY
from torch import Tensor
from transformer import Transformer


def windows_of(text: Tensor) -> Tensor:
    """Cut a text into windows of ``CONTEXT + 1`` tokens that share their end tokens alone."""
    return text.unfold(0, CONTEXT + 1, CONTEXT)


def losses(model: Transformer, windows: Tensor) -> Tensor:
    """Return the loss of every token but the first, nats, shape (windows, CONTEXT)."""
    logits = model(windows[:, :-1])
    flat = F.cross_entropy(
        logits.reshape(-1, VOCABULARY), windows[:, 1:].reshape(-1), reduction="none"
    )
    return flat.view(len(windows), CONTEXT)
