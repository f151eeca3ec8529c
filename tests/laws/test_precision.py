"""The laws of precision: compiled, as a user's own, nested, published, and what they are asked."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, UnknownNameError
from bayesscale.inference import compile_model
from bayesscale.laws import LAWS, PrecisionMethods
from bayesscale.model import model_data, specify
from tests.density.against import assert_same, points, pymc_density
from tests.laws.families import Precision
from tests.simulate import fit_at

BITS = np.array([16, 16, 8, 4, 4, 2])
METHODS = np.array(["16/16 other", "16/16", "8/8", "4/4 a", "4/4 b", "2/2"])
WORTH = np.array([0.9, 1, 0.97, 0.7, 0.6, 0.2])
INPUTS = {"weight_bits": "weight_bits", "activation_bits": "activation_bits"}


def table(sizes: int = 5, *, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n, i = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 1e9, sizes), np.arange(len(BITS))))
    d = n * rng.uniform(5, 100, n.size)
    loss = 1.5 + 400 * (n * WORTH[i]) ** -0.34 + 500 * d**-0.3
    loss *= np.exp(0.003 * rng.standard_normal(n.size))
    bits = {"weight_bits": BITS[i], "activation_bits": BITS[i]}
    return pd.DataFrame({"params": n, "tokens": d, "loss": loss, **bits, "method": METHODS[i]})


def precise_runs(frame: pd.DataFrame | None = None) -> bs.Runs:
    frame = table() if frame is None else frame
    return bs.Runs.from_frame(frame, inputs=INPUTS, group="method")


@pytest.fixture(scope="module")
def by_method() -> bs.Fit:
    return fit_at(precise_runs(), "precision_methods", spread=0.01, discrepancy="none")


@pytest.fixture(scope="module")
def by_bits() -> bs.Fit:
    return fit_at(precise_runs(), "precision", spread=0.01, discrepancy="none")


@pytest.mark.parametrize("discrepancy", ["drift", None])
@pytest.mark.parametrize("law", ["precision", "precision_methods"])
def test_the_compiled_density_is_pymc_s(law, discrepancy):
    runs = precise_runs()
    spec = specify(runs, law=law, discrepancy=discrepancy)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    expected = pymc_density(spec, runs)
    for u in points(spec, 3):
        assert_same(np.append(*density(u)), expected(u))


def test_a_user_s_own_version_has_the_same_loss():
    rng = np.random.default_rng(2)
    law = LAWS["precision_methods"].with_levels({"method": tuple(METHODS)})
    mine = Precision(law.methods)
    c = {k.name: np.exp(k.loc) if k.link == "log" else 0.5 for k in law.coordinates}
    c |= {name: rng.normal(0, 0.3) for name in c if name[:2] in ("d_", "s_")}
    x = {"params": rng.normal(size=6), "tokens": rng.normal(size=6), "method": np.arange(6.0)}
    np.testing.assert_allclose(law.log_loss(c, x, np), mine.log_loss(c, x, np), rtol=1e-13)


def test_full_precision_is_the_plain_law_and_fewer_bits_are_kumar_s_product():
    rng = np.random.default_rng(3)
    law = LAWS["precision"]
    c = {k.name: np.exp(k.loc) if k.link == "log" else 0.5 for k in law.coordinates}
    c |= {"weight_decay": 2.6745, "activation_decay": 2.2102}  # section 4 of the paper
    x = {"params": rng.normal(size=5), "tokens": rng.normal(size=5)}
    full = {"weight_bits": np.zeros(5), "activation_bits": np.zeros(5)}
    plain = LAWS["unified"].log_loss(c, x, np)
    np.testing.assert_allclose(law.log_loss(c, x | full, np), plain, rtol=1e-13)
    four = {name: np.log(4 / 16) for name in full}
    kept = (1 - np.exp(-4 / 2.6745)) * (1 - np.exp(-4 / 2.2102))
    kept /= (1 - np.exp(-16 / 2.6745)) * (1 - np.exp(-16 / 2.2102))
    np.testing.assert_allclose(np.exp(law.log_worth(c, four, np)), kept, rtol=1e-12)


def test_the_baseline_is_the_shortest_name_that_starts_with_it(by_method):
    assert by_method.law.methods[0] == "16/16"
    own = PrecisionMethods("own_methods", LAWS["unified"], baseline="8/8")
    assert own.with_levels({"method": tuple(METHODS)}).methods[0] == "8/8"


def test_worths_are_those_of_the_coordinates(by_method, by_bits):
    worth = bs.effective_params(by_method, params=2e8)
    n0 = by_method.spec.reference["params"]
    i = by_method.law.methods.index("4/4 a")
    own = by_method.coordinates[f"d_{i}"] + by_method.coordinates[f"s_{i}"] * np.log(2e8 / n0)
    row = worth.summary.loc["200M parameters, 4/4 a"]
    assert row["worth"] == pytest.approx(float(np.exp(own).median()), rel=1e-9)
    assert row["effective_params"] == pytest.approx(2e8 * row["worth"])
    assert row["bits_per_param"] == pytest.approx(float((4 / np.exp(own)).median()), rel=1e-9)
    assert worth.summary.loc["200M parameters, 16/16", "worth"] == 1
    assert set(worth.summary["method"]) == set(METHODS)
    bits = bs.effective_params(by_bits, weight_bits=[16, 4], activation_bits=16).summary
    assert bits["worth"].iloc[0] == pytest.approx(1)
    assert bits["worth"].iloc[1] < 1
    with pytest.raises(DomainError, match="does not model what parameters are worth"):
        bs.effective_params(fit_at(precise_runs(), "unified"))


def test_a_saved_fit_keeps_its_methods(by_method, tmp_path):
    loaded = bs.load_fit(by_method.save(tmp_path / "fit.nc"))
    assert loaded.law.methods == by_method.law.methods
    pd.testing.assert_frame_equal(
        bs.effective_params(loaded).summary, bs.effective_params(by_method).summary
    )


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_a_price_by_bits_is_a_larger_budget(by_bits):
    def price(params, tokens, *, weight_bits, activation_bits):
        return 6 * params * tokens * np.maximum(weight_bits, activation_bits) / 16

    bits = {"weight_bits": [16, 8, 4], "activation_bits": [16, 8, 4]}
    for limits in (bs.Limits(), bs.Limits(tokens_max=2e10)):
        terms = bs.Terms(cost=price, limits=limits)
        priced = bs.allocate(by_bits, flops=1e20, terms=terms, **bits).summary
        budgets = np.array([1e20, 2e20, 4e20])
        plain = bs.allocate(by_bits, flops=budgets, terms=bs.Terms(limits=limits), **bits).summary
        for name in ("recommended_params", "recommended_tokens", "law_loss", "params"):
            np.testing.assert_allclose(priced[name], plain[name], rtol=1e-5)
    at = dict.fromkeys(bits, 4.0)
    one = bs.required_flops(by_bits, loss=2.5, terms=bs.Terms(cost=price), **at)
    np.testing.assert_allclose(
        one.summary["flops"], bs.required_flops(by_bits, loss=2.5, **at).summary["flops"] / 4,
        rtol=1e-6,
    )  # fmt: skip
    wrong = bs.Terms(cost=lambda params, tokens, *, experts: params * tokens * experts)
    with pytest.raises(DomainError, match="takes experts, which the law does not"):
        bs.allocate(by_bits, flops=1e20, terms=wrong, **bits)


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_settings_are_named_where_there_are_several(by_method):
    answer = bs.allocate(by_method, flops=1e19, method=["4/4 a", "8/8"])
    assert answer.summary["setting"].tolist() == ["4/4 a", "8/8"]
    assert "8/8" in str(answer)
    assert "setting" not in bs.allocate(by_method, flops=[1e19, 1e20], method="8/8").summary


def test_what_the_runs_cannot_tell_is_a_caution():
    frame = table()
    few = frame[(frame["weight_bits"] < 16) & ~frame.duplicated("method")]
    few = pd.concat([few, frame[frame["method"].isin(["8/8", "4/4 a", "4/4 b"])]])
    few = few[~few.duplicated()]
    for law, text in (
        ("precision", "No run is at 16/16 bits"),
        ("precision_methods", "No method is called '16/16'"),
        ("precision_methods", "Of 2/2 there is one run"),
    ):
        fit = fit_at(precise_runs(few), law, spread=0.01, discrepancy="none")
        found = [check for check in fit.checks if check.name == "caveat of the law"]
        assert any(text in check.text for check in found)
        assert {check.severity for check in found} == {"caution"}


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (0, "weight_bits is zero in 1 of 30 runs"),
        (17, "weight_bits must be at least 1 and at most 16, but is not in 1 of 30 runs"),
        ("int8", "weight_bits must be numbers"),
    ],
)
def test_bits_that_no_model_has_are_refused(cell, text):
    frame = table().astype({"weight_bits": object})
    frame.loc[3, "weight_bits"] = cell
    with pytest.raises(RunsError, match=text):
        precise_runs(frame)


def test_experts_are_whole():
    frame = table().drop(columns="method").assign(experts=2.5)
    with pytest.raises(RunsError, match="experts must be whole and at least 1"):
        bs.Runs.from_frame(frame, inputs={"experts": "experts"})


@pytest.mark.filterwarnings("ignore:.*prior conflict:bayesscale.errors.PriorWarning")
def test_the_worth_of_four_bits_on_public_runs(ladders):
    frame = pd.read_csv(ladders / "quest_precision2025" / "runs.csv")
    bits = frame["w_bits"].astype(str) + "/" + frame["a_bits"].astype(str)
    frame["method"] = bits + " " + frame["w_quant"] + " " + frame["a_quant"]
    columns = ["n_params", "n_tokens", "loss", "method", "w_bits"]
    runs = bs.Runs.from_frame(frame[columns], inputs={"weight_bits": "w_bits"}, group="method")
    fit = bs.fit(runs, law="precision_methods", discrepancy=None, progress=False, random_seed=0)
    worth = bs.effective_params(fit).summary.set_index("method")
    four = worth.loc["4/4 HalfHadamardTrustQuantizer HalfHadamardTrustQuantizer"]
    assert 0.66 < four["worth_lower"] < four["worth"] < four["worth_upper"] < 0.74
    assert four["bits_per_param"] == pytest.approx(5.7, abs=0.2)
    assert float(fit.coordinates["sigma"].median()) < 0.0025


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
@pytest.mark.parametrize(("law", "setting"), [
    ("precision", {"weight_bits": 4.0, "activation_bits": 8.0}), ("routed", {"experts": 64.0}),
])  # fmt: skip
def test_the_best_split_is_the_plain_law_s_at_the_effective_parameters(law, setting):
    frame = table().assign(experts=np.resize([1, 8, 64], 30)).drop(columns="method")
    runs = bs.Runs.from_frame(frame)
    fit = fit_at(runs, law, spread=0.02, discrepancy="none")
    found = bs.allocate(fit, flops=1e20, **setting).draws
    worth = bs.effective_params(fit, **setting).draws["worth"].to_numpy()
    c = {k: np.asarray(v)[..., None] for k, v in fit.coordinates.items()}
    reference, cost = fit.spec.reference, bs.PowerCost()
    x_flops = np.log(worth * 1e20 / cost.flops(reference["params"], reference["tokens"]))
    closed = LAWS["unified"].optimum(c, x_flops, cost)
    params = reference["params"] * np.exp(closed.x_params) / worth
    np.testing.assert_allclose(found["params"], params, rtol=1e-8)
    np.testing.assert_allclose(found["tokens"], 1e20 / 6 / params, rtol=1e-8)


@pytest.mark.filterwarnings("ignore::bayesscale.errors.LackOfFitWarning")
def test_routers_are_a_label_around_the_law_of_experts(ladders):
    frame = pd.read_csv(ladders / "clark2022_moe" / "runs.csv")
    routers = frame["family"].isin(["Dense", "S-Base", "RL-R", "Hash"])
    frame = frame[routers & (frame["k"] == 1) & (frame["routing_frequency"] == 0.5)]
    frame = frame.rename(columns={"num_experts": "experts", "family": "method"})
    runs = bs.Runs.from_frame(
        frame[["n_params", "loss", "experts", "method"]], group="method", param_count="active"
    )
    law = PrecisionMethods("routers", LAWS["routed_params"], baseline="Dense")
    fit = bs.fit(runs, law=law, discrepancy=None, random_seed=1, progress=False)
    assert fit.law.methods[0] == "Dense"
    assert fit.spec.reference["experts"] == 1
    assert any("90 % intervals held" in check.text for check in fit.checks)
    routers = ["S-Base", "RL-R", "Hash"]
    worth = bs.effective_params(fit, method=routers, experts=512).summary["worth"]
    assert worth.idxmin() == "512 experts, Hash"
    assert worth.between(6, 14).all()


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_labels_are_inputs_of_every_question(by_method):
    assert "8/8" in str(bs.extrapolate(by_method, params=1e9, tokens=2e10, method="8/8"))
    terms = bs.Terms(given={"method": "8/8"})
    assert bs.required_flops(by_method, loss=2.6, terms=terms).summary["flops"].notna().all()
    assert (
        bs.tokens_without_overfitting(by_method, params=1e9, terms=terms)
        .summary.notna()
        .all()
        .all()
    )
    assert bs.convergence(by_method, 1e19, terms=terms).summary.notna().all().all()


def test_bits_per_parameter_are_known_where_a_method_has_one_width():
    frame = table()
    numbered = frame.assign(method=frame["method"].factorize()[0])
    fit = fit_at(precise_runs(numbered), "precision_methods", spread=0.01, discrepancy="none")
    assert bs.effective_params(fit).summary["bits_per_param"].notna().all()
    frame.loc[frame["weight_bits"] < 16, "method"] = "few bits"
    fit = fit_at(precise_runs(frame), "precision_methods", spread=0.01, discrepancy="none")
    assert "bits_per_param" not in bs.effective_params(fit).summary


def test_a_missing_method_is_asked_for_as_a_group():
    frame = table().drop(columns="method").assign(technique="a")
    with pytest.raises(UnknownNameError, match="--group"):
        specify(bs.Runs.from_frame(frame), law="precision_methods")
