"""The style for papers: in force inside its block, gone outside."""

import html
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.plots import LIGHT, palette, plot_allocation, plot_isoflops, plot_loss, plot_style


@pytest.mark.parametrize(("columns", "width"), [(1, 3.25), (2, 6.75)])
def test_figures_are_as_wide_as_columns(columns, width):
    with plot_style(columns=columns):
        figure = plt.figure()
    assert figure.get_figwidth() == width
    plt.close(figure)


def test_settings_end_with_the_block():
    before = dict(mpl.rcParams)
    with plot_style():
        assert mpl.rcParams["pdf.fonttype"] == 42
        assert mpl.rcParams["axes.prop_cycle"].by_key()["color"] == list(LIGHT)
    assert dict(mpl.rcParams) == before


def test_importing_changes_no_setting():
    code = (
        "import matplotlib as mpl; mpl.use('Agg'); before = dict(mpl.rcParams)\n"
        "import bayesscale.plots.loss, bayesscale.plots.allocation, bayesscale.plots.style\n"
        "assert dict(mpl.rcParams) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_only_one_or_two_columns():
    with pytest.raises(DomainError, match="1 or 2"), plot_style(columns=3):
        pass


@pytest.mark.usefixtures("own_figure")
def test_text_stays_text_in_svg(fit, tmp_path):
    path = tmp_path / "loss.svg"
    with plot_style():
        plot_loss(fit).figure.savefig(path)
    drawn = path.read_text(encoding="utf-8")
    for text in ("training compute (FLOP)", "extrapolation", "1e19"):
        assert f">{text}</text>" in drawn


@pytest.mark.usefixtures("own_figure")
@pytest.mark.parametrize("plot", [plot_loss, plot_allocation, plot_isoflops])
def test_text_is_legible_in_one_column(fit, plot):
    with plot_style():
        figure = plot(fit).figure
        figure.canvas.draw()
    shown = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
    assert min(t.get_fontsize() for t in shown) >= 6.5


@pytest.mark.usefixtures("own_figure")
@pytest.mark.parametrize("plot", [plot_loss, plot_allocation, plot_isoflops])
def test_the_legend_is_above_the_data_and_inside_the_figure(fit, plot):
    with plot_style():
        ax = plot(fit)
        ax.figure.canvas.draw()
        box = ax.get_legend().get_window_extent()
    assert box.y0 >= ax.get_window_extent().y1 - 1
    assert box.x1 <= ax.figure.bbox.x1
    assert box.y1 <= ax.figure.bbox.y1


@pytest.mark.usefixtures("own_figure")
def test_a_legend_can_be_left_out_or_put_inside(fit):
    assert plot_loss(fit, legend=False).get_legend() is None
    ax = plot_loss(fit, legend="upper right")
    ax.figure.canvas.draw()
    inside, box = ax.get_window_extent(), ax.get_legend().get_window_extent()
    assert inside.contains(box.x0, box.y0)
    assert inside.contains(box.x1, box.y1)


@pytest.mark.parametrize("medium", ["paper", "slide"])
def test_on_dark_everything_is_light(fit, medium):
    with plot_style(medium, theme="dark"):
        figure = plot_loss(fit).figure
        figure.canvas.draw()
        shown = [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]
        assert min(luminance(t.get_color()) for t in shown) > 0.3
        assert luminance(figure.get_facecolor()[:3]) < 0.1
        assert min(map(luminance, palette())) > 0.2
    least = min(t.get_fontsize() for t in shown)
    assert least >= (14 if medium == "slide" else 6.5)


def test_there_are_no_other_media_and_themes():
    with pytest.raises(UnknownNameError, match="slide"), plot_style("slides"):
        pass
    with pytest.raises(UnknownNameError, match="dark"), plot_style(theme="drak"):
        pass


def luminance(color):
    return float(np.dot(to_rgb(color), (0.2126, 0.7152, 0.0722)))


@pytest.mark.usefixtures("own_figure")
@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$x_{", "_hidden", "", "x" * 300, "Ελληνικά кириллица"]
)
def test_hostile_names_show_as_text(fit, make_fit, name, tmp_path):
    with plot_style():
        ax = plot_loss({name: fit, "other": make_fit("kaplan")})
        ax.figure.savefig(tmp_path / "loss.svg")
        box = ax.get_legend().get_window_extent()
    said = ax.get_legend().get_texts()[0].get_text()
    assert said.endswith(", 90 %")
    assert len(said) < 60
    assert box.width <= ax.figure.bbox.width
    drawn = (tmp_path / "loss.svg").read_text(encoding="utf-8")
    assert "<script" not in drawn
    assert html.escape((name or "(no name)")[:30]) in drawn
