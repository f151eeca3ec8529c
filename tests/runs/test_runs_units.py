"""Units of losses and counts, conventions of compute, and counts as people write them."""

import math

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, RunsWarning, UnknownNameError
from bayesscale.quantities import LossScale, nats_per_token
from bayesscale.runs import Runs, count_in_words
from tests.simulate import fit_at, simulate_runs

PARAMS = np.array([1e8, 1e9])
TOKENS = np.array([2e9, 2e10])
SIX_ND = 6 * PARAMS * TOKENS
LOSSES = [3.2, 2.7, 2.4]


def table(**more):
    return {"params": PARAMS, "tokens": TOKENS, "loss": [3.0, 2.5], **more}


def test_a_published_example_of_bits_per_byte():
    # 1.90 nats/token at 4.2 bytes a token are 0.6526 bits/byte
    factor = nats_per_token("bits/byte", bytes_per_token=4.2)
    assert 0.6526 * factor == pytest.approx(1.90, abs=2e-4)


@pytest.mark.parametrize(("unit", "factor"), [
    ("nats/token", 1.0), ("bits/token", math.log(2)), ("bits/byte", math.log(2) * 4.2),
])  # fmt: skip
def test_losses_and_their_errors_are_stored_in_nats_per_token(unit, factor):
    given = {"loss": np.array([0.9, 0.8]), "loss_se": np.array([0.01, 0.0])}
    runs = Runs.from_frame(table(**given), loss_unit=unit, bytes_per_token=4.2)
    for name, values in given.items():
        np.testing.assert_allclose(getattr(runs, name), values * factor, rtol=1e-15)
    assert (runs.loss_unit, runs.bytes_per_token) == (unit, 4.2)


WIDTHS = [0, -1.0, math.nan, math.inf, True, 10**400]
REFUSED = [
    ({}, {"bytes_per_token": "4"}, UnknownNameError, "column for bytes_per_token named '4'"),
    *(({}, {"loss_unit": "bits/byte", "bytes_per_token": w}, DomainError, "bytes_per_token .* not")
      for w in WIDTHS),
    ({}, {"loss_unit": "nats"}, UnknownNameError, "'nats'.*'nats/token'"),
    ({}, {"loss_unit": "bits/byte"}, DomainError, "bytes_per_token"),
    ({}, {"flop_rule": "6ND_non_embedding"}, RunsError, "non-embedding"),
    ({"flops": [1e18, 1e19]}, {"flops": "flops", "flop_rule": "6ND"}, RunsError, "contradict"),
    ({}, {"flop_rule": "column"}, UnknownNameError, r"'flops'.*flops=\"my_column\""),
    ({}, {"flop_rule": "6nd"}, UnknownNameError, r"'6nd'.*'6ND'"),
    ({}, {"param_count": "all"}, UnknownNameError, "'all'"),
    ({"params_non_embedding": [1e7, 2e9]}, {}, RunsError, r"1 of 2 runs: run 1\..*Swap"),
    ({}, {"units": {"params": "Mio"}}, UnknownNameError, "unit of params"),
    ({}, {"units": {"parms": "M"}}, UnknownNameError, "'params'"),
    ({}, {"units": {"loss": "M"}}, UnknownNameError, "loss_unit"),
    ({}, {"units": {"params": 0}}, DomainError, "units"),
    ({}, {"units": "M"}, DomainError, "units"),
    ({"params": ["70M", "350M"]}, {"units": {"params": "M"}}, RunsError, "params"),
    ({"loss": ["3M", "2.7"]}, {}, RunsError, "loss"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "options", "error", "message"), REFUSED)
def test_what_is_refused(changes, options, error, message):
    with pytest.raises(error, match=message):
        Runs.from_frame(table(**changes), **options)


def test_compute_is_counted_in_floats():
    big = {"params": [int(1e12)], "tokens": [int(1e14)], "loss": [1.9]}
    assert Runs.from_frame(big).flops == [6e26]  # far beyond 64-bit integers
    assert Runs.from_frame(table()).flop_rule == "6ND"


def test_a_column_that_follows_a_rule_is_known_by_it():
    near = Runs.from_frame(table(flops=SIX_ND * 1.009))
    assert near.flop_rule == "6ND"
    np.testing.assert_array_equal(near.flops, SIX_ND * 1.009)  # as recorded
    assert Runs.from_frame(table(flops=SIX_ND * [1, 1.02])).flop_rule == "column"
    assert Runs.from_frame(table(flops=SIX_ND), flop_rule="column").flop_rule == "column"
    found = Runs.from_frame(table(flops=[1e18, 1e19], C=[1, 1]), flop_rule="6ND")
    np.testing.assert_array_equal(found.flops, SIX_ND)  # a rule overrides what is merely found


def test_the_rule_without_embeddings():
    inner = PARAMS * [0.5, 0.8]
    counted = Runs.from_frame(table(params_non_embedding=inner), flop_rule="6ND_non_embedding")
    np.testing.assert_array_equal(counted.flops, 6 * inner * TOKENS)
    read = Runs.from_frame(table(params_non_embedding=inner, C=counted.flops))
    assert read.flop_rule == "6ND_non_embedding"
    already = Runs.from_frame(table(), flop_rule="6ND_non_embedding", param_count="non_embedding")
    np.testing.assert_array_equal(already.flops, SIX_ND)
    Runs.from_frame(table(params_non_embedding=[1e7, 2e9]), param_count="other")


def test_compute_far_from_6nd_is_flagged():
    with pytest.warns(RunsWarning, match=r"1 of 2 runs: run 1 \(flops / 6ND=1000\)"):
        runs = Runs.from_frame(table(flops=SIX_ND * [1.3, 1000]))
    assert runs.flop_rule == "column"


def test_cells_may_state_their_unit(tmp_path):
    cells = {"N": ["70M", "350M", "1.73B"], "D": ["3B", "20 B", "1.4T"], "loss": LOSSES}
    pd.DataFrame(cells).to_csv(tmp_path / "runs.csv", index=False)
    for runs in (Runs.from_frame(cells), bs.read_runs(tmp_path / "runs.csv")):
        np.testing.assert_array_equal(runs.params, [70e6, 350e6, 1.73e9])
        np.testing.assert_array_equal(runs.tokens, [3e9, 20e9, 1.4e12])


@pytest.mark.parametrize(("cell", "count"), [
    ("70m", 70e6), ("1b", 1e9), ("2,040", 2040), ("1.2T", 1.2e12), ("2.6e19", 2.6e19),
    ("1.73 billion", 1.73e9), ("1.2bn", 1.2e9), ("1,730M", 1.73e9), ("2 040 000", 2_040_000),
])  # fmt: skip
def test_counts_are_read_as_people_write_them(cell, count):
    assert count_in_words(cell) == count
    assert Runs.from_frame({"N": [cell], "loss": [3.0]}).params == [count]


@pytest.mark.parametrize(("cell", "flops"), [
    ("1e21 FLOP", 1e21), ("1.5 ZFLOPs", 1.5e21), ("2 PFLOP/s-days", 2 * 8.64e19), ("3e20", 3e20),
])  # fmt: skip
def test_compute_is_read_as_people_write_it(cell, flops):
    assert Runs.from_frame({"C": [cell], "loss": [3.0]}).flops == pytest.approx([flops])


@pytest.mark.parametrize("cell", ["1.73 bees", "B", "1.73 tokens", "1,73B", "-1B", "1.7.2M"])
def test_other_words_are_no_numbers(cell):
    assert count_in_words(cell) is None
    with pytest.raises(RunsError, match="params"):
        Runs.from_frame({"N": [cell, "1B", "2B"], "D": [2e9, 4e9, 8e9], "loss": LOSSES})


def test_units_of_columns_are_given_and_never_guessed():
    counts = {"N": [70, 350, 1730], "D": [3, 20, 1400], "loss": LOSSES}
    flops, units = [1.5e-2, 0.49, 168], {"params": "M", "tokens": "B", "flops": "PFLOP-days"}
    runs = Runs.from_frame(counts | {"C": flops}, units=units)
    np.testing.assert_allclose(runs.params, [70e6, 350e6, 1.73e9])
    np.testing.assert_allclose(runs.flops, 8.64e19 * np.array(flops))
    again = Runs.from_frame(counts, units={"params": 1e6, "tokens": 1e9})
    np.testing.assert_allclose(again.tokens, runs.tokens)
    with pytest.warns(RunsWarning, match='units=\\{"params": "M"\\}'):
        assert Runs.from_frame(counts | {"D": [3e9, 2e10, 1.4e12]}).params.max() == 1730


def bits_per_byte():
    frame = simulate_runs().to_frame()[["params", "tokens", "loss"]]
    frame["loss"] /= 4.2 * np.log(2)
    return Runs.from_frame(frame, loss_unit="bits/byte", bytes_per_token=4.2)


@pytest.mark.parametrize("unit", ["nats/token", "bits/token", "bits/byte", "perplexity"])
def test_what_is_shown_can_be_read_back(unit):
    scale = LossScale.of(bits_per_byte(), unit)
    assert scale.read(scale.show(2.7)) == pytest.approx(2.7)
    assert float(scale.write(2.7)) == pytest.approx(scale.show(2.7), abs=6e-4, rel=5e-4)
    if unit != "perplexity":
        assert scale.difference(0.1) == pytest.approx(scale.show(2.7) - scale.show(2.6))
        assert scale.of_differences == unit
    else:
        assert (scale.difference(0.1), scale.of_differences) == (0.1, "nats/token")
        assert "14.88" in scale.say(2.7)


def test_answers_are_shown_in_the_unit_of_the_runs_and_in_others_on_request():
    assert LossScale.of(bits_per_byte()).noun == "loss (bits/byte)"
    fit = fit_at(bits_per_byte(), spread=0.02)
    answer = bs.extrapolate(fit, params=1e9, tokens=2e10)
    nats = answer.summary["loss"].iloc[0]
    assert f"{nats / (4.2 * np.log(2)):.3f}" in repr(answer)
    other = answer.in_unit("perplexity")
    assert f"{np.exp(nats):.4g}" in repr(other)
    assert "perplexity" in other._repr_html_()
    assert "perplexity" in bs.to_latex(other)
    assert other.summary is answer.summary  # numbers stay in nats/token
    plan = bs.regret(fit, params=1e9, tokens=2e10)
    assert f"{plan.summary['regret'].iloc[0] / (4.2 * np.log(2)):.4f}" in repr(plan)
    assert "nats/token" in repr(plan.in_unit("perplexity"))
    inverse = bs.required_flops(fit, loss=2.9)
    gained = bs.gain(fit, params=1e9, tokens=2e10, factor=2)
    for each in (answer, plan, bs.allocate(fit, flops=1e21), inverse, gained):
        assert "in bits/byte" in repr(each)
    with pytest.raises(UnknownNameError, match="bits/token"):
        answer.in_unit("bits")
