"""Laws of one's own whose formula changes are refused: before a fit, and at every question."""

import itertools
import random
import time

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.laws.chinchilla import Chinchilla
from bayesscale.model import specify
from tests.simulate import fit_at, simulate_runs

RUNS = simulate_runs()
counter = itertools.count()


class Shifted(Chinchilla):
    """Chinchilla's law times something that may change."""

    name = "shifted"
    shift = 0.0

    def log_loss(self, c, x, xp):
        return super().log_loss(c, x, xp) + self.now()

    def now(self):
        return self.shift


def changing(now):
    return type("Changing", (Shifted,), {"now": lambda self: now()})()


@pytest.mark.parametrize(
    "now",
    [
        lambda: 1e-6 * next(counter), time.perf_counter, random.random,
        lambda: np.random.default_rng().normal(),
    ],
    ids=["counter", "clock", "random", "numpy"],
)  # fmt: skip
@pytest.mark.usefixtures("no_sampling")
def test_a_formula_that_changes_is_refused_before_sampling(now):
    with pytest.raises(DomainError, match="no clock, counter, file, random number"):
        bs.fit(RUNS, law=changing(now))


class Reversed(Shifted):
    def log_loss(self, c, x, xp):
        return super().log_loss(c, x, xp).T


class OfOtherDraws(Shifted):
    def log_loss(self, c, x, xp):
        shares = np.linspace(0.9, 1.1, np.size(c["level"])).reshape(np.shape(c["level"]))
        return super().log_loss(c, x, xp) + (shares if np.ndim(c["level"]) else 0.0)


class Flat(Shifted):
    def log_loss(self, c, x, xp):
        return np.ravel(super().log_loss(c, x, xp))[:5]


@pytest.mark.parametrize(
    "law", [Reversed(), Flat(), OfOtherDraws()], ids=lambda law: type(law).__name__
)
def test_a_formula_must_broadcast(law):
    with pytest.raises(DomainError, match=r"shape\n? ?.*\(2, 3, 5\)"):
        specify(RUNS, law=law)


QUESTIONS = {
    "extrapolate": lambda fit: bs.extrapolate(fit, params=1e9, tokens=2e10),
    "allocate": lambda fit: bs.allocate(fit, flops=1e21),
    "regret": lambda fit: bs.regret(fit, params=1e9, tokens=2e10),
    "gain": lambda fit: bs.gain(fit, params=1e9, tokens=2e10, factor=2),
    "required_flops": lambda fit: bs.required_flops(fit, loss=2.5),
    "required_tokens": lambda fit: bs.required_tokens(fit, params=1e9, loss=2.6),
    "design": lambda fit: bs.design(fit, target=1e22, budget=1e20),
    "landmarks": bs.landmarks,
    "plan": lambda fit: bs.Plan.of(fit, 1e22),
    "compare": lambda fit: bs.compare({"a": fit, "b": fit}, progress=False),
    "average": lambda fit: bs.average({"a": fit, "b": fit}, progress=False),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_formula_that_changed_since_is_refused_at_every_question(question, tmp_path):
    law = Shifted()
    fit = fit_at(RUNS, law, spread=0.02)
    fit.spec.check_unchanged()
    law.shift = 0.01
    with pytest.raises(DomainError, match="gives other losses now"):
        QUESTIONS[question](fit)
    law.shift = 0.0
    fit.spec.check_unchanged()
