"""A law of inputs that bayesscale does not know, written as a user would, through everything."""

from types import MappingProxyType

import numpy as np
import pytest

import bayesscale as bs
from bayesscale import laws
from bayesscale.accounting import PowerCost
from bayesscale.checks import check_design
from bayesscale.errors import DomainError, RunsError
from bayesscale.inference import compile_model
from bayesscale.model import model_data, specify
from tests.density.against import assert_same, points, pymc_density
from tests.simulate import fit_at, on_slopes

EXPERTS = bs.Quantity("experts", symbol="X", unit="experts", style="count")
UNIQUE = bs.Quantity(
    "unique_tokens", symbol="U", unit="tokens", noun="unique tokens", style="count"
)


class Sparse(bs.Law):
    """Chinchilla's law, its parameters worth more by experts, its tokens less by repetition."""

    name = "sparse"
    inputs = ("params", "tokens", EXPERTS, UNIQUE)
    coordinates = (
        laws.LEVEL, laws.SLOPE_N, laws.SLOPE_D, laws.EXPONENT_RATIO, laws.IRREDUCIBLE_SHARE,
        bs.Coordinate("expert_gain", "log", np.log(0.3), 0.5, "1", "power of N that X is worth"),
        bs.Coordinate("repeat_loss", "logit", -1.0, 1.0, "1", "share of ln(D / U) that is lost"),
    )  # fmt: skip

    def log_loss(self, c, x, xp):
        n = x["params"] + c["expert_gain"] * x["experts"]
        d = x["tokens"] - c["repeat_loss"] * (x["tokens"] - x["unique_tokens"])
        e = c["irreducible_share"]
        s, alpha_n, alpha_d = laws.two_terms(c, e)
        terms = s * xp.exp(-alpha_n * n) + (1 - s) * xp.exp(-alpha_d * d)
        return xp.log(c["level"] * (e + (1 - e) * terms))


TRUTH = {
    "level": 1.0, "irreducible_share": 0.6, **on_slopes(0.5, 0.35, 0.35, 0.6),
    "expert_gain": 0.25, "repeat_loss": 0.3, "sigma": 0.004, "nu_minus_one": 8.0,
}  # fmt: skip


def table(n: int = 60) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    flops = np.repeat(np.geomspace(1e18, 1e21, n // 6), 6)
    ratio = np.tile(np.geomspace(2, 200, 6), n // 6)
    params = np.sqrt(flops / 6 / ratio)
    sizes = {
        "params": params, "tokens": params * ratio, "n_experts": 2.0 ** rng.integers(0, 6, n),
        "unique": params * ratio / 2.0 ** rng.integers(0, 4, n),
    }  # fmt: skip
    named = {**sizes, "experts": sizes["n_experts"], "unique_tokens": sizes["unique"]}
    x = {k: np.log(named[k] / np.exp(np.log(named[k]).mean())) for k in Sparse().quantities}
    noise = 0.004 * rng.standard_normal(n)
    return sizes | {"loss": 2.7 * np.exp(Sparse().log_loss(TRUTH, x, np) + noise)}


INPUTS = {"experts": "n_experts", "unique_tokens": "unique"}


@pytest.fixture(scope="module")
def runs():
    return bs.Runs.from_frame(table(), inputs=INPUTS, name="sparse")


@pytest.fixture(scope="module")
def fit(runs):
    return bs.fit(runs, law=Sparse(), random_seed=1, progress=False)


def test_the_law_says_what_it_splits_drifts_in_and_is_given():
    law = Sparse()
    assert law.split == law.drifts == ("params", "tokens")
    assert law.given == ("experts", "unique_tokens")


def test_a_fit_finds_what_the_inputs_do_and_drifts_on_declared_ones(fit):
    assert fit.severity in ("ok", "note")
    table = fit.summary(coordinates=True)
    for name in ("expert_gain", "repeat_loss", "slope_N", "slope_D"):
        sd = table.loc[name, "sd"]
        assert abs(table.loc[name, "mean"] - TRUTH[name]) < 4 * sd, name
    steps = {k.rsplit("_", 2)[0] for k in table.index if k.startswith("drift_")}
    assert steps == {"drift_params", "drift_tokens", "drift_loss"}
    assert fit.draws["sample_stats"].attrs["density"] == "fused"
    assert set(INPUTS) <= set(fit.draws["constant_data"])


@pytest.mark.filterwarnings("ignore:Far outside")  # of epochs
def test_extrapolation_and_allocation_are_told_the_rest(fit):
    p = bs.extrapolate(fit, params=2e9, tokens=4e10, experts=[1, 32], unique_tokens=4e10)
    assert p.summary["loss"].iloc[1] < p.summary["loss"].iloc[0]
    assert p.draws["experts"].attrs["units"] == "experts"
    few, many = (
        bs.allocate(fit, flops=1e21, experts=8, unique_tokens=u).summary.iloc[0]
        for u in (1e9, 1e12)
    )
    assert many["law_loss"] < few["law_loss"]
    assert many["params"] > few["params"]  # scarce data weigh more, and take the compute
    needed = bs.required_tokens(fit, params=2e9, experts=8, unique_tokens=4e10, loss=2.4).summary
    assert needed["reachable"].iloc[0] > 0.9
    gain = bs.gain(fit, params=2e9, tokens=4e10, experts=8, unique_tokens=4e10, factor=2).summary
    assert gain.index.tolist() == ["params", "tokens", "flops"]
    with pytest.raises(DomainError, match="experts and unique_tokens"):
        bs.allocate(fit, flops=1e21)
    with pytest.raises(DomainError, match="and tokens and experts"):
        bs.extrapolate(fit, params=2e9, tokens=4e10)


def test_the_solved_split_is_the_closed_form_where_there_is_one(runs):
    """Without repetition the effective split has Chinchilla's closed form in N and D."""
    sharp = fit_at(runs, Sparse(), truth=TRUTH | {"repeat_loss": 1e-9})
    row = bs.allocate(sharp, flops=1e20, experts=4, unique_tokens=1e10).summary.iloc[0]
    reference = sharp.spec.reference
    share = 0.5 * (4 / reference["experts"]) ** -(0.35 * TRUTH["expert_gain"])
    slopes = on_slopes(share / (share + 0.5), 0.35, 0.35, 0.6)
    c = {k: np.array(v) for k, v in {**slopes, "irreducible_share": 0.6}.items()}
    x = np.log(1e20 / PowerCost().flops(reference["params"], reference["tokens"]))
    closed = laws.get_law("chinchilla").optimum(c, x, PowerCost())
    assert closed is not None
    assert row["params"] == pytest.approx(reference["params"] * np.exp(closed.x_params), rel=1e-6)


def test_it_is_saved_and_loaded_with_its_law(fit, tmp_path):
    path = fit.save(tmp_path / "sparse.nc")
    again = bs.load_fit(path, law=Sparse())
    asked = {"params": 2e9, "tokens": 4e10, "experts": 8, "unique_tokens": 4e10}
    a, b = (bs.extrapolate(f, **asked).summary for f in (fit, again))
    np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())
    assert again.runs == fit.runs

    class Changed(Sparse):
        def log_loss(self, c, x, xp):
            return super().log_loss(c, x | {"experts": 2 * x["experts"]}, xp)

    with pytest.raises(DomainError, match="other losses"):
        bs.load_fit(path, law=Changed())


def test_plots_are_told_the_rest(fit):
    given = {"experts": 8, "unique_tokens": 1e11}
    assert bs.plot_loss(fit, terms=bs.Terms(given=given)).get_ylabel()
    data = bs.plot_data("allocation", fit, terms=bs.Terms(given=given))
    assert (np.diff(data.frontier["params"]) > 0).all()
    with pytest.raises(DomainError, match="needs experts"):
        bs.plot_allocation(fit)


def test_inputs_outside_their_domain_are_refused(runs):
    plain = bs.Quantity("experts", scale="identity")  # of which 0 is a value
    none = bs.Runs.from_frame(
        table() | {"n_experts": np.r_[0.0, table()["n_experts"][1:]]},
        inputs={plain: "n_experts", "unique_tokens": "unique"},
    )
    with pytest.raises(RunsError, match=r"experts positive .*run 0"):
        bs.fit(none, law=Sparse(), progress=False)
    with pytest.raises(bs.BayesScaleError, match="experts"):
        bs.fit(bs.Runs.from_frame(table()), law=Sparse(), progress=False)


def test_shares_of_a_mixture_must_add_up():
    class Mixture(bs.Law):
        name = "mixture"
        inputs = (
            "tokens", bs.Quantity("code", scale="simplex"), bs.Quantity("web", scale="simplex"),
        )  # fmt: skip
        coordinates = (
            laws.LEVEL, laws.SLOPE_D,
            bs.Coordinate("tilt", "identity", 0.0, 1.0, "1", "effect of the share of code"),
        )  # fmt: skip

        def log_loss(self, c, x, xp):
            return xp.log(c["level"]) - c["slope_D"] * x["tokens"] + c["tilt"] * x["code"]

    n = 12
    frame = {
        "params": np.full(n, 1e8), "tokens": np.geomspace(1e9, 1e11, n),
        "loss": np.linspace(4, 3, n), "code": np.linspace(0, 0.5, n),
    }  # fmt: skip
    inputs = {"code": "code", "web": "web"}
    good = bs.Runs.from_frame(frame | {"web": 1 - frame["code"]}, inputs=inputs)
    assert bs.build_model(good, law=Mixture(), discrepancy=None).free_RVs
    rounded = bs.Runs.from_frame(frame | {"web": (1 - frame["code"]).round(2)}, inputs=inputs)
    spec = specify(rounded, law=Mixture(), discrepancy=None)
    whole = rounded["code"] + rounded["web"]
    np.testing.assert_allclose(
        spec.centred(rounded)["code"] + spec.reference["code"], rounded["code"] / whole
    )
    (note,) = (c for c in check_design(spec, rounded) if c.name == "rounded shares")
    assert note.severity == "note"
    assert f"{whole.min():.4g}" in note.text
    bad = bs.Runs.from_frame(frame | {"web": 0.9 - frame["code"]}, inputs=inputs)
    with pytest.raises(RunsError, match=r"must add up to 1 .*12 of 12.*run 0"):
        bs.build_model(bad, law=Mixture(), discrepancy=None)


ROUTER = bs.Quantity("router", role="label")


class Routers(bs.Law):
    """A power of parameters and experts, of which one is the reference; a gain a router."""

    name = "routers"
    inputs = ("params", EXPERTS, ROUTER)
    references = MappingProxyType({"experts": 1.0})
    coordinates = (
        laws.LEVEL, laws.SLOPE_N,
        bs.Coordinate("gain_a", "log", -1.0, 0.5, "1", "power of N that experts are worth by a"),
        bs.Coordinate("gain_b", "log", -1.0, 0.5, "1", "power of N that experts are worth by b"),
    )  # fmt: skip

    def log_loss(self, c, x, xp):
        gain = laws.by_label(x["router"], [c["gain_a"], c["gain_b"]], xp)
        n = x["params"] + gain * xp.log1p(xp.expm1(x["experts"]))
        return xp.log(c["level"]) - c["slope_N"] * xp.where(n > 0, n, xp.tanh(n))


def routed_runs(routers=("b", "a"), experts=(1, 8, 64)) -> bs.Runs:
    n, e, r = (np.ravel(v) for v in np.meshgrid(np.geomspace(1e7, 1e9, 6), experts, routers))
    x = {"params": np.log(n / 1e8), "experts": np.log(e), "router": (r == "b") * 1.0}
    c = {"level": 1.0, "slope_N": 0.1, "gain_a": 0.3, "gain_b": 0.4}
    loss = 2.7 * np.exp(Routers().log_loss(c, x, np))
    noise = np.exp(0.003 * np.random.default_rng(1).standard_normal(len(n)))
    frame = {"params": n, "loss": loss * noise, "experts": e, "router": r}
    return bs.Runs.from_frame(frame, inputs={"experts": "experts"}, group="router")


def test_a_law_of_labels_without_tokens_measures_an_input_from_its_own_reference(tmp_path):
    runs = routed_runs()
    spec = specify(runs, law=Routers())
    assert spec.reference["experts"] == 1.0
    assert spec.law.quantities["router"].levels == ("a", "b")
    at = spec.centred({"params": 1e8, "experts": np.array([8.0]), "router": ["b"]})
    assert (at["experts"][0], at["router"][0]) == (np.log(8), 1.0)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    expected = pymc_density(spec, runs)
    for u in points(spec, 3):
        assert_same(np.append(*density(u)), expected(u))
    fit = bs.fit(runs, law=Routers(), random_seed=1, progress=False, draws=300, tune=300)
    assert fit.draws["sample_stats"].attrs["density"] == "fused"
    by_router = bs.extrapolate(fit, params=1e9, experts=64, router=["a", "b"]).summary
    assert by_router["router"].tolist() == ["a", "b"]
    assert by_router["law_loss"].iloc[1] < by_router["law_loss"].iloc[0]
    again = bs.load_fit(fit.save(tmp_path / "fit.nc"), law=Routers())
    assert again.law.quantities["router"].levels == ("a", "b")
    with pytest.raises(DomainError, match=r"router must be one label .* among 'a', 'b'.*c"):
        bs.extrapolate(fit, params=1e9, experts=64, router="c")


@pytest.mark.parametrize(
    "references", [{"expert": 1.0}, {"experts": 0.0}, {"experts": "router"}, {"router": 1.0},
                   {"experts": "params", "params": 1e9}],
)  # fmt: skip
def test_a_reference_is_a_value_or_another_input(references):
    class Odd(Routers):
        pass

    Odd.references = references
    with pytest.raises(DomainError, match="measures"):
        specify(routed_runs(), law=Odd())


def test_a_level_that_a_law_does_not_have_is_refused():
    class Stated(Routers):
        inputs = ("params", EXPERTS, bs.Quantity("router", role="label", levels=("a", "b")))

    with pytest.raises(RunsError, match=r"among 'a', 'b'.*6 of 12 runs.*router=.c"):
        specify(routed_runs(("a", "c"), experts=(8,)), law=Stated())
