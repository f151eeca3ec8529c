"""Counts of parameters and FLOP against published numbers, and the ways between counts."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import BayesScaleError

XL = bs.Transformer(width=1600, depth=48, vocab=50257, context=1024, learned_positions=True)
SMALL = bs.Transformer(width=768, depth=12, vocab=50257, context=1024)


@pytest.mark.parametrize(
    ("model", "count", "published"),
    [
        # Radford et al. (2019) and Kaplan et al. (2020): layers alone are 12 · 48 · 1600²
        (XL, "non_embedding", 1.4746e9),
        (XL, "total", 1.5576e9),
        # Brown et al. (2020), table 2.1: 96 layers of width 12288
        (bs.Transformer(width=12288, depth=96, vocab=50257, context=2048), "total", 174.6e9),
        # Touvron et al. (2023): 6.738e9 as released
        (
            bs.Transformer(width=4096, depth=32, vocab=32000, context=2048, ff_width=11008,
                           gated=True, tied=False),
            "total", 6.738e9,
        ),
        # Llama team (2024), table 3, with 8 key and value heads: 8.03e9 as released
        (
            bs.Transformer(width=4096, depth=32, vocab=128256, context=8192, heads=32, kv_heads=8,
                           ff_width=14336, gated=True, tied=False),
            "total", 8.030e9,
        ),
    ],
)  # fmt: skip
def test_parameters_of_published_models(model, count, published):
    assert model.params(count) == pytest.approx(published, rel=1e-3)


def test_embeddings_there_and_back():
    share, inner = bs.EmbeddingShare(), np.geomspace(1, 1e15, 40)
    np.testing.assert_allclose(share.non_embedding(share.total(inner)), inner, rtol=1e-12)


def test_omega_is_inferred_with_its_uncertainty():
    rng = np.random.default_rng(1)
    inner = np.geomspace(1e6, 1e10, 12)
    hits = 0
    for _ in range(200):
        extra = 47_491 * np.cbrt(inner) * np.exp(0.1 * rng.standard_normal(12))
        share = bs.EmbeddingShare.infer(inner, inner + extra)
        low, high = np.quantile(share.draws(2000), [0.05, 0.95])
        hits += low < 47_491 < high
    assert abs(hits - 180) < 4 * np.sqrt(200 * 0.9 * 0.1)
    family = [bs.Transformer(width=64 * k, depth=k, vocab=50000, context=1) for k in (4, 8, 16)]
    exact = bs.EmbeddingShare.of(family)
    assert exact.omega == pytest.approx(50000 * np.cbrt(64 / 12), rel=1e-12)
    assert exact.scale == pytest.approx(0, abs=1e-12)


def test_lifetime_and_money():
    cost = bs.LifetimeCost(tokens_served=2e12, serving_price=3, training=bs.PowerCost())
    n, c = np.array([1e9, 1e11]), 1e23
    assert cost.flops(1e9, 1e11) == 6e20 + 3 * 2 * 1e9 * 2e12
    tokens = cost.tokens(n, np.full(2, c))
    assert cost.flops(n[0], tokens[0]) == pytest.approx(c, rel=1e-12)
    assert tokens[1] == 0  # serving alone would cost 1.2e24
    np.testing.assert_allclose(bs.Money([1.0, 2.0], per_flop=1e-18).flops, [1e18, 2e18])


WRONG = [
    (lambda: bs.Transformer(width=0, depth=1, vocab=1, context=1), "width"),
    (lambda: bs.Transformer(width=8, depth=1, vocab=1, context=1, kv_heads=2), "divide heads"),
    (lambda: SMALL.params("embedding"), "No parameter count"),
    (lambda: bs.EmbeddingShare(omega=-1), "omega must be above 0"),
    (lambda: bs.EmbeddingShare.infer([2e6], [1e6]), "1 are not larger"),
    (lambda: bs.Counting("active"), "No parameter count"),
    (lambda: bs.LifetimeCost(tokens_served=-1), "must not be negative"),
    (lambda: bs.LifetimeCost(tokens_served=1, training=6), "training must be a cost"),
    (lambda: bs.Money(0, per_flop=1), "positive and finite"),
    (lambda: bs.Limits(params_min=2, params_max=1), "is above params_max"),
    (lambda: bs.Repetition(unique_tokens=0), "unique_tokens"),
]


@pytest.mark.parametrize(("make", "message"), WRONG)
def test_wrong_arguments(make, message):
    with pytest.raises(BayesScaleError, match=message):
        make()
