"""Compare recipes by the compute that one saves against another."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.comparison import evidence
from bayesscale.errors import ConvergenceWarning, DomainError, EvidenceError
from bayesscale.forecast import Mixture, Terms, summary_columns
from bayesscale.inference import (
    SAMPLE_DIMS,
    Average,
    Fit,
    FitOptions,
    Setup,
    seeded,
    takes_fit_options,
    warn_of,
)
from bayesscale.laws import get_law
from bayesscale.model import Posterior
from bayesscale.recipes.comparison import RecipeComparison
from bayesscale.recipes.intake import Recipes
from bayesscale.recipes.law import FORMS, SAME, RecipeLaw
from bayesscale.recipes.multiplier import frontier, multipliers
from bayesscale.recipes.power import multiplier_sd
from bayesscale.runs import Runs, Table

BEYOND = {"10x": 10.0, "100x": 100.0}

CURVE = 13
"""Budgets of the curve, from the smallest run to a hundred times the largest."""

STEP = 0.1
"""Of the slope of the frontier in the log of compute."""


@takes_fit_options()
def compare_recipes(
    runs: Runs | Table | Mapping[str, Runs],
    *,
    group: str = "recipe",
    baseline: str | None = None,
    budgets: ArrayLike | None = None,
    losses: ArrayLike | None = None,
    forms: Sequence[str] = FORMS,
    terms: Terms | Mapping[str, Terms] | None = None,
    ci_prob: float = 0.9,
    progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> RecipeComparison:
    r"""Say how much compute a recipe saves against a baseline, how surely, and whether it lasts.

    One law holds for all recipes. A recipe multiplies parameters and tokens of the baseline's law,
    so that its best runs are those of the baseline at a multiple of the compute. Other forms give
    it an irreducible loss, exponents, or a drift of the gain of its own; all are weighed by
    evidence and averaged.

    Parameters
    ----------
    runs
        A table with a label of each run's recipe, or tables of runs by recipe; at least 3 runs a
        recipe.
    group
        The label.
    baseline
        The recipe that others are compared with; by default the first of the table.
    budgets
        Compute of the baseline to compare at, in FLOP or what ``terms`` count, > 0.
    losses
        Losses to compare at, nats/token, > 0.
    forms
        Forms of the model: ``"shared"``, ``"floor"``, ``"exponents"``, ``"drift"``.
    terms
        What runs cost, as for :func:`~bayesscale.allocate`, or that by recipe, where a parameter
        and token cost not the same in each. None counts as the runs of each recipe do.
    ci_prob
        Probability of the equal-tailed intervals, in (0, 1).

    Returns
    -------
    RecipeComparison
        Multipliers, with what they rest on.

    Warns
    -----
    BayesScaleWarning
        If a check asks for caution.

    Notes
    -----
    .. math:: L_r(N, D) = L(\rho_N N, \rho_D D), \quad
              \ln \rho \sim \mathcal N(0, 0.3^2), \quad m = \rho_N \rho_D

    See :mod:`bayesscale.recipes.law` for the forms, and :func:`~bayesscale.runs_to_tell` for how
    many runs it takes.

    Examples
    --------
    >>> runs = bs.read_runs("runs.csv", group="recipe")           # doctest: +SKIP
    >>> bs.compare_recipes(runs, baseline="A").text               # doctest: +SKIP
    """
    _arguments.interval_tails(ci_prob)
    asked = [
        np.empty(0) if values is None else _arguments.positive_array(name, values, unit)
        for name, values, unit in (("budgets", budgets, "FLOP"), ("losses", losses, "nats/token"))
    ]
    recipes = Recipes.of(runs, group, baseline)
    by_recipe = recipes.terms(terms)
    setups = _setups(recipes, forms, options)
    with progress_reporter(progress) as report:
        fits = {}
        for form, setup in setups.items():
            report(f"Fitting {form!r}")
            fits[form] = setup.fit(report=report)
        report("Weighing the forms")
        of, table, left_out = _weighed(fits)
        report("Searching for the multipliers")
        result = _answer(recipes, by_recipe, of, table, asked, ci_prob, left_out)
    warn_of(result.checks, result.verdict.marked, stacklevel=3)
    return result


def _setups(recipes: Recipes, forms: Sequence[str], options: FitOptions) -> dict[str, Setup]:
    """Check the fits to make, one a form, and that of no difference."""
    every: dict[str, Any] = {"law": "unified", **seeded(options)}
    base, count = get_law(every.pop("law")), len(recipes.names) - 1
    if not base.splits_compute:
        raise DomainError(
            f"The law {base.name!r} does not depend on parameters and tokens, which a recipe "
            "multiplies. Take one that does, such as 'unified'."
        )
    chosen = [_arguments.choice("form", f, FORMS) for f in _arguments.several("forms", forms)]
    priors, setups = every.pop("priors", None) or {}, {}
    for form in dict.fromkeys((SAME, *chosen)):
        law = RecipeLaw(base, count, form)
        if form == "floor" and not law.floored:
            continue
        names = Setup.of(recipes.runs, law=law, **every).spec.space.names
        own = {name: prior for name, prior in priors.items() if name in names}
        setups[form] = Setup.of(recipes.runs, law=law, priors=own, **every)
    known = {name for setup in setups.values() for name in setup.spec.space.names}
    for name in priors:
        _arguments.choice("prior", name, sorted(known))
    return setups


def _weighed(fits: dict[str, Fit]) -> tuple[Average, pd.DataFrame, list[CheckResult]]:
    """Average the forms by evidence; those without a usable one are left out."""
    rows, failed = {}, []
    for form, fit in fits.items():
        try:
            found = evidence(fit, progress=False)
            rows[form] = {
                "law": fit.law.name,
                "log_evidence": found.log_evidence,
                "mcse": found.mcse,
            }
        except EvidenceError as error:
            failed.append(f"The form {form!r} is left out. {error}")
    kept = {form: fit for form, fit in fits.items() if form in rows and form != SAME}
    if not kept:
        raise EvidenceError(" ".join(failed))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="form")
    table["ln_bf"] = table["log_evidence"] - table["log_evidence"].get(SAME, np.nan)
    table = table.loc[list(kept)]
    weights = np.exp(table["log_evidence"] - table["log_evidence"].max())
    table["weight"] = weights / weights.sum()
    of = Average(
        fits=kept, weights=table["weight"].to_dict(), by="evidence",
        summary=table.rename_axis(index="fit").assign(weight_se=np.nan), pointwise=None,
        text="Forms of the model, weighed by evidence.",
        random_seed=next(iter(kept.values())).sampling.random_seed,
    )  # fmt: skip
    check = CheckResult("forms", "caution", " ".join(failed), table, ConvergenceWarning)
    return of, table, [check] if failed else []


def _answer(
    recipes: Recipes, terms: list[Terms], of: Average, forms: pd.DataFrame, asked: list[Array],
    ci_prob: float, left_out: list[CheckResult],
) -> RecipeComparison:  # fmt: skip
    """Ask every form for the multipliers at all places, and put them into tables."""
    flops, (budgets, losses) = recipes.runs.flops, asked
    centre, largest = float(np.exp(np.log(flops).mean())), float(flops.max())
    places = {"centre": centre, "largest": largest}
    places |= {name: times * largest for name, times in BEYOND.items()}
    along = np.geomspace(flops.min(), BEYOND["100x"] * largest, CURVE)
    at = [*places, *(f"{each:.3g} FLOP" for each in budgets), *(f"loss {x:g}" for x in losses)]
    targets = np.concatenate([along, list(places.values()), budgets])
    mixture, names = Mixture.of(of), list(recipes.names[1:])
    drawn = mixture.ask(lambda p, _: multipliers(p, terms, targets, losses))
    whole = _frame(drawn, names, ci_prob)
    on_curve = whole["target"] < CURVE
    summary = whole[~on_curve].assign(at=lambda t: [at[i - CURVE] for i in t.pop("target")])
    summary = summary[["recipe", "at", *summary.columns.drop(["recipe", "at"])]]
    line = frontier(of.fits[forms["weight"].idxmax()].posterior.flat(),
                    centre * np.exp([-STEP, STEP]), terms[0], 0)  # fmt: skip
    steep = -float(np.median(np.diff(line.log_loss(line.optimum()[0])))) / (2 * STEP)
    noise = float(np.median(np.concatenate([_noise(v.posterior) for v in mixture.voices])))
    runs = np.bincount(recipes.member)
    sd = [multiplier_sd(noise=noise, slope=steep, runs=n, baseline_runs=runs[0]) for n in runs[1:]]
    numbered = {name: mixture.host.draws["posterior"][name].to_numpy() for name in SAMPLE_DIMS}
    return RecipeComparison(
        summary=summary.reset_index(drop=True),
        draws=xr.Dataset(
            {"multiplier": ((*SAMPLE_DIMS, "recipe", "at"), drawn["multiplier"][..., CURVE:])},
            coords={**numbered, "recipe": names, "at": at},
        ),
        ci_prob=ci_prob, of=of, names=recipes.names, forms=forms,
        curve=whole[on_curve].drop(columns="target"),
        crossover=_crossover(drawn["multiplier"][..., :CURVE], along, centre, names),
        power=pd.DataFrame({"noise": noise, "slope": steep, "sd": sd},
                           index=pd.Index(names, name="recipe")),
        compared=(*recipes.checks(), *left_out),
    )  # fmt: skip


def _noise(posterior: Posterior) -> Array:
    r"""Return the standard deviation of normal noise that would tell a level as well, ``(draw, 1)``:
    of Student-t noise, by its Fisher information, :math:`\sigma \sqrt{(\nu + 3) / (\nu + 1)}`.
    """  # noqa: D205
    c = posterior.c
    nu = posterior.spec.noise.shape(c).get("nu", np.inf)
    return c["sigma"] * np.sqrt(1 + 2 / (nu + 1))


def _frame(drawn: Mapping[str, Array], names: list[str], ci_prob: float) -> pd.DataFrame:
    """Return one row a recipe and target, numbered in the column ``target``."""
    m = drawn["multiplier"]
    others = np.maximum(m.max(axis=2), 1.0)
    tables = []
    for i, name in enumerate(names):
        own = m[..., i, :]
        columns = {
            "recipe": name, "target": np.arange(m.shape[-1]),
            "flops": np.nanmedian(drawn["flops"], axis=(0, 1)),
            "loss": np.median(drawn["loss"], axis=(0, 1)),
            **summary_columns("multiplier", own, ci_prob),
            "prob_better": (own > 1).mean(axis=(0, 1)),
            "prob_best": ((own > 1) & (own >= others)).mean(axis=(0, 1)),
        }  # fmt: skip
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _crossover(m: Array, flops: Array, centre: float, names: list[str]) -> pd.DataFrame:
    """Return where a multiplier along budgets passes 1 above the centre, by recipe."""
    beyond = flops >= centre
    better = m[..., beyond] > 1
    changes = better[..., 1:] != better[..., :-1]
    first = np.exp(np.log(flops[beyond][1:] * flops[beyond][:-1]) / 2)[changes.argmax(axis=-1)]
    crosses = better[..., 0] != better[..., -1]
    at = [np.median(first[..., i][crosses[..., i]]) if crosses[..., i].any() else np.nan
          for i in range(len(names))]  # fmt: skip
    return pd.DataFrame(
        {"prob": crosses.mean(axis=(0, 1)), "flops": at}, index=pd.Index(names, name="recipe")
    )
