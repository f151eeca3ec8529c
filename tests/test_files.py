import os
import stat
from pathlib import Path

import pytest

from bayesscale._files import atomic_write, check_writable
from bayesscale.errors import FileError


def test_writes_a_new_file(tmp_path):
    path = tmp_path / "fit.nc"
    with atomic_write(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".nc"
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "fit.nc"
    path.write_text("old")
    with pytest.raises(type(error)), atomic_write(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_of_the_disk_names_the_file(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("old")
    with pytest.raises(FileError, match=r"fit\.nc': No space left"), atomic_write(path):
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"


def test_keeps_the_permissions_of_the_old_file(tmp_path):
    path = tmp_path / "fit.nc"
    path.write_text("old")
    path.chmod(0o640)
    with atomic_write(path) as temporary:
        temporary.write_text("new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_follows_a_link(tmp_path):
    (tmp_path / "real.nc").write_text("old")
    link = tmp_path / "link.nc"
    link.symlink_to(tmp_path / "real.nc")
    with atomic_write(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert (tmp_path / "real.nc").read_text() == "new"


@pytest.mark.parametrize(("name", "message"), [
    ("nowhere/fit.nc", "not exist"), ("", "is a folder"), ("file/fit.nc", "is a file"),
])  # fmt: skip
def test_places_where_no_file_can_be(tmp_path, name, message):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=message), atomic_write(tmp_path / name):
        pass


def test_says_that_a_file_is_protected(tmp_path, monkeypatch):
    path = tmp_path / "fit.nc"
    path.write_text("old")
    # root may write anywhere, so the answer of the system is replaced
    monkeypatch.setattr(os, "access", lambda p, mode: p != path)
    with pytest.raises(FileError, match="write-protected"), atomic_write(path):
        pass
    assert path.read_text() == "old"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_in_which_nothing_can_be_made_is_found_by_trying():
    with pytest.raises(FileError, match="/proc"):
        check_writable("/proc/fit.nc")


def test_the_trial_leaves_nothing(tmp_path):
    (tmp_path / "fit.nc").write_text("old")
    check_writable(tmp_path / "fit.nc")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]
