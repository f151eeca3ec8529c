"""Adaptive importance sampling against densities with a known integral."""

import numpy as np
import pytest

from bayesscale.tasks import explore

PRIOR = 0.5 * np.log(2 * np.pi)


def narrow(scale, centre, d):
    """Return the log of a normal likelihood times a standard normal prior, and its integral."""

    def log_density(u, place):
        likelihood = -0.5 * ((u - centre) / scale) ** 2
        return (likelihood - 0.5 * u**2 - PRIOR).sum(axis=1)

    total = 1 + scale**2
    each = np.log(scale) - 0.5 * np.log(total) - 0.5 * centre**2 / total
    return log_density, d * each


@pytest.mark.parametrize(("scale", "centre", "d"), [(1.0, 0.5, 2), (0.003, 1.5, 5), (0.1, -2, 7)])
def test_evidence_and_draws_of_a_normal(scale, centre, d):
    log_density, truth = narrow(scale, centre, d)
    found = explore(log_density, d, places=1, draws=4000, rng=np.random.default_rng(1))
    assert found.ess > 400
    assert abs(found.log_evidence - truth) < 4 / np.sqrt(found.ess)
    sd = scale / np.sqrt(1 + scale**2)
    z = (found.u.mean(axis=0) - centre / (1 + scale**2)) / (sd / np.sqrt(found.ess))
    assert (np.abs(z) < 4.5).all()
    np.testing.assert_allclose(found.u.std(axis=0), sd, rtol=0.15)


def test_places_have_the_share_of_their_evidence():
    def log_density(u, place):
        inner, _ = narrow(0.1, 0.5, 2)
        return inner(u, place) + np.log(np.array([1.0, 2.0, 5.0]))[place]

    found = explore(log_density, 2, places=3, draws=6000, rng=np.random.default_rng(2))
    share = np.bincount(found.place, minlength=3) / 6000
    assert np.abs(share - np.array([1, 2, 5]) / 8).max() < 4 * np.sqrt(0.25 / found.ess)
    truth = narrow(0.1, 0.5, 2)[1] + np.log(8 / 3)
    assert abs(found.log_evidence - truth) < 4 / np.sqrt(found.ess)
