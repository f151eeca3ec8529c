import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import RunsError, RunsWarning, UnknownNameError
from bayesscale.runs import Runs


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "params": [1e8, 2e8, 4e8, 8e8],
            "tokens": [2e9, 4e9, 8e9, 16e9],
            "loss": [3.4, 3.1, 2.9, 2.7],
        },
        index=["a", "b", "c", "d"],
    )


def with_cell(frame, column, row, value):
    frame = frame.astype({column: object})
    frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize("column", ["params", "tokens", "loss"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fast", "must be numbers, but are not in 1 of 4 runs: run b (COLUMN='fast')"),
        ("1.2bn", "run b (COLUMN='1.2bn')"),
        ("350 m", "Write '350 m' as 350e6."),
        ("1,200,000", "Write '1,200,000' as 1200000."),
        (True, "must be numbers, but are not in 1 of 4 runs: run b (COLUMN="),
        (pd.Timestamp("2024-01-01"), "must be numbers"),
        ([1], "must be numbers"),
        pytest.param(10**400, "run b (COLUMN=1000", id="huge"),
        ("x" * 1000, f"run b (COLUMN='{'x' * 39}…). Write"),
        ("", "is missing (an empty cell or NaN) in 1 of 4 runs: run b."),
        (None, "is missing (an empty cell or NaN) in 1 of 4 runs: run b."),
        (pd.NA, "is missing (an empty cell or NaN) in 1 of 4 runs: run b."),
        (np.nan, "is missing (an empty cell or NaN) in 1 of 4 runs: run b."),
        ("nan", "is missing (an empty cell or NaN) in 1 of 4 runs: run b."),
        (np.inf, "is infinite in 1 of 4 runs: run b (COLUMN=inf)"),
        (-np.inf, "is infinite in 1 of 4 runs: run b (COLUMN=-inf)"),
        (0, "is zero in 1 of 4 runs: run b (COLUMN=0). It must be positive."),
        (-1.5, "is negative in 1 of 4 runs: run b (COLUMN=-1.5)."),
    ],
)
def test_an_impossible_cell_is_named(frame, column, value, message):
    if isinstance(value, list):
        frame[column] = pd.Series([*frame[column][:1], value, *frame[column][2:]], frame.index)
    else:
        frame = with_cell(frame, column, "b", value)
    with pytest.raises(RunsError) as error:
        Runs.from_frame(frame)
    assert message.replace("COLUMN", column) in str(error.value)
    assert str(error.value).startswith(column)


@pytest.mark.parametrize("column", ["params", "tokens"])
def test_absurd_counts_are_refused(frame, column):
    Runs.from_frame(with_cell(frame, column, "b", 1e20))
    with pytest.raises(RunsError, match=rf"^{column} is above 1.0e20 in 1 of 4 runs: run b \("):
        Runs.from_frame(with_cell(frame, column, "b", 1e300))


def test_text_that_is_a_number_is_read(frame):
    runs = Runs.from_frame(frame.astype({"params": str, "loss": str}))
    np.testing.assert_array_equal(runs.params, frame["params"])
    np.testing.assert_array_equal(runs.loss, frame["loss"])


@pytest.mark.parametrize("dtype", ["float32", "Int64", "uint64", object, "int64[pyarrow]"])
def test_every_kind_of_number_becomes_float64(frame, dtype):
    runs = Runs.from_frame(frame.assign(params=frame["params"].astype(int).astype(dtype)))
    assert runs.params.dtype == np.float64
    np.testing.assert_array_equal(runs.params, frame["params"])


def test_a_negative_loss_is_explained(frame):
    with pytest.raises(RunsError, match="difference, a logarithm, or normalised by the vocabulary"):
        Runs.from_frame(with_cell(frame, "loss", "d", -0.12))


@pytest.mark.parametrize("unit", ["nats/token", "bits/token"])
def test_a_loss_worse_than_guessing_is_refused(frame, unit):
    frame["loss"] = [29.9, 22.1, 18.2, 14.9]
    with pytest.raises(RunsError, match=r"above 12.45 nats/token in .* of 4 runs: run a .*perplex"):
        Runs.from_frame(frame, loss_unit=unit)


def test_a_loss_too_good_is_refused(frame):
    frame["loss"] = [0.06, 0.05, 0.049, 0.01]
    with pytest.raises(RunsError, match=r"below 0.05 nats/token in 2 of 4 runs: run c .*accuracy"):
        Runs.from_frame(frame)


def test_high_losses_of_real_ladders_pass(frame):
    Runs.from_frame(with_cell(frame, "loss", "a", 11.02))


@pytest.mark.parametrize(
    ("value", "message"), [(-0.1, "loss_se is negative"), (np.nan, "loss_se is missing")]
)
def test_standard_errors_must_be_numbers_from_zero_on(frame, value, message):
    assert Runs.from_frame(frame.assign(loss_se=[0, 0.1, 0, 0])).loss_se[0] == 0
    with pytest.raises(RunsError, match=message):
        Runs.from_frame(frame.assign(loss_se=[0, value, 0, 0]))


def test_a_flop_column_is_checked_too(frame):
    with pytest.raises(RunsError, match=r"flops is zero in 1 of 4 runs: run c"):
        Runs.from_frame(frame.assign(flops=[1e18, 1e19, 0, 1e20]))


def test_all_problems_are_told_at_once(frame):
    frame = with_cell(with_cell(frame, "loss", "a", np.nan), "params", "d", "7bn")
    with pytest.raises(RunsError, match=r"has 2 problems:\n- params .*run d.*\n- loss .*run a"):
        Runs.from_frame(frame)


def test_many_bad_runs_are_cut_short(frame):
    long = pd.concat([frame] * 5, ignore_index=True).assign(loss=-1.0)
    with pytest.raises(RunsError, match=r"20 of 20 runs: run 0 .* run 4 \(loss=-1\) and 15 more"):
        Runs.from_frame(long)


def test_no_rows_are_no_runs(frame):
    with pytest.raises(RunsError, match="no rows"):
        Runs.from_frame(frame.head(0))
    with pytest.raises(RunsError, match="no rows"):
        Runs.from_frame({})


def test_a_missing_column_is_named_with_the_closest(frame):
    with pytest.raises(UnknownNameError) as error:
        Runs.from_frame(frame.rename(columns={"tokens": "Tokens", "loss": "val_ce"}))
    assert str(error.value) == (
        "No column named 'tokens'. Did you mean 'Tokens'? Known: 'params', 'Tokens', 'val_ce'. "
        "Looked for tokens as tokens, n_tokens, num_tokens, D; for loss as loss, final_loss, L. "
        'Name yours: tokens="my_column", loss="my_column" (on the command line '
        "--tokens-column my_column --loss-column my_column)."
    )


@pytest.mark.parametrize(
    ("columns", "suggested"),
    [
        (["validation_loss"], "Did you mean 'validation_loss'?"),
        (["Val_Loss", "train_loss"], "Did you mean 'Val_Loss' or 'train_loss'?"),
        (["lost", "flops"], "Did you mean 'lost'?"),
        (["flops", "loss_se", "corpus"], "named 'loss'. Known"),
    ],
)
def test_a_suggested_column_is_free_and_names_the_part(frame, columns, suggested):
    table = frame.rename(columns={"loss": columns[0]}).assign(**dict.fromkeys(columns[1:], 1e18))
    with pytest.raises(UnknownNameError) as error:
        Runs.from_frame(table)
    assert suggested in str(error.value)


@pytest.mark.parametrize("part", ["params", "flops", "seed", "group", "cluster", "run_id"])
def test_a_named_column_must_exist(frame, part):
    with pytest.raises(UnknownNameError, match=f"No column for {part} named 'parms'. Did you mean"):
        Runs.from_frame(frame, **{part: "parms"})


def test_two_candidates_are_ambiguous_until_one_is_named(frame):
    frame = frame.assign(N=frame["params"] * 0.9)
    with pytest.raises(
        RunsError, match=r"Both 'params' and 'N' could be the params column.*params="
    ):
        Runs.from_frame(frame)
    np.testing.assert_array_equal(Runs.from_frame(frame, params="N").params, frame["N"])


def test_one_column_cannot_be_two_things(frame):
    with pytest.raises(RunsError, match="'loss' is named for both loss and loss_se"):
        Runs.from_frame(frame, loss="loss", loss_se="loss")


def test_columns_of_one_name_are_refused(frame):
    twice = pd.concat([frame, frame[["loss"]]], axis=1)
    with pytest.raises(RunsError, match="2 columns 'loss'"):
        Runs.from_frame(twice)


def test_run_ids_must_tell_runs_apart(frame):
    with pytest.raises(RunsError, match=r"'run_id' repeats itself.*: x\..*cluster='run_id'"):
        Runs.from_frame(frame.assign(run_id=["x", "x", "y", "z"]))
    with pytest.raises(RunsError, match="'run_id' is empty in row 2"):
        Runs.from_frame(frame.assign(run_id=["x", "y", None, "z"]))
    repeated = frame.assign(run_id=["x", "x", "y", "z"])
    assert Runs.from_frame(repeated, cluster="run_id").cluster_codes.tolist() == [0, 0, 1, 2]
    checkpoints = Runs.from_frame(repeated, group="run_id")
    assert checkpoints.groups["run_id"].tolist() == ["x", "x", "y", "z"]


def test_group_labels_may_not_be_missing(frame):
    with pytest.raises(RunsError, match=r"group column 'corpus' is missing .* 1 of 4 runs: run b"):
        Runs.from_frame(frame.assign(corpus=["c4", None, "c4", "c4"]), group="corpus")


def test_group_names_may_not_clash(frame):
    with pytest.raises(RunsError, match="cannot be called 'params'"):
        Runs.from_frame(frame, group="params")
    with pytest.raises(RunsError, match="given twice: corpus"):
        Runs.from_frame(frame.assign(corpus="c4"), group=["corpus", "corpus"])
    with pytest.raises(RunsError, match="a group cannot be called 'seed'"):
        Runs.from_frame(frame.assign(seed=1, s=2), seed="s", group="seed")


@pytest.mark.parametrize("table", ["runs.csv", [1, 2], None])
def test_what_is_not_a_table_is_refused(table):
    with pytest.raises(RunsError, match=r"For a file, use read_runs\(path\)"):
        Runs.from_frame(table)


def test_columns_of_different_length_are_refused():
    with pytest.raises(RunsError, match=r"of one length, but are: params \(2,\), tokens \(3,\)"):
        Runs.from_frame({"params": [1, 2], "tokens": [1, 2, 3], "loss": [1, 2]})
    with pytest.raises(RunsError, match="one-dimensional"):
        Runs.from_frame({"params": np.ones((2, 2)), "tokens": [1, 2], "loss": [1, 2]})


def test_the_same_run_twice_is_flagged_and_kept(frame):
    twice = pd.concat([frame, frame.loc[["b", "d"]], frame.loc[["b"]]], ignore_index=True)
    with pytest.warns(RunsWarning, match=r"3 of 7 runs repeat.*: run 1 = 4 = 6, run 3 = 5\. A run"):
        runs = Runs.from_frame(twice)
    assert len(runs) == 7


def test_replicates_are_not_repeats(frame):
    twice = pd.concat([frame, frame], ignore_index=True)
    Runs.from_frame(twice.assign(seed=[1] * 4 + [2] * 4))
    Runs.from_frame(twice.assign(corpus=["a"] * 4 + ["b"] * 4), group="corpus")
    with pytest.warns(RunsWarning, match="4 of 8 runs repeat"):
        Runs.from_frame(twice.assign(seed=np.nan))


def test_counts_in_billions_are_flagged(frame):
    with pytest.warns(RunsWarning, match=r"tokens look too small: the median is 6\..*say units="):
        Runs.from_frame(frame.assign(tokens=frame["tokens"] / 1e9))
    with pytest.warns(RunsWarning, match="params look too small: the largest is 800"):
        Runs.from_frame(frame.assign(params=frame["params"] / 1e6))


def test_a_warning_points_at_the_line_that_caused_it(frame):
    with pytest.warns(RunsWarning) as caught:
        Runs.from_frame(frame.assign(tokens=1.0))
    assert caught[0].filename == __file__


LINE = np.geomspace(1e8, 1e10, 12)
LADDER = {"params": LINE, "tokens": 20 * LINE[::-1], "loss": np.linspace(3.5, 2.5, 12)}


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"params": LINE / 1e6, "tokens": np.full(12, 1e11)}, {}, "counted in millions"),
        ({"params": LINE / 1e9}, {}, "params look too small"),
        ({"params": 20 * LINE, "tokens": LINE}, {}, "params and tokens look swapped"),
        ({"params": 1e3 * LINE, "tokens": 0.02 * LINE}, {}, "tokens look counted in millions"),
        ({"loss": np.linspace(12, 6, 12)}, {}, "perplexities, whose logarithm"),
        ({"loss": np.linspace(0.3, 0.7, 12)}, {}, "accuracies or error rates"),
        ({"loss": np.linspace(0.9, 0.7, 12)}, {}, "bits per byte"),
        (
            {"loss": LADDER["loss"][::-1], "tokens": LADDER["tokens"][::-1]},
            {},
            "rises with compute",
        ),
        ({"val_ppl": LADDER["loss"]}, {"loss": "val_ppl"}, "sounds like a perplexity"),
        ({"bpb": LADDER["loss"]}, {"loss": "bpb"}, 'loss_unit="bits/byte"'),
        ({"flops": 2 * LINE * LADDER["tokens"]}, {}, "0.333 times .* forward pass alone"),
        ({"flops": 18 * LINE * LADDER["tokens"]}, {}, "3 times .* three times over"),
    ],
)
def test_implausible_tables_are_flagged_with_the_likely_cause(changes, options, message):
    with pytest.warns(RunsWarning, match=message) as caught:
        Runs.from_frame(LADDER | changes, **options)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({}, {}),
        ({"loss": np.linspace(0.9, 0.7, 12)}, {"bytes_per_token": 1}),
        ({"bpb": np.linspace(0.9, 0.7, 12)},
         {"loss": "bpb", "loss_unit": "bits/byte", "bytes_per_token": 4}),
        ({"flops": 8 * LINE * LADDER["tokens"]}, {}),
        ({"tokens": 2000 * LINE}, {}),
        ({"tokens": LINE}, {}),
    ],
)  # fmt: skip
def test_plausible_tables_pass_in_silence(changes, options):
    Runs.from_frame(LADDER | changes, **options)


def test_a_standard_error_above_its_loss_is_refused():
    with pytest.raises(RunsError, match=r"loss_se is above the loss itself in 1 of 12 .*run 3"):
        Runs.from_frame(LADDER | {"loss_se": [0.1] * 3 + [3.9] + [0.1] * 8})


@pytest.mark.parametrize("column", ["params", "tokens", "loss", "loss_se"])
def test_masked_cells_are_missing(column):
    masked = np.ma.array(LADDER.get(column, np.full(12, 0.1)), mask=[0, 1] + [0] * 10)
    cells = [np.ma.masked if k == 1 else x for k, x in enumerate(masked.data)]
    for values in (masked, cells):
        with pytest.raises(RunsError, match=rf"{column} is missing .* 1 of 12 runs: run 1\."):
            Runs.from_frame(LADDER | {column: values})


@pytest.mark.parametrize("column", ["params", "tokens"])
def test_counts_of_almost_nothing_are_refused(column):
    with pytest.raises(RunsError, match=rf"{column} is below 1.0e-12 in 1 of 12 runs: run 0"):
        Runs.from_frame(LADDER | {column: np.r_[1e-300, LINE[1:]]})


@pytest.mark.parametrize(
    ("column", "cell", "advice"),
    [
        ("loss", "3,500", "decimal one, write 3.500; if it parts thousands, 3500"),
        ("loss", "3,5", "Write '3,5' as 3.5: with a decimal point"),
        ("params", "3,500", "Write '3,500' as 3500"),
        ("loss", b"3.5", "must be numbers"),
    ],
)
def test_commas_are_explained(column, cell, advice):
    with pytest.raises(RunsError, match=advice):
        Runs.from_frame(LADDER | {column: [cell, *LADDER[column][1:]]})


SPOILED = {
    "negative loss": ("loss", lambda x: -x, "loss is negative"),
    "zero FLOP": ("flops", lambda x: 0 * x, "flops is zero"),
    "no params": ("params", None, "there is no 'params' in it"),
    "no FLOP": ("flops", None, "there is no 'flops' in it"),
    "missing tokens": ("tokens", lambda x: x * np.nan, "tokens is missing"),
    "a lost group": ("corpus", None, "there is no 'corpus' in it"),
    "a lost input": ("experts", None, "there is no 'experts' in it"),
    "an endless input": ("experts", lambda x: x * np.inf, "experts is infinite"),
    "repeated ids": ("run", lambda x: 0 * x, "ids that tell them apart"),
}


@pytest.mark.parametrize(("name", "spoil", "message"), SPOILED.values(), ids=SPOILED)
def test_impossible_tables_are_refused_from_datasets_too(name, spoil, message):
    runs = Runs.from_frame(
        LADDER | {"corpus": ["a"] * 12, "E": np.ones(12)}, group="corpus", inputs={"experts": "E"}
    )
    dataset = runs.to_xarray()
    spoiled = (
        dataset.drop_vars(name) if spoil is None else dataset.assign({name: spoil(dataset[name])})
    )
    with pytest.raises(RunsError, match=message):
        Runs.from_xarray(spoiled)


def test_unknown_conventions_are_refused_from_datasets_too():
    dataset = Runs.from_frame(LADDER).to_xarray()
    told = dataset.attrs["bayesscale_runs"]
    for wrong in (told.replace("6ND", "7ND"), told.replace("null", "-1"), "[1]", "{}", "3"):
        with pytest.raises(RunsError, match="does not hold runs"):
            Runs.from_xarray(dataset.assign_attrs(bayesscale_runs=wrong))
    assert Runs.from_xarray(dataset) == Runs.from_frame(LADDER)
