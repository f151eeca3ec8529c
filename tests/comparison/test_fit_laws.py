"""Several laws, one seed: all is checked before anything is fitted."""

import importlib

import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, UnknownNameError
from tests.simulate import simulate_runs

room = importlib.import_module("bayesscale.comparison.fit_laws")

RUNS = simulate_runs()


@pytest.fixture
def asked(monkeypatch):
    calls = []
    monkeypatch.setattr(room, "fit", lambda runs, **options: calls.append(options) or options)
    return calls


def test_every_law_with_every_discrepancy(asked):
    fits = bs.fit_laws(RUNS, laws=["kaplan", "chinchilla"], draws=200, progress=False)
    assert list(fits) == ["kaplan", "chinchilla", "kaplan + drift", "chinchilla + drift"]
    assert [call["discrepancy"] for call in asked] == [None, None, "drift", "drift"]
    assert len({call["random_seed"] for call in asked}) == 1
    assert {call["draws"] for call in asked} == {200}


def test_priors_go_to_the_laws_that_have_them(asked):
    k = bs.Prior.between(0.5, 1.5)
    bs.fit_laws(RUNS, priors={"k": k, "sigma": k}, discrepancies=[None], random_seed=1)
    assert [set(call["priors"]) for call in asked] == [{"sigma"}, {"sigma"}, {"k", "sigma"}]
    assert {call["random_seed"] for call in asked} == {1}


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
