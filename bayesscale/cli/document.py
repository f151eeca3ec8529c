"""The JSON documents of results."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bayesscale._sections import records

if TYPE_CHECKING:
    from bayesscale._sections import Told
    from bayesscale.runs import Runs

FACTS = ("law", "random_seed", "ci_prob", "pair")
TABLES = ("summary", "folds", "points")


def describe(result: Told) -> dict[str, Any]:
    """Describe a result: whether it may be used, what it says, its settings, tables and checks."""
    import pandas as pd

    import bayesscale as bs
    from bayesscale.forecast import Answer

    content = {name: getattr(result, name) for name in ("severity", "passed", "text")}
    facts = {name: getattr(result, name, None) for name in FACTS}
    content |= {name: v for name, v in facts.items() if isinstance(v, str | int | float | tuple)}
    tables = {name: getattr(result, name, None) for name in TABLES}
    content |= {name: records(v) for name, v in tables.items() if isinstance(v, pd.DataFrame)}
    if hasattr(result, "checks"):
        content["checks"] = _checks(result)
    if isinstance(result, bs.Fit):
        content["settings"] = {**result.spec.as_dict(), **asdict(result.sampling)}
        content["runs"] = describe_runs(result.runs)
    if isinstance(result, bs.Comparison):
        pairs = result.ln_bayes_factors
        content["ln_bayes_factors"] = None if pairs is None else pairs.to_dict("index")
        content["fits"] = {name: _checks(fit) for name, fit in result.fits.items()}
    if isinstance(result, Answer):
        variables = {**result.draws.data_vars, **result.draws.coords}
        units = {str(name): values.attrs.get("units") for name, values in variables.items()}
        content["units"] = {name: unit for name, unit in units.items() if unit is not None}
    return content


def describe_runs(runs: Runs) -> dict[str, Any]:
    """Describe a table of runs."""
    return {"n_runs": len(runs), **runs.metadata(), "fingerprint": runs.fingerprint}


def _checks(result: Any) -> list[dict[str, Any]]:
    """Return what checks found."""
    names = ("name", "severity", "passed", "text")
    return [{name: getattr(check, name) for name in names} for check in result.checks]
