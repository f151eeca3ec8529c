"""Fit a law to runs: the posterior and what is known about it."""

from __future__ import annotations

import html
import json
import sys
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bayesscale._files import atomic_write
from bayesscale._progress import ProgressOption, Report, progress_reporter
from bayesscale.checks import (
    CheckResult,
    check_convergence,
    check_identifiability,
    check_prior_conflict,
    diagnostics,
)
from bayesscale.errors import (
    BayesScaleError,
    ConvergenceWarning,
    DomainError,
    FileError,
    IdentifiabilityWarning,
    PriorWarning,
    RunsWarning,
)
from bayesscale.model.prior_predictive import check_priors_admit
from bayesscale.model.spec import ModelSpec, specify
from bayesscale.runs import Runs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from bayesscale.laws import Law
    from bayesscale.model.priors import Prior

SCHEMA = 1
"""Version of the saved file's layout."""


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


@dataclass(frozen=True, eq=False)
class Fit:
    """A posterior of a scaling law.

    Parameters
    ----------
    spec
        Law, noise, priors and reference point.
    runs
        The runs it was fitted to.
    draws
        DataTree in ArviZ's schema. ``posterior`` holds both the sampled coordinates and the
        published parameters, dims ``(chain, draw)``.
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

    @cached_property
    def checks(self) -> tuple[CheckResult, ...]:
        """Convergence of the draws, identifiability of the unknowns, conflict with the priors."""
        posterior = self.draws["posterior"].dataset
        sampled = posterior[[c.name for c in self.spec.coordinates]]
        return (
            check_convergence(sampled, self.draws["sample_stats"].dataset),
            check_identifiability(sampled, self.spec, self.runs),
            check_prior_conflict(sampled, self.spec),
        )

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

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
        posterior = self.draws["posterior"].dataset
        noise = [name for name in ("sigma", "nu") if name in posterior]
        sampled = [c.name for c in self.law.coordinates]
        derived = [n for n in ("params_exponent", "tokens_exponent") if n in posterior]
        shown = sampled if coordinates else [*(self.law.published_units or sampled), *derived]
        chosen = posterior[[*shown, *noise]]
        table = diagnostics(chosen)
        flat = {str(n): np.ravel(values) for n, values in chosen.data_vars.items()}
        quantiles = {"median": 0.5, "lower": tails[0], "upper": tails[1]}
        table.insert(0, "mean", [flat[n].mean() for n in table.index])
        table.insert(1, "sd", [flat[n].std(ddof=1) for n in table.index])
        for at, (name, q) in enumerate(quantiles.items(), start=2):
            table.insert(at, name, [np.quantile(flat[n], q) for n in table.index])
        table["unit"] = [chosen[n].attrs["unit"] for n in table.index]
        table.index.name = "parameter"
        return table

    def save(self, path: str | Path) -> Path:
        """Write the fit into one netCDF file; an older file survives a failure.

        Parameters
        ----------
        path
            Where to, usually ending in ``.nc``.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        FileError
            If the file cannot be written.
        """
        tree = self.draws.copy()
        tree.attrs["bayesscale"] = json.dumps(
            {
                "schema": SCHEMA,
                "spec": self.spec.as_dict(),
                "sampling": asdict(self.sampling),
                "versions": {p: version(p) for p in ("bayesscale", "pymc", "nutpie", "numpy")},
            }
        )
        with atomic_write(Path(path)) as temporary:
            tree.to_netcdf(temporary, engine="h5netcdf")
        return Path(path)

    def __repr__(self) -> str:
        state = "passed its checks" if self.passed else "DID NOT PASS its checks"
        lines = [
            f"Fit of the law {self.law.name!r} ({self.spec.noise.name} noise) to "
            f"{len(self.runs)} runs; {state}.",
            *(check.text for check in self.checks),
            self.summary()[["median", "lower", "upper", "unit"]].to_string(),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        checks = "".join(f"<li>{html.escape(check.text)}</li>" for check in self.checks)
        title = (
            f"Law <b>{html.escape(self.law.name)}</b>, {html.escape(self.spec.noise.name)} noise, "
            f"{len(self.runs)} runs"
        )
        return (
            f"<p>{title}</p><ul>{checks}</ul>{self.summary().to_html(float_format='{:.4g}'.format)}"
        )


def fit(
    runs: Runs,
    *,
    law: str | Law = "unified",
    noise: str = "student_t",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
) -> Fit:
    r"""Sample the posterior of a scaling law given training runs.

    Parameters
    ----------
    runs
        The training runs, at least as many as the law has unknowns.
    law
        ``"unified"``, ``"chinchilla"``, ``"kaplan"``, ... (``bayesscale.laws.LAWS``), or an
        instance of your own :class:`~bayesscale.Law`.
    noise
        Scatter of log loss around the law: ``"student_t"`` forgives outliers, ``"normal"``
        does not.
    priors
        Overrides of default priors by name of sampling coordinate, such as
        ``{"alpha_N": Prior.between(0.2, 0.5, mass=0.9)}``.
    draws, tune
        Draws kept and discarded in each chain, at least 100.
    chains
        Chains, at least 2: one alone cannot show that it converged.
    target_accept
        Acceptance rate that the step size is tuned to, in (0, 1); higher is slower and safer.
    random_seed
        The same seed gives the same draws, whatever the number of cores. None takes a new one,
        which the fit records.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.

    Returns
    -------
    Fit
        The posterior, with its checks.

    Raises
    ------
    RunsError
        If there are fewer runs than unknowns.
    UnknownNameError
        If a law, noise or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If an option is outside its domain.
    SamplerError
        If the sampler stops.

    Warns
    -----
    ConvergenceWarning
        If the draws are not a posterior yet.
    IdentifiabilityWarning
        If the runs cannot tell some unknowns apart.
    PriorWarning
        If the posterior lies where a prior had all but excluded it.
    RunsWarning
        If the runs have groups, which are fitted as one ladder.

    Notes
    -----
    .. math:: \ln L_i \sim \mathrm{noise}(\ln L(N_i, D_i), \sigma)

    sampled by NUTS in coordinates at the centre of the runs; see
    :mod:`bayesscale.laws.coordinates` for what they mean and for the default priors.

    References
    ----------
    .. [1] Hoffman and Gelman (2014), JMLR 15, the No-U-Turn sampler.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.read_runs("runs.csv")                           # doctest: +SKIP
    >>> bs.fit(runs, law="chinchilla", random_seed=1).summary()   # doctest: +SKIP
    """
    spec = specify(runs, law=law, noise=noise, priors=priors)
    sampling = _check_sampling(draws, tune, chains, target_accept, random_seed)
    with progress_reporter(progress) as report:
        check_priors_admit(runs, spec)
        result = fit_spec(spec, runs, sampling, report=report)
        checks = result.checks
    if runs.pooled_groups() is not None:
        warnings.warn(str(runs.pooled_groups()), RunsWarning, stacklevel=2)
    kinds = {
        "convergence": ConvergenceWarning,
        "identifiability": IdentifiabilityWarning,
        "prior conflict": PriorWarning,
    }
    for check in checks:
        if not check.passed:
            warnings.warn(check.text, kinds[check.name], stacklevel=2)
    return result


def fit_spec(spec: ModelSpec, runs: Runs, sampling: SamplingSpec, *, report: Report) -> Fit:
    """Sample a model that is already specified: what a sweep of many fits repeats.

    Parameters
    ----------
    spec
        The checked model. Its reference point need not be the centre of these runs.
    runs
        The runs to condition on.
    sampling
        How to sample.
    report
        Where progress goes.

    Returns
    -------
    Fit
        The posterior, no checks made yet.

    Raises
    ------
    SamplerError
        If the sampler stops.
    """
    if "pymc" not in sys.modules:
        report("Loading PyMC")
    from bayesscale.inference.compiled import compile_model, is_compiled
    from bayesscale.inference.draws import assemble_draws
    from bayesscale.inference.sampler import sample_nuts
    from bayesscale.model.build import model_data

    if not is_compiled(spec):
        report(f"Compiling the law {spec.law.name!r} (once per process; refits reuse it)")
    compiled = compile_model(spec, runs)
    data = model_data(spec, runs)
    u, sample_stats = sample_nuts(compiled, spec, data, report=report, **asdict(sampling))
    report("Summarising the draws")
    draws = assemble_draws(compiled, spec, runs, data, u, sample_stats)
    return Fit(spec=spec, runs=runs, draws=draws, sampling=sampling)


def load_fit(path: str | Path, *, law: str | Law | None = None) -> Fit:
    """Read a saved fit.

    Parameters
    ----------
    path
        A file that :meth:`Fit.save` wrote.
    law
        Your own law, if it was fitted: a file holds its name, not its code.

    Returns
    -------
    Fit
        The same fit.

    Raises
    ------
    FileError
        If the file is missing, cut short, or not a saved fit, or was written by a newer version.
    UnknownNameError
        If the fit is of a law that does not ship, and ``law`` was not given.
    DomainError
        If ``law`` is another law than the one that was fitted.

    Examples
    --------
    >>> fit = bs.load_fit("fit.nc")                               # doctest: +SKIP
    """
    import xarray as xr

    path = Path(path)
    if not path.is_file():
        raise FileError(f"There is no file {str(path)!r}. Save a fit with fit.save(path) first.")
    try:
        tree = xr.load_datatree(path, engine="h5netcdf")
    except Exception as error:  # h5py raises whatever a broken file makes it raise
        raise FileError(
            f"{str(path)!r} cannot be read as a saved fit ({error}). It may have been cut short "
            "while copying, or be something else. Copy it again or refit."
        ) from error
    if "bayesscale" not in tree.attrs:
        raise FileError(f"{str(path)!r} is a netCDF file, but not one that Fit.save wrote.")
    try:
        stored: dict[str, Any] = json.loads(tree.attrs.pop("bayesscale"))
        if stored["schema"] > SCHEMA:
            raise FileError(
                f"{str(path)!r} was written by bayesscale {stored['versions']['bayesscale']} in "
                f"layout {stored['schema']}; this version reads up to {SCHEMA}. Upgrade bayesscale."
            )
        result = Fit(
            spec=ModelSpec.from_dict(stored["spec"], law=law),
            runs=Runs.from_xarray(tree["runs"].dataset),
            draws=tree,
            sampling=SamplingSpec(**stored["sampling"]),
        )
        _ = tree["posterior"].dataset[[c.name for c in result.spec.coordinates]]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, BayesScaleError):
            raise
        raise FileError(
            f"{str(path)!r} is not a complete fit: {error!r}. It was damaged, or saved from "
            "another version of the law; refit it."
        ) from error
    return result


def interval_tails(ci_prob: float) -> tuple[float, float]:
    """Return the lower and upper quantile of an equal-tailed interval.

    Raises
    ------
    DomainError
        If ``ci_prob`` is not between 0 and 1.
    """
    if not (isinstance(ci_prob, Real) and 0 < ci_prob < 1):
        raise DomainError(
            f"ci_prob is a probability between 0 and 1, such as 0.9; got {ci_prob!r}."
        )
    return (1 - float(ci_prob)) / 2, (1 + float(ci_prob)) / 2


def _check_sampling(
    draws: int, tune: int, chains: int, target_accept: float, random_seed: int | None
) -> SamplingSpec:
    for name, value, least in (("draws", draws, 100), ("tune", tune, 100), ("chains", chains, 2)):
        if not isinstance(value, int | np.integer) or value < least:
            raise DomainError(f"{name} must be a whole number of at least {least}, not {value!r}.")
    if not 0 < target_accept < 1:
        raise DomainError(f"target_accept must be between 0 and 1, not {target_accept!r}.")
    if random_seed is None:
        random_seed = int(np.random.default_rng().integers(2**31))
    if not isinstance(random_seed, int | np.integer) or random_seed < 0:
        raise DomainError(f"random_seed must be a whole number from 0, not {random_seed!r}.")
    return SamplingSpec(int(draws), int(tune), int(chains), float(target_accept), int(random_seed))
