"""Why Kaplan found N* ∝ C^.73 and Hoffmann C^.50: both from posteriors, on real runs.

Usage: python tests/benchmarks/reconciliation.py DATA_ROOT

DATA_ROOT holds chinchilla_epoch/ and porian2024/. First, Chinchilla's law is fitted to Hoffmann's
runs, and asked how N* grows with compute where both are counted without embeddings and N runs over
Kaplan's range, 768 to 1.5e9 (Pearce & Song 2024, arXiv:2406.12907). Then the runs of Porian et al.
(2024, arXiv:2406.19146) are fitted step by step as their study corrects Kaplan's setting, in both
corpora, and the exponent of N* over their budgets is compared with theirs.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

import bayesscale as bs

QUIET = {"progress": False, "random_seed": 1, "draws": 500, "tune": 700}
KAPLAN_RANGE = (768, 1.5e9)
SIZES = 20

PUBLISHED = {
    ("rw", "1_reproduce_kaplan"): (0.835, 0.824, 0.846),
    ("rw", "2_count_last_layer"): (0.706, 0.691, 0.717),
    ("rw", "3_correct_warmup"): (0.602, 0.591, 0.617),
    ("rw", "4_cosine_decay"): (0.571, 0.560, 0.589),
    ("rw", "5_tuned_optimizer"): (0.497, 0.491, 0.505),
    ("rw", "kaplan_adjusted_tuned"): (0.711, 0.703, 0.721),
    ("owt2", "1_reproduce_kaplan"): (0.864, 0.819, 0.897),
    ("owt2", "2_count_last_layer"): (0.699, 0.664, 0.724),
    ("owt2", "3_correct_warmup"): (0.603, 0.570, 0.629),
    ("owt2", "4_cosine_decay"): (0.574, 0.542, 0.606),
    ("owt2", "5_tuned_optimizer"): (0.518, 0.493, 0.541),
}
"""Exponent of N*(C) with its 95 % bootstrap interval, table 1 of Porian et al."""

CONSTANTS = {
    "Hoffmann et al. as printed": (1.69, 406.4, 410.7, 0.34, 0.28),
    "Besiroglu et al.": (1.8172, 482.01, 2085.43, 0.3478, 0.3658),
}

NEAR = 0.05
"""Runs within this share of the lowest loss of their budget are fitted: where its minimum is."""


def chinchilla_fit(root: Path) -> bs.Fit:
    """Fit Chinchilla's law, taken for true, to the 240 runs of the replication."""
    table = pd.read_csv(next((root / "chinchilla_epoch").glob("*.csv")))
    runs = bs.Runs.from_frame(table[table.outlier_besiroglu == 0], params="n_params",
                              tokens="n_tokens", loss="loss")  # fmt: skip
    return bs.fit(runs, law="chinchilla", discrepancy=None, **QUIET)


def kaplan_view(fit: bs.Fit, share: bs.EmbeddingShare | None = None) -> np.ndarray:
    """Return draws of the exponent of N* in C, both without embeddings, over Kaplan's sizes."""
    counting = bs.Counting("non_embedding", share or bs.EmbeddingShare())
    # budgets wide enough that every draw's frontier passes through all of Kaplan's sizes
    flops = np.geomspace(1e9, 1e24, 121)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bs.BayesScaleWarning)  # far below the runs: a thought
        answer = bs.allocate(fit, flops=flops, terms=bs.Terms(counting=counting))
    log_n = np.log(answer.draws["params"].to_numpy().reshape(-1, len(flops)))
    return np.array([_slope_by_size(own, np.log(flops)) for own in log_n])


def _slope_by_size(log_n: np.ndarray, log_c: np.ndarray) -> float:
    """Regress ln N* on ln C at sizes evenly spaced in ln N over Kaplan's range."""
    sizes = np.linspace(*np.log(KAPLAN_RANGE), SIZES)
    return float(np.polyfit(np.interp(sizes, log_n, log_c), sizes, 1)[0])


def at_published(_e: float, a: float, b: float, alpha: float, beta: float, sizes: int = SIZES):
    """Return the same exponent at published constants, as Pearce & Song derive it.

    Along the frontier D = [βB/(αAε)]^(1/β) N_T^(α/β), with ε = d ln N_T/d ln N.
    """
    share = bs.EmbeddingShare()
    inner = np.geomspace(*KAPLAN_RANGE, sizes)
    total = share.total(inner)
    elasticity = (inner + share.omega * np.cbrt(inner) / 3) / total
    tokens = (beta * b / (alpha * a * elasticity)) ** (1 / beta) * total ** (alpha / beta)
    return float(np.polyfit(np.log(6 * inner * tokens), np.log(inner), 1)[0])


def step_runs(table: pd.DataFrame, dataset: str, experiment: str, near: float = NEAR) -> bs.Runs:
    """Return the runs of one step of the study near the minima of their budgets."""
    rows = table[(table.dataset == dataset) & (table.experiment == experiment)]
    lowest = rows.groupby("flops")["loss"].transform("min")
    rows = rows[rows.loss <= lowest * (1 + near)]
    # readings of one run at several budgets share its luck; with cosine decay all runs are apart
    model = rows.width.astype(str) + "x" + rows.depth.astype(str)
    rows = rows.assign(model=model)
    count = {"kaplan": "non_embedding", "standard": "other"}[rows.param_count.iloc[0]]
    cluster = {} if (rows.decay == "chinchilla").all() else {"cluster": "model"}
    return bs.Runs.from_frame(rows, params="n_params_asfit", tokens="n_tokens", loss="loss",
                              flop_rule="6ND", param_count=count, **cluster)  # fmt: skip


def resolved_budgets(table: pd.DataFrame, dataset: str, experiment: str) -> np.ndarray:
    """Return the budgets whose lowest loss is not that of the smallest or the largest model."""
    rows = table[(table.dataset == dataset) & (table.experiment == experiment)]
    kept = []
    for flops, budget in rows.groupby("flops"):
        sizes = budget.sort_values("n_params_asfit")["loss"].to_numpy()
        if 0 < sizes.argmin() < len(sizes) - 1:
            kept.append(flops)
    return np.array(kept)


def exponent(fit: bs.Fit, flops: np.ndarray) -> np.ndarray:
    """Return draws of the slope of ln N* in ln C over budgets."""
    answer = bs.allocate(fit, flops=flops)
    log_n = np.log(answer.draws["params"].to_numpy().reshape(-1, len(flops)))
    log_c = np.log(flops) - np.log(flops).mean()
    return log_n @ log_c / (log_c @ log_c)


def walk(root: Path, **model) -> pd.DataFrame:
    """Fit every step in both corpora; one row a step."""
    table = pd.read_csv(root / "porian2024" / "runs.csv")
    rows = []
    for (dataset, step), (a, low, high) in PUBLISHED.items():
        start = time.process_time()
        runs = step_runs(table, dataset, step)
        budgets = resolved_budgets(table, dataset, step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", bs.BayesScaleWarning)
            fit = bs.fit(runs, **{"law": "unified", **QUIET, **model})
            draws = exponent(fit, budgets)
        q = np.nanquantile(draws, [0.5, 0.025, 0.975])
        rows.append((dataset, step, len(runs), len(budgets), a, low, high, *q, fit.severity,
                     time.process_time() - start))  # fmt: skip
    columns = ["corpus", "step", "runs", "budgets", "published", "lower", "upper", "ours",
               "ours_lower", "ours_upper", "verdict", "CPU s"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).set_index(["corpus", "step"])


def main() -> None:
    root = Path(sys.argv[1])
    pd.set_option("display.width", 160)
    fit = chinchilla_fit(root)
    a = fit.draws["posterior"]["params_exponent"].to_numpy().ravel()
    counted = kaplan_view(fit)
    for what, draws in (("total parameters", a), ("Kaplan's counting and sizes", counted)):
        middle, low, high = np.quantile(draws, [0.5, 0.025, 0.975])
        print(f"exponent of N*, {what}: {middle:.3f} (95 %: {low:.3f}-{high:.3f})")
    for name, constants in CONSTANTS.items():
        print(f"at the constants of {name}: {at_published(*constants):.3f}")
    print(walk(root).round(3).to_string())


if __name__ == "__main__":
    main()
