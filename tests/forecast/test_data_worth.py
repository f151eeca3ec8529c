"""What data are worth: against the equations at known parameters."""

from typing import Any

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError
from tests.simulate import REPEATED, TRUTH, fit_at, repeated_runs, simulate_runs

pytestmark = pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
U, N = 3e8, 1e8


@pytest.fixture(scope="module")
def repeated() -> bs.Fit:
    return fit_at(repeated_runs(), "data_constrained", truth=REPEATED)


@pytest.fixture(scope="module")
def chinchilla() -> bs.Fit:
    return fit_at(simulate_runs(), "chinchilla", truth=TRUTH)


def loss(fit: bs.Fit, n: float, d: float, u: float) -> float:
    sizes = {"params": np.array([n]), "tokens": np.array([d]), "unique_tokens": np.array([u])}
    return fit.posterior.flat().thin(1).law_loss(sizes).item()


def test_the_worth_of_epochs_is_new_tokens_of_the_same_loss(repeated):
    answer = bs.worth_of_epochs(repeated, unique_tokens=U, epochs=[1, 4, 16], params=N)
    table = answer.summary
    assert table["worth"].iloc[0] == pytest.approx(1, rel=1e-7)
    for epochs, worth in zip((1.0, 4.0, 16.0), table["worth"], strict=True):
        new = worth * epochs * U
        assert loss(repeated, N, new, new) == pytest.approx(loss(repeated, N, epochs * U, U), 1e-9)
    h = 1e-3
    more = bs.worth_of_epochs(repeated, unique_tokens=U, epochs=16 * (1 + h), params=N)
    gained = more.summary["worth"].iloc[0] * 16 * (1 + h) - 16 * table["worth"][16.0]
    assert table["next_tokens"][16.0] == pytest.approx(gained / (16 * h), rel=1e-5)
    stop = table["stop_epochs"].iloc[0]
    around = [loss(repeated, N, stop * U * f, U) for f in (0.98, 1, 1.02)]
    assert around[1] < min(around[0], around[2])
    assert "100M parameters on 300M unique tokens" in answer.note


def test_without_overfitting_it_is_the_paper_s_equation_and_no_epoch_does_harm():
    fit = fit_at(repeated_runs("muennighoff"), "muennighoff", truth=REPEATED)
    few = 1e6  # parameters, none in excess
    table = bs.worth_of_epochs(fit, unique_tokens=U, epochs=[4, 40], params=few).summary
    r, star = np.array([3.0, 39.0]), REPEATED["token_decay"]
    worth = (1 + star * (1 - np.exp(-r / star))) / (1 + r)
    np.testing.assert_allclose(table["worth"], worth, rtol=1e-7)
    assert np.isinf(table["stop_epochs"]).all()


def test_worth_needs_a_law_of_unique_tokens_and_epochs_of_one_or_more(repeated, chinchilla):
    with pytest.raises(DomainError, match="data_constrained"):
        bs.worth_of_epochs(chinchilla, unique_tokens=U, epochs=4)
    with pytest.raises(DomainError, match=r"at least 1, not 0\.5"):
        bs.worth_of_epochs(repeated, unique_tokens=U, epochs=[0.5, 4])


def test_tokens_without_overfitting_solve_the_equation(chinchilla, repeated):
    table = bs.tokens_without_overfitting(chinchilla, params=[1e8, 1e10], excess=0.02).summary
    p = {k: v.item() for k, v in chinchilla.published.isel(chain=0, draw=0).items()}
    for n, d in table["tokens"].items():
        endless = p["E"] + p["A"] * n ** -p["alpha_N"]
        assert p["B"] * d ** -p["alpha_D"] == pytest.approx(0.02 * endless, rel=1e-7)
    plain = fit_at(repeated_runs(), "unified", truth=TRUTH)
    same = [bs.tokens_without_overfitting(f, params=N).summary for f in (plain, repeated)]
    np.testing.assert_allclose(same[0], same[1], rtol=1e-9)  # new data are never repeated
    with pytest.raises(DomainError, match="excess"):
        bs.tokens_without_overfitting(chinchilla, params=N, excess=0)


def test_less_overfitting_takes_more_tokens():
    fit = fit_at(simulate_runs(), "kaplan_irreducible", truth=TRUTH)
    loose, tight = (
        bs.tokens_without_overfitting(fit, params=N, excess=e).summary["tokens"].iloc[0]
        for e in (0.02, 1e-3)
    )
    assert 20 * loose < tight < np.inf  # the law has L - L(N, inf) about as 1 / D far out


def test_convergence_compares_the_frontier_with_endless_data(chinchilla):
    table = bs.convergence(chinchilla, [1e19, 1e24]).summary
    p = {k: v.item() for k, v in chinchilla.published.isel(chain=0, draw=0).items()}
    best = bs.allocate(chinchilla, flops=[1e19, 1e24]).summary
    endless = p["E"] + p["A"] * best["params"] ** -p["alpha_N"]
    np.testing.assert_allclose(
        table["over_converged"], best["optimal_loss"] / endless - 1, rtol=1e-9
    )
    # on the frontier the share of the tokens' term is that of the exponents (Kaplan's law has it)
    share = p["alpha_N"] / (p["alpha_N"] + p["alpha_D"])
    np.testing.assert_allclose(table["of_reducible"], share, rtol=1e-6)


def test_more_epochs_than_were_trained_are_a_caution(repeated):
    near = bs.extrapolate(repeated, params=1e8, tokens=4e10, unique_tokens=1e9)
    assert near.outside is None
    far = bs.extrapolate(repeated, params=1e8, tokens=4e10, unique_tokens=5e8)
    assert far.outside is not None
    assert "epochs of 1 of 1 target" in far.outside.text
    assert "Do not rely on intervals for numbers of epochs" in far.outside.text
    assert far.severity in ("caution", "stop")
    split = bs.allocate(repeated, flops=1e21, unique_tokens=1e8)
    assert split.outside is None or "epochs" not in split.outside.text  # which would do harm


def test_repetition_takes_the_draws_of_a_fit_and_is_refused_beside_unique_tokens(repeated):
    paper = fit_at(repeated_runs("muennighoff"), "muennighoff", truth=REPEATED, spread=0.3)
    data = bs.Repetition.of(paper, unique_tokens=1e9)
    assert data.token_decay == pytest.approx(np.median(paper.coordinates["token_decay"]))
    own = fit_at(simulate_runs(), "chinchilla", truth=TRUTH)
    asked: Any = {"params": 1e9, "tokens": 3e10}
    known, unsure = (
        bs.extrapolate(own, **asked, terms=bs.Terms(repetition=r)).draws["law_loss"].values.ravel()
        for r in (bs.Repetition(unique_tokens=1e9, token_decay=data.token_decay,
                                param_decay=data.param_decay), data)
    )  # fmt: skip
    assert np.ptp(known) < 1e-12
    assert np.ptp(unsure) > 1e-3
    token, param = data.decays(200)
    order = np.argsort(token[:, 0])
    drawn = np.sort(paper.coordinates["token_decay"].values.ravel())
    np.testing.assert_array_equal(token[order, 0], drawn)
    by_hand = 1e9 * (1 + token * (1 - np.exp(-29 / token)))
    no_counting = np.full((1, 1), np.nan)
    _, worth = bs.Terms(repetition=data).of_law(
        np.array(1e6), np.array(3e10), (no_counting, token, param)
    )
    np.testing.assert_allclose(worth, by_hand, rtol=1e-12)
    with pytest.raises(DomainError, match="count repeated data twice"):
        bs.allocate(repeated, flops=1e20, unique_tokens=U, terms=bs.Terms(repetition=data))
    with pytest.raises(DomainError, match="count repeated data twice"):
        bs.extrapolate(repeated, **asked, unique_tokens=U, terms=bs.Terms(repetition=data))
    with pytest.raises(DomainError, match="'muennighoff', but 'data_constrained'"):
        bs.Repetition.of(repeated, unique_tokens=1e9)
