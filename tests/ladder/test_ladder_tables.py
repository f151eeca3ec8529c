"""The embedded ladders: every row is as designed, and as its own columns say."""

import json
import math
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs

ROOT = Path(__file__).parents[2]
PLACES = {name: ROOT / "bayesscale" / "runs" / f"{name}.csv" for name in ("code", "bytes")}
SCRIPTS = ROOT / "notebooks" / "ladder"
CODE, BYTES = map(pd.read_csv, PLACES.values())
TABLES = [pytest.param(CODE, 1024, 32, id="code"), pytest.param(BYTES, 256, 128, id="bytes")]
"""A table, its vocabulary, and its context less the token that is predicted first."""

ASK = """
import json
from design import design
print(json.dumps({c.name: {
    "level": c.level,
    "run": [c.part, c.shape.width, c.shape.depth, c.seed],
    "size": [c.shape.total, c.shape.non_embedding, c.run(1.0).tokens],
    "epochs": c.epochs,
    "flop": c.shape.flop_per_token(),
} for c in design()}))
"""


@cache
def asked() -> dict:
    """Return every cell of the design of the ladder of code by its name."""
    answer = subprocess.run(
        [sys.executable, "-c", ASK], cwd=SCRIPTS, check=True, capture_output=True, text=True
    )
    return json.loads(answer.stdout)


@pytest.mark.parametrize(("table", "vocabulary", "context"), TABLES)
def test_counts_and_flop_by_other_means(table, vocabulary, context):
    w, d, tokens = table["width"], table["depth"], table["tokens"]
    assert (table["params_non_embedding"] == 12 * d * w**2).all()
    assert (table["params"] == table["params_non_embedding"] + vocabulary * w).all()
    assert (table["flops_6nd"] == 6 * table["params"] * tokens).all()
    parts = ["embedding", "attention", "feed_forward", "head"]
    assert (table["flops_exact"] == sum(table[f"flops_{part}"] for part in parts)).all()
    # beyond 6 FLOP a weight and token there are the scores alone: of half the keys, two products
    scores = 3 * 2 * 2 * (context + 1) / 2 * d * w * tokens
    assert (table["flops_exact"] - table["flops_6nd"] == scores).all()


def test_losses_in_two_units():
    bits = CODE["loss"] / CODE["bytes_per_token"] / math.log(2)
    assert CODE["bits_per_byte"].to_numpy() == pytest.approx(bits, rel=2e-6)
    assert CODE["bytes_per_token"].nunique() == 1
    rounded = 0.51e-6 * (1 + 1 / math.log(2))  # both columns have six digits
    bits = BYTES["loss"] / math.log(2)
    assert BYTES["bits_per_byte"].to_numpy() == pytest.approx(bits, abs=rounded)


@pytest.mark.parametrize("name", PLACES)
def test_the_dictionary_names_every_column(name):
    text = PLACES[name].with_suffix(".md").read_text()
    named = re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE)
    assert named == list({"code": CODE, "bytes": BYTES}[name].columns)


def test_rows_are_those_of_the_design_in_its_order():
    designed = asked()
    assert CODE["run_id"].is_unique
    assert CODE["run_id"].tolist() == [name for name in designed if name in set(CODE["run_id"])]
    for row in CODE.itertuples():
        cell = designed[row.run_id]
        assert [row.part, row.width, row.depth, row.seed] == cell["run"]
        assert [row.params, row.params_non_embedding, row.tokens] == cell["size"]
        assert row.unique_tokens == pytest.approx(row.tokens / cell["epochs"], abs=32)
        assert row.batch_tokens * row.steps == row.tokens
        for name, per_token in cell["flop"].items():
            assert getattr(row, f"flops_{name}") == per_token * row.tokens


def test_levels_that_are_finished_bracket_their_best():
    once = CODE[CODE["part"] != "repeated"]
    assert (once["flops_6nd"] / once["level"].astype(float) - 1).abs().max() < 0.02
    for level, grid in CODE[CODE["part"] == "grid"].groupby("level"):
        designed = asked().values()
        wanted = [c for c in designed if c["level"] == level and c["run"][0] == "grid"]
        if len(grid) == len(wanted):
            assert len(grid) == 7
            best = grid.sort_values("params")["loss"].to_numpy().argmin()
            assert 0 < best < 6, level


def test_rates_are_the_vertex_of_what_was_tried():
    rates = pd.read_csv(SCRIPTS / "learning_rates.csv")
    assert rates["tuning"].is_unique
    for row in rates.itertuples():
        tried = sorted(tuple(map(float, each.split(":"))) for each in row.tried.split())
        at = int(np.argmin([loss for _, loss in tried]))
        (_, below), (rate, least), (_, above) = tried[at - 1 : at + 2]  # one worse on both sides
        shift = (below - above) / (2 * (below - 2 * least + above)) if np.isfinite(above) else 0
        assert row.learning_rate == pytest.approx(rate * 2**shift, rel=0.01), row.tuning


def test_loading_the_ladder_of_code():
    once = CODE["part"] != "repeated"
    runs = bs.load_example("code")
    assert runs.run_ids.tolist() == CODE["run_id"][once].tolist()
    assert (runs.flop_rule, runs.loss_unit) == ("6ND", "nats/token")
    assert runs.bytes_per_token == pytest.approx(CODE["bytes_per_token"][0])
    np.testing.assert_array_equal(runs.loss, CODE["loss"][once])
    np.testing.assert_array_equal(runs.params, CODE["params"][once])


def test_the_design_of_the_ladder_of_bytes():
    once = BYTES[BYTES["part"] != "repeated"]
    assert np.log10(once["flops_6nd"].max() / once["flops_6nd"].min()) > 2.99
    assert np.log10(once["params_non_embedding"].max() / once["params_non_embedding"].min()) > 3
    for _, level in once[once["part"] == "grid"].groupby("level"):
        assert len(level) >= 6
        assert level["flops_6nd"].max() / level["flops_6nd"].min() < 1.01
        best = level.sort_values("params")["loss"].to_numpy().argmin()
        assert 0 < best < len(level) - 1  # sizes on both sides of the optimum
    replicated = once.groupby(["level", "params"]).size()
    assert (replicated == 3).mean() >= 1 / 6
    assert set(replicated) == {1, 3}
    assert (once["unique_tokens"] == once["tokens"]).all()
    repeated = BYTES[BYTES["part"] == "repeated"]
    assert set(repeated["tokens"] / repeated["unique_tokens"]) == {2, 4, 8, 16}


def test_loading_the_ladder_of_bytes():
    runs = bs.load_example("bytes")
    once = BYTES["part"] != "repeated"
    upper = BYTES["level"].isin([3.2e11, 1e12, 3.2e12, 1e13])
    assert runs.run_ids.tolist() == BYTES["run_id"][once & upper].tolist()
    assert len(bs.load_example("bytes", all_levels=True)) == once.sum()
    assert (runs.name, runs.param_count, runs.flop_rule) == ("example", "total", "6ND")
    assert (runs.loss_unit, runs.bytes_per_token) == ("nats/token", 1)
    assert runs.loss_se is None  # the errors are common to all runs
    everything = bs.load_example("bytes", all_levels=True, repeated=True)
    assert everything.groups["part"].tolist() == BYTES["part"].tolist()
    blocks = bs.load_example("bytes", param_count="non_embedding")
    assert (blocks.param_count, blocks.flop_rule) == ("non_embedding", "6ND")
    np.testing.assert_array_equal(blocks.params, runs.params_non_embedding)
    np.testing.assert_array_equal(blocks.flops, 6 * blocks.params * blocks.tokens)
    with pytest.raises(KeyError, match="mean 'bytes'"):
        bs.load_example("byte")
    with pytest.raises(KeyError, match="mean 'non_embedding'"):
        bs.load_example(param_count="nonembedding")


def test_the_noise_between_seeds_is_as_stated():
    once = BYTES[BYTES["part"] != "repeated"]
    cells = once.groupby(["level", "params"])["loss"]
    spread = np.log(once["loss"]) - np.log(cells.transform("mean"))
    several = cells.transform("size") == 3
    sd = np.sqrt((spread[several] ** 2).sum() / (several.sum() * 2 / 3))
    stated = re.search(r"([\d.]+) in log loss", PLACES["bytes"].with_suffix(".md").read_text())
    assert sd == pytest.approx(float(stated[1]), rel=0.05)
