"""Parts of the JSON documents that several commands write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from bayesscale._sections import records

if TYPE_CHECKING:
    from bayesscale.accounting import Machine
    from bayesscale.backtesting import Backtest
    from bayesscale.checks import CheckResult
    from bayesscale.comparison import Comparison, PriorSensitivity
    from bayesscale.forecast import Answer
    from bayesscale.inference import Average, Fit
    from bayesscale.runs import Runs


def of_result(result: Any) -> dict[str, Any]:
    """Give what every result has: whether it may be used, and what it says."""
    return {"severity": result.severity, "passed": result.passed, "text": result.text}


def of_runs(runs: Runs) -> dict[str, Any]:
    """Describe a table of runs."""
    return {"n_runs": len(runs), **runs.metadata(), "fingerprint": runs.fingerprint}


def of_fit(fit: Fit) -> dict[str, Any]:
    """Describe a fit: what it was asked, what it was fitted to, and whether it may be used."""
    return {
        "settings": {**fit.spec.as_dict(), **asdict(fit.sampling)},
        "runs": of_runs(fit.runs),
        **of_result(fit),
        "checks": of_checks(fit.checks),
    }


def of_saved(saved: Fit | Average) -> dict[str, Any]:
    """Describe what a file held: a fit, or an average of several."""
    import bayesscale as bs

    return of_fit(saved) if isinstance(saved, bs.Fit) else of_result(saved)


def of_checks(checks: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """Give what checks found."""
    return [
        {"name": c.name, "severity": c.severity, "passed": c.passed, "text": c.text}
        for c in checks
    ]  # fmt: skip


def of_backtest(backtest: Backtest) -> dict[str, Any]:
    """Give the scores, folds and predictions of a back-test, and what follows from them."""
    return {
        **of_result(backtest),
        "law": backtest.law,
        "random_seed": backtest.random_seed,
        "summary": records(backtest.summary),
        "folds": records(backtest.folds),
        "points": records(backtest.points),
        "checks": of_checks(backtest.checks),
    }


def of_comparison(comparison: Comparison) -> dict[str, Any]:
    """Give what a comparison found by every criterion, in figures and in words."""
    pairs = comparison.ln_bayes_factors
    return {
        **of_result(comparison),
        "random_seed": comparison.random_seed,
        "summary": records(comparison.summary),
        "ln_bayes_factors": None if pairs is None else pairs.to_dict("index"),
        "fits": {name: of_checks(fit.checks) for name, fit in comparison.fits.items()},
    }


def of_sensitivity(sensitivity: PriorSensitivity) -> dict[str, Any]:
    """Give evidences over a grid of priors."""
    return {
        **of_result(sensitivity),
        "pair": list(sensitivity.pair),
        "summary": records(sensitivity.summary),
        "power_scaling": records(sensitivity.power_scaling),
    }


def of_machine(machine: Machine) -> dict[str, Any]:
    """Give what was said of a machine, without what was not."""
    said = asdict(machine)
    return {field.name: said[field.name] for field in fields(machine)
            if said[field.name] != field.default}  # fmt: skip


def of_answer(answer: Answer) -> dict[str, Any]:
    """Give the summary of an answer, and the units of its quantities."""
    variables = {**answer.draws.data_vars, **answer.draws.coords}
    return {
        **of_result(answer),
        "ci_prob": answer.ci_prob,
        "units": {
            str(name): values.attrs["units"]
            for name, values in variables.items()
            if "units" in values.attrs
        },
        "summary": records(answer.summary),
    }
