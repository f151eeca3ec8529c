"""What is degenerate about a design: constant inputs, inputs on a line, runs that dominate."""

import numpy as np
import pandas as pd

import bayesscale as bs
from bayesscale.checks.design import check_design, design_flaw
from bayesscale.laws import LAWS
from bayesscale.model import specify
from tests.simulate import repeated_runs

TOTAL = bs.Quantity("n_total", noun="total parameters")


class Sparse(bs.Law):
    """A law of active and total parameters."""

    name = "sparse"
    inputs = ("params", "tokens", TOTAL)
    coordinates = LAWS["unified"].coordinates

    def log_loss(self, c, x, xp):
        return LAWS["unified"].log_loss(c, x, xp)


def routed(experts) -> bs.Runs:
    rng = np.random.default_rng(0)
    n = np.geomspace(1e7, 1e9, 24)
    table = {"params": n, "tokens": n * rng.uniform(5, 100, 24), "experts": np.resize(experts, 24)}
    return bs.Runs.from_frame(table | {"loss": 2 + 300 * n**-0.3})


def test_a_constant_input_is_a_caution():
    spec = specify(routed([64]), law="routed")
    names = {check.name: check for check in check_design(spec, routed([64]))}
    assert "All runs have the same number of experts (64)" in names["constant input"].text
    assert names["constant input"].severity == "caution"
    caveats = [c.text for c in check_design(spec, routed([64])) if c.name == "caveat of the law"]
    assert any("No run is dense" in text for text in caveats)
    found = check_design(specify(routed([1, 64]), law="routed"), routed([1, 64]))
    assert not any("dense" in check.text or check.name == "constant input" for check in found)


def test_any_two_inputs_may_lie_on_a_line():
    runs = routed([1, 8])
    frame = runs.to_frame()[["params", "tokens", "loss"]]
    rng = np.random.default_rng(1)
    for scatter, text in ((0.01, "cannot be told apart"), (0.1, "can hardly be told apart")):
        total = 9 * frame["params"] ** 1.2 * np.exp(scatter * rng.standard_normal(len(frame)))
        flaw = design_flaw(
            bs.Runs.from_frame(frame.assign(n_total=total), inputs={TOTAL: "n_total"}), Sparse()
        )
        assert f"effects of parameters and total parameters {text}" in flaw


def test_sparsity_of_public_routed_runs_is_not_identified(ladders):
    flame = pd.read_csv(ladders / "flame_moe2025" / "runs.csv")
    runs = bs.Runs.from_frame(
        flame[["n_params", "n_tokens", "loss", "n_total"]], inputs={TOTAL: "n_total"}
    )
    assert "parameters and total parameters can hardly be told apart" in design_flaw(runs, Sparse())
    sweep = pd.read_csv(ladders / "steplaw_moe2025" / "runs.csv")
    best = sweep.loc[sweep.groupby(["n_active", "n_tokens"])["loss"].idxmin()]
    runs = bs.Runs.from_frame(
        best[["n_active", "n_tokens", "loss", "n_total"]], params="n_active",
        inputs={TOTAL: "n_total"},
    )  # fmt: skip
    assert "the same number of total parameters" in design_flaw(runs, Sparse())


def test_runs_that_dominate_laws_of_repeated_data_are_named():
    runs = repeated_runs()
    runs = runs.select(runs.loss < 4.5)
    assert not any("dominate" in check.text for check in check_design(
        specify(runs, law="data_constrained"), runs
    ))  # fmt: skip
    frame = runs.to_frame().drop(columns=["flops", "epochs"], errors="ignore")
    frame = frame.reset_index(drop=True)
    frame.loc[3, "unique_tokens"] = frame.loc[3, "tokens"] / 100
    frame.loc[5, "loss"] = 5.0
    worse = bs.Runs.from_frame(frame, inputs={"unique_tokens": "unique_tokens"})
    for law in ("data_constrained", "muennighoff"):
        found = check_design(specify(worse, law=law), worse)
        (caveat,) = (check for check in found if check.name == "caveat of the law")
        assert "2 runs: 3, 5" in caveat.text
