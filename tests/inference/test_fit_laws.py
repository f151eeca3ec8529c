"""Several laws, one seed: all is checked before anything is fitted."""

import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.model import resolve_priors
from tests.simulate import good_fit, simulate_runs

RUNS = simulate_runs()


@pytest.fixture
def asked(sample_with):
    return sample_with(lambda setup: good_fit(setup.runs, setup.spec.law))


def test_every_law_with_every_discrepancy(asked):
    fits = bs.fit_laws(RUNS, laws=["kaplan", "chinchilla"], draws=200, progress=False)
    assert list(fits) == ["kaplan", "chinchilla", "kaplan + drift", "chinchilla + drift"]
    assert [s.spec.discrepancy.name for s in asked] == ["none", "none", "drift", "drift"]
    assert len({s.sampling.random_seed for s in asked}) == 1
    assert {s.sampling.draws for s in asked} == {200}


def test_priors_go_to_the_laws_that_have_them(asked):
    own = {"k": bs.Prior.between(0.5, 1.5), "sigma": bs.Prior.between(0.001, 0.1)}
    bs.fit_laws(RUNS, priors=own, discrepancies=[None], random_seed=1, progress=False)
    default = resolve_priors(asked[-1].spec.coordinates, None)
    changed = [{k for k, v in s.spec.priors.items() if v != default[k]} for s in asked]
    assert changed == [{"sigma"}, {"sigma"}, {"k", "sigma"}]
    assert {s.sampling.random_seed for s in asked} == {1}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"laws": ["kaplan", "unifed"]}, UnknownNameError, "unified"),
        ({"laws": ["kaplan", "kaplan"]}, DomainError, "Two fits would be called 'kaplan'"),
        ({"laws": "kaplan"}, DomainError, "a list of one or more"),
        ({"laws": []}, DomainError, "a list of one or more"),
        ({"discrepancies": ["drift", "drfit"]}, UnknownNameError, "drift"),
        ({"priors": {"kk": bs.Prior.between(0.5, 1.5)}}, UnknownNameError, "prior named 'kk'"),
        ({"noise": "gauss"}, UnknownNameError, "gauss"),
        ({"draws": 3}, DomainError, "draws"),
    ],
)
def test_what_is_wrong_is_found_before_any_fit(asked, options, error, message):
    with pytest.raises(error, match=message):
        bs.fit_laws(RUNS, **options)
    assert asked == []
