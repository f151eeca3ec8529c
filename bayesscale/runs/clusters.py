"""Which rows are readings of one training run, or of one sweep."""

import numpy as np
import pandas as pd


def cluster_codes(labels: np.ndarray | None, *, n_runs: int) -> np.ndarray:
    """Give each cluster a number, in order of appearance.

    Parameters
    ----------
    labels
        Label of each row's cluster, NaN or "" where it is a run of its own; None where all are.
        Shape ``(run,)``.
    n_runs
        Number of rows.

    Returns
    -------
    numpy.ndarray
        From 0 without gaps. int64, shape ``(run,)``.
    """
    if labels is None:
        return np.arange(n_runs)
    codes, alone = pd.factorize(labels)[0], _alone(labels)
    codes[alone] = n_runs + np.arange(alone.sum())  # apart from all others, then closed up
    return pd.factorize(codes)[0]


def cluster_names(labels: np.ndarray | None, *, run_ids: np.ndarray) -> np.ndarray:
    """Say what each row's cluster is called.

    Parameters
    ----------
    labels
        Label of each row's cluster, NaN or "" where it is a run of its own; None where all are.
        Shape ``(run,)``.
    run_ids
        Run ids. Shape ``(run,)``.

    Returns
    -------
    numpy.ndarray
        The labels; where there are rows of their own, text, and ``"run <id>"`` for these. Shape
        ``(run,)``.
    """
    if labels is None:
        return run_ids
    alone = _alone(labels)
    if not alone.any():
        return labels
    rows = zip(labels, alone, run_ids, strict=True)
    return np.array([f"run {i}" if own else _text(name) for name, own, i in rows], dtype=object)


def _alone(labels: np.ndarray) -> np.ndarray:
    column = pd.Series(labels)
    return (column.isna() | column.eq("")).to_numpy(dtype=bool)


def _text(label: object) -> str:
    return f"{label:.16g}" if isinstance(label, float) else str(label)
