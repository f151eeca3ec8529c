"""Arguments that all plots take are refused by their names, before anything is drawn."""

import inspect

import pytest
from matplotlib.figure import Figure

import bayesscale as bs
from bayesscale.errors import BayesScaleError, DomainError
from bayesscale.plots._axes import panels

PLOTS = {name: getattr(bs, name) for name in dir(bs) if name.startswith("plot_")}
PLOTS = {k: f for k, f in PLOTS.items() if k not in ("plot_data", "plot_style")}
BAD = {
    "ax": (3, [], "ax", Figure(), {}, object()),
    "color": (3, [3], "no colour", [None], 0.5, object()),
    "legend": (3, None, "everywhere", []),
    "label": (3, ["a"], b"a"),
    "slopes": ([1], 3, "C^.5", {"a": "b"}),
    "terms": (3, {}, "given"),
    "ci_prob": (3, "a", None),
    "unit": (3, "bit"),
}
CASES = [
    pytest.param(name, argument, value, id=f"{name}-{argument}-{type(value).__name__}{i}")
    for name, function in PLOTS.items()
    for argument, values in BAD.items()
    if argument in inspect.signature(function).parameters
    for i, value in enumerate(values)
]


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(("name", "argument", "value"), CASES)
def test_bad_arguments_are_refused(fit, name, argument, value):
    looks = argument in ("ax", "color", "legend")
    if not looks and name in ("plot_backtest", "plot_regret"):
        pytest.skip("takes another result")
    if argument == "ax" and inspect.signature(PLOTS[name]).return_annotation is Figure:
        with pytest.raises(DomainError, match="ax must be 2 Matplotlib axes"):
            panels(2, value)
        return
    with pytest.raises(BayesScaleError) as caught:
        PLOTS[name](None if looks else fit, **{argument: value})
    if looks:
        assert {"ax": "ax must", "color": "color must", "legend": "legend"}[argument] in str(
            caught.value
        )


def test_all_plots_are_tried():
    assert len(PLOTS) > 10
    assert len(CASES) > 100
