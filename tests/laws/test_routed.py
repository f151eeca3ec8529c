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


@pytest.mark.filterwarnings("ignore::bayesscale.errors.BayesScaleWarning")
def test_laws_of_further_inputs_are_back_tested():
    """A sweep's fits do without the closest law, and these have no exponents of the split."""
    runs = routed_runs(with_tokens=True)
    found = bs.backtest(
        runs, law="routed", factor=3, folds=1, draws=200, tune=300, chains=2, random_seed=1,
        progress=False,
    )  # fmt: skip
    assert found.summary.loc[("all", "bayesscale"), "n"] > 0


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_a_cost_of_experts_in_every_question():
    fit = fit_at(routed_runs(with_tokens=True), "routed", spread=0.01, discrepancy="none")

    def by_keyword(params, tokens, *, experts):
        return 6 * params * tokens * (1 + 0.02 * experts)

    def by_default(params, tokens, experts=1):
        return by_keyword(params, tokens, experts=experts)

    terms, plain = bs.Terms(cost=by_keyword), bs.Terms(cost=bs.PowerCost(6 * 2.28))
    for ask in (
        lambda terms: bs.allocate(fit, flops=1e20, experts=64, terms=terms).summary["law_loss"],
        lambda terms: bs.required_flops(
            fit, loss=2.4, prob=0.9, experts=64, terms=terms
        ).summary["assured_flops"],
        lambda terms: bs.regret(
            fit, params=[1e9, 2e9], flops=1e20, experts=64, terms=terms
        ).summary["law_loss"],
        lambda terms: bs.convergence(
            fit, 1e20, terms=bs.Terms(cost=terms.cost, given={"experts": 64})
        ).summary["over_converged"],
    ):  # fmt: skip
        np.testing.assert_allclose(ask(terms), ask(plain), rtol=1e-4)
    one, two = (
        bs.allocate(fit, flops=1e20, experts=64, terms=bs.Terms(cost=cost)).summary["law_loss"]
        for cost in (by_keyword, by_default)
    )
    np.testing.assert_array_equal(one, two)
    with pytest.raises(DomainError, match="experts must be one number here"):
        bs.regret(fit, params=1e9, tokens=2e10, experts=[1, 64])
