"""The columns of a table of runs, each as an array, and which rows belong to one run."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bayesscale.errors import UnknownNameError, unknown_name
from bayesscale.quantities import QUANTITIES, Quantity, quantity
from bayesscale.runs.columns import not_found


class RunArrays:
    """Read-only views of checked columns; ``run_ids`` say what the runs are called."""

    _columns: dict[str, np.ndarray]
    _groups: tuple[str, ...]
    _inputs: tuple[Quantity, ...]
    _unread: tuple[str, ...]
    run_ids: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column by its name, numbers or labels, read-only. Shape ``(run,)``."""
        if not isinstance(name, str) or name not in self._columns:
            if name in QUANTITIES:
                raise self.lacks([name], f"These runs have no {name}.")
            hint = "Name it when reading the runs."
            raise unknown_name("column of runs", name, self._columns, hint=hint)
        return self._columns[name]

    def lacks(self, names: Sequence[str], why: str) -> UnknownNameError:
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
