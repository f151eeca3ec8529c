"""The compute-optimal split: what is drawn is what the companion returns and `allocate` says."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.text import Text

import bayesscale as bs
from bayesscale.errors import DomainError
from bayesscale.forecast import allocate, landmark_models
from bayesscale.plots import BLUE, KAPLAN_AND_CHINCHILLA, VERMILION, plot_allocation
from bayesscale.runs import Runs


def lines(ax, style):
    """Return the lines of a style by colour, as arrays of points."""
    return {
        to_hex(line.get_color()).upper(): np.transpose(line.get_data())
        for line in ax.lines
        if line.get_linestyle() == style
    }


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_draws_into_the_axes_that_it_is_given(fit, ax):
    assert plot_allocation(fit, ax=ax) is ax


@pytest.mark.usefixtures("own_figure")
def test_opens_one_figure_without_axes(fit):
    ax = plot_allocation(fit)
    assert plt.get_fignums() == [ax.figure.number]


def test_the_lines_are_the_companions_medians(fit, ax):
    curve = bs.plot_data("allocation", fit).frontier
    drawn = lines(plot_allocation(fit, ax=ax), "-")
    np.testing.assert_array_equal(drawn[BLUE], curve[["flops", "params"]])
    np.testing.assert_array_equal(drawn[VERMILION], curve[["flops", "tokens"]])


@pytest.mark.parametrize("law", ["chinchilla", "unified", "kaplan"])
def test_the_companion_agrees_with_allocate(make_fit, law):
    fit = make_fit(law)
    curve = bs.plot_data("allocation", fit, ci_prob=0.8).frontier
    expected = allocate(fit, flops=curve["flops"], ci_prob=0.8).summary
    for name in ("params", "tokens", "tokens_per_param"):
        for quantile in ("", "_lower", "_upper"):
            np.testing.assert_allclose(curve[name + quantile], expected[name + quantile])


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_an_average_is_drawn_as_allocate_answers(average, ax):
    plot_allocation(average, ax=ax)
    curve = bs.plot_data("allocation", average, ci_prob=0.8).frontier
    expected = allocate(average, flops=curve["flops"], ci_prob=0.8).summary
    for name in ("params", "params_lower", "params_upper", "tokens"):
        np.testing.assert_allclose(curve[name], expected[name])


def test_the_fixed_ratio_keeps_its_ratio_and_the_budget(fit, ax):
    curve = bs.plot_data("allocation", fit, tokens_per_param=40).frontier
    params, tokens = curve["reference_params"], curve["reference_tokens"]
    np.testing.assert_allclose(tokens / params, 40)
    np.testing.assert_allclose(6 * params * tokens, curve["flops"])
    plot_allocation(fit, tokens_per_param=40, ax=ax)
    assert "40 tokens per parameter" in legend(ax)


def test_the_fixed_ratio_can_be_left_out(fit, ax):
    plot_allocation(fit, tokens_per_param=None, ax=ax)
    assert lines(ax, ":") == {}
    assert legend(ax) == ["optimum, 90 %", "fitted runs"]
    assert "reference_params" not in bs.plot_data("allocation", fit, tokens_per_param=None).frontier


def test_extrapolation_begins_at_the_largest_fitted_run(fit, ax):
    plot_allocation(fit, flops_max=1e26, ax=ax)  # warnings are errors
    (shade,) = ax.patches
    assert shade.get_x() == fit.runs.flops.max()
    assert bs.plot_data("allocation", fit).extrapolation_begins == fit.runs.flops.max()
    assert "extrapolation" in [text.get_text() for text in ax.texts]


def test_curves_and_axes_are_named(fit, ax):
    plot_allocation(fit, ax=ax)
    assert {"$N^*$", "$D^*$"} <= {text.get_text() for text in ax.texts}
    assert ax.get_xlabel() == "training compute (FLOP)"
    ax.figure.canvas.draw()
    assert {"1B", "10B"} <= {tick.get_text() for tick in ax.get_yticklabels()}


def test_names_of_curves_that_meet_stay_apart(fit, make_fit, ax):
    end = bs.plot_data("allocation", fit).frontier.iloc[-1]
    unit = end["tokens"] / end["params"]  # tokens counted in it meet the parameters there
    frame = fit.runs.to_frame()[["params", "tokens", "loss"]]
    runs = Runs.from_frame(frame.assign(tokens=frame["tokens"] / unit))
    plot_allocation(make_fit("chinchilla", runs), flops_max=end["flops"] / unit, ax=ax)
    ax.figure.canvas.draw()
    names = [t.get_window_extent() for t in ax.texts if t.get_text() in ("$N^*$", "$D^*$")]
    assert not names[0].overlaps(names[1])


def test_runs_of_both_counts_are_in_the_background(fit, ax):
    plot_allocation(fit, ax=ax)
    drawn = {tuple(line.get_ydata()) for line in ax.lines if line.get_marker() == "o"}
    assert drawn == {tuple(fit.runs.params), tuple(fit.runs.tokens)}


def test_several_laws_in_one_picture_with_slopes(fit, make_fit, ax):
    fits = {"Kaplan": make_fit("kaplan"), "Chinchilla": fit}
    plot_allocation(
        fits, quantity="params", slopes=KAPLAN_AND_CHINCHILLA, ax=ax, color=["red", "blue"]
    )
    data = bs.plot_data("allocation", fits, slopes=KAPLAN_AND_CHINCHILLA)
    drawn = {line.get_color(): line for line in ax.lines if line.get_linestyle() == "-"}
    for name, color in zip(fits, ("red", "blue"), strict=True):
        own = data.frontier[data.frontier["fit"] == name]
        np.testing.assert_array_equal(
            np.transpose(drawn[color].get_data()), own[["flops", "params"]]
        )
    for name, a in KAPLAN_AND_CHINCHILLA.items():
        line = data.slopes[data.slopes["name"] == name]
        slope = np.diff(np.log(line["params"])) / np.diff(np.log(line["flops"]))
        np.testing.assert_allclose(slope, a)
        np.testing.assert_allclose(line["params"] * line["tokens"] * 6, line["flops"], rtol=1e-6)
        assert name in legend(ax)
    assert ax.get_ylabel() == "parameters $N^*$"


def test_landmarks_stand_at_their_compute(fit, ax):
    plot_allocation(fit, quantity="params", landmarks=True, flops_max=1e24, ax=ax)
    (marks,) = [line for line in ax.lines if line.get_marker() == "^"]
    table = landmark_models()
    table["flops"] = 6 * table["params"] * table["tokens"]
    shown = table[table["flops"] < 1e24].sort_values("flops")
    np.testing.assert_allclose(np.transpose(marks.get_data()), shown[["flops", "params"]])
    assert {"GPT-3 175B", "Chinchilla 70B"} <= {text.get_text() for text in ax.texts}
    assert "Llama 3 405B" not in {text.get_text() for text in ax.texts}


@pytest.mark.parametrize("quantity", ["params", "both"])
def test_names_of_landmarks_cover_neither_each_other_nor_data(fit, ax, quantity):
    plot_allocation(fit, quantity=quantity, landmarks=True, flops_max=1e26, ax=ax)
    ax.figure.canvas.draw()
    models = set(landmark_models().index)
    boxes = [Text.get_window_extent(t) for t in ax.texts if t.get_text() in models]
    assert len(boxes) == len(models)
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert min(box.x0 for box in boxes) >= ax.get_window_extent().x1
    assert max(box.x1 for box in boxes) <= ax.figure.bbox.x1


def test_the_ratio_alone(fit, ax):
    plot_allocation(fit, quantity="tokens_per_param", ax=ax)
    (line,) = lines(ax, "-").values()
    np.testing.assert_array_equal(
        line, bs.plot_data("allocation", fit).frontier[["flops", "tokens_per_param"]]
    )


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    "bad",
    [
        {"ci_prob": 1.5},
        {"flops_max": -1},
        {"flops_max": 1e17},
        {"tokens_per_param": 0},
        {"tokens_per_param": [20, 30]},
        {"slopes": {"steep": "much"}},
    ],
    ids=str,
)
def test_bad_options_are_refused_before_anything_is_drawn(fit, bad):
    with pytest.raises(DomainError, match=next(iter(bad))):
        plot_allocation(fit, **bad)


@pytest.mark.usefixtures("no_figure")
def test_a_law_of_one_variable_has_nothing_to_split(make_fit):
    with pytest.raises(DomainError, match="nothing to split"):
        plot_allocation(make_fit("kaplan_compute"))
