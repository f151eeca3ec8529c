"""The quickstart: an honest test, a plan, figures, and the words around them."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.cli.hold_out import HoldOut, hold_out_largest
from tests.cli.conftest import good_fit

FILES = {"fit.nc", "loss.png", "loss.svg", "allocation.png", "allocation.svg"}


@pytest.fixture
def quick(run, here, asked):
    def quick(words=""):
        return run(f"quickstart runs.csv --law chinchilla {words}")

    return quick


def test_the_quickstart_tells_a_story_and_leaves_files(quick, here, asked, runs):
    ended = quick()
    assert ended.status == 0
    small, large = runs.split_by_compute(factor=10)
    assert [len(call["runs"]) for call in asked] == [len(small), len(runs)]
    told = " ".join(ended.stdout.split("The same in Python")[0].split())
    for words in (
        f"{len(runs)} runs",
        f"Of the {len(large)} largest runs, held out of the fit,",
        "fell into their 90 % predictive intervals",
        "What to train next",
        "With 1.0e22 FLOP, train ",
        "With 1.0e23 FLOP, train ",
    ):
        assert words in told
    assert max(map(len, ended.stdout.split("The same in Python")[0].splitlines())) <= 80
    assert {p.name for p in (here / "bayesscale-quickstart").iterdir()} == FILES
    assert ended.stderr.count("Warning") == 1  # a hundred times more is far, and said once


def test_the_document_of_the_quickstart(quick, here, runs):
    told = quick("--json --output-dir a/b --hold-out 5").document
    _, large = runs.split_by_compute(factor=5)
    assert told["budgets"] == [1e22, 1e23]
    assert told["hold_out"]["held_out_run_ids"] == large.run_ids.tolist()
    assert len(told["allocation"]["summary"]) == len(told["extrapolation"]["summary"]) == 2
    assert {p.name for p in (here / "a" / "b").iterdir()} == FILES
    assert bs.load_fit("a/b/fit.nc").law.name == "chinchilla"
    for size in told["extrapolation"]["summary"]:
        assert 6 * size["params"] * size["tokens"] == pytest.approx(size["flops"])


def test_without_enough_small_runs_nothing_is_held_out(quick, asked, runs, no_figures):
    ended = quick("--hold-out 500")
    assert ended.status == 0
    assert "Not tested: fewer than 10 runs would remain" in " ".join(ended.stdout.split())
    assert [len(call["runs"]) for call in asked] == [len(runs)]
    assert quick("--hold-out 1e9 --json").document["hold_out"] is None


def test_what_is_held_out(runs):
    small, large = hold_out_largest(runs, factor=10, unknowns=5)
    assert small.flops.max() < runs.flops.max() / 10 <= large.flops.min() * (1 + 1e-9)
    assert hold_out_largest(runs, factor=10, unknowns=len(small) // 2) is not None
    assert hold_out_largest(runs, factor=10, unknowns=len(small) // 2 + 1) is None


def test_the_test_counts_what_the_intervals_hold(runs):
    small, large = runs.split_by_compute(factor=10)
    n = len(large)
    fit = good_fit(small)
    foreseen = bs.extrapolate(fit, params=large.params, tokens=large.tokens).summary
    observed = np.array(foreseen["loss"])
    observed[:3] *= 2
    shifted = bs.Runs.from_frame(
        {"params": large.params, "tokens": large.tokens, "loss": observed * 1.001}
    )
    test = HoldOut.of(fit, shifted, ci_prob=0.9)
    assert test.covered == n - 3
    assert test.bias == pytest.approx(1 / 1.001 - 1)
    assert test.median_error == pytest.approx(1 - 1 / 1.001)
    assert test.expected == pytest.approx(0.9 * n)


def test_the_test_knows_that_the_held_out_losses_are_noisy(quick, here, asked, runs, no_figures):
    small, large = runs.split_by_compute(factor=10)
    fit = good_fit(small)
    foreseen = bs.extrapolate(fit, params=large.params, tokens=large.tokens).summary["loss"]
    noise = 0.1 * np.random.default_rng(0).standard_normal(len(large))
    measured = {"params": large.params, "tokens": large.tokens, "loss": foreseen * np.exp(noise)}
    assert HoldOut.of(fit, bs.Runs.from_frame(measured), ci_prob=0.9).too_few
    measured["loss_se"] = 0.1 * measured["loss"]
    assert not HoldOut.of(fit, bs.Runs.from_frame(measured), ci_prob=0.9).too_few

    runs.frame.drop(columns="flops").assign(loss_se=0.02).to_csv("runs.csv")
    assert "loss_se=large.loss_se" in quick().stdout


def test_smaller_runs_that_cannot_be_fitted_end_the_test_alone(
    quick, monkeypatch, runs, no_figures
):
    def fit(asked, **_):
        if len(asked) < len(runs):
            raise bs.errors.RunsError("All have one size.")
        return good_fit(asked)

    monkeypatch.setattr(bs, "fit", fit)
    ended = quick()
    assert ended.status == 0
    assert "smaller runs cannot be fitted alone. All have one size." in " ".join(
        ended.stdout.split()
    )
    assert "What to train next" in ended.stdout


@pytest.mark.parametrize(("covered", "too_few"), [(20, False), (18, False), (15, True)])
def test_too_narrow_intervals_are_named(runs, covered, too_few):
    twenty = runs.select(np.arange(len(runs)) < 20)
    test = HoldOut(None, twenty, 0.9, covered, 0.01, 0.0)  # type: ignore[arg-type]
    assert test.too_few is too_few
    assert ("too narrow" in test.verdict()) is too_few
