"""A saved fit is loaded as it was saved, or not at all."""

import random

import h5py
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings, strategies as st

import bayesscale as bs
from bayesscale._files import sealed, unsealed
from bayesscale.errors import BayesScaleError, FileError

DAMAGES = {
    "a bit": lambda b, at, r: b[:at] + bytes([b[at] ^ (1 << r.randrange(8))]) + b[at + 1 :],
    "a byte": lambda b, at, r: b[:at] + bytes([(b[at] + r.randrange(1, 256)) % 256]) + b[at + 1 :],
    "zeros": lambda b, at, r: b[:at] + bytes(len(b[at : at + 4096])) + b[at + 4096 :],
    "noise": lambda b, at, r: b[:at] + r.randbytes(len(b[at : at + 512])) + b[at + 512 :],
    "cut": lambda b, at, r: b[:at],
    "taken out": lambda b, at, r: b[:at] + b[at + r.randrange(1, 5000) :],
    "put in": lambda b, at, r: b[:at] + r.randbytes(r.randrange(1, 100)) + b[at:],
    "put behind": lambda b, at, r: b + r.randbytes(r.randrange(1, 100)),
    "twice": lambda b, at, r: b + b[at:],
}
"""A file's bytes, changed at a place."""


def damages(content: bytes, number: int, seed: int):
    """Damage a file in ways of every kind, never leaving it as it was."""
    rng = random.Random(seed)
    made = 0
    while made < number:
        kind = list(DAMAGES)[made % len(DAMAGES)]
        changed = DAMAGES[kind](content, rng.randrange(len(content)), rng)
        if changed != content:
            made += 1
            yield kind, changed


@pytest.mark.parametrize(
    "number", [90, pytest.param(2000, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_changed_file_is_loaded(saved, number):
    whole = saved.read_bytes()
    for kind, changed in damages(whole, number, seed=number):
        saved.write_bytes(changed)
        try:
            bs.load_fit(saved)
        except FileError:
            continue
        pytest.fail(f"loaded after {kind}")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=st.binary(), data=st.data())
def test_a_seal_finds_any_change(content, data):
    whole = sealed(content)
    assert unsealed(whole, "x") == content
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = whole[:at] + data.draw(st.binary(max_size=3)) + whole[at + 1 :]
    if changed != whole:
        with pytest.raises(FileError):
            unsealed(changed, "x")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    content=st.binary(max_size=200),
    with_seal=st.booleans(),
    start=st.sampled_from([b"", b"\x89HDF\r\n\x1a\n"]),
)
def test_whatever_else_is_in_a_file_gives_one_kind_of_error(tmp_path, content, with_seal, start):
    path = tmp_path / "strange.nc"
    path.write_bytes(sealed(start + content) if with_seal else start + content)
    for load in (bs.load_fit, bs.load_average):
        with pytest.raises(FileError):
            load(path)


def test_other_programs_read_a_saved_fit(saved, fit):
    with h5py.File(saved) as file:
        assert {"posterior", "runs"} <= set(file)
    with xr.open_datatree(saved, engine="h5netcdf") as tree:
        xr.testing.assert_equal(tree["posterior"].dataset.load(), fit.draws["posterior"].dataset)


@pytest.mark.parametrize("group", ["posterior", "sample_stats", "runs"])
def test_a_missing_group_is_refused(fit, tmp_path, group):
    without = fit.draws.copy()
    del without[group]
    path = type(fit)(fit.spec, fit.runs, without, fit.sampling).save(tmp_path / "fit.nc")
    with pytest.raises(FileError, match=f"no group '{group}'"):
        bs.load_fit(path)


def test_draws_that_are_not_finite_are_refused(fit, tmp_path):
    tree = fit.draws.copy(deep=True)
    tree["posterior"]["sigma"].values[0, 0] = float("nan")
    path = type(fit)(fit.spec, fit.runs, tree, fit.sampling).save(tmp_path / "fit.nc")
    with pytest.raises(FileError, match=r"sigma .*not finite"):
        bs.load_fit(path)


@pytest.mark.parametrize("path", [3, None, "a\0b", "a" * 300, "/dev/null", "/", ""])
def test_paths_of_no_fit(path):
    for load in (bs.load_fit, bs.load_average):
        with pytest.raises(BayesScaleError):
            load(path)
