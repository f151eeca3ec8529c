"""The laws of repeated data as models: compiled, as a user's own, and of tables that are wrong."""

import warnings
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import RunsError, RunsWarning, UnknownNameError
from bayesscale.inference import compile_model
from bayesscale.laws import LAWS, two_terms
from bayesscale.model import model_data, specify
from tests.density.against import assert_same, points, pymc_density
from tests.simulate import REPEATED, fit_at, repeated_runs, simulate_runs

NAMED: Any = {"inputs": {"unique_tokens": "unique_tokens"}}


class Own(bs.Law):
    """The law as a user would write it, in one file and without a surface of its own."""

    name = "own_repeated"
    inputs = ("params", "tokens", bs.Quantity("unique_tokens"))
    references = MappingProxyType({"unique_tokens": "tokens"})
    coordinates = LAWS["data_constrained"].coordinates

    def log_loss(self, c, x, xp):
        repeats = xp.where(
            x["tokens"] > x["unique_tokens"], xp.exp(x["tokens"] - x["unique_tokens"]) - 1, 0.0
        )
        unique = xp.minimum(x["tokens"], x["unique_tokens"])
        star = c["token_decay"]
        d = unique + xp.log(1 + star * (1 - xp.exp(-repeats / star)))
        s, alpha_n, alpha_d = two_terms(c, c["irreducible_share"])
        k, e = c["k"], c["irreducible_share"]
        terms = s * xp.exp(-alpha_n / k * x["params"]) + (1 - s) * xp.exp(-alpha_d / k * d)
        over = xp.exp(c["overfitting_N"] * x["params"] - c["overfitting_U"] * unique)
        return (
            xp.log(c["level"] * (e + (1 - e) * terms**k)) + c["overfitting"] * repeats / 20 * over
        )


@pytest.mark.parametrize("discrepancy", ["drift", None])
@pytest.mark.parametrize("law", ["data_constrained", "muennighoff"])
def test_the_compiled_density_is_pymc_s(law, discrepancy):
    runs = repeated_runs(law)
    spec = specify(runs, law=law, discrepancy=discrepancy)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    expected = pymc_density(spec, runs)
    for u in points(spec, 3):
        assert_same(np.append(*density(u)), expected(u))


def test_a_user_s_own_version_has_the_same_density():
    runs = repeated_runs()
    mine, theirs = (
        (spec, compile_model(spec, runs).bind(model_data(spec, runs)))
        for spec in (
            specify(runs, law=law, discrepancy=None) for law in (Own(), "data_constrained")
        )
    )
    assert mine[0].reference["unique_tokens"] == mine[0].reference["tokens"]
    for u in points(mine[0], 5):
        assert_same(np.append(*mine[1](u)), np.append(*theirs[1](u)), rtol=1e-10)


def test_a_run_of_one_epoch_has_the_plain_law_s_loss_whatever_drifts():
    runs = repeated_runs()
    rng = np.random.default_rng(2)
    spec, plain = (specify(runs, law=law) for law in ("data_constrained", "unified"))
    c = {k: v[0] for k, v in spec.space.draw(rng, 1).items()}
    x = {"params": rng.normal(0, 2, 9), "tokens": rng.normal(0, 2, 9)}
    once = spec.relative_log_loss(c, x | {"unique_tokens": x["tokens"]}, np)
    np.testing.assert_allclose(
        once, plain.relative_log_loss(c, x, np, spread=spec.spread), rtol=1e-12
    )


def test_no_drift_makes_ever_more_epochs_worth_new_tokens_without_end():
    runs = repeated_runs("muennighoff")
    spec = specify(runs, law="muennighoff")
    c = {k: v[:, None] for k, v in spec.space.draw(np.random.default_rng(3), 50).items()}
    zeros = np.zeros(3)
    far = {"params": zeros, "tokens": np.array([20.0, 25.0, 30.0]), "unique_tokens": zeros}
    losses = spec.discrepancy.log_loss(spec.law, c, far, spec.spread, np)
    np.testing.assert_allclose(losses[:, 1:], losses[:, :1] + 0 * losses[:, 1:], atol=1e-6)


def table(**changes):
    frame = repeated_runs().frame.drop(columns="flops")
    return frame.assign(**changes)


def test_unique_tokens_above_all_are_rounding_or_refused():
    tokens = table()["tokens"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = bs.Runs.from_frame(table(unique_tokens=tokens * 1.01), **NAMED)
    np.testing.assert_array_equal(runs["unique_tokens"], runs.tokens)
    assert "rounded down to tokens in 48 runs" in repr(runs)
    with pytest.raises(RunsError, match=r"exceed tokens in 48 of 48 runs: run 0 .*at least once"):
        bs.Runs.from_frame(table(unique_tokens=tokens * 1.1), **NAMED)
    with pytest.raises(RunsError, match="unique_tokens is zero in 48 of 48"):
        bs.Runs.from_frame(table(unique_tokens=0.0), **NAMED)
    with pytest.raises(RunsError, match="unique_tokens is missing"):
        bs.Runs.from_frame(table(unique_tokens=np.nan), **NAMED)


def test_unique_tokens_follow_from_epochs():
    plain = table(epochs=table()["tokens"] / table()["unique_tokens"]).drop(columns="unique_tokens")
    with pytest.warns(RunsWarning, match="data_constrained"):
        runs = bs.Runs.from_frame(plain)
    np.testing.assert_allclose(runs["unique_tokens"], table()["unique_tokens"], rtol=1e-12)
    assert specify(runs, law="data_constrained").reference["unique_tokens"] > 0
    with pytest.raises(UnknownNameError, match="these runs have no unique_tokens"):
        specify(simulate_runs(), law="data_constrained")


def test_published_numbers_give_the_loss_of_a_fit():
    fit = fit_at(repeated_runs(), "data_constrained", truth=REPEATED)
    p = {k: float(v.values.ravel()[0]) for k, v in fit.published.items()}
    n, d, u = 3e8, 4e9, 5e8
    r = d / u - 1
    worth = u * (1 + p["R_D"] * (1 - np.exp(-r / p["R_D"])))
    inner = p["A"] * n ** -(p["alpha_N"] / p["k"]) + p["B"] * worth ** -(p["alpha_D"] / p["k"])
    loss = (p["E"] + inner ** p["k"]) * np.exp(p["P"] * r * n ** p["q_N"] * u ** -p["q_U"])
    asked = bs.extrapolate(fit, params=n, tokens=d, unique_tokens=u).summary["law_loss"].iloc[0]
    assert asked == pytest.approx(loss, rel=1e-9)
