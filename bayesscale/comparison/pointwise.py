"""How well runs were predicted by a posterior that did not see them, one by one."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from bayesscale.errors import DomainError, unknown_name
from bayesscale.inference.draws import LOG_LIKELIHOOD_MAX_BYTES, SAMPLE_DIMS, log_likelihood
from bayesscale.inference.result import Fit
from bayesscale.runs import Runs

type Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pointwise:
    """Log predictive densities of log loss of what one fit's law was not conditioned on.

    Parameters
    ----------
    table
        One row a left-out run or cluster of runs: ``log_density``, nats; ``pareto_k``, NaN where
        nothing was importance-sampled; ``refitted``, whether its density is that of a refit.
    n_refits
        Refits made.
    converged
        Whether all refits converged.
    """

    table: pd.DataFrame
    n_refits: int
    converged: bool

    @property
    def high_k(self) -> list[object]:
        """The runs or clusters that importance sampling failed for."""
        return self.table.index[self.table["refitted"] & self.table["pareto_k"].notna()].tolist()


def unit_labels(runs: Runs, cluster: str | None) -> NDArray[np.generic]:
    """Return what each run is left out with: its cluster, by default that of the table.

    Raises
    ------
    UnknownNameError
        If the runs have no such column of labels.
    DomainError
        If the labels divide a cluster of the table, whose rows share an effect.
    """
    if cluster is None:
        return runs.cluster_names
    if cluster not in runs.groups:
        raise unknown_name(
            "group of runs", cluster, runs.groups,
            hint='Keep a column of labels with read_runs(path, group="curve").',
        )  # fmt: skip
    labels = runs.groups[cluster]
    if runs.has_clusters and (pd.Series(labels).groupby(runs.cluster_codes).nunique() > 1).any():
        raise DomainError(
            f"Rows of one cluster have several {cluster!r}, but they share the effect of their run "
            "and can only be left out together. Leave cluster out, or name a column of labels "
            "that keeps clusters whole."
        )
    return labels


def unit_log_likelihood(fit: Fit, runs: Runs, labels: NDArray[np.generic]) -> pd.DataFrame:
    """Return the log likelihood of runs under a fit's draws, summed within clusters.

    Parameters
    ----------
    fit
        The posterior.
    runs
        The runs, fitted or new.
    labels
        Runs of one label go together, shape ``(run,)``.

    Returns
    -------
    pandas.DataFrame
        One row a draw (chains one after another, index ``chain`` and ``draw``), one column a
        label in order of appearance, nats. Draws are thinned where memory would not hold all.
    """
    posterior = fit.coordinates
    n_bytes = posterior.sizes["chain"] * posterior.sizes["draw"] * len(runs) * 8
    posterior = posterior.isel(draw=slice(None, None, -(-n_bytes // LOG_LIKELIHOOD_MAX_BYTES)))
    c = {k.name: np.asarray(posterior[k.name]) for k in fit.spec.coordinates}
    values = log_likelihood(fit.spec, runs, c)
    values = values.reshape(-1, values.shape[-1])
    if fit.spec.has_clusters:
        labels = labels[np.unique(runs.cluster_codes, return_index=True)[1]]
    codes, names = pd.factorize(labels)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    index = pd.MultiIndex.from_product([posterior[d].to_numpy() for d in SAMPLE_DIMS])
    summed = np.add.reduceat(values[:, order], starts, axis=1)
    return pd.DataFrame(summed, index=index, columns=pd.Index(names))


def log_mean_exp(log_likelihood: Array) -> Array:
    """Return the log of the mean over draws (first axis) of a likelihood."""
    return logsumexp(log_likelihood, axis=0) - np.log(len(log_likelihood))


def score_table(scores: Mapping[str, Pointwise], name: str) -> pd.DataFrame:
    """Compare the sums of log densities of several fits on the same left-out runs.

    Parameters
    ----------
    scores
        Log densities by fit.
    name
        What to call their sum.

    Returns
    -------
    pandas.DataFrame
        One row a fit: the sum, its standard error ``se`` over the left-out runs or clusters,
        ``diff`` from the best fit and the standard error ``diff_se`` of that, ``n_refits``,
        ``refits_converged`` and ``high_k``.
    """
    density = density_table(scores)
    best = density[density.sum().idxmax()]
    difference = density.sub(best, axis=0)
    root = np.sqrt(len(density))
    return pd.DataFrame(
        {
            name: density.sum(),
            "se": root * density.std(),
            "diff": difference.sum(),
            "diff_se": root * difference.std(),
            "n_refits": [s.n_refits for s in scores.values()],
            "refits_converged": [s.converged for s in scores.values()],
            "high_k": [s.high_k for s in scores.values()],
        }
    )


def density_table(scores: Mapping[str, Pointwise]) -> pd.DataFrame:
    """Return the log densities, one row a left-out run or cluster, one column a fit."""
    return pd.DataFrame({name: s.table["log_density"] for name, s in scores.items()})
