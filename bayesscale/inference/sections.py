"""What a fit and an average of fits say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bayesscale._equation import as_text
from bayesscale._format import interval, percent, short_number
from bayesscale._sections import (
    Equation,
    Heading,
    Paragraph,
    Section,
    Table,
    findings,
    further,
)

if TYPE_CHECKING:
    from bayesscale.inference.average import Average
    from bayesscale.inference.result import Fit

UNSETTLED_MAX = 0.01

SCORES = {"elpd": "leave-one-out", "log_evidence": "ln evidence", "log_score": "largest compute"}


def fit_sections(fit: Fit, *, ci_prob: float = 0.9) -> list[Section]:
    """Return what was fitted, whether it may be used and why, and the published parameters."""
    return [
        Heading(in_words(fit)),
        *findings(fit.checks),
        Paragraph(_equation(fit)),
        *fitted_equation(fit),
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
        *([Paragraph(_closest_law(fit))] if "closest_law" in fit.draws.children else []),
        *further(fit.checks),
    ]


def fitted_equation(fit: Fit) -> list[Section]:
    """Return the law's equation with the medians of its letters, if all of them are known."""
    import numpy as np

    letters = {name: float(np.median(fit.published[name])) for name in fit.law.published_units}
    if not (fit.law.equation and letters and np.isfinite(list(letters.values())).all()):
        return []
    return [Equation(fit.law.equation, letters)]


def _equation(fit: Fit) -> str:
    law = fit.law
    said = law.equation or f"log loss as {type(law).__name__} writes it"
    said = as_text(said)
    return f"{said} ({law.citation})" if law.citation else said


def _closest_law(fit: Fit) -> str:
    """Say what the letters of a surface with discrepancy mean, and what they cost in fit."""
    published = fit.published
    misfit, sigma = float(published["misfit"].median()), float(fit.posterior.c["sigma"].mean())
    said = (
        "Letters above are those of the law closest to the fitted surface over the runs, which it "
        f"misses by {misfit:.2%} (noise {sigma:.2%}). They hold among the runs: beyond them the "
        "surface may leave the law, so that sizes and losses there are less sure than exponents."
    )
    if misfit > sigma:
        said += " They miss it by more than noise: quote them as a description of these runs"
        said += ", and E not as the loss that no size removes." if "E" in published else "."
    unsettled = int(published.attrs["unconverged"])
    if unsettled > UNSETTLED_MAX * published["misfit"].size:
        said += (
            f" NOT IDENTIFIED: for {unsettled:,} of {published['misfit'].size:,} draws no closest "
            "law was found; do not quote these letters."
        )
    return said


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
        *further(average.checks),
    ]
