"""What the name of a column means: which quantity, and what one in its cells is.

``names.txt`` lists what public tables call each quantity, besides what it is known as.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from bayesscale.accounting import PFLOP_DAY
from bayesscale.quantities import Quantity

LOG10 = "log10"
"""The unit of a column that holds decimal logarithms."""

_LISTS = Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines()
SEEN = {name: names.split() for name, _, names in (line.partition(":") for line in _LISTS)}
"""Names of columns in public tables, by quantity."""

_COUNTS = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "b": 9, "bn": 9, "g": 9,
           "billion": 9, "t": 12, "tn": 12, "trillion": 12}  # fmt: skip
_PREFIXES = {None: 0, "k": 3, "m": 6, "g": 9, "t": 12, "p": 15, "e": 18, "z": 21, "y": 24}
_POWER = r"(?:1e|10\^|10\*\*)(\d+)"
_IN_BRACKETS = re.compile(r"(.+?)\s*[\(\[]\s*(?:in\s+)?([^()\[\]]+?)\s*[\)\]]\s*")
_AT_END = re.compile(rf"(.+?)(?:[\W_]+in)?[\W_]+({'|'.join(_COUNTS)}|\w+ions|{_POWER})", re.I)
_COMPUTE = re.compile(
    r"([kmgtpezy])?(?:ilo|ega|iga|era|eta|xa|etta|otta)?(?:flops?|f)?[\s/_-]*((?:s[\s/_-]*)?days?)?"
)
_FLOPS_IN_NAME = re.compile(r"(.*?)(([pez])(?:eta|xa|etta)?flops?(?:s?days?)?)")
_MEANINGS = {
    "params": r"param|model.?size|\bsize|n_active", "tokens": r"token|\btok|_tok|data.?size",
    "loss": r"loss|nll|entropy|ppl|perplex|bpb|bpc|\bce\b|_ce\b|bits",
    "flops": r"flop|compute|flos|budget",
}  # fmt: skip
"""What is in names of columns that may be a quantity."""

_LOSSES = {"perplexity": r"ppl|perplex", "bits/byte": r"bpb|bits.per.byte",
           "bits/character": r"bpc|bits.per.char", "bits/token": r"bits"}  # fmt: skip


def plain(name: str) -> str:
    """Return a name without its case, ``/ . _ -`` and spaces."""
    return re.sub(r"[\W_]+", "", name.lower())


def unit_in_name(name: str, q: Quantity) -> float | str | None:
    """Return the unit in a column's name, 1e6 of ``Params (M)``; None if it is another quantity."""
    if _is_name_of(name, q):
        return 1.0
    if q.style not in ("count", "flops"):
        return None
    log = re.fullmatch(r"log_?10[\s_(]*(.+?)\)?", name, re.I)
    if log and _is_name_of(log[1], q):
        return LOG10
    for pattern in (_IN_BRACKETS, _AT_END):
        if (match := pattern.fullmatch(name)) and _is_name_of(match[1], q):
            unit = unit_in_words(match[2], q)
            # a letter behind compute is as likely the name of something else
            if unit and (pattern is _IN_BRACKETS or q.style == "count" or len(match[2]) > 1):
                return unit
    match = _FLOPS_IN_NAME.fullmatch(plain(name)) if q.style == "flops" else None
    return unit_in_words(match[2], q) if match and _is_name_of(f"{match[1]}flops", q) else None


def unit_in_words(text: str, q: Quantity) -> float | None:
    """Return what a unit of counts or compute is, such as ``millions``, ``1e9`` or ``PFLOPs``."""
    text = text.lower().strip()
    if power := re.fullmatch(rf"{_POWER}(?:\s*flops?)?", text):
        return float(f"1e{power[1]}")
    if q.style != "flops":
        tens = _COUNTS.get(text.removesuffix("s"))
        return None if tens is None else 10.0**tens
    if not (match := _COMPUTE.fullmatch(text)):
        return None
    return 10.0 ** _PREFIXES[match[1]] * (PFLOP_DAY / 1e15 if match[2] else 1.0)


def _is_name_of(name: str, q: Quantity) -> bool:
    """Return whether a name, or the end of a path such as ``train.tokens``, is a quantity's."""
    columns = {plain(name) for name in (*q.columns, *SEEN.get(q.name, ())) if len(name) > 1}
    parts = re.split(r"[./]| - ", name) if q.role != "label" else [name]
    ends = [name, *("".join(parts[k:]) for k in range(1, len(parts)))]
    return any(end in q.columns or plain(end) in columns for end in ends)


def needs_no_comment(name: str, q: Quantity) -> bool:
    """Return whether a column is called as the quantity itself, so that nobody asks which it is."""
    bare = plain(q.name)
    return plain(name) in {bare, f"n{bare}", f"num{bare}"} or name == q.symbol


def of_that_meaning(columns: Iterable[str], q: Quantity) -> list[str]:
    """Return the columns whose names mean something like a quantity, but no rate of it."""
    pattern = _MEANINGS.get(q.name, re.escape(q.name))
    no_rate = (name for name in columns if not re.search(r"(^|[\W_])per[\W_]", name.lower()))
    return [name for name in no_rate if re.search(pattern, name.lower())]


def unit_of_loss(name: str) -> str:
    """Return the unit of loss that the name of a column says, empty for nats."""
    return next((unit for unit, mark in _LOSSES.items() if re.search(mark, name.lower())), "")
