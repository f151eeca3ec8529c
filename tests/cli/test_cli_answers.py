"""What the commands answer: what people read, what programs read, and the Python between."""

import inspect
import io
import json
import math

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import bayesscale as bs
from bayesscale._python import Name, call, literal
from bayesscale.cli import main, options
from bayesscale.cli.output import _plain
from bayesscale.inference import Setup
from bayesscale.model import resolve_priors
from tests.simulate import ALPHA_N


def human_lines(text):
    return text.split("The same in Python")[0].splitlines()


def test_options_are_arguments_of_the_functions_and_show_their_defaults():
    functions = {"fit": options.SAMPLING, "read_runs": options.READING}
    shown_by_help = {option.name: option for option in main.commands["fit"].params}
    for function, known in functions.items():
        arguments = inspect.signature(getattr(bs, function)).parameters
        assert set(known) <= set(arguments)
        for name in known:
            shown = shown_by_help[name].show_default
            assert not shown or shown == str(arguments[name].default)


def test_fit_passes_on_only_what_was_given(run, here, asked):
    assert run("fit runs.csv").status == 0
    (seen,) = asked
    plain = Setup.of(seen.runs, random_seed=seen.sampling.random_seed)
    assert (seen.spec, seen.sampling) == (plain.spec, plain.sampling)
    run("fit runs.csv --law kaplan --draws 500 --chains 3 --noise normal -q")
    seen = asked[-1]
    assert (seen.spec.law.name, seen.spec.options()["noise"]) == ("kaplan", "normal")
    assert (seen.sampling.draws, seen.sampling.chains) == (500, 3)


@pytest.mark.parametrize(("written", "prior"), [
    ("slope_N=0.2:0.5@0.9", bs.Prior.between(0.2, 0.5, mass=0.9)),
    ("slope_N = 0.2 : 0.5", bs.Prior.between(0.2, 0.5)),
    ("slope_N=LogNormal(mu=-1.1, sigma=4e-1)", bs.Prior("LogNormal", mu=-1.1, sigma=0.4)),
    ("slope_N=Beta(alpha=3,beta=6)", bs.Prior("Beta", alpha=3, beta=6)),
])  # fmt: skip
def test_priors_are_read_and_written_again(run, here, asked, written, prior):
    ended = run("fit runs.csv --json --prior", written)
    assert asked[0].spec.priors == resolve_priors(asked[0].spec.coordinates, {"slope_N": prior})
    assert f'priors={{"slope_N": bs.{prior!r}}}' in "".join(ended.document["python"])


def test_a_saved_fit_is_the_prior_of_its_sibling(run, here, asked):
    run("fit runs.csv -o sibling.nc")
    ended = run("fit runs.csv --like sibling.nc --json")
    sibling = bs.load_fit("sibling.nc")
    assert asked[-1].spec.priors == Setup.of(sibling.runs, like=sibling).spec.priors
    assert 'like=bs.load_fit("sibling.nc")' in "".join(ended.document["python"])


def test_fit_tells_people_what_it_found(run, here, asked, runs):
    ended = run("fit runs.csv --law chinchilla --ci-prob 0.8")
    assert ended.status == 0
    for told in (f"{len(runs)} runs", "80 % interval", "alpha_N", "nats/token", "Converged",
                 "Saved as fit.nc", 'bs.read_runs("runs.csv")', 'fit.save("fit.nc")'):  # fmt: skip
        assert told in ended.stdout
    assert max(map(len, human_lines(ended.stdout))) <= 80
    assert bs.load_fit("fit.nc").law.name == "chinchilla"


def test_fit_tells_programs_unrounded_numbers(run, here, asked):
    ended = run("fit runs.csv --law chinchilla --json")
    told = ended.document
    assert "alpha_N" in ended.stderr  # people are told beside it
    frame = bs.load_fit("fit.nc").summary()
    pd.testing.assert_frame_equal(
        pd.DataFrame(told["summary"]).set_index("parameter"), frame, check_exact=True
    )
    assert told["command"] == "fit"
    assert told["settings"]["law"] == "chinchilla"
    assert [check["name"] for check in told["checks"]] == [
        check.name for check in bs.load_fit("fit.nc").checks
    ]
    assert told["passed"] is True
    assert told["warnings"] == []


def test_columns_and_conditions(run, here, asked):
    (pd.read_csv("runs.csv").rename(columns={"params": "my_n", "loss": "my_loss"})
     .assign(flag=lambda t: np.arange(len(t)) % 4)).to_parquet("mine.parquet")  # fmt: skip
    ended = run(
        "fit mine.parquet --params-column my_n --loss-column my_loss --where corpus=c4 "
        "--where flag=2.0",
        "--json",
    )
    runs = asked[0].runs
    frame = pd.read_parquet("mine.parquet")
    kept = (frame["corpus"] == "c4") & (frame["flag"] == 2)
    assert runs.run_ids.tolist() == np.flatnonzero(kept).tolist()
    names = {"bs": bs}
    exec(ended.document["python"][1], names)
    assert names["runs"] == runs


def test_conditions_leave_failed_runs_out(run, here, asked):
    frame = pd.read_csv("runs.csv").assign(state="done")
    frame.loc[3, ["loss", "state"]] = [np.nan, "failed"]
    frame.loc[5, "state"] = None
    frame.to_csv("runs.csv", index=False)
    assert run("fit runs.csv").status == 2
    assert run("fit runs.csv --where state=done").status == 0
    assert len(asked[0].runs) == len(frame) - 2


@pytest.mark.parametrize(
    "sizes", [("70B", "1.4T"), ("70e9", "1400e9"), ("70b", "1.4t"), ("70000M", "1400G")]
)
def test_sizes_as_people_write_them(run, saved, sizes):
    ended = run(f"extrapolate {saved} --params {sizes[0]} --tokens {sizes[1]} --json")
    (row,) = ended.document["summary"]
    assert (row["params"], row["tokens"]) == (70e9, 1.4e12)


def test_extrapolate_answers_as_python_does(run, saved):
    words = f"extrapolate {saved} --params 1B,2B --params 350M --tokens 20B"
    ended = run(words)
    assert ended.status == 0
    assert max(map(len, human_lines(ended.stdout))) <= 80
    for told in ("350M", "90 % interval", "tokens=[2e10]"):
        assert told in ended.stdout

    told = run(words, "--json").document
    expected = bs.extrapolate(bs.load_fit(saved), params=[1e9, 2e9, 350e6], tokens=20e9).summary
    pd.testing.assert_frame_equal(
        pd.DataFrame(told["summary"]).set_index("target"), expected, check_exact=True
    )
    assert told["units"]["loss"] == "nats/token"
    names = {}
    exec("\n".join(told["python"]), names)
    pd.testing.assert_frame_equal(names["prediction"].summary, expected)


def test_a_law_of_compute_is_asked_for_compute(run, here, asked):
    run("fit runs.csv --law kaplan_compute")
    ended = run("extrapolate fit.nc --flops 1e21,2e21")
    assert ended.status == 0
    assert "2.0e21" in ended.stdout
    assert run("allocate fit.nc --flops 1e21").status == 2


def test_allocate_answers_as_python_does(run, saved):
    words = f"allocate {saved} --flops 1e21 --flops 1e22 --ci-prob 0.5"
    ended = run(words)
    assert ended.status == 0
    assert max(map(len, human_lines(ended.stdout))) <= 80
    for told in ("1.0e21", "nearly as good", "N* grows as C^0.5", "50 % intervals"):
        assert told in ended.words

    told = run(words, "--json").document
    expected = bs.allocate(bs.load_fit(saved), flops=[1e21, 1e22], ci_prob=0.5).summary
    pd.testing.assert_frame_equal(
        pd.DataFrame(told["summary"]).set_index("flops"), expected, check_exact=True
    )
    assert told["units"]["params"] == "parameters"


def test_python_is_written_as_people_write_it():
    assert call("f", Name("x"), a=7e9, b="it's") == 'f(x, a=7e9, b="it\'s")'
    assert literal([1.5, 1e-05, 123456789.0]) == "[1.5, 1e-5, 123456789.0]"
    long = call(
        "fit = bs.fit", Name("runs"), law="unified", draws=10_000, random_seed=2**31 - 1, tune=4000
    )
    assert long.splitlines()[1] == "    runs,"
    assert max(map(len, long.splitlines())) < 80


def test_json_has_no_infinity():
    value = {"a": [np.float64(math.inf), math.nan, np.int64(3), np.bool_(True), 0.1]}
    assert json.dumps(_plain(value), allow_nan=False) == '{"a": [null, null, 3, true, 0.1]}'


def test_a_stream_without_the_signs_loses_no_result(saved):
    ended = CliRunner(charset="ascii").invoke(main, f"extrapolate {saved} --params 1B --tokens 1B")
    assert ended.exit_code == 0
    assert "90 % interval" in ended.stdout


def test_a_real_fit_from_the_table_to_the_forecast(run, here):
    ended = run(
        "fit runs.csv --law chinchilla --draws 500 --tune 500 --seed 1 --where corpus=c4", "--json"
    )
    told = ended.document
    assert ended.status == 0, ended.stderr
    assert told["settings"]["random_seed"] == 1
    assert "Sampling 4 chains" in ended.stderr
    alpha = next(row for row in told["summary"] if row["parameter"] == "alpha_N")
    assert abs(alpha["mean"] - ALPHA_N) < 4 * alpha["sd"]

    asked = run("extrapolate fit.nc --params 1B --tokens 20B --json").document
    names = {}
    exec("\n".join(told["python"]), names)  # the Python that was told does the same
    (row,) = asked["summary"]
    again = bs.extrapolate(names["fit"], params=1e9, tokens=20e9).summary
    assert row["loss"] == again["loss"].item()


def test_tables_go_to_csv_and_back(run, here, saved):
    ask = "allocate good.nc --flops 1e21,1e22"
    printed = run(f"{ask} --csv -")
    assert printed.status == 0
    answer = pd.read_csv(io.StringIO(printed.stdout), index_col=0)
    known = bs.allocate(bs.load_fit("good.nc"), flops=["1e21", "1e22"]).summary
    np.testing.assert_allclose(answer["params"], known["params"], rtol=1e-12)
    assert run(f"{ask} -o a.csv").status == 0
    pd.testing.assert_frame_equal(pd.read_csv("a.csv", index_col=0), answer)
    assert run(f"{ask} --csv - --json").status == 2


def test_device_hours_need_a_machine(run, here, saved):
    machine = bs.Machine(peak=989e12, utilization=0.4)
    hours = ("--flops", "1000 H100-hours", "--json")
    told = run("allocate good.nc", *hours, "--machine", "peak=989e12,utilization=0.4")
    assert told.document["summary"][0]["flops"] == machine.flops(1000) == 1000 * 3600 * 989e12 * 0.4
    assert "with --machine" in run("allocate good.nc", *hours).errors


def test_scores_and_averages_are_commands(run, here, saved, runs):
    runs.select(np.arange(len(runs)) < 3).frame.assign(params=lambda f: f.params * 1.1).to_csv(
        "new.csv"
    )
    told = run("score good.nc new.csv --no-refit --flop-rule 6ND --json")
    assert len(told.document["points"]) >= 3, told.errors
    bs.load_fit("good.nc").save("again.nc")
    averaged = run("average good.nc again.nc --json")
    assert averaged.document["output"] == "average.nc", averaged.errors
    assert len(bs.load_average("average.nc").fits) == 2


def test_questions_are_methods_of_a_fit(saved):
    fit = bs.load_fit(saved)
    asked = fit.allocate(flops=1e21)
    pd.testing.assert_frame_equal(asked.summary, bs.allocate(fit, flops=1e21).summary)
    assert fit.allocate.__doc__ == bs.allocate.__doc__
    assert {"extrapolate", "report", "plot_loss", "regret"} <= set(dir(fit))
