import gzip
import os

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import DomainError, FileError, RunsError, RunsWarning, UnknownNameError
from bayesscale.runs import Runs, read_runs


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "n_params": np.exp(rng.uniform(17, 24, 30)),
            "n_tokens": np.exp(rng.uniform(21, 27, 30)),
            "val": rng.uniform(2, 4, 30),
            "corpus": rng.choice(["c4", "rpj"], 30),
            "seed": range(30),
        }
    )


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
def test_every_format_gives_the_same_runs(frame, tmp_path, file):
    WRITERS[file](frame, tmp_path / file)
    runs = read_runs(tmp_path / file, loss="val", group="corpus")
    direct = Runs.from_frame(frame, loss="val", group="corpus", name="ladder")
    if "json" in file or "ndjson" in file:  # the writer above rounds
        np.testing.assert_allclose(runs.loss, direct.loss, rtol=1e-14)
        assert runs.groups["corpus"].tolist() == direct.groups["corpus"].tolist()
    else:
        assert runs == direct
    assert runs.name == "ladder"


def test_an_object_of_lists_is_read(tmp_path):
    path = tmp_path / "runs.json"
    path.write_text('{"N": [1e8, 100000000000000000000], "D": [2e9, 3e9], "L": [3.1, 2.5]}')
    assert read_runs(str(path), name="x").params.tolist() == [1e8, 1e20]


def test_integers_beyond_64_bits_are_read(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("N,D,L,C\n6889410560,192589189496,2.5,7961087216234438631424\n1e7,1e9,3,6e16\n")
    assert read_runs(path).flops.tolist() == [7961087216234438631424.0, 6e16]


def test_spaces_a_byte_order_mark_and_blank_lines_do_not_matter(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("\ufeffN, D, L\n1e8, 2e9, 3.1\n\n1e9, 2e10, 2.6\n", encoding="utf-8")
    assert read_runs(path).loss.tolist() == [3.1, 2.6]


def test_a_late_text_cell_is_found(tmp_path):
    path = tmp_path / "runs.csv"
    rows = "".join(f"{1000000 + i},{10**9 + i},2.{i:06d}\n" for i in range(60_000))
    path.write_text("N,D,L\n" + rows + "1.2bn,1e10,2.5\n")
    with pytest.raises(RunsError, match=r"1 of 60,001 runs: run 60000 \(params='1.2bn'\).*1.2e9"):
        read_runs(path)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("N,D,L\n1,2,3\n1,2,3,4\n", FileError, "Cannot read '.*' as .csv: .*Expected 3 columns"),
        ("N,D,L\n", RunsError, "no rows"),
        ("\n\n", FileError, "Cannot read '.*' as .csv: .*Empty CSV"),
        ("", FileError, "is empty"),
        ("N;D;L\n1;2;3\n", RunsError, "separated by ';' instead of ','"),
        ("N;D;L\n1e8;2e9;3,1\n", RunsError, "separated by ';' .* decimal points"),
        ("# from wandb, of May\nN,D,L\n1e8,2e9,3\n", RunsError, "comment '# from wandb, of May'"),
        ("N,D\n1e8,1e9\n", UnknownNameError, "No column named 'loss'"),
        (
            "N,D,L\n1e8,1e9,\n1e8,2e9,NA\n",
            RunsError,
            "loss is missing .* 2 of 2 runs: run 0, run 1",
        ),
    ],
)
def test_a_broken_csv_is_explained(tmp_path, text, error, message):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(error, match=message):
        read_runs(path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("a.parquet", b"not parquet at all", "as .parquet"),
        ("a.nc", b"not netcdf at all", "as .nc"),
        ("a.csv.gz", b"not gzip", "as .csv.gz: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(b"N,D,L\n1,2,3\n" * 999, mtime=0)[:30], "as .csv.gz"),
        ("a.csv", "N,D,L\n1,2,ä\n".encode("utf-16"), "it is UTF-16"),
        ("a.jsonl", b'{"N": 1}\n{"N": \n', "line 2 is not JSON"),
        ("a.jsonl", b'{"N": 1}\n[1, 2]\n', "line 2 is not an object"),
        ("a.json", b"{", "as .json"),
        ("a.json", b"3", "neither a list of objects nor an object of lists"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_explained(tmp_path, file, content, message):
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_runs(path)


def test_an_unknown_suffix_lists_the_known_ones(tmp_path):
    with pytest.raises(FileError, match=r"suffix '\.xlsx'.*\.csv, \.csv\.gz, .*\.parquet"):
        read_runs(tmp_path / "runs.xlsx")


def test_a_missing_file_names_the_closest(frame, tmp_path):
    frame.to_csv(tmp_path / "ladder.csv")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(
        FileError, match=r"Did you mean 'ladder\.csv'\? .*tables there: ladder\.csv\."
    ):
        read_runs(tmp_path / "lader.csv")
    with pytest.raises(FileError, match="there is no folder"):
        read_runs(tmp_path / "nowhere" / "ladder.csv")


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "runs.csv").mkdir()
    with pytest.raises(FileError, match="is a folder"):
        read_runs(tmp_path / "runs.csv")


def test_a_misspelt_argument_is_refused(tmp_path):
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


@pytest.mark.parametrize(
    ("folder", "n_runs", "rule", "options"),
    [
        ("chinchilla_epoch", 245, "6ND", {}),
        ("gadre2024", 104, "6ND", {"group": "dataset"}),
        ("muennighoff2023", 308, "6ND", {"group": "variant"}),
        ("porian2024", 1745, "6ND", {"params": "n_params_asfit", "param_count": "other"}),
        ("porian2024", 1745, "6ND_non_embedding", {"flop_rule": "6ND_non_embedding"}),
    ],
)
def test_public_ladders_load_in_silence(ladders, folder, n_runs, rule, options):
    runs = read_runs(ladders / folder / "runs.csv", **options)
    assert len(runs) == n_runs
    assert runs.flop_rule == rule
    assert Runs.from_xarray(runs.to_xarray()) == runs
    small, large = runs.split_by_compute(16)
    assert len(small) + len(large) == n_runs


def test_a_ladder_whose_compute_follows_another_count_is_flagged(ladders):
    with pytest.warns(RunsWarning, match=r"2 of 1,745 runs: run 0 \(flops / 6ND=0\.064"):
        runs = read_runs(ladders / "porian2024" / "runs.csv", group=["experiment", "dataset"])
    one = (runs.groups["experiment"] == "1_reproduce_kaplan") & (runs.groups["dataset"] == "rw")
    assert Runs.from_frame(runs.select(one).frame).flop_rule == "6ND_non_embedding"


def test_ladders_without_tokens_say_so(ladders):
    with pytest.raises(UnknownNameError, match=r"No column named 'tokens'.*tokens=\"my_column\""):
        read_runs(ladders / "clark2022_moe" / "runs.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("N,D,L\n1e8,2e9,3\n".encode("utf-16-le"), "it is UTF-16"),
        (b"N,D,L,corpus\n1e8,2e9,3.1,caf\xe9\n", r"byte 0xe9 in line 2 is not UTF-8.*Latin-1"),
        (b"\x89HDF\r\n\x1a\n123", "is a netCDF file.*bs.load_fit"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".json", ".jsonl"])
def test_what_is_no_utf8_is_refused(tmp_path, content, message, suffix):
    path = tmp_path / f"runs{suffix}"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message):
        read_runs(path)


def test_a_saved_fit_is_no_table(tmp_path):
    import xarray as xr

    tree = xr.DataTree.from_dict({"posterior": xr.Dataset({"E": ("draw", [1.0])})})
    tree.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with pytest.raises(FileError, match=r"holds groups, as a saved fit does.*load_fit"):
        read_runs(tmp_path / "fit.nc")


def test_links_and_pipes_and_paths_that_are_none(tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(FileError, match=r"is a link to '.*gone\.csv', which does not exist"):
        read_runs(tmp_path / "link.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileError, match="no regular file"):
        read_runs(tmp_path / "pipe.csv")
    for wrong in (5, None, b"runs.csv", ["runs.csv"]):
        with pytest.raises(DomainError, match="path must be the path of a file"):
            read_runs(wrong)
    for wrong in ("a\0.csv", "x" * 5000 + ".csv"):
        with pytest.raises(FileError, match=r"NUL character|Cannot read|No file"):
            read_runs(wrong)


def test_quoted_cells_and_windows_lines_are_read(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_bytes(b'"N",D,L,corpus\r\n1e8,2e9,"3.1","a,b"\r\n1e9,2e10,2.6,"say ""x"""\r\n')
    assert read_runs(path, group="corpus").groups["corpus"].tolist() == ["a,b", 'say "x"']
