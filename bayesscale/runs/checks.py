"""What makes a table of runs impossible (errors) or suspicious (warnings).

Every check returns sentences and raises nothing, so that a person hears of all troubles at once.
"""

import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bayesscale._format import list_some, rows, scientific
from bayesscale.errors import RunsError, RunsWarning
from bayesscale.runs.units import training_flops

# A uniform guess over the largest vocabularies in use: no language model does worse for long.
LARGEST_LOSS = math.log(256_000)
# Text has entropy: no language model comes near this, while error rates and differences do.
SMALLEST_LOSS = 0.05
# A million times more than anybody has: beyond it lie wrong units and typing errors.
LARGEST_COUNT = 1e20
COUNTS = ("params", "tokens", "params_non_embedding")

_FEW_PARAMS = 1e3
_FEW_TOKENS = 1e5
_FLOPS_OFF = 10.0

_PACKAGE = str(Path(__file__).parents[1])
_SIZES = {"k": "e3", "m": "e6", "b": "e9", "g": "e9", "t": "e12"}

_WHY_NEGATIVE = (
    " A loss in nats per token is positive. Pass the raw loss if this column is a difference, "
    "a logarithm, or normalised by the vocabulary."
)


def number_problems(
    part: str, values: np.ndarray, unreadable: np.ndarray, *, cells: pd.Series, ids: np.ndarray
) -> Iterator[str]:
    """Find the cells of one column that no run can have.

    Parameters
    ----------
    part
        The column's part, e.g. ``"params"``. Standard errors may be zero, all else is positive.
    values
        The column as numbers, NaN where missing or unreadable. Shape ``(run,)``.
    unreadable
        True where a cell is not a number. Shape ``(run,)``.
    cells
        The cells as they were. Shape ``(run,)``.
    ids
        Run ids. Shape ``(run,)``.

    Yields
    ------
    str
        One sentence for each kind of trouble.
    """
    n = len(ids)

    def where(bad: np.ndarray) -> str:
        at = np.flatnonzero(bad)
        return f"{at.size:,} of {n:,} runs: {rows(ids[at], values[at], part)}."

    if unreadable.any():
        at = np.flatnonzero(unreadable)
        seen = cells.iloc[at[:5]].tolist()
        yield (
            f"{part} must be numbers, but are not in {at.size:,} of {n:,} runs: "
            f"{rows(ids[at], seen, part)}.{_how_to_write(seen[0])}"
        )
    yield from missing_problems(part, np.isnan(values) & ~unreadable, ids=ids)
    infinite = np.isinf(values)
    if infinite.any():
        yield f"{part} is infinite in {where(infinite)} Leave out runs that overflowed."
    huge = (values > LARGEST_COUNT) & ~infinite
    if huge.any() and part in COUNTS:
        yield (
            f"{part} is above {scientific(LARGEST_COUNT)} in {where(huge)} Pass plain "
            "counts: perhaps they were multiplied by 1e9 twice, or this is another column."
        )
    negative = (values < 0) & ~infinite
    if negative.any():
        why = _WHY_NEGATIVE if part == "loss" else f" {part} cannot be negative."
        yield f"{part} is negative in {where(negative)}{why}"
    zero = values == 0
    if zero.any() and part != "loss_se":
        why = " Leave out runs that did not finish." if part == "loss" else ""
        yield f"{part} is zero in {where(zero)} It must be positive.{why}"


def missing_problems(what: str, missing: np.ndarray, *, ids: np.ndarray) -> Iterator[str]:
    """Find empty cells.

    Parameters
    ----------
    what
        Name of the column.
    missing
        True where a cell is empty. Shape ``(run,)``.
    ids
        Run ids. Shape ``(run,)``.

    Yields
    ------
    str
        One sentence, if any cell is empty.
    """
    if missing.any():
        runs = [f"run {i}" for i in ids[missing]]
        yield (
            f"{what} is missing (an empty cell or NaN) in {len(runs):,} of {len(ids):,} runs: "
            f"{list_some(runs)}. Fill it in, or leave these rows out."
        )


def _how_to_write(cell: object) -> str:
    """Suggest the number that somebody probably meant."""
    text = str(cell).strip()
    short = re.fullmatch(r"([\d.]+)\s*([kmbgt])", text, flags=re.IGNORECASE)
    if short:
        return f" Write {text!r} as {short[1]}{_SIZES[short[2].lower()]}."
    if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text):
        return f" Write {text!r} as {text.replace(',', '')}."
    return " Write plain numbers such as 1.2e9."


def loss_problems(loss: np.ndarray, *, ids: np.ndarray, loss_unit: str) -> Iterator[str]:
    """Find losses that no language model has, in nats per token.

    Parameters
    ----------
    loss
        Loss, nats/token, > 0; other values are left to `number_problems`. Shape ``(run,)``.
    ids
        Run ids. Shape ``(run,)``.
    loss_unit
        The unit that the losses were given in.

    Yields
    ------
    str
        One sentence for each kind of trouble.
    """
    n = len(ids)
    converted = "" if loss_unit == "nats/token" else f", converted from {loss_unit},"
    high = np.flatnonzero((loss > LARGEST_LOSS) & np.isfinite(loss))
    if high.size:
        yield (
            f"loss{converted} is above {LARGEST_LOSS:.2f} nats/token in {high.size:,} of {n:,} "
            f"runs: {rows(ids[high], loss[high], 'loss')}. That is worse than guessing uniformly "
            "among 256,000 tokens. If the column is a perplexity, take its logarithm; if it is in "
            'bits, pass loss_unit="bits/token" or "bits/byte"; if it is a sum, divide by the '
            "tokens; leave out runs that diverged."
        )
    low = np.flatnonzero((loss > 0) & (loss < SMALLEST_LOSS))
    if low.size:
        yield (
            f"loss{converted} is below {SMALLEST_LOSS} nats/token in {low.size:,} of {n:,} runs: "
            f"{rows(ids[low], loss[low], 'loss')}. No language model is that good: perhaps this "
            "is an accuracy, an error rate or a normalised loss. Pass the mean loss per token."
        )


def raise_for(problems: Sequence[str]) -> None:
    """Raise one `RunsError` for all troubles, if there are any.

    Raises
    ------
    RunsError
        With one line a trouble.
    """
    if len(problems) == 1:
        raise RunsError(problems[0])
    if problems:
        raise RunsError(
            f"The table of runs has {len(problems)} problems:\n"
            + "\n".join(f"- {problem}" for problem in problems)
        )


def suspicions(
    table: Mapping[str, np.ndarray], *, groups: Sequence[str], ids: np.ndarray, flop_rule: str
) -> Iterator[str]:
    """Find what looks wrong in a table but may be meant.

    Parameters
    ----------
    table
        The checked columns. Each of shape ``(run,)``.
    groups
        Which of the columns are groups.
    ids
        Run ids. Shape ``(run,)``.
    flop_rule
        The rule of the ``flops`` column; it is compared with 6ND where it follows no rule.

    Yields
    ------
    str
        One sentence for each suspicion.
    """
    yield from _same_run_twice(table, groups, ids)
    params, tokens = table["params"], table["tokens"]
    if params.max() < _FEW_PARAMS:
        yield _too_few("params", f"the largest is {params.max():.6g}")
    if np.median(tokens) < _FEW_TOKENS:
        yield _too_few("tokens", f"the median is {np.median(tokens):.6g}")
    if flop_rule == "column":
        yield from _flops_off(table["flops"], training_flops(params, tokens), ids)


def _same_run_twice(
    table: Mapping[str, np.ndarray], groups: Sequence[str], ids: np.ndarray
) -> Iterator[str]:
    # Numbers first: they nearly always differ, and labels are slow to compare.
    numbers = pd.DataFrame({k: table[k] for k in ("loss", "tokens", "params")})
    at = np.flatnonzero(numbers.duplicated(keep=False))
    keys = [
        "params",
        "tokens",
        "loss",
        *(k for k in dict.fromkeys(("seed", "cluster", *groups)) if k in table),
    ]
    candidates = pd.DataFrame({k: table[k][at] for k in keys})
    repeated = candidates.duplicated(keep=False).to_numpy(dtype=bool)
    if not repeated.any():
        return
    ids_repeated = ids[at[repeated]]
    same_as = candidates[repeated].groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    sets = int(same_as.max()) + 1
    shown = [" = ".join(map(str, ids_repeated[same_as == k][:4])) for k in range(min(sets, 5))]
    more = f" and {sets - 5:,} more" if sets > 5 else ""
    yield (
        f"{ids_repeated.size - sets:,} of {len(ids):,} runs repeat another one exactly in "
        f"{list_some(keys, limit=9)}: run {', run '.join(shown)}{more}. A run counted twice "
        "makes intervals too narrow. Drop the repeats; if they are replicates, add a seed column "
        "that tells them apart."
    )


def _too_few(part: str, seen: str) -> str:
    return (
        f"{part} look too small: {seen}. If they are counted in billions, multiply them by 1e9; "
        "in millions, by 1e6."
    )


def _flops_off(flops: np.ndarray, six_nd: np.ndarray, ids: np.ndarray) -> Iterator[str]:
    ratio = flops / six_nd
    off = np.flatnonzero((ratio > _FLOPS_OFF) | (ratio < 1 / _FLOPS_OFF))
    if off.size:
        yield (
            f"flops differ from 6 x params x tokens more than tenfold in {off.size:,} of "
            f"{len(ids):,} runs: {rows(ids[off], ratio[off], 'flops / 6ND')}. Look for a wrong "
            'power of ten or another way of counting parameters; flop_rule="6ND" counts compute '
            "afresh and ignores a column that is merely found."
        )


def warn(message: str) -> None:
    """Issue a `RunsWarning` that points at the caller's own line.

    Warns
    -----
    RunsWarning
        With the message.
    """
    warnings.warn(message, RunsWarning, skip_file_prefixes=(_PACKAGE,), stacklevel=2)
