"""Nothing is written over an input, over what bayesscale did not make, or over what is no file."""

import os
import socket

import pytest
from click.testing import CliRunner

import bayesscale as bs
from bayesscale._files import check_output
from bayesscale.cli import main
from bayesscale.errors import BayesScaleError, FileError


@pytest.fixture
def table(tmp_path, monkeypatch, runs, no_sampling):
    """A folder to work in, with a table; nothing may be sampled there."""
    monkeypatch.chdir(tmp_path)
    runs.frame.drop(columns="flops").to_csv("runs.csv", index=False)
    return tmp_path / "runs.csv"


def made(path, make):
    make(path)
    return path


def link_to_a_link(table):
    (table.parent / "inner").symlink_to("runs.csv")
    (table.parent / "link.nc").symlink_to("inner")
    return "link.nc"


WAYS = {
    "itself": lambda table: "runs.csv",
    "absolute": str,
    "by way of a folder": lambda table: made(table.parent / "sub", os.mkdir) / ".." / "runs.csv",
    "link": lambda table: made(table.parent / "link.nc", lambda p: p.symlink_to(table)),
    "link to a link": link_to_a_link,
    "hard link": lambda table: made(table.parent / "hard.nc", lambda p: os.link(table, p)),
}


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("name", WAYS.values(), ids=WAYS)
def test_a_table_is_never_written_over(table, name, force):
    before = table.read_bytes()
    ended = CliRunner().invoke(main, ["fit", "runs.csv", "-o", str(name(table)), *force])
    assert ended.exit_code == 2
    assert "table" in ended.stderr
    assert table.read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [["fit", "fit.nc"], ["quickstart", "q/fit.nc", "--output-dir", "q"]],
    ids=lambda words: words[0],
)
def test_the_default_output_may_be_the_table(table, runs, words):
    path = table.parent / words[1]
    path.parent.mkdir(exist_ok=True)
    runs.to_xarray().to_netcdf(path, engine="h5netcdf")
    before = path.read_bytes()
    ended = CliRunner().invoke(main, words)
    assert ended.exit_code == 2
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["thesis.tex", "fit.nc", "loss.png", "data.nc"])
def test_what_bayesscale_did_not_make_is_kept(table, name):
    path = table.parent / name
    path.write_text("mine")
    ended = CliRunner().invoke(main, ["fit", "runs.csv", "-o", name])
    assert ended.exit_code == 2
    assert "--force" in ended.stderr
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["fit.nc", "loss.svg", "report.html"])
def test_quickstart_keeps_what_is_in_its_folder(table, name):
    path = table.parent / "q" / name
    path.parent.mkdir()
    path.write_text("mine")
    ended = CliRunner().invoke(main, ["quickstart", "runs.csv", "--output-dir", "q"])
    assert ended.exit_code == 2
    assert path.read_text() == "mine"


def test_pictures_are_known_again(tmp_path):
    from matplotlib.figure import Figure

    from bayesscale.tell import Picture, draw, save

    def drawn():
        figure = Figure()
        figure.subplots().plot([1, 2])
        return figure

    picture = Picture("loss", "Loss", drawn, "It rises.")
    save({picture.stem: draw(picture)}, tmp_path)
    assert (tmp_path / "loss.svg").exists()
    check_output(tmp_path / "loss.svg")


def test_in_python_too(fit, other, tmp_path):
    path = tmp_path / "thesis.tex"
    path.write_text("mine")
    with pytest.raises(FileError, match="overwrite=True"):
        fit.save(path)
    assert path.read_text() == "mine"
    fit.save(path, overwrite=True)
    other.save(path)  # a saved fit may be replaced
    (tmp_path / "empty.nc").touch()
    fit.save(tmp_path / "empty.nc")  # nothing to lose
    assert bs.load_fit(path).summary().equals(other.summary())


def own_socket(path):
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(str(path))


NO_FILES = {
    "a device": lambda folder: "/dev/null",
    "a fifo": lambda folder: made(folder / "fifo", os.mkfifo),
    "a link to a device": lambda folder: made(folder / "a", lambda p: p.symlink_to("/dev/full")),
    "a socket": lambda folder: made(folder / "s", own_socket), "a folder": lambda folder: folder,
    "a loop": lambda folder: made(folder / "loop", lambda p: p.symlink_to("loop")),
    "too long a name": lambda folder: folder / ("a" * 300),
    "NUL": lambda folder: str(folder / "a\0b"), "a number": lambda folder: 3,
    "in no folder": lambda folder: folder / "no" / "fit.nc",
    "in a file": lambda folder: made(folder / "file", lambda p: p.touch()) / "fit.nc",
}  # fmt: skip


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("make", NO_FILES.values(), ids=NO_FILES)
def test_only_files_are_written(fit, tmp_path, monkeypatch, make, overwrite):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    path = make(tmp_path / "x")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BayesScaleError):
        fit.save(path, overwrite=overwrite)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_longest_name_that_there_is(fit, tmp_path):
    path = tmp_path / ("a" * 252 + ".nc")
    assert bs.load_fit(fit.save(path)).sampling == fit.sampling


def test_a_deleted_folder_is_said_so(fit, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileError):
        fit.save("fit.nc")
    fit.save(tmp_path / "fit.nc")
