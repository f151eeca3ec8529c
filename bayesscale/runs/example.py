"""The embedded ladder: runs that this project trained, free to use and to rebuild."""

from pathlib import Path
from typing import Literal

import pandas as pd

from bayesscale import _arguments
from bayesscale.runs.table import Runs

_FOLDER = Path(__file__).parent

_LEAST_FLOPS = {"code": 0.0, "bytes": 3e11}
"""By ladder, the level below which loss does not fall as any law here says: bytes learn to copy."""

_COUNTS = {"total": "params", "non_embedding": "params_non_embedding"}


def load_example(
    ladder: Literal["code", "bytes"] = "code",
    *,
    param_count: Literal["total", "non_embedding"] = "total",
    all_levels: bool = False,
    repeated: bool = False,
) -> Runs:
    r"""Load an embedded ladder: small transformers that this project trained on Python source.

    ``"code"``: decoder-only transformers of 9.7e3 to 5.2e6 parameters (1.5e3 to 4.9e6 of them in
    the blocks), trained on the source of 84 packages at levels of compute from 1e11 to 1e15 FLOP,
    half a decade apart. A token is one of 1,024 byte pairs. The two highest levels are meant for
    hold-out; of 1e15 only two runs are finished.

    ``"bytes"``: of 3.6e3 to 4.0e6 parameters (1.5e3 to 3.9e6 in the blocks), trained on the
    standard library of CPython 3.12.1 at seven levels from 1e10 to 1e13 FLOP, of which the upper
    four are loaded. A token is a byte. No law describes it: networks of this size learn to copy
    within their window in just this range of compute.

    Of both, every fourth cell has three seeds. ``code.md`` and ``bytes.md`` beside this file hold
    the designs, the columns of ``code.csv`` and ``bytes.csv`` and the known weaknesses;
    ``notebooks/ladder`` trains the ladder of code anew.

    Parameters
    ----------
    ladder
        Which of the two.
    param_count
        ``"total"``: all parameters :math:`N`, with compute :math:`6ND`. ``"non_embedding"``: those
        of the blocks alone, as Kaplan et al. [1]_ count, with :math:`6ND` of that count.
    all_levels
        Also the three lowest levels of the ladder of bytes. Loss falls ever faster with compute
        there, and no law of this package describes both halves: they are left out unless asked
        for. That was decided after looking at all levels, the top one included.
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
        If there is no such ladder, or no such count.

    References
    ----------
    .. [1] Kaplan et al. (2020), "Scaling Laws for Neural Language Models", arXiv:2001.08361,
       section 2.1.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.load_example()
    >>> small, large = runs.split_by_compute(factor=4)  # the levels that are meant for hold-out
    """
    _arguments.choice("ladder", ladder, _LEAST_FLOPS)
    _arguments.choice("parameter count", param_count, _COUNTS)
    table = pd.read_csv(_FOLDER / f"{ladder}.csv")
    again = table["part"] == "repeated"
    level = all_levels | (table["flops_6nd"] > _LEAST_FLOPS[ladder])
    table = table[(again & repeated) | (~again & level)]
    return Runs.from_frame(
        table,
        params=_COUNTS[param_count],
        params_non_embedding="params_non_embedding" if param_count == "total" else None,
        param_count=param_count,
        group="part" if repeated else None,
        flop_rule="6ND",
        bytes_per_token=table["bytes_per_token"].iloc[0] if ladder == "code" else 1,
        name="example",
    )
