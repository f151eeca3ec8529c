"""The columns of a table of runs, each as an array."""

import numpy as np

from bayesscale.runs.clusters import cluster_codes, cluster_names


class RunArrays:
    """Read-only views of checked columns.

    Attributes
    ----------
    run_ids : numpy.ndarray
        What the runs are called. Shape ``(run,)``.
    """

    _columns: dict[str, np.ndarray]
    _groups: tuple[str, ...]
    run_ids: np.ndarray

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    @property
    def params(self) -> np.ndarray:
        """Parameters N as ``param_count`` counts them, > 0, float64. Shape ``(run,)``."""
        return self._columns["params"]

    @property
    def tokens(self) -> np.ndarray:
        """Training tokens D, count, > 0, float64. Shape ``(run,)``."""
        return self._columns["tokens"]

    @property
    def flops(self) -> np.ndarray:
        """Training compute C as ``flop_rule`` counts it, FLOP, > 0, float64. Shape ``(run,)``."""
        return self._columns["flops"]

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
    def groups(self) -> dict[str, np.ndarray]:
        """Labels by the name of their column, none of them missing. Shape ``(run,)`` each."""
        return {g: self._columns[g] for g in self._groups}

    @property
    def cluster(self) -> np.ndarray | None:
        """Labels of the training run or sweep that a row is a reading of, if known; NaN or "" for
        rows of their own. Shape ``(run,)``.
        """  # noqa: D205
        return self._columns.get("cluster")

    @property
    def cluster_codes(self) -> np.ndarray:
        """Number of each row's cluster, from 0 in order of appearance, int64. Shape ``(run,)``."""
        return cluster_codes(self.cluster, n_runs=len(self.run_ids))

    @property
    def cluster_names(self) -> np.ndarray:
        """Name of each row's cluster; that of a run of its own is its id. Shape ``(run,)``."""
        return cluster_names(self.cluster, run_ids=self.run_ids)

    @property
    def n_clusters(self) -> int:
        """Number of clusters; a row of its own is one."""
        return int(self.cluster_codes.max()) + 1

    @property
    def has_clusters(self) -> bool:
        """Whether any cluster has several rows."""
        return self.n_clusters < len(self.run_ids)
