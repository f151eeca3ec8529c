"""How a table of runs shows itself; ``runs`` is a :class:`~bayesscale.Runs`."""

from collections.abc import Container
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._format import interval, list_some, printable
from bayesscale.quantities import FLOPS, LOSS, PARAMS, QUANTITIES, TOKENS, Quantity
from bayesscale.runs.columns import NUMBERS


def facts(runs: Any) -> dict[str, str]:
    """Sum up a table in reading order: a word and what there is to say about it."""

    def span(q: Quantity, values: np.ndarray) -> str:
        return interval(values.min(), values.max(), q.write)

    remarks = {
        "params": runs.param_count, "flops": runs.flop_rule,
        "loss": "" if runs.loss_unit == LOSS.unit else f"given in {runs.loss_unit}",
    }  # fmt: skip
    response = replace(runs.response, name="loss")

    def fact(q: Quantity) -> str:
        remark = "; ".join(filter(None, (remarks.get(q.name), runs._remarks.get(q.name))))
        unit = f" {q.unit}" if q.role == "response" and q.unit != "1" else ""
        return span(q, runs[q.name]) + unit + f" ({remark})" * bool(remark)

    words = {q.name: fact(q) for q in (PARAMS, TOKENS) if q.name in runs}
    if len(words) == 2:
        words["tokens/param"] = span(TOKENS, runs.tokens / runs.params)
    words |= {"flops": fact(FLOPS)} if "flops" in runs else {}
    words[response.noun] = fact(response)
    if "rows" in runs._remarks:
        words["rows"] = runs._remarks["rows"]
    for q in runs._inputs:
        words[q.name] = fact(q) + ("" if q.unit == "1" else f" {q.unit}")
    for name, labels in runs.groups.items():
        levels = pd.unique(labels)
        words[f"group {printable(name)}"] = f"{_how_many(levels)}: {list_some(levels, limit=4)}"
    if runs.cluster is not None:
        words["clusters"] = f"{runs.n_clusters:,}, each with several rows"
    told = {*words, *runs.groups, "cluster", "loss"}
    if extra := [name for name in QUANTITIES if name in runs and name not in told]:
        words["also"] = ", ".join(extra)
    return words


def pooled_groups(runs: Any, apart: Container[str]) -> str | None:
    """Describe which groups are pooled, for `Runs.pooled_groups`."""
    groups = {name: pd.unique(v) for name, v in runs.groups.items() if name not in apart}
    several = {name: levels for name, levels in groups.items() if len(levels) > 1}
    if not several:
        return None
    text = " and ".join(
        f"group {name!r} has {_how_many(levels)} ({list_some(levels, limit=4)})"
        for name, levels in several.items()
    )
    name, levels = next(iter(several.items()))
    return (
        f"{text[0].upper()}{text[1:]}; all runs are fitted as one ladder: select one level if they "
        f"have different data or tokenizers, e.g. read with where={ {name: levels.tolist()[0]} }."
    )


def _how_many(levels: np.ndarray) -> str:
    return f"{len(levels):,} level{'s' if len(levels) != 1 else ''}"


def title(runs: Any) -> str:
    """Name the table and say how long it is."""
    name = f" {runs.name!r}" if runs.name else ""
    return f"Runs{name}: {len(runs):,} run{'s' if len(runs) != 1 else ''}"


def as_text(runs: Any) -> str:
    """Write the table as a terminal shows it."""
    words = facts(runs)
    width = max(map(len, words))
    return "\n".join([title(runs), *(f"  {word:<{width}}  {fact}" for word, fact in words.items())])


def as_html(runs: Any, *, rows: int = 5) -> str:
    """Write the table as a notebook shows it: facts, then the first rows, all of it escaped."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(word)}</th>"
        f"<td style='text-align:left'>{escape(printable(fact))}</td></tr>"
        for word, fact in facts(runs).items()
    )
    head = runs.frame.head(rows).reset_index().astype(object)
    write = {q.name: q.write for q in (*NUMBERS, *runs._inputs)}
    shown = head.apply(lambda column: column.map(write.get(str(column.name), printable)))
    first = shown.rename(columns=printable).to_html(index=False, border=0, escape=True)
    return f"<div><b>{escape(title(runs))}</b><table>{cells}</table>{first}</div>"
