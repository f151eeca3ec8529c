"""A fit: the posterior, what is known about it, and the file it is kept in."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial, update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale import _sections as page, checks
from bayesscale._arguments import interval_tails
from bayesscale._equation import as_text
from bayesscale._format import interval, percent, short_number, write_share
from bayesscale._types import Array
from bayesscale.errors import PACKAGE, DomainError
from bayesscale.inference import tree_file
from bayesscale.inference.draws import published_draws, split_exponents
from bayesscale.model import ModelSpec, Posterior
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesscale.laws import Law


GROUPS = ("posterior", "sample_stats", "runs")
"""What no saved fit is without."""

UNSETTLED_MAX = 0.01

EXPONENT = "params_exponent"
"""That of tokens is redundant: at C = 6ND the two add up to one."""

PRIOR_DRAWS, SEED = 1000, 0


@dataclass(frozen=True)
class SamplingSpec:
    """How the draws were made.

    ``draws``, ``tune``, ``chains``: draws kept and discarded a chain, and chains; None kept as many
    as were needed; ``target_accept``: acceptance rate that the step size was tuned to;
    ``random_seed``: the same one gives the same draws.
    """

    draws: int | None
    tune: int
    chains: int
    target_accept: float
    random_seed: int


class Question:
    """A public function as a method of a fit or average, imported when it is asked for."""

    def __init__(self, keyword: str = "") -> None:
        self.keyword = keyword

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, fit: Any, owner: type) -> Callable[..., Any]:
        import bayesscale as bs

        function = getattr(bs, self.name)
        if fit is None:
            return function
        named = {self.keyword: fit} if self.keyword else {}
        return update_wrapper(partial(function, *(() if named else (fit,)), **named), function)


@dataclass(frozen=True, eq=False, repr=False)
class Fit(page.Result):
    """A posterior of a scaling law.

    Parameters
    ----------
    spec
        Law, noise, priors and reference point.
    runs
        The runs it was fitted to.
    draws
        DataTree in ArviZ's schema. ``posterior`` holds what was sampled, dims ``(chain, draw)``,
        and published parameters where they are exact transforms of it; with a discrepancy, those
        of the law that is closest to the fitted surface over the runs are in ``closest_law``.
    sampling
        How the draws were made.
    """

    spec: ModelSpec
    runs: Runs
    draws: xr.DataTree
    sampling: SamplingSpec

    def __post_init__(self) -> None:
        tree_file.freeze(self.draws)
        object.__setattr__(self, "_content", tree_file.content(self.draws))

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        tree_file.freeze(self.draws)  # copies and pickles of an array are writeable again

    @property
    def law(self) -> Law:
        """The law."""
        return self.spec.law

    @property
    def coordinates(self) -> xr.Dataset:
        """Draws of the sampled coordinates, dims ``(chain, draw)``."""
        names = [k.name for k in self.spec.coordinates]
        return self.draws["posterior"].dataset[names].transpose("chain", "draw")

    @property
    def published(self) -> xr.Dataset:
        """Draws of published parameters, ``(chain, draw)``: of the closest law with discrepancy."""
        group = "closest_law" if "closest_law" in self.draws.children else "posterior"
        return self.draws[group].dataset.transpose("chain", "draw")

    @cached_property
    def convergence(self) -> page.CheckResult:
        """Whether the draws are a posterior: the first of the checks."""
        return checks.check_convergence(self.coordinates, self.draws["sample_stats"].dataset)

    @cached_property
    def posterior(self) -> Posterior:
        """The draws as a surface, shape ``(chain, draw, 1)``."""
        return Posterior.of(self.spec, self.coordinates)

    @cached_property
    def checks(self) -> tuple[page.CheckResult, ...]:
        """Checks of the posterior, in order.

        Convergence, lack of fit, prior-data conflict, prior sensitivity of the exponents of the
        split, weakly known parameters, and flaws in the design of the runs.
        """
        letters = _check_published(self.posterior, self.published, self.runs)
        return (
            self.convergence,
            checks.check_lack_of_fit(self.posterior, self.runs),
            checks.check_prior_conflict(self.posterior),
            letters,
            checks.check_weakly_known(self.posterior, self.runs, cure=not letters.warns),
            *checks.check_design(self.spec, self.runs),
        )

    @property
    def verdict(self) -> page.Verdict:
        """Whether the posterior may be used, in a line."""
        return page.verdict(self.checks)

    def options(self, **changes: Any) -> dict[str, Any]:
        """Return the options that this fit was made with, with changes, to refit with.

        Without its discrepancy a model has no priors of it: those are left out.

        Examples
        --------
        >>> later = bs.read_runs("with_the_new_runs.csv")         # doctest: +SKIP
        >>> bs.fit(later, **fit.options(random_seed=2))            # doctest: +SKIP
        """
        options = {**self.spec.options(), **asdict(self.sampling), **changes}
        if options["discrepancy"] is None and "priors" not in changes:
            kept = {k.name for k in (*self.law.coordinates, *self.spec.noise_coordinates)}
            options["priors"] = {k: v for k, v in options["priors"].items() if k in kept}
        return options

    @property
    def effective_runs(self) -> float:
        """How many independent runs would determine the level of loss as well as all rows do."""
        rows = self.spec.rows(self.runs)
        return float(np.median(rows.effective_number(rows.share(self.posterior.c)[..., 0])))

    def summary(self, *, ci_prob: float = 0.9, coordinates: bool = False) -> pd.DataFrame:
        """Summarise the posterior, one row per parameter, unrounded.

        Parameters
        ----------
        ci_prob
            Probability of the equal-tailed interval, in (0, 1).
        coordinates
            Show the sampled coordinates instead of the published parameters.

        Returns
        -------
        pandas.DataFrame
            Columns mean, sd, median, lower, upper, r_hat, ess_bulk, ess_tail, unit. Rows are the
            parameters that the paper names, the exponents of the compute-optimal split
            (``params_exponent`` = d ln N*/d ln C) and the noise; a law without published
            parameters shows its coordinates.

        Raises
        ------
        DomainError
            If ``ci_prob`` is not a probability.

        Examples
        --------
        >>> fit.summary(ci_prob=0.8)                              # doctest: +SKIP
        """
        tails = interval_tails(ci_prob)
        posterior, published = self.draws["posterior"].dataset, self.published
        noise = self.spec.noise_names
        letters = [*(self.law.published_units or (c.name for c in self.law.coordinates))]
        letters += [n for n in ("params_exponent", "tokens_exponent") if n in published]
        sampled = [c.name for c in self.spec.coordinates if c.name not in noise]
        chosen = self.coordinates[sampled] if coordinates else published[letters]
        chosen = chosen.assign({name: posterior[name] for name in noise})
        drawn = np.stack([np.ravel(values) for values in chosen.data_vars.values()])
        columns = {"mean": drawn.mean(axis=1), "sd": drawn.std(axis=1, ddof=1)}
        for name, q in (("median", 0.5), ("lower", tails[0]), ("upper", tails[1])):
            columns[name] = np.quantile(drawn, q, axis=1)
        diagnosed = checks.diagnostics(chosen)
        units = [values.attrs["units"] for values in chosen.data_vars.values()]
        return diagnosed.assign(**columns, unit=units)[[*columns, *diagnosed, "unit"]]

    extrapolate, allocate, required_flops, gain = Question(), Question(), Question(), Question()
    required_tokens, regret, landmarks, design = Question(), Question(), Question(), Question()
    evidence, prior_sensitivity, score = Question(), Question(), Question()
    plot_loss, plot_allocation, plot_isoflops = Question(), Question(), Question()
    plot_residuals, report = Question(), Question("fit")

    @tree_file.saves
    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit into one netCDF file; an older file survives a failure."""
        return tree_file.save_tree(self.to_tree(), path, overwrite=overwrite)

    def to_tree(self) -> xr.DataTree:
        """Return the draws with all that makes a fit of them in their header."""
        if tree_file.content(self.draws) != self.__dict__["_content"]:
            raise DomainError(
                "fit.draws were changed after sampling, so that they are no longer the posterior "
                "of this model and cannot be saved as one. Load or fit again, and change a copy, "
                "fit.draws.copy(deep=True), which copy.to_netcdf(path) writes."
            )
        return tree_file.set_header(
            self.draws.copy(), spec=self.spec.as_dict(), sampling=asdict(self.sampling)
        )

    @property
    def text(self) -> str:
        """What the checks found, in words."""
        return page.words(self.sections())

    def sections(self, *, ci_prob: float = 0.9) -> list[page.Section]:
        """Return what was fitted, whether it may be used and why, and the published parameters."""
        table = self.summary(ci_prob=ci_prob)
        head = [page.Heading(in_words(self)), *page.findings(self.checks)]
        if "closest_law" not in self.draws.children:
            equation = [page.Paragraph(_equation(self)), *fitted_equation(self)]
            return [*head, *equation, _parameters(table, ci_prob), *page.further(self.checks)]
        letters = table.index.isin([*self.law.published_units])
        closest = _parameters(table[letters], ci_prob, "closest law")
        closest_law = f"The law closest to the fitted surface over the runs: {_equation(self)}"
        return [
            *head,
            _parameters(table[~letters], ci_prob),
            page.Paragraph(closest_law),
            *fitted_equation(self),
            *([closest] if letters.any() else []),
            page.Paragraph(_closest_law(self)),
            *page.further(self.checks),
        ]


def _parameters(table: pd.DataFrame, ci_prob: float, kind: str = "parameter") -> page.Table:
    """Return rows of :meth:`Fit.summary` for display."""
    return page.Table.of(
        table,
        {
            kind: lambda row: str(row["parameter"]),
            "median": lambda row: short_number(row["median"]),
            f"{percent(ci_prob)} interval": lambda row: interval(
                row["lower"], row["upper"], short_number
            ),
            "unit": lambda row: row["unit"],
        },
    )


@tree_file.loads
def load_fit(path: str | Path, *, law: str | Law | None = None) -> Fit:
    """Read a saved fit.

    Parameters
    ----------
    path
        A file that :meth:`Fit.save` wrote, or ``fit.draws.to_netcdf(path)``, which has no checksum.
    law
        Your own law, if it was fitted: a file holds its name, not its code.

    Examples
    --------
    >>> fit = bs.load_fit("fit.nc")                               # doctest: +SKIP
    """
    return tree_file.load_tree(path, lambda tree: fit_of(tree, law), kind="fit")


def fit_of(tree: xr.DataTree, law: str | Law | None) -> Fit:
    """Return the fit that a tree holds."""
    stored = json.loads(tree.attrs[tree_file.ATTRIBUTE])
    if missing := [name for name in GROUPS if name not in tree.children]:
        raise ValueError(f"it has no group {missing[0]!r}")
    spec = ModelSpec.from_dict(stored["spec"], law=law)
    sampled = tree["posterior"].dataset[[c.name for c in spec.coordinates]]
    for name, values in sampled.data_vars.items():
        if set(values.dims) != {"chain", "draw"} or not values.size:
            raise ValueError(f"{name} has no draws")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} has draws that are not finite")
    runs = Runs.from_xarray(tree["runs"].dataset)
    return Fit(spec=spec, runs=runs, draws=tree, sampling=SamplingSpec(**stored["sampling"]))


def fitted_equation(fit: Fit) -> list[page.Section]:
    """Return the law's equation with the medians of its parameters, if all of them are known."""
    letters = {name: float(np.median(fit.published[name])) for name in fit.law.published_units}
    if not (fit.law.equation and letters and np.isfinite(list(letters.values())).all()):
        return []
    return [page.Equation(fit.law.equation, letters)]


def _equation(fit: Fit) -> str:
    law = fit.law
    equation = law.equation or f"log loss as {type(law).__name__} writes it"
    equation = as_text(equation)
    return f"{equation} ({law.citation})" if law.citation else equation


def _closest_law(fit: Fit) -> str:
    """Describe the published parameters of a surface with discrepancy, and how well they fit."""
    published = fit.published
    misfit, sigma = float(published["misfit"].median()), float(fit.posterior.c["sigma"].mean())
    text = (
        "These parameters are a summary: over the runs, this law differs from the fitted surface "
        f"by {write_share(misfit)} (noise {write_share(sigma)}). Their intervals assume that the "
        "law is exact; predictions allow for departures from it beyond the runs."
    )
    if misfit > sigma:
        text += " The difference exceeds the noise: do not quote them as constants of the law"
        text += ", nor E as the irreducible loss." if "E" in published else "."
    unsettled = int(published.attrs["unconverged"])
    if unsettled > UNSETTLED_MAX * published["misfit"].size:
        text += (
            f" For {unsettled:,} of {published['misfit'].size:,} draws no closest law was found: "
            "do not quote these parameters."
        )
    return text


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


def _check_published(posterior: Posterior, published: xr.Dataset, runs: Runs) -> page.CheckResult:
    """Check that priors do not decide the exponent of the split; the table has all parameters."""
    spec = posterior.spec
    prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(SEED), PRIOR_DRAWS))
    on_law = {k.name: prior.c[k.name][..., 0] for k in spec.law.coordinates}
    by_prior = published_draws(spec, on_law, runs) | split_exponents(prior, runs)
    by_prior = {k: v for k, (v, _) in by_prior.items() if k != "tokens_exponent" and k in published}
    drawn = {name: np.ravel(published[name]) for name in by_prior}
    if not drawn:  # of a sweep, which does without the closest law
        by_prior, drawn = on_law, {name: np.ravel(posterior.c[name]) for name in on_law}
    table = checks.prior_power(posterior, _answers(drawn, by_prior))
    of_split = table.index == EXPONENT
    judged = table[of_split] if of_split.any() else table.assign(decided=False)
    what = "the exponent of the split" if of_split.any() else "the published parameters"
    result = checks.check_prior_power(judged, posterior, runs, what=what)
    return page.CheckResult(result.name, result.severity, result.text, table, result.warning)


def _answers(posterior: Mapping[str, Array], prior: Mapping[str, Array]) -> checks.Answers:
    """Put quantities of shape ``(draw,)`` side by side, positive ones in logs."""
    columns = [[], []]
    for name in posterior:
        both = posterior[name], prior[name]
        log = all((values > 0).all() for values in both) and name != EXPONENT
        for column, values in zip(columns, both, strict=True):
            column.append(np.log(values) if log else values)
    return checks.Answers(
        list(posterior), np.stack(columns[0], axis=-1), np.stack(columns[1], axis=-1)
    )


def unsound(table: pd.DataFrame, kind: str, name: str = "{}") -> str:
    """Return which posteriors, one per row of ``table``, are unusable or need caution."""
    sentences = []
    for severity, state in (
        ("stop", "failed the checks of their posterior"),
        ("caution", "need caution"),
    ):
        named = table.loc[table["severity"] == severity, "found"]
        if len(named):
            listed = "; ".join(f"{name.format(k)} ({what})" for k, what in named.items())
            sentences.append(f"{len(named)} of {len(table)} {kind} {state}: {listed}.")
    return " ".join(sentences)


def warn_of(checks: Iterable[page.CheckResult], text: str) -> None:
    """Warn once of what the checks of several posteriors found, by the category of the gravest."""
    checks = list(checks)
    for severity in ("stop", "caution"):
        if grave := [check for check in checks if check.severity == severity]:
            warnings.warn(text, grave[0].warning, skip_file_prefixes=(PACKAGE,))
            return
