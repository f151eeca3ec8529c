"""Every function of a graph, compiled for numbers and for rows, against SciPy and derivatives."""

import platform

import numpy as np
import pytest
from scipy import special

from bayesscale.density import FUNCTIONS, ROW, FusedDensity, Graph, Trace, gradient

BOTH_SIDES = np.concatenate([-np.geomspace(1e-300, 700, 150)[::-1], np.geomspace(1e-300, 700, 150)])
POSITIVE = np.geomspace(1e-300, 1e300, 301)
GAMMA = np.geomspace(1e-10, 1e10, 301)

DERIVATIVES = {
    "exp": np.exp, "log": lambda x: 1 / x, "log1p": lambda x: 1 / (1 + x), "expm1": np.exp,
    "sqrt": lambda x: 0.5 / np.sqrt(x), "reciprocal": lambda x: -1 / x**2, "abs": np.sign,
    "tanh": lambda x: 1 / np.cosh(np.minimum(abs(x), 350)) ** 2, "softplus": special.expit,
    "sigmoid": lambda x: special.expit(x) * special.expit(-x), "gammaln": special.digamma,
    "erfc": lambda x: -2 / np.sqrt(np.pi) * np.exp(-(x**2)),
    "erfcx": lambda x: 2 * x * special.erfcx(x) - 2 / np.sqrt(np.pi),
}  # fmt: skip
DOMAINS = {
    "log": POSITIVE, "log1p": POSITIVE, "sqrt": POSITIVE, "reciprocal": np.geomspace(1e-99, 1e99),
    "gammaln": GAMMA, "erfc": np.linspace(-6, 25, 301),
    "erfcx": np.concatenate([np.linspace(-5, 30, 301), np.geomspace(30, 1e3, 60)]),
}  # fmt: skip
# relative, of value and derivative; erfc is as good as the argument of its exponential
TOLERANCE = {"erfc": (2e-13, 2e-13), "erfcx": (3e-14, 1e-7), "gammaln": (1e-14, 1e-14),
             "expm1": (2e-15, 1e-15), "tanh": (2e-15, 1e-10)}  # fmt: skip

TARGETS = {
    "this processor": {},
    "AVX2": {"cpu": "x86-64-v3", "features": ""},
    "AVX2 without FMA": {"cpu": "x86-64-v3", "features": "-fma"},
    "SSE2": {"cpu": "x86-64", "features": ""},
}
X86 = platform.machine() in ("x86_64", "AMD64")


def of_rows(name: str, x: np.ndarray, **target: str) -> tuple[np.ndarray, np.ndarray]:
    """Compile f(p x) at p = 1 over one row at a time; the slope by p is that by x, times x."""
    graph = Graph()
    parameter = graph.parameter(0)
    row = graph.data("log_loss_observed", ROW) * parameter
    total = graph.total(graph.apply(name, row), ROW)
    density = FusedDensity(Trace(total, gradient(total, [parameter])), **target)
    one, no_prior = np.ones(1), np.empty((0, 2))
    bound = [density.bind({"log_loss_observed": v[None], "hyperparameters": no_prior}) for v in x]
    value, slope = np.array([(v, s[0]) for v, s in (b(one) for b in bound)]).T
    with np.errstate(all="ignore"):
        return value, slope / x


def of_numbers(name: str, x: np.ndarray, **target: str) -> tuple[np.ndarray, np.ndarray]:
    graph = Graph()
    parameter = graph.parameter(0)
    value = graph.apply(name, parameter)
    density = FusedDensity(Trace(value, gradient(value, [parameter])), **target)
    bound = density.bind({"log_loss_observed": np.zeros(1), "hyperparameters": np.empty((0, 2))})
    value, slope = np.array([(v, s[0]) for v, s in (bound(np.array([v])) for v in x)]).T
    return value, slope


@pytest.mark.parametrize("on", [of_numbers, of_rows])
@pytest.mark.parametrize("name", DERIVATIVES)
def test_functions_and_their_derivatives(name, on):
    x = DOMAINS.get(name, BOTH_SIDES)
    value, slope = on(name, x)
    of_value, of_slope = TOLERANCE.get(name, (1e-15, 4e-15))
    with np.errstate(all="ignore"):
        expected, expected_slope = FUNCTIONS[name](x), DERIVATIVES[name](x)
    near_zero = 1e-14 if name == "gammaln" else 1e-300
    np.testing.assert_allclose(value, expected, rtol=of_value, atol=near_zero)
    seen = np.isfinite(slope)  # a slope that overflows on the way is no slope to test
    assert seen.mean() > 0.9
    atol = {"gammaln": 1e-14, "erfcx": 1e-14}.get(name, 1e-300)
    np.testing.assert_allclose(slope[seen], expected_slope[seen], rtol=of_slope, atol=atol)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "erfcx"])
def test_lesser_processors(name, target):
    if TARGETS[target] and not X86:
        pytest.skip("another family of processors")
    x = DOMAINS.get(name, BOTH_SIDES)[::7]
    expected = FUNCTIONS[name](x)
    for on in (of_numbers, of_rows):
        value, _ = on(name, x, **TARGETS[target])
        np.testing.assert_allclose(value, expected, rtol=3e-14, atol=1e-300)


@pytest.mark.parametrize(("name", "x", "expected"), [
    ("exp", [800.0, -800.0, np.inf, -np.inf, np.nan, 0.0], [np.inf, 0, np.inf, 0, np.nan, 1]),
    ("log", [0.0, -1.0, np.inf, np.nan, 1.0], [-np.inf, np.nan, np.inf, np.nan, 0.0]),
    ("softplus", [800.0, -800.0, np.nan], [800.0, 0.0, np.nan]),
    ("sigmoid", [800.0, -800.0, np.nan], [1.0, 0.0, np.nan]),
    ("gammaln", [-1.5, np.nan], [np.nan, np.nan]),
    ("tanh", [800.0, -800.0], [1.0, -1.0]),
])  # fmt: skip
def test_ends_of_the_line(name, x, expected):
    for on in (of_numbers, of_rows):
        np.testing.assert_allclose(on(name, np.array(x))[0], expected, rtol=1e-15, atol=1e-300)


@pytest.mark.parametrize("exponent", [-2.5, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3, 5, 7, 2.2, 11])
def test_powers(exponent):
    graph = Graph()
    x = graph.parameter(0)
    value = graph.lift(x**exponent)
    density = FusedDensity(Trace(value, gradient(value, [x])))
    bound = density.bind({"log_loss_observed": np.zeros(1), "hyperparameters": np.empty((0, 2))})
    for v in (0.3, 1.0, 17.0):
        got, slope = bound(np.array([v]))
        assert got == pytest.approx(v**exponent, rel=1e-14)
        assert slope[0] == pytest.approx(exponent * v ** (exponent - 1), rel=1e-14)
