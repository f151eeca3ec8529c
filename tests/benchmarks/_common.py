"""What benchmarks share: hold-outs that a script defines, ladders of isoFLOP curves, kept results.

SPLITS.py defines splits(root), which yields (name, train, test) with the columns n_params, n_tokens
and loss; a name begins with its source and a slash.
"""

import runpy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

import bayesscale as bs


def read_splits(script: str, root: str) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return name, smaller and larger runs of every hold-out that a script defines."""
    return list(runpy.run_path(script)["splits"](root))


def runs_of(frame: pd.DataFrame) -> bs.Runs:
    return bs.Runs.from_frame(frame, params="n_params", tokens="n_tokens", loss="loss")


def source(name: str) -> str:
    return name.split("/")[0]


def in_parallel(function: Callable, jobs: list[tuple]) -> list:
    """Call a function on all processors, one job each."""
    call = joblib.delayed(function)
    return joblib.Parallel(n_jobs=joblib.cpu_count())(call(*job) for job in jobs)


def isoflop(low, high, levels, sizes, ratios=(2.0, 200.0)) -> tuple[np.ndarray, np.ndarray]:
    """Return parameters and tokens on isoFLOP curves, both sides of 20 tokens per parameter."""
    flops = np.repeat(np.geomspace(low, high, levels), sizes)
    ratio = np.tile(np.geomspace(*ratios, sizes), levels)
    params = np.sqrt(flops / 6 / ratio)
    return params, params * ratio


def chinchilla(params, tokens):
    """Log loss that resembles the published one."""
    return np.log(1.8 + 480 * params**-0.35 + 2000 * tokens**-0.366)


def ladder_of(params, tokens, log_loss) -> bs.Runs:
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": np.exp(log_loss)})


def fitted(runs: bs.Runs, **options) -> bs.Fit:
    """Fit without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bs.fit(runs, progress=False, **{"random_seed": 1} | options)


def kept(path: Path, make: Callable[[], Any]) -> Any:
    """Return what a file has, making it first if need be."""
    if not path.exists():
        joblib.dump(make(), path, compress=3)
    return joblib.load(path)
