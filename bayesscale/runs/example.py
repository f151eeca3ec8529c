"""The embedded ladder: runs that this project trained, free to use and to rebuild."""

from pathlib import Path
from typing import Literal

import pandas as pd

from bayesscale import _arguments
from bayesscale.runs.table import Runs

TABLE = Path(__file__).with_name("example.csv")

LEAST_FLOPS = 3e11
"""Below this level loss does not fall as any law here says, and checks of a fit say so."""

_COUNTS = {"total": "params", "non_embedding": "params_non_embedding"}


def load_example(
    *,
    param_count: Literal["total", "non_embedding"] = "total",
    all_levels: bool = False,
    repeated: bool = False,
) -> Runs:
    r"""Load the embedded ladder: byte-level transformers trained on CPython's own source.

    Decoder-only transformers of 3.6e3 to 4.0e6 parameters (1.5e3 to 3.9e6 of them in the blocks),
    trained on the standard library of CPython 3.12.1 at seven levels of compute from 1e10 to 1e13
    FLOP, of which the upper four are loaded; every fourth cell has three seeds. A token is
    a byte. ``example.md`` beside this file holds the design, the columns of ``example.csv`` and the
    known weaknesses; ``notebooks/ladder`` trains it anew.

    Parameters
    ----------
    param_count
        ``"total"``: all parameters :math:`N`, with compute :math:`6ND`. ``"non_embedding"``: those
        of the blocks alone, as Kaplan et al. [1]_ count, with :math:`6ND` of that count.
    all_levels
        Also the three lowest levels. Loss falls ever faster with compute there, and no law of this
        package describes both halves: they are left out unless asked for. That was decided after
        looking at all levels, the top one included.
    repeated
        Also the runs that see their data 2 to 16 times, with the label ``part`` to tell them by. No
        law of :math:`N` and :math:`D` alone describes these.

    Returns
    -------
    Runs
        With losses in nats/token on held-out files, named ``example``.

    Raises
    ------
    UnknownNameError
        If there is no such count.

    References
    ----------
    .. [1] Kaplan et al. (2020), "Scaling Laws for Neural Language Models", arXiv:2001.08361,
       section 2.1.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.load_example()
    >>> small, large = runs.split_by_compute(factor=2)  # the top level, meant for hold-out
    """
    _arguments.choice("parameter count", param_count, _COUNTS)
    table = pd.read_csv(TABLE)
    again = table["part"] == "repeated"
    table = table[(again & repeated) | (~again & (all_levels | (table["flops_6nd"] > LEAST_FLOPS)))]
    return Runs.from_frame(
        table,
        params=_COUNTS[param_count],
        params_non_embedding="params_non_embedding" if param_count == "total" else None,
        param_count=param_count,
        group="part" if repeated else None,
        flop_rule="6ND",
        bytes_per_token=1,
        name="example",
    )
