"""Predictions of newly finished runs compared with their losses, and the refit with them."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._documented import documented
from bayesscale._format import interval, percent, short_number
from bayesscale._progress import PROGRESS, ProgressOption
from bayesscale._sections import Heading, Paragraph, Result, Section, Severity, Table, worst
from bayesscale.backtesting.folds import Fold
from bayesscale.backtesting.result import LEVEL, Backtest
from bayesscale.backtesting.score_fold import POSTERIOR, score_fold
from bayesscale.backtesting.scores import covered
from bayesscale.checks import CheckResult
from bayesscale.errors import DomainError, RunsError, RunsWarning
from bayesscale.inference import Fit, fit as fit_again
from bayesscale.quantities import LOSS
from bayesscale.runs import Runs


@dataclass(frozen=True, eq=False, repr=False)
class Score(Result):
    """Scores of a fit on runs that were not fitted, and the refit with them.

    Parameters
    ----------
    backtest
        Predictions and scores, as a back-test of one fold has them: ``backtest.points``, one row
        a method and run, and ``backtest.summary``, by reach.
    refit
        The fit of all runs, or None without a refit.
    moved
        One row per parameter: median, ``lower`` and ``upper`` (90 %) ``before`` and ``after``, and
        ``shift``, how far the median moved in posterior standard deviations before. None without
        a refit.
    """

    backtest: Backtest
    refit: Fit | None
    moved: pd.DataFrame | None

    @property
    def points(self) -> pd.DataFrame:
        """The fit's own predictions, one row per run: see :attr:`Backtest.points`."""
        table = self.backtest.points
        return table[table["method"] == POSTERIOR].reset_index(drop=True)

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """Those of the fit, and of the refit."""
        return (*self.backtest.checks, *(self.refit.checks if self.refit else ()))

    @property
    def severity(self) -> Severity:
        """The gravest of what was found."""
        return worst([self.backtest.severity, *(check.severity for check in self.checks)])

    @property
    def text(self) -> str:
        """The scores of the predictions, in a sentence or two."""
        table = self.points
        inside = covered(table, LEVEL)
        if len(table) == 1:
            row = table.iloc[0]
            where = "inside" if inside.iloc[0] else "outside"
            text = (
                f"At {row['reach']:.3g} times the largest fitted compute the observed loss was "
                f"{LOSS.write(row['observed'])}, {where} the {LEVEL} % interval "
                f"{interval(row['lower90'], row['upper90'], LOSS.write)}; {percent(row['pit'])} of "
                "the predictive distribution lies below it."
            )
        else:
            text = (
                f"{inside.sum()} of {len(table)} observed losses lie inside their {LEVEL} % "
                "intervals."
            )
        return f"{text} {self.backtest.comparison}"

    def sections(self) -> list[Section]:
        """Return the scores, the predictions, and the shifts of parameters."""
        short = self.backtest.outcome in ("caution", "stop")
        if len(self.points) == 1:
            short = not covered(self.points, LEVEL).all()
        page: list[Section] = [
            Heading("Predicted and observed losses"),
            Paragraph(self.text, "caution" if short else "ok", emphasis=True),
            Table.of(
                self.points.sort_values("reach", kind="stable"),
                {
                    "run": lambda row: str(row["run"]),
                    "extrapolation": lambda row: f"{row['reach']:.3g}×",
                    "observed": lambda row: LOSS.write(row["observed"]),
                    "predicted": lambda row: LOSS.write(row["median"]),
                    f"{LEVEL} % interval": lambda row: interval(
                        row["lower90"], row["upper90"], LOSS.write
                    ),
                    "PIT": lambda row: f"{row['pit']:.3f}",
                },
                "Loss in nats/token. PIT: share of the predictive distribution below the observed "
                "loss.",
            ),
            self.backtest.table(),
        ]
        if self.moved is not None:
            page += [
                Heading("The law refitted with these runs"),
                Table.of(
                    self.moved,
                    {
                        "parameter": lambda row: str(row["parameter"]),
                        "before": lambda row: _cell(row, "before"),
                        "after": lambda row: _cell(row, "after"),
                        "moved, SD": lambda row: f"{row['shift']:+.2f}",
                    },
                ),
            ]
        return page


def _cell(row: Mapping[str, Any], when: str) -> str:
    ends = interval(row[f"{when}_lower"], row[f"{when}_upper"], short_number)
    return f"{short_number(row[when])}\n{ends}"


@documented(PROGRESS)
def score(
    fit: Fit, held_out: Runs, *, refit: bool = True, progress: ProgressOption = "auto"
) -> Score:
    """Score a fit on runs that were not fitted, and refit with them.

    Parameters
    ----------
    fit
        A fit of the earlier runs.
    held_out
        The new runs, counted as the fitted ones are.
    refit
        Whether to fit all runs as the fit was made: same law, noise, discrepancy, priors and seed.

    Raises
    ------
    DomainError
        If ``fit`` is not a fit, ``held_out`` are not runs, or some of them were fitted.
    RunsError
        If the two tables count parameters differently, or have different columns.

    Warns
    -----
    ConvergenceWarning, LackOfFitWarning, PriorWarning
        As :func:`~bayesscale.fit` does, of the refit; errors likewise.

    Examples
    --------
    >>> bs.score(fit, bs.read_runs("the_big_run.csv"))            # doctest: +SKIP
    """
    if not isinstance(fit, Fit):
        raise DomainError(f"Expected a Fit, as bs.fit returns, not {type(fit).__name__}.")
    if not isinstance(held_out, Runs):
        raise DomainError(
            f"held_out must be Runs, as bs.read_runs returns, not {type(held_out).__name__}."
        )
    whole = joined(fit.runs, held_out)
    fold_score = score_fold(fit, Fold(1, fit.runs, held_out))
    backtest = Backtest.of(
        [fold_score], law=fit.law.name, random_seed=fit.sampling.random_seed,
        fingerprint=fit.runs.fingerprint,
    )  # fmt: skip
    again = fit_again(whole, progress=progress, **fit.options()) if refit else None
    return Score(backtest, again, None if again is None else _moved(fit, again))


def joined(first: Runs, second: Runs) -> Runs:
    """Put two tables of runs under each other; refuse rows that both have."""
    a, b = first.to_frame(), second.to_frame()
    if first.param_count != second.param_count:
        raise RunsError(
            f"The fitted runs count {first.param_count} parameters, the others "
            f"{second.param_count}: read both with the same count."
        )
    missing = [name for name in a if name not in b]
    if missing:
        raise RunsError(
            f"The fitted runs have {', '.join(map(str, missing))}, the others do not: read both "
            "with the same columns."
        )
    numbers = ["params", "tokens", "flops", "loss"]
    further = ["loss_se", "seed", "cluster", "params_non_embedding"]
    both = pd.merge(a[numbers], b[numbers], how="inner")
    if len(both):
        raise DomainError(
            f"{len(both)} of the {len(b)} runs were fitted already, and a fit cannot be scored on "
            "its own data. Leave them out."
        )
    columns: Any = {name: name for name in (*numbers, *further) if name in a}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # each table has been warned of
        return Runs.from_frame(
            pd.concat([a, b[list(a)]], ignore_index=True),
            **columns,
            group=list(first.groups) or None,
            inputs={q: q.name for q in first._inputs if q.name in a} or None,
            param_count=first.param_count,
            bytes_per_token=first.bytes_per_token,
            name=first.name,
        )


def _moved(before: Fit, after: Fit) -> pd.DataFrame:
    """Compare the parameters before and after."""
    a, b = before.summary(), after.summary()
    shared = [name for name in a.index if name in b.index]
    a, b = a.loc[shared], b.loc[shared]
    return pd.DataFrame(
        {
            "before": a["median"], "before_lower": a["lower"], "before_upper": a["upper"],
            "after": b["median"], "after_lower": b["lower"], "after_upper": b["upper"],
            "shift": np.divide(b["median"] - a["median"], a["sd"]),
        }
    )  # fmt: skip
