"""The checked table of training runs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, Unpack, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale._documented import documented
from bayesscale._types import is_dataset
from bayesscale.errors import DomainError, UnknownNameError, unknown_name
from bayesscale.quantities import LOSS, QUANTITIES, LossUnit, Quantity, quantity
from bayesscale.runs import checks, display, exchange, rows
from bayesscale.runs.columns import NUMBERS, RUN, not_found
from bayesscale.runs.intake import (
    DEFAULTS,
    MEANINGS,
    SECTIONS,
    ReadOptions,
    Table,
    from_native,
    take_in,
)
from bayesscale.runs.units import FlopRule, ParamCount

if TYPE_CHECKING:
    import xarray as xr


_kept = documented(
    {},
    sections={
        "Returns": "Runs\n    The runs that are kept, in their order, with their ids.",
        "Raises": """RunsError
    If a mask is not boolean, has another shape, or no run would be left.
UnknownNameError
    If there is no run of an id.
DomainError
    If a factor is no finite number above 1.""",
    },
)


@dataclass(frozen=True, repr=False, eq=False)
class Runs:
    """Training runs with checked numbers, canonical units and known conventions.

    Make one with `Runs.from_frame` or `bayesscale.read_runs`. Nothing changes it afterwards: its
    arrays are read-only, and methods return new tables. ``runs["experts"]`` is the column of that
    name: any number, further inputs included, or label.

    Attributes
    ----------
    run_ids : numpy.ndarray
        Names of the runs: int64, float64 or text, all different. Shape ``(run,)``.
    param_count : {"total", "non_embedding", "active", "other"}
        What ``params`` counts.
    flop_rule : {"6ND", "6ND_non_embedding", "column"}
        What ``flops`` counts; ``"column"`` if it was recorded and follows neither rule.
    loss_unit : {"nats/token", "bits/token", "bits/byte"}
        Unit of the loss in the source. ``loss`` itself is in nats per token.
    response : Quantity
        What ``loss`` holds: a loss, or what was declared in its place.
    bytes_per_token : float or None
        Mean bytes in a token, if known.
    name : str or None
        Name of the ladder.

    Examples
    --------
    >>> import bayesscale as bs
    >>> table = {"n_params": [1e8, 4e8], "n_tokens": [2e9, 8e9], "val_loss": [3.2, 2.7]}
    >>> bs.Runs.from_frame(table, loss="val_loss", name="toy")
    Runs 'toy': 2 runs
      params        100M–400M (total)
      tokens        2B–8B
      tokens/param  20
      flops         1.2e18–1.9e19 (6ND)
      loss          2.700–3.200 nats/token
    """

    _columns: dict[str, np.ndarray]
    run_ids: np.ndarray
    param_count: ParamCount = "total"
    flop_rule: FlopRule = "6ND"
    loss_unit: LossUnit = "nats/token"
    bytes_per_token: float | None = None
    name: str | None = None
    response: Quantity = LOSS
    _groups: tuple[str, ...] = ()
    _inputs: tuple[Quantity, ...] = ()
    _remarks: Mapping[str, str] = field(default_factory=dict)
    _unread: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for array in (self.run_ids, *self._columns.values()):
            array.flags.writeable = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()  # copies and pickles of an array are writeable again

    @classmethod
    @documented(MEANINGS, options=ReadOptions, defaults=DEFAULTS, sections=SECTIONS)
    def from_frame(
        cls, frame: Table, *, name: str | None = None, **options: Unpack[ReadOptions]
    ) -> Self:
        """Make a checked table from data in memory.

        Columns that are not named are looked for under well-known names (``n_params``, ``N``,
        ``Model size``, ``Params (M)``, ``train_tokens``, ``D``, ``eval/loss``, ``L``, ``PFLOPs``,
        ``run_id``, ``seed``, …), and the table shows which it took. Other columns are dropped.
        Labels and ids are never rounded: whole numbers become int64, other numbers float64, and all
        else is text as it is written.

        Parameters
        ----------
        frame
            A frame of pandas, polars, pyarrow or duckdb, a one-dimensional xarray Dataset or a dict
            of arrays, one row per run. It is copied.
        name
            Name of the ladder, for display.

        Examples
        --------
        >>> import bayesscale as bs
        >>> table = {"N": [1e8, 4e8], "D": [2e9, 8e9], "bpb": [1.1, 0.93]}
        >>> runs = bs.Runs.from_frame(table, loss="bpb", loss_unit="bits/byte", bytes_per_token=4.2)
        >>> runs.loss.round(2)
        array([3.2 , 2.71])
        """
        checked = take_in(frame, options)
        return cls(**checked, name=None if name is None else _arguments.text("name", name))

    @classmethod
    @_kept
    def from_xarray(cls, dataset: xr.Dataset) -> Self:
        """Rebuild exactly the table that `to_xarray` turned into a dataset.

        Nothing is warned about a second time.

        Parameters
        ----------
        dataset
            What `to_xarray` returned, also after a file. Other variables in it are left alone.

        Raises
        ------
        RunsError
            If the dataset was not made by `to_xarray`, or holds what no table of runs can.
        """
        return cls(**exchange.from_dataset(dataset))

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a DataFrame, as `to_frame` returns it."""
        return self.to_frame()

    @property
    def loss_max(self) -> float:
        """Loss of guessing among 256,000 tokens, nats/token; infinite of another response."""
        return checks.LARGEST_LOSS if self.response == LOSS else np.inf

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return len(self.run_ids)

    def __len__(self) -> int:
        return len(self.run_ids)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column by its name, numbers or labels, read-only. Shape ``(run,)``."""
        if not isinstance(name, str) or name not in self._columns:
            if name in QUANTITIES:
                raise self.lacks([name], f"These runs have no {name}.")
            hint = "Name it when reading the runs."
            raise unknown_name("column of runs", name, self._columns, hint=hint)
        return self._columns[name]

    def lacks(self, names: Sequence[str | Quantity], why: str) -> UnknownNameError:
        """Make the error for quantities that are wanted, among columns that were not read."""
        return not_found([quantity(n) for n in names], self._unread, taken=(), why=why)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    @property
    def params(self) -> np.ndarray:
        """Parameters N as ``param_count`` counts them, > 0, float64. Shape ``(run,)``."""
        return self["params"]

    @property
    def tokens(self) -> np.ndarray:
        """Training tokens D, count, > 0, float64. Shape ``(run,)``."""
        return self["tokens"]

    @property
    def flops(self) -> np.ndarray:
        """Training compute C as ``flop_rule`` counts it, FLOP, > 0, float64. Shape ``(run,)``."""
        return self["flops"]

    @property
    def size(self) -> np.ndarray:
        """What orders runs by size: compute, or what is known in its place. Shape ``(run,)``."""
        names = ("flops", "tokens", "params", *self.inputs)
        return self[next(name for name in names if name in self)]

    @property
    def loss(self) -> np.ndarray:
        """Final loss L, nats/token, > 0, float64. Shape ``(run,)``."""
        return self._columns["loss"]

    @property
    def loss_se(self) -> np.ndarray | None:
        """Standard errors of the losses, nats/token, >= 0, if known. Shape ``(run,)``."""
        return self._columns.get("loss_se")

    @property
    def params_non_embedding(self) -> np.ndarray | None:
        """Parameters outside the embeddings, count, > 0, if known. Shape ``(run,)``."""
        return self._columns.get("params_non_embedding")

    @property
    def seed(self) -> np.ndarray | None:
        """Labels that tell replicates apart, if known; NaN or "" where not. Shape ``(run,)``."""
        return self._columns.get("seed")

    @property
    def cluster(self) -> np.ndarray | None:
        """Labels of the run or sweep that a row belongs to, if known; NaN or "": its own."""
        return self._columns.get("cluster")

    @property
    def groups(self) -> dict[str, np.ndarray]:
        """Labels by the name of their column, none of them missing. Shape ``(run,)`` each."""
        return {g: self._columns[g] for g in self._groups}

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of further inputs; ``runs[name]`` is float64 of shape ``(run,)``."""
        return tuple(q.name for q in self._inputs)

    @property
    def cluster_codes(self) -> np.ndarray:
        """Number of each row's cluster, from 0 in order of appearance, int64. Shape ``(run,)``."""
        if self.cluster is None:
            return np.arange(len(self.run_ids))
        codes, alone = pd.factorize(self.cluster)[0], self._alone
        codes[alone] = len(self.run_ids) + np.arange(alone.sum())  # apart from all others
        return pd.factorize(codes)[0]

    @property
    def cluster_names(self) -> np.ndarray:
        """Name of each row's cluster; ``"run <id>"`` for a lone run. Shape ``(run,)``."""
        if self.cluster is None:
            return self.run_ids
        alone = self._alone
        if not alone.any():
            return self.cluster
        rows = zip(self.cluster.tolist(), alone, self.run_ids, strict=True)
        names = [
            f"run {i}" if single else f"{name:.16g}" if isinstance(name, float) else str(name)
            for name, single, i in rows
        ]
        return np.array(names, dtype=object)

    @property
    def _alone(self) -> np.ndarray:
        column = pd.Series(self.cluster)
        return (column.isna() | column.eq("")).to_numpy(dtype=bool)

    @property
    def n_clusters(self) -> int:
        """Number of clusters; a lone row is one."""
        return int(self.cluster_codes.max()) + 1

    @property
    def has_clusters(self) -> bool:
        """Whether any cluster has several rows."""
        return self.n_clusters < len(self.run_ids)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what enters a fit: every number and label in order, and how N and C count.

        Run ids, the name and the source's unit of loss do not enter.
        """
        return exchange.fingerprint(self._columns, f"{self.param_count}|{self.flop_rule}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return (
            self.fingerprint == other.fingerprint
            and self.metadata() == other.metadata()
            and np.array_equal(self.run_ids, other.run_ids)
        )

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def pooled_groups(self, apart: Container[str] = ()) -> str | None:
        """Return a sentence on groups, but those kept ``apart``, that are fitted as one ladder."""
        return display.pooled_groups(self, apart)

    @_kept
    def select(self, mask: ArrayLike) -> Self:
        """Keep some of the runs.

        Parameters
        ----------
        mask
            True for the runs to keep. Boolean, shape ``(run,)``.

        Examples
        --------
        >>> runs.select(runs.params < 1e9)  # doctest: +SKIP
        """
        keep = rows.checked_mask(mask, n_runs=len(self))
        return replace(
            self, _columns={name: column[keep] for name, column in self._columns.items()},
            run_ids=self.run_ids[keep],
        )  # fmt: skip

    def with_inputs(self, values: Mapping[Quantity, ArrayLike]) -> Self:
        """Return the same runs with further inputs of laws, shape ``(run,)`` each."""
        new = {q.name: np.array(column, np.float64) for q, column in values.items()}
        return replace(self, _columns={**self._columns, **new}, _inputs=(*self._inputs, *values))

    @_kept
    def drop(self, run_ids: object | Iterable[object]) -> Self:
        """Leave out runs by their ids.

        Parameters
        ----------
        run_ids
            One id or several, as in ``runs.run_ids``.

        Examples
        --------
        >>> runs.drop([3, 17])  # doctest: +SKIP
        """
        return self.select(rows.mask_without(run_ids, all_ids=self.run_ids))

    @_kept
    def split_by_compute(self, factor: float = 10.0) -> tuple[Self, Self]:
        """Hold out the largest runs: every one within a factor of the largest compute.

        Parameters
        ----------
        factor
            A run is held out if its compute (its tokens or parameters where compute is not known)
            reaches the largest divided by this, > 1. Budgets that differ by rounding alone count as
            one, so a cut never goes through a budget.

        Returns
        -------
        small, large : Runs
            The runs to fit, and those held out.

        Examples
        --------
        >>> small, large = runs.split_by_compute(factor=10)  # doctest: +SKIP
        """
        held_out = rows.largest_by_compute(self.size, factor=factor)
        return self.select(~held_out), self.select(held_out)

    def to_frame(self) -> pd.DataFrame:
        """Copy the table into a DataFrame.

        Index ``run``; columns ``params``, ``tokens``, ``flops``, ``loss`` (nats/token), those of
        the optional columns that are known, further inputs, and the groups.
        """
        index = pd.Index(self.run_ids, name=RUN)
        return pd.DataFrame(self._columns, index=index, copy=True)

    def to_xarray(self) -> xr.Dataset:
        """Copy the table into a dataset that `from_xarray` turns back into the same runs.

        Dimension ``run``; the variables of `to_frame` with ``units``; metadata as attributes.
        """
        numbers = [q.name for q in NUMBERS if q.name in self]
        stored = {**self.metadata(), "numbers": numbers, "remarks": dict(self._remarks)}
        return exchange.to_dataset(self._columns, self.run_ids, self._inputs, stored)

    def metadata(self) -> dict[str, Any]:
        """Return the conventions, the name, the groups and the inputs as plain JSON."""
        return {
            **{name: getattr(self, name) for name in exchange.CONVENTIONS},
            "groups": list(self._groups), "inputs": exchange.input_metadata(self._inputs),
            "response": exchange.input_metadata([self.response])[0],
        }  # fmt: skip

    def __repr__(self) -> str:
        return display.as_text(self)

    def _repr_html_(self) -> str:
        return display.as_html(self)


def as_runs(runs: Runs | Table) -> Runs:
    """Return a frame as the runs that `Runs.from_frame` reads in it, and all else as it is."""
    table = runs if isinstance(runs, Runs) else from_native(runs)
    if isinstance(table, pd.DataFrame | Mapping) or is_dataset(table):
        return Runs.from_frame(table)
    return cast(Runs, runs)


def check_same_runs(runs: Runs, results: Mapping[str, str]) -> None:
    """Refuse results, by name with the fingerprint of their runs, that are not of these runs."""
    other = [name for name, fingerprint in results.items() if fingerprint != runs.fingerprint]
    if other:
        raise DomainError(
            f"{' and '.join(other)} {'is' if len(other) == 1 else 'are'} not of the {len(runs):,} "
            f"runs that were fitted ({runs.name or 'without a name'}): runs, order, labels or how "
            "parameters and compute are counted differ. Make all results that one page shows from "
            "the same runs, fit.runs."
        )
