"""Recipes whose fits need no sampling: draws near a known gain."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from tests.simulate import TRUTH, design, fit_at, simulate_runs

mpl.use("Agg")

GAIN = 1.2


@pytest.fixture
def table() -> pd.DataFrame:
    """Two recipes of equal runs, of which B has a gain of 20 % in compute."""
    params, tokens = design(4, 4)
    times = np.repeat([1.0, np.sqrt(GAIN)], len(params))
    both = np.tile(params, 2), np.tile(tokens, 2)
    runs = simulate_runs(sizes=tuple(size * times for size in both))
    recipe = np.repeat(["A", "B"], len(params))
    return pd.DataFrame({"params": both[0], "tokens": both[1], "loss": runs.loss, "recipe": recipe})


@pytest.fixture
def near_truth(sample_with) -> list:
    """Replace the sampling of every fit by draws around the truth; lists what was asked for."""
    gain = dict.fromkeys(("ln_rho_N_1", "ln_rho_D_1"), np.log(GAIN) / 2)
    truth = TRUTH | gain
    return sample_with(
        lambda setup: fit_at(setup.runs, spec=setup.spec, truth=truth, spread=0.002, draws=400)
    )


@pytest.fixture
def found(table, near_truth) -> bs.RecipeComparison:
    """What is found of the table, without sampling."""
    return bs.compare_recipes(
        table,
        law="chinchilla",
        discrepancy=None,
        losses=[2.7],
        budgets=1e21,
        forms=["shared", "drift"],
        random_seed=1,
        progress=False,
    )
