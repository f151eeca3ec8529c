"""Whatever a table holds: a clear error, or runs that survive a file."""

import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, event, given, settings, strategies as st

import bayesscale as bs
from bayesscale.errors import BayesScaleError, BayesScaleWarning
from bayesscale.runs import Runs

ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(2**53, 2**70), st.just(10**400),
    st.floats(), st.text(), st.binary(max_size=3), st.lists(st.integers(), max_size=2),
    st.dates(), st.complex_numbers(), st.decimals(),
    st.sampled_from(["1.2B", "3,500", "3,5", "nan", "inf", "1e5", "01", "\x1b[31m", "a\0b",
                     "\ud800", pd.NA, pd.NaT, np.float16(3), np.ma.masked, Decimal("sNaN"),
                     np.nan, object]),
)  # fmt: skip
LABEL = st.one_of(
    st.text(), st.integers(), st.integers(2**53 - 1, 2**53 + 2), st.booleans(),
    st.floats(allow_nan=False), st.dates(), st.sampled_from(["01", "1", "1e2", "100", "a/b", "."]),
)  # fmt: skip
NAMES = st.one_of(st.sampled_from(["corpus", "a.b", "x y", "run_id", "café", "Group"]), st.text())
DTYPES = st.sampled_from([None, object, "category", "string", "Int64", "uint64", "float32", bool])
SIZES = st.floats(1e6, 1e13)


@st.composite
def columns(draw, n: int, plain, odd=ODD):
    """A column of ``n`` cells, mostly plain, at times with odd ones or in another type."""
    cells = draw(st.lists(plain, min_size=n, max_size=n))
    for _ in range(draw(st.sampled_from([0] * 12 + [1, 2]))):
        cells[draw(st.integers(0, n - 1))] = draw(odd)
    kind = draw(DTYPES) if draw(st.integers(0, 6)) == 0 else object
    try:
        series = pd.Series(cells, dtype=object)
        return series if kind is None else series.astype(kind)
    except Exception:
        return series


@st.composite
def readings(draw):
    """A table and how to read it."""
    n = draw(st.integers(1, 5))
    table = {
        "params": draw(columns(n, SIZES)),
        "tokens": draw(columns(n, SIZES)),
        "loss": draw(columns(n, st.floats(0.06, 12))),
    }
    options = {}
    if draw(st.booleans()):
        table["loss_se"] = draw(columns(n, st.floats(0, 0.05)))
    if draw(st.booleans()):
        table["flops"] = draw(columns(n, st.floats(1e10, 1e27)))
    if draw(st.booleans()):
        name = draw(NAMES)
        table[name], options["group"] = draw(columns(n, LABEL)), name
    for part in draw(st.sets(st.sampled_from(["seed", "cluster", "run_id"]))):
        table[f"my_{part}"], options[part] = draw(columns(n, LABEL)), f"my_{part}"
    if draw(st.booleans()):
        table["E"], options["inputs"] = draw(columns(n, st.floats(-1e3, 1e3))), {"experts": "E"}
    if draw(st.integers(0, 9)) == 0:
        key = draw(st.sampled_from(["where", "group", "params", "bytes_per_token", "inputs",
                                    "name", "loss_unit", "flop_rule", "cluster"]))  # fmt: skip
        options[key] = draw(ODD | st.dictionaries(st.sampled_from(list(table)), ODD, max_size=2))
    return table, options


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(readings())
def test_a_table_is_refused_clearly_or_survives_a_file(reading):
    table, options = reading
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", BayesScaleWarning)
        try:
            runs = Runs.from_frame(pd.DataFrame(table), **options)
        except BayesScaleError as error:
            event("refused" if len(str(error)) > 20 else pytest.fail(str(error)))
            return
        event("read")
        assert (repr(runs) + runs._repr_html_()).replace("\n", "").isprintable()
        stored = bytes(runs.to_xarray().to_netcdf(engine="h5netcdf"))
        again = Runs.from_xarray(xr.load_dataset(stored, engine="h5netcdf"))
    assert again == runs
    assert again.fingerprint == runs.fingerprint
    assert again.groups.keys() == runs.groups.keys()


LINE = st.text(st.characters(codec="utf-8", exclude_characters=',"\r\n'), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=5))
def test_labels_in_a_csv_are_text_as_it_is_written(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("csv") / "runs.csv"
    rows = [f"1e8,{k + 2}e9,3.{k},{label}" for k, label in enumerate(labels)]
    path.write_text("\n".join(["N,D,L,corpus", *rows]), encoding="utf-8", newline="")
    try:
        runs = bs.read_runs(path, group="corpus")
    except BayesScaleError:
        return
    assert [str(label) for label in runs.groups["corpus"]] == [label.strip() for label in labels]
