"""Every law of sizes alone × noise × discrepancy is calibrated.

A run of all of them takes hours, so that each law, and each noise with each discrepancy, is
calibrated once here. BAYESSCALE_CALIBRATION=all calibrates every combination, 200 simulations
each; tests/benchmarks/calibration.py calibrates one, as often as one likes.
"""

import os
from itertools import product

import pytest

import bayesscale as bs
from bayesscale.laws import LAWS
from bayesscale.model import DISCREPANCIES, NOISES
from tests.simulate import design, simulate_runs

ALL = os.environ.get("BAYESSCALE_CALIBRATION") == "all"

CHOSEN = [
    ("unified", "student_t", "drift"),
    ("chinchilla", "one_sided", "none"),
    ("kaplan", "normal", "drift"),
    ("kaplan_irreducible", "student_t", "none"),
    ("kaplan_params", "normal", "drift"),
    ("kaplan_params_irreducible", "one_sided", "drift"),
    ("kaplan_data", "student_t", "drift"),
    ("kaplan_data_irreducible", "normal", "none"),
    ("kaplan_compute", "one_sided", "none"),
    ("kaplan_compute_irreducible", "student_t", "drift"),
]

OF_SIZES = [k for k, law in LAWS.items() if set(law.quantities) <= {"params", "tokens", "flops"}]
COMBINATIONS = list(product(OF_SIZES, NOISES, DISCREPANCIES)) if ALL else CHOSEN


def test_what_is_chosen_covers_laws_and_pairs():
    assert {law for law, _, _ in CHOSEN} == set(OF_SIZES)
    assert {(n, d) for _, n, d in CHOSEN} == set(product(NOISES, DISCREPANCIES))


@pytest.mark.slow
@pytest.mark.parametrize(("law", "noise", "discrepancy"), COMBINATIONS)
def test_ranks_are_uniform(law, noise, discrepancy):
    c = bs.calibrate(
        simulate_runs(sizes=design(n_budgets=6, sizes=5)), law=law, noise=noise,
        discrepancy=discrepancy, simulations=200 if ALL else 100, draws=1000 if ALL else 500,
        false_alarm=0.001, random_seed=20, progress=False,
    )  # fmt: skip
    assert c.passed, c.text


@pytest.mark.slow
def test_ranks_are_uniform_where_rows_share_a_run_and_losses_have_errors():
    frame = simulate_runs(sizes=design(n_budgets=6, sizes=5)).to_frame()
    frame = frame.assign(loss_se=0.01, group=[f"run {i // 3}" for i in range(len(frame))])
    c = bs.calibrate(
        bs.Runs.from_frame(frame, cluster="group"), law="kaplan_params", discrepancy=None,
        simulations=100, draws=500, false_alarm=0.001, random_seed=20, progress=False,
    )  # fmt: skip
    assert "cluster_share" in c.ranks
    assert c.passed, c.text
