"""Fit many ladders in one call."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from bayesscale import _arguments
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sections import Heading, Paragraph, Section, Severity, Table, Told, worst
from bayesscale._sweep import Store, sweep
from bayesscale.errors import (
    BayesScaleError,
    BayesScaleWarning,
    DomainError,
    FileError,
    RunsWarning,
    unknown_name,
)
from bayesscale.inference.compiled import DensityKind
from bayesscale.inference.fit import check_sampling, fit
from bayesscale.inference.noiseless import check_noise
from bayesscale.inference.result import Fit
from bayesscale.inference.saved import load_fit
from bayesscale.model import ModelSpec, check_priors_admit, specify
from bayesscale.runs import Runs, read_runs

if TYPE_CHECKING:
    import pandas as pd

    from bayesscale.laws import Law
    from bayesscale.model import Prior

SECONDS = 2.0
"""What a fit takes, roughly."""

type Ladder = Runs | str | Path


@dataclass(frozen=True, eq=False, repr=False)
class ManyFits(Told):
    """Posteriors of many ladders.

    Parameters
    ----------
    fits
        A fit a ladder, by its name.
    """

    fits: Mapping[str, Fit]

    def __getitem__(self, name: str) -> Fit:
        if name not in self.fits:
            raise unknown_name("ladder", name, list(self.fits))
        return self.fits[name]

    def __len__(self) -> int:
        return len(self.fits)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The published parameters of every ladder, unrounded.

        Index ``(ladder, parameter)``; columns as in :meth:`Fit.summary`, with 90 % intervals.
        """
        import pandas as pd

        tables = {name: fit.summary() for name, fit in self.fits.items()}
        return pd.concat(tables, names=["ladder"])

    @cached_property
    def ladders(self) -> pd.DataFrame:
        """One row a ladder: how many ``runs``, the ``severity`` of what was ``found``."""
        import pandas as pd

        rows = [
            {
                "ladder": name, "runs": len(fit.runs), "severity": fit.severity,
                "found": ", ".join(check.name for check in fit.checks if check.warns),
            }
            for name, fit in self.fits.items()
        ]  # fmt: skip
        return pd.DataFrame(rows).set_index("ladder")

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks of any fit found."""
        return worst(fit.severity for fit in self.fits.values())

    @property
    def text(self) -> str:
        """Which fits are not to be used, and which with caution, in a sentence each."""
        said = []
        for severity, state in (
            ("stop", "DID NOT PASS the checks of their posterior"),
            ("caution", "are to be used with caution"),
        ):
            found = self.ladders.loc[self.ladders["severity"] == severity, "found"]
            if len(found):
                listed = "; ".join(f"{name} ({what})" for name, what in found.items())
                said.append(f"{len(found)} of {len(self)} fits {state}: {listed}.")
        return " ".join(said) or f"All {len(self)} fits passed their checks."

    def sections(self) -> list[Section]:
        """Return what the checks found, and a row a ladder."""
        return [
            Heading(f"{len(self)} ladders"),
            Paragraph(self.text, self.severity, emphasis=self.severity == "stop"),
            Table.of(
                self.ladders,
                {
                    "ladder": lambda row: str(row["ladder"]),
                    "runs": lambda row: f"{row['runs']:,}",
                    "found": lambda row: row["found"],
                },
            ),
        ]


def fit_many(
    ladders: Runs | Mapping[str, Ladder] | Iterable[Ladder],
    *,
    group: str | None = None,
    law: str | Law = "unified",
    noise: str = "student_t",
    discrepancy: str | None = "drift",
    priors: Mapping[str, Prior] | None = None,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    store: str | Path | None = None,
    random_seed: int | None = None,
    progress: ProgressOption = "auto",
    density: DensityKind = "fused",
) -> ManyFits:
    """Fit one model to each of many ladders; nothing is fitted if one of them is wrong.

    Parameters
    ----------
    ladders
        One table of runs with a ``group``; or several, by name or one after the other: tables, or
        files that :func:`~bayesscale.read_runs` reads. Those that come without a name are called
        as the table or the file is.
    group
        Column of labels of the one table: each of its levels is a ladder.
    law, noise, discrepancy, priors, draws, tune, chains, target_accept
        As for :func:`~bayesscale.fit`, of every ladder.
    store
        Folder that keeps finished fits, a file each that :func:`~bayesscale.load_fit` reads. A
        rerun with the same arguments goes on from there, with more ladders too. On a cluster,
        workers must share it.
    random_seed
        Seed of every fit: with it, ``bs.fit`` of the same runs repeats one. None takes that of
        the store, or a new one, which the fits record.
    progress
        ``"auto"`` shows what is going on, ``False`` is silent.
    density
        As for :func:`~bayesscale.fit`.

    Returns
    -------
    ManyFits
        ``summary``, a table of posteriors; ``ladders``, what the checks found; and the fits:
        ``many["c4"]``, or ``many.fits``, a mapping.

    Raises
    ------
    RunsError
        If a ladder cannot be read, or has fewer runs than the law has unknowns.
    UnknownNameError
        If a column, law, noise, discrepancy or prior has an unknown name.
    PriorError
        If a prior is malformed, or all that it allows is far from what was observed.
    DomainError
        If two ladders have one name or one has none, or an option is outside its domain.
    FileError
        If a file or the store cannot be read or written, or the store holds fits of something
        else.
    SamplerError
        If the sampler stops.

    Warns
    -----
    BayesScaleWarning
        Once, if the checks of fits found a reason for caution or to stop; the category is that of
        the gravest.
    RunsWarning
        If a ladder still has groups, which are fitted as one.

    Notes
    -----
    Ladders run through joblib, in new processes where that pays, and so on a cluster in
    ``joblib.parallel_config(backend="dask")``.

    Examples
    --------
    >>> runs = bs.read_runs("runs.csv", group="corpus")           # doctest: +SKIP
    >>> many = bs.fit_many(runs, group="corpus", store="fits")    # doctest: +SKIP
    >>> many.summary.xs("alpha_N", level="parameter")             # doctest: +SKIP
    """
    named = _named(ladders, group)
    kept = None if store is None else Store(Path(store), Fit.save, _reader(law), ".nc")
    if random_seed is None and kept is not None:
        random_seed = kept.setting("random_seed")
    sampling = asdict(check_sampling(draws, tune, chains, target_accept, random_seed))
    _arguments.choice("density", density, get_args(DensityKind.__value__))
    model: dict[str, Any] = {
        "law": law, "noise": noise, "discrepancy": discrepancy, "priors": priors,
    }  # fmt: skip
    specs: dict[str, ModelSpec] = {}
    for name, runs in named.items():
        try:
            specs[name] = specify(runs, **model)
            check_priors_admit(runs, specs[name])
            check_noise(specs[name], runs)
        except BayesScaleError as error:
            error.add_note(f"This is about the ladder {name!r}.")
            raise
    files = {name: _file_name(name) for name in named}
    if kept is not None:
        one = next(iter(specs.values()))
        kept.open(_settings(one) | sampling)
    jobs = {files[name]: _Job(runs, model | sampling | {"density": density})
            for name, runs in named.items()}  # fmt: skip
    with progress_reporter(progress) as report:
        found = sweep(_fit, jobs, seconds=SECONDS, report=report, text="Fitting", store=kept)
    result = ManyFits({name: found[files[name]] for name in named})
    for name, fitted in result.fits.items():
        if fitted.runs != named[name]:
            raise FileError(
                f"{str(store)!r} holds a fit of other runs than those of {name!r}. Give store= "
                "another folder, or delete its file."
            )
        pooled = fitted.runs.pooled_groups()
        if pooled is not None:
            warnings.warn(f"{name}: {pooled}", RunsWarning, stacklevel=2)
    _warn_of(result)
    return result


@dataclass(frozen=True)
class _Job:
    """A ladder, and the arguments of its fit."""

    runs: Runs
    options: Mapping[str, Any]


def _fit(job: _Job) -> Fit:
    with warnings.catch_warnings():  # told of once, for all
        warnings.simplefilter("ignore", BayesScaleWarning)
        return fit(job.runs, **job.options, progress=False)


def _reader(law: str | Law) -> Any:
    """Return what reads a saved fit of a law."""
    own = None if isinstance(law, str) else law
    return lambda path: load_fit(path, law=own)


def _named(ladders: Any, group: str | None) -> dict[str, Runs]:
    """Return tables by name."""
    if isinstance(ladders, Runs):
        if group is None:
            raise DomainError(
                "One table is one ladder: name the column of labels that divides it, "
                "group='corpus', or fit it with bs.fit."
            )
        labels = ladders[_arguments.text("group", group)]
        levels = list(dict.fromkeys(labels.tolist()))
        return {str(level): ladders.select(labels == level) for level in levels}
    if group is not None:
        raise DomainError("group= divides one table of runs; several ladders need none.")
    if isinstance(ladders, str | Path) or not isinstance(ladders, Iterable):
        raise DomainError(
            f"ladders must be a table of runs with group=, or several ladders, not {ladders!r}."
        )
    pairs = ladders.items() if isinstance(ladders, Mapping) else ((None, x) for x in ladders)
    named: dict[str, Runs] = {}
    for given, ladder in pairs:
        name, runs = given, ladder
        if isinstance(ladder, str | Path):
            runs = read_runs(ladder)
            name = name or Path(ladder).stem
        if not isinstance(runs, Runs):
            raise DomainError(f"A ladder must be a table of runs or a file, not {ladder!r}.")
        name = name or runs.name
        if name is None:
            raise DomainError("A ladder has no name. Give names: fit_many({'c4': runs, ...}).")
        if name in named:
            raise DomainError(f"Two ladders are called {name!r}. Give names: fit_many({{...}}).")
        named[_arguments.text("name of a ladder", name)] = runs
    if not named:
        raise DomainError("There is no ladder to fit.")
    return named


def _file_name(name: str) -> str:
    """Return a name that any file system takes, different for different ladders."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40]
    return f"{plain}-{sha256(name.encode()).hexdigest()[:8]}"


def _settings(spec: ModelSpec) -> dict[str, Any]:
    """Return what tells one model's fits from another's, as plain JSON types."""
    said = spec.as_dict()
    return {k: said[k] for k in ("law", "discrepancy", "noise", "priors", "formula")}


def _warn_of(result: ManyFits) -> None:
    """Warn once of what the checks of all fits found."""
    for severity in ("stop", "caution"):
        found = [c for f in result.fits.values() for c in f.checks if c.severity == severity]
        if found:
            warnings.warn(result.text, found[0].warning, stacklevel=3)
            return
