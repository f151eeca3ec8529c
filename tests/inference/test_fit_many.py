"""Many ladders in one call: names, a table of posteriors, what is kept, and what is refused."""

import importlib
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import bayesscale as bs
from bayesscale.errors import DomainError, FileError, RunsError, UnknownNameError
from tests.simulate import fit_at, simulate_runs

home = importlib.import_module("bayesscale.inference.fit_many")

HOW = {
    "law": "chinchilla", "discrepancy": None, "draws": 200, "tune": 300, "chains": 2,
    "random_seed": 3, "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def table():
    frames = [simulate_runs(seed=i).frame.assign(corpus=name) for i, name in enumerate("ab")]
    return bs.Runs.from_frame(pd.concat(frames, ignore_index=True), group="corpus")


@pytest.fixture(scope="module")
def many(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "store"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.BayesScaleWarning)
        return bs.fit_many(table, group="corpus", store=folder, **HOW), folder


def test_every_level_is_fitted_as_bs_fit_would(table, many):
    fits, _ = many
    assert list(fits.fits) == ["a", "b"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.BayesScaleWarning)
        alone = bs.fit(table.select(table["corpus"] == "b"), **HOW)
    np.testing.assert_array_equal(alone.coordinates["level"], fits["b"].coordinates["level"])
    table_of_b = fits.summary.loc["b"]
    pd.testing.assert_frame_equal(table_of_b, alone.summary())
    assert fits.summary.index.names == ["ladder", "parameter"]
    assert fits.ladders["runs"].tolist() == [48, 48]


def test_it_says_what_the_checks_found(many):
    fits, _ = many
    assert fits.severity == bs._sections.worst(f.severity for f in fits.fits.values())
    assert repr(fits).count("48") == 2
    with pytest.raises(UnknownNameError, match="ladder"):
        fits["c"]


def test_a_store_goes_on_and_takes_more_ladders(table, many, sample_with):
    fits, folder = many
    ran = sample_with(lambda _: fits["a"])
    ladders = {name: f.runs for name, f in fits.fits.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.errors.BayesScaleWarning)
        again = bs.fit_many(ladders, store=folder, **HOW)
        assert ran == []
        np.testing.assert_array_equal(
            again["b"].coordinates["sigma"], fits["b"].coordinates["sigma"]
        )
        bs.fit_many(ladders | {"c": ladders["a"]}, store=folder, **HOW)
    assert [len(setup.runs) for setup in ran] == [48]
    with pytest.raises(FileError, match="other runs than those of 'a'"):
        bs.fit_many({"a": ladders["b"]}, store=folder, **HOW)
    with pytest.raises(FileError, match="random_seed"):
        bs.fit_many(ladders, store=folder, **(HOW | {"random_seed": 4}))


@pytest.fixture
def stored(sample_with, tmp_path):
    """Fit many at no cost; each call fills a folder of its own."""
    sample_with(
        lambda setup: replace(
            fit_at(setup.runs, spec=setup.spec, spread=0.02), sampling=setup.sampling
        )
    )

    def fill(ladders, name, **other):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.errors.BayesScaleWarning)
            return bs.fit_many(ladders, store=tmp_path / name, **(HOW | other))

    return fill


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"law": "kaplan"}, "law"),
        ({"noise": "normal"}, "noise"),
        ({"discrepancy": "drift"}, "discrepancy"),
        ({"priors": {"sigma": bs.Prior.between(0.001, 0.1)}}, "priors"),
        ({"draws": 201}, r"draws \(201 there, 200 here\)"),
        ({"tune": 301}, "tune"),
        ({"chains": 3}, "chains"),
        ({"target_accept": 0.8}, "target_accept"),
        ({"random_seed": 4}, "random_seed"),
    ],
)
def test_a_fit_that_was_made_otherwise_is_refused_by_its_file(stored, tmp_path, other, said):
    ladders = {name: simulate_runs(seed=i) for i, name in enumerate("ab")}
    stored(ladders, "mine")
    stored(ladders, "theirs", **other)
    theirs = tmp_path / "theirs"
    (one, two) = sorted(path for path in theirs.rglob("*.json") if path.parent != theirs)
    for path in (one, two):
        mine = tmp_path / "mine" / path.relative_to(theirs)
        kept = mine.read_bytes()
        mine.write_bytes(path.read_bytes())
        with pytest.raises(FileError, match=rf"{mine.name}' .*{said}"):
            stored(ladders, "mine")
        mine.write_bytes(kept)
    two.rename(one)  # another ladder under this one's name
    with pytest.raises(FileError, match=rf"{one.stem}.json' is of a fit of other runs"):
        stored(ladders, "theirs", **other)


def test_a_damaged_summary_is_named_with_what_to_do(stored, tmp_path):
    ladders = {"a": simulate_runs()}
    stored(ladders, "mine")
    (path,) = (tmp_path / "mine").rglob("a-*.json")
    whole = path.read_bytes()
    for damaged in (b"", whole[:100], b"[]", b'{"settings": {}, "result": {}}'):
        path.write_bytes(damaged)
        with pytest.raises(FileError, match=rf"{path.name}' .*delete this file"):
            stored(ladders, "mine")
    path.unlink()
    stored(ladders, "mine")


def test_fits_are_read_when_asked_for_and_made_again_once_deleted(stored, tmp_path):
    ladders = {name: simulate_runs(seed=i) for i, name in enumerate("ab")}
    many = stored(ladders, "mine")
    path = many.fits.files["a"]
    assert path.parent.parent == tmp_path / "mine"
    assert many["a"].runs == ladders["a"]
    pd.testing.assert_frame_equal(many["a"].summary(), many.summary.loc["a"])
    again = stored(ladders, "mine")
    pd.testing.assert_frame_equal(again.summary, many.summary)
    pd.testing.assert_frame_equal(again.ladders, many.ladders)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(FileError, match=r"damaged|cannot be read"):
        many["a"]
    path.unlink()
    stored(ladders, "mine")
    assert many["a"].runs == ladders["a"]


@pytest.mark.parametrize("store", ["", 3, b"x", "a\0"], ids=repr)
@pytest.mark.usefixtures("no_sampling")
def test_a_store_must_be_a_folder(store):
    with pytest.raises(DomainError, match="store must be a folder"):
        bs.fit_many({"a": simulate_runs()}, store=store, **HOW)


def test_names_come_from_files_and_tables(tmp_path):
    runs = simulate_runs()
    runs.frame.to_csv(tmp_path / "mine.csv", index=False)
    named = home._named([tmp_path / "mine.csv", runs], None)
    assert list(named) == ["mine", "simulated"]
    assert len(named["mine"]) == len(runs)


@pytest.mark.parametrize(
    ("ladders", "group", "error", "said"),
    [
        (lambda r: r, None, DomainError, "One table is one ladder"),
        (lambda r: r, "corps", UnknownNameError, "corps"),
        (lambda r: [r], "corpus", DomainError, "divides one table"),
        (lambda r: [r], None, DomainError, "has no name"),
        (lambda r: [simulate_runs()] * 2, None, DomainError, "Two ladders"),
        (lambda r: "runs.csv", None, DomainError, "must be a table of runs with group="),
        (lambda r: {"a": 3}, None, DomainError, "table of runs or a file, not 3"),
        (lambda r: [], None, DomainError, "no ladder"),
        (lambda r: {"a": r, "b": r.select(np.arange(len(r)) < 3)}, None, RunsError, "runs"),
    ],
)
@pytest.mark.usefixtures("no_sampling")
def test_what_is_wrong_is_refused_before_anything_is_fitted(table, ladders, group, error, said):
    with pytest.raises(error, match=said):
        bs.fit_many(ladders(table), group=group, **HOW)


def test_an_error_names_the_ladder(table):
    few = table.select(np.arange(len(table)) < 3)
    with pytest.raises(RunsError) as caught:
        bs.fit_many({"a": table, "few": few}, **HOW)
    assert caught.value.__notes__ == ["This is about the ladder 'few'."]


def test_files_of_different_ladders_differ():
    names = ["c4/en", "c4 en", "c4:en", "c4-en" * 30]
    assert len({home._file_name(n) for n in names}) == len(names)
    assert all(len(home._file_name(n)) < 63 and home._file_name(n).count("/") == 1 for n in names)


def test_summaries_alone(stored, tmp_path):
    ladders = {name: simulate_runs(seed=i) for i, name in enumerate("ab")}
    whole, alone = stored(ladders, "whole"), stored(ladders, "alone", fits=False)
    pd.testing.assert_frame_equal(alone.summary, whole.summary)
    assert (len(alone), len(alone.fits)) == (2, 0)
    assert not list((tmp_path / "alone").rglob("*.nc"))
    with pytest.raises(DomainError, match=r"fits=True"):
        alone["a"]
    pd.testing.assert_frame_equal(stored(ladders, "alone")["a"].summary(), whole.summary.loc["a"])


def test_a_refused_call_deletes_nothing(stored, tmp_path):
    ladders = {name: simulate_runs(seed=i) for i, name in enumerate("ab")}
    many = stored(ladders, "mine", fits=False)
    assert list(many) == ["a", "b"]
    before = sorted((tmp_path / "mine").rglob("*.json"))
    with pytest.raises(FileError, match=r"draws"):
        stored(ladders, "mine", draws=201)
    assert sorted((tmp_path / "mine").rglob("*.json")) == before


def test_a_table_that_is_not_read_yet_is_refused(table):
    with pytest.raises(DomainError, match="This table is not read yet"):
        bs.fit_many(table.to_frame())
