"""What answers say: predicted losses, splits of compute, what a loss takes, what more buys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bayesscale._format import flops as write_flops, interval, over_interval, percent
from bayesscale._sections import Heading, Paragraph, Section, Table, findings, further, records
from bayesscale.inference import in_words
from bayesscale.quantities import FLOPS, PARAMS, QUANTITIES, TOKENS, quantity

if TYPE_CHECKING:
    from bayesscale.forecast.allocate import Allocation
    from bayesscale.forecast.answer import Answer
    from bayesscale.forecast.extrapolate import Prediction
    from bayesscale.forecast.inverse import Gain
    from bayesscale.forecast.regret import Regret
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
    scale = answer.scale
    columns |= {
        scale.word: lambda row: scale.write(row["loss"]),
        f"{percent(answer.ci_prob)} interval": lambda row: interval(
            row["loss_lower"], row["loss_upper"], scale.write
        ),
        "beyond the runs": lambda row: f"{row[f'reach_{reach}']:.3g}×",
    }
    note = (
        f"Loss of a new run {scale.in_words}. Beyond the runs: "
        f"{_title(reach)} over that of the largest fitted run."
    )
    first, last = (_head(answer), _foot(answer)) if head else ([], [])
    assumed = (Paragraph(text) for text in answer.assumed)
    return [*first, Table.of(frame, columns, note), *assumed, *last]


def allocation_sections(answer: Allocation, *, head: bool = True) -> list[Section]:
    """Return splits of budgets, one row a budget, and how they grow with compute."""
    rows, scale = records(answer.summary), answer.scale
    table = Table.of(
        answer.summary,
        {
            _title("flops"): _writer("flops"),
            "train": lambda row: (
                f"{PARAMS.write(row['best_bet_params'])} on {TOKENS.write(row['best_bet_tokens'])}"
                f"\n{interval(row['near_params_lower'], row['near_params_upper'])}"
            ),
            "best size": lambda row: over_interval(row, "params"),
            "tokens/param": lambda row: over_interval(row, "tokens_per_param"),
            scale.word: lambda row: over_interval(row, "loss", scale.write),
            "wasted": _wasted,
        },
        f"Train: the parameters and tokens with the smallest expected loss, over the sizes nearly "
        f"as good, within {percent(answer.within)} of it. Best size, and its tokens/param: what "
        f"would be best if it were known. Loss of a run as ordered, {scale.in_words}, and the "
        f"share of compute that it wastes. Medians over {percent(answer.ci_prob)} intervals.",
    )
    said = [*_by_budget(rows, lambda row: _flatness(row, answer.within))]
    said += _by_budget(rows, lambda row: _growth(row, answer.ci_prob))
    said += _by_budget(rows, _oddities)
    first, last = (_head(answer), _foot(answer)) if head else ([], [])
    return [*first, table, *(Paragraph(text) for text in (*said, *answer.assumed)), *last]


def regret_sections(answer: Regret, *, head: bool = True) -> list[Section]:
    """Return plans against the best runs of the same cost, one row a plan."""
    frame, scale = answer.summary, answer.scale
    table = Table.of(
        frame,
        {
            "plan": lambda row: str(row["plan"]),
            "best size": lambda row: over_interval(row, "optimal_params"),
            "over-trained": lambda row: over_interval(row, "overtraining", _two_digits),
            "regret": lambda row: over_interval(
                row, "regret", lambda nats: f"{scale.difference(nats):.4f}"
            ),
            "wasted": _wasted,
            "as good": lambda row: _share(row["within_prob"]),
        },
        f"Best size at the same cost. Over-trained: tokens per parameter over those of the best "
        f"run. Regret in {scale.of_differences}; wasted: share of compute. As good: probability "
        f"that the loss is within {percent(answer.within)} of the best. Medians over "
        f"{percent(answer.ci_prob)} intervals.",
    )
    said = []
    if len(frame) > 1:
        row = frame.loc[answer.choice]
        said.append(
            f"The smallest expected regret is that of {answer.choice}: "
            f"{scale.difference(row['expected_regret']):.2g} {scale.of_differences}."
        )
    first, last = (_head(answer), _foot(answer)) if head else ([], [])
    return [*first, table, *(Paragraph(text) for text in (*said, *answer.assumed)), *last]


def requirement_sections(answer: Requirement) -> list[Section]:
    """Return what target losses take, one row a target."""
    frame, scale = answer.summary, answer.scale
    name = str(frame.columns[0])
    write = quantity(name).write
    assured: dict[str, Callable[[Mapping[str, Any]], str]] = {}
    if answer.prob is not None:
        assured[f"sure to {percent(answer.prob)}"] = lambda row: (
            f"{write(row['assured_flops'])}\n{PARAMS.write(row['assured_params'])} on "
            f"{TOKENS.write(row['assured_tokens'])}"
        )
    return [
        *_head(answer),
        Table.of(
            frame,
            {
                scale.word: lambda row: scale.write(row["loss"]),
                _title(name): lambda row: write(row[name]),
                f"{percent(answer.ci_prob)} interval": lambda row: interval(
                    row[f"{name}_lower"], row[f"{name}_upper"], write
                ),
                "ever reached": lambda row: percent(row["reachable"]),
                **assured,
            },
            f"Loss of the law {scale.in_words}. Ever reached: probability that any amount "
            "suffices.",
        ),
        *_foot(answer),
    ]


def gain_sections(answer: Gain) -> list[Section]:
    """Return what multiplying a size buys, one row a size."""
    frame, scale = answer.summary, answer.scale
    return [
        *_head(answer),
        Table.of(
            frame,
            {
                "more": lambda row: f"{row['factor']:g}× {quantity(str(row['what'])).noun}",
                scale.word: lambda row: (
                    f"{scale.write(row['before'])} → {scale.write(row['after'])}"
                ),
                "saved": lambda row: over_interval(
                    row, "saved", lambda nats: f"{scale.difference(nats):.3g}"
                ),
                "saved, %": lambda row: over_interval(row, "saved_percent", "{:.3g}".format),
            },
            f"Loss of the law {scale.in_words}, saved in {scale.of_differences}. Medians over "
            f"{percent(answer.ci_prob)} intervals.",
        ),
        *_foot(answer),
    ]


def _head(answer: Answer) -> list[Section]:
    """Return whom the answer is of, and whether that may be used."""
    if answer.of is None:
        return []
    return [Heading(in_words(answer.of)), *findings(answer.checks)]


def _foot(answer: Answer) -> list[Section]:
    """Return what the answer owes to priors; what else was found is for the fit to tell."""
    return further([answer.sensitivity] if answer.sensitivity else [])


def _title(name: str) -> str:
    """Return what heads a column: short, as tables of them are wide."""
    return QUANTITIES[name].unit if name == FLOPS.name else name.replace("_", " ")


def _writer(name: str) -> Callable[[Mapping[str, Any]], str]:
    write = quantity(name).write
    return lambda row: write(row[name])


def _by_budget(
    rows: Sequence[Mapping[str, Any]], say: Callable[[Mapping[str, Any]], str]
) -> list[str]:
    """Return what is said of all budgets, or, where that differs, of the first and the last."""
    said = {row["flops"]: say(row) for row in rows}
    if len(set(said.values())) == 1:
        return [text for text in set(said.values()) if text]
    ends = dict.fromkeys((rows[0]["flops"], rows[-1]["flops"]))
    return [f"At {write_flops(budget)}: {said[budget]}" for budget in ends if said[budget]]


def _flatness(row: Mapping[str, Any], within: float) -> str:
    return (
        f"The run as ordered is within {percent(within)} of the best loss with probability "
        f"{_share(row['within_prob'])}; the best size is among those nearly as good with "
        f"probability {_share(row['near_prob'])}."
    )


def _oddities(row: Mapping[str, Any]) -> str:
    said = []
    if row["without_optimum"]:
        said.append(f"{_share(row['without_optimum'])} of the draws have no best size.")
    if row["several_minima"]:
        said.append(
            f"{_share(row['several_minima'])} of the draws have several minima along the budget; "
            "the lowest is taken."
        )
    return " ".join(said)


def _share(x: float) -> str:
    """Write a share in percent with two digits: ``0.12 %``, ``35 %``."""
    return f"{_two_digits(100 * x)} %" if 100 * x >= 0.01 else "0 %"


def _wasted(row: Mapping[str, Any]) -> str:
    low, high = (_share(row[f"wasted_{end}"]) for end in ("lower", "upper"))
    return f"{_share(row['wasted'])}\n{low.removesuffix(' %') if low != high else ''}" + (
        f"–{high}" if low != high else high
    )


def _two_digits(x: float) -> str:
    """Write two digits, or more where a number has more before the point; no exponent."""
    return f"{x:.2g}" if x < 99.5 else f"{x:.0f}"


def _growth(row: Mapping[str, Any], ci_prob: float) -> str:
    def power(name: str) -> str:
        lower, upper = row[f"{name}_exponent_lower"], row[f"{name}_exponent_upper"]
        return f"C^{row[f'{name}_exponent']:.2f} ({interval(lower, upper, '{:.2f}'.format)})"

    return (
        f"With compute, the best size grows as {power('params')} and its tokens as "
        f"{power('tokens')}; {percent(ci_prob)} intervals."
    )
