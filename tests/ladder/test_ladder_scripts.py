"""The scripts that train the ladder: without training, and with PyTorch where it is installed."""

import contextlib
import csv
import hashlib
import importlib.util
import json
import re
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parents[2] / "notebooks" / "ladder"


@pytest.fixture
def script(monkeypatch):
    """Import a script as it imports its neighbours; forget it afterwards."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


def test_rows_are_added_whole_and_in_order(script, tmp_path):
    table = script("tables").Table(tmp_path / "t.csv", "id")
    table.add({"id": "b", "loss": 2.5}, order=["a", "b"])
    table.add({"id": "a", "loss": 3.5}, order=["a", "b"])
    assert (tmp_path / "t.csv").read_text().split() == ["id,loss", "a,3.5", "b,2.5"]
    again = script("tables").Table(tmp_path / "t.csv", "id")
    assert [name in again for name in "ac"] == [True, False]
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_a_row_that_cannot_be_written_leaves_the_table(script, tmp_path, monkeypatch):
    tables = script("tables")
    table = tables.Table(tmp_path / "t.csv", "id")
    table.add({"id": "a", "loss": 3.5}, order=["a", "b"])
    before = (tmp_path / "t.csv").read_bytes()

    def full(_):
        raise OSError("No space left on device")

    monkeypatch.setattr(tables.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        table.add({"id": "b", "loss": 2.5}, order=["a", "b"])
    assert (tmp_path / "t.csv").read_bytes() == before


@pytest.mark.parametrize("optimum", [0.003, 0.01, 0.024, 0.09])
def test_the_best_rate_is_bracketed_from_anywhere(script, optimum):
    tune = script("tune")
    rate, tried = tune.best_rate(2.0**-6, lambda r: 2 + (np.log2(r) - np.log2(optimum)) ** 2)
    assert rate == pytest.approx(optimum)  # losses are a parabola: its vertex is exact
    best = min(tried, key=tried.get)
    assert {best / 2, best * 2} <= set(tried)


def test_a_rate_that_is_nowhere_best_is_an_error(script):
    with pytest.raises(RuntimeError, match="7"):
        script("tune").best_rate(2.0**-6, lambda rate: -rate)


@pytest.mark.parametrize("tokens", [2e5, 1e6, 5e7])
def test_rates_between_two_lengths(script, tokens):
    tuned = {1e6: 0.02, 1e4: 0.01}
    rate = script("tune").rate_at(tokens, tuned)
    assert rate == pytest.approx(0.01 * (tokens / 1e4) ** (np.log10(2) / 2), rel=1e-5)
    assert rate == float(f"{rate:.6g}")  # what a row says is what was trained


def pack(folder, package, **files):
    """Write a wheel of Python files, and return the line that asks for it."""
    wheel = folder / f"{package}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{package}/{name}.py", text)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{package}==1.0 --hash=sha256:{digest}\n"


@pytest.fixture
def packages(script, tmp_path, monkeypatch):
    """Pretend that two small packages are all there are, and downloaded."""
    module = script("packages")
    for folder in ("lists", "wheels"):
        (tmp_path / folder).mkdir()
    wheels = tmp_path / "wheels"
    first = pack(wheels, "first", a="x = 1\n", b="x = 1\n", c="", d="#" * 300_000, e=b"\xff")
    second = pack(wheels, "second", a="x = 1\n", b="y = 2\n")
    (tmp_path / "lists" / "training.txt").write_text(first)
    (tmp_path / "lists" / "held_out.txt").write_text(second)
    monkeypatch.setattr(module, "LISTS", tmp_path / "lists")
    monkeypatch.setattr(module.subprocess, "run", None)  # nothing is left to download
    return module


def test_files_are_read_once_and_held_out_ones_are_new(packages, tmp_path):
    seen = set()
    texts = {
        part: [
            list(packages.source_files(wheel, seen))
            for wheel in packages.fetch(part, tmp_path / "wheels").values()
        ]
        for part in ("training", "held_out")
    }
    assert texts == {"training": [["x = 1\n"]], "held_out": [["y = 2\n"]]}


def test_what_is_missing_is_asked_for_by_hash(packages, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(packages.subprocess, "run", lambda words, check: asked.append(words))
    with pytest.raises(KeyError):
        packages.fetch("training", tmp_path / "empty")
    (words,) = asked
    assert "--require-hashes" in words
    assert f"--requirement={tmp_path / 'lists' / 'training.txt'}" in words


def test_the_lists_are_apart_and_as_recorded(script):
    packages = script("packages")
    training, held_out = packages.listed("training"), packages.listed("held_out")
    assert not set(training) & set(held_out)
    record = json.loads((SCRIPTS / "corpus.json").read_text())
    assert list(record["training"]["packages"]) == list(training)
    assert list(record["held_out"]["packages"]) == list(held_out)
    for part in record.values():
        assert sum(part["packages"].values()) == part["tokens"]
    for line in (SCRIPTS / "packages" / "training.txt").read_text().splitlines():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line)


def test_no_run_wants_more_text_than_there_is(script):
    available = json.loads((SCRIPTS / "corpus.json").read_text())["training"]["tokens"]
    for cell in script("design").design():
        assert cell.tokens / cell.epochs < 0.99 * available, cell.name


def test_rates_are_tuned_before_they_are_needed_and_not_on_the_top(script):
    design = script("design")
    levels = list(design.LEVELS)
    tuning = design.tuning_cells()
    assert {cell.level for cell in tuning} <= set(levels[:-2])
    lengths = {shape: [c.tokens for c in tuning if c.shape == shape] for shape in design.SHAPES}
    assert all(len(set(each)) == 2 for each in lengths.values())
    for cell in design.design():
        before = levels[: levels.index(cell.stage) + 1]
        assert any(cell.shape in design.sizes(level) for level in before), cell.name


def test_the_cheapest_levels_come_first_and_of_each_the_grid(script):
    design = script("design")
    cells = design.design()
    assert len({cell.name for cell in cells}) == len(cells)
    levels, parts = list(design.LEVELS), list(design.PARTS)
    order = [(levels.index(cell.stage), parts.index(cell.part)) for cell in cells]
    assert order == sorted(order)
    for cell in cells:
        assert cell.stage == (cell.level or cell.stage)
        flop = 6 * cell.shape.total * cell.tokens
        assert flop < 1.01 * design.LEVELS[cell.stage]
    grid = [cell for cell in cells if cell.part == "grid"]
    assert len(grid) == 7 * len(levels)
    assert sum(cell.part == "seeds" for cell in cells) == 2 * len(grid[1::4])


def test_it_goes_on_where_it_was_stopped(script, tmp_path, monkeypatch, capsys):
    """A kill after some runs costs these nothing: the same command trains the others alone."""
    script("design")
    place = importlib.util.spec_from_file_location("ladder_main", SCRIPTS / "__main__.py")
    main = importlib.util.module_from_spec(place)
    place.loader.exec_module(main)
    run = script("run")
    monkeypatch.setattr(main, "TABLE", tmp_path / "table.csv")
    monkeypatch.setattr(main, "RATES", tmp_path / "rates.csv")
    monkeypatch.setattr(main, "read_corpus", lambda: None)
    monkeypatch.setattr(sys, "argv", ["ladder"])
    trained = []

    def at_most(runs):
        def in_parallel(task, work, *_):
            for number, each in enumerate(work):
                if task.func is main.tune_here:
                    yield each, (0.01, {0.005: 3.0, 0.01: 2.0, 0.02: 3.0})
                    continue
                if len(trained) == runs:
                    raise KeyboardInterrupt
                trained.append(each[0].name)
                tokens = each[0].run(0.01).tokens
                yield each, run.Outcome(2.0 + number / 100, 0.03, 3.2, tokens, "cpu", 1.0)

        return in_parallel

    monkeypatch.setattr(main, "in_parallel", at_most(30))
    with pytest.raises(KeyboardInterrupt):
        main.main()
    with (tmp_path / "table.csv").open() as file:
        before = list(csv.DictReader(file))
    assert len(before) == 30
    assert all(cell for row in before for name, cell in row.items() if name != "level")
    monkeypatch.setattr(main, "in_parallel", at_most(1000))
    main.main()
    names = [cell.name for cell in main.design()]
    assert sorted(trained) == sorted(names)  # each once
    with (tmp_path / "table.csv").open() as file:
        after = list(csv.DictReader(file))
    assert [row["run_id"] for row in after] == names
    assert [row for row in after if row in before] == before
    capsys.readouterr()
    main.main()
    assert len(trained) == len(names)  # nothing is left to do
    assert capsys.readouterr().out == ""


def test_a_table_with_other_columns_is_not_mixed(script, tmp_path):
    tables = script("tables")
    tables.Table(tmp_path / "t.csv", "id").add({"id": "a", "loss": 3.5}, order=["a", "b"])
    with pytest.raises(ValueError, match="has the columns"):
        tables.Table(tmp_path / "t.csv", "id").add({"id": "b", "bits": 2.5}, order=["a", "b"])


def test_rows_of_two_processes_are_both_kept(script, tmp_path):
    tables = script("tables")
    first, second = (tables.Table(tmp_path / "t.csv", "id") for _ in range(2))
    first.add({"id": "a", "loss": 3.5}, order=["a", "b"])
    second.add({"id": "b", "loss": 2.5}, order=["a", "b"])
    assert list(tables.Table(tmp_path / "t.csv", "id").rows) == ["a", "b"]


def test_rates_whose_runs_diverge_are_not_chosen(script):
    tune = script("tune")
    rate, tried = tune.best_rate(2.0**-6, lambda r: np.inf if r > 2.0**-7 else -np.log2(r))
    assert rate == 2.0**-7  # no parabola through a run that diverged
    assert tried[2.0**-6] == float("inf")


def fail_on_two(number):
    if number == 2:
        raise RuntimeError("two")
    return number**2


def test_what_fails_is_told_when_the_others_are_done(script, monkeypatch):
    workers = script("workers")
    monkeypatch.setattr(workers, "ProcessPoolExecutor", lambda n, **_: ThreadPoolExecutor(n))
    with pytest.raises(ExceptionGroup, match="1 of 5 failed"):
        list(workers.in_parallel(fail_on_two, list(range(5)), 2))
    done = {}
    with contextlib.suppress(ExceptionGroup):
        for number, square in workers.in_parallel(fail_on_two, list(range(5)), 2):
            done[number] = square
    assert done == {0: 0, 1: 1, 3: 9, 4: 16}


class TestWithTorch:
    """Run where the extra ``train`` is installed."""

    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch", reason="needs the extra 'train' (PyTorch)")

    def test_parameters_and_flop_are_those_of_the_network(self, script):
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.utils.flop_counter import FlopCounterMode

        shapes, transformer = script("shapes"), script("transformer")
        for shape in script("design").SHAPES[:8]:
            network = transformer.Transformer(shape)
            assert sum(p.numel() for p in network.parameters()) == shape.total
            text = torch.zeros(2, shapes.CONTEXT, dtype=torch.int64)
            with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
                network(text).sum().backward()
            # that kernel computes the scores of keys that are masked, too
            masked = 3 * 2 * 2 * shape.width * shape.depth * (shapes.CONTEXT - 1) / 2
            counted = counter.get_total_flops() / text.numel()
            assert counted == sum(shape.flop_per_token().values()) + masked

    def test_no_token_sees_what_follows(self, script):
        import torch

        shapes, transformer = script("shapes"), script("transformer")
        torch.manual_seed(0)
        network = transformer.Transformer(shapes.Shape(16, 2))
        text = torch.randint(0, shapes.VOCABULARY, (1, shapes.CONTEXT))
        other = text.clone()
        other[0, 20:] = torch.randint(0, shapes.VOCABULARY, (shapes.CONTEXT - 20,))
        with torch.no_grad():
            torch.testing.assert_close(network(text)[0, :20], network(other)[0, :20])

    def test_data_are_seen_as_often_as_asked(self, script):
        run, train = script("run"), script("train")
        shape, rng = script("shapes").Shape(8, 2), np.random.default_rng(0)
        once = train.data_order(run.Run(shape, 10, 4, 0, 0.1), 1000, rng)
        assert once[1] == len(set(once[0].tolist())) == 40
        order, unique = train.data_order(run.Run(shape, 10, 4, 0, 0.1, epochs=4), 1000, rng)
        assert unique == 10
        assert set(np.unique_counts(order).counts.tolist()) == {4}
        assert set(order[:10]) == set(order[10:20])
        assert order[:10].tolist() != order[10:20].tolist()

    def test_a_run_learns_and_repeats_itself(self, script):
        corpus, train = script("corpus"), script("train")
        rng = np.random.default_rng(0)
        text = np.repeat(rng.integers(97, 101, 40_000), 3).astype(np.uint16)  # 4 letters, tripled
        lengths = np.full(script("shapes").VOCABULARY, 3)
        data = corpus.Corpus(text, [text[:50_000], text[50_000:]], lengths)
        run = script("run").Run(script("shapes").Shape(16, 2), 200, 8, 0, 0.02)
        first, second = train.train(run, data), train.train(run, data)
        assert first.loss == second.loss
        assert first.loss < 1.2  # ln 4 = 1.39 without the threes, ln 4 / 3 = .46 with them
        assert 0 < first.evaluation_se < 0.1
        assert first.bytes_per_token == 3
        assert first.unique_tokens == run.tokens

    def test_tokens_give_the_text_back(self, script):
        bpe = script("bpe")
        texts = ["def f(x):\n    return x\n", "π = 3.14\n\tpass\n" * 50]
        tokenizer = script("tokenizers").Tokenizer.from_file(str(SCRIPTS / "bpe.json"))
        lengths = bpe.byte_lengths(tokenizer)
        assert len(lengths) == script("shapes").VOCABULARY
        for text, tokens in zip(texts, bpe.encode(tokenizer, texts), strict=True):
            assert tokenizer.decode(tokens.tolist()) == text + "\0"
            assert lengths[tokens].sum() == len(text.encode()) + 1
            assert len(tokens) < len(text) * 0.9
