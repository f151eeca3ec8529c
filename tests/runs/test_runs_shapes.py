"""Tables as people and trackers write them, at the first try: read, or refused with the remedy."""

import gzip
import io
import json
import warnings

import duckdb
import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest
from hypothesis import given, settings, strategies as st

import bayesscale as bs
from bayesscale.errors import BayesScaleError, RunsError, RunsWarning, UnknownNameError
from bayesscale.model import specify
from bayesscale.runs import Runs, read_runs
from bayesscale.runs.names import SEEN
from tests.simulate import simulate_runs

N = np.array([7e7, 16e7, 41e7, 1e9, 14e8, 28e8])
D = np.array([3e9, 6e9, 1e10, 2e10, 2.5e10, 5e10])
L = np.array([3.6, 3.25, 3.0, 2.75, 2.66, 2.5])
FRAME = pd.DataFrame({"n_params": N, "n_tokens": D, "loss": L})
RECORDS = FRAME.to_dict("records")
NAMES = ["pythia-70m", "pythia-160m", "pythia-410m", "pythia-1b", "pythia-1.4b", "pythia-2.8b"]


def table(**columns):
    return pd.DataFrame(columns).to_csv(index=False).encode()


def excel(frame):
    file = io.BytesIO()
    with pd.ExcelWriter(file) as book:
        pd.DataFrame({"note": ["sweep of May"]}).to_excel(book, sheet_name="about", index=False)
        frame.to_excel(book, sheet_name="runs", index=False)
    return file.getvalue()


def markdown(frame):
    lines = [frame.columns, ["---"] * frame.shape[1], *frame.astype(str).to_numpy().tolist()]
    return "\n".join(["# Results", "", *(f"| {' | '.join(x)} |" for x in lines), "", "Bye."])


def wandb_history(*, grouped=False, axis="tokens"):
    steps = np.arange(1, 4)
    columns = {axis: steps * 1e9}
    for name, loss in zip(NAMES[:3], L, strict=False):
        run = f"Group: {name} - eval/loss" if grouped else f"{name} - eval/loss"
        columns |= {run: loss + 1 / steps, f"{run}__MIN": loss, f"{run}__MAX": loss + 2}
    return table(**columns)


def trainer_state(**more):
    log = [
        row
        for k in range(1, 5)
        for row in (
            {"step": k, "loss": 4.0 - k / 10, "epoch": 0.1},
            {"step": k, "eval_loss": 3.9 - k / 10, **{n: k * v for n, v in more.items()}},
        )
    ]
    return {"global_step": 4, "log_history": log, "total_flos": 1e15}


def dumped(value):
    return json.dumps(value).encode()


RUNS_TABLE = {
    "Name": NAMES, "State": ["finished"] * 6, "Tags": [""] * 6, "Runtime": [60] * 6, "lr": 1e-3,
}  # fmt: skip

READ = {
    "csv": ("runs.csv", FRAME.to_csv(index=False).encode()),
    "csv with an index": ("runs.csv", FRAME.to_csv().encode()),
    "semicolons": ("runs.csv", FRAME.to_csv(index=False, sep=";").encode()),
    "bars": ("runs.csv", FRAME.to_csv(index=False, sep="|").encode()),
    "tabs in .csv": ("runs.csv", FRAME.to_csv(index=False, sep="\t").encode()),
    "commas in .tsv": ("runs.tsv", FRAME.to_csv(index=False).encode()),
    "spaces": ("runs.txt", FRAME.to_string(index=False).encode()),
    "packed": ("runs.csv.gz", gzip.compress(FRAME.to_csv(index=False).encode())),
    "markdown": ("runs.md", markdown(FRAME).encode()),
    "a list": ("runs.json", dumped(RECORDS)),
    "an object of lists": ("runs.json", dumped(FRAME.to_dict("list"))),
    "objects by name": ("runs.json", dumped(dict(zip(NAMES, RECORDS, strict=True)))),
    "objects by column": ("runs.json", FRAME.to_json(double_precision=15).encode()),
    "a list in an object": ("runs.json", dumped({"by": "me", "runs": RECORDS})),
    "table of W&B": ("runs.json", dumped({"columns": [*FRAME], "data": FRAME.values.tolist()})),
    "nested": ("runs.json", dumped([
        {"config": {"n_params": r["n_params"]}, "train": {"tokens": r["n_tokens"]},
         "summary": {"val": {"loss": r["loss"]}}} for r in RECORDS])),
    "nested lines": ("runs.jsonl", b"\n".join(
        dumped({"config": {"n_params": {"desc": None, "value": r["n_params"]}},
                "D": r["n_tokens"], "metrics": {"eval_loss": r["loss"]}}) for r in RECORDS)),
    "lines in .json": ("runs.json", b"\n".join(map(dumped, RECORDS))),
    "parquet": ("runs.parquet", FRAME.to_parquet()),
    "excel": ("runs.xlsx", excel(FRAME)),
    "netcdf": ("runs.nc", bytes(FRAME.to_xarray().to_netcdf(engine="h5netcdf"))),
    "runs table of W&B": ("wandb.csv", table(
        **RUNS_TABLE, **{"Model size": N, "train_tokens": D, "eval/loss": L})),
    "MLflow": ("mlflow.csv", table(
        run_id=NAMES, status="FINISHED",
        **{"params.n_params": N, "params.tokens": D, "metrics.val_loss": L})),
    "Neptune": ("neptune.csv", table(
        **{"sys/id": NAMES, "parameters/n_params": N, "metrics/tokens_seen": D,
           "metrics/eval/loss": L})),
    "units in headers": ("runs.csv", table(
        **{"Params (M)": N / 1e6, "tokens_B": D / 1e9, "Validation loss": L})),
    "PFLOPs": ("runs.csv", table(
        parameters=N, **{"Training PFLOPs": 6 * N * D / 1e15, "final loss": L})),
    "compute in place of tokens": ("runs.json", dumped(
        pd.DataFrame({"parameters": N, "compute_budget": 6 * N * D, "final_loss": L})
        .to_dict("records"))),
    "compute in place of parameters": ("runs.csv", table(D=D, C=6 * N * D, L=L)),
    "counts as words": ("runs.csv", table(
        Params=[x.split("-")[1] for x in NAMES], tokens=["3B", "6b", "10 billion", "20,000,000,000",
        "25e9", "0.05T"], nll=L)),
}  # fmt: skip


@pytest.mark.parametrize(("file", "content"), READ.values(), ids=READ)
def test_a_table_is_read_at_the_first_try(tmp_path, file, content):
    (tmp_path / file).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = read_runs(tmp_path / file)
    specify(runs)
    np.testing.assert_allclose([runs.params, runs.tokens, runs.loss], [N, D, L], rtol=1e-12)


FRAMES = {
    "polars": polars.from_pandas,
    "polars, lazy": lambda frame: polars.from_pandas(frame).lazy(),
    "pyarrow": pyarrow.Table.from_pandas,
    "duckdb": lambda frame: duckdb.sql("SELECT * FROM frame"),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_frames_of_other_libraries_are_read(make):
    assert Runs.from_frame(make(FRAME)) == Runs.from_frame(FRAME)


class Asked(Exception):
    """Sampling is not the point."""


@pytest.mark.parametrize("call", [bs.fit, bs.plan])
def test_a_frame_is_fitted_as_it_is_read(sample_with, call):
    frame = simulate_runs().frame.rename(columns={"loss": "eval/loss"})

    def stop(setup):
        raise Asked

    asked = sample_with(stop)
    with pytest.raises(Asked):
        call(polars.from_pandas(frame), law="chinchilla", progress=False)
    assert asked[-1].runs.loss.max() <= frame["eval/loss"].max()
    with pytest.raises(RunsError, match="must be Runs"):
        call("runs.csv")


ANSWERED = {
    "W&B history": (
        "history.csv", wandb_history(), {},
        "history exported by W&B.*reading=\"last\"", {"reading": "last", "params_from": "run"},
    ),
    "W&B groups": (
        "history.csv", wandb_history(grouped=True, axis="Step"), {"reading": "last"},
        "No column of params, tokens or flops.*steps|Step",
        {"reading": "last", "params_from": "run", "tokens": "Step * 512 * 2048"},
    ),
    "trainer_state": (
        "trainer_state.json", dumped(trainer_state(num_input_tokens_seen=1e9)), {},
        "history of one run, trainer_state.json", {"cluster": "run"},
    ),
    "perplexity": (
        "runs.csv", table(N=N, D=D, **{"wikitext ppl": np.exp(L)}), {},
        'loss="wikitext ppl", loss_unit="perplexity"',
        {"loss": "wikitext ppl", "loss_unit": "perplexity"},
    ),
    "bits/byte": (
        "runs.csv", table(N=N, D=D, val_bpb=L / np.log(2) / 4), {}, 'loss_unit="bits/byte"',
        {"loss": "val_bpb", "loss_unit": "bits/byte", "bytes_per_token": 4},
    ),
    "two losses": (
        "runs.csv", table(N=N, D=D, **{"train/loss": L - 0.1, "eval/loss": L}), {},
        "'train/loss' and 'eval/loss' could be the loss", {"loss": "eval/loss"},
    ),
    "two parameter counts": (
        "runs.csv", table(n_params=N, total_params=2 * N, D=D, L=L), {},
        "'n_params' and 'total_params'", {"params": "n_params"},
    ),
    "decimal commas": (
        "runs.csv", b"N;D;L\n7,1e7;3e9;3,61\n1e9;2e10;2,75\n", {}, "comma of '3,61'",
        {"decimal": ","},
    ),
    "steps": (
        "runs.csv", table(N=N, steps=D / 5e5, batch_size=500, seq_len=1000, L=L), {},
        r'no tokens.*tokens="steps \* BATCH \* LENGTH"',
        {"tokens": "steps * batch_size * seq_len"},
    ),
    "an incomplete row": (
        "runs.csv", table(N=N, D=[*D[:5], None], L=L), {},
        r"tokens is missing.*1 of 6 runs: run 5.*--drop-incomplete", {"drop_incomplete": True},
    ),
    "checkpoints": (
        "runs.csv", table(run_id=["a", "a", "b"], N=N[:3], D=D[:3], L=L[:3]), {},
        'reading="last"', {"reading": "last"},
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::bayesscale.errors.RunsWarning")
@pytest.mark.parametrize(
    ("file", "content", "first", "message", "remedy"), ANSWERED.values(), ids=ANSWERED
)
def test_a_refusal_names_the_remedy_that_works(tmp_path, file, content, first, message, remedy):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BayesScaleError, match=message):
        read_runs(tmp_path / file, **first).tokens.sum()
    runs = read_runs(tmp_path / file, **remedy)
    assert np.isfinite(runs.loss).all()
    if "steps" in remedy.get("tokens", ""):
        np.testing.assert_allclose(runs.tokens, D)
    if "params_from" in remedy:
        np.testing.assert_allclose(runs.params, N[:3])
        np.testing.assert_allclose(runs.loss, L[:3] + 1 / 3)


RAW = {
    "chinchilla_epoch/raw/svg_extracted_data.csv": (245, {}),
    "cs336_isoflop2026/raw/isoflops_curves.json": (72, {}),
    "jax_wikitext2026/raw/sweep_shortened.json": (8, {}),
    "nanosmol_vlm2026/raw/summary.md": (16, {"law": "kaplan_compute_irreducible"}),
}


@pytest.mark.parametrize(("file", "how"), RAW.items(), ids=RAW)
def test_raw_public_files_are_read_at_the_first_try(ladders, file, how):
    n_runs, options = how
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # of what the runs are like
        runs = read_runs(ladders / file)
    assert len(runs) == n_runs
    specify(runs, **options)


def test_raw_evaluations_of_ibm_are_read_with_the_remedies_in_turn(ladders):
    path = ladders / "ibm_moe2024/raw/IBM_MoE.csv"
    with pytest.raises(UnknownNameError, match='loss_unit="perplexity"'):
        read_runs(path)
    options = {"loss": "wikitext ppl", "loss_unit": "perplexity"}
    with pytest.raises(RunsError, match="--drop-incomplete"):
        read_runs(path, **options)
    with pytest.warns(RunsWarning) as heard:
        runs = read_runs(path, **options, drop_incomplete=True)
    assert any("rows that are incomplete: row" in str(w.message) for w in heard)
    assert runs.loss.max() < 4


WAYS = {  # a name and what one in the column is, by quantity
    "params": [(name, 1.0) for name in SEEN["params"]] + [("Params (M)", 1e6), ("n_params_B", 1e9)],
    "tokens": [(name, 1.0) for name in SEEN["tokens"]] + [("Tokens [B]", 1e9), ("tokens_T", 1e12)],
    "flops": [(name, 1.0) for name in SEEN["flops"]] + [("PFLOPs", 1e15), ("FLOPs (E)", 1e18)],
    "loss": [(name, 1.0) for name in SEEN["loss"]],
}
FILES = {
    ".csv": lambda f: f.to_csv(index=False).encode(),
    ".tsv": lambda f: f.to_csv(index=False, sep="\t").encode(),
    ".md": lambda f: markdown(f).encode(),
    ".json": lambda f: f.to_json(orient="records", double_precision=15).encode(),
    ".jsonl": lambda f: f.to_json(orient="records", lines=True, double_precision=15).encode(),
    ".parquet": lambda f: f.to_parquet(),
}


@st.composite
def written(draw):
    """Runs, and a table of them in one of many shapes."""
    n = draw(st.integers(2, 6))
    some = st.lists(st.floats(1e7, 1e11), min_size=n, max_size=n)
    numbers = {"params": np.array(draw(some)), "tokens": np.array(draw(some))}
    numbers["flops"] = 6 * numbers["params"] * numbers["tokens"]
    numbers["loss"] = np.linspace(4, 2, n)
    left_out = draw(st.sampled_from(["params", "tokens", "flops"]))
    columns = {}
    for name, values in numbers.items():
        if name != left_out:
            column, unit = draw(st.sampled_from(WAYS[name]))
            case = draw(st.sampled_from([str, str.title, str.upper, str.lower]))
            joint = draw(st.sampled_from(["_", " ", "-", ".", "/"]))
            plain = len(column) > 1 and unit == 1.0
            columns[case(column.replace("_", joint)) if plain else column] = values / unit
    order = draw(st.permutations(list(columns)))
    return numbers, pd.DataFrame({name: columns[name] for name in order})


@settings(max_examples=150, deadline=None)
@given(written(), st.sampled_from(list(FILES)))
def test_a_table_in_any_shape_reads_back_to_the_same_runs(tmp_path_factory, shape, suffix):
    numbers, frame = shape
    path = tmp_path_factory.mktemp("shapes") / f"runs{suffix}"
    path.write_bytes(FILES[suffix](frame))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)
        runs = read_runs(path)
    for name, values in numbers.items():
        np.testing.assert_allclose(runs[name], values, rtol=1e-12, err_msg=str(list(frame)))


@pytest.mark.parametrize(("where", "rows"), [
    ("loss < 3", [3, 4, 5]), ("loss <= 3.0", [2, 3, 4, 5]), ("n_params > 1B", [4, 5]),
    ("n_params>=1e9", [3, 4, 5]), ("kind != a", [1, 3, 5]), ("kind = a", [0, 2, 4]),
    ("kind in b, c", [1, 3, 5]), ("size in 70m, 160m", [0, 1]), (["kind=a", "loss < 3"], [4]),
    ({"kind": "a"}, [0, 2, 4]), ("kind == 'a'", [0, 2, 4]),
])  # fmt: skip
def test_conditions_choose_rows(where, rows):
    frame = FRAME.assign(kind=list("ababab"), size=[name.split("-")[1] for name in NAMES])
    assert Runs.from_frame(frame, where=where).run_ids.tolist() == rows


@pytest.mark.parametrize(("reading", "loss"), [
    ("last", [3.0, 2.9]), ("best", [2.8, 2.9]), ("mean", [3.1, 2.9]),
])  # fmt: skip
def test_one_reading_of_each_run(reading, loss):
    log = {
        "run": ["a", "b", "a", "a", "b"], "step": [3, 1, 1, 2, 2],
        "N": [1e8, 1e9, 1e8, 1e8, 1e9], "tokens": [3e9, 1e9, 1e9, 2e9, 2e9],
        "loss": [3.0, 2.9, 3.5, 2.8, np.nan],
    }  # fmt: skip
    runs = Runs.from_frame(log, reading=reading)
    np.testing.assert_allclose(runs.loss, loss)
    assert runs.run_ids.tolist() == ["a", "b"]
    assert f"{reading} of each run in 'run', of 5 rows" in repr(runs)


def test_tokenizers_are_brought_to_one_length():
    per_byte, length = np.array([1.0, 0.9, 0.8]), np.array([4.0, 5.0, 4.0])
    nats = {"N": N[:3], "D": D[:3], "L": per_byte * length, "bytes": length}
    runs = Runs.from_frame(nats, bytes_per_token="bytes")
    np.testing.assert_allclose(runs.loss, per_byte * runs.bytes_per_token)
    bits = nats | {"L": per_byte / np.log(2)}
    for unit in ("bits/byte", "bits/character"):
        again = Runs.from_frame(bits, bytes_per_token="bytes", loss_unit=unit)
        np.testing.assert_allclose(again.loss, runs.loss)


def test_errors_of_perplexities_are_converted_too():
    table = {"N": N, "D": D, "ppl": np.exp(L), "loss_se": 0.01 * np.exp(L)}
    runs = Runs.from_frame(table, loss="ppl", loss_unit="perplexity")
    np.testing.assert_allclose(runs.loss, L)
    np.testing.assert_allclose(runs.loss_se, 0.01)


def test_logarithms_are_recognised_and_converted_when_asked():
    logs = {"N": N, "tokens": np.log10(D), "flops": np.log10(6 * N * D), "L": L}
    with pytest.warns(RunsWarning) as caught:
        Runs.from_frame(logs)
    assert all('pass units={"' in str(w.message) and '"log10"}' in str(w.message) for w in caught)
    runs = Runs.from_frame(logs, units={"tokens": "log10", "flops": "log10"})
    np.testing.assert_allclose(runs.tokens, D)
    np.testing.assert_allclose(
        Runs.from_frame({"N": N, "log10_tokens": np.log10(D), "L": L}).tokens, D
    )
    with pytest.warns(RunsWarning, match=r'in billions, pass units=\{"tokens": "B"\}'):
        Runs.from_frame({"N": N, "D": D / 1e9, "L": L})


def test_a_law_needs_what_it_is_of_and_no_more():
    runs = Runs.from_frame({"compute": 6 * N * D, "loss": L, "model_d": 512})
    assert specify(runs, law="kaplan_compute").reference.keys() == {"flops", "loss"}
    with pytest.raises(UnknownNameError) as error:
        specify(runs, law="chinchilla")
    for part in ("'chinchilla' is of params and tokens", "only flops, loss",
                 "kaplan_compute, kaplan_compute_irreducible", "Known: 'model_d'"):  # fmt: skip
        assert part in str(error.value)
    small, large = Runs.from_frame({"tokens": D, "loss": L}).split_by_compute(10)
    assert (len(small), len(large)) == (1, 5)


def test_what_was_taken_and_derived_is_shown_and_kept():
    table = {"Params (M)": N / 1e6, "train_flops": 6 * N * D, "eval/loss": L}
    runs = Runs.from_frame(table)
    for part in ("(total; 'Params (M)' × 1e6)", "(C / 6N)", "(6ND; 'train_flops')",
                 "nats/token ('eval/loss')"):  # fmt: skip
        assert part in repr(runs)
    assert repr(Runs.from_xarray(runs.to_xarray())) == repr(runs)
    only = Runs.from_frame({"non_embedding_params": N, "D": D, "L": L})
    assert only.param_count == "non_embedding"


def test_an_id_of_something_else_names_no_runs():
    runs = Runs.from_frame(FRAME.assign(**{"dataset.id": "c4", "ID": NAMES}))
    assert runs.run_ids.tolist() == NAMES


def test_suggestions_go_by_meaning():
    table = {"N": N, "tok_cnt": D, "tokens_per_epoch": 1e8, "loss": L}
    with pytest.raises(UnknownNameError, match=r"Did you mean 'tok_cnt'\?"):
        specify(Runs.from_frame(table))


def test_standard_input_is_read(monkeypatch):
    for content in (FRAME.to_csv(sep=";", index=False).encode(), dumped(RECORDS), excel(FRAME)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert read_runs("-").name == "stdin"
