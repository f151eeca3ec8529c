"""Robustness of a plan: the same fit under other models, and to the larger runs alone.

Each is a separate fit. Where its interval of the compute-optimal size, of the loss there or of the
exponent hardly overlaps the plan's, the result depends on an assumption that the runs cannot
distinguish, and the plan is a caution.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesscale._arguments import interval_tails
from bayesscale._format import flops as write_flops, interval, over_interval
from bayesscale._progress import Report
from bayesscale._random import Stream, generator
from bayesscale._sections import CheckResult, Table, records
from bayesscale._types import Array
from bayesscale.errors import BayesScaleError, PriorWarning
from bayesscale.forecast import Allocation, Frontier, Prediction, Purchase, Terms
from bayesscale.inference import Fit, Setup
from bayesscale.laws import LAWS
from bayesscale.model import resolve_priors
from bayesscale.quantities import PARAMS, LossScale

NAME = "assumptions"

OVERLAP = 0.25
"""Intervals that share less than this part of the shorter one hardly overlap."""

FAMILIES = ("chinchilla", "kaplan")
"""Laws that the question is put to besides the fitted one."""

DRAWS, TUNE, ASKED = 240, 500, 1000
"""Draws of a refit's chains, which need not be many, and of all draws how many are asked."""

MIXED = 1.05
"""Largest R-hat of a refit: its medians and intervals are compared, not quoted."""

QUANTITIES = {"params": "size", "loss": "loss", "exponent": "exponent"}


def check_robustness(
    fit: Fit, allocation: Allocation, prediction: Prediction, terms: Terms, *, report: Report
) -> CheckResult:
    """Refit under other assumptions, and compare the plan's answers and its runs' losses."""
    purchase, ci_prob = Purchase.of(fit, terms), allocation.ci_prob
    split, runs = records(allocation.summary), records(prediction.summary)
    budgets = allocation.summary.index.to_numpy()
    this_fit, compared = _rows("this fit", {}, budgets, ci_prob), []
    for mine, row, run in zip(this_fit, split, runs, strict=True):
        found = {"params": (row, "params"), "loss": (run, "loss")}
        for name, (source, column) in (found | {"exponent": (row, "params_exponent")}).items():
            mine |= {f"{name}{end}": source[f"{column}{end}"] for end in ("", "_lower", "_upper")}
    rows = list(this_fit)
    sizes = {name: prediction.summary[name].to_numpy() for name in fit.law.quantities}
    for name, other in _others(fit).items():
        answers: dict[str, Array] = {}
        if isinstance(other, str):
            reason = other
        else:
            report(f"Refitting: {name}")
            try:
                refit = other.fit(published=False, report=report)
            except BayesScaleError as error:
                reason = str(error)
            else:
                reason = _invalid(refit)
                answers = _answer(refit, purchase, budgets, sizes)
        added = _rows(name, answers, budgets, ci_prob, reason)
        if not reason:
            compared.append(name)
            for mine, theirs in zip(this_fit, added, strict=True):
                theirs["conflict"] = ", ".join(_conflicts(mine, theirs))
        rows += added
    return _result(rows, compared)


def _others(fit: Fit) -> dict[str, Setup | str]:
    """Return refits to make, or why there is none: the law exact, larger runs, other laws."""
    shorter = {"draws": DRAWS, "tune": min(TUNE, fit.sampling.tune)}
    cases: dict[str, Setup | str] = {}
    if fit.spec.discrepancy.moves_optimum:
        exact = fit.options(**shorter, discrepancy=None)
        cases["law assumed exact"] = Setup.of(fit.runs, **exact)
    larger = fit.runs.select(fit.runs.flops >= np.median(fit.runs.flops))
    name, unknowns = "larger half of runs", len(fit.law.coordinates)
    if len(larger) < 2 * unknowns:
        cases[name] = f"{len(larger)} runs are too few for {unknowns} parameters"
    else:
        cases[name] = Setup.of(larger, **fit.options(**shorter))
    # priors of the user's own mean nothing to another law
    default_priors = dict(fit.spec.priors) == dict(resolve_priors(fit.spec.coordinates, None))
    for law in (LAWS[family] for family in FAMILIES if family != fit.law.name):
        if set(law.quantities) == set(fit.law.quantities) and default_priors:
            another = fit.options(**shorter, law=law, priors=None)
            cases[f"law {law.name!r}"] = Setup.of(fit.runs, **another)
    return cases


def _invalid(fit: Fit) -> str:
    """Describe why a refit is no alternative; empty if it is one. It may be short of draws."""
    if fit.convergence.table["r_hat"].max() > MIXED:
        return "did not converge"
    missed = [c.name for c in fit.checks[1:] if c.name == "lack of fit" and c.warns]
    return "lack of fit" if missed else ""


def _answer(
    fit: Fit, purchase: Purchase, budgets: Array, runs: Mapping[str, Array]
) -> dict[str, Array]:
    """Return N*, d ln N*/d ln C, and the loss of runs (nats/token), shape ``(draw, budget)``."""
    posterior = fit.posterior.thin(min(ASKED, len(fit.posterior)))
    frontier = Frontier.of(posterior, budgets, purchase.terms, purchase.given)
    x, _ = frontier.optimum()
    at = purchase.law_inputs(posterior, runs["params"], runs["tokens"])
    rng = generator(fit.sampling.random_seed, Stream.LOSSES_OF_NEW_RUNS)
    loss = posterior.new_runs(posterior.log_loss(at), runs, rng)
    return {"params": frontier.params(x), "loss": loss, "exponent": frontier.exponents(x)[0]}


def _rows(
    name: str, answers: Mapping[str, Array], budgets: Array, ci_prob: float, reason: str = ""
) -> list[dict[str, Any]]:
    """Return a row per budget with median and interval of what was found."""
    rows: list[dict[str, Any]] = [
        {"fit": name, "flops": float(budget), "not_compared": reason, "conflict": ""}
        for budget in budgets
    ]
    for quantity, values in answers.items():
        ends = np.nanquantile(values, [0.5, *interval_tails(ci_prob)], axis=0)
        for row, three in zip(rows, ends.T, strict=True):
            names = (quantity, f"{quantity}_lower", f"{quantity}_upper")
            row |= dict(zip(names, map(float, three), strict=True))
    return rows


def _conflicts(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """List the quantities whose intervals hardly overlap."""
    names = []
    for quantity, name in QUANTITIES.items():
        ends = np.array([[row[f"{quantity}_{end}"] for end in ("lower", "upper")]
                         for row in (mine, theirs)])  # fmt: skip
        ends = ends if quantity == "exponent" else np.log(ends)
        shared = ends[:, 1].min() - ends[:, 0].max()
        if shared < OVERLAP * (ends[:, 1] - ends[:, 0]).min():
            names.append(name)
    return names


def _result(rows: list[dict[str, Any]], compared: list[str]) -> CheckResult:
    table = pd.DataFrame(rows).set_index(["fit", "flops"])
    in_conflict = [row for row in rows if row["conflict"]]
    if not in_conflict:
        text = "No other assumption could be compared."
        if compared:
            text = f"Refits under other assumptions agree (compared: {', '.join(compared)})."
        return CheckResult(NAME, "ok" if compared else "note", text, table, PriorWarning)
    far = in_conflict[-1]
    first = next(row for row in rows if row["flops"] == far["flops"])
    sizes = [
        f"{PARAMS.write(row['params'])} ({interval(row['params_lower'], row['params_upper'])})"
        for row in (first, far)
    ]
    others = [n for n in dict.fromkeys(row["fit"] for row in in_conflict) if n != far["fit"]]
    also = f" The same holds for: {', '.join(others)}." if others else ""
    text = (
        "The result depends on assumptions that these runs cannot distinguish. At "
        f"{write_flops(far['flops'])}, N* is {sizes[0]} in this fit but {sizes[1]} under: "
        f"{far['fit']}.{also} Report the assumption together with the result; larger runs would "
        "distinguish between the assumptions."
    )
    return CheckResult(NAME, "caution", text, table, PriorWarning)


def robustness_table(check: CheckResult, scale: LossScale) -> Table:
    """Return what each assumption answers for the largest budget, for display."""
    every = records(check.table)
    flops = max(row["flops"] for row in every)
    rows = []
    for row in (row for row in every if row["flops"] == flops):
        cells = ["—"] * 3
        if np.isfinite(row.get("params", np.nan)):
            cells = [
                over_interval(row, "params"),
                over_interval(row, "loss", scale.write),
                over_interval(row, "exponent", "{:.2f}".format),
            ]
        differs = f"differs: {row['conflict']}" if row["conflict"] else ""
        rows.append([row["fit"], *cells, row["not_compared"] or differs])
    note = f"At {write_flops(flops)}; loss of the recommended run. Lack of fit: not compared."
    titles = ["assumption", "best size N*", scale.word, "exponent", ""]
    return Table(titles, rows, note)
