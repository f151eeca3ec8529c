"""Loss against compute: what is drawn is what the companion returns and what forecasts say."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

import bayesscale as bs
from bayesscale.errors import DomainError, UnknownNameError
from bayesscale.forecast import allocate, extrapolate
from bayesscale.plots import plot_loss
from bayesscale.runs import Runs
from tests.simulate import simulate_runs

QUANTILES = ["", "_lower", "_upper"]


def curve_of(ax):
    """Return the points of the only solid line, the law's median."""
    (line,) = [line for line in ax.lines if line.get_linestyle() == "-"]
    return np.transpose(line.get_data())


def band_edges(band, sizes):
    """Return lower and upper edge of a filled band, in the order of the sizes."""
    x, y = band.get_paths()[0].vertices.T
    edges = [np.unique(y[np.isclose(x, size, rtol=1e-12)]) for size in sizes]
    return np.array([(e.min(), e.max()) for e in edges]).T


def vertical_lines(ax):
    return [line.get_xdata()[0] for line in ax.lines if len(set(line.get_xdata())) == 1]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def tick_labels(axis):
    axis.figure.canvas.draw()
    low, high = sorted(axis.get_view_interval())
    low, high = 0.999 * low, 1.001 * high
    shown = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1.get_text() for tick in shown]


def key_of(ax):
    """Return the axes of the colour bar."""
    (key,) = ax.child_axes
    return key


def segments(lines):
    return [tuple(map(tuple, segment)) for segment in lines.get_segments()]


def test_draws_into_the_axes_that_it_is_given(fit, ax):
    assert plot_loss(fit, ax=ax) is ax


@pytest.mark.usefixtures("own_figure")
def test_opens_one_figure_without_axes(fit):
    ax = plot_loss(fit)
    assert plt.get_fignums() == [ax.figure.number]
    assert ax.figure.get_layout_engine() is not None


def test_the_line_is_the_companions_median(fit, ax):
    curve = bs.plot_data("loss", fit).frontier
    np.testing.assert_array_equal(curve_of(plot_loss(fit, ax=ax)), curve[["flops", "law_loss"]])


def test_the_bands_are_the_companions_intervals(fit, ax):
    curve = bs.plot_data("loss", fit, ci_prob=0.8).frontier
    new_run, law, *_ = plot_loss(fit, ci_prob=0.8, ax=ax).collections
    for band, name in ((new_run, "loss"), (law, "law_loss")):
        expected = curve[[f"{name}_lower", f"{name}_upper"]].to_numpy().T
        np.testing.assert_allclose(band_edges(band, curve["flops"]), expected)


def test_the_frontier_is_the_loss_at_the_optimal_split(fit):
    curve = bs.plot_data("loss", fit, ci_prob=0.8).frontier
    expected = allocate(fit, flops=curve["flops"], ci_prob=0.8).summary
    for quantile in QUANTILES:
        np.testing.assert_allclose(
            curve[f"law_loss{quantile}"], expected[f"optimal_loss{quantile}"]
        )


def test_new_runs_scatter_as_forecasts_say_and_evenly_along_the_curve(fit):
    curve = bs.plot_data("loss", fit).frontier
    expected = allocate(fit, flops=curve["flops"]).summary
    for name in ["loss" + q for q in QUANTILES]:
        np.testing.assert_allclose(curve[name], expected[name], rtol=0.01)
    ratio = (curve["loss_upper"] / curve["loss_lower"]).to_numpy()
    assert np.abs(np.diff(ratio, 2)).max() < 1e-3  # no Monte-Carlo jitter from point to point


def test_the_axis_ends_ten_times_past_the_largest_run(fit, ladder):
    small, large = ladder
    assert bs.plot_data("loss", fit).frontier["flops"].iloc[-1] == pytest.approx(
        10 * small.flops.max()
    )
    curve = bs.plot_data("loss", fit, held_out=large).frontier["flops"]
    assert curve.iloc[-1] == pytest.approx(10 * large.flops.max())
    assert curve.iloc[0] == pytest.approx(small.flops.min())


def test_the_axis_ends_where_it_is_told_to(fit, ax):
    plot_loss(fit, flops_max=1e25, ax=ax)
    assert ax.get_xlim()[1] == pytest.approx(1e25)


def test_far_reach_is_marked_instead_of_warned_about(fit, ax):
    plot_loss(fit, flops_max=1e26, ax=ax)  # warnings are errors
    assert vertical_lines(ax) == [fit.runs.flops.max()]
    assert texts(ax) == ["extrapolation"]
    (shade,) = ax.patches
    assert shade.get_x() == fit.runs.flops.max()


def test_nothing_is_marked_where_nothing_is_extrapolated(fit, ax):
    plot_loss(fit, flops_max=fit.runs.flops.max(), ax=ax)
    assert vertical_lines(ax) == []
    assert texts(ax) == []


def test_runs_are_drawn_at_their_compute_and_loss(fit, ax):
    plot_loss(fit, ax=ax)
    points = ax.collections[2]
    np.testing.assert_array_equal(points.get_offsets(), np.c_[fit.runs.flops, fit.runs.loss])
    np.testing.assert_array_equal(points.get_array(), fit.runs.params)


def test_held_out_runs_are_hollow_and_have_their_own_intervals(fit, ladder, ax):
    large = ladder[1]
    plot_loss(fit, held_out=large, ci_prob=0.8, ax=ax)
    data = bs.plot_data("loss", fit, held_out=large, ci_prob=0.8).held_out
    (held,) = [line for line in ax.lines if line.get_marker() == "D"]
    np.testing.assert_array_equal(np.transpose(held.get_data()), data[["shown_at", "loss"]])
    np.testing.assert_array_equal(data["loss"], large.loss)
    assert to_rgba(held.get_markerfacecolor()) == to_rgba(ax.get_facecolor())
    assert {"held-out runs", "predicted, 80 %"} <= set(legend(ax))
    expected = extrapolate(
        fit, params=large.params, tokens=large.tokens, ci_prob=0.8, random_seed=5
    ).summary
    for quantile in QUANTILES:  # noise is drawn afresh: Monte Carlo error only
        np.testing.assert_allclose(
            data[f"predicted{quantile}"], expected[f"loss{quantile}"], rtol=0.01
        )
    (bars,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    np.testing.assert_allclose(
        [(low, high) for (_, low), (_, high) in segments(bars)],
        data[["predicted_lower", "predicted_upper"]],
    )


def test_held_out_runs_of_one_compute_stand_side_by_side(fit, ladder):
    first = ladder[1].to_frame().head(3)
    params = first["params"].iloc[0] * np.array([1.0, 2.0, 4.0])
    same = Runs.from_frame({"params": params, "tokens": 1e21 / params, "loss": first["loss"]})
    shown = bs.plot_data("loss", fit, held_out=same).held_out
    places = np.sort(shown["shown_at"])
    assert (np.diff(places) > 0).all()
    assert places[1] == pytest.approx(same.flops[0])


def test_several_fits_share_one_picture(fit, make_fit, average, ladder, ax):
    fits = {"one": fit, "two": make_fit("kaplan"), "both": average}
    plot_loss(fits, held_out=ladder[1], ax=ax, color=["red", "#00ff00", "C0"])
    data = bs.plot_data("loss", fits, held_out=ladder[1])
    curves = [line for line in ax.lines if line.get_linestyle() == "-"]
    assert [line.get_color() for line in curves] == ["red", "#00ff00", "C0"]
    for line, (name, each) in zip(curves, fits.items(), strict=True):
        alone = bs.plot_data("loss", each).frontier
        own = data.frontier[data.frontier["fit"] == name]
        np.testing.assert_array_equal(np.transpose(line.get_data()), own[["flops", "law_loss"]])
        shared = own[own["flops"] <= alone["flops"].max()]
        there = np.interp(np.log(shared["flops"]), np.log(alone["flops"]), alone["law_loss"])
        np.testing.assert_allclose(shared["law_loss"], there, rtol=1e-3)
    said = legend(ax)
    assert {"one, 90 %", "two, 90 %", "both, 90 %"} <= set(said)
    assert set(data.held_out["fit"]) == set(fits)


@pytest.mark.parametrize(
    ("unit", "show", "label"),
    [
        ("perplexity", np.exp, "perplexity"),
        ("bits/token", lambda nats: nats / np.log(2), "loss (bits/token)"),
        ("bits/byte", lambda nats: nats / np.log(2) / 4, "loss (bits/byte)"),
    ],
)
def test_losses_are_shown_in_other_units(make_fit, ladder, ax, unit, show, label):
    frame = ladder[0].to_frame()
    fit = make_fit("chinchilla", Runs.from_frame(frame, bytes_per_token=4))
    plain, shown = bs.plot_data("loss", fit), bs.plot_data("loss", fit, unit=unit)
    for column in ("law_loss", "law_loss_upper", "loss_lower"):
        expected = show(plain.frontier[column])  # quantiles are interpolated between draws
        np.testing.assert_allclose(shown.frontier[column], expected, rtol=1e-5)
    np.testing.assert_allclose(shown.runs["loss"], show(frame["loss"]))
    assert plot_loss(fit, unit=unit, ax=ax).get_ylabel() == label


def test_axes_are_in_the_unit_of_the_runs(make_fit, ladder, ax):
    frame = ladder[0].to_frame()[["params", "tokens", "loss"]]
    per_byte = frame.assign(loss=frame["loss"] / np.log(2) / 4)
    runs = Runs.from_frame(per_byte, loss_unit="bits/byte", bytes_per_token=4)
    assert plot_loss(make_fit("chinchilla", runs), ax=ax).get_ylabel() == "loss (bits/byte)"
    np.testing.assert_allclose(ax.collections[2].get_offsets()[:, 1], per_byte["loss"])


@pytest.mark.usefixtures("no_figure")
def test_what_cannot_be_shown_is_said(fit, make_fit):
    with pytest.raises(DomainError, match="bytes_per_token"):
        plot_loss(fit, unit="bits/byte")
    with pytest.raises(UnknownNameError, match="perplexity"):
        plot_loss(fit, unit="perplexty")
    with pytest.raises(DomainError, match="no axis in common"):
        plot_loss({"a": fit, "b": make_fit("kaplan_params")})
    with pytest.raises(DomainError, match="label= names a single fit"):
        plot_loss({"a": fit}, label="b")
    with pytest.raises(DomainError, match="2 colours"):
        plot_loss({"a": fit, "b": fit}, color="red")
    with pytest.raises(DomainError, match="no such colour"):
        plot_loss(fit, color="no such colour")
    with pytest.raises(UnknownNameError, match="upper right"):
        plot_loss(fit, legend="uper right")
    with pytest.raises(DomainError, match="empty"):
        plot_loss({})


def test_labels_are_words(fit, ax):
    plot_loss(fit, ci_prob=0.95, ax=ax)
    assert ax.get_xlabel() == "training compute (FLOP)"
    assert ax.get_ylabel() == "loss (nats/token)"
    assert legend(ax) == ["compute-optimal, 95 %", "new run, 95 %", "fitted runs"]
    assert {"1e18", "1e19", "1e20"} <= set(tick_labels(ax.xaxis))
    losses = tick_labels(ax.yaxis)
    assert 3 <= len(losses) <= 7
    assert "3.0" in losses
    assert key_of(ax).get_ylabel() == "parameters"
    assert tick_labels(key_of(ax).yaxis) == ["100M", "1B"]


def test_sizes_within_a_decade_are_told_at_the_ends_of_the_key(make_fit, ax):
    params, ratio = np.meshgrid(np.geomspace(2e8, 7e8, 5), np.geomspace(2, 200, 4))
    runs = simulate_runs(sizes=(params.ravel(), (params * ratio).ravel()))
    plot_loss(make_fit("chinchilla", runs), ax=ax)
    assert tick_labels(key_of(ax).yaxis) == ["200M", "700M"]


def test_runs_of_one_size_need_no_key(make_fit, ax):
    sizes = np.full(8, 1e9), np.geomspace(2e9, 2e11, 8)
    plot_loss(make_fit("kaplan_data", simulate_runs("kaplan_data", sizes=sizes)), ax=ax)
    assert ax.child_axes == []


@pytest.mark.parametrize(
    ("law", "x", "label", "key"),
    [
        ("kaplan_params", "params", "parameters", "training tokens"),
        ("kaplan_data_irreducible", "tokens", "training tokens", "parameters"),
        ("kaplan_compute", "flops", "training compute (FLOP)", "parameters"),
    ],
)
def test_a_law_of_one_variable_is_drawn_against_it(make_fit, ladder, ax, law, x, label, key):
    fit = make_fit(law)
    plot_loss(fit, held_out=ladder[1], ax=ax)
    data = bs.plot_data("loss", fit, held_out=ladder[1])
    reach = data.frontier[data.frontier[x] < 30 * getattr(fit.runs, x).max()]
    expected = extrapolate(fit, **{x: reach[x]}).summary
    for name in ["law_loss" + q for q in QUANTILES]:
        np.testing.assert_allclose(reach[name], expected[name])
    assert ax.get_xlabel() == label
    assert legend(ax)[0] == "law, 90 %"
    assert vertical_lines(ax) == [getattr(fit.runs, x).max()]
    assert key_of(ax).get_ylabel() == key


def test_budgets_are_counted_as_the_runs_count_compute(make_fit, ladder):
    frame = ladder[0].to_frame().assign(flops=lambda f: 1.3 * f["flops"])
    counted = make_fit("chinchilla", Runs.from_frame(frame, flop_rule="column"))
    there = bs.plot_data("loss", counted).frontier
    plain = bs.plot_data("loss", make_fit("chinchilla")).frontier
    np.testing.assert_allclose(there["flops"], 1.3 * plain["flops"])
    np.testing.assert_allclose(there["law_loss"], plain["law_loss"])


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(
    "bad",
    [
        {"ci_prob": 90},
        {"ci_prob": None},
        {"flops_max": 0},
        {"flops_max": np.inf},
        {"flops_max": 1e17},
        {"flops_max": [1e24, 1e25]},
        {"flops_max": "far"},
        {"held_out": [1, 2]},
    ],
    ids=str,
)
def test_bad_options_are_refused_before_anything_is_drawn(fit, bad):
    with pytest.raises(DomainError, match=next(iter(bad))):
        plot_loss(fit, **bad)


@pytest.mark.usefixtures("no_figure")
def test_only_fits_are_drawn(ladder):
    with pytest.raises(DomainError, match="Expected a Fit"):
        plot_loss(ladder[0])


@pytest.mark.usefixtures("no_figure")
def test_a_law_that_does_not_know_compute_takes_no_end_of_compute(make_fit):
    with pytest.raises(DomainError, match="against params, not compute"):
        plot_loss(make_fit("kaplan_params"), flops_max=1e24)


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_an_average_is_drawn_as_its_forecasts_answer(average, ladder, ax):
    plot_loss(average, held_out=ladder[1], ax=ax)
    assert "compute-optimal, 90 %" in legend(ax)
    curve = bs.plot_data("loss", average, held_out=ladder[1]).frontier
    expected = allocate(average, flops=curve["flops"]).summary
    for quantile in QUANTILES:
        np.testing.assert_allclose(
            curve[f"law_loss{quantile}"], expected[f"optimal_loss{quantile}"], rtol=1e-6
        )
