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
def table(tmp_path, monkeypatch, runs):
    """A folder to work in, with a table; nothing may be sampled there."""
    monkeypatch.chdir(tmp_path)
    runs.frame.drop(columns="flops").to_csv("runs.csv", index=False)

    def fit(*_, **__):
        raise AssertionError("sampled before everything was checked")

    monkeypatch.setattr(bs, "fit", fit)
    return tmp_path / "runs.csv"


def under_another_name(table, how: str) -> str:
    match how:
        case "itself":
            return "runs.csv"
        case "absolute":
            return str(table)
        case "by way of a folder":
            (table.parent / "sub").mkdir()
            return "sub/../runs.csv"
        case "link":
            (table.parent / "link.nc").symlink_to(table)
            return "link.nc"
        case "link to a link":
            (table.parent / "inner").symlink_to("runs.csv")
            (table.parent / "link.nc").symlink_to("inner")
            return "link.nc"
        case _:
            os.link(table, table.parent / "hard.nc")
            return "hard.nc"


WAYS = ["itself", "absolute", "by way of a folder", "link", "link to a link", "hard link"]


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize("how", WAYS)
def test_a_table_is_never_written_over(table, how, force):
    before = table.read_bytes()
    output = under_another_name(table, how)
    ended = CliRunner().invoke(main, ["fit", "runs.csv", "-o", output, *force])
    assert ended.exit_code == 2
    assert "that is the table that is read" in ended.stderr
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
    (path,) = save({picture.stem: draw(picture)}, tmp_path)
    assert path == tmp_path / "loss.svg"
    check_output(path)


def test_in_python_too(fit, other, tmp_path):
    path = tmp_path / "thesis.tex"
    path.write_text("mine")
    with pytest.raises(FileError, match="overwrite=True"):
        fit.save(path)
    assert path.read_text() == "mine"
    fit.save(path, overwrite=True)
    other.save(path)  # a saved fit may be replaced
    assert bs.load_fit(path).summary().equals(other.summary())


def test_an_empty_file_is_nothing_to_lose(fit, tmp_path):
    (tmp_path / "fit.nc").touch()
    fit.save(tmp_path / "fit.nc")


def device(folder):
    return "/dev/null"


def fifo(folder):
    os.mkfifo(folder / "fifo")
    return folder / "fifo"


def link_to_a_device(folder):
    (folder / "link").symlink_to("/dev/full")
    return folder / "link"


def own_socket(folder):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "s"))
    return folder / "s"


def directory(folder):
    return folder


def loop(folder):
    (folder / "loop").symlink_to("loop")
    return folder / "loop"


def too_long(folder):
    return folder / ("a" * 300)


def nul(folder):
    return str(folder / "a\0b")


def number(folder):
    return 3


def in_no_folder(folder):
    return folder / "no" / "fit.nc"


def in_a_file(folder):
    (folder / "file").touch()
    return folder / "file" / "fit.nc"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "make",
    [device, fifo, link_to_a_device, own_socket, directory, loop, too_long, nul, number,
     in_no_folder, in_a_file],
)  # fmt: skip
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
