"""Noise densities against scipy's and against quadrature, and draws against densities."""

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy import integrate, stats

from bayesscale.model import MATHS, NOISES, Residuals, Rows, log_mills

C = {
    "sigma": np.array(0.01), "nu_minus_one": np.array(3.0), "mean_excess": np.array(0.03),
    "undertuned_share": np.array(0.2),
}  # fmt: skip


def lone(n_rows, log_loss_se=0.0):
    return Rows(np.arange(n_rows), np.broadcast_to(log_loss_se, n_rows), False)


def one_sided(residual, c):
    """The density by its definition: a normal, and one with an exponential added."""
    sigma, mean, share = (float(c[k]) for k in ("sigma", "mean_excess", "undertuned_share"))
    tuned = stats.norm(scale=sigma).pdf(residual)
    under = stats.exponnorm(mean / sigma, scale=sigma).pdf(residual)
    return (1 - share) * tuned + share * under


EXACT = {
    "student_t": lambda r: stats.t(4, scale=0.01).pdf(r),
    "normal": lambda r: stats.norm(scale=0.01).pdf(r),
    "one_sided": lambda r: one_sided(r, C),
}


@pytest.mark.parametrize("name", NOISES)
def test_density_is_the_one_that_is_defined(name):
    residual = np.linspace(-0.1, 0.1, 9)
    density = NOISES[name].log_density(lone(9), residual, C)
    np.testing.assert_allclose(density, np.log(EXACT[name](residual)), rtol=1e-10)


@pytest.mark.parametrize("name", NOISES)
def test_draws_follow_their_density(name):
    draws = NOISES[name].draw(np.random.default_rng(1), (5000,), C)
    grid = np.linspace(-0.5, 0.6, 40_001)
    cdf = integrate.cumulative_simpson(EXACT[name](grid), x=grid, initial=0)
    assert stats.kstest(draws, lambda r: np.interp(r, grid, cdf)).pvalue > 0.001


def test_standard_errors_widen_the_normal_part_alone():
    one = NOISES["one_sided"]
    residual = np.linspace(-0.1, 0.3, 9)
    wide = one.log_density(lone(9, 0.02), residual, C)
    exact = np.log(one_sided(residual, C | {"sigma": np.hypot(0.01, 0.02)}))
    np.testing.assert_allclose(wide, exact, rtol=1e-10)


# value and slope of ln[Φ(-a) / φ(a)] to 20 digits
MILLS = {
    -1e4: (50000000.918938533205, -1e4),
    -30.0: (450.91893853320467274, -30.0),
    -1.0: (1.2461847541812228523, -1.2875999709391783612),
    0.0: (0.22579135264472743236, -0.79788456080286535588),
    1.0: (-0.42208311180459076399, -0.52513527616098120909),
    30.0: (-3.4023054231385243656, -0.033259667433677037071),
    1e4: (-9.2103403819761824861, -0.0000999999980000001),
}


@pytest.fixture(scope="module")
def compiled_mills():
    a = pt.dvector("a")
    value = log_mills(a, pt)
    return pytensor.function([a], [value, pytensor.grad(value.sum(), a)], mode="NUMBA")


def test_mills_ratio_is_accurate_in_both_tails(compiled_mills):
    a = np.array(list(MILLS))
    value, slope = np.array(list(MILLS.values())).T
    np.testing.assert_allclose(log_mills(a, MATHS), value, rtol=1e-11)
    compiled = compiled_mills(a)
    np.testing.assert_allclose(compiled[0], value, rtol=1e-11)
    np.testing.assert_allclose(compiled[1], slope, rtol=1e-6)


@pytest.fixture(scope="module")
def compiled_one_sided():
    residual = pt.dvector("residual")
    c = {k.name: pt.dscalar(k.name) for k in NOISES["one_sided"].coordinates}
    rows = Residuals.alone(residual, c["sigma"], pt)
    density = NOISES["one_sided"].density(rows, c, pt)
    wrt = [residual, *c.values()]
    return pytensor.function(wrt, [density, *pytensor.grad(density.sum(), wrt)], mode="NUMBA")


@pytest.mark.parametrize("ratio", np.geomspace(1e-3, 1e3, 7))
@pytest.mark.parametrize("share", [1e-6, 0.2, 1 - 1e-9])
def test_the_one_sided_density_is_smooth_and_finite_far_out(compiled_one_sided, ratio, share):
    """From a tiny excess to a huge one, and to a thousand sigmas on both sides."""
    far = np.array([10.0, 100.0, 1e3])
    z = np.concatenate([-far, np.linspace(-5, 5, 21), far])
    c = {"sigma": 0.004, "mean_excess": 0.004 * ratio, "undertuned_share": share}
    arrays = {k: np.array(v) for k, v in c.items()}
    value, *slopes = compiled_one_sided(z * 0.004, *c.values())
    exact = NOISES["one_sided"].log_density(lone(len(z)), z * 0.004, arrays)
    np.testing.assert_allclose(value, exact, rtol=1e-12, atol=1e-9)
    assert all(np.isfinite(s).all() for s in slopes)
    h = 1e-4  # in sigmas
    ahead, behind = (compiled_one_sided((z + d) * 0.004, *c.values())[0] for d in (h, -h))
    np.testing.assert_allclose(
        slopes[0], (ahead - behind) / (2 * h * 0.004), rtol=1e-3, atol=1e-3 / 0.004
    )


def test_a_share_of_one_is_the_exponentially_modified_normal():
    residual = np.linspace(-0.05, 0.3, 15)
    c = C | {"undertuned_share": np.array(1 - 1e-12)}
    exact = stats.exponnorm(3, scale=0.01).logpdf(residual)
    density = NOISES["one_sided"].log_density(lone(15), residual, c)
    np.testing.assert_allclose(density, exact, rtol=1e-9)
