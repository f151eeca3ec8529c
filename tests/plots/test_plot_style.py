"""The style for papers: in force inside its block, gone outside."""

import subprocess
import sys

import matplotlib as mpl
import pytest
from matplotlib import pyplot as plt
from matplotlib.text import Text

from bayesscale.errors import DomainError
from bayesscale.plots.allocation import plot_allocation
from bayesscale.plots.loss import plot_loss
from bayesscale.plots.style import PALETTE, paper_style


@pytest.mark.parametrize(("columns", "width"), [(1, 3.25), (2, 6.75)])
def test_figures_are_as_wide_as_columns(columns, width):
    with paper_style(columns):
        figure = plt.figure()
    assert figure.get_figwidth() == width
    plt.close(figure)


def test_settings_end_with_the_block():
    before = dict(mpl.rcParams)
    with paper_style():
        assert mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(PALETTE)
    assert dict(mpl.rcParams) == before


def test_importing_changes_no_setting():
    code = (
        "import matplotlib as mpl; mpl.use('Agg'); before = dict(mpl.rcParams)\n"
        "import bayesscale.plots.loss, bayesscale.plots.allocation, bayesscale.plots.style\n"
        "assert dict(mpl.rcParams) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_one_or_two_columns():
    with pytest.raises(DomainError, match="1 or 2"), paper_style(3):
        pass


@pytest.mark.usefixtures("own_figure")
def test_text_stays_text_in_svg(fit, tmp_path):
    path = tmp_path / "loss.svg"
    with paper_style():
        plot_loss(fit).figure.savefig(path)
    drawn = path.read_text(encoding="utf-8")
    for text in ("training compute (FLOP)", "extrapolation", "1e19"):
        assert f">{text}</text>" in drawn


@pytest.mark.usefixtures("own_figure")
@pytest.mark.parametrize("plot", [plot_loss, plot_allocation])
def test_text_is_legible_in_one_column(fit, plot):
    with paper_style():
        figure = plot(fit).figure
        figure.canvas.draw()
    shown = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
    assert min(t.get_fontsize() for t in shown) >= 6.5


@pytest.mark.usefixtures("own_figure")
@pytest.mark.parametrize("plot", [plot_loss, plot_allocation])
def test_the_legend_covers_no_runs(fit, plot):
    with paper_style():
        ax = plot(fit)
        ax.figure.canvas.draw()
        box = ax.get_legend().get_window_extent()
    for name in ("loss",) if plot is plot_loss else ("params", "tokens"):
        points = zip(fit.runs.flops, getattr(fit.runs, name), strict=True)
        assert not any(box.contains(*ax.transData.transform(point)) for point in points)
