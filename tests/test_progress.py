"""Progress in a notebook: one line, kept up to date, that says in the end how long it took."""

import sys
from types import SimpleNamespace

import pytest

from bayesscale import _progress
from bayesscale._progress import progress_reporter


@pytest.fixture
def notebook(monkeypatch):
    """Pretend to be in a notebook; lists what its one line of output said."""
    said = []

    def display(data, *, raw, display_id):
        assert raw
        assert display_id
        said.append(data["text/plain"])
        return SimpleNamespace(update=lambda data, raw: said.append(data["text/plain"]))

    shell = type("ZMQInteractiveShell", (), {})()
    module = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr(_progress, "SECONDS_BETWEEN_UPDATES", 0.0)
    return said


def test_one_line_is_kept_up_to_date(notebook, capfd):
    with progress_reporter("auto") as report:
        report("Sampling", 3, 10)
        report("Checking")
    assert notebook[1:3] == ["Sampling (0 s)", "Checking (0 s)"]
    assert notebook[-1].endswith(" s")
    assert capfd.readouterr() == ("", "")


def test_it_is_finished_where_the_work_fails(notebook):
    with pytest.raises(ZeroDivisionError), progress_reporter("auto"):
        _ = 1 / 0
    assert notebook[-1] == "0.0 s"


def test_silence_is_silent(notebook):
    with progress_reporter(False) as report:
        report("Sampling")
    assert notebook == []
