"""Laws beside the plain one: does the extension pay, in evidence and on held-out runs.

    python tests/benchmarks/new_laws.py repeated RUNS.csv [splits, compute10,compute4,compute30,...]
    python tests/benchmarks/new_laws.py code
    python tests/benchmarks/new_laws.py kaplan RUNS.csv
    python tests/benchmarks/new_laws.py routed RUNS.csv
    python tests/benchmarks/new_laws.py precision RUNS.csv

``repeated``: the runs of Muennighoff et al. (2023), a table with n_params, n_tokens, unique_tokens,
epochs, loss, variant, opt_variant, seed, in_sldbench_182. Kept are standard runs, one seed, of at
most 60 epochs and a loss below 4.5; of the split "paper" the 182 of the paper. A split holds out
all within a factor of the largest compute; "epochs8", all of more than 8 epochs.

``code``: the package's own ladder, of at most 4 epochs, with 8 and 16 held out.

``kaplan``: tokens without overfitting, and the frontier over converged loss, of the runs of
Hoffmann et al. (2022) without five outliers, of laws taken as exact and with a drift.

``routed``, ``precision``: on the runs of Clark et al. (2022), one expert a token and half of the
layers, the largest size held out; and on those of Panferov et al. (2025), all above 103M parameters
held out.
"""

import sys
import time
import warnings
from itertools import product

import numpy as np
import pandas as pd

import bayesscale as bs
from tests.benchmarks._common import fitted
from tests.laws.families import Bilinear

LAWS = ("unified", "muennighoff", "data_constrained")
SPLITS = ("compute10", "compute4", "compute30", "epochs8", "paper")
ASKED = ("token_decay", "param_decay", "overfitting", "overfitting_N", "overfitting_U")


def runs_of(frame: pd.DataFrame) -> bs.Runs:
    columns = ["n_params", "n_tokens", "unique_tokens", "loss"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bs.Runs.from_frame(
            frame[columns], inputs={"unique_tokens": "unique_tokens"}
        )  # fmt: skip


def scored(fit: bs.Fit, frame: pd.DataFrame) -> dict[str, float]:
    """Return mean and median CRPS, and the share that intervals of 50 and 90 % cover."""
    names = {"params": "n_params", "tokens": "n_tokens"}
    further = ("unique_tokens", "experts", "method", "weight_bits", "activation_bits")
    names |= {k: k for k in further}
    at = {k: frame[column].to_numpy() for k, column in names.items() if k in fit.law.quantities}
    loss = bs.extrapolate(fit, **at).draws["loss"].values.reshape(-1, len(frame))
    y = frame["loss"].to_numpy()
    half = loss.shape[0] // 2
    # E|X - y| - E|X - X'| / 2 from two halves of the draws; tails beyond guessing do not count
    loss = np.minimum(loss, 12.0)
    own = np.abs(loss - y).mean(axis=0)
    own -= np.abs(loss[:half] - loss[half : 2 * half][::-1]).mean(axis=0) / 2
    row = {"crps": own.mean(), "median": np.median(own)}
    for level in (50, 90):
        low, high = np.quantile(loss, [0.5 - level / 200, 0.5 + level / 200], axis=0)
        row[f"covers{level}"] = ((low <= y) & (y <= high)).mean()
    return row


def judged(name: str, train: pd.DataFrame, test: pd.DataFrame | None) -> pd.DataFrame:
    """Fit every law, and return a row each."""
    rows = []
    for law in LAWS:
        start = time.monotonic()
        fit = fitted(runs_of(train), law=law)
        row: dict[str, object] = {"split": name, "law": law, "runs": len(train)}
        row["log_evidence"] = evidence(fit)
        if test is not None and len(test):
            row |= {"held_out": len(test), **scored(fit, test)}
        for k in (k for k in ASKED if k in fit.coordinates):
            low, middle, high = np.quantile(fit.coordinates[k], [0.05, 0.5, 0.95])
            row[k] = f"{middle:.3g} ({low:.3g}-{high:.3g})"
        rows.append(row | {"severity": fit.severity, "seconds": time.monotonic() - start})
    table = pd.DataFrame(rows)
    table.insert(3, "ln_bf", table["log_evidence"] - table["log_evidence"][0])
    print(table.round(4).to_string(index=False), "\n", flush=True)
    return table


def kept(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the standard runs of one seed without the most overfitted."""
    plain = (frame["variant"] == "standard") & (frame["opt_variant"] == "none")
    one = frame["seed"].isna() | (frame["seed"] == 1)
    return frame[plain & one & (frame["epochs"] < 60.01) & (frame["loss"] < 4.5)]


def repeated(path: str, splits: tuple[str, ...]) -> None:
    """Judge the laws of repeated data on every split."""
    every = pd.read_csv(path)
    for split in splits:
        frame = every[every["in_sldbench_182"] == 1] if split == "paper" else kept(every)
        if split == "all":
            judged(split, frame, None)
            continue
        size = frame["n_params"] * frame["n_tokens"]
        held_out = size > size.max() / float(
            split.removeprefix("compute") if "comp" in split else 10
        )
        if split.startswith("epochs"):
            held_out = frame["epochs"] > float(split.removeprefix("epochs")) + 0.01
        judged(split, frame[~held_out], frame[held_out])


def code() -> None:
    """Judge them on the package's own ladder."""
    table = pd.read_csv(bs.__path__[0] + "/runs/code.csv")
    frame = table.rename(columns={"params": "n_params", "tokens": "n_tokens"})
    frame["epochs"] = frame["n_tokens"] / frame["unique_tokens"]
    held_out = frame["epochs"] > 4.5
    judged("code", frame, None)
    judged("code, 4 epochs", frame[~held_out], frame[held_out])


def kaplan(path: str) -> None:
    """Print Kaplan's other results for laws, exact and drifting."""
    frame = pd.read_csv(path)
    frame = frame[frame["outlier_besiroglu"] == 0]
    runs = bs.Runs.from_frame(frame[["n_params", "n_tokens", "loss"]])
    for law, discrepancy in product(("unified", "chinchilla"), (None, "drift")):
        fit = fitted(runs, law=law, discrepancy=discrepancy)
        print(f"{law}, discrepancy {discrepancy}")
        print(bs.tokens_without_overfitting(fit, params=[1e8, 1e9, 1e10]).summary)
        print(bs.convergence(fit, [1e19, 1e21, 1e24]).summary, "\n", flush=True)


def routed(path: str) -> None:
    """Print evidence, scores and what 512 experts are worth, of every router."""
    frame = pd.read_csv(path).rename(columns={"num_experts": "experts"})
    frame = frame[(frame["k"] == 1) & (frame["routing_frequency"] == 0.5)]
    for router in ("S-Base", "RL-R", "Hash"):
        own = frame[frame["family"].isin([router, "Dense"])]
        large = own["n_params"] > 1e9
        for law, discrepancy in product((bs.LAWS["routed_params"], Bilinear()), (None, "drift")):
            row: dict[str, object] = {"router": router, "law": law.name, "drift": discrepancy}
            for part in (own, own[~large]):
                columns = {"params": part["n_params"], "loss": part["loss"]}
                table = pd.DataFrame(columns | {"experts": part["experts"]})
                runs = bs.Runs.from_frame(table, inputs={"experts": "experts"})
                fit = fitted(runs, law=law, discrepancy=discrepancy)
                if part is own:
                    row |= {"runs": len(own), "log_evidence": evidence(fit), **worth_of(fit)}
            row |= {"held_out": int(large.sum()), **scored(fit, own[large])}
            print(pd.Series(row).to_string(), "\n", flush=True)


def worth_of(fit: bs.Fit) -> dict[str, str]:
    """Return what 512 experts are worth, and Clark's letters in base 10."""
    c = {k: np.ravel(v) for k, v in fit.coordinates.items()}
    start = c["experts_start"]
    most = start + c["experts_span" if "experts_span" in c else "experts_most"]
    worth = np.log(1 / (1 / (511 + 1 / (1 / start - 1 / most)) + 1 / most) / start)
    if "experts_gain" in c:
        letters = {"worth_of_512": np.exp(c["experts_gain"] * worth)}
    else:
        x = c["interaction"]
        letters = {
            "a": -c["slope_N"] - x * np.log(start),
            "b": -c["slope_E"] - x * np.log(fit.spec.reference["params"]),
            "c": x * np.log(10), "E_start": start, "E_max": most,
        }  # fmt: skip
    return {k: "{1:.4g} ({0:.4g}-{2:.4g})".format(*np.quantile(v, [0.05, 0.5, 0.95]))
            for k, v in letters.items()}  # fmt: skip


def evidence(fit: bs.Fit) -> float:
    """Return the log evidence, NaN where it is not known."""
    try:
        return bs.evidence(fit, progress=False).log_evidence
    except bs.BayesScaleError:
        return np.nan


def precision(path: str) -> None:
    """Print evidence, scores and what every method's parameters are worth."""
    frame = pd.read_csv(path)
    names = frame["w_bits"].astype(str) + "/" + frame["a_bits"].astype(str)
    frame["method"] = names + " " + frame["w_quant"] + " " + frame["a_quant"]
    frame = frame.rename(columns={"w_bits": "weight_bits", "a_bits": "activation_bits"})
    four = frame["w_quant"].str.contains("FP4")  # listed with the 16 bits they are stored in
    frame.loc[four, ["weight_bits", "activation_bits"]] = 4
    columns = ["n_params", "n_tokens", "loss", "method", "weight_bits", "activation_bits"]
    large = frame["n_params"] > 103.5e6
    seen = large & frame["method"].isin(frame["method"][~large])
    for law, discrepancy in product(("precision", "precision_methods"), (None, "drift")):
        fit, few = (
            fitted(bs.Runs.from_frame(part[columns], group="method"), law=law,
                   discrepancy=discrepancy)
            for part in (frame, frame[~large])
        )  # fmt: skip
        sigma = float(fit.coordinates["sigma"].median())
        print(f"{law}, {discrepancy}: {len(frame)} runs, sigma {sigma:.4f}, {fit.severity}")
        print(f"  log evidence {evidence(fit):.1f}")
        print(f"  held out {seen.sum()}: {scored(few, frame[seen])}")
        some = seen & (frame["weight_bits"] > 1)
        print(f"  without one bit, {some.sum()}: {scored(few, frame[some])}", flush=True)
        if discrepancy is None:
            worth = bs.effective_params(fit).summary.filter(regex="^(worth|bits)")
            print(worth.round(3).to_string(), flush=True)


def main() -> None:
    warnings.simplefilter("ignore")
    what, *asked = sys.argv[1:]
    if what == "repeated":
        repeated(asked[0], tuple(asked[1].split(",")) if len(asked) > 1 else SPLITS)
    elif what == "code":
        code()
    else:
        {"kaplan": kaplan, "routed": routed, "precision": precision}[what](asked[0])


if __name__ == "__main__":
    main()
