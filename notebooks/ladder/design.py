"""The design, stated before the ladder was trained: which runs there are, and why.

Pilots, not in the table, with learning rates that were not tuned:

* of issue 17, on other text: the best ln L of a level falls by .098, .121, .140 in half decades of
  compute for bytes in a context of 128; by .072, .075, .086, .106 for 1,024 tokens in 128; by .064,
  .076, .076, .075, .084 for 1,024 tokens in 32. So loss falls nearly as a power law where networks
  have little context to learn to copy from;
* on this text, 1,024 tokens, from 1e11 to 1e12 FLOP: .068, .074 in a context of 16; .077, .074 in
  32 (the largest size tried was the best); .079, .075 in 64. That tells none of them apart, so the
  context is 32. A vocabulary of 512 was to be tried and was not, for want of time;
* the best sizes there have 4e4 parameters at 1e11 FLOP, and 1.0e5 to 1.6e5 at 1e12.

The design:

* Nine levels of compute, half a decade apart, from 1e11 to 1e15 FLOP (6ND with all parameters). Two
  of them, 3.2e14 and 1e15, were added when a GPU was at hand and the levels up to 1e12 alone had
  been trained. These two are meant for hold-out: nothing is tuned on them, and no level is left out
  after looking.
* Seven sizes a level, on both sides of the optimum that the pilots suggest. No run of the grid sees
  a token twice.
* Every fourth cell has three seeds, so that the noise between runs is known.
* Sixteen runs repeat their data 2 to 16 times.
* The batch grows with the square root of the tokens: at this scale small batches win.
* The learning rate is tuned for each size at two lengths: at the lowest level that uses the size,
  and up to three levels higher, at 1e14 FLOP at most. Between them, and beyond the longer, its
  logarithm is linear in that of the tokens.
* Levels are trained from the lowest up, of each first the sizes that are tuned already; then first
  the grid, then more seeds, then the runs of repeated data that cost no more.
"""

import math
from dataclasses import dataclass, replace
from itertools import product

from run import Run
from shapes import CONTEXT, Shape

LEVELS = {  # name: FLOP, 6ND with all parameters
    "1.0e11": 1e11,
    "3.2e11": 10**11.5,
    "1.0e12": 1e12,
    "3.2e12": 10**12.5,
    "1.0e13": 1e13,
    "3.2e13": 10**13.5,
    "1.0e14": 1e14,
    "3.2e14": 10**14.5,
    "1.0e15": 1e15,
}
SHAPES = [  # 1.5e3 to 1.3e7 parameters in the blocks, 9.7e3 to 1.3e7 in all
    Shape(8, 2),
    Shape(12, 2),
    Shape(16, 2),
    Shape(24, 2),
    Shape(32, 2),
    Shape(40, 2),
    Shape(48, 2),
    Shape(64, 2),
    Shape(64, 3),
    Shape(80, 3),
    Shape(96, 4),
    Shape(128, 4),
    Shape(160, 4),
    Shape(192, 4),
    Shape(256, 4),
    Shape(320, 4),
    Shape(384, 5),
    Shape(448, 5),
]
SIZES = {  # level: first and last of SHAPES
    "1.0e11": (0, 6),
    "3.2e11": (2, 8),
    "1.0e12": (3, 9),
    "3.2e12": (4, 10),
    "1.0e13": (5, 11),
    "3.2e13": (6, 12),
    "1.0e14": (7, 13),
    "3.2e14": (9, 15),
    "1.0e15": (11, 17),
}
SEEDED = 4  # every so many-th cell of the grid has three seeds
REPEATED_SHAPES = (Shape(24, 2), Shape(64, 2))
REPEATED_TOKENS = (2**18, 2**20)  # unique
REPEATED_EPOCHS = (2, 4, 8, 16)
TUNING_SEED = 1000  # not that of any run in the table: its noise must not choose its own rate
TUNED_UP_TO = "1.0e14"
LONGER = 3  # levels between the two lengths of tuning
PARTS = ("grid", "seeds", "repeated")


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

    @property
    def stage(self) -> str:
        """The level that it is trained with: the first that costs as much."""
        flop = 6 * self.shape.total * self.tokens
        return next(name for name, most in LEVELS.items() if flop < 1.01 * most)

    def run(self, learning_rate: float) -> Run:
        """Return the run: the tokens of a batch are near the square root of all."""
        sequences = max(4, round(math.sqrt(self.tokens) / CONTEXT))
        steps = round(self.tokens / (sequences * CONTEXT))
        return Run(self.shape, steps, sequences, self.seed, learning_rate, self.epochs)


def design() -> list[Cell]:
    """Return all cells, in the order of training."""
    grid = [
        Cell(f"c{level}-{shape.name}-s0", "grid", level, shape, tokens=flop / (6 * shape.total))
        for level, flop in LEVELS.items()
        for shape in sizes(level)
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
    place = {each: number for number, each in enumerate(product(LEVELS, PARTS))}
    return sorted(grid + seeds + repeated, key=lambda cell: place[cell.stage, cell.part])


def sizes(level: str) -> list[Shape]:
    """Return the sizes of a level."""
    first, last = SIZES[level]
    return SHAPES[first : last + 1]


def tuning_cells() -> list[Cell]:
    """Return what learning rates are tuned on: a short run and a long one of every shape."""
    names = list(LEVELS)
    highest = names.index(TUNED_UP_TO)
    cells = []
    for shape in SHAPES:
        used = [number for number, name in enumerate(names) if shape in sizes(name)]
        short = min(used[0], highest - 1)
        long = min(max(used[-1], short + 1), short + LONGER, highest)
        for name in (names[short], names[long]):
            tokens = LEVELS[name] / (6 * shape.total)
            cells.append(Cell(f"{shape.name}-{name}", "tuning", name, shape, tokens, TUNING_SEED))
    return cells
