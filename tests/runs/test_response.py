"""What a law describes in place of a loss: read, shown, fitted, asked and stored."""

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, RunsError, RunsWarning
from tests.simulate import fit_at

ERROR_RATE = bs.Quantity("error_rate", unit="1")


def table(seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = np.exp(rng.uniform(16, 20, 40))
    d = n * np.exp(rng.uniform(2, 5, 40))
    rate = 0.1 + 0.2 * (n / n.max()) ** -0.3 + 0.1 * (d / d.max()) ** -0.35
    rate *= np.exp(0.01 * rng.standard_normal(40))
    return pd.DataFrame({"params": n, "tokens": d, "error_rate": rate})


def test_an_error_rate_is_read_and_shown_as_what_it_is():
    runs = bs.Runs.from_frame(table(), response=ERROR_RATE)
    assert runs.response.noun == "error rate"
    np.testing.assert_array_equal(runs.loss, table()["error_rate"])
    assert "error rate    0." in str(runs)
    assert "nats" not in str(runs)
    named = table().rename(columns={"error_rate": "wrong"})
    assert bs.Runs.from_frame(named, response=ERROR_RATE, loss="wrong") == runs


@pytest.mark.filterwarnings("ignore::bayesscale.errors.ExtrapolationWarning")
def test_answers_and_files_are_of_the_response(tmp_path):
    fit = fit_at(bs.Runs.from_frame(table(), response=ERROR_RATE), "chinchilla", spread=0.01)
    loaded = bs.load_fit(fit.save(tmp_path / "fit.nc"))
    assert loaded.runs == fit.runs
    assert loaded.runs.response == fit.runs.response
    assert loaded.summary()["unit"][["E", "A"]].tolist() == [
        "error rate", "error rate × params^alpha_N",
    ]  # fmt: skip
    prediction = bs.extrapolate(loaded, params=1e9, tokens=2e10)
    assert prediction.draws["loss"].attrs["units"] == "1"
    allocation = bs.allocate(loaded, flops=1e20)
    needed = bs.required_flops(loaded, loss=0.3)
    for answer in (prediction, allocation, needed):
        assert "error rate" in str(answer)
        assert "nats" not in answer.text
    with pytest.raises(DomainError, match="leave unit='perplexity' out"):
        prediction.in_unit("perplexity")


def test_another_response_has_no_loss_worse_than_guessing():
    frame = table().assign(seconds=lambda t: 1e3 * t["error_rate"])
    runs = bs.Runs.from_frame(frame, response=bs.Quantity("seconds", unit="s"))
    assert "s" in str(runs).splitlines()[-1]
    fit = fit_at(runs, "chinchilla", spread=0.01)
    with pytest.warns(bs.BayesScaleWarning, match=r"the law's seconds is \d+"):
        bs.required_flops(fit, loss=400)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"response": "error_rate"}, "response must be a positive bs.Quantity"),
        ({"response": bs.Quantity("a", scale="identity")}, "must be a positive bs.Quantity"),
        ({"response": ERROR_RATE, "loss_unit": "bits/token"}, "leave out response="),
    ],
)
def test_what_is_no_response_is_refused(options, text):
    with pytest.raises(DomainError, match=text):
        bs.Runs.from_frame(table(), **options)


def test_the_cure_is_named_where_it_is_missing():
    with pytest.warns(RunsWarning, match="declare it with response="):
        bs.Runs.from_frame(table(), loss="error_rate")
    negative = table().assign(error_rate=lambda t: -t["error_rate"])
    with pytest.raises(RunsError, match="pass its negative, or its exponential"):
        bs.Runs.from_frame(negative, response=ERROR_RATE)


def test_public_responses_that_are_no_losses(ladders):
    curves = pd.read_csv(ladders / "alabdulmohsin2022_curves" / "runs.csv")
    one = curves[curves["curve_id"] == "IC|bird_10|BiT/101/3"].iloc[::10]
    runs = bs.Runs.from_frame(one, tokens="n_seen_examples", loss="loss", response=ERROR_RATE)
    fit = bs.fit(runs, law="kaplan_data_irreducible", progress=False, random_seed=0)
    floor = fit.summary().loc["E"]
    assert (floor["lower"] > 0) & (floor["upper"] < one["loss"].min())
    assert floor["unit"] == "error rate"
    vocabulary = pd.read_csv(ladders / "vocab2024" / "runs.csv")
    columns = {"params": "n_params_nonvocab", "tokens": "n_characters"}
    with pytest.raises(RunsError, match="loss is negative in"):
        bs.Runs.from_frame(vocabulary, **columns)
    ratio = vocabulary.assign(ratio=np.exp(vocabulary["loss"]))
    runs = bs.Runs.from_frame(
        ratio, **columns, response=bs.Quantity("ratio"), flop_rule="6ND"
    )  # fmt: skip
    assert runs.n_runs == 1200
