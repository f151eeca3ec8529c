"""Where a ladder is cut."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.backtesting import rolling_folds
from bayesscale.errors import DomainError, RunsError
from bayesscale.laws import get_law

LAW = get_law("chinchilla")  # five unknowns


def test_cutoffs_go_down_until_too_few_runs_are_left(runs):
    folds = rolling_folds(runs, LAW, factor=10)
    assert [fold.number for fold in folds] == [1, 2]  # three decades: the third would leave none
    for fold in folds:
        small, large = runs.split_by_compute(factor=10.0**fold.number)
        assert (fold.small, fold.large) == (small, large)
        assert len(fold.small) >= 10


def test_no_run_is_fitted_twice_in_vain(runs):
    folds = rolling_folds(runs, LAW, factor=1.3)  # budgets are 2.7x apart
    sizes = [len(fold.small) for fold in folds]
    assert sizes == sorted(set(sizes), reverse=True)
    assert sizes == [6 * k for k in range(7, 1, -1)]


def test_at_most_so_many(runs):
    assert len(rolling_folds(runs, LAW, factor=1.3, at_most=2)) == 2


def test_what_is_missing_is_said_with_a_factor_that_works(runs):
    with pytest.raises(RunsError, match="needs 10 runs to fit") as caught:
        rolling_folds(runs, LAW, factor=900)
    advised = float(str(caught.value).split("factor=")[1].split()[0])
    assert len(rolling_folds(runs, LAW, factor=advised)) >= 1


def test_a_table_that_is_too_small_at_any_factor(runs):
    nine = runs.select(np.arange(len(runs)) % 6 == 0).select(np.ones(8, dtype=bool))
    with pytest.raises(RunsError, match="Train more runs"):
        rolling_folds(nine, LAW, factor=10)


@pytest.mark.parametrize("factor", [1, 0.5, float("nan")])
def test_factors_that_hold_nothing_out(runs, factor):
    with pytest.raises(DomainError, match="factor must be above 1"):
        rolling_folds(runs, LAW, factor=factor)


def test_compute_is_counted_as_the_table_counts_it(runs):
    frame = runs.frame
    frame["flops"] = frame["flops"].to_numpy()[::-1].copy()  # the smallest by 6ND is the largest
    with pytest.warns(bs.errors.RunsWarning):
        other = bs.Runs.from_frame(frame)
    (fold,) = rolling_folds(other, LAW, factor=10, at_most=1)
    assert fold.large.flops.min() > fold.small.flops.max()
    assert fold.large.params.mean() < fold.small.params.mean()
