"""How a table of runs shows itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesscale._format import interval, list_some, scientific, si_count

if TYPE_CHECKING:
    from bayesscale.runs.table import Runs


def facts(runs: Runs) -> dict[str, str]:
    """Sum up a table: a word and what there is to say about it.

    Parameters
    ----------
    runs
        The table.

    Returns
    -------
    dict
        In reading order.
    """
    ratio = runs.tokens / runs.params
    told = {
        "params": f"{interval(runs.params.min(), runs.params.max())} ({runs.param_count})",
        "tokens": interval(runs.tokens.min(), runs.tokens.max()),
        "tokens/param": interval(ratio.min(), ratio.max()),
        "flops": f"{interval(runs.flops.min(), runs.flops.max(), scientific)} ({runs.flop_rule})",
        "loss": f"{interval(runs.loss.min(), runs.loss.max(), _loss)} nats/token",
    }
    if runs.loss_unit != "nats/token":
        told["loss"] += f" (given in {runs.loss_unit})"
    for name, labels in runs.groups.items():
        levels = pd.unique(labels)
        told[f"group {name}"] = f"{_how_many(levels)}: {list_some(levels, limit=4)}"
    if runs.cluster is not None:
        told["clusters"] = f"{runs.n_clusters:,}, each of rows that are readings of one run"
    optional = ("loss_se", "params_non_embedding", "seed")
    extra = [c for c in optional if c not in runs.groups and getattr(runs, c) is not None]
    if extra:
        told["also"] = ", ".join(extra)
    return told


def pooled_groups(runs: Runs) -> str | None:
    """Say which groups are pooled, for `Runs.pooled_groups`."""
    groups = {name: pd.unique(labels) for name, labels in runs.groups.items()}
    several = {name: levels for name, levels in groups.items() if len(levels) > 1}
    if not several:
        return None
    told = " and ".join(
        f"group {name!r} has {_how_many(levels)} ({list_some(levels, limit=4)})"
        for name, levels in several.items()
    )
    name, levels = next(iter(several.items()))
    return (
        f"{told[0].upper()}{told[1:]}; all runs are fitted as one ladder: select one level if they "
        f"have different data or tokenizers, e.g. read with where={ {name: levels.tolist()[0]} }."
    )


def _how_many(levels: np.ndarray) -> str:
    return f"{len(levels):,} level{'s' if len(levels) != 1 else ''}"


def _loss(value: float) -> str:
    return f"{value:.4g}"


def title(runs: Runs) -> str:
    """Name the table and say how long it is."""
    name = f" {runs.name!r}" if runs.name else ""
    return f"Runs{name}: {len(runs):,} run{'s' if len(runs) != 1 else ''}"


def as_text(runs: Runs) -> str:
    """Write the table as a terminal shows it."""
    told = facts(runs)
    width = max(map(len, told))
    return "\n".join([title(runs), *(f"  {word:<{width}}  {fact}" for word, fact in told.items())])


def as_html(runs: Runs, *, rows: int = 5) -> str:
    """Write the table as a notebook shows it: the facts, then the first rows.

    Parameters
    ----------
    runs
        The table.
    rows
        How many rows to show, >= 0.

    Returns
    -------
    str
        HTML in which everything that came from the table is escaped.
    """
    told = "".join(
        f"<tr><th style='text-align:left'>{escape(word)}</th>"
        f"<td style='text-align:left'>{escape(fact)}</td></tr>"
        for word, fact in facts(runs).items()
    )
    counts = dict.fromkeys(("params", "tokens", "params_non_embedding"), si_count)
    formats = {**counts, "flops": scientific, "loss": _loss, "loss_se": _loss}
    head = runs.frame.head(rows)
    first = head.to_html(
        formatters={c: f for c, f in formats.items() if c in head}, border=0, escape=True
    )
    return f"<div><b>{escape(title(runs))}</b><table>{told}</table>{first}</div>"
