"""Losses of runs not trained: how far is too far, and what measuring adds."""

import re

import numpy as np
import pytest

from bayesscale.errors import DomainError, ExtrapolationWarning
from bayesscale.forecast import allocate, extrapolate, gain, required_flops, required_tokens
from tests.simulate import TRUTH, fit_at, simulate_runs


@pytest.fixture(scope="module")
def runs():
    return simulate_runs()  # 29M to 9.1B parameters, .58B to 183B tokens, 1e18 to 1e21 FLOP


@pytest.mark.parametrize(
    ("law", "question", "said"),
    [
        ("chinchilla", lambda f: extrapolate(f, params=70, tokens=1.4e11),
         [r"1/4\.12e\+05 of the parameters of the smallest run \(70\)", "70e9, not 70"]),
        ("chinchilla", lambda f: extrapolate(f, params=1e8, tokens=1e16),
         [r"times the compute", r"farthest, 1e16, is 5\.48e\+04 times the largest among the"]),
        ("chinchilla", lambda f: extrapolate(f, params=7, tokens=14),
         ["of the compute of the smallest run", "Guessing among 256,000 tokens costs 12.45"]),
        ("kaplan_params", lambda f: extrapolate(f, params=4e11),
         [r"43\.8 times the parameters of the largest run \(400B\)"]),
        ("kaplan_data", lambda f: extrapolate(f, tokens=1e13), ["54.8 times the tokens"]),
        ("kaplan_compute", lambda f: extrapolate(f, flops=1e23), ["100 times the compute"]),
        ("chinchilla", lambda f: allocate(f, flops=1e14), ["1/1e\\+04 of the compute"]),
        ("chinchilla", lambda f: gain(f, params=1e10, tokens=2e11, factor=10), ["120 times"]),
        ("kaplan_params", lambda f: gain(f, params=1e9, factor=1000), ["110 times the param"]),
        ("chinchilla", lambda f: required_flops(f, loss=1.95), ["times the compute"]),
        ("chinchilla", lambda f: required_tokens(f, params=2e4, loss=12), ["infinite tokens"]),
        ("chinchilla", lambda f: required_tokens(f, params=1e9, loss=2.22), ["times the compute"]),
        ("chinchilla", lambda f: required_tokens(f, params=1e9, loss=1.9), ["infinite tokens the"]),
    ],
)  # fmt: skip
def test_what_is_far_is_said_once_at_the_line_that_asked(runs, law, question, said):
    fit = fit_at(runs, law)
    with pytest.warns(ExtrapolationWarning) as caught:
        question(fit)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for text in said:
        assert re.search(text, str(caught[0].message))


@pytest.mark.parametrize("loss_se", [0.02, [0.0, 0.02, 0.05]])
def test_measuring_adds_its_variance(runs, loss_se):
    fit = fit_at(runs, draws=5000, truth=TRUTH | {"nu_minus_one": 1e6})
    sizes = {"params": [1e9, 2e9, 4e9], "tokens": 2e10}
    plain, measured = (
        extrapolate(fit, **sizes, loss_se=se, random_seed=3) for se in (None, loss_se)
    )
    np.testing.assert_array_equal(plain.draws["law_loss"], measured.draws["law_loss"])
    law = plain.draws["law_loss"].to_numpy()[0, 0]
    spread = np.log(measured.draws["loss"]).std(("chain", "draw"))
    expected = np.hypot(TRUTH["sigma"], np.asarray(loss_se) / law)
    # the standard error of a standard deviation of n draws is 1 / sqrt(2n) of it
    np.testing.assert_allclose(spread, expected, rtol=4 / np.sqrt(2 * 20000))
    held = measured.draws["loss"].to_numpy()
    lower, upper = np.quantile(held, [0.05, 0.95], axis=(0, 1))
    fresh = law * np.exp(expected * np.random.default_rng(5).standard_normal((20000, 3)))
    covered = ((lower < fresh) & (fresh < upper)).mean(axis=0)
    np.testing.assert_allclose(covered, 0.9, atol=4 * np.sqrt(2 * 0.09 / 20000))


def test_without_an_error_of_measuring_nothing_changes(runs):
    fit = fit_at(runs, spread=0.01)
    without, zero = (extrapolate(fit, params=1e9, tokens=2e10, loss_se=se) for se in (None, 0))
    np.testing.assert_array_equal(without.draws["loss"], zero.draws["loss"])


@pytest.mark.parametrize(("options", "message"), [
    ({"loss_se": -0.1}, "loss_se must be"),
    ({"params": [1e9, 2e9], "loss_se": [0.1, 0.2, 0.3]}, "equally many.*loss_se 3"),
    ({"recipe_shift": -0.01}, "not -0.01"),
    ({"recipe_shift": "much"}, "recipe_shift"),
    ({"random_seed": 0.5}, "whole number from 0"),
])  # fmt: skip
def test_options_that_are_refused(runs, options, message):
    with pytest.raises(DomainError, match=message):
        extrapolate(fit_at(runs), **({"params": 1e9, "tokens": 2e10} | options))


def test_another_recipe_moves_all_targets_together(runs):
    fit = fit_at(runs, draws=5000, spread=0.01)
    sizes = {"params": [1e9, 2e9], "tokens": 2e10}
    moved, plain = (extrapolate(fit, **sizes, recipe_shift=s) for s in (0.02, 0.0))
    by = np.log(moved.draws["law_loss"] / plain.draws["law_loss"]).to_numpy().reshape(-1, 2)
    np.testing.assert_allclose(by[:, 0], by[:, 1])
    assert by.std() == pytest.approx(0.02, rel=0.03)
    noise = (np.log(p.draws["loss"] / p.draws["law_loss"]) for p in (moved, plain))
    np.testing.assert_allclose(*noise, rtol=1e-6, atol=1e-12)
    assert "2 %" in moved.text
    assert "recipe" not in plain.text
