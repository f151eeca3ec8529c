"""A fit: the posterior, what is known about it, and the file it is kept in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bayesscale._arguments import probability
from bayesscale._sections import Section, Severity, Told, Verdict, verdict, words, worst
from bayesscale.checks import (
    CheckResult,
    check_convergence,
    check_lack_of_fit,
    check_prior_conflict,
    check_weakly_known,
    diagnostics,
)
from bayesscale.inference.sections import fit_sections
from bayesscale.model import ModelSpec, Posterior
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesscale.laws import Law


@dataclass(frozen=True)
class SamplingSpec:
    """How the draws were made.

    Parameters
    ----------
    draws, tune, chains
        Draws kept and discarded a chain, and chains.
    target_accept
        Acceptance rate that the step size was tuned to.
    random_seed
        The seed; the same one gives the same draws.
    """

    draws: int
    tune: int
    chains: int
    target_accept: float
    random_seed: int


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Told):
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
        """Draws of the published parameters, dims ``(chain, draw)``: with a discrepancy, those of
        the law that is closest to the fitted surface over the runs.
        """  # noqa: D205
        group = "closest_law" if "closest_law" in self.draws.children else "posterior"
        return self.draws[group].dataset.transpose("chain", "draw")

    @cached_property
    def convergence(self) -> CheckResult:
        """Whether the draws are a posterior: the first of the checks."""
        return check_convergence(self.coordinates, self.draws["sample_stats"].dataset)

    @cached_property
    def posterior(self) -> Posterior:
        """The draws as a surface, shape ``(chain, draw, 1)``."""
        return Posterior.of(self.spec, self.coordinates)

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """Convergence, lack of fit, conflict with the priors, whether these decide the exponents of
        the split, and which unknowns are weakly known.
        """  # noqa: D205
        from bayesscale.inference.prior_answers import check_letters

        letters = check_letters(self)
        return (
            self.convergence,
            check_lack_of_fit(self.posterior, self.runs),
            check_prior_conflict(self.posterior),
            letters,
            check_weakly_known(self.posterior, self.runs, cure=not letters.warns),
        )

    @property
    def verdict(self) -> Verdict:
        """Whether the posterior may be used, in a line."""
        return verdict(self.checks)

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks found."""
        return worst(check.severity for check in self.checks)

    @property
    def effective_runs(self) -> float:
        """How many independent runs would tell the level of the loss as well as all rows do."""
        rows = self.spec.rows(self.runs)
        return float(np.median(rows.effective_number(rows.share(self.posterior.c)[..., 0])))

    def summary(self, *, ci_prob: float = 0.9, coordinates: bool = False) -> pd.DataFrame:
        """Summarise the posterior, one row a parameter, unrounded.

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
        table = diagnostics(chosen)
        flat = {str(n): np.ravel(values) for n, values in chosen.data_vars.items()}
        quantiles = {"median": 0.5, "lower": tails[0], "upper": tails[1]}
        table.insert(0, "mean", [flat[n].mean() for n in table.index])
        table.insert(1, "sd", [flat[n].std(ddof=1) for n in table.index])
        for at, (name, q) in enumerate(quantiles.items(), start=2):
            table.insert(at, name, [np.quantile(flat[n], q) for n in table.index])
        table["unit"] = [chosen[n].attrs["units"] for n in table.index]
        table.index.name = "parameter"
        return table

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit into one netCDF file; an older file survives a failure.

        Parameters
        ----------
        path
            Where to, usually ending in ``.nc``.
        overwrite
            Replace a file that is there even if it is no saved fit.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileError
            If the file cannot be written, or another file than a saved fit is there.
        """
        from bayesscale.inference.saved import save_fit

        return save_fit(self, path, overwrite=overwrite)

    @property
    def text(self) -> str:
        """What the checks found, in words."""
        return words(self.sections())

    def sections(self, *, ci_prob: float = 0.9) -> list[Section]:
        """Return what was fitted, whether it may be used and why, and the published parameters."""
        return fit_sections(self, ci_prob=ci_prob)


def interval_tails(ci_prob: float) -> tuple[float, float]:
    """Return the lower and upper quantile of an equal-tailed interval."""
    prob = probability("ci_prob", ci_prob)
    return (1 - prob) / 2, (1 + prob) / 2
