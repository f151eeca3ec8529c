"""What answers owe to priors: against closed forms of normal theory."""

import numpy as np
import pytest

from bayesscale import Prior
from bayesscale.checks import (
    GROUPS,
    Answers,
    check_prior_power,
    check_weakly_known,
    prior_power,
    prior_scores,
)
from bayesscale.model import LINKS, Posterior, specify
from tests.simulate import design, simulate_runs

RUNS = simulate_runs(sizes=design(4, 5))
DRAWS = 40_000


class Normal:
    """A normal posterior on the scale where priors are standard normal: precision of the
    likelihood, and what it says, for every coordinate of a model with discrepancy.
    """

    def __init__(self, weight=1.0, priors=None):
        self.spec = specify(RUNS, law="chinchilla", discrepancy="drift", priors=priors)
        rng = np.random.default_rng(0)
        self.m = len(self.spec.coordinates)
        design_ = rng.standard_normal((self.m, self.m))
        self.likelihood = weight * design_.T @ design_ / self.m
        self.said = self.likelihood @ rng.standard_normal(self.m)
        self.answer = rng.standard_normal(self.m)
        sizes = [len(v) for v in (self.spec.law.coordinates,
                                  self.spec.discrepancy.coordinates(self.spec.law),
                                  self.spec.noise_coordinates)]  # fmt: skip
        self.group = np.repeat(np.arange(3), sizes)

    def moments(self, powers=(1.0, 1.0, 1.0)):
        prior = np.diag(np.asarray(powers)[self.group])
        covariance = np.linalg.inv(prior + self.likelihood)
        return covariance @ self.said, covariance

    def of_answer(self, powers=(1.0, 1.0, 1.0)):
        mean, covariance = self.moments(powers)
        return self.answer @ mean, self.answer @ covariance @ self.answer

    def posterior(self):
        mean, covariance = self.moments()
        z = np.random.default_rng(1).multivariate_normal(mean, covariance, DRAWS)
        return z, self.drawn(z)

    def drawn(self, z):
        c = {}
        for i, k in enumerate(self.spec.coordinates):
            mu, sigma = self.spec.space.normals[k.name]
            c[k.name] = LINKS[k.link].backward(mu + sigma * z[:, i])
        return Posterior.of(self.spec, c)


def asked(model, posterior_z):
    prior_z = np.random.default_rng(2).standard_normal((DRAWS, model.m))
    return Answers(["q"], (posterior_z @ model.answer)[:, None], (prior_z @ model.answer)[:, None])


def test_moves_and_shares_are_those_of_normal_theory():
    model = Normal()
    z, posterior = model.posterior()
    row = prior_power(posterior, asked(model, z)).loc["q"]
    _, variance = model.of_answer()
    step = 1e-4
    for i, group in enumerate(GROUPS):
        powers = [np.ones(3), np.ones(3)]
        powers[0][i], powers[1][i] = 2**step, 2**-step
        (up, wide), (down, narrow) = (model.of_answer(p) for p in powers)
        # Monte Carlo: the SD of log p over the root of the draws
        error = np.log(2) * np.sqrt(0.5 * (model.group == i).sum() / DRAWS) * 5
        assert row[f"{group}_moves"] == pytest.approx(
            (up - down) / (2 * step) / np.sqrt(variance), abs=error
        )
        share = -np.log(wide / narrow) / (2 * step * np.log(2))
        assert row[f"from_{group}"] == pytest.approx(share, abs=5 / np.sqrt(DRAWS))
    _, covariance = model.moments()
    of_runs = model.answer @ covariance @ model.likelihood @ covariance @ model.answer / variance
    total = sum(row[f"from_{group}"] for group in GROUPS)
    assert total + of_runs == pytest.approx(1, abs=10 / np.sqrt(DRAWS))
    assert row["width"] == pytest.approx(np.sqrt(variance) / np.linalg.norm(model.answer), rel=0.05)


@pytest.mark.parametrize(("weight", "decided"), [(1e-4, True), (1e4, False)])
def test_the_prior_decides_where_the_runs_say_nothing(weight, decided):
    model = Normal(weight)
    z, posterior = model.posterior()
    table = prior_power(posterior, asked(model, z))
    assert table.loc["q", "decided"] == decided
    without = Answers(["q"], (z @ model.answer)[:, None], None)  # no draws of the prior
    assert np.isnan(prior_power(posterior, without).loc["q", "width"])
    found = check_prior_power(table, posterior, RUNS, what="the answer")
    assert found.severity == ("caution" if decided else "ok")
    assert ("a run of" in found.text) == decided  # what would help most


def test_an_answer_torn_between_prior_and_runs_is_decided_by_neither_and_cautioned_of():
    model = Normal()
    model.said = 20 * model.said
    z, posterior = model.posterior()
    table = prior_power(posterior, asked(model, z))
    assert table[[f"{g}_moves" for g in GROUPS]].abs().to_numpy().max() > 1
    found = check_prior_power(table, posterior, RUNS, what="the answer")
    assert found.severity == "caution"


def test_priors_of_ones_own_become_standard_normal_too():
    own = {"irreducible_share": Prior("Beta", alpha=3, beta=2)}
    spec = specify(RUNS, law="chinchilla", priors=own)
    prior = Posterior.of(spec, spec.space.draw(np.random.default_rng(3), DRAWS))
    for z in prior_scores(prior).values():
        np.testing.assert_allclose(z.mean(axis=0), 0, atol=5 / np.sqrt(DRAWS))
        np.testing.assert_allclose(z.std(axis=0), 1, atol=5 / np.sqrt(DRAWS))


def test_weakly_known_coordinates_are_a_note_by_contraction():
    model = Normal(1e4)
    z, posterior = model.posterior()
    assert check_weakly_known(posterior, RUNS).severity == "ok"
    z[:, 1] = np.random.default_rng(4).standard_normal(DRAWS)
    posterior = model.drawn(z)
    found = check_weakly_known(posterior, RUNS)
    name = model.spec.coordinates[1].name
    assert found.severity == "note"
    for part in ("1 of 5", "'chinchilla'", name, "a run of"):
        assert part in found.text
    assert found.table.loc[name, "contraction"] == pytest.approx(0, abs=0.05)
    assert "a run of" not in check_weakly_known(posterior, RUNS, cure=False).text
