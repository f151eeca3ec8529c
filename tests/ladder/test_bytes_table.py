"""The ladder of bytes: its table is what its own columns say."""

import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs

TABLE = Path(__file__).parents[2] / "bayesscale" / "runs" / "bytes.csv"


@pytest.fixture(scope="module")
def table():
    return pd.read_csv(TABLE)


def test_counts_and_flop_by_other_means(table):
    w, d, tokens = table["width"], table["depth"], table["tokens"]
    assert (table["params_non_embedding"] == 12 * d * w**2).all()
    assert (table["params"] == table["params_non_embedding"] + 256 * w).all()
    assert (table["flops_6nd"] == 6 * table["params"] * tokens).all()
    parts = ["embedding", "attention", "feed_forward", "head"]
    assert (table["flops_exact"] == sum(table[f"flops_{part}"] for part in parts)).all()
    # beyond 6 FLOP a weight and token there are the scores alone: 129 / 2 keys, two products
    assert (table["flops_exact"] - table["flops_6nd"] == 3 * 2 * 2 * 129 / 2 * d * w * tokens).all()
    rounded = 0.51e-6 * (1 + 1 / math.log(2))  # both columns have six digits
    bits = table["loss"] / math.log(2)
    assert table["bits_per_byte"].to_numpy() == pytest.approx(bits, abs=rounded)


def test_the_design_is_what_was_asked_for(table):
    once = table[table["part"] != "repeated"]
    assert np.log10(once["flops_6nd"].max() / once["flops_6nd"].min()) > 2.99
    assert np.log10(once["params_non_embedding"].max() / once["params_non_embedding"].min()) > 3
    grid = once[once["part"] == "grid"]
    for _, level in grid.groupby("level"):
        assert len(level) >= 6
        assert level["flops_6nd"].max() / level["flops_6nd"].min() < 1.01
        best = level.sort_values("params")["loss"].to_numpy().argmin()
        assert 0 < best < len(level) - 1  # sizes on both sides of the optimum
    replicated = once.groupby(["level", "params"]).size()
    assert (replicated == 3).mean() >= 1 / 6
    assert set(replicated) == {1, 3}
    assert (once["unique_tokens"] == once["tokens"]).all()
    repeated = table[table["part"] == "repeated"]
    assert set(repeated["tokens"] / repeated["unique_tokens"]) == {2, 4, 8, 16}


def test_loading_it(table):
    runs = bs.load_example("bytes")
    assert bs.load_example("bytes").run_ids.tolist() == runs.run_ids.tolist()
    once = table["part"] != "repeated"
    upper = table["level"].isin([3.2e11, 1e12, 3.2e12, 1e13])
    assert runs.run_ids.tolist() == table["run_id"][once & upper].tolist()
    assert len(bs.load_example("bytes", all_levels=True)) == once.sum()
    assert (runs.name, runs.param_count, runs.flop_rule) == ("example", "total", "6ND")
    assert (runs.loss_unit, runs.bytes_per_token) == ("nats/token", 1)
    assert runs.loss_se is None  # the errors are common to all runs
    everything = bs.load_example("bytes", all_levels=True, repeated=True)
    assert everything.groups["part"].tolist() == table["part"].tolist()
    blocks = bs.load_example("bytes", param_count="non_embedding")
    assert (blocks.param_count, blocks.flop_rule) == ("non_embedding", "6ND")
    np.testing.assert_array_equal(blocks.params, runs.params_non_embedding)
    np.testing.assert_array_equal(blocks.flops, 6 * blocks.params * blocks.tokens)
    with pytest.raises(KeyError, match="Did you mean 'bytes'"):
        bs.load_example("byte")  # pyright: ignore[reportArgumentType]
    with pytest.raises(KeyError, match="Did you mean 'non_embedding'"):
        bs.load_example(param_count="nonembedding")  # pyright: ignore[reportArgumentType]


def test_the_dictionary_names_every_column(table):
    text = TABLE.with_suffix(".md").read_text()
    named = re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE)
    assert named == list(table.columns)


def test_the_noise_between_seeds_is_as_stated(table):
    once = table[table["part"] != "repeated"]
    cells = once.groupby(["level", "params"])["loss"]
    spread = np.log(once["loss"]) - np.log(cells.transform("mean"))
    several = cells.transform("size") == 3
    sd = np.sqrt((spread[several] ** 2).sum() / (several.sum() * 2 / 3))
    text = TABLE.with_suffix(".md").read_text()
    stated = re.search(r"([\d.]+) in log loss", text)
    assert stated
    assert sd == pytest.approx(float(stated[1]), rel=0.05)
