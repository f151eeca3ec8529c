"""The fused density of every model is that of PyMC's graph."""

from itertools import product

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.density import CannotTraceError, FusedDensity, environment, evaluate, trace
from bayesscale.inference import compile_model, is_compiled
from bayesscale.laws import LAWS, LEVEL, SLOPE_D
from bayesscale.model import DISCREPANCIES, NOISES, model_data, resolve_priors, specify
from tests.density.against import assert_same, points, pymc_density, runs_with
from tests.density.test_functions import TARGETS, X86

PRODUCT = list(product(LAWS, NOISES, DISCREPANCIES, (False, True), (False, True)))

# of the product, each law, and each noise with and without clusters and errors
ALWAYS = {
    ("unified", noise, discrepancy, clusters, errors)
    for (noise, discrepancy, clusters, errors) in [
        ("student_t", "drift", False, False), ("student_t", "drift", True, True),
        ("student_t", "none", True, False), ("student_t", "drift", False, True),
        ("normal", "none", False, False), ("normal", "drift", True, False),
        ("one_sided", "none", False, False), ("one_sided", "none", True, True),
        ("one_sided", "drift", False, True),
    ]
} | {
    (law, noise, discrepancy, False, False)
    for law, noise, discrepancy in zip(
        (law for law in LAWS if law != "unified"),
        ("normal", "student_t", "one_sided", "student_t") * 3,
        ("drift", "drift", "none", "none") * 3,
        strict=False,
    )
}  # fmt: skip


@pytest.mark.parametrize(
    ("law", "noise", "discrepancy", "clusters", "errors"),
    [case if case in ALWAYS else pytest.param(*case, marks=pytest.mark.slow) for case in PRODUCT],
)
def test_value_and_gradient_are_pymcs(law, noise, discrepancy, clusters, errors):
    runs = runs_with(errors=errors, clusters=clusters, law=law, noise="normal")
    spec = specify(runs, law=law, noise=noise, discrepancy=discrepancy)
    compiled = compile_model(spec, runs)
    assert compiled.kind == "fused"
    density, expected = compiled.bind(model_data(spec, runs)), pymc_density(spec, runs)
    for u in points(spec, 3):
        u[spec.space.names.index("sigma")] += 2.0  # or erfcx of runs far away is all cancellation
        assert_same(np.append(*density(u)), expected(u))


def test_the_gradient_is_the_slope_of_the_value():
    runs = runs_with(errors=True, clusters=True)
    spec = specify(runs)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    for u in points(spec, 3):
        _, gradient = density(u)
        for i, step in enumerate(1e-5 * np.eye(len(u))):
            slope = (density(u + step)[0] - density(u - step)[0]) / 2e-5
            assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("clusters", [False, True])
def test_rows_that_do_not_fill_a_block(clusters):
    """As many as you like, in one compiled density; each row counts once, whatever pads it."""
    full = runs_with(errors=False, clusters=clusters, sizes=sizes(240))
    spec = specify(full)
    compiled = compile_model(spec, full)
    u = points(spec, 1)[0]
    for n in [*range(1, 21), 48, 99, 240]:
        data = model_data(spec, full.select(np.arange(240) < n))
        got = np.append(*compiled.bind(data)(u))
        assert_same(got, in_numpy(spec, data, u), rtol=1e-12)


def sizes(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    return rng.lognormal(20, 1.5, n), rng.lognormal(23, 1.5, n)


def in_numpy(spec, data, u):
    """Evaluate the traced graph without compiling it, one row after the other adding up."""
    traced = trace(spec)
    codes = data.get("cluster_code")
    return np.array(evaluate([traced.value, *traced.gradient], environment(data), codes, u))


def test_one_row_more_is_one_term_more():
    runs = runs_with(errors=False, clusters=False)
    spec = specify(runs, law="chinchilla", discrepancy=None)
    compiled = compile_model(spec, runs)
    (u,) = points(spec, 1)
    data = model_data(spec, runs)

    def value(rows):
        some = {k: v[rows] if len(np.shape(v)) == 1 else v for k, v in data.items()}
        return compiled.bind(some)(u)[0]

    first = value(np.array([0]))
    for n in range(1, 24):
        rows = np.zeros(n, int)  # the same row, again and again
        assert value(rows) - first == pytest.approx((n - 1) * (value(np.array([0, 0])) - first))


def test_values_in_padding_do_not_count():
    """A last row whose terms are not finite spoils a sum only where it is in it."""
    runs = runs_with(errors=False, clusters=False, n_rows=17)
    spec = specify(runs, law="chinchilla", discrepancy=None)
    density = compile_model(spec, runs).bind(model_data(spec, runs))
    (u,) = points(spec, 1)
    before = np.append(*density(u))
    density.alive[1]["rows"][-1, :, 1:] = np.nan
    np.testing.assert_array_equal(np.append(*density(u)), before)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("noise", ["student_t", "one_sided"])
def test_lesser_processors_agree(noise, target):
    if TARGETS[target] and not X86:
        pytest.skip("another family of processors")
    runs = runs_with(errors=False, clusters=True, n_rows=43)
    spec = specify(runs, noise=noise)
    data = model_data(spec, runs)
    density = FusedDensity(trace(spec), **TARGETS[target]).bind(data)
    for u in points(spec, 3):
        assert_same(np.append(*density(u)), in_numpy(spec, data, u))


def test_data_and_priors_are_swapped_without_compiling():
    first = runs_with(errors=True, clusters=True)
    compile_model(specify(first), first)
    other = runs_with(errors=True, clusters=True, n_rows=31, seed=5)
    spec = specify(other, priors={"slope_N": bs.Prior.between(0.05, 0.08)})
    assert is_compiled(spec)
    density = compile_model(spec, other).bind(model_data(spec, other))
    expected = pymc_density(spec, other)
    for u in points(spec, 2):
        assert_same(np.append(*density(u)), expected(u))


class Own(bs.Law):
    """A law of somebody's own, who knows nothing of tracing."""

    name, inputs, coordinates = "own", ("params", "tokens"), (LEVEL, SLOPE_D)

    def __init__(self, floor):
        self.floor = floor

    def log_loss(self, c, x, xp):
        rate = xp.maximum(c["slope_D"], self.floor)
        drop = xp.where(x["params"] > 0.5, 1 - xp.exp(-rate), xp.tanh(rate * x["params"]) ** 2)
        spread = xp.sqrt(1 + abs(x["tokens"]) ** 1.5) / (2 + x["params"] ** 2)
        return xp.log(c["level"]) - rate * x["tokens"] + np.float64(0.5) * drop / spread


def test_a_law_of_ones_own():
    runs = runs_with(errors=False, clusters=False)
    for floor in (0.1, np.float64(0.5)):
        spec = specify(runs, law=Own(floor))
        compiled = compile_model(spec, runs)
        assert compiled.kind == "fused"
        density, expected = compiled.bind(model_data(spec, runs)), pymc_density(spec, runs)
        for u in points(spec, 3):
            assert_same(np.append(*density(u)), expected(u))


class Untraceable(Own):
    """A law that asks for what is not traced."""

    name = "untraceable"

    def __init__(self, formula):
        self.formula = formula

    def log_loss(self, c, x, xp):
        return self.formula(c, x, xp)


@pytest.mark.parametrize(("formula", "reason"), [
    (lambda c, x, xp: xp.arctan(x["params"]) * c["level"], "'arctan'"),
    (lambda c, x, xp: c["level"] * (x["params"] if c["slope_D"] > 9 else x["tokens"]), "branch"),
    (lambda c, x, xp: c["level"] * x["params"] * (c["slope_D"] == 0.5), "=="),
    (lambda c, x, xp: c["level"] * x["params"] * np.array([1.0, 2.0]), "array"),
    (lambda c, x, xp: np.exp(c["level"]) * x["params"], "ufunc"),
    (lambda c, x, xp: c["level"] * x["params"][0] + x["params"], "subscriptable"),
    (lambda c, x, xp: float(c["level"]) * x["params"], "plain number"),
    (lambda c, x, xp: c["level"] * x["params"] * "2", "str"),
])  # fmt: skip
def test_what_is_not_traced_is_refused_with_a_reason(formula, reason):
    spec = specify(runs_with(errors=False, clusters=False), law="chinchilla")
    object.__setattr__(spec, "law", Untraceable(formula))  # and its priors, unchecked
    object.__setattr__(spec, "priors", resolve_priors(spec.coordinates, None))
    with pytest.raises(CannotTraceError, match=reason):
        trace(spec)


def test_a_law_that_is_not_traced_is_sampled_from_pymcs_graph():
    runs = runs_with(errors=False, clusters=False)

    def formula(c, x, xp):
        return xp.log(c["level"]) - c["slope_D"] * xp.arcsinh(x["tokens"])

    spec = specify(runs, law=Untraceable(formula), discrepancy=None)
    compiled = compile_model(spec, runs)
    assert compiled.kind == "pytensor"
    assert "arcsinh" in compiled.note
    density, expected = compiled.bind(model_data(spec, runs)), pymc_density(spec, runs)
    (u,) = points(spec, 1)
    assert_same(np.append(*density(u)), expected(u))
