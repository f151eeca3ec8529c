"""The laws of routed models: compiled, as a user's own, nested, and what is said of them."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, PriorWarning, RunsError
from bayesscale.inference import compile_model
from bayesscale.laws import LAWS
from bayesscale.model import model_data, specify
from tests.density.against import assert_same, points, pymc_density
from tests.laws.families import Routed
from tests.simulate import fit_at

SIZES, EXPERTS = (a.ravel() for a in np.meshgrid(np.geomspace(2e7, 1e9, 6), 4.0 ** np.arange(5)))


def routed_runs(*, with_tokens: bool) -> bs.Runs:
    rng = np.random.default_rng(1)
    worth = SIZES * (1 / (1 / (EXPERTS + 1) + 1 / 400)) ** 0.5
    table = {"params": SIZES, "experts": EXPERTS, "tokens": SIZES * rng.uniform(5, 100, len(SIZES))}
    loss = 1.4 + 120 * worth**-0.27 + 5e3 * table["tokens"] ** -0.4 * with_tokens
    table["loss"] = loss * np.exp(0.003 * rng.standard_normal(len(SIZES)))
    if not with_tokens:
        del table["tokens"]
    return bs.Runs.from_frame(table, inputs={"experts": "experts"})


@pytest.mark.parametrize("discrepancy", ["drift", None])
@pytest.mark.parametrize("law", ["routed", "routed_params"])
def test_the_compiled_density_is_pymc_s(law, discrepancy):
    runs = routed_runs(with_tokens=law == "routed")
    spec = specify(runs, law=law, discrepancy=discrepancy)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    expected = pymc_density(spec, runs)
    for u in points(spec, 3):
        assert_same(np.append(*density(u)), expected(u))


def test_a_user_s_own_version_has_the_same_loss():
    rng = np.random.default_rng(2)
    theirs, mine = LAWS["routed_params"], Routed()
    x = {"params": rng.normal(size=9), "experts": np.log(2.0 ** np.arange(9))}
    c = {"level": 1.1, "slope_N": 0.08, "irreducible_share": 0.5, "experts_start": 2.5}
    named = {"gain": 0.6, "experts_most": 300.0}
    renamed = {"experts_gain": 0.6, "experts_span": 300.0}
    np.testing.assert_allclose(
        theirs.log_loss(c | renamed, x, np), mine.log_loss(c | named, x, np), rtol=1e-13
    )


def test_one_expert_is_a_dense_model():
    rng = np.random.default_rng(3)
    law = LAWS["routed"]
    c = {k.name: np.exp(k.loc) if k.link == "log" else 0.5 for k in law.coordinates}
    x = {"params": rng.normal(size=5), "tokens": rng.normal(size=5)}
    dense = LAWS["unified"].log_loss(c, x, np)
    np.testing.assert_allclose(law.log_loss(c, x | {"experts": np.zeros(5)}, np), dense, rtol=1e-13)
    assert (law.log_loss(c, x | {"experts": np.full(5, 3.0)}, np) < dense).all()


def test_every_answer_carries_what_the_law_is_known_to_miss():
    fit = fit_at(routed_runs(with_tokens=True), "routed", spread=0.01, discrepancy="none")
    (check,) = [check for check in fit.checks if check.name == "caveat of the law"]
    assert (check.severity, check.warning) == ("caution", PriorWarning)
    assert "held at most 6 of the ten" in check.text
    answer = bs.extrapolate(fit, params=1e9, tokens=2e10, experts=8)
    assert "caveat of the law" in [check.name for check in answer.checks]
    assert "too narrow" in str(fit).replace("\n", " ")


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_a_budget_is_divided_at_given_experts():
    fit = fit_at(routed_runs(with_tokens=True), "routed", spread=0.01, discrepancy="none")
    few, many = (
        bs.allocate(fit, flops=1e19, terms=bs.Terms(given={"experts": e})).summary.iloc[0]
        for e in (1, 64)
    )
    assert many["law_loss"] < few["law_loss"]
    assert (few["experts"], many["experts"]) == (1, 64)
    with pytest.raises(DomainError, match="needs experts"):
        bs.allocate(fit, flops=1e19)


def test_experts_below_one_are_refused():
    runs = routed_runs(with_tokens=True)
    half = runs.to_frame()[["params", "tokens", "loss", "experts"]].assign(experts=0.5)
    with pytest.raises(RunsError, match=r"whole and at least 1.*A dense model has one"):
        bs.Runs.from_frame(half, inputs={"experts": "experts"})
