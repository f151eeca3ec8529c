"""Options that say how to read a table, up to where sampling would begin."""

import pandas as pd
import pytest

from tests.simulate import fit_at, simulate_runs


@pytest.fixture
def log(here):
    """A table as a tracker has it: two readings of each run, one of them without a loss."""
    frame = simulate_runs().frame.drop(columns="flops").round(4)
    frame["model"] = [f"lm-{params / 1e6:.0f}m" for params in frame["params"]]
    frame["run"] = [f"r{i}" for i in range(len(frame))]
    early = frame.assign(tokens=frame["tokens"] / 2, loss=frame["loss"] + 0.1)
    table = pd.concat([early, frame]).drop(columns="params")
    table.iloc[-1, table.columns.get_loc("loss")] = None
    table.to_csv("log.csv", index=False, sep=";", decimal=",")
    return frame


OPTIONS = (
    "--law chinchilla --params-from model --reading last --run-id run --decimal , "
    "--tokens-column tokens --drop-incomplete"
)


def test_every_option_reaches_the_table(run, log, asked):
    ended = run(f"fit log.csv {OPTIONS} --where", "run != r0")
    assert ended.status == 0, ended.errors
    runs = asked[0].runs
    assert len(runs) == len(log) - 1
    assert runs.loss[:-1] == pytest.approx(log["loss"].to_numpy()[1:-1])
    assert 'where=["run != r0"]' in ended.stdout
    assert "drop_incomplete=True" in ended.stdout
    assert "last of each run in 'run'" in ended.words


def test_a_table_comes_from_standard_input(run, log, asked, monkeypatch):
    from click.testing import CliRunner

    from bayesscale.cli import main

    text = log[["params", "tokens", "loss"]].to_csv(index=False, sep="\t")
    ended = CliRunner().invoke(main, ["fit", "-", "--law", "chinchilla"], input=text)
    assert ended.exit_code == 0, ended.output
    assert asked[0].runs.name == "stdin"


def test_a_column_of_lengths_and_a_law_of_compute(run, log, sample_with):
    asked = sample_with(lambda setup: fit_at(setup.runs, setup.spec.law, spread=0.02, draws=400))
    table = log.assign(bytes=4.2, bpb=log["loss"] / 4.2 / 0.693147, C=6 * log["params"])
    table["C"] *= table["tokens"]
    table[["C", "bpb", "bytes"]].to_csv("compute.csv", index=False)
    ended = run(
        "fit compute.csv --law kaplan_compute_irreducible --loss-column bpb "
        "--loss-unit bits/byte --bytes-per-token bytes"
    )
    assert ended.status < 2, ended.errors  # simulated draws need not pass
    assert asked[0].runs.bytes_per_token == pytest.approx(4.2)


def test_a_law_that_lacks_a_column_names_the_option(run, log, no_sampling):
    log[["params", "loss", "run"]].assign(tok_cnt=1e9).to_csv("lacking.csv", index=False)
    ended = run("fit lacking.csv")
    assert ended.status == 2
    for part in ("Did you mean 'tok_cnt'?", "--tokens-column tok_cnt", "kaplan_params"):
        assert part in ended.words + ended.errors
