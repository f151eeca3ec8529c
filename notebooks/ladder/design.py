"""The design, stated before the ladder was trained: which runs there are, and why.

It rests on a pilot of 49 runs (five widths at 1e10 and 1e11 FLOP, four learning rates, batches of
half and twice the size), which are not in the table.

* Seven levels of compute, half a decade apart, from 1e10 to 1e13 FLOP (6ND with all
  parameters). The top level is meant for hold-out.
* Six to eight sizes a level, on both sides of the optimum that the pilot suggested (16 tokens a
  parameter at 1e10 FLOP, 30 at 1e11). No run of the grid sees a byte twice.
* Every fourth cell has three seeds, so that the noise between runs is known.
* Sixteen runs repeat their data 2 to 16 times.
* The batch grows with the square root of the tokens: at this scale small batches win, and a run
  needs some hundreds of steps.
"""

import math
from dataclasses import dataclass, replace

from run import Run
from shapes import CONTEXT, Shape

LEVELS = {  # name: FLOP, 6ND with all parameters
    "1.0e10": 1e10,
    "3.2e10": 10**10.5,
    "1.0e11": 1e11,
    "3.2e11": 10**11.5,
    "1.0e12": 1e12,
    "3.2e12": 10**12.5,
    "1.0e13": 1e13,
}
SHAPES = [  # 1.5e3 to 3.9e6 parameters in the blocks
    Shape(8, 2),
    Shape(12, 2),
    Shape(16, 2),
    Shape(24, 2),
    Shape(32, 2),
    Shape(48, 2),
    Shape(64, 2),
    Shape(64, 4),
    Shape(96, 4),
    Shape(128, 4),
    Shape(192, 4),
    Shape(256, 5),
]
SIZES = {  # level: first and last of SHAPES
    "1.0e10": (0, 5),
    "3.2e10": (0, 6),
    "1.0e11": (0, 7),
    "3.2e11": (2, 8),
    "1.0e12": (3, 9),
    "3.2e12": (4, 10),
    "1.0e13": (5, 11),
}
SEEDED = 4  # every so many-th cell of the grid has three seeds
REPEATED_SHAPES = (Shape(16, 2), Shape(64, 2))
REPEATED_TOKENS = (2**17, 2**19)  # unique
REPEATED_EPOCHS = (2, 4, 8, 16)
TUNING_SEED = 1000  # not that of any run in the table: its noise must not choose its own rate
TUNED_BELOW = "1.0e13"  # no rate is chosen by looking at the level that is held out


@dataclass(frozen=True)
class Cell:
    """One run of the design, without its learning rate.

    Attributes
    ----------
    name
        The run's identifier in the table.
    part
        ``grid``, ``seeds`` (the second and third of a cell) or ``repeated``.
    level
        Name of the level of compute; empty for repeated data.
    shape, tokens, seed, epochs
        What to train: ``tokens`` are seen, ``tokens / epochs`` of them are different.
    """

    name: str
    part: str
    level: str
    shape: Shape
    tokens: float
    seed: int = 0
    epochs: int = 1

    def run(self, learning_rate: float) -> Run:
        """Return the run: the batch is the power of two nearest the square root of the tokens."""
        sequences = max(4, 2 ** round(math.log2(math.sqrt(self.tokens) / CONTEXT)))
        steps = round(self.tokens / (sequences * CONTEXT))
        return Run(self.shape, steps, sequences, self.seed, learning_rate, self.epochs)


def design() -> list[Cell]:
    """Return all cells, the cheapest first."""
    grid = [
        Cell(f"c{level}-{shape.name}-s0", "grid", level, shape, tokens=flop / (6 * shape.total))
        for level, flop in LEVELS.items()
        for shape in SHAPES[SIZES[level][0] : SIZES[level][1] + 1]
    ]
    seeds = [
        replace(cell, name=f"{cell.name[:-1]}{seed}", part="seeds", seed=seed)
        for cell in grid[1::SEEDED]
        for seed in (1, 2)
    ]
    repeated = [
        Cell(
            f"u{unique}x{epochs}-{shape.name}-s0",
            "repeated",
            "",
            shape,
            tokens=unique * epochs,
            epochs=epochs,
        )
        for shape in REPEATED_SHAPES
        for unique in REPEATED_TOKENS
        for epochs in REPEATED_EPOCHS
    ]
    return sorted(
        grid + seeds + repeated,
        key=lambda cell: (round(cell.shape.total * cell.tokens, -3), cell.shape.total, cell.seed),
    )


def tuning_cells() -> list[Cell]:
    """Return, for every shape, what its learning rate is tuned on: its lowest level.

    The largest shape is in the top level alone, and is tuned one level below.
    """
    names = list(LEVELS)
    cells = []
    for number, shape in enumerate(SHAPES):
        level = next(name for name in names if SIZES[name][0] <= number <= SIZES[name][1])
        level = names[min(names.index(level), names.index(TUNED_BELOW) - 1)]
        tokens = LEVELS[level] / (6 * shape.total)
        cells.append(Cell(f"tuning-{shape.name}", "tuning", level, shape, tokens, TUNING_SEED))
    return cells
