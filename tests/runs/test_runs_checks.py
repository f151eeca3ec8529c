"""Impossible cells are refused by run and value, implausible tables are flagged."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bayesscale._format import scientific
from bayesscale.errors import RunsError, RunsWarning, UnknownNameError
from bayesscale.runs import Runs
from tests.simulate import simulate_runs

FRAME = pd.DataFrame(
    {"params": [1e8, 2e8, 4e8, 8e8], "tokens": [2e9, 4e9, 8e9, 16e9], "loss": [3.4, 3.1, 2.9, 2.7]},
    index=list("abcd"),
)
TWICE = pd.concat([FRAME, FRAME], ignore_index=True)
LINE = np.geomspace(1e8, 1e10, 12)
LADDER = {"params": LINE, "tokens": 20 * LINE[::-1], "loss": np.linspace(3.5, 2.5, 12)}


def with_cell(column, row, value, frame=FRAME):
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize("column", ["params", "tokens", "loss"])
@pytest.mark.parametrize(("value", "message"), [
    ("fast", "not in 1 of 4 runs: run b (COLUMN='fast')"),
    ("1.2 bees", "run b (COLUMN='1.2 bees')"),
    (True, "1 of 4 runs: run b (COLUMN="),
    (pd.Timestamp("2024-01-01"), "numbers"),
    ([1], "numbers"),
    pytest.param(10**400, "run b (COLUMN=1000", id="huge"),
    ("x" * 1000, f"run b (COLUMN='{'x' * 39}…)"),
    *((empty, "missing (an empty cell or NaN) in 1 of 4 runs: run b.")
      for empty in ("", None, pd.NA, np.nan, "nan")),
    (np.inf, "infinite in 1 of 4 runs: run b (COLUMN=inf)"),
    (-np.inf, "infinite in 1 of 4 runs: run b (COLUMN=-inf)"),
    (0, "zero in 1 of 4 runs: run b (COLUMN=0). It must be positive."),
    (-1.5, "negative in 1 of 4 runs: run b (COLUMN=-1.5)."),
])  # fmt: skip
def test_an_impossible_cell_is_named(column, value, message):
    if isinstance(value, list):
        cells = pd.Series([FRAME[column].iloc[0], value, *FRAME[column][2:]], FRAME.index)
        frame = FRAME.assign(**{column: cells})
    else:
        frame = with_cell(column, "b", value)
    with pytest.raises(RunsError) as error:
        Runs.from_frame(frame)
    assert message.replace("COLUMN", column) in str(error.value)
    assert str(error.value).startswith(column)


@pytest.mark.parametrize("column", ["params", "tokens"])
def test_absurd_counts_are_refused(column):
    Runs.from_frame(with_cell(column, "b", 1e20))
    with pytest.raises(RunsError, match=rf"^{column} .* 1.0e20 in 1 of 4 runs: run b \("):
        Runs.from_frame(with_cell(column, "b", 1e300))
    for small in (1e-300, 1.5e-9, 0.999):
        with pytest.raises(RunsError, match=rf"{column} is below 1 in 1 of 12 runs: run 0"):
            Runs.from_frame(LADDER | {column: np.r_[small, LINE[1:]]})


@pytest.mark.parametrize("factor", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize("column", ["params", "tokens"])
@pytest.mark.parametrize("row", [0, 5, 11])
def test_a_slip_in_one_row_is_named(column, row, factor):
    near = {"params": LINE, "tokens": 20 * LINE, "loss": LADDER["loss"]}
    cells = near[column].copy()
    cells[row] *= factor
    with pytest.warns(RunsWarning, match=rf"1 of 12 runs .*30-fold from .*run {row} \("):
        Runs.from_frame(near | {column: cells})


@pytest.mark.parametrize("factor", [0.3, 2.5])
def test_a_loss_far_off_the_trend_is_named(factor):
    loss = LADDER["loss"].copy()
    loss[4] *= factor
    with pytest.warns(RunsWarning, match=r"1 of 12 runs .*2-fold from the loss .*run 4 \("):
        Runs.from_frame(LADDER | {"loss": loss})


def test_tokens_in_thousands_may_look_swapped():
    with pytest.warns(RunsWarning, match=r'swapped.* units=\{"tokens": "k"\}'):
        Runs.from_frame(LADDER | {"tokens": 0.02 * LINE})


def test_text_that_is_a_number_is_read():
    runs = Runs.from_frame(FRAME.astype({"params": str, "loss": str}))
    np.testing.assert_array_equal(runs.params, FRAME["params"])
    np.testing.assert_array_equal(runs.loss, FRAME["loss"])


@pytest.mark.parametrize("dtype", ["float32", "Int64", "uint64", object, "int64[pyarrow]"])
def test_every_kind_of_number_becomes_float64(dtype):
    runs = Runs.from_frame(FRAME.assign(params=FRAME["params"].astype(int).astype(dtype)))
    assert runs.params.dtype == np.float64
    np.testing.assert_array_equal(runs.params, FRAME["params"])


TWO_BAD = with_cell("params", "d", "7 bees", with_cell("loss", "a", np.nan))
MANY_BAD = pd.concat([FRAME] * 5, ignore_index=True).assign(loss=-1.0)
IDS = FRAME.assign(run_id=["x", "x", "y", "z"])
OTHER_ID = FRAME.assign(seed=1, s=2)
REFUSED = {
    "negative loss": (with_cell("loss", "d", -0.12), {}, r"run d \(loss=-0.12\).*logarithm"),
    "near-perfect": (FRAME.assign(loss=[0.06, 0.05, 0.049, 0.01]), {}, "0.05 .* 2 of 4.*run c"),
    "zero FLOP": (FRAME.assign(flops=[1e18, 1e19, 0, 1e20]), {}, "flops is zero in 1 of 4.*run c"),
    "two problems": (TWO_BAD, {}, r"2 problems:\n- params .*run d.*\n- loss .*run a"),
    "many bad runs": (MANY_BAD, {}, r"20 of 20 runs: run 0 .* run 4 \(loss=-1\) and 15 more"),
    "no rows": (FRAME.head(0), {}, "no rows"),
    "no columns": ({}, {}, "no rows"),
    "two candidates": (FRAME.assign(N=1e8), {}, "'params' and 'N' .*params="),
    "one column twice": (FRAME, {"loss": "loss", "loss_se": "loss"}, "'loss' .*loss and loss_se"),
    "columns of one name": (pd.concat([FRAME, FRAME[["loss"]]], axis=1), {}, "2 columns 'loss'"),
    "repeated ids": (IDS, {}, r"'run_id' has repeated.*: x\..*cluster='run_id'"),
    "an empty id": (FRAME.assign(run_id=["x", "y", None, "z"]), {}, "'run_id' is empty in row 2"),
    "no label": (FRAME.assign(s=["c4", None, "c4", "c4"]), {"group": "s"}, "'s' is missing.*run b"),
    "group params": (FRAME, {"group": "params"}, "'params'"),
    "group cluster": (FRAME.assign(cluster="a"), {"group": "cluster"}, "'cluster'"),
    "group seed": (OTHER_ID, {"seed": "s", "group": "seed"}, "'seed'"),
    "group twice": (OTHER_ID, {"group": ["s", "s"]}, "twice: s"),
    "a path": ("runs.csv", {}, r"read_runs\(path\)"),
    "a list": ([1, 2], {}, r"read_runs\(path\)"),
    "nothing": (None, {}, r"read_runs\(path\)"),
    "lengths": ({"params": [1, 2], "tokens": [1, 2, 3], "loss": [1, 2]}, {},
                r"params \(2,\), tokens \(3,\)"),
    "two dimensions": ({"params": np.ones((2, 2)), "tokens": [1, 2], "loss": [1, 2]}, {},
                       "one-dimensional"),
    "large error": (LADDER | {"loss_se": [0.1] * 3 + [3.9] + [0.1] * 8}, {},
                    "loss_se .* 1 of 12 .*run 3"),
    "negative error": (FRAME.assign(loss_se=[0, -0.1, 0, 0]), {}, "loss_se is negative"),
    "missing error": (FRAME.assign(loss_se=[0, np.nan, 0, 0]), {}, "loss_se is missing"),
    "decimal comma": (LADDER | {"loss": ["3,500", *LADDER["loss"][1:]]}, {}, 'pass decimal=","'),
    "comma": (LADDER | {"loss": ["3,5", *LADDER["loss"][1:]]}, {}, 'pass decimal=","'),
    "count as a loss": (LADDER | {"loss": ["350 m", *LADDER["loss"][1:]]}, {}, "'350 m' as 3.5e"),
    "bytes": (LADDER | {"loss": [b"3.5", *LADDER["loss"][1:]]}, {}, "must be numbers"),
}  # fmt: skip


@pytest.mark.parametrize(("table", "options", "message"), REFUSED.values(), ids=REFUSED)
def test_tables_that_are_refused(table, options, message):
    with pytest.raises(RunsError, match=message):
        Runs.from_frame(table, **options)


@pytest.mark.parametrize("unit", ["nats/token", "bits/token"])
def test_a_loss_worse_than_guessing_is_refused(unit):
    frame = FRAME.assign(loss=[29.9, 22.1, 18.2, 14.9])
    with pytest.raises(RunsError, match=r"12.45 nats/token in .* of 4 runs: run a .*perplex"):
        Runs.from_frame(frame, loss_unit=unit)
    Runs.from_frame(with_cell("loss", "a", 11.02))  # as high as in real ladders


def test_what_is_like_what_is_refused_passes():
    assert Runs.from_frame(FRAME.assign(loss_se=[0, 0.1, 0, 0])).loss_se[0] == 0
    named = Runs.from_frame(FRAME.assign(N=1e8), params="N")
    np.testing.assert_array_equal(named.params, 1e8)
    assert Runs.from_frame(IDS, cluster="run_id").cluster_codes.tolist() == [0, 0, 1, 2]
    checkpoints = Runs.from_frame(IDS, group="run_id")
    assert checkpoints.groups["run_id"].tolist() == ["x", "x", "y", "z"]
    Runs.from_frame(TWICE.assign(seed=[1] * 4 + [2] * 4))  # replicates are no repeats
    Runs.from_frame(TWICE.assign(corpus=["a"] * 4 + ["b"] * 4), group="corpus")


def test_a_missing_column_is_named_with_the_closest():
    with pytest.raises(UnknownNameError) as error:
        Runs.from_frame(FRAME.rename(columns={"tokens": "Tokens", "loss": "eval xent value"}))
    for part in ("named 'loss'", "Known: 'params', 'Tokens', 'eval xent value'.",
                 "loss as loss, final_loss, L", 'loss="my_column"',
                 "--loss-column my_column"):  # fmt: skip
        assert part in str(error.value)


@pytest.mark.parametrize(("columns", "suggested"), [
    (["validated_loss"], "Did you mean 'validated_loss'?"),
    (["Val_Loss_1", "loss_2"], "Did you mean 'Val_Loss_1' or 'loss_2'?"),
    (["lost", "flops"], "Did you mean 'lost'?"),
    (["val_bpb", "flops"], 'loss="val_bpb", loss_unit="bits/byte" (on the command line '
     "--loss-column val_bpb --loss-unit bits/byte)"),
    (["flops", "loss_se", "corpus"], "named 'loss'. Known"),
])  # fmt: skip
def test_a_suggested_column_is_free_and_names_the_part(columns, suggested):
    table = FRAME.rename(columns={"loss": columns[0]}).assign(**dict.fromkeys(columns[1:], 1e18))
    with pytest.raises(UnknownNameError) as error:
        Runs.from_frame(table)
    assert suggested in str(error.value)


@pytest.mark.parametrize("part", ["params", "flops", "seed", "group", "cluster", "run_id"])
def test_a_named_column_must_exist(part):
    with pytest.raises(UnknownNameError, match=f"{part} named 'parms'. Did you mean"):
        Runs.from_frame(FRAME, **{part: "parms"})


def test_the_same_run_twice_is_flagged_and_kept():
    twice = pd.concat([FRAME, FRAME.loc[["b", "d"]], FRAME.loc[["b"]]], ignore_index=True)
    with pytest.warns(RunsWarning, match=r"3 of 7 .*: run 1 = 4 = 6, run 3 = 5\."):
        assert len(Runs.from_frame(twice)) == 7
    with pytest.warns(RunsWarning, match="4 of 8 runs"):
        Runs.from_frame(TWICE.assign(seed=np.nan))


def test_a_warning_points_at_the_line_that_caused_it():
    with pytest.warns(RunsWarning) as caught:
        Runs.from_frame(FRAME.assign(tokens=1.0))
    assert caught[0].filename == __file__


@pytest.mark.parametrize(("changes", "options", "message"), [
    ({"tokens": LADDER["tokens"] / 1e9}, {}, r"tokens .* 20\..*units="),
    ({"params": LINE / 1e6, "tokens": np.full(12, 1e11)}, {}, "millions"),
    ({"params": LINE / 1e8}, {}, "params .*largest is 100"),
    ({"params": 20 * LINE, "tokens": LINE}, {}, "params and tokens .*swapped"),
    ({"params": 1e3 * LINE, "tokens": 0.02 * LINE}, {}, "tokens .*millions"),
    ({"loss": np.linspace(12, 6, 12)}, {}, "perplexities"),
    ({"loss": np.linspace(0.3, 0.7, 12)}, {}, "accuracies"),
    ({"loss": np.linspace(0.9, 0.7, 12)}, {}, "bits per byte"),
    ({"loss": LADDER["loss"][::-1], "tokens": LINE**1.1}, {}, "rises with compute"),
    ({"val_ppl": LADDER["loss"]}, {"loss": "val_ppl"}, "perplexity"),
    ({"bpb": LADDER["loss"]}, {"loss": "bpb"}, 'loss_unit="bits/byte"'),
    ({"flops": 2 * LINE * LADDER["tokens"]}, {}, "0.333 times"),
    ({"flops": 18 * LINE * LADDER["tokens"]}, {}, "3 times"),
])  # fmt: skip
def test_implausible_tables_are_flagged_with_the_likely_cause(changes, options, message):
    with pytest.warns(RunsWarning, match=message) as caught:
        Runs.from_frame(LADDER | changes, **options)
    assert len(caught) == 1


@pytest.mark.parametrize(("changes", "options"), [
    ({}, {}),
    ({"loss": np.linspace(0.9, 0.7, 12)}, {"bytes_per_token": 1}),
    ({"bpb": np.linspace(0.9, 0.7, 12)},
     {"loss": "bpb", "loss_unit": "bits/byte", "bytes_per_token": 4}),
    ({"flops": 8 * LINE * LADDER["tokens"]}, {}),
    ({"tokens": 200 * LINE**1.1}, {}),
    ({"tokens": LINE**1.01}, {}),
])  # fmt: skip
def test_plausible_tables_pass_in_silence(changes, options):
    Runs.from_frame(LADDER | changes, **options)


@pytest.mark.parametrize("column", ["params", "tokens", "loss", "loss_se"])
def test_masked_cells_are_missing(column):
    masked = np.ma.array(LADDER.get(column, np.full(12, 0.1)), mask=[0, 1] + [0] * 10)
    cells = [np.ma.masked if k == 1 else x for k, x in enumerate(masked.data)]
    for values in (masked, cells):
        with pytest.raises(RunsError, match=rf"{column} is missing .* 1 of 12 runs: run 1\."):
            Runs.from_frame(LADDER | {column: values})


SPOILED = {
    "negative loss": ("loss", lambda x: -x, "loss is negative"),
    "zero FLOP": ("flops", lambda x: 0 * x, "flops is zero"),
    "no params": ("params", None, "'params'"), "no FLOP": ("flops", None, "'flops'"),
    "missing tokens": ("tokens", lambda x: x * np.nan, "tokens is missing"),
    "a lost group": ("corpus", None, "'corpus'"), "a lost input": ("experts", None, "'experts'"),
    "an endless input": ("experts", lambda x: x * np.inf, "experts is infinite"),
    "repeated ids": ("run", lambda x: 0 * x, "ids"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "spoil", "message"), SPOILED.values(), ids=SPOILED)
def test_impossible_tables_are_refused_from_datasets_too(name, spoil, message):
    table = LADDER | {"corpus": ["a"] * 12, "E": np.ones(12)}
    data = Runs.from_frame(table, group="corpus", inputs={"experts": "E"}).to_xarray()
    spoiled = data.drop_vars(name) if spoil is None else data.assign({name: spoil(data[name])})
    with pytest.raises(RunsError, match=message):
        Runs.from_xarray(spoiled)


def test_unknown_conventions_are_refused_from_datasets_too():
    dataset = Runs.from_frame(LADDER).to_xarray()
    stored = dataset.attrs["bayesscale_runs"]
    for wrong in (stored.replace("6ND", "7ND"), stored.replace("null", "-1"), "[1]", "{}", "3"):
        with pytest.raises(RunsError, match="does not hold runs"):
            Runs.from_xarray(dataset.assign_attrs(bayesscale_runs=wrong))
    assert Runs.from_xarray(dataset) == Runs.from_frame(LADDER)


def test_a_few_runs_worse_than_guessing_are_kept_and_named():
    with pytest.warns(RunsWarning) as heard:
        runs = Runs.from_frame(LADDER | {"loss": np.append(np.linspace(3.5, 2.5, 11), 13.0)})
    assert any("runs.drop([11])" in str(w.message) for w in heard)
    assert all("run 11 (loss=13)" in str(w.message) for w in heard)
    assert runs.loss[-1] == 13
    with pytest.raises(RunsError, match=r"above 12\.45"):
        Runs.from_frame(LADDER | {"loss": np.linspace(20, 12, 12)})


def test_one_ratio_of_tokens_to_parameters_is_flagged():
    with pytest.warns(RunsWarning, match="All runs have 20 tokens per parameter"):
        Runs.from_frame(LADDER | {"tokens": 20 * LINE})


@pytest.mark.parametrize(("column", "values"), [
    ("epochs_approx", np.geomspace(1, 30, 12)), ("unique_tokens", LADDER["tokens"] / 30),
])  # fmt: skip
def test_repeated_data_are_flagged_and_kept(column, values):
    with pytest.warns(RunsWarning, match=f"up to 30 times .column '{column}'"):
        runs = Runs.from_frame(LADDER | {column: values})
    assert runs["epochs"].max() == pytest.approx(30)
    assert Runs.from_xarray(runs.to_xarray()) == runs
    once = Runs.from_frame(LADDER | {"epochs": np.ones(12)})
    assert "epochs" not in once


def test_checkpoints_under_one_name_are_flagged_unless_they_are_a_cluster():
    table = {
        "params": np.repeat([1e8, 4e8, 9e8], 12), "tokens": np.tile(np.geomspace(1e9, 2e10, 12), 3),
        "loss": np.linspace(4, 3, 36), "model": np.repeat(["a", "b", "c"], 12),
    }  # fmt: skip
    with pytest.warns(RunsWarning, match="pass cluster='model'"):
        Runs.from_frame(table)
    Runs.from_frame(table, cluster="model")
    Runs.from_frame(table | {"model": np.arange(36)})


@pytest.mark.parametrize("off", [[], [0], [0, 1], [3], [6, 7]])
def test_budgets_off_the_trend_are_flagged_two_at_an_edge_together(off):
    runs = simulate_runs()
    budgets = np.unique(runs.flops.round(-12))
    loss = runs.loss * np.where(np.isin(runs.flops.round(-12), budgets[off]), 1.03, 1)
    table = {"params": runs.params, "tokens": runs.tokens, "loss": loss}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Runs.from_frame(table)
    said = [str(w.message) for w in caught]
    named = " and ".join(scientific(budgets[i]) for i in off)
    assert [f"at {named} FLOP lie +" in text for text in said] == [True] * bool(off)
