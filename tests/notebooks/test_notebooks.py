"""The notebooks: they were run to their ends, are small, and still run from a clean kernel."""

from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LONG = {
    "02_kaplan_vs_chinchilla",
    "03_why_073",
    "08_is_it_emergent",
    "09_what_the_answer_rests_on",
    "10_does_the_extension_pay",
    "ladder",
}
"""Those that CI does not run again."""

FIGURES = {"03_why_073": 2, "ladder": 3}
LARGEST = 1_500_000
"""Bytes with outputs."""


def test_there_are_notebooks():
    assert len({path.stem for path in NOTEBOOKS} - LONG) >= 5


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_was_run_in_order_and_is_small(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    pictures = sum("image/png" in output.get("data", {}) for output in outputs)
    assert pictures >= FIGURES.get(path.stem, 1)
    assert path.stat().st_size < LARGEST


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.stem not in LONG], ids=lambda path: path.stem
)
def test_every_figure_has_its_takeaway(path):
    for cell, following in pairwise(nbformat.read(path, as_version=4).cells):
        if "plt.show()" in cell.source:
            assert following.cell_type == "markdown", cell.source
            assert "**What to see.**" in following.source, cell.source


@pytest.mark.slow
@pytest.mark.parametrize("path", [
    pytest.param(path, marks=() if path.stem in LONG else pytest.mark.notebook, id=path.stem)
    for path in NOTEBOOKS
])  # fmt: skip
def test_it_still_runs(path, tmp_path, request):
    if path.stem == "03_why_073":
        request.getfixturevalue("ladders")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=1800, resources={"metadata": {"path": tmp_path}}).execute()
