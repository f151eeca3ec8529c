"""What makes a table of runs impossible (errors) or suspicious (warnings).

Every check yields sentences and raises nothing, so that a person hears of all troubles at once.
"""

import math
import re
import warnings
from collections.abc import Container, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from bayesscale._format import list_some, printable, rows, scientific, short_number
from bayesscale.errors import PACKAGE, RunsError, RunsWarning
from bayesscale.quantities import UNIQUE_TOKENS, Quantity
from bayesscale.runs.columns import numbers
from bayesscale.runs.units import count_in_words, training_flops

# A uniform guess over the largest vocabularies in use: no language model does worse for long.
LARGEST_LOSS = math.log(256_000)
# Text has entropy: no language model comes near this, while error rates and differences do.
SMALLEST_LOSS = 0.05
# A million times more than anybody has, and less than one in the largest unit: beyond lie wrong
# units and typing errors.
_LIMITS = {"count": (1.0, 1e20), "flops": (1.0, 1e60)}

_FEW_PARAMS = 1e3
_FEW_TOKENS = 1e5
_FEW_FLOPS = 1e6
_LOG10 = {"params": (5.0, 13.0), "tokens": (6.0, 15.0), "flops": (12.0, 28.0)}
# Medians of public ladders lie between 2 and 1,000 tokens per parameter; swapped, below 0.1.
_TOKENS_PER_PARAM = (0.2, 1e5)
_TOKENS_PER_PARAM_AT_MOST = 5e3
_SLIP = 30.0
_STEP = math.log(4.0)
_LOSS_OFF = 2.0
# More rows than this share lie far off by design, or in another regime, and not by a slip.
_SLIPS_AT_MOST = 0.01
_FLOPS_OFF = 10.0
_FLOPS_OFF_THROUGHOUT = 2.0
_HIGH_BEST_LOSS = 5.0
_LOW_WORST_LOSS = 1.0
_RISING = 0.6
_ENOUGH_TO_RISE = 8

MOST_EPOCHS = 4
"""Up to so many times, repeated tokens are worth about as much as new ones: Muennighoff et al.
(2023), arXiv:2305.16264."""

_DIVERGED_SHARE = 0.25
_ON_A_LINE, _ENOUGH_FOR_A_LINE = 1.02, 6
_ENOUGH_CHECKPOINTS = 10
_ENOUGH_RUNGS, _MOST_RUNGS, _ENOUGH_ON_A_RUNG, _SAME_RUNG = 6, 50, 4, 0.1
_OFF_TREND, _OFF_IN_ERRORS = 0.01, 5.0
_EPOCHS = re.compile(r"(n|num|total|train|training)?epochs?(approx)?")
_UNIQUE = re.compile(r"(n|num)?(unique(train|training)?tokens|tokensunique|(dataset|corpus)tokens)")
_NAMES = re.compile(r"(runs?|model|experiment|exp|trial|config)(name|id)?|name")

_WHY_NEGATIVE = (
    " A loss in nats per token is positive. Pass the raw loss if this column is a difference, "
    "a logarithm, or normalised by the vocabulary."
)
_SOUNDS_LIKE = {
    r"(^|\W|_)ppl|perplex": 'a perplexity: pass loss_unit="perplexity"',
    r"acc(uracy)?(_|$)|(^|_)acc": "an accuracy, which rises: pass 1 - accuracy as response=",
    r"error_rate|(^|_)err(or)?$|wer$": "an error rate: declare it with response=",
    r"bpb|bits_per_byte|bpc": 'bits per byte: pass loss_unit="bits/byte" and bytes_per_token',
    r"bits_per_token|(^|_)bits$": 'bits per token: pass loss_unit="bits/token"',
}


def some_runs(ids: np.ndarray, values: np.ndarray | pd.Series, name: str, bad: np.ndarray) -> str:
    """Count the runs that a mask ``(run,)`` marks, and point at the first by id and value."""
    return f"{bad.sum():,} of {len(ids):,} runs: {rows(ids[bad], values[bad], name)}"


def number_problems(
    q: Quantity, values: np.ndarray, unreadable: np.ndarray, *, counted: np.ndarray,
    cells: pd.Series, ids: np.ndarray,
) -> Iterator[str]:  # fmt: skip
    """List cells that no run can have; ``counted`` are ``values`` in the unit of the quantity."""
    name, where = q.name, partial(some_runs, ids, values, q.name)
    if unreadable.any():
        yield (
            f"{name} must be numbers, but are not in {some_runs(ids, cells, name, unreadable)}."
            f"{_how_to_write(cells[unreadable].iloc[0], q)}"
        )
    yield from missing_problems(name, np.isnan(values) & ~unreadable, ids=ids)
    infinite = np.isinf(values)
    if infinite.any():
        yield f"{name} is infinite in {where(infinite)}. Leave out runs that overflowed."
    bad = np.isfinite(values) & ~q.admits(values)
    low, high = q.bounds
    if (negative := bad & (values < 0) & (low >= 0)).any():
        why = _WHY_NEGATIVE if name == "loss" else f" {name} cannot be negative."
        if q.role == "response" and name != "loss":
            why = " Laws describe the log of what falls: pass its negative, or its exponential."
        yield f"{name} is negative in {where(negative)}.{why}"
    if (zero := bad & (values == 0)).any():
        why = " Leave out runs that did not finish." if name == "loss" else ""
        must = "positive" if (low, high) == (0, math.inf) else q.domain
        yield f"{name} is zero in {where(zero)}. It must be {must}.{why}"
    if (other := bad & ~negative & ~zero).any():
        dense = " A dense model has one." if name == "experts" else ""
        yield f"{name} must be {q.domain}, but is not in {where(other)}.{dense}"
    least, most = _LIMITS.get(q.style, (0.0, math.inf))
    if (huge := (counted > most) & ~infinite).any():
        yield (
            f"{name} is above {scientific(most)} in {where(huge)}. Pass plain counts: perhaps they "
            "were multiplied by 1e9 twice, or this is another column."
        )
    if (tiny := (counted < least) & (values > 0) & ~bad).any():
        yield (
            f"{name} is below {short_number(least)} in {where(tiny)}. It is a plain count: correct "
            f'these cells, or pass units={{"{name}": "B"}} if the column counts billions, "M" for '
            "millions."
        )


def missing_problems(what: str, missing: np.ndarray, *, ids: np.ndarray) -> Iterator[str]:
    """Describe empty cells, shape ``(run,)``."""
    if missing.any():
        runs = [f"run {i}" for i in ids[missing]]
        yield (
            f"{what} is missing (an empty cell or NaN) in {len(runs):,} of {len(ids):,} runs: "
            f"{list_some(runs)}. Fill it in, or leave these rows out with drop_incomplete=True "
            "(on the command line --drop-incomplete)."
        )


def label_problems(
    what: str, unreadable: np.ndarray, *, cells: pd.Series, ids: np.ndarray
) -> Iterator[str]:
    """Describe cells that cannot be labels, shape ``(run,)``."""
    if unreadable.any():
        yield (
            f"{what} must hold text or numbers, but does not in "
            f"{some_runs(ids, cells, 'label', unreadable)}. Write plain text, without NUL "
            "characters and halves of surrogate pairs, which files cannot hold."
        )


def _how_to_write(cell: object, q: Quantity) -> str:
    """Suggest the number that somebody probably meant."""
    text = str(cell).strip() if isinstance(cell, str) else ""
    if re.fullmatch(r"-?[\d.]*\d,\d+", text):
        return (
            f' If the comma of {text!r} is a decimal one, pass decimal="," (on the command line '
            f"--decimal ,); else write {text.replace(',', '')}."
        )
    if count := count_in_words(text):
        return f" Write {text!r} as {count:.6g}."
    return (
        " Write plain numbers such as 1.2e9, or leave these rows out with drop_incomplete=True "
        "(on the command line --drop-incomplete)."
    )


def column_problems(
    columns: Mapping[str, np.ndarray], *, ids: np.ndarray, param_count: str,
    unit: str = "nats/token", column: str = "loss", is_loss: bool = True,
) -> Iterator[str]:  # fmt: skip
    """Describe losses, nats/token, that no model has, errors beyond them, and swapped counts."""
    loss = columns["loss"]
    if is_loss and (loss > LARGEST_LOSS).mean() <= _DIVERGED_SHARE:
        loss = np.minimum(loss, LARGEST_LOSS)  # a few are kept: `suspicions` names them
    converted = "" if unit == "nats/token" else f", converted from {unit},"
    if (high := is_loss & (loss > LARGEST_LOSS) & np.isfinite(loss)).any():
        yield (
            f"loss{converted} is above {LARGEST_LOSS:.2f} nats/token in "
            f"{some_runs(ids, loss, 'loss', high)}. That is worse than guessing uniformly among "
            '256,000 tokens. If the column is a perplexity, pass loss_unit="perplexity"; if in '
            'bits, "bits/token" or "bits/byte"; if it is a sum, divide by the tokens; leave out '
            f'runs that diverged, e.g. where="{column} < {math.floor(LARGEST_LOSS)}" (on the '
            "command line --where)."
        )
    if (low := is_loss & (loss > 0) & (loss < SMALLEST_LOSS)).any():
        yield (
            f"loss{converted} is below {SMALLEST_LOSS} nats/token in "
            f"{some_runs(ids, loss, 'loss', low)}. No language model is that good: perhaps this is "
            "an accuracy, an error rate or a normalised loss. Pass the mean loss per token, or "
            f"declare what it is: response=bs.Quantity({column!r}, unit='1') (on the command line "
            f"--response {column}=1)."
        )
    error = columns.get("loss_se")
    if error is not None and (above := (error > loss) & np.isfinite(error)).any():
        yield (
            f"loss_se is above the loss itself in {some_runs(ids, error, 'loss_se', above)}. Pass "
            "the standard error of each loss, in the unit of the loss and not in percent."
        )
    inner = columns.get("params_non_embedding") if param_count == "total" else None
    if inner is not None and (more := inner > columns["params"]).any():
        which = list_some([f"run {i}" for i in ids[more]])
        yield (
            f"params_non_embedding exceeds params in {more.sum():,} of {len(ids):,} runs: {which}. "
            'Swap the columns, or pass param_count="other".'
        )


def raise_for(problems: Sequence[str]) -> None:
    """Raise one `RunsError` for all troubles, a line each, if there are any."""
    if len(problems) == 1:
        raise RunsError(problems[0])
    if problems:
        raise RunsError(
            f"The table of runs has {len(problems)} problems:\n"
            + "\n".join(f"- {problem}" for problem in problems)
        )


def suspicions(
    table: Mapping[str, np.ndarray], *, apart: Sequence[str], derived: Sequence[str],
    ids: np.ndarray, flop_rule: str, loss_column: str, is_raw: bool, is_loss: bool,
) -> Iterator[str]:  # fmt: skip
    """List what looks wrong in checked columns but may be meant.

    ``apart`` are the columns that distinguish runs, ``derived`` those that follow from others;
    ``is_raw`` where no unit of the loss was given, ``is_loss`` where no other response was.
    """
    yield from _same_run_twice(table, apart, ids)
    if is_loss:
        yield from _worse_than_guessing(table["loss"], ids)
    split = {"params", "tokens"} <= table.keys()
    if split:
        yield from _on_one_line(table["params"], table["tokens"])
        yield from _rungs(table)
        yield from _slips(table["params"], table["tokens"], table["loss"], ids)
    size = table.get("flops", table.get("tokens", table.get("params", np.zeros(0))))
    sizes = list(_sizes(table, derived))
    yield from sizes
    strange = list(_losses(table["loss"], column=loss_column, is_raw=is_raw)) if is_loss else []
    yield from strange or _rises(table["loss"], size)
    if flop_rule == "column" and split and not sizes:
        yield from _flops_off(table["flops"], training_flops(table["params"], table["tokens"]), ids)


def _worse_than_guessing(loss: np.ndarray, ids: np.ndarray) -> Iterator[str]:
    worse = loss > LARGEST_LOSS
    if worse.any():
        yield (
            f"{worse.sum():,} of {len(ids):,} runs are worse than guessing among 256,000 tokens: "
            f"{rows(ids[worse], loss[worse], 'loss')}. They are kept, and no law describes them: "
            f"leave them out with runs.drop({ids[worse].tolist()[:5]})."
        )


def _on_one_line(params: np.ndarray, tokens: np.ndarray) -> Iterator[str]:
    ratio = tokens / params
    low, high = _TOKENS_PER_PARAM  # beyond, the columns look wrong, which is said instead
    one = low <= ratio.min() and ratio.max() < min(_ON_A_LINE * ratio.min(), high)
    if one and len(np.unique(params)) >= _ENOUGH_FOR_A_LINE:
        yield (
            f"All runs have {short_number(float(np.median(ratio)))} tokens per parameter: the "
            "effects of parameters and tokens cannot be told apart. Add runs on fewer and on more "
            "tokens per parameter."
        )


def _rungs(table: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Find a budget, or two at an edge, off a smooth surface through the others' log losses."""
    order = np.argsort(table["flops"], kind="stable")
    c = np.log(table["flops"][order])
    rung = np.cumsum(np.diff(c, prepend=c[0]) > _SAME_RUNG)
    count = int(rung[-1]) + 1
    if not _ENOUGH_RUNGS <= count <= _MOST_RUNGS:
        return
    n, y = (np.log(table[name][order]) for name in ("params", "loss"))
    if pd.Series(n).groupby(rung).nunique().median() < _ENOUGH_ON_A_RUNG:
        return
    n = n - np.polyval(np.polyfit(c, n, 1), c)
    x = c - c.mean()
    surface = np.stack([x**0, x, x**2, n, n**2, n**3, n * x, n**2 * x], axis=1)
    shifts = []
    for off in (*([i] for i in range(count)), [0, 1], [count - 2, count - 1]):
        terms = np.column_stack([np.isin(rung, off), surface])
        fitted, _, rank, _ = np.linalg.lstsq(terms, y, rcond=None)
        if rank < terms.shape[1] or len(y) <= rank:
            continue
        noise2 = np.sum((y - terms @ fitted) ** 2) / (len(y) - rank)
        error = math.sqrt(noise2 * np.linalg.inv(terms.T @ terms)[0, 0]) + 1e-6
        if abs(fitted[0]) > max(_OFF_TREND, _OFF_IN_ERRORS * error):
            shifts.append((abs(fitted[0]) / error, fitted[0], off))
    if shifts:
        _, by, off = max(shifts)
        budgets = " and ".join(scientific(float(np.exp(c[rung == i].mean()))) for i in off)
        yield (
            f"The losses at {budgets} FLOP lie {100 * by:+.1f} % off the trend of the other "
            "budgets: check for another recipe, tokenizer or evaluation there, or fit without them."
        )


def epochs_of(
    frame: pd.DataFrame, tokens: np.ndarray | None, *, used: Container[str]
) -> tuple[str, np.ndarray] | None:
    """Return a column of epochs or unique tokens, and the epochs ``(run,)``, if any exceed 1."""
    for column in (c for c in frame.columns if isinstance(c, str) and c not in used):
        plain = re.sub(r"[^a-z]", "", column.lower())
        unique = _UNIQUE.fullmatch(plain) is not None
        if unique or _EPOCHS.fullmatch(plain):
            values, _ = numbers(frame[column], UNIQUE_TOKENS if unique else None)
            if unique and tokens is None:
                continue
            epochs = tokens / values if unique else values
            if (np.isfinite(epochs) & (epochs > 0)).all() and epochs.max() > 1:
                return column, epochs
    return None


def overlooked(
    frame: pd.DataFrame, table: Mapping[str, np.ndarray], *, used: Container[str],
    repeated: tuple[str, np.ndarray] | None,
) -> Iterator[str]:  # fmt: skip
    """Describe what columns that are not used say of the runs: repeated data, checkpoints."""
    if repeated is not None:
        column, epochs = repeated
        yield (
            f"Data were repeated up to {epochs.max():.3g} times (column {column!r}), which a law "
            f"of parameters and tokens counts as new tokens. Leave out runs above {MOST_EPOCHS} "
            'epochs, or fit law="data_constrained", which takes the unique tokens.'
        )
    for column in (c for c in frame.columns if isinstance(c, str) and c not in used):
        if {"cluster", "params", "tokens"} & table.keys() != {"params", "tokens"}:
            continue
        if not _NAMES.fullmatch(re.sub(r"[^a-z]", "", column.lower())):
            continue
        sizes = pd.DataFrame({k: table[k] for k in ("params", "tokens")})
        by_name = sizes.groupby(frame[column].astype(str).to_numpy()).nunique()
        if (by_name["params"] == 1).all() and by_name["tokens"].median() >= _ENOUGH_CHECKPOINTS:
            yield (
                f"Rows of one {column!r} have the same parameters at up to "
                f"{by_name['tokens'].max()} numbers of tokens: if they are checkpoints of one run, "
                f"pass cluster={column!r}, or intervals are too narrow."
            )
            return


def _same_run_twice(
    table: Mapping[str, np.ndarray], apart: Sequence[str], ids: np.ndarray
) -> Iterator[str]:
    # Numbers first: they nearly always differ, and labels are slow to compare.
    counted = [k for k in ("params", "tokens", "flops") if k in table][:2]
    numbers = pd.DataFrame({k: table[k] for k in ("loss", *counted)})
    at = np.flatnonzero(numbers.duplicated(keep=False))
    keys = [*counted, "loss", *(k for k in dict.fromkeys(apart) if k in table)]
    candidates = pd.DataFrame({k: table[k][at] for k in keys})
    repeated = candidates.duplicated(keep=False).to_numpy(dtype=bool)
    if not repeated.any():
        return
    ids_repeated = ids[at[repeated]]
    same_as = candidates[repeated].groupby(keys, dropna=False, sort=False).ngroup().to_numpy()
    sets = int(same_as.max()) + 1
    shown = [
        " = ".join(map(printable, ids_repeated[same_as == k][:4])) for k in range(min(sets, 5))
    ]
    more = f" and {sets - 5:,} more" if sets > 5 else ""
    yield (
        f"{ids_repeated.size - sets:,} of {len(ids):,} runs repeat another one exactly in "
        f"{list_some(keys, limit=9)}: run {', run '.join(shown)}{more}. A run counted twice "
        "makes intervals too narrow. Drop the repeats; if they are replicates, add a seed column "
        "that tells them apart."
    )


def _sizes(table: Mapping[str, np.ndarray], derived: Sequence[str]) -> Iterator[str]:
    few = False
    for name, least, most_often in (
        ("params", _FEW_PARAMS, np.max), ("tokens", _FEW_TOKENS, np.median),
        ("flops", _FEW_FLOPS, np.max),
    ):  # fmt: skip
        if name in table and (seen := most_often(table[name])) < least:
            few = True
            which = "largest" if most_often is np.max else "median"
            yield _too_few(name, f"the {which} is {seen:.6g}", table[name])
    if few or not {"params", "tokens"} <= table.keys():
        return
    ratio = float(np.median(table["tokens"] / table["params"]))
    low, high = _TOKENS_PER_PARAM
    if low <= ratio <= high:
        return
    if derived:
        cause = (
            f"{derived[0]} are computed from FLOP by 6ND: perhaps the FLOP count only the forward "
            f"pass, or are in another unit, or the table has a column of {derived[0]} to name"
        )
    elif ratio > high:
        cause = 'params look counted in millions: pass units={"params": "M"}, or in thousands, "k"'
    elif 1 / ratio <= _TOKENS_PER_PARAM_AT_MOST:
        cause = (
            "params and tokens look swapped, so name each column, params=... and tokens=...; or "
            'tokens are counted in thousands: pass units={"tokens": "k"}'
        )
    else:
        cause = 'tokens look counted in millions: pass units={"tokens": "M"}, or in billions, "B"'
    yield (
        f"the median of tokens per parameter is {short_number(ratio)}, unlike any known "
        f"ladder: {cause}."
    )


def _slips(
    params: np.ndarray, tokens: np.ndarray, loss: np.ndarray, ids: np.ndarray
) -> Iterator[str]:
    """Describe single rows far off the others, which a slip in one cell makes."""
    if len(ids) < _ENOUGH_TO_RISE:
        return
    ratio = tokens / params
    off_median = np.log(ratio / np.median(ratio))
    usual = off_median[np.abs(off_median) <= math.log(_SLIP)]
    # a design that reaches far goes there by steps, a slip leaves a gap
    gap = (off_median < usual.min() - _STEP) | (off_median > usual.max() + _STEP)
    x = np.column_stack([np.ones(len(ids)), np.log(params), np.log(tokens)])
    y = np.log(loss)
    off, kept = np.zeros(len(ids)), np.ones(len(ids), dtype=bool)
    for _ in range(3):  # least squares of the loss in logs, without what lies far off it
        off = np.abs(y - x @ np.linalg.lstsq(x[kept], y[kept])[0])
        kept = off <= np.quantile(off, 0.8)
    far = np.abs(off_median) > math.log(_SLIP)
    for what, at, limit, values, name in (
        ("median tokens per parameter", far & gap[far].all(), _SLIP, ratio, "tokens per parameter"),
        ("loss predicted from the other runs", off > math.log(_LOSS_OFF), _LOSS_OFF, loss, "loss"),
    ):
        if 0 < at.sum() <= max(1, _SLIPS_AT_MOST * len(ids)):
            yield (
                f"{at.sum():,} of {len(ids):,} runs {'differ' if at.sum() > 1 else 'differs'} more "
                f"than {limit:g}-fold from the {what}: {rows(ids[at], values[at], name)}. Check "
                "these rows for errors, such as a wrong power of ten; one such run can change "
                "every prediction."
            )


def _too_few(part: str, seen: str, values: np.ndarray) -> str:
    low, high = _LOG10[part]
    units = {"decimal logarithms": "log10"}
    units |= {"in PFLOP": "PFLOP"} if part == "flops" else {"in billions": "B", "in millions": "M"}
    if not (low <= values.min() and values.max() <= high):
        del units["decimal logarithms"]
    (first, unit), *others = units.items()
    more = "".join(f'; {what}, "{name}"' for what, name in others)
    return (
        f"{part} look too small: {seen}. If they are {first}, pass "
        f'units={{"{part}": "{unit}"}} (on the command line --unit {part}={unit}){more}.'
    )


def _losses(loss: np.ndarray, *, column: str, is_raw: bool) -> Iterator[str]:
    for pattern, what in _SOUNDS_LIKE.items():
        if is_raw and re.search(pattern, column.lower()):
            yield f"The name of the loss column, {column!r}, suggests {what}."
            return
    if loss.min() > _HIGH_BEST_LOSS:
        yield (
            f"The lowest loss is {loss.min():.4g} nats/token, which no trained language model has: "
            'perhaps these are perplexities: pass loss_unit="perplexity"; or sums.'
        )
    elif loss.max() < _LOW_WORST_LOSS and is_raw:
        yield (
            f"All losses are below {_LOW_WORST_LOSS:g} nats/token (the highest is {loss.max():.4g})"
            ": perhaps these are accuracies or error rates, which response= declares, or bits "
            'per byte: pass loss_unit="bits/byte" and bytes_per_token (1 if a token is a byte).'
        )


def _rises(loss: np.ndarray, flops: np.ndarray) -> Iterator[str]:
    if len(flops) >= _ENOUGH_TO_RISE and np.ptp(loss) > 0 and np.ptp(flops) > 0:
        correlation = pd.Series(loss).rank().corr(pd.Series(flops).rank())
        if correlation > _RISING:
            yield (
                f"The loss rises with compute (rank correlation {correlation:.2f}): perhaps it is "
                "an accuracy or a logarithm of a likelihood. Pass a loss, which falls."
            )


def _flops_off(flops: np.ndarray, six_nd: np.ndarray, ids: np.ndarray) -> Iterator[str]:
    ratio = flops / six_nd
    off = (ratio > _FLOPS_OFF) | (ratio < 1 / _FLOPS_OFF)
    usual = float(np.median(ratio))
    afresh = 'flop_rule="6ND" computes FLOP from params and tokens and ignores the column.'
    if off.any():
        yield (
            "flops differ from 6 x params x tokens more than tenfold in "
            f"{some_runs(ids, ratio, 'flops / 6ND', off)}. Check for a wrong power of ten or "
            f"another way of counting parameters; {afresh}"
        )
    elif not 1 / _FLOPS_OFF_THROUGHOUT <= usual <= _FLOPS_OFF_THROUGHOUT:
        yield (
            f"flops are {usual:.3g} times 6 x params x tokens (median over runs): perhaps they "
            "count only the forward pass (2ND, a third), three times the work, or only some of the "
            f"parameters; {afresh}"
        )


def warn(message: str) -> None:
    """Issue a `RunsWarning` that points at the caller's own line."""
    warnings.warn(message, RunsWarning, skip_file_prefixes=(PACKAGE,), stacklevel=2)
