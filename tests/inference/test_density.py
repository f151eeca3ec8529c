"""The density that is sampled is the one that is written down."""

import numpy as np
import pytest

from bayesscale.errors import PriorError, UnknownNameError
from bayesscale.inference import compile_model, is_compiled
from bayesscale.laws import LAWS
from bayesscale.model import LINKS, NOISES, Posterior, Prior, model_data, specify
from bayesscale.runs import Runs
from tests.density.against import runs_with
from tests.simulate import simulate_runs

SLOW = pytest.mark.slow


def with_errors(runs: Runs) -> Runs:
    return Runs.from_frame(
        {"params": runs.params, "tokens": runs.tokens, "loss": runs.loss,
         "loss_se": np.full(len(runs), 0.01)}
    )  # fmt: skip


def agree(spec, runs: Runs) -> None:
    """Compiled log density = NumPy's likelihood + prior + Jacobian, with every constant."""
    log_density = compile_model(spec, runs).bind(model_data(spec, runs))
    rng = np.random.default_rng(1)
    centre = np.array([k.loc for k in spec.coordinates])
    for _ in range(5):
        u = centre + rng.normal(0, 0.3, len(centre))
        c = spec.space.constrain(u)
        likelihood = Posterior.of(spec, c).log_likelihood(runs).sum()
        prior = sum(float(spec.space.log_prior(name, value)) for name, value in c.items())
        jacobian = -sum(float(LINKS[k.link].log_slope(c[k.name])) for k in spec.coordinates)
        value, gradient = log_density(u)
        assert value == pytest.approx(likelihood + prior + jacobian, rel=1e-11)
        h = 1e-6
        for i in range(len(u)):
            step = h * np.eye(len(u))[i]
            ahead, behind = (log_density(u + s)[0] for s in (step, -step))
            assert gradient[i] == pytest.approx((ahead - behind) / (2 * h), rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("noise", NOISES)
def test_sampled_density_is_prior_times_likelihood(noise):
    runs = simulate_runs()
    agree(specify(runs, law="chinchilla", noise=noise, discrepancy=None), runs)


@pytest.mark.parametrize(
    "law", [pytest.param(law, marks=SLOW) for law in LAWS if law != "chinchilla"]
)
def test_sampled_density_of_every_law(law):
    runs = runs_with(errors=False, clusters=False, law=law)
    agree(specify(runs, law=law, discrepancy=None), runs)


@pytest.mark.parametrize(
    "law",
    ["chinchilla", *(pytest.param(f"kaplan_{of}", marks=SLOW) for of in ("params", "compute"))],
)
def test_sampled_density_with_a_discrepancy(law):
    runs = simulate_runs()
    agree(specify(runs, law=law, discrepancy="drift"), runs)


@pytest.mark.parametrize("noise", ["student_t", pytest.param("one_sided", marks=SLOW)])
def test_standard_errors_of_the_loss_widen_the_noise(noise):
    runs = with_errors(simulate_runs())
    agree(specify(runs, law="chinchilla", noise=noise, discrepancy=None), runs)


@pytest.mark.parametrize("errors", [False, True])
@pytest.mark.parametrize(
    "noise", ["normal", *(pytest.param(n, marks=SLOW) for n in ("student_t", "one_sided"))]
)
def test_sampled_density_of_clusters(noise, errors):
    """Of five rows each, and some rows of their own; then of fewer and other clusters."""
    frame = (with_errors(simulate_runs()) if errors else simulate_runs()).frame
    runs = Runs.from_frame(frame.assign(run=clusters(48)), cluster="run")
    agree(specify(runs, law="chinchilla", noise=noise, discrepancy=None), runs)
    other = runs.select(np.arange(48) % 3 > 0)
    spec = specify(other, law="chinchilla", noise=noise, discrepancy=None)
    assert is_compiled(spec)
    agree(spec, other)


def clusters(n_rows: int) -> np.ndarray:
    """Label rows by fives, interleaved with three rows of their own."""
    return np.where(np.arange(n_rows) % 20 == 7, np.nan, np.arange(n_rows) % 9)


def test_swapping_data_and_prior_numbers_needs_no_compilation():
    first, other = simulate_runs(seed=1), simulate_runs(seed=2).select(np.arange(48) % 2 == 0)
    compile_model(specify(first, law="chinchilla", discrepancy=None), first)
    spec = specify(
        other, law="chinchilla", discrepancy=None, priors={"slope_N": Prior.between(0.05, 0.08)}
    )
    assert is_compiled(spec)
    agree(spec, other)


def test_a_prior_of_another_family_is_pymcs_own():
    runs = simulate_runs()
    beta = Prior("Beta", alpha=3, beta=6)
    spec = specify(runs, law="chinchilla", discrepancy=None, priors={"slope_N": beta})
    value = spec.space.constrain(np.array([0, -0.4, -1, 0, 0, -5, 2.0, 0, 0]))["slope_N"]
    assert float(value) == pytest.approx(1 / (1 + np.exp(0.4)))  # Beta's transform is the logit
    u = np.array([[0.1, -0.4, -1, 0.2, 0.3, -5, 2.0, -0.1, 0.1]])
    np.testing.assert_allclose(spec.space.unconstrain(spec.space.constrain(u)), u, rtol=1e-12)
    from scipy.stats import beta as scipy_beta

    log_prior = spec.space.log_prior("slope_N", np.array([0.3, 0.4]))
    np.testing.assert_allclose(log_prior, scipy_beta(3, 6).logpdf([0.3, 0.4]), rtol=1e-12)


@pytest.mark.parametrize(
    ("prior", "error", "message"),
    [
        (Prior("Betta", alpha=3, beta=6), UnknownNameError, "Did you mean 'Beta'"),
        (Prior("Beta", alpah=3, beta=6), PriorError, "Did you mean 'alpha'"),
    ],
)
def test_a_prior_that_pymc_does_not_have(prior, error, message):
    runs = simulate_runs()
    spec = specify(runs, law="chinchilla", discrepancy=None, priors={"slope_N": prior})
    with pytest.raises(error, match=message):
        compile_model(spec, runs)
