"""Bridge sampling against densities whose constants are known."""

import numpy as np
import pytest
from scipy.special import gammaln

from bayesscale.comparison import bridge_sampling
from bayesscale.errors import DomainError


def gaussian(d: int, rho: float):
    covariance = (1 - rho) * np.eye(d) + rho
    precision, root = np.linalg.inv(covariance), np.linalg.cholesky(covariance)
    exact = 0.5 * d * np.log(2 * np.pi) + np.log(np.diag(root)).sum()
    return (lambda u: -0.5 * u @ precision @ u, lambda rng, n: rng.normal(size=(*n, d)) @ root.T,
            exact)  # fmt: skip


def student(d: int, nu: float):
    exact = gammaln(nu / 2) - gammaln((nu + d) / 2) + 0.5 * d * np.log(nu * np.pi)

    def draw(rng, n):
        return rng.normal(size=(*n, d)) / np.sqrt(rng.chisquare(nu, size=(*n, 1)) / nu)

    return lambda u: -0.5 * (nu + d) * np.log1p(u @ u / nu), draw, exact


def skewed(d: int, shape: float):
    """Logs of gamma variates."""
    return (
        lambda u: float((shape * u - np.exp(u)).sum()),
        lambda rng, n: np.log(rng.gamma(shape, size=(*n, d))),
        d * gammaln(shape),
    )


TARGETS = {
    "normal 2": gaussian(2, 0.0),
    "normal 10, correlated .99": gaussian(10, 0.99),
    "normal 50, correlated .99": gaussian(50, 0.99),
    "student 5": student(5, 5.0),
    "skewed 1": skewed(1, 0.7),
    "skewed 6": skewed(6, 2.0),
}


@pytest.mark.parametrize("name", TARGETS)
def test_known_constants_within_four_errors(name):
    log_density, draw, exact = TARGETS[name]
    draws = draw(np.random.default_rng(1), (4, 1000))
    estimate = bridge_sampling(log_density, draws)
    assert abs(estimate.log_evidence - exact) < 4 * estimate.mcse + 1e-8
    assert estimate.mcse < 0.1
    assert 0 < estimate.overlap <= 1 + 1e-9


@pytest.mark.parametrize("name", ["student 5", "skewed 1", "skewed 6"])
def test_reported_errors_are_calibrated(name):
    """Over 100 repeats, also of autocorrelated draws, z-scores have a standard deviation near 1."""
    log_density, draw, exact = TARGETS[name]
    z = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        draws = draw(rng, (2, 250))
        estimate = bridge_sampling(log_density, draws, random_seed=seed)
        z.append((estimate.log_evidence - exact) / estimate.mcse)
    assert 0.8 < np.std(z) < 1.25
    assert abs(np.mean(z)) < 0.5


def test_autocorrelation_widens_the_error():
    rng = np.random.default_rng(3)
    z = []
    for seed in range(60):
        noise = rng.normal(size=(4, 500, 1))
        draws = np.empty_like(noise)
        draws[:, 0] = noise[:, 0]
        for t in range(1, 500):  # AR(1) .9, made skewed by a monotone map of known Jacobian
            draws[:, t] = 0.9 * draws[:, t - 1] + np.sqrt(1 - 0.81) * noise[:, t]
        estimate = bridge_sampling(
            lambda v: float(-0.5 * np.arcsinh(v[0]) ** 2 - 0.5 * np.log1p(v[0] ** 2)),
            np.sinh(draws), random_seed=seed,
        )  # fmt: skip
        z.append((estimate.log_evidence - 0.5 * np.log(2 * np.pi)) / estimate.mcse)
    assert 0.7 < np.std(z) < 1.4


def test_what_cannot_be_bridged():
    draws = np.random.default_rng(0).normal(size=(4, 200, 2))
    with pytest.raises(DomainError, match="shape"):
        bridge_sampling(lambda u: 0.0, draws[0])
    with pytest.raises(DomainError, match="not finite"):
        bridge_sampling(lambda u: -np.inf, draws)
