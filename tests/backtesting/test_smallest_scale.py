"""From which scale on a law describes runs: exact ladders, kinked ones, and public runs."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import RunsError
from bayesscale.quantities import FLOPS

KINK = 1e17  # FLOP


def ladder(*, kink: float = 0.0, n: int = 80) -> bs.Runs:
    rng = np.random.default_rng(0)
    params = np.exp(rng.uniform(15, 20, n))
    tokens = params * np.exp(rng.uniform(2, 5, n))
    loss = 1.7 + 400 * params**-0.34 + 410 * tokens**-0.28
    loss *= np.exp(kink * np.maximum(0, np.log(KINK / (6 * params * tokens))))
    loss *= np.exp(0.004 * rng.standard_normal(n))
    return bs.Runs.from_frame({"params": params, "tokens": tokens, "loss": loss})


def test_a_law_that_holds_describes_all_runs():
    found = bs.smallest_scale(ladder(), law="chinchilla", random_seed=1, progress=False)
    assert (found.severity, found.least) == ("ok", found.summary.index[0])
    assert "describes all 80 runs; a kink of 0.0" in found.text
    truth = np.log(1.7 + 400 * (ladder().params.max()) ** -0.34)
    assert found.summary["loss"].between(1.7, np.exp(truth) + 1).all()
    assert found.summary["runs"].is_monotonic_decreasing


def test_small_runs_that_deviate_are_cut_where_they_do():
    found = bs.smallest_scale(ladder(kink=0.03), law="chinchilla", random_seed=1, progress=False)
    assert found.least is not None
    assert KINK / 5 < found.least < KINK * 5
    assert found.severity == "note"
    assert f"the {found.summary.loc[found.least, 'runs']} runs from" in found.text
    assert (found.summary.loc[: found.least * 0.99, "lack_of_fit"] != "").any()
    again = bs.smallest_scale(ladder(kink=0.03), law="chinchilla", random_seed=1, progress=False)
    pd.testing.assert_frame_equal(found.summary, again.summary)


def test_cuts_are_in_what_the_law_is_of():
    runs = ladder()
    frame = {"params": runs.params, "loss": 2 + 300 * runs.params**-0.3}
    frame["loss"] *= np.exp(0.003 * np.random.default_rng(1).standard_normal(80))
    found = bs.smallest_scale(
        bs.Runs.from_frame(frame), law="kaplan_params_irreducible", random_seed=1, progress=False
    )
    assert found.size.name == "params"
    assert "FLOP" not in str(found)


def test_too_few_runs_are_refused():
    with pytest.raises(RunsError, match="has 6 parameters"):
        bs.smallest_scale(ladder(n=5), law="unified")


def test_the_command_line_finds_the_same(tmp_path):
    from click.testing import CliRunner

    from bayesscale.cli import main

    path = tmp_path / "runs.csv"
    ladder(kink=0.03).to_frame().to_csv(path, index=False)
    line = f"smallest-scale {path} --law chinchilla --seed 1 --json"
    ended = CliRunner().invoke(main, line.split())
    assert '"severity": "note"' in ended.stdout, ended.stderr
    assert "bs.smallest_scale" in ended.stdout


def test_small_models_of_chinchilla_deviate_from_its_law(ladders):
    frame = pd.read_csv(ladders / "chinchilla_epoch" / "runs.csv")
    kept = frame[frame["outlier_besiroglu"] == 0][["n_params", "n_tokens", "loss"]]
    found = bs.smallest_scale(
        bs.Runs.from_frame(kept), law="chinchilla", random_seed=1, progress=False
    )
    assert found.least is None or found.least > 1e20
    assert found.summary["lack_of_fit"].iloc[0] != ""


def summary_of(lack, kink):
    frame = pd.DataFrame({"runs": [40, 30, 20, 10], "lack_of_fit": lack, "kink": kink})
    frame.index = pd.Index([1e15, 1e16, 1e17, 1e18], name="least_size")
    return bs.SmallestScale(frame, 0, ladder(), FLOPS)


@pytest.mark.parametrize(
    ("lack", "kink", "severity", "least", "text"),
    [
        (["", "", "", ""], [np.nan, 0.1, 0.2, np.nan], "ok", 1e15, "all 40 runs; a kink of 0.1"),
        (["a bend", "", "", ""], [0.1, np.nan, 0.2, 0.3], "note", 1e17, "the 20 runs from 1.0e17"),
        (["a bend", "", "a kink", ""], [0.1, 0.1, 0.2, 0.3], "note", 1e18, "smaller ones, a kink."),
        (
            ["a bend", "", "", ""],
            [0.1, *[np.nan] * 3],
            "caution",
            None,
            "describe the runs: a bend.",
        ),
        (["", "", "", "a bend"], [0.1] * 4, "caution", None, "describe the runs: a bend."),
        ([""] * 4, [np.nan] * 4, "caution", None, "no test could detect a kink"),
    ],
)
def test_cuts_without_power_describe_nothing(lack, kink, severity, least, text):
    found = summary_of(lack, kink)
    assert (found.severity, found.least) == (severity, least)
    assert text in found.text
