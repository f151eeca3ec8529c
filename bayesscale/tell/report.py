"""A report: one HTML file with the question, the answer and the checks behind it."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale import _arguments
from bayesscale._arguments import interval_tails
from bayesscale._files import MADE_BY, atomic_write, check_output, make_folder
from bayesscale._format import flops as write_flops, interval, percent, printable, short_number
from bayesscale._python import Name, call, literal
from bayesscale._sections import LABELS, Paragraph, Severity, Verdict, as_html, clean, worst
from bayesscale.accounting import Machine
from bayesscale.backtesting import Backtest
from bayesscale.comparison import Comparison, PriorSensitivity
from bayesscale.errors import DomainError, ExtrapolationWarning
from bayesscale.forecast import Regret, Terms
from bayesscale.inference import Average, Fit
from bayesscale.planning import Plan
from bayesscale.quantities import PARAMS, TOKENS, LossUnit
from bayesscale.recipes import RecipeComparison
from bayesscale.runs import check_same_runs, facts
from bayesscale.tasks import TaskFit
from bayesscale.tell import chapters
from bayesscale.tell.explorer import Explorer, explorer_of
from bayesscale.tell.pictures import Drawn, draw, files_in, save

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PACKAGES = ("bayesscale", "pymc", "nutpie", "arviz-stats", "numpy", "scipy", "xarray", "pandas")

QUESTION = "What should the next run be, what loss will it reach, and how certain is that?"


def report(
    path: str | Path, *, fit: Fit | Average | None = None, plan: Plan | None = None,
    flops: ArrayLike | None = None, terms: Terms | None = None, unit: LossUnit | None = None,
    machine: Machine | None = None, regret: Regret | None = None,
    comparison: Comparison | None = None, sensitivity: PriorSensitivity | None = None,
    backtest: Backtest | None = None, recipes: RecipeComparison | None = None,
    tasks: TaskFit | None = None, title: str | None = None, question: str = QUESTION,
    commands: Sequence[str] | None = None, figures: str | Path | None = None,
    ci_prob: float | None = None, overwrite: bool = False,
) -> Path:  # fmt: skip
    """Write a report: one HTML file that opens offline and prints well.

    Question and answer come first; then the runs, the posterior, the forecast, the allocation, the
    regret of other plans, laws compared, the back-test, caveats, and what is needed to reproduce
    it. A slider moves the budget; a table has the same numbers for print.

    Parameters
    ----------
    path
        Where to, ending in ``.html``.
    fit
        A fit, or an average of several; needed unless there is a plan.
    plan
        What :func:`~bayesscale.plan` returned. Of a fit alone, one is made without a test.
    flops
        Budgets to plan for, FLOP, > 0; by default the plan's, or ten and a hundred times the
        largest run's.
    terms
        As for :func:`~bayesscale.allocate`; by default those of the plan.
    unit
        Unit of the losses: ``"nats/token"``, ``"bits/token"``, ``"bits/byte"`` or
        ``"perplexity"``; by default that of the runs' source.
    machine
        A machine, to convert budgets to PFLOP-days, device-hours and money.
    regret
        What :func:`~bayesscale.regret` or :func:`~bayesscale.landmarks` returned; by default of the
        recommended run and of three alternatives at the first budget.
    comparison
        What :func:`~bayesscale.compare` returned.
    sensitivity
        What :func:`~bayesscale.prior_sensitivity` returned.
    backtest
        What :func:`~bayesscale.backtest` returned; by default that of the plan.
    recipes, tasks
        What :func:`~bayesscale.compare_recipes` and :func:`~bayesscale.fit_task` returned, also of
        other runs.
    title
        Title; by default the name of the runs.
    question
        Question below the title.
    commands
        Lines that reproduce the report; by default the Python of the fit.
    figures
        Folder to write the pictures to as well, such as ``loss.svg``; created if missing.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1); by default the plan's, or .9.
    overwrite
        Replace existing files even if bayesscale did not write them.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    DomainError
        If there is neither fit nor plan, an argument is of another kind or outside its domain, a
        result is of other runs than the fit, or the law needs inputs that are not given.
    UnknownNameError
        If there is no such unit.
    FileError
        If the file cannot be written, or another one than a report is there.

    Examples
    --------
    >>> bs.report("report.html", fit=fit, backtest=bs.backtest(runs))  # doctest: +SKIP
    """
    path = Path(path) if isinstance(path, str | Path) else path
    if not isinstance(path, Path) or path.suffix.lower() not in (".html", ".htm"):
        raise DomainError(f"A report is a file that ends in .html, not {str(path)!r}.")
    if (fit is None) == (plan is None):
        raise DomainError("A report is of a fit or of a plan: give fit= or plan=, one of them.")
    results = {
        "regret": (regret, Regret), "comparison": (comparison, Comparison),
        "sensitivity": (sensitivity, PriorSensitivity), "backtest": (backtest, Backtest),
    }  # fmt: skip
    parts: dict[str, tuple[Any, Any]] = {
        "fit": (fit, Fit | Average), "plan": (plan, Plan), "machine": (machine, Machine),
        **results, "recipes": (recipes, RecipeComparison), "tasks": (tasks, TaskFit),
    }  # fmt: skip
    for name, (value, kind) in parts.items():
        if value is not None and not isinstance(value, kind):
            expected = "Fit or Average" if name == "fit" else kind.__name__
            raise DomainError(f"{name} must be a {expected}, not {_arguments.shown(value)}.")
    subject = fit if plan is None else plan.fit
    assert subject is not None
    marks = {k: r.fingerprint for k, (r, _) in results.items() if r is not None}
    check_same_runs(subject.runs, marks)
    if ci_prob is not None:
        interval_tails(ci_prob)
    for name, text in (("title", title), ("question", question)):
        if text is not None:
            _arguments.text(name, text)
    if commands is not None:
        lines = _arguments.several("commands", commands)
        commands = [clean(_arguments.text("Each of commands", line)) for line in lines]
    folder = None if figures is None else make_folder(figures)
    for file in (path, *(files_in(folder) if folder else [])):
        check_output(file, force=overwrite)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        plan = _planned(plan, fit, flops, terms, backtest, ci_prob).in_unit(unit)
        contents = [
            chapters.answer_chapter(plan, machine),
            *chapters.fit_chapters(plan),
            *chapters.split_chapters(plan, regret),
            *chapters.comparison_chapters(comparison, sensitivity),
            *chapters.backtest_chapters(plan.test),
            *chapters.recipe_chapters(recipes),
            *chapters.task_chapters(tasks),
        ]
        drawn = {p.stem: draw(p) for chapter in contents for p in chapter.pictures}
        page = _render(
            plan, contents, drawn,
            title=title or f"Scaling law: {subject.runs.name or 'the runs'}", question=question,
            commands=commands if commands is not None else _python(subject),
            severity=worst(
                r.severity
                for r in (plan, comparison, sensitivity, recipes, tasks)
                if r is not None
            ),
        )  # fmt: skip
    _tell_again(heard)
    with atomic_write(path) as temporary:
        temporary.write_text(page, encoding="utf-8")
    if folder:
        save(drawn, folder)
    return path


def _planned(
    plan: Plan | None, fit: Fit | Average | None, flops: ArrayLike | None, terms: Terms | None,
    backtest: Backtest | None, ci_prob: float | None,
) -> Plan:  # fmt: skip
    """Return the plan to report, made anew where something else is asked than it has."""
    if plan is None:
        assert fit is not None
        return Plan.of(fit, flops, terms=terms, test=backtest, ci_prob=ci_prob or 0.9)
    if backtest is not None:
        plan = replace(plan, test=backtest, not_tested="")
    if flops is None and terms is None and ci_prob in (None, plan.ci_prob):
        return plan
    made = Plan.of(
        plan.fit, plan.budgets if flops is None and len(plan.budgets) else flops,
        terms=plan.terms if terms is None else terms, ci_prob=ci_prob or plan.ci_prob,
    )  # fmt: skip
    return replace(made, test=plan.test, tested=plan.tested, not_tested=plan.not_tested)


def _tell_again(heard: Sequence[warnings.WarningMessage]) -> None:
    """Pass warnings on, but for reach, which the report states, and characters that fonts lack."""
    for warning in heard:
        on_reach = issubclass(warning.category, ExtrapolationWarning)
        if not on_reach and "missing from font" not in str(warning.message):
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )


def _render(
    plan: Plan, contents: Sequence[chapters.Chapter], drawn: Mapping[str, Drawn], *, title: str,
    question: str, commands: Sequence[str], severity: Severity,
) -> str:  # fmt: skip
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("bayesscale.tell"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["sections"] = lambda sections: Markup(as_html(sections))
    environment.filters["picture"] = lambda picture: drawn[picture.stem].address
    fit = plan.fit
    explorer = None if plan.allocation is None else explorer_of(plan)
    unit = plan.prediction.scale.unit
    return environment.get_template("report.html.jinja").render(
        made_by=MADE_BY, title=printable(title), question=printable(question),
        verdict=plan.verdict.mark if severity == plan.severity else LABELS[severity],
        severity=severity, reason=_reason(fit, contents, severity),
        explorer=explorer.as_dict() if explorer else None,
        loss_word="perplexity of L*" if unit == "perplexity" else f"loss L*, {unit}",
        level=percent(plan.ci_prob), budgets=_budgets(explorer) if explorer else [],
        facts={word: printable(fact) for word, fact in facts(fit.runs).items()},
        chapters=contents, caveats=chapters.caveats(plan), provenance=_provenance(fit),
        commands="\n".join(commands),
    )  # fmt: skip


def _reason(fit: Fit | Average, contents: Sequence[chapters.Chapter], severity: Severity) -> str:
    """Return the first sentence that says why the verdict is what it is."""
    every = [*fit.sections(), *(section for chapter in contents for section in chapter.sections)]
    verdicts = [
        s for s in every if isinstance(s, Verdict) or (isinstance(s, Paragraph) and s.emphasis)
    ]
    reasons = [s.text for s in verdicts if s.severity == severity] or [s.text for s in verdicts]
    return reasons[0] if reasons else ""


def _budgets(explorer: Explorer) -> list[dict[str, str]]:
    """Return every second budget of the slider as a row of text, for pages without scripts."""
    writers = {"params": PARAMS.write, "tokens": TOKENS.write, "loss": explorer.scale.write}
    rows = []
    for i in range(0, len(explorer.flops), 2):
        row = {"flops": write_flops(explorer.flops[i])}
        for name, write in writers.items():
            low, high = (explorer.values[f"{name}_{end}"][i] for end in ("lower", "upper"))
            row[name] = f"{write(explorer.values[name][i])} ({interval(low, high, write)})"
        row["beyond"] = f"{short_number(float(f'{explorer.flops[i] / explorer.largest:.3g}'))}×"
        rows.append(row)
    return rows


def _provenance(source: Fit | Average) -> dict[str, str]:
    """Return what is needed to make it again."""
    fits = source.fits if isinstance(source, Average) else {"": source}
    made_by = {}
    for name, fit in fits.items():
        s, draws = fit.sampling, fit.coordinates.sizes["draw"]
        made_by[f"Fit {name}".strip()] = (
            f"{fit.spec.in_words()}; {s.chains} chains of {draws:,} draws after {s.tune:,}, "
            f"target acceptance {s.target_accept:g}, seed {s.random_seed}"
        )
    return {
        **made_by,
        "Data": f"{len(source.runs):,} runs, SHA-256 {source.runs.fingerprint}",
        "Versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "Written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _python(source: Fit | Average) -> list[str]:
    """Return the Python that makes the fits again from the runs."""
    fits = source.fits if isinstance(source, Average) else {"fit": source}
    lines = ["import bayesscale as bs", "", 'runs = bs.read_runs("runs.csv")  # your table']
    for name, fit in fits.items():
        spec = fit.spec
        discrepancy = None if spec.discrepancy.name == "none" else spec.discrepancy.name
        model = {"law": fit.law.name, "noise": spec.noise.name, "discrepancy": discrepancy}
        variable = name if name == "fit" else f"fits[{literal(name)}]"
        lines.append(call(f"{variable} = bs.fit", Name("runs"), **model, **asdict(fit.sampling)))
    if isinstance(source, Average):
        lines.insert(3, "fits = {}")
        lines.append(call("fit = bs.average", Name("fits"), by=source.by))
    return [*lines, 'bs.report("report.html", fit=fit)']
