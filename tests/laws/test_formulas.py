"""Every law's formula: NumPy against PyTensor, finite differences, published numbers, limits."""

import numpy as np
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings, strategies as st
from pytensor import function
from pytensor.gradient import grad

from bayesscale.checks import law_slopes
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.laws import LAWS, Law, get_law, two_terms
from bayesscale.model import LINKS
from tests.simulate import on_slopes

REFERENCE = {
    "params": 1e9, "tokens": 2e10, "flops": 1.2e20, "loss": 2.7, "unique_tokens": 2e10,
    "experts": 1.0, "weight_bits": 16.0, "activation_bits": 16.0, "method": 1.0,
}  # fmt: skip


def random_point(law: Law, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    u = np.array([rng.normal(c.loc, c.scale / 2) for c in law.coordinates])
    x = {name: rng.normal(0, 2, 7) for name in law.quantities}
    return u, x | {"experts": abs(x["experts"])} if "experts" in x else x


def coordinates(law: Law, u) -> dict[str, np.ndarray]:
    return {c.name: LINKS[c.link].backward(v) for c, v in zip(law.coordinates, u, strict=True)}


@pytest.fixture(scope="module", params=list(LAWS))
def graph(request):
    """The law's PyTensor graph of its log loss, and the gradient of its sum in coordinates."""
    law = LAWS[request.param]
    c = {k.name: pt.dscalar(k.name) for k in law.coordinates}
    x = {name: pt.dvector(name) for name in law.quantities}
    log_loss = law.log_loss(c, x, pt)
    outputs = [log_loss, *grad(log_loss.sum(), list(c.values()))]
    return law, function([*c.values(), *x.values()], outputs, mode="FAST_COMPILE")


def test_numpy_equals_pytensor(graph):
    law, compiled = graph
    rng = np.random.default_rng(1)
    for _ in range(20):
        u, x = random_point(law, rng)
        c = coordinates(law, u)
        by_numpy = law.log_loss(c, x, np)
        by_pytensor = compiled(*c.values(), *x.values())[0]
        np.testing.assert_allclose(by_numpy, by_pytensor, rtol=1e-12, atol=1e-12)


def test_gradient_equals_finite_differences(graph):
    law, compiled = graph
    rng = np.random.default_rng(2)
    for _ in range(20):
        u, x = random_point(law, rng)
        c = coordinates(law, u)
        exact = np.array(compiled(*c.values(), *x.values())[1:])
        # the finite differences are taken on the scale of the links
        chain = np.array([np.exp(-LINKS[k.link].log_slope(c[k.name])) for k in law.coordinates])
        differences = law_slopes(law, u, x).sum(axis=0)
        np.testing.assert_allclose(exact * chain, differences, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("name", LAWS)
def test_published_parameters_give_the_same_loss(name):
    """The paper's own equation at the published parameters is the sampled formula."""
    law = LAWS[name]
    rng = np.random.default_rng(3)
    n, d, f = (rng.lognormal(mu, 2, 9) for mu in (20, 24, 46))
    raw = {"params": n, "tokens": d, "flops": f, "unique_tokens": d / rng.uniform(1, 40, 9)}
    raw["experts"] = 2.0 ** np.arange(9)
    raw |= {"weight_bits": np.linspace(1, 16, 9), "activation_bits": 16.0, "method": 1.0}
    for _ in range(20):
        u, _ = random_point(law, rng)
        c = coordinates(law, u)
        x = {k: np.log(raw[k] / REFERENCE[k]) for k in law.quantities}
        p = law.published(c, REFERENCE)
        assert list(p) == list(law.published_units)
        floor, n = p.get("E", 0.0), raw["params"]
        if name.startswith("routed"):
            grown = raw["experts"] - 1 + 1 / (1 / p["M_start"] - 1 / p["M_max"])
            n = n * (1 / (1 / grown + 1 / p["M_max"]) / p["M_start"]) ** p["g"]
        if name == "precision":
            for letter, bits in (("w", raw["weight_bits"]), ("a", raw["activation_bits"])):
                decay = p[f"gamma_{letter}"]
                n = n * (1 - np.exp(-bits / decay)) / (1 - np.exp(-16 / decay))
        if name == "chinchilla":
            loss = floor + p["A"] * n ** -p["alpha_N"] + p["B"] * d ** -p["alpha_D"]
        elif name in ("unified", "routed", "precision", "precision_methods"):
            inner_n, inner_d = p["alpha_N"] / p["k"], p["alpha_D"] / p["k"]
            loss = floor + (p["A"] * n**-inner_n + p["B"] * d**-inner_d) ** p["k"]
        elif name in ("data_constrained", "muennighoff"):
            loss = repeated(name, p, n, d, raw["unique_tokens"])
        elif name in ("kaplan", "kaplan_irreducible"):
            ratio = p["alpha_N"] / p["alpha_D"]
            loss = floor + ((p["N_c"] / n) ** ratio + p["D_c"] / d) ** p["alpha_D"]
        else:
            variable = law.inputs[0]
            letter = {"params": "N", "tokens": "D", "flops": "C"}[variable]
            loss = (
                floor + (p[f"{letter}_c"] / {**raw, "params": n}[variable]) ** p[f"alpha_{letter}"]
            )
        np.testing.assert_allclose(
            np.log(REFERENCE["loss"]) + law.log_loss(c, x, np), np.log(loss), rtol=1e-9, atol=1e-9
        )


def repeated(name: str, p: dict[str, np.ndarray], n, d, u) -> np.ndarray:
    """The loss of runs on repeated data, as the equations are printed."""
    inner_n, inner_d = p["alpha_N"] / p["k"], p["alpha_D"] / p["k"]
    r, over = d / u - 1, 1.0
    worth = u * (1 + p["R_D"] * (1 - np.exp(-r / p["R_D"])))
    if name == "muennighoff":
        best = (inner_n * p["A"] / (inner_d * p["B"] * u**-inner_d)) ** (1 / inner_n)
        u_n = np.minimum(n, best)
        n = u_n * (1 + p["R_N"] * (1 - np.exp(-(n / u_n - 1) / p["R_N"])))
    else:
        over = np.exp(p["P"] * r * n ** p["q_N"] * u ** -p["q_U"])
    return (p["E"] + (p["A"] * n**-inner_n + p["B"] * worth**-inner_d) ** p["k"]) * over


def besiroglu() -> tuple[dict[str, float], dict[str, float]]:
    """Coordinates of the published replication (maximum likelihood, free scale)."""
    ln_a, ln_b, ln_e, alpha, beta = 6.177956, 7.642732, 0.597112, 0.347813, 0.365854
    ref = {"params": 1e9, "tokens": 2e10, "flops": 1.2e20, "loss": 1.0}
    terms = np.exp([ln_e, ln_a - alpha * np.log(1e9), ln_b - beta * np.log(2e10)])
    floor, share = terms[0] / terms.sum(), terms[1] / terms[1:].sum()
    slopes = on_slopes(share, alpha, beta, floor)
    return {"level": terms.sum(), "irreducible_share": floor, **slopes}, ref


@pytest.mark.parametrize(
    ("n", "d", "loss"),
    [(70e9, 1.4e12, 1.9734), (280e9, 300e9, 1.9991), (8e9, 15e12, 2.0216), (6.7e9, 1e12, 2.0860)],
)
def test_besiroglu_losses_of_landmark_models(n, d, loss):
    c, ref = besiroglu()
    x = {"params": np.log(n / ref["params"]), "tokens": np.log(d / ref["tokens"])}
    assert np.exp(get_law("chinchilla").log_loss(c, x, np)) == pytest.approx(loss, abs=6e-5)


@pytest.mark.parametrize(("name", "exponent", "constant", "x", "loss"), [
    ("kaplan_params", 0.076, 8.8e13, 1e9, 2.37564),
    ("kaplan_params", 0.076, 8.8e13, 1.75e11, 1.60439),
    ("kaplan_data", 0.095, 5.4e13, 1e11, 1.81793),
    ("kaplan_compute", 0.050, 3.1e8 * 8.64e19, 8.64e19, 2.65808),
])  # fmt: skip
def test_kaplan_spot_values(name, exponent, constant, x, loss):
    law = get_law(name)
    (variable,) = law.inputs
    reference = dict.fromkeys(("params", "tokens", "flops"), constant) | {"loss": 1.0}
    c = {"level": 1.0, law.coordinates[1].name: exponent}
    value = law.log_loss(c, {variable: np.log(x / reference[variable])}, np)
    assert np.exp(value) == pytest.approx(loss, abs=6e-6)


def test_unified_holds_chinchilla_at_k_one():
    rng = np.random.default_rng(4)
    chinchilla, unified = get_law("chinchilla"), get_law("unified")
    u, x = random_point(chinchilla, rng)
    c = coordinates(chinchilla, u)
    np.testing.assert_allclose(
        unified.log_loss(c | {"k": 1.0}, x, np), chinchilla.log_loss(c, x, np), rtol=1e-13
    )


def test_unified_holds_kaplan_without_irreducible_loss():
    rng = np.random.default_rng(5)
    kaplan, unified = get_law("kaplan"), get_law("unified")
    u, x = random_point(kaplan, rng)
    c = coordinates(kaplan, u)
    inside = c | {"irreducible_share": 0.0, "k": two_terms(c)[2]}
    np.testing.assert_allclose(
        unified.log_loss(inside, x, np), kaplan.log_loss(c, x, np), rtol=1e-12
    )


@given(seed=st.integers(0, 2**31), name=st.sampled_from(sorted(LAWS)))
@settings(max_examples=60, deadline=None)
def test_loss_falls_in_every_input_and_is_level_at_the_centre(seed, name):
    law = LAWS[name]
    u, x = random_point(law, np.random.default_rng(seed))
    c = coordinates(law, u)
    centre = {k: np.zeros(1) for k in law.quantities}
    if name != "muennighoff":  # whose parameters may be in excess there
        np.testing.assert_allclose(law.log_loss(c, centre, np), np.log(c["level"]), atol=1e-12)
    here = law.log_loss(c, x, np)
    for k in law.split or law.quantities:
        if law.given:  # more of the others may do harm
            break
        more = law.log_loss(c, x | {k: x[k] + 0.5}, np)
        assert (more <= here + 1e-15).all()


@given(seed=st.integers(0, 2**31), name=st.sampled_from(sorted(LAWS)), factor=st.floats(0.01, 100))
@settings(max_examples=40, deadline=None)
def test_a_unit_of_parameters_moves_amplitudes_only(seed, name, factor):
    law = LAWS[name]
    u, _ = random_point(law, np.random.default_rng(seed))
    c = coordinates(law, u)
    before = law.published(c, REFERENCE)
    rescaled = REFERENCE | {"params": REFERENCE["params"] * factor}
    after = law.published(c, rescaled)
    for key in set(before) - {"A", "N_c", "P"}:
        np.testing.assert_allclose(after[key], before[key], rtol=1e-12)


@pytest.mark.parametrize("name", ["data_constrained", "muennighoff"])
def test_a_run_of_one_epoch_is_the_plain_law_s(name):
    law, plain = get_law(name), get_law("unified")
    u, x = random_point(law, np.random.default_rng(6))
    c = coordinates(law, u)
    x = x | {"unique_tokens": x["tokens"], "params": np.full(7, -9.0)}  # no parameters in excess
    np.testing.assert_allclose(law.log_loss(c, x, np), plain.log_loss(c, x, np), rtol=1e-12)


def test_unknown_law_is_suggested():
    with pytest.raises(UnknownNameError, match="Did you mean 'chinchilla'"):
        get_law("chinchila")


def test_a_class_is_not_a_law():
    with pytest.raises(DomainError, match=r"law=Chinchilla\(\)"):
        get_law(type(LAWS["chinchilla"]))  # pyright: ignore[reportArgumentType]
