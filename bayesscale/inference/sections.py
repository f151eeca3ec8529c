"""What a fit and an average of fits say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayesscale._format import interval, percent, short_number
from bayesscale._sections import Heading, Paragraph, Section, Table, findings

if TYPE_CHECKING:
    from bayesscale.inference.average import Average
    from bayesscale.inference.result import Fit

SCORES = {"elpd": "leave-one-out", "log_evidence": "ln evidence", "log_score": "largest compute"}


def fit_sections(fit: Fit, *, ci_prob: float = 0.9) -> list[Section]:
    """Return what was fitted, whether it may be used and why, and the published parameters."""
    return [
        Heading(in_words(fit)),
        *findings(fit.checks, all_=True),
        Table.of(
            fit.summary(ci_prob=ci_prob),
            {
                "parameter": lambda row: str(row["parameter"]),
                "median": lambda row: short_number(row["median"]),
                f"{percent(ci_prob)} interval": lambda row: interval(
                    row["lower"], row["upper"], short_number
                ),
                "unit": lambda row: row["unit"],
            },
        ),
    ]


def in_words(fit: Any) -> str:
    """Return the model, or how many are averaged, and the runs that it was fitted to."""
    runs = fit.runs
    if not hasattr(fit, "spec"):
        return f"An average of {len(fit.fits)} fits to {len(runs)} runs"
    size = f"{len(runs)} runs"
    if runs.has_clusters:
        size = (
            f"{len(runs):,} rows of {runs.n_clusters:,} runs, worth {fit.effective_runs:.0f} "
            "independent ones"
        )
    return f"{fit.spec.in_words()}, fitted to {size}"


def average_sections(average: Average) -> list[Section]:
    """Return the weights of the laws, and what they rest on."""
    score = next(name for name in SCORES if name in average.summary)
    return [
        Heading(in_words(average)),
        *findings(average.checks, of="average"),
        Paragraph(average.text),
        Table.of(
            average.summary,
            {
                "fit": lambda row: str(row["fit"]),
                "law": lambda row: row["law"],
                "weight": lambda row: f"{row['weight']:.3f} ± {row['weight_se']:.3f}",
                f"{SCORES[score]}, nats": lambda row: f"{row[score]:.2f}",
            },
        ),
    ]
