"""An interrupted calibration goes on where it was, and never mixes two models."""

import importlib
import json

import numpy as np
import pytest

import bayesscale as bs
from bayesscale.calibration import Ranked
from bayesscale.errors import FileError

calibrate_module = importlib.import_module("bayesscale.calibration.calibrate")


@pytest.fixture
def blocks(monkeypatch):
    """Replace refits by numbers; the list says which simulations were run."""
    ran = []

    def run_block(job):
        ladder, numbers = job
        ran.extend(numbers)
        if len(ran) > 35:
            raise KeyboardInterrupt
        rng = np.random.default_rng([ladder.setup.sampling.random_seed, numbers[0]])
        ranks = [{c.name: int(rng.integers(101)) for c in ladder.spec.coordinates} for _ in numbers]
        return [
            Ranked(i, r, 1.0, 200.0, 0, 200, True, 0.1) for i, r in zip(numbers, ranks, strict=True)
        ]

    monkeypatch.setattr(calibrate_module.simulation, "run_block", run_block)
    return ran


def test_interrupted_runs_go_on(calibrate, blocks, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        calibrate(simulations=60, store=tmp_path / "new" / "store")
    assert blocks[:30] == list(range(30))
    blocks.clear()
    c = calibrate(simulations=55, store=tmp_path / "new" / "store")
    assert blocks == list(range(30, 55))
    assert c.ranks.index.tolist() == list(range(55))
    blocks.clear()
    more = calibrate(simulations=60, store=tmp_path / "new" / "store", random_seed=None)
    assert blocks == list(range(55, 60))
    assert more.random_seed == 1
    assert more.ranks.head(55).equals(c.ranks)
    blocks.clear()
    fewer = calibrate(simulations=20, store=tmp_path / "new" / "store")
    assert not blocks
    assert fewer.ranks.equals(c.ranks.head(20))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"law": "kaplan_params"}, r"law \('kaplan_params_irreducible' there, 'kaplan_params' h"),
        ({"draws": 300}, r"draws \(200 there, 300 here\)"),
        ({"random_seed": 2}, "random_seed"),
        ({"flops": [1e24, 1e25]}, "flops"),
        ({"priors": {"sigma": bs.Prior.between(0.001, 0.1)}}, "formula, priors or runs"),
    ],
)
def test_stores_of_other_models_are_refused(calibrate, blocks, tmp_path, other, message):
    calibrate(simulations=10, store=tmp_path)
    blocks.clear()
    with pytest.raises(FileError, match=message):
        calibrate(**{"simulations": 10, "store": tmp_path} | other)
    assert not blocks


def test_broken_stores_say_so(calibrate, blocks, tmp_path):
    calibrate(simulations=10, store=tmp_path)
    (block,) = tmp_path.glob("simulations-*.json")
    kept = block.read_text()
    block.write_text(kept[:50])
    with pytest.raises(FileError, match="cannot be read"):
        calibrate(simulations=10, store=tmp_path)
    block.write_text(json.dumps([{"rank": 1}]))
    with pytest.raises(FileError, match="another version"):
        calibrate(simulations=10, store=tmp_path)
    with pytest.raises(FileError, match="Cannot make the folder"):
        calibrate(simulations=10, store=block / "inside")


def test_ranks_do_not_depend_on_how_they_were_come_by(calibrate, tmp_path):
    at_once = calibrate(simulations=13)
    calibrate(simulations=10, store=tmp_path)
    later = calibrate(simulations=13, store=tmp_path)
    assert later.ranks.equals(at_once.ranks)
    assert (later.fits["r_hat"] == at_once.fits["r_hat"]).all()
