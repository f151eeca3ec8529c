"""Every kind of bad input in one list: what is said, and that nothing was compiled for it."""

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.errors import (
    DomainError,
    ExtrapolationWarning,
    FileError,
    PriorError,
    RunsError,
    RunsWarning,
    UnknownNameError,
)
from tests.simulate import fit_at, simulate_runs


def table(**changes) -> dict:
    """Return a good table of twelve runs with some columns changed."""
    n = np.geomspace(1e8, 1e10, 12)
    good = {"params": n, "tokens": 20 * n[::-1], "loss": np.linspace(3.5, 2.5, 12)}
    return good | changes


def with_first(column: str, value) -> dict:
    values = list(table()[column])
    values[0] = value
    return table(**{column: values})


def without(column: str, name: str | None = None) -> dict:
    changed = table()
    values = changed.pop(column)
    return changed | ({name: values} if name else {})


TABLES = [
    ("missing column", without("tokens"), UnknownNameError, "tokens"),
    ("misspelt column", without("tokens", "tokns"), UnknownNameError, "tokns"),
    ("text in numbers", with_first("params", "about 1e9"), RunsError, "about 1e9"),
    *(
        (f"{kind} {column}", with_first(column, value), RunsError, "run 0")
        for column in ("params", "tokens", "loss")
        for kind, value in (("NaN", np.nan), ("zero", 0), ("negative", -1), ("infinite", np.inf))
    ),
    ("negative loss", table(loss=-np.linspace(3, 2, 12)), RunsError, "difference"),
    ("loss above ln(256k)", with_first("loss", 20.0), RunsError, "256,000"),
    ("loss below .05", with_first("loss", 0.01), RunsError, "0.05"),
]


@pytest.mark.parametrize(("data", "error", "message"), [t[1:] for t in TABLES],
                         ids=[t[0] for t in TABLES])  # fmt: skip
def test_tables_that_are_refused(data, error, message):
    with pytest.raises(error) as caught:
        bs.Runs.from_frame(data)
    assert message in str(caught.value)
    assert len(str(caught.value)) > 60  # says what to do, not only that it is wrong


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({k: np.r_[v[:1], v] for k, v in table().items()}, "counted twice"),
        (table(tokens=np.geomspace(2, 200, 12)), "billions"),
    ],
    ids=["the same run twice", "tokens in billions"],
)
def test_tables_that_are_warned_about(data, message):
    with pytest.warns(RunsWarning, match=message):
        bs.Runs.from_frame(data)


def test_column_names_that_do_not_exist():
    with pytest.raises(UnknownNameError, match="Did you mean 'loss'"):
        bs.Runs.from_frame(table(), loss="los")


RUNS = simulate_runs()
LINE = np.geomspace(1e8, 1e10, 12)

FITS = [
    ("fewer runs than unknowns", {"runs": RUNS.select(np.arange(48) < 5)}, RunsError, "6 unknowns"),
    ("unknown law", {"law": "chincilla"}, UnknownNameError, "Did you mean 'chinchilla'"),
    ("unknown noise", {"noise": "student-t"}, UnknownNameError, "Did you mean 'student_t'"),
    ("unknown prior", {"priors": {"beta": bs.Prior.between(0, 1)}}, UnknownNameError, "slope_N"),
    ("excluding prior", {"priors": {"level": bs.Prior.between(9, 10)}}, PriorError, "exclude"),
    ("prior outside", {"priors": {"slope_N": bs.Prior.between(-1, 1)}}, PriorError, "positive"),
]


@pytest.mark.parametrize(("options", "error", "message"), [f[1:] for f in FITS],
                         ids=[f[0] for f in FITS])  # fmt: skip
def test_fits_that_are_refused(monkeypatch, options, error, message):
    monkeypatch.setattr(
        "bayesscale.inference.fit.fit_spec", lambda *a, **k: pytest.fail("went on to sample")
    )
    with pytest.raises(error, match=message):
        bs.fit(**({"runs": RUNS, "progress": False} | options))


def test_targets_outside_the_range_of_the_law():
    fit = fit_at(RUNS)
    for size in (0, -1e9, np.nan, np.inf):
        with pytest.raises(DomainError, match="positive and finite"):
            bs.extrapolate(fit, params=size, tokens=1e10)
    with pytest.raises(DomainError, match="predicts from params and tokens, but got params"):
        bs.extrapolate(fit, params=1e9)
    with pytest.raises(DomainError, match="equally many"):
        bs.extrapolate(fit, params=[1e9, 2e9], tokens=[1e10, 2e10, 3e10])
    with pytest.warns(ExtrapolationWarning, match="times the compute of the largest run"):
        bs.extrapolate(fit, params=1e12, tokens=2e13)
    with pytest.warns(ExtrapolationWarning, match="Fewer than half of the draws"):
        assert bs.required_flops(fit, loss=0.5).summary["reachable"].iloc[0] == 0


def test_files_that_cannot_be_read_or_written(tmp_path):
    fit = fit_at(RUNS)
    path = fit.save(tmp_path / "fit.nc")
    (tmp_path / "cut.nc").write_bytes(path.read_bytes()[:4000])
    with pytest.raises(FileError, match="cut short"):
        bs.load_fit(tmp_path / "cut.nc")
    with pytest.raises(FileError, match="does not exist"):
        fit.save(tmp_path / "absent" / "fit.nc")
    with pytest.raises(FileError, match="is a folder"):
        fit.save(tmp_path)
    with pytest.raises(FileError, match=r"runs\.csv"):
        bs.read_runs(tmp_path / "runs.csv")
