"""Compare recipes by the compute that one saves against another."""

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Unpack

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy.special import softmax

from bayesscale._arguments import choice, interval_tails, positive_array, several
from bayesscale._format import list_some
from bayesscale._progress import ProgressOption
from bayesscale._types import Array
from bayesscale.checks import CheckResult
from bayesscale.comparison import evidence
from bayesscale.errors import BayesScaleWarning, ConvergenceWarning, DomainError, EvidenceError
from bayesscale.forecast import Mixture, Terms, check_inputs, summary_columns
from bayesscale.inference import Average, Fit, FitOptions, fit_laws, takes_fit_options, warn_of
from bayesscale.laws import IRREDUCIBLE_SHARE, get_law
from bayesscale.recipes.comparison import RecipeComparison
from bayesscale.recipes.intake import Recipes
from bayesscale.recipes.law import FLOOR, FORMS, SAME, RecipeLaw
from bayesscale.recipes.multiplier import frontier, multipliers
from bayesscale.runs import Runs, Table

PLACES, CURVE = {"largest": 1.0, "10x": 10.0, "100x": 100.0}, 13
"""Budgets, times the largest run; and how many make the curve from the smallest one up to these."""

NEXT = 4.0
"""Compute of the next rung, times the largest run."""

EQUAL = 0.25
"""Share of the weights that forms have equally: evidence is of the runs, and no form is right far
beyond them. On 12 public pairs with the largest runs held out, 90 % intervals of the multiplier
there held the truth 10 times; 8 times by evidence alone."""

STEP = 0.1
"""Of the slope of the loss in the log of compute."""


@takes_fit_options()
def compare_recipes(
    runs: Runs | Table | Mapping[str, Runs], *, group: str = "recipe", baseline: str | None = None,
    budgets: ArrayLike | None = None, losses: ArrayLike | None = None,
    forms: Sequence[str] = FORMS, terms: Terms | Mapping[str, Terms] | None = None,
    ci_prob: float = 0.9, progress: ProgressOption = "auto", **options: Unpack[FitOptions],
) -> RecipeComparison:  # fmt: skip
    r"""Estimate how much compute recipes save against a baseline, and whether that lasts.

    One law holds for all: a recipe multiplies the parameters and tokens of the baseline's law, so
    that the compute it saves is one factor at every budget. Other forms let the gain drift with
    compute, and also give the recipe its own irreducible loss or exponents. All are averaged, three
    quarters of their weights by evidence and the rest equal.

    Parameters
    ----------
    runs
        A table with a label of each run's recipe, or tables by recipe; at least 3 runs of each.
    group
        The label.
    baseline
        The recipe that others are compared with; by default the first of the table.
    budgets
        Compute of the baseline to compare at, FLOP or what ``terms`` count, > 0.
    losses
        Losses to compare at, nats/token, > 0.
    forms
        Forms of the model: ``"shared"``, ``"drift"``, ``"floor + drift"``, ``"exponents + drift"``;
        those with more parameters than there are runs are left out.
    terms
        What runs cost, as for :func:`~bayesscale.allocate`, also by recipe: compute is then what
        these count, such as hours. None counts as the runs of each recipe do.

    Warns
    -----
    BayesScaleWarning
        If a check asks for caution.

    Notes
    -----
    .. math:: L_r(N, D) = L(\rho_N N, \rho_D D), \quad
              \ln \rho \sim \mathcal N(0, 0.5^2), \quad m = \rho_N \rho_D

    See :mod:`bayesscale.recipes.law` for the other forms.

    Examples
    --------
    >>> runs = bs.read_runs("runs.csv", group="recipe")           # doctest: +SKIP
    >>> bs.compare_recipes(runs, baseline="A").at("100x")         # doctest: +SKIP
    """
    interval_tails(ci_prob)
    given = {"budgets": (budgets, "FLOP"), "losses": (losses, "nats/token")}
    goals = [
        np.empty(0) if values is None else positive_array(name, values, unit)
        for name, (values, unit) in given.items()
    ]
    recipes = Recipes.of(runs, group, baseline)
    by_recipe, laws = recipes.terms(terms), _laws(options, recipes, forms)
    for each in by_recipe:  # before any sampling
        check_inputs(laws[0].law, each.given, wanted=laws[0].law.given)
    how: dict[str, Any] = {k: v for k, v in options.items() if k not in ("law", "discrepancy")}
    discrepancies = [options.get("discrepancy", "drift")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScaleWarning)  # the result has their checks
        fits = fit_laws(
            recipes.runs, laws=laws, discrepancies=discrepancies, progress=progress, **how
        )
    average, table = _weighed({law.form: fit for law, fit in zip(laws, fits.values(), strict=True)})
    result = _answer(recipes, by_recipe, average, table, goals, ci_prob)
    warn_of(result.checks, result.verdict.marked)
    return result


def _laws(options: FitOptions, recipes: Recipes, forms: Sequence[str]) -> list[RecipeLaw]:
    """Return the law in each form that it has, first without a difference between recipes."""
    base, count = get_law(options.get("law", "unified")), len(recipes.names) - 1
    if not base.splits_compute:
        raise DomainError(
            f"The law {base.name!r} is not of parameters and tokens, which a recipe multiplies. "
            "Use one that is, such as 'unified'."
        )
    chosen = [choice("form", form, FORMS) for form in several("forms", forms)]
    floored = IRREDUCIBLE_SHARE in base.coordinates
    laws = [RecipeLaw(base, count, f) for f in (SAME, *chosen) if floored or FLOOR not in f]
    most = max(len(recipes.runs), len(RecipeLaw(base, count).coordinates))
    return [law for law in laws if len(law.coordinates) <= most]


def _weighed(fits: Mapping[str, Fit]) -> tuple[Average, pd.DataFrame]:
    """Average the forms that have a gain; the first alone if no evidence is known."""
    index = pd.Index(list(fits), name="form")
    table = pd.DataFrame({"log_evidence": np.nan, "mcse": np.nan}, index=index)
    for form, fit in fits.items():
        with suppress(EvidenceError):
            estimate = evidence(fit, progress=False)
            table.loc[form] = estimate.log_evidence, estimate.mcse
    table["ln_bf"] = table["log_evidence"] - table["log_evidence"][SAME]
    table = table.drop(index=SAME)
    logs = table["log_evidence"].fillna(-np.inf).to_numpy()
    usable = np.isfinite(logs) if np.isfinite(logs).any() else np.arange(len(logs)) == 0
    by_evidence = softmax(np.where(usable, np.nan_to_num(logs, neginf=0.0), -np.inf))
    table["weight"] = (1 - EQUAL) * by_evidence + EQUAL * usable / usable.sum()
    used = table[table["weight"] > 0].rename_axis(index="fit")
    kept = {form: fits[form] for form in used.index}
    summary = used.assign(law=[fit.law.name for fit in kept.values()], weight_se=np.nan)
    text, seed = "Forms weighted by evidence and in part equally.", fits[SAME].sampling.random_seed
    return Average(kept, dict(used["weight"]), "evidence", summary, None, text, seed), table


def _answer(
    recipes: Recipes, terms: list[Terms], average: Average, forms: pd.DataFrame, goals: list[Array],
    ci_prob: float,
) -> RecipeComparison:  # fmt: skip
    """Search for the multipliers of every form at all places, and put them into tables."""
    (budgets, losses), names = goals, list(recipes.names[1:])
    flops = terms[0].compute.flops(recipes.runs.params, recipes.runs.tokens)
    centre, largest = float(np.exp(np.log(flops).mean())), float(flops.max())
    places = [centre, *(times * largest for times in PLACES.values())]
    along = np.append(np.geomspace(flops.min(), places[-1], CURVE), NEXT * largest)
    at = ["centre", *PLACES, *(f"{c:.3g} FLOP" for c in budgets), *(f"loss {x:g}" for x in losses)]
    targets, mixture = np.concatenate([along, places, budgets]), Mixture.of(average)
    drawn = mixture.evaluate(lambda posterior, _: multipliers(posterior, terms, targets, losses))
    m = drawn["multiplier"]
    whole = pd.concat(
        [_rows(drawn, i, ci_prob).assign(recipe=name) for i, name in enumerate(names)]
    )
    target = whole.pop("target")
    on_curve, summary = target < CURVE, whole[target >= len(along)].reset_index(drop=True)
    summary.insert(0, "recipe", summary.pop("recipe"))
    summary.insert(1, "at", at * len(names))
    power = _power(recipes, mixture, terms, np.array([centre, NEXT * largest]))
    numbered = {k: mixture.reference.draws["posterior"][k].to_numpy() for k in ("chain", "draw")}
    values = (*numbered, "recipe", "at"), m[..., len(along) :]
    draws = xr.Dataset({"multiplier": values}, coords={**numbered, "recipe": names, "at": at})
    return RecipeComparison(
        summary=summary, draws=draws, ci_prob=ci_prob, of=average, names=recipes.names, forms=forms,
        curve=whole[on_curve], crossover=_crossover(m[..., :CURVE], along[:CURVE], centre, names),
        power=power, next_rung=_next_rung(drawn, names, float(power["noise_next"].iloc[0])),
        compared=(*recipes.checks(), *_left_out(forms)),
    )  # fmt: skip


def _left_out(forms: pd.DataFrame) -> list[CheckResult]:
    """Return a caution where forms of the model count for nothing."""
    lacking = list(forms.index[forms["log_evidence"].isna()])
    only = f", but for {forms.index[0]!r}, the answer" * (len(lacking) == len(forms))
    text = (
        f"Forms without a usable evidence ({list_some(lacking)}) are left out{only}, so intervals "
        "beyond the runs lack their uncertainty. Sample longer (draws=4000, tune=4000), or use a "
        "simpler law, such as 'chinchilla'."
    )
    return [CheckResult("forms", "caution", text, forms, ConvergenceWarning)] if lacking else []


def _rows(drawn: Mapping[str, Array], i: int, ci_prob: float) -> pd.DataFrame:
    """Return a row of the summary for every target."""
    m = drawn["multiplier"]
    m_recipe = m[..., i, :]
    count = (~np.isnan(m_recipe)).sum(axis=(0, 1))  # draws without a best split have no answer
    columns = {
        "target": np.arange(m.shape[-1]), "flops": np.nanmedian(drawn["flops"], axis=(0, 1)),
        "loss": np.nanmedian(drawn["loss"], axis=(0, 1)),
        **summary_columns("multiplier", m_recipe, ci_prob),
        "prob_better": (m_recipe > 1).sum(axis=(0, 1)) / count,
        "prob_best": ((m_recipe > 1) & (m_recipe >= m.max(axis=2))).sum(axis=(0, 1)) / count,
    }  # fmt: skip
    return pd.DataFrame(columns)


def _power(recipes: Recipes, mixture: Mixture, terms: list[Terms], at: Array) -> pd.DataFrame:
    """Return noise (of a normal with as much information), slope, and the SD of ln m to expect."""
    posterior = max(mixture.components, key=lambda component: len(component.places)).posterior
    centre, further = at
    line = frontier(posterior, centre * np.exp([-STEP, STEP]), terms[0], 0)
    slope = -float(np.nanmedian(np.diff(line.log_loss(line.optimum()[0])))) / (2 * STEP)
    nu = posterior.spec.noise.shape(posterior.c).get("nu", np.inf)
    noise = float(np.median(posterior.c["sigma"] * np.sqrt(1 + 2 / (nu + 1))))
    change = float(np.median(posterior.c.get("sigma_slope_C", 0.0))) * np.log(further / centre)
    first, *runs = np.bincount(recipes.member)
    sd = noise * np.sqrt(1 / first + 1 / np.array(runs)) / slope
    index = pd.Index(recipes.names[1:], name="recipe")
    columns = {"noise": noise, "slope": slope, "sd": sd, "noise_next": noise * np.exp(change)}
    return pd.DataFrame(columns, index=index)


def _next_rung(drawn: Mapping[str, Array], names: list[str], noise: float) -> pd.DataFrame:
    """Return by recipe the share of Var(ln m at 100x) that one more run at 4x would remove."""
    rows, flops = [], float(drawn["flops"][0, 0, CURVE])
    for i, name in enumerate(names):
        with np.errstate(divide="ignore"):
            m = np.log(drawn["multiplier"][..., i, len(PLACES) + CURVE + 1])
        joint = np.stack([m, *(drawn["log_loss"][..., k, CURVE] for k in (0, i + 1))])
        finite = np.isfinite(joint).all(axis=0)
        removed = dict.fromkeys(("of_baseline", "of_recipe", "of_both"), np.nan)
        if finite.sum() > 2:
            cov = np.cov(joint[:, finite]) + np.diag([0.0, noise**2, noise**2])
            for what, k in zip(removed, ([1], [2], [1, 2]), strict=True):
                weights = np.linalg.solve(cov[np.ix_(k, k)], cov[k, 0])
                removed[what] = weights @ cov[k, 0] / cov[0, 0]
        rows.append({"recipe": name, "flops": flops, **removed})
    return pd.DataFrame(rows).set_index("recipe")


def _crossover(m: Array, flops: Array, centre: float, names: list[str]) -> pd.DataFrame:
    """Return where multipliers along budgets pass 1 above the centre, by recipe."""
    better = m[..., flops >= centre] > 1
    between = np.sqrt(flops[1:] * flops[:-1])[-(better.shape[-1] - 1) :]
    first = between[(better[..., 1:] != better[..., :-1]).argmax(axis=-1)]
    crosses = better[..., 0] != better[..., -1]
    at = [np.median(f[c]) if c.any() else np.nan for f, c in
          ((first[..., i], crosses[..., i]) for i in range(len(names)))]  # fmt: skip
    index = pd.Index(names, name="recipe")
    return pd.DataFrame({"prob": crosses.mean(axis=(0, 1)), "flops": at}, index=index)
