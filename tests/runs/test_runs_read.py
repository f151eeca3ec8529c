import gzip
import os
import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bayesscale.errors import DomainError, FileError, RunsError, RunsWarning, UnknownNameError
from bayesscale.runs import Runs, read_runs

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"n_params": np.exp(RNG.uniform(17, 24, 30)), "n_tokens": np.exp(RNG.uniform(21, 27, 30)),
     "val": RNG.uniform(2, 4, 30), "corpus": RNG.choice(["c4", "rpj"], 30), "seed": range(30)}
)  # fmt: skip

WRITERS = {
    "ladder.csv": lambda f, p: f.to_csv(p, index=False),
    "ladder.CSV": lambda f, p: f.to_csv(p, index=False),
    "ladder.csv.gz": lambda f, p: f.to_csv(p, index=False),
    "ladder.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "ladder.tsv.gz": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "ladder.parquet": lambda f, p: f.to_parquet(p),
    "ladder.jsonl": lambda f, p: f.to_json(p, orient="records", lines=True, double_precision=15),
    "ladder.ndjson": lambda f, p: f.to_json(p, orient="records", lines=True, double_precision=15),
    "ladder.json": lambda f, p: f.to_json(p, orient="records", double_precision=15),
    "ladder.nc": lambda f, p: f.to_xarray().to_netcdf(p, engine="h5netcdf"),
}


@pytest.mark.parametrize("file", WRITERS)
def test_every_format_gives_the_same_runs(tmp_path, file):
    WRITERS[file](FRAME, tmp_path / file)
    runs = read_runs(tmp_path / file, loss="val", group="corpus")
    direct = Runs.from_frame(FRAME, loss="val", group="corpus", name="ladder")
    if "json" in file or "ndjson" in file:  # the writer above rounds
        np.testing.assert_allclose(runs.loss, direct.loss, rtol=1e-14)
        assert runs.groups["corpus"].tolist() == direct.groups["corpus"].tolist()
    else:
        assert runs == direct
    assert runs.name == "ladder"


READ = [
    ("runs.json", '{"N": [1e8, 100000000000000000000], "D": [2e9, 3e9], "L": [3.1, 2.5]}',
     "params", [1e8, 1e20]),
    ("runs.csv", "N,D,L,C\n6889410560,192589189496,2.5,7961087216234438631424\n1e7,1e9,3,6e16\n",
     "flops", [7961087216234438631424.0, 6e16]),
    ("runs.csv", "\ufeffN, D, L\n1e8, 2e9, 3.1\n\n1e9, 2e10, 2.6\n", "loss", [3.1, 2.6]),
    ("runs.csv", '"N",D,L,id\r\n1e8,2e9,"3.1","a,b"\r\n1e9,2e10,2.6,"say ""x"""\r\n',
     "run_ids", ["a,b", 'say "x"']),
]  # fmt: skip


@pytest.mark.parametrize(("file", "text", "column", "values"), READ, ids=["", "2^64", "BOM", '"'])
def test_odd_but_right_files_are_read(tmp_path, file, text, column, values):
    path = tmp_path / file
    path.write_text(text, encoding="utf-8", newline="")
    assert getattr(read_runs(str(path)), column).tolist() == values


def test_a_late_text_cell_is_found(tmp_path):
    path = tmp_path / "runs.csv"
    rows = "".join(f"{1000000 + i},{10**9 + i},2.{i:06d}\n" for i in range(60_000))
    path.write_text("N,D,L\n" + rows + "big,1e10,2.5\n")
    with pytest.raises(RunsError, match=r"run 60000 \(params='big'\).*1.2e9"):
        read_runs(path)


@pytest.mark.parametrize(("text", "error", "message"), [
    ("N,D,L\n1,2,3\n1,2,3,4\n", FileError, "as .csv: .*3 columns"),
    ("N,D,L\n", RunsError, "no rows"),
    ("\n\n", FileError, "as .csv: "),
    ("", FileError, "is empty"),
    ("N;D;L\n1e8;2e9;3,1\n", RunsError, "comma of '3,1' is a decimal one, pass decimal=\",\""),
    ("# from wandb, of May\nN,D,L\n1e8,2e9,3\n", RunsError, "comment '# from wandb, of May'"),
    ("N,D\n1e8,1e9\n", UnknownNameError, "No column named 'loss'"),
    ("N,D,L\n1e8,1e9,\n1e8,2e9,NA\n", RunsError, "loss is missing .* 2 of 2.*: run 0, run 1"),
])  # fmt: skip
def test_a_broken_csv_is_explained(tmp_path, text, error, message):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        read_runs(path)


@pytest.mark.parametrize(("file", "content", "message"), [
    ("a.parquet", b"not parquet at all", "as .parquet"),
    ("a.nc", b"not netcdf at all", "as .nc"),
    ("a.csv.gz", b"not gzip", "as .csv.gz"),
    ("a.csv.gz", gzip.compress(b"N,D,L\n1,2,3\n" * 999, mtime=0)[:30], "as .csv.gz"),
    ("a.csv", "N,D,L\n1,2,ä\n".encode("utf-16"), "it is UTF-16"),
    ("a.jsonl", b'{"N": 1}\n{"N": \n', "line 2 is not JSON"),
    ("a.jsonl", b'{"N": 1}\n[1, 2]\n', "line 2 is not an object"),
    ("a.json", b"{", "as .json"),
    ("a.json", b"3", "list"),
])  # fmt: skip
def test_a_file_that_is_not_what_it_says_is_explained(tmp_path, file, content, message):
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_runs(path)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(FileError, match=r"\.docx.*\.csv, \.tsv, .*\.parquet"):
        read_runs(tmp_path / "runs.docx")


def test_a_missing_file_names_the_closest(tmp_path):
    FRAME.to_csv(tmp_path / "ladder.csv")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(FileError, match=r"mean 'ladder\.csv'\? .*: ladder\.csv\."):
        read_runs(tmp_path / "lader.csv")
    with pytest.raises(FileError, match="there is no folder"):
        read_runs(tmp_path / "nowhere" / "ladder.csv")


def test_a_folder_is_no_table_and_a_misspelt_argument_is_refused(tmp_path):
    (tmp_path / "runs.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        read_runs(tmp_path / "runs.csv")
    with pytest.raises(TypeError, match="token"):
        read_runs(tmp_path / "runs.csv", token="D")


def test_a_warning_points_at_the_line_that_read_the_file(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("N,D,L\n1e8,2,3.1\n")
    with pytest.warns(RunsWarning, match="tokens look too small") as caught:
        read_runs(path)
    assert caught[0].filename == __file__


def test_rows_are_chosen_before_anything_is_checked(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("N,D,L,state\n1e8,2e9,3.1,done\nbig,2e9,,failed\n1e9,2e10,2.6,done\n1,1,1,\n")
    runs = read_runs(path, where={"state": "done"})
    assert runs.run_ids.tolist() == [0, 2]
    assert runs.groups == {}


@pytest.mark.parametrize(("folder", "n_runs", "rule", "options", "warned"), [
    ("chinchilla_epoch", 245, "6ND", {}, []),
    ("gadre2024", 104, "6ND", {"group": "dataset"}, []),
    ("muennighoff2023", 308, "6ND", {"group": "variant"}, ["repeated"]),
    ("porian2024", 1745, "6ND", {"params": "n_params_asfit", "param_count": "other"}, []),
    ("porian2024", 1745, "6ND_non_embedding", {"flop_rule": "6ND_non_embedding"}, ["the trend"]),
])  # fmt: skip
def test_public_ladders_load(ladders, folder, n_runs, rule, options, warned):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        runs = read_runs(ladders / folder / "runs.csv", **options)
    assert len(heard) == len(warned)
    assert all(words in str(w.message) for words, w in zip(warned, heard, strict=True))
    assert len(runs) == n_runs
    assert runs.flop_rule == rule
    assert Runs.from_xarray(runs.to_xarray()) == runs
    small, large = runs.split_by_compute(16)
    assert len(small) + len(large) == n_runs


def test_a_ladder_whose_compute_follows_another_count_is_flagged(ladders):
    with pytest.warns(RunsWarning, match=r"2 of 1,745.*run 0 \(.*=0\.064"):
        runs = read_runs(ladders / "porian2024" / "runs.csv", group=["experiment", "dataset"])
    one = (runs.groups["experiment"] == "1_reproduce_kaplan") & (runs.groups["dataset"] == "rw")
    assert Runs.from_frame(runs.select(one).frame).flop_rule == "6ND_non_embedding"


def test_ladders_without_tokens_say_so(ladders):
    path = ladders / "clark2022_moe" / "runs.csv"
    with pytest.raises(RunsError, match="'n_params_total' and 'n_params' could be the params"):
        read_runs(path)
    runs = read_runs(path, params="n_params")
    with pytest.raises(UnknownNameError, match=r"no tokens.*tokens=\"my_column\""):
        _ = runs.tokens


@pytest.mark.parametrize(("content", "message"), [
    ("N,D,L\n1e8,2e9,3\n".encode("utf-16-le"), "it is UTF-16"),
    (b"N,D,L,corpus\n1e8,2e9,3.1,caf\xe9\n", r"0xe9 in line 2 .*Latin-1"),
    (b"\x89HDF\r\n\x1a\n123", "netCDF.*load_fit"),
])  # fmt: skip
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl"])
def test_what_is_no_utf8_is_refused(tmp_path, content, message, suffix):
    path = tmp_path / f"runs{suffix}"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_runs(path)


def test_a_saved_fit_is_no_table(tmp_path):
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"E": ("draw", [1.0])})})
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with pytest.raises(FileError, match="load_fit"):
        read_runs(tmp_path / "fit.nc")


def test_links_and_pipes_and_paths_that_are_none(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(FileError, match=r"link to '.*gone\.csv'"):
        read_runs(tmp_path / "link.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileError, match="not a regular file"):
        read_runs(tmp_path / "pipe.csv")
    for wrong in (5, None, b"runs.csv", ["runs.csv"]):
        with pytest.raises(DomainError, match="path must be"):
            read_runs(wrong)
    for wrong in ("a\0.csv", "x" * 5000 + ".csv"):
        with pytest.raises(FileError, match=r"NUL|Cannot read|No file"):
            read_runs(wrong)


def test_characters_that_cannot_be_seen_do_not_hide_a_column():
    hidden = {"\ufeffn": [1e7, 2e7], "tokens\u00a0": [1e9, 2e9], "loss\u200b": [3, 2.9]}
    runs = Runs.from_frame(hidden, params="n", tokens="tokens", loss="loss")
    assert runs.loss.tolist() == [3, 2.9]
