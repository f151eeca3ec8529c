"""Counts as people write them: 1.73B in a cell, columns in millions, compute in PFLOP-days."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, UnknownNameError
from bayesscale.runs import LossScale, count_in_words
from tests.simulate import fit_at, simulate_runs

LOSSES = [3.2, 2.7, 2.4]


def test_cells_may_say_their_unit(tmp_path):
    table = pd.DataFrame(
        {"N": ["70M", "350M", "1.73B"], "D": ["3B", "20 B", "1.4T"], "loss": LOSSES}
    )
    table.to_csv(tmp_path / "runs.csv", index=False)
    for runs in (bs.Runs.from_frame(table), bs.read_runs(tmp_path / "runs.csv")):
        np.testing.assert_array_equal(runs.params, [70e6, 350e6, 1.73e9])
        np.testing.assert_array_equal(runs.tokens, [3e9, 20e9, 1.4e12])


@pytest.mark.parametrize("cell", ["1.73 billion", "B", "1.73b", "1,730M", "-1B", "1e3M", "1.7G"])
def test_other_words_are_no_numbers(cell):
    assert count_in_words(cell) is None
    table = {"N": [cell, "1B", "2B"], "D": [2e9, 4e9, 8e9], "loss": LOSSES}
    with pytest.raises(RunsError, match="params"):
        bs.Runs.from_frame(table)


def test_losses_have_no_such_units():
    with pytest.raises(RunsError, match="loss"):
        bs.Runs.from_frame({"N": [1e9, 2e9], "D": [2e9, 4e9], "loss": ["3M", "2.7"]})


def test_columns_in_millions_are_said():
    table = {"N": [70, 350, 1730], "D": [3, 20, 1400], "C": [1.5e-2, 0.49, 168], "loss": LOSSES}
    units = {"params": "M", "tokens": "B", "flops": "PFLOP-days"}
    runs = bs.Runs.from_frame(table, units=units)
    np.testing.assert_allclose(runs.params, [70e6, 350e6, 1.73e9])
    np.testing.assert_allclose(runs.flops, 8.64e19 * np.array(table["C"]))
    again = bs.Runs.from_frame({k: table[k] for k in "ND"} | {"loss": LOSSES},
                               units={"params": 1e6, "tokens": 1e9})  # fmt: skip
    np.testing.assert_allclose(again.tokens, runs.tokens)


def test_they_are_never_guessed():
    with pytest.warns(bs.BayesScaleWarning, match='say units=\\{"params": "M"\\}'):
        runs = bs.Runs.from_frame({"N": [70, 350, 1730], "D": [3e9, 20e9, 1.4e12], "loss": LOSSES})
    assert runs.params.max() == 1730


@pytest.mark.parametrize(
    ("units", "error", "said"),
    [
        ({"params": "Mio"}, UnknownNameError, "unit of params"),
        ({"parms": "M"}, UnknownNameError, "Did you mean 'params'"),
        ({"loss": "M"}, UnknownNameError, "loss_unit"),
        ({"params": 0}, DomainError, "units"),
        ("M", DomainError, "units must say by name"),
    ],
    ids=str,
)
def test_what_is_refused(units, error, said):
    table = {"N": [1e9, 2e9], "D": [2e9, 4e9], "loss": [3.0, 2.7]}
    with pytest.raises(error, match=said):
        bs.Runs.from_frame(table, units=units)


def test_a_cell_and_a_column_do_not_both_say():
    with pytest.raises(RunsError, match="params"):
        bs.Runs.from_frame(
            {"N": ["70M", "350M"], "D": [3e9, 2e10], "loss": [3.0, 2.7]}, units={"params": "M"}
        )


def test_losses_are_shown_in_the_unit_of_their_source():
    table = {"N": [1e8, 4e8], "D": [2e9, 8e9], "bpb": [1.1, 0.93]}
    runs = bs.Runs.from_frame(table, loss="bpb", loss_unit="bits/byte", bytes_per_token=4.2)
    scale = LossScale.of(runs)
    assert scale.noun == "loss (bits/byte)"
    np.testing.assert_allclose(scale.show(runs.loss), table["bpb"])
    np.testing.assert_allclose(LossScale.of(runs, "perplexity").show(runs.loss), np.exp(runs.loss))


@pytest.mark.parametrize("unit", ["nats/token", "bits/token", "bits/byte", "perplexity"])
def test_what_is_shown_can_be_read_back(unit):
    scale = LossScale.of(_bits_per_byte(), unit)
    assert scale.read(scale.show(2.7)) == pytest.approx(2.7)
    assert float(scale.write(2.7)) == pytest.approx(scale.show(2.7), abs=6e-4, rel=5e-4)
    between = scale.show(2.7) - scale.show(2.6)
    if unit != "perplexity":
        assert scale.difference(0.1) == pytest.approx(between)
        assert scale.of_differences == unit
        assert scale.say(2.7) == f"a loss of {scale.write(2.7)} {unit}"
    else:
        assert (scale.difference(0.1), scale.of_differences) == (0.1, "nats/token")
        assert scale.say(2.7) == "a perplexity of 14.88"


def test_answers_are_told_in_the_unit_of_the_runs_and_in_others_on_request():
    fit = fit_at(_bits_per_byte(), spread=0.02)
    answer = bs.extrapolate(fit, params=1e9, tokens=2e10)
    nats = answer.summary["loss"].iloc[0]
    assert f"{nats / (4.2 * np.log(2)):.3f}" in repr(answer)
    assert "in bits/byte" in repr(answer)
    other = answer.in_unit("perplexity")
    assert f"{np.exp(nats):.4g}" in repr(other)
    assert "perplexity" in other._repr_html_()
    assert "perplexity" in bs.to_latex(other)
    assert other.summary is answer.summary  # numbers stay in nats/token
    plan = bs.regret(fit, params=1e9, tokens=2e10)
    assert f"{plan.summary['regret'].iloc[0] / (4.2 * np.log(2)):.4f}" in repr(plan)
    assert "Regret in bits/byte" in repr(plan)
    assert "in nats/token" in repr(plan.in_unit("perplexity"))
    for answer in (
        bs.allocate(fit, flops=1e21), bs.required_flops(fit, loss=2.9),
        bs.gain(fit, params=1e9, tokens=2e10, factor=2),
    ):  # fmt: skip
        assert "in bits/byte" in repr(answer) or ", in bits/byte" in repr(answer)
    with pytest.raises(bs.errors.UnknownNameError, match="bits/token"):
        answer.in_unit("bits")


def _bits_per_byte():
    frame = simulate_runs().to_frame()
    frame["loss"] /= 4.2 * np.log(2)
    return bs.Runs.from_frame(
        frame[["params", "tokens", "loss"]], loss_unit="bits/byte", bytes_per_token=4.2
    )
