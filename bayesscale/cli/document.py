"""Parts of the JSON documents that several commands write."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bayesscale.backtesting.result import Backtest
    from bayesscale.checks import CheckResult
    from bayesscale.comparison.comparison import Comparison
    from bayesscale.comparison.sensitivity import PriorSensitivity
    from bayesscale.forecast.allocate import Allocation
    from bayesscale.forecast.extrapolate import Prediction
    from bayesscale.inference.result import Fit
    from bayesscale.runs import Runs


def of_runs(runs: "Runs") -> dict[str, Any]:
    """Describe a table of runs."""
    return {"n_runs": len(runs), **runs.metadata(), "fingerprint": runs.fingerprint}


def of_fit(fit: "Fit") -> dict[str, Any]:
    """Describe a fit: what it was asked, what it was fitted to, and whether it may be used."""
    return {
        "settings": {**fit.spec.as_dict(), **asdict(fit.sampling)},
        "runs": of_runs(fit.runs),
        "passed": fit.passed,
        "checks": of_checks(fit.checks),
    }


def of_checks(checks: "Iterable[CheckResult]") -> list[dict[str, Any]]:
    """Give what checks found."""
    return [{"name": c.name, "passed": c.passed, "text": c.text} for c in checks]


def of_backtest(backtest: "Backtest") -> dict[str, Any]:
    """Give the scores, folds and predictions of a back-test, and what follows from them."""
    return {
        "law": backtest.law,
        "random_seed": backtest.random_seed,
        "text": backtest.text,
        "summary": records(backtest.summary),
        "folds": records(backtest.folds),
        "points": records(backtest.points),
        "passed": backtest.passed,
        "checks": of_checks(backtest.checks),
    }


def of_comparison(comparison: "Comparison") -> dict[str, Any]:
    """Give what a comparison found by every criterion, in figures and in words."""
    pairs = comparison.ln_bayes_factors
    return {
        "text": comparison.text,
        "random_seed": comparison.random_seed,
        "summary": records(comparison.summary),
        "ln_bayes_factors": None if pairs is None else pairs.to_dict("index"),
        "fits": {name: of_checks(fit.checks) for name, fit in comparison.fits.items()},
    }


def of_sensitivity(sensitivity: "PriorSensitivity") -> dict[str, Any]:
    """Give evidences over a grid of priors."""
    return {
        "text": sensitivity.text,
        "pair": list(sensitivity.pair),
        "summary": records(sensitivity.summary),
        "power_scaling": records(sensitivity.power_scaling),
    }


def of_answer(answer: "Prediction | Allocation") -> dict[str, Any]:
    """Give the summary of an answer, and the units of its quantities."""
    variables = {**answer.draws.data_vars, **answer.draws.coords}
    return {
        "ci_prob": answer.ci_prob,
        "units": {
            str(name): values.attrs["unit"]
            for name, values in variables.items()
            if "unit" in values.attrs
        },
        "summary": records(answer.summary),
    }


def records(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """Give one object a row, the index included."""
    return [
        {str(k): v for k, v in row.items()}
        for row in frame.reset_index().to_dict("records")
    ]  # fmt: skip
