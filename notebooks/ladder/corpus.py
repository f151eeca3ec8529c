"""The text as tokens: fetched, encoded and kept in a cache, and checked against what was recorded.

``corpus.json`` records packages, files, bytes, tokens and a SHA-256 of the tokens of both parts,
``bpe.json`` the merges.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from packages import fetch, source_files

HERE = Path(__file__).parent
MERGES, RECORD = HERE / "bpe.json", HERE / "corpus.json"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "bayesscale-ladder"
PARTS = ("training", "held_out")


@dataclass(frozen=True)
class Corpus:
    """Tokens to train on, and those of other packages to evaluate on.

    Attributes
    ----------
    training
        Tokens of the training files, one after another, each file ended by a zero byte.
    evaluation
        The same of the held-out files, one array a package.
    byte_lengths
        Bytes of each token of the vocabulary.
    """

    training: np.ndarray
    evaluation: list[np.ndarray]
    byte_lengths: np.ndarray


def read_corpus(cache: Path = CACHE) -> Corpus:
    """Return the recorded corpus from the cache, where it is put at the first call.

    Raises
    ------
    ValueError
        If what was fetched and encoded is not what was recorded.
    """
    from bpe import byte_lengths
    from tokenizers import Tokenizer

    record = json.loads(RECORD.read_text())
    stored = {part: cache / f"{part}-{record[part]['sha256'][:16]}.npy" for part in PARTS}
    if not all(path.exists() for path in stored.values()):
        made, tokens = build(cache, Tokenizer.from_file(str(MERGES)))
        if made != record:
            raise ValueError(f"the corpus should be {record}, but what was made is {made}")
        store(tokens, stored)
    training, held_out = (np.load(stored[part], mmap_mode="c") for part in PARTS)
    ends = np.cumsum(list(record["held_out"]["packages"].values()))
    return Corpus(
        training=training,
        evaluation=np.split(held_out, ends[:-1]),
        byte_lengths=byte_lengths(Tokenizer.from_file(str(MERGES))),
    )


def build(cache: Path, tokenizer) -> tuple[dict, dict[str, np.ndarray]]:
    """Fetch and encode both parts; return the record of them, and the tokens of each."""
    from bpe import encode

    record, tokens, seen = {}, {}, set()
    for part in PARTS:
        packages, texts = {}, []
        files = size = 0
        for name, wheel in fetch(part, cache / "wheels").items():
            sources = list(source_files(wheel, seen))
            encoded = list(encode(tokenizer, sources))
            files += len(sources)
            size += sum(len(each.encode()) + 1 for each in sources)
            packages[name] = sum(map(len, encoded))
            texts += encoded
        tokens[part] = np.concatenate(texts)
        record[part] = {
            "files": files,
            "bytes": size,
            "tokens": len(tokens[part]),
            "sha256": hashlib.sha256(tokens[part].tobytes()).hexdigest(),
            "packages": packages,
        }
    return record, tokens


def store(tokens: dict[str, np.ndarray], paths: dict[str, Path]) -> None:
    """Write the tokens of each part in one step: what is there is whole."""
    for part, path in paths.items():
        temporary = path.with_suffix(f".{os.getpid()}.npy")
        np.save(temporary, tokens[part])
        temporary.replace(path)


def training_texts(cache: Path = CACHE) -> Iterator[str]:
    """Yield the training files."""
    seen: set[bytes] = set()
    for wheel in fetch("training", cache / "wheels").values():
        yield from source_files(wheel, seen)


def make(cache: Path = CACHE) -> None:
    """Learn the merges and write the record anew: done once, before the ladder was trained."""
    from bpe import train_bpe

    tokenizer = train_bpe(training_texts(cache))
    tokenizer.save(str(MERGES), pretty=False)
    record, _ = build(cache, tokenizer)
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    make()
