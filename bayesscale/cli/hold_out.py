"""An honest test: hold out the largest runs, fit the others, and see whether they were foreseen."""

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

from bayesscale._format import scientific
from bayesscale.cli import document
from bayesscale.cli.output import Output, percent
from bayesscale.errors import RunsError

if TYPE_CHECKING:
    from bayesscale.inference.result import Fit
    from bayesscale.runs import Runs

RUNS_PER_UNKNOWN = 2
"""With fewer runs left than this for each unknown of the law, the test would test the prior."""


def hold_out_largest(runs: "Runs", *, factor: float, unknowns: int) -> "tuple[Runs, Runs] | None":
    """Split off the runs within a factor of the largest compute, if enough others remain.

    Parameters
    ----------
    runs
        All runs.
    factor
        How far below the largest compute, > 1.
    unknowns
        How many unknowns the law has.

    Returns
    -------
    tuple or None
        The runs to fit, and those held out.
    """
    try:
        small, large = runs.split_by_compute(factor=factor)
    except RunsError:  # all are that large
        return None
    return (small, large) if len(small) >= RUNS_PER_UNKNOWN * unknowns else None


@dataclass(frozen=True)
class HoldOut:
    """How a fit of the smaller runs foresaw the larger ones.

    Parameters
    ----------
    fit
        The fit of the smaller runs.
    held_out
        The larger runs.
    ci_prob
        Probability of the predictive intervals.
    covered
        How many of the held-out losses fell into their intervals.
    median_error
        Median of |predicted / observed loss - 1|.
    bias
        Median of predicted / observed loss - 1.
    """

    fit: "Fit"
    held_out: "Runs"
    ci_prob: float
    covered: int
    median_error: float
    bias: float

    @classmethod
    def of(cls, fit: "Fit", held_out: "Runs", *, ci_prob: float) -> "HoldOut":
        """Predict the runs held out, and compare."""
        import bayesscale as bs

        inputs: dict[str, Any] = {name: getattr(held_out, name) for name in fit.law.inputs}
        if held_out.loss_se is not None:  # what was measured scatters more than the law's noise
            inputs["loss_se"] = held_out.loss_se
        foreseen = bs.extrapolate(fit, **inputs, ci_prob=ci_prob).summary
        within = foreseen["loss_lower"].le(held_out.loss) & foreseen["loss_upper"].ge(held_out.loss)
        error = foreseen["loss"] / held_out.loss - 1
        return cls(
            fit, held_out, ci_prob, int(within.sum()), float(error.abs().median()),
            float(error.median()),
        )  # fmt: skip

    @property
    def expected(self) -> float:
        """How many held-out losses should fall into their intervals."""
        return self.ci_prob * len(self.held_out)

    @property
    def too_few(self) -> bool:
        """Whether fewer are covered than chance explains, two standard deviations below."""
        return self.covered < self.expected - 2 * sqrt(self.expected * (1 - self.ci_prob))

    def verdict(self) -> str:
        """Say the result in words."""
        n = len(self.held_out)
        text = (
            f"Of the {n} largest runs, held out of the fit, {self.covered} "
            f"({100 * self.covered / n:.0f} %) fell into their {percent(self.ci_prob)} predictive "
            f"intervals; the median error of the predicted loss is {100 * self.median_error:.2f} %."
        )
        if self.too_few:
            text += (
                f" About {self.expected:.0f} should have: intervals this far out are too narrow, "
                "and so may be those below."
            )
        return text

    def tell(self, out: Output) -> None:
        """Tell the test as a table and in words."""
        out.table(
            [
                "", "runs", "FLOP at most", f"within {percent(self.ci_prob)}", "median |error|",
                "median error",
            ],
            [
                [
                    "fitted", str(len(self.fit.runs)), scientific(self.fit.runs.flops.max()),
                    "", "", "",
                ],
                [
                    "held out", str(len(self.held_out)), scientific(self.held_out.flops.max()),
                    f"{self.covered} of {len(self.held_out)}",
                    f"{100 * self.median_error:.2f} %", f"{100 * self.bias:+.2f} %",
                ],
            ],
        )  # fmt: skip
        out.say("")
        out.say(self.verdict(), style="bold yellow" if self.too_few else "bold")

    def as_document(self) -> dict[str, Any]:
        """Give the test for a program."""
        return {
            **document.of_fit(self.fit),
            "n_held_out": len(self.held_out),
            "held_out_run_ids": self.held_out.run_ids.tolist(),
            "ci_prob": self.ci_prob,
            "n_covered": self.covered,
            "n_expected": self.expected,
            "median_absolute_relative_error": self.median_error,
            "median_relative_error": self.bias,
            "text": self.verdict(),
        }
