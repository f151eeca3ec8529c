"""Evidence of Kaplan's and Chinchilla's laws on public ladders, by bridge sampling.

Usage: python tests/benchmarks/evidence.py DATA_ROOT [DISCREPANCY] [LADDERS]

DISCREPANCY is none (default) or drift; LADDERS is how many to look at. Porian's runs come under
three counts of parameters, and those that repeat Kaplan's set-up are clustered: one training was
read at several budgets.
"""

import sys
import time
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pandas as pd

import bayesscale as bs

LAWS = ("kaplan", "kaplan_irreducible", "chinchilla", "unified")
COUNTS = {"n_params": "total", "n_params_nonembed": "non_embedding", "n_params_asfit": "other"}


def ladders(root: Path) -> Iterator[tuple[str, bs.Runs]]:
    table = pd.read_csv(root / "chinchilla_epoch" / "runs.csv")
    yield "chinchilla 240", bs.Runs.from_frame(table[table.outlier_besiroglu == 0])
    for corpus, rows in pd.read_csv(root / "gadre2024" / "runs.csv").groupby("dataset"):
        yield f"gadre {corpus}", bs.Runs.from_frame(rows)
    table = pd.read_csv(root / "muennighoff2023" / "runs.csv")
    once = table[(table.epochs <= 1.05) & (table.in_sldbench_182 == 1)]
    yield "muennighoff one epoch", bs.Runs.from_frame(once, params="n_params", tokens="n_tokens")
    table = pd.read_csv(root / "porian2024" / "runs.csv")
    for experiment in ("1_reproduce_kaplan", "5_tuned_optimizer"):
        chosen = table[(table.experiment == experiment) & (table.dataset == "rw")]
        chosen = chosen[chosen.loss < 5].assign(training=lambda rows: rows.n_params.astype(str))
        for column, count in COUNTS.items():
            cluster = "training" if experiment.startswith("1") else None
            yield f"porian {experiment}, {column}", bs.Runs.from_frame(
                chosen[[column, "n_tokens", "loss", "training"]], params=column, tokens="n_tokens",
                param_count=count, cluster=cluster,
            )  # fmt: skip


def main() -> None:
    root, *rest = sys.argv[1:]
    discrepancy = "drift" if "drift" in rest else None
    warnings.simplefilter("ignore", bs.BayesScaleWarning)
    pd.set_option("display.width", 200)
    for name, runs in islice(ladders(Path(root)), int(rest[1]) if len(rest) > 1 else None):
        rows = {}
        for law in LAWS:
            start = time.perf_counter()
            fit = bs.fit(runs, law=law, discrepancy=discrepancy, random_seed=1, progress=False)
            row = {"sampling s": time.perf_counter() - start, "said": _said(fit)}
            start = time.perf_counter()
            try:
                found = bs.evidence(fit, progress=False)
            except bs.BayesScaleError as error:
                row["said"] += f"; {error}"[:60]
            else:
                row |= {"ln Z": found.log_evidence, "mcse": found.mcse}
                row["evidence s"] = time.perf_counter() - start
                split = fit.summary().loc["params_exponent"]
                row["a"] = f"{split['median']:.3f} ({split['lower']:.3f}-{split['upper']:.3f})"
            rows[law] = row
        table = pd.DataFrame(rows).T
        if "ln Z" in table:
            table.insert(0, "ln BF", table["ln Z"] - table["ln Z"].max())
        print(
            f"\n{name}, {len(runs)} runs\n{table.to_string(float_format='{:.3f}'.format)}",
            flush=True,
        )


def _said(fit: bs.Fit) -> str:
    return ", ".join(check.name for check in fit.checks if not check.passed)


if __name__ == "__main__":
    main()
