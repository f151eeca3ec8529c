"""Rebuild the embedded ladder: ``python notebooks/ladder``.

Stop it whenever you like: what is finished is in the table, and the same command goes on from
there.
"""

import argparse
import functools
import math
import os
import sys
import time
from pathlib import Path
from statistics import mean, variance

from corpus import read_corpus
from design import LEVELS, Cell, design, sizes, tuning_cells
from run import Outcome
from tables import Row, Table
from tune import rate_at
from workers import SETTINGS, in_parallel, train_here, tune_here

HERE = Path(__file__).parent
TABLE = HERE.parents[1] / "bayesscale" / "runs" / "code.csv"
RATES = HERE / "learning_rates.csv"
NOT_THE_SAME = 4.0


def main() -> None:
    """Train what the table lacks, level by level, or one run alone with ``--only``."""
    options = read_options()
    if options.only:
        rerun(named(options.only, design()), options.device)
        return
    start = time.perf_counter()
    read_corpus()  # made once, not by every worker
    for level in LEVELS:
        train_level(level, options, start)  # sizes that lower levels have tuned
        tune_level(level, options, start)
        train_level(level, options, start)


def tune_level(level: str, options: argparse.Namespace, start: float) -> None:
    """Tune the sizes of a level at both lengths, where that is not done."""
    rates = Table(RATES, "tuning")
    order = list(tuning_cells())
    untuned = [cell for cell in order if cell.shape in sizes(level) and cell.name not in rates]
    tune = functools.partial(tune_here, device=options.device)
    for cell, (rate, tried) in in_parallel(tune, untuned, options.workers):
        rates.add(rate_row(cell, rate, tried), order=[each.name for each in order])
        say(start, f"tuned {cell.name}: {rate:.4g}")


def train_level(level: str, options: argparse.Namespace, start: float) -> None:
    """Train the runs of a level that the table lacks, of the sizes that are tuned."""
    cells, table, tuned = design(), Table(TABLE, "run_id"), tuned_rates()
    work = [
        (cell, rate_at(cell.tokens, tuned[cell.shape.name]))
        for cell in cells
        if cell.stage == level and cell.name not in table and cell.shape.name in tuned
    ]
    train = functools.partial(train_here, device=options.device)
    for (cell, rate), outcome in in_parallel(train, work, options.workers):
        table.add(run_row(cell, rate, outcome), order=[each.name for each in cells])
        say(start, f"{len(table.rows)} of {len(cells)}: {cell.name} {outcome.loss:.4f} nats/token")


def tuned_rates() -> dict[str, dict[float, float]]:
    """Return the rates of each shape that is tuned at both lengths, by the number of tokens."""
    rates: dict[str, dict[float, float]] = {}
    for row in Table(RATES, "tuning").rows.values():
        rates.setdefault(row["shape"], {})[float(row["tokens"])] = float(row["learning_rate"])
    return {shape: tuned for shape, tuned in rates.items() if len(tuned) == 2}


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", metavar="RUN_ID", help="train this run and print it beside its row"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="runs at a time")
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="a core a run, or a GPU"
    )
    return parser.parse_args()


def named(name: str, cells: list[Cell]) -> Cell:
    """Return the cell of a name, or stop with the names there are."""
    for cell in cells:
        if cell.name == name:
            return cell
    sys.exit(f"no run is called {name!r}; there are: {', '.join(cell.name for cell in cells)}")


def rerun(cell: Cell, device: str) -> None:
    """Train one run as the table says it was, and say whether it comes to the same.

    On another machine sums are rounded otherwise, and the two may part as two seeds do.
    """
    from train import train

    rows = Table(TABLE, "run_id").rows
    if cell.name not in rows:
        sys.exit(f"{cell.name} is not in {TABLE} yet: run this without --only first")
    row = rows[cell.name]
    outcome = train(cell.run(float(row["learning_rate"])), read_corpus(), device)
    apart = abs(math.log(outcome.loss / float(row["loss"]))) / (math.sqrt(2) * seed_noise(rows))
    print(
        f"{cell.name}: {outcome.loss:.6f} nats/token now, {row['loss']} in the table: "
        f"{apart:.2f} standard deviations of the difference of two seeds apart"
    )
    if apart > NOT_THE_SAME:
        sys.exit(f"More than {NOT_THE_SAME} is not noise: something differs from what was trained.")


def seed_noise(rows: dict[str, Row]) -> float:
    """Return the standard deviation of log loss between seeds, pooled over cells with several."""
    cells: dict[str, list[float]] = {}
    for name, row in rows.items():
        cells.setdefault(name.rpartition("-s")[0], []).append(math.log(float(row["loss"])))
    return math.sqrt(mean(variance(each) for each in cells.values() if len(each) > 1))


def rate_row(cell: Cell, rate: float, tried: dict[float, float]) -> dict[str, object]:
    """Return a row of the table of learning rates."""
    return {
        "tuning": cell.name,
        "shape": cell.shape.name,
        "level": cell.level,
        "learning_rate": f"{rate:.6g}",
        "tokens": cell.run(rate).tokens,
        "tried": " ".join(f"{each:.6g}:{tried[each]:.5f}" for each in sorted(tried)),
    }


def run_row(cell: Cell, rate: float, outcome: Outcome) -> dict[str, object]:
    """Return a row of the ladder."""
    run, shape = cell.run(rate), cell.shape
    flop = {name: per_token * run.tokens for name, per_token in shape.flop_per_token().items()}
    return {
        "run_id": cell.name,
        "part": cell.part,
        "level": cell.level,
        "params": shape.total,
        "params_non_embedding": shape.non_embedding,
        "tokens": run.tokens,
        "unique_tokens": outcome.unique_tokens,
        "loss": f"{outcome.loss:.6f}",
        "bits_per_byte": f"{outcome.loss / math.log(2) / outcome.bytes_per_token:.6f}",
        "bytes_per_token": f"{outcome.bytes_per_token:.6f}",
        "evaluation_se": f"{outcome.evaluation_se:.6f}",
        "seed": run.seed,
        "width": shape.width,
        "depth": shape.depth,
        "heads": shape.heads,
        "learning_rate": f"{rate:.6g}",
        "batch_tokens": run.tokens // run.steps,
        "steps": run.steps,
        "flops_6nd": 6 * shape.total * run.tokens,
        "flops_exact": sum(flop.values()),
        **{f"flops_{name}": each for name, each in flop.items()},
        "processor": outcome.processor,
        "seconds": f"{outcome.seconds:.1f}",
    }


def say(start: float, text: str) -> None:
    """Print a line of progress."""
    print(f"[{(time.perf_counter() - start) / 60:5.1f} min] {text}", flush=True)


if __name__ == "__main__":
    os.environ.update(SETTINGS)
    main()
