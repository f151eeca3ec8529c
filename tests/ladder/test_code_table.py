"""The ladder of code while it grows: every row is as designed, and as its own columns say."""

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
TABLE = ROOT / "bayesscale" / "runs" / "code.csv"
SCRIPTS = ROOT / "notebooks" / "ladder"
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
    """Return every cell of the design by its name."""
    told = subprocess.run(
        [sys.executable, "-c", ASK], cwd=SCRIPTS, check=True, capture_output=True, text=True
    )
    return json.loads(told.stdout)


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(TABLE)


def test_rows_are_those_of_the_design_in_its_order(table):
    designed = asked()
    assert table["run_id"].is_unique
    assert table["run_id"].tolist() == [name for name in designed if name in set(table["run_id"])]
    for row in table.itertuples():
        cell = designed[row.run_id]
        assert [row.part, row.width, row.depth, row.seed] == cell["run"]
        assert [row.params, row.params_non_embedding, row.tokens] == cell["size"]
        assert row.unique_tokens == pytest.approx(row.tokens / cell["epochs"], abs=32)
        assert row.batch_tokens * row.steps == row.tokens
        for name, per_token in cell["flop"].items():
            assert getattr(row, f"flops_{name}") == per_token * row.tokens


def test_counts_and_flop_by_other_means(table):
    w, d, tokens = table["width"], table["depth"], table["tokens"]
    assert (table["params_non_embedding"] == 12 * d * w**2).all()
    assert (table["params"] == table["params_non_embedding"] + 1024 * w).all()
    assert (table["flops_6nd"] == 6 * table["params"] * tokens).all()
    once = table[table["part"] != "repeated"]
    assert (once["flops_6nd"] / once["level"].astype(float) - 1).abs().max() < 0.02
    parts = ["embedding", "attention", "feed_forward", "head"]
    assert (table["flops_exact"] == sum(table[f"flops_{part}"] for part in parts)).all()
    # beyond 6 FLOP a weight and token there are the scores alone: 33 / 2 keys, two products
    assert (table["flops_exact"] - table["flops_6nd"] == 3 * 2 * 2 * 33 / 2 * d * w * tokens).all()
    bits = table["loss"] / table["bytes_per_token"] / math.log(2)
    assert table["bits_per_byte"].to_numpy() == pytest.approx(bits, rel=2e-6)
    assert table["bytes_per_token"].nunique() == 1


def test_levels_that_are_finished_bracket_their_best(table):
    designed = asked()
    for level, grid in table[table["part"] == "grid"].groupby("level"):
        wanted = [n for n, c in designed.items() if c["level"] == level and c["run"][0] == "grid"]
        if len(grid) == len(wanted):
            assert len(grid) == 7
            best = grid.sort_values("params")["loss"].to_numpy().argmin()
            assert 0 < best < 6, level


def test_loading_it(table):
    once = table["part"] != "repeated"
    runs = bs.load_example("code")
    assert runs.run_ids.tolist() == table["run_id"][once].tolist()
    assert (runs.flop_rule, runs.loss_unit) == ("6ND", "nats/token")
    assert runs.bytes_per_token == pytest.approx(table["bytes_per_token"][0])
    np.testing.assert_array_equal(runs.loss, table["loss"][once])
    np.testing.assert_array_equal(runs.params, table["params"][once])


def test_the_dictionary_names_every_column(table):
    text = TABLE.with_suffix(".md").read_text()
    assert re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE) == list(table.columns)


def test_rates_are_the_vertex_of_what_was_tried():
    rates = pd.read_csv(SCRIPTS / "learning_rates.csv")
    assert rates["tuning"].is_unique
    for row in rates.itertuples():
        tried = sorted(tuple(map(float, each.split(":"))) for each in row.tried.split())
        at = int(np.argmin([loss for _, loss in tried]))
        (_, below), (rate, least), (_, above) = tried[at - 1 : at + 2]  # one worse on both sides
        shift = (below - above) / (2 * (below - 2 * least + above)) if np.isfinite(above) else 0
        assert row.learning_rate == pytest.approx(rate * 2**shift, rel=0.01), row.tuning
