"""What answers say: predicted losses, splits of compute, what a loss takes, what more buys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from bayesscale._format import flops as write_flops
from bayesscale._format import interval, over_interval, percent
from bayesscale._sections import Heading, Paragraph, Section, Table, findings, records
from bayesscale.inference.sections import in_words
from bayesscale.quantities import FLOPS, LOSS, QUANTITIES, quantity

if TYPE_CHECKING:
    from bayesscale.forecast.allocate import Allocation
    from bayesscale.forecast.answer import Answer
    from bayesscale.forecast.extrapolate import Prediction
    from bayesscale.forecast.inverse import Gain
    from bayesscale.forecast.requirement import Requirement


def prediction_sections(answer: Prediction, *, head: bool = True) -> list[Section]:
    """Return predicted losses, one row a target."""
    frame = answer.summary
    names = [str(name) for name in frame]
    sizes = [name.removeprefix("reach_") for name in names if name.startswith("reach_")]
    reach = "flops" if "flops" in sizes else sizes[0]
    columns: dict[str, Callable[[Mapping[str, Any]], str]] = {
        _title(name): _writer(name) for name in names[: names.index("loss")]
    }
    columns |= {
        "loss": lambda row: LOSS.write(row["loss"]),
        f"{percent(answer.ci_prob)} interval": lambda row: interval(
            row["loss_lower"], row["loss_upper"], LOSS.write
        ),
        "beyond the runs": lambda row: f"{row[f'reach_{reach}']:.3g}×",
    }
    note = (
        "Loss of a new run in nats/token. Beyond the runs: "
        f"{_title(reach)} over that of the largest fitted run."
    )
    return [*(_head(answer) if head else []), Table.of(frame, columns, note)]


def allocation_sections(answer: Allocation, *, head: bool = True) -> list[Section]:
    """Return splits of budgets, one row a budget, and how they grow with compute."""
    rows = records(answer.summary)
    near = percent(answer.near_optimal)
    table = Table.of(
        answer.summary,
        {
            _title("flops"): _writer("flops"),
            "params": lambda row: over_interval(row, "params"),
            "nearly as good": lambda row: interval(
                row["near_params_lower"], row["near_params_upper"]
            ),
            "tokens": lambda row: over_interval(row, "tokens"),
            "tokens/param": lambda row: over_interval(row, "tokens_per_param"),
            "loss": lambda row: over_interval(row, "loss", LOSS.write),
        },
        f"Medians over {percent(answer.ci_prob)} intervals. Nearly as good: sizes whose expected "
        f"loss is within {near} of the best. Loss of a run there in nats/token.",
    )
    growth = {row["flops"]: _growth(row, answer.ci_prob) for row in rows}
    said = list(dict.fromkeys(growth.values()))
    if len(said) > 1:
        ends = (rows[0]["flops"], rows[-1]["flops"])
        said = [f"At {write_flops(budget)}: {growth[budget]}" for budget in dict.fromkeys(ends)]
    first = _head(answer) if head else []
    return [*first, table, *(Paragraph(sentence) for sentence in said)]


def requirement_sections(answer: Requirement) -> list[Section]:
    """Return what target losses take, one row a target."""
    frame = answer.summary
    name = str(frame.columns[0])
    write = quantity(name).write
    return [
        *_head(answer),
        Table.of(
            frame,
            {
                "loss": lambda row: LOSS.write(row["loss"]),
                _title(name): lambda row: write(row[name]),
                f"{percent(answer.ci_prob)} interval": lambda row: interval(
                    row[f"{name}_lower"], row[f"{name}_upper"], write
                ),
                "ever reached": lambda row: percent(row["reachable"]),
            },
            "Loss of the law in nats/token. Ever reached: probability that any amount suffices.",
        ),
    ]


def gain_sections(answer: Gain) -> list[Section]:
    """Return what multiplying a size buys, one row a size."""
    frame = answer.summary
    return [
        *_head(answer),
        Table.of(
            frame,
            {
                "more": lambda row: f"{row['factor']:g}× {quantity(str(row['what'])).noun}",
                "loss": lambda row: f"{LOSS.write(row['before'])} → {LOSS.write(row['after'])}",
                "saved": lambda row: over_interval(row, "saved", "{:.3g}".format),
                "saved, %": lambda row: over_interval(row, "saved_percent", "{:.3g}".format),
            },
            f"Loss of the law in nats/token. Medians over {percent(answer.ci_prob)} intervals.",
        ),
    ]


def _head(answer: Answer) -> list[Section]:
    """Return whom the answer is of, and whether that may be used."""
    if answer.of is None:
        return []
    return [Heading(in_words(answer.of)), *findings(answer.checks)]


def _title(name: str) -> str:
    """Return what heads a column: short, as tables of them are wide."""
    return QUANTITIES[name].unit if name == FLOPS.name else name.replace("_", " ")


def _writer(name: str) -> Callable[[Mapping[str, Any]], str]:
    write = quantity(name).write
    return lambda row: write(row[name])


def _growth(row: Mapping[str, Any], ci_prob: float) -> str:
    def power(name: str) -> str:
        lower, upper = row[f"{name}_exponent_lower"], row[f"{name}_exponent_upper"]
        return f"C^{row[f'{name}_exponent']:.2f} ({interval(lower, upper, '{:.2f}'.format)})"

    return (
        f"With compute, the best size grows as {power('params')} and its tokens as "
        f"{power('tokens')}; {percent(ci_prob)} intervals."
    )
