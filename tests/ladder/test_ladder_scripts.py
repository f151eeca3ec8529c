"""The scripts that train the ladder: without training, and with PyTorch where it is installed."""

import contextlib
import csv
import importlib.util
import sys
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
    with (tmp_path / "t.csv").open() as file:
        assert list(csv.DictReader(file)) == [
            {"id": "a", "loss": "3.5"},
            {"id": "b", "loss": "2.5"},
        ]
    again = script("tables").Table(tmp_path / "t.csv", "id")
    assert "a" in again
    assert "c" not in again
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
    with pytest.raises(RuntimeError, match="no learning rate is best after 7"):
        script("tune").best_rate(2.0**-6, lambda rate: -rate)


def test_the_text_must_be_that_of_one_version(script, tmp_path):
    corpus = script("corpus")
    for name in ("os.py", "test/test_os.py", "site-packages/x.py", "_sysconfigdata_x.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert corpus.source_files(tmp_path) == ["os.py", "test/test_os.py"]
    with pytest.raises(ValueError, match=r"2 Python files have 20 bytes") as found:
        corpus.read_corpus(tmp_path)
    assert corpus.SHA256 in str(found.value)


def test_the_held_out_files_are_whole_and_apart(script, tmp_path, monkeypatch):
    corpus = script("corpus")
    names = [f"m{i}.py" for i in range(200)]
    for name in names:
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(corpus, "SHA256", corpus.fingerprint(tmp_path, sorted(names))[0])
    text = corpus.read_corpus(tmp_path)
    held_out = {bytes(each).decode() for each in text.evaluation}
    assert held_out == {f"# {n}\n\0" for n in names if corpus.is_held_out(n)}
    assert 3 <= len(held_out) <= 30  # one in sixteen
    trained = set(bytes(text.training).decode().split("\0")[:-1])
    assert trained == {f"# {n}\n" for n in names if not corpus.is_held_out(n)}


def test_it_goes_on_where_it_was_stopped(script, tmp_path, monkeypatch, capsys):
    """A kill after some runs costs these nothing: the same command trains the others alone."""
    script("design")
    place = importlib.util.spec_from_file_location("ladder_main", SCRIPTS / "__main__.py")
    main = importlib.util.module_from_spec(place)
    place.loader.exec_module(main)
    run = script("run")
    monkeypatch.setattr(main, "TABLE", tmp_path / "table.csv")
    monkeypatch.setattr(main, "RATES", tmp_path / "rates.csv")
    monkeypatch.setattr(sys, "argv", ["ladder"])
    trained = []

    def at_most(runs):
        def in_parallel(task, work, *_):
            for number, each in enumerate(work):
                if task is main.tune_here:
                    yield each, (0.01, {0.005: 3.0, 0.01: 2.0, 0.02: 3.0})
                    continue
                if number == runs:
                    raise KeyboardInterrupt
                trained.append(each[0].name)
                yield each, run.Outcome(2.0 + number / 100, 0.03, each[0].run(0.01).tokens, 1.0)

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
    assert trained == names  # each once
    with (tmp_path / "table.csv").open() as file:
        after = list(csv.DictReader(file))
    assert [row["run_id"] for row in after] == names
    assert [row for row in after if row in before] == before
    capsys.readouterr()
    main.main()
    assert len(trained) == len(names)
    assert f"{len(names)} runs in" in capsys.readouterr().out


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
        list(workers.in_parallel(fail_on_two, list(range(5)), 2, None))
    done = {}
    with contextlib.suppress(ExceptionGroup):
        for number, square in workers.in_parallel(fail_on_two, list(range(5)), 2, None):
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

    def test_no_byte_sees_what_follows(self, script):
        import torch

        shapes, transformer = script("shapes"), script("transformer")
        torch.manual_seed(0)
        network = transformer.Transformer(shapes.Shape(16, 2))
        text = torch.randint(0, 256, (1, shapes.CONTEXT))
        other = text.clone()
        other[0, 70:] = torch.randint(0, 256, (shapes.CONTEXT - 70,))
        with torch.no_grad():
            torch.testing.assert_close(network(text)[0, :70], network(other)[0, :70])

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
        text = np.repeat(rng.integers(97, 101, 40_000), 3).astype(np.uint8)  # 4 letters, tripled
        data = corpus.Corpus(training=text, evaluation=[text[:50_000], text[50_000:]])
        run = script("run").Run(script("shapes").Shape(16, 2), 60, 4, 0, 0.02)
        first, second = train.train(run, data), train.train(run, data)
        assert first.loss == second.loss
        assert first.loss < 1.2  # ln 4 = 1.39 without the threes, ln 4 / 3 = .46 with them
        assert 0 < first.evaluation_se < 0.1
        assert first.unique_tokens == run.tokens
