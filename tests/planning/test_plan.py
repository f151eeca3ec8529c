"""A plan is a back-test, a fit, an allocation and an extrapolation, put together."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, UnknownNameError
from bayesscale.planning.plan import default_reach
from tests.simulate import bad_fit, good_fit, simulate_runs


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()


@pytest.fixture
def asked(sample_with):
    """Replace the sampling; lists the fits that were asked for."""
    return sample_with(lambda setup: good_fit(setup.runs, setup.spec.law))


def plan(runs, **options):
    return bs.plan(runs, **{"law": "chinchilla", "progress": False, "random_seed": 4} | options)


def test_it_is_what_its_parts_are(asked, runs):
    found = plan(runs, beyond=(10, 100), ci_prob=0.8)
    assert [len(setup.runs) for setup in asked] == [30, 18, 48, 24, 48]  # folds, all, assumptions
    assert {setup.sampling.random_seed for setup in asked[:3]} == {4}
    budgets = [1e22, 1e23]
    assert found.summary.index.tolist() == budgets
    np.testing.assert_allclose(
        6 * found.summary["params"] * found.summary["tokens"], budgets, rtol=1e-9
    )
    with pytest.warns(bs.errors.ExtrapolationWarning):
        split = bs.allocate(found.fit, flops=budgets, ci_prob=0.8)
    pd.testing.assert_frame_equal(found.allocation.summary, split.summary)
    test = bs.backtest(runs, factor=10, law="chinchilla", random_seed=4, progress=False)
    pd.testing.assert_frame_equal(found.test.summary, test.summary)
    assert found.tested[1] == runs.split_by_compute(factor=10)[1]
    pd.testing.assert_series_equal(
        found.summary["loss"], found.allocation.summary["loss"], rtol=1e-12, check_names=False
    )  # one run, one loss


def test_what_was_not_tested_is_no_pass(asked, runs):
    near, far = (plan(runs, beyond=(times,)) for times in (10, 100))
    assert "19x" in far.untested
    for found in (near, far, plan(runs, hold_out=None)):
        assert found.untested in found.verdict.text
        assert not (found.untested and found.verdict.marked.startswith("Passed"))
    alone = replace(far, robustness=None, test=None, not_tested="none.")
    assert (alone.severity, alone.verdict.mark) == ("note", "Not tested")


def test_default_budgets_are_what_can_be_known(asked, runs):
    found = plan(runs)
    assert found.summary.index.tolist() == [1e22]
    tested = found.test.tested_reach
    assert default_reach(None) == (10.0,)
    assert 0.5 < tested / 10 < 2


def test_budgets_may_be_said_in_flop(asked, runs):
    found = bs.plan(runs, law="chinchilla", flops=[2.5e22], progress=False, random_seed=4)
    assert found.summary.index.tolist() == [2.5e22]
    assert "2.5e22 FLOP, train" in found.sections()[2].text  # on the first screen


def test_it_gives_everything_once(asked, runs):
    found = plan(runs)
    shown = repr(found)
    for part in ("The runs", "sigma  ", "What to train next", "1.0e22 FLOP, train "):
        assert shown.count(part) == 1, part
    assert "1.0e22 FLOP, train " in found.text


def test_the_gravest_finding_counts(sample_with, runs):
    sample_with(lambda setup: bad_fit(setup.runs))
    with pytest.warns(bs.errors.ConvergenceWarning):
        found = bs.plan(runs, law="chinchilla", progress=False)
    assert (found.severity, found.passed) == ("stop", False)


@pytest.mark.parametrize(("options", "reason"), [
    ({"hold_out": 500}, "needs 10 runs to fit"),
    ({"hold_out": None}, "no runs were held out"),
])  # fmt: skip
def test_without_a_test_it_says_why(asked, runs, options, reason):
    found = plan(runs, **options)
    assert found.test is None
    assert [len(setup.runs) for setup in asked] == [48, 24, 48]
    assert reason in repr(found)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"law": "chinchila"}, UnknownNameError, "chinchilla"),
    ({"hold_out": 1}, DomainError, "hold_out"),
    ({"beyond": ()}, DomainError, "at least one"),
    ({"flops": [1e22, -1]}, DomainError, "flops"),
    ({"terms": bs.Terms(given={"experts": 8})}, DomainError, "takes no further inputs"),
    ({"beyond": (10, -1)}, DomainError, "beyond"),
    ({"ci_prob": 90}, DomainError, "ci_prob"),
    ({"draws": 3}, DomainError, "draws"),
    ({"runs": "runs.csv"}, RunsError, "must be Runs"),
])  # fmt: skip
def test_bad_options_are_found_before_anything_is_fitted(asked, runs, options, error, message):
    with pytest.raises(error, match=message):
        bs.plan(**{"runs": runs, "progress": False} | options)
    assert asked == []
