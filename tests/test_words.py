"""Words of a private dialect stay out of what people read: the list, at most twenty."""

import io
import json
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

WORDS = [
    "taken for true", "takes? it for", "foresees?", "foresaw", "foreseen", "forgiv\\w+", "taught",
    "teach\\w*", "toll of", "speaks? (against|for|of)", "leaves? over", "be had", "unfit", "bent",
    "has (its|their) say", "says? otherwise", "of your own", "(its|published|exact) letters",
    "THE PRIOR DECIDES", "BUT",
]  # fmt: skip
"""Data do not speak, laws are not taken for true, parameters are not letters."""

PATTERN = re.compile(rf"(?<!\w)({'|'.join(WORDS)})(?!\w)")
FILES = sorted([*(ROOT / "bayesscale").rglob("*.py"), ROOT / "README.md",
                *(ROOT / "notebooks").glob("*.ipynb")])  # fmt: skip


def prose(path: Path) -> list[str]:
    """Return strings and comments of a module, cells of a notebook, lines of a text."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        kinds = (tokenize.STRING, tokenize.COMMENT, tokenize.FSTRING_MIDDLE)
        return [token.string for token in tokens if token.type in kinds]
    if path.suffix == ".ipynb":
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"]]
    return text.splitlines()


def test_the_list_is_short():
    assert len(WORDS) <= 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_plain_words(path):
    found = [found.group() for part in prose(path) for found in PATTERN.finditer(part)]
    assert not found, found
