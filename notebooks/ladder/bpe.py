"""Tokens: byte-pair encoding of the text, with merges learnt from the training part alone."""

from collections.abc import Iterable, Iterator
from itertools import batched

import numpy as np
from shapes import VOCABULARY
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "\0"  # ends every file, and is a token and a byte like any other
TOGETHER = 256  # files encoded at a time


def train_bpe(texts: Iterable[str]) -> Tokenizer:
    """Learn merges over bytes until there are ``VOCABULARY`` tokens, the 256 bytes among them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[np.ndarray]:
    """Yield the tokens of each text and the end, arrays of uint16."""
    (end,) = tokenizer.encode(END).ids
    for some in batched(texts, TOGETHER):
        for encoded in tokenizer.encode_batch_fast(list(some)):
            yield np.array([*encoded.ids, end], dtype=np.uint16)


def byte_lengths(tokenizer: Tokenizer) -> np.ndarray:
    """Return the number of bytes of each token, shape (vocabulary,): each is one character here."""
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    return np.array([len(piece) for piece, _ in pieces])
