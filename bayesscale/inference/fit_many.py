"""Fit many ladders in one call."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from bayesscale import _arguments, errors
from bayesscale._files import make_folder
from bayesscale._progress import ProgressOption, progress_reporter
from bayesscale._sections import Heading, Paragraph, Result, Section, Severity, Table, worst
from bayesscale._sweep import Store, store_folder, stored_setting, sweep
from bayesscale._types import ReadOnly
from bayesscale.errors import BayesScaleError, DomainError, FileError, RunsWarning, unknown_name
from bayesscale.inference.fit import fit
from bayesscale.inference.result import Fit, load_fit, unsound
from bayesscale.inference.setup import FitOptions, Setup, takes_fit_options
from bayesscale.inference.tree_file import to_table
from bayesscale.runs import Runs, read_runs

if TYPE_CHECKING:
    import pandas as pd

    from bayesscale.laws import Law

SECONDS = 2.0
"""What a fit takes, roughly."""

type Ladder = Runs | str | Path


@dataclass(frozen=True)
class Digest:
    """What stays in memory of a fit; ``warning`` is the category of the gravest one."""

    summary: pd.DataFrame
    row: Mapping[str, Any]
    warning: str
    fingerprint: str
    fit: Fit | None = None

    @classmethod
    def of(cls, fit: Fit, *, keep: bool = False) -> Digest:
        """Summarise a fit."""
        warned = [check for check in fit.checks if check.warns]
        gravest = [check.warning.__name__ for check in warned if check.severity == fit.severity]
        found = ", ".join(check.name for check in warned)
        row = {"runs": len(fit.runs), "severity": fit.severity, "found": found}
        warning, kept = gravest[0] if gravest else "", fit if keep else None
        return cls(fit.summary(), row, warning, fit.runs.fingerprint, kept)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON types, which :func:`_digest` reads."""
        return {**vars(self), "summary": self.summary.to_dict("split"), "fit": None}


def _digest(held: Mapping[str, Any]) -> Digest:
    summary = to_table({**held["summary"], "index_name": "parameter"})
    return Digest(**{**held, "summary": summary})


def _summarised(job: tuple[str, Setup], *, folder: Path | None, fits: bool) -> Digest:
    """Fit a setup and summarise it: a job of :func:`fit_many`. Keep the fit if ``fits``."""
    name, setup = job
    fit = setup.fit()
    if not fits or folder is None:
        return Digest.of(fit, keep=fits)
    path = folder / f"{name}.nc"
    make_folder(path.parent)
    fit.save(path, overwrite=True)
    return Digest.of(fit)


@dataclass(frozen=True)
class SavedFits(Mapping[str, Fit]):
    """Fits by name of ladder that are read from ``files`` when they are asked for."""

    files: Mapping[str, Path]
    law: Law | None

    def __getitem__(self, name: str) -> Fit:
        return load_fit(self.files[name], law=self.law)

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


@dataclass(frozen=True, eq=False, repr=False)
class ManyFits(Result):
    """Posteriors of many ladders.

    Parameters
    ----------
    fits
        A fit per ladder, by its name; from a store each is read when it is asked for.
    digests
        The summary and the verdict of each.
    """

    fits: Mapping[str, Fit]
    digests: Mapping[str, Digest]

    def __getitem__(self, name: str) -> Fit:
        if name not in self.fits:
            if name in self.digests:
                raise DomainError("Only summaries were kept of these fits: use fits=True.")
            raise unknown_name("ladder", name, list(self.digests))
        return self.fits[name]

    def __len__(self) -> int:
        return len(self.digests)

    def __iter__(self) -> Iterator[str]:
        return iter(self.digests)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Published parameters with 90 % intervals, one row a ``(ladder, parameter)``."""
        import pandas as pd

        return pd.concat({k: each.summary for k, each in self.digests.items()}, names=["ladder"])

    @cached_property
    def ladders(self) -> pd.DataFrame:
        """One row per ladder: how many ``runs``, the ``severity`` of what was ``found``."""
        import pandas as pd

        rows = {name: each.row for name, each in self.digests.items()}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("ladder")

    @property
    def severity(self) -> Severity:
        """The gravest of what the checks of any fit found."""
        return worst(self.ladders["severity"])

    @property
    def text(self) -> str:
        """Which fits must not be used, and which need caution, a sentence each."""
        return unsound(self.ladders, "fits") or f"All {len(self)} fits passed their checks."

    def sections(self) -> list[Section]:
        """Return what the checks found, and a row per ladder."""
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


@takes_fit_options()
def fit_many(
    ladders: Runs | Mapping[str, Ladder] | Iterable[Ladder], *, group: str | None = None,
    store: str | Path | None = None, fits: bool = True, progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> ManyFits:  # fmt: skip
    """Fit one model to each of many ladders; nothing is fitted if one of them is invalid.

    Parameters
    ----------
    ladders
        One table of runs with a ``group``; or several, by name or one after the other: tables, or
        files that :func:`~bayesscale.read_runs` reads. Those that come without a name are called
        as the table or the file is.
    group
        Column of labels of the one table: each of its levels is a ladder.
    fits
        Keep whole fits, of some 2.5 MB each, and not only their summaries.

    Returns
    -------
    ManyFits
        ``summary``, a table of posteriors; ``ladders``, what the checks found; and the fits:
        ``many["c4"]``, or ``many.fits``, a mapping.

    Warns
    -----
    BayesScaleWarning
        Once, if the checks of fits found a reason for caution or to stop; the category is that of
        the gravest.
    RunsWarning
        If a ladder still has groups, which are fitted as one.

    Notes
    -----
    ``store`` has a file per fit, which :func:`~bayesscale.load_fit` reads, in one of 256 folders,
    and its summary beside it; only summaries stay in memory. Further ladders may be added. Ladders
    run through joblib, in new processes where that pays, and so on a cluster in
    ``joblib.parallel_config(backend="dask")``.

    Examples
    --------
    >>> runs = bs.read_runs("runs.csv", group="corpus")           # doctest: +SKIP
    >>> many = bs.fit_many(runs, group="corpus", store="fits")    # doctest: +SKIP
    >>> many.summary.xs("alpha_N", level="parameter")             # doctest: +SKIP
    """
    named = _named(ladders, group)
    folder = store_folder(store)
    options = seeded(options, folder)
    setups: dict[str, Setup] = {}
    for name, runs in named.items():
        try:
            setups[name] = Setup.of(runs, **options).checked()
        except BayesScaleError as error:
            error.add_note(f"This is about the ladder {name!r}.")
            raise
    files = {name: _file_name(name) for name in named}
    jobs = {files[name]: (files[name], setup) for name, setup in setups.items()}
    kept, saved = None, None
    if folder is not None:
        settings = next(iter(setups.values())).settings()
        kept = Store(folder, settings, Digest.as_json, _digest, ".nc" if fits else ".json")
        if fits:
            law, paths = options.get("law", ""), {k: folder / f"{v}.nc" for k, v in files.items()}
            saved = SavedFits(paths, None if isinstance(law, str) else law)
    with progress_reporter(progress) as report:
        digests = sweep(
            partial(_summarised, folder=folder, fits=fits), jobs, seconds=SECONDS,
            report=report, text="Fitting", store=kept,
        )  # fmt: skip
    digests = ReadOnly({name: digests[file] for name, file in files.items()})
    whole = {name: each.fit for name, each in digests.items() if each.fit is not None}
    result = ManyFits(saved or ReadOnly(whole), digests)
    for name, setup in setups.items():
        if result.digests[name].fingerprint != setup.runs.fingerprint:
            raise FileError(
                f"'{folder}/{files[name]}.json' is of a fit of other runs than those of {name!r}. "
                "Give store= another folder, or move this file elsewhere."
            )
        pooled = setup.runs.pooled_groups(setup.spec.law.quantities)
        if pooled is not None:
            warnings.warn(f"{name}: {pooled}", RunsWarning, skip_file_prefixes=(errors.PACKAGE,))
    if result.severity in ("caution", "stop"):
        gravest = (
            v.warning for v in result.digests.values() if v.row["severity"] == result.severity
        )
        warnings.warn(
            result.text, getattr(errors, next(gravest)), skip_file_prefixes=(errors.PACKAGE,)
        )
    return result


def _named(ladders: Any, group: str | None) -> dict[str, Runs]:
    """Return tables by name."""
    if hasattr(ladders, "columns"):
        raise DomainError("This table is not read yet: bs.Runs.from_frame(table, group='corpus').")
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
            f"ladders must be a table of runs with group=, or several ladders, not "
            f"{_arguments.shown(ladders)}."
        )
    pairs = ladders.items() if isinstance(ladders, Mapping) else ((None, x) for x in ladders)
    named: dict[str, Runs] = {}
    for given, ladder in pairs:
        name, runs = given, ladder
        if isinstance(ladder, str | Path):
            runs = read_runs(ladder)
            name = name or Path(ladder).stem
        if not isinstance(runs, Runs):
            raise DomainError(
                f"A ladder must be a table of runs or a file, not {_arguments.shown(ladder)}."
            )
        name = name or runs.name
        if name is None:
            raise DomainError("A ladder has no name. Give names: fit_many({'c4': runs, ...}).")
        if name in named:
            raise DomainError(f"Two ladders are called {name!r}. Give names: fit_many({{...}}).")
        named[_arguments.text("name of a ladder", name)] = runs
    if not named:
        raise DomainError("There are no ladders to fit.")
    return named


def _file_name(name: str) -> str:
    """Return a path in one of 256 folders, different for different ladders."""
    plain, code = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:40], sha256(name.encode()).hexdigest()[:16]
    return f"{code[:2]}/{plain}-{code}"


WEIGHED = ("kaplan", "chinchilla", "unified")
"""Laws that are weighed against each other unless others are named."""


@takes_fit_options(without=("law", "discrepancy"))
def fit_laws(
    runs: Runs, *, laws: Sequence[str | Law] = WEIGHED,
    discrepancies: Sequence[str | None] = (None, "drift"), progress: ProgressOption = "auto",
    **options: Unpack[FitOptions],
) -> dict[str, Fit]:  # fmt: skip
    """Fit every law with every discrepancy, all with one seed; nothing is fitted if one is invalid.

    Parameters
    ----------
    laws
        Names of laws, or instances of custom ones, at least one, each once.
    discrepancies
        Model discrepancies, as for :func:`~bayesscale.fit`; by default none, and drift.
    priors
        Priors by name of coordinate, for every law that has it.

    Returns
    -------
    dict
        The fits by name, ready for :func:`~bayesscale.compare` and :func:`~bayesscale.average`:
        ``"kaplan"`` as it stands, ``"kaplan + drift"`` with a discrepancy.

    Warns
    -----
    BayesScaleWarning
        As :func:`~bayesscale.fit` does, of each.

    Examples
    --------
    >>> fits = bs.fit_laws(runs, laws=["kaplan", "chinchilla"])   # doctest: +SKIP
    >>> bs.compare(fits).text                                     # doctest: +SKIP
    """
    taken = [name for name in ("law", "discrepancy") if name in options]
    if taken:
        raise TypeError(f"fit_laws() got an unexpected keyword argument {taken[0]!r}")
    laws = _arguments.several("laws", laws)
    discrepancies = _arguments.several("discrepancies", discrepancies)
    priors = options.get("priors") or {}
    shared: dict[str, Any] = {**seeded(options), "priors": None}
    models: dict[str, dict[str, Any]] = {}
    coordinates: set[str] = set()
    for discrepancy in discrepancies:
        for law in laws:
            model = shared | {"law": law, "discrepancy": discrepancy}
            spec = Setup.of(runs, **model).spec
            of_law = {k: prior for k, prior in priors.items() if k in spec.space.names}
            kind = spec.discrepancy.name
            name = spec.law.name if kind == "none" else f"{spec.law.name} + {kind}"
            if name in models:
                raise DomainError(f"Two fits would be called {name!r}. Name each law once.")
            models[name] = model | {"priors": of_law}
            Setup.of(runs, **models[name])
            coordinates |= {*spec.space.names}
    for name in priors:
        _arguments.choice("prior", name, sorted(coordinates))
    return {name: fit(runs, progress=progress, **model) for name, model in models.items()}


def seeded(options: FitOptions, folder: Path | None = None) -> FitOptions:
    """Return options with a seed: their own, that of a store, or a new one."""
    seed = options.get("random_seed")
    if seed is None:
        seed = stored_setting(folder, "random_seed")
    if seed is None:
        seed = int(np.random.default_rng().integers(2**31))
    return {**options, "random_seed": seed}
