import math

import numpy as np
import pytest

from bayesscale.errors import DomainError, RunsError, RunsWarning, UnknownNameError
from bayesscale.runs import Runs, nats_per_token

PARAMS = np.array([1e8, 1e9])
TOKENS = np.array([2e9, 2e10])


def table(**more):
    return {"params": PARAMS, "tokens": TOKENS, "loss": [3.0, 2.5], **more}


def test_a_published_example_of_bits_per_byte():
    # 1.90 nats/token at 4.2 bytes a token are 0.6526 bits/byte
    assert 0.6526 * nats_per_token("bits/byte", bytes_per_token=4.2) == pytest.approx(
        1.90, abs=2e-4
    )
    assert nats_per_token("bits/token") == math.log(2)
    assert nats_per_token("nats/token") == 1


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("nats/token", 1.0), ("bits/token", math.log(2)), ("bits/byte", math.log(2) * 4.2)],
)
def test_losses_and_their_errors_are_stored_in_nats_per_token(unit, factor):
    loss = np.array([0.9, 0.8])
    runs = Runs.from_frame(
        table(loss=loss, loss_se=[0.01, 0.0]), loss_unit=unit, bytes_per_token=4.2
    )
    np.testing.assert_allclose(runs.loss, loss * factor, rtol=1e-15)
    np.testing.assert_allclose(runs.loss_se, np.array([0.01, 0.0]) * factor, rtol=1e-15)
    assert runs.loss_unit == unit
    assert runs.bytes_per_token == 4.2


def test_an_unknown_unit_is_named():
    with pytest.raises(UnknownNameError, match=r"No loss unit named 'nats'.*'nats/token'"):
        Runs.from_frame(table(), loss_unit="nats")


def test_bits_per_byte_need_the_bytes_of_a_token():
    with pytest.raises(DomainError, match="needs bytes_per_token"):
        Runs.from_frame(table(), loss_unit="bits/byte")


@pytest.mark.parametrize("width", [0, -1.0, math.nan, math.inf, "4", True, 10**400])
def test_bytes_per_token_must_be_positive(width):
    with pytest.raises(DomainError, match="bytes_per_token must be above 0 and finite, not"):
        Runs.from_frame(table(), loss_unit="bits/byte", bytes_per_token=width)


def test_compute_is_counted_in_floats():
    big = {"params": [int(1e12)], "tokens": [int(1e14)], "loss": [1.9]}
    assert Runs.from_frame(big).flops == [6e26]  # far beyond 64-bit integers
    assert Runs.from_frame(table()).flop_rule == "6ND"


def test_a_column_that_follows_a_rule_is_known_by_it():
    six_nd = 6 * PARAMS * TOKENS
    near = Runs.from_frame(table(flops=six_nd * 1.009))
    assert near.flop_rule == "6ND"
    np.testing.assert_array_equal(near.flops, six_nd * 1.009)  # as recorded
    assert Runs.from_frame(table(flops=six_nd * [1, 1.02])).flop_rule == "column"
    assert Runs.from_frame(table(flops=six_nd), flop_rule="column").flop_rule == "column"


def test_the_rule_without_embeddings():
    inner = PARAMS * [0.5, 0.8]
    counted = Runs.from_frame(table(params_non_embedding=inner), flop_rule="6ND_non_embedding")
    np.testing.assert_array_equal(counted.flops, 6 * inner * TOKENS)
    read = Runs.from_frame(table(params_non_embedding=inner, C=counted.flops))
    assert read.flop_rule == "6ND_non_embedding"
    already = Runs.from_frame(table(), flop_rule="6ND_non_embedding", param_count="non_embedding")
    np.testing.assert_array_equal(already.flops, 6 * PARAMS * TOKENS)
    with pytest.raises(RunsError, match="needs the non-embedding parameters"):
        Runs.from_frame(table(), flop_rule="6ND_non_embedding")


def test_a_rule_overrides_a_column_that_is_merely_found():
    runs = Runs.from_frame(table(flops=[1e18, 1e19], C=[1, 1]), flop_rule="6ND")
    np.testing.assert_array_equal(runs.flops, 6 * PARAMS * TOKENS)


def test_a_rule_and_a_named_column_contradict_each_other():
    with pytest.raises(RunsError, match="contradict"):
        Runs.from_frame(table(flops=[1e18, 1e19]), flops="flops", flop_rule="6ND")


def test_reading_compute_needs_a_column():
    with pytest.raises(UnknownNameError, match=r"'flops'.*flops=\"my_column\""):
        Runs.from_frame(table(), flop_rule="column")


def test_unknown_conventions_are_named():
    with pytest.raises(UnknownNameError, match=r"No FLOP rule named '6nd'\. Did you mean '6ND'"):
        Runs.from_frame(table(), flop_rule="6nd")
    with pytest.raises(UnknownNameError, match="No parameter count named 'all'"):
        Runs.from_frame(table(), param_count="all")


def test_compute_far_from_6nd_is_flagged():
    flops = 6 * PARAMS * TOKENS * [1.3, 1000]
    with pytest.warns(RunsWarning, match=r"1 of 2 runs: run 1 \(flops / 6ND=1000\).*power of ten"):
        runs = Runs.from_frame(table(flops=flops))
    assert runs.flop_rule == "column"


def test_swapped_parameter_counts_are_refused():
    with pytest.raises(RunsError, match=r"exceeds params in 1 of 2 runs: run 1\..*Swap"):
        Runs.from_frame(table(params_non_embedding=[1e7, 2e9]))
    Runs.from_frame(table(params_non_embedding=[1e7, 2e9]), param_count="other")
