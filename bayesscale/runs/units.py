"""Units of the loss, and the rules by which training compute is counted.

The rule's name travels with the runs: a bare FLOP number says neither which parameters were
counted nor whether attention was.
"""

import math
from typing import Literal, get_args

import numpy as np

from bayesscale._flops import FLOP_PER_PARAM_AND_TOKEN
from bayesscale.errors import DomainError, unknown_name

LossUnit = Literal["nats/token", "bits/token", "bits/byte"]
FlopRule = Literal["6ND", "6ND_non_embedding", "column"]
ParamCount = Literal["total", "non_embedding", "other"]

_SAME_RULE_TOLERANCE = 0.01  # published tables round their FLOP to two or three digits


def nats_per_token(loss_unit: str, *, bytes_per_token: float | None = None) -> float:
    """Say what one unit of loss is in nats per token.

    Parameters
    ----------
    loss_unit
        ``"nats/token"``, ``"bits/token"`` or ``"bits/byte"``.
    bytes_per_token
        Mean bytes in a token of this tokenizer on this text, > 0. Needed for ``"bits/byte"``.

    Returns
    -------
    float
        The factor that turns a loss in ``loss_unit`` into nats per token.

    Raises
    ------
    UnknownNameError
        If the unit is not one of the three.
    DomainError
        If ``bytes_per_token`` is needed and missing, or not a positive number.

    Examples
    --------
    >>> round(0.6526 * nats_per_token("bits/byte", bytes_per_token=4.2), 2)
    1.9
    """
    if loss_unit not in get_args(LossUnit):
        raise unknown_name("loss unit", loss_unit, get_args(LossUnit))
    if bytes_per_token is not None and not 0 < bytes_per_token < math.inf:
        raise DomainError(f"bytes_per_token must be a positive number, not {bytes_per_token!r}.")
    match loss_unit:
        case "bits/token":
            return math.log(2)
        case "bits/byte":
            if bytes_per_token is None:
                raise DomainError(
                    'loss_unit="bits/byte" needs bytes_per_token: the mean number of bytes in a '
                    "token of your tokenizer on the evaluation text, e.g. bytes_per_token=4.2."
                )
            return math.log(2) * bytes_per_token
        case _:
            return 1.0


def training_flops(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Count training compute as six FLOP a parameter and token.

    Parameters
    ----------
    params
        Parameters N that take part in the products, count, > 0. Shape ``(run,)``.
    tokens
        Training tokens D, count, > 0. Shape ``(run,)``.

    Returns
    -------
    numpy.ndarray
        FLOP, > 0, float64 (6ND does not fit into 64-bit integers). Shape ``(run,)``.
    """
    return FLOP_PER_PARAM_AND_TOKEN * params.astype(np.float64) * tokens.astype(np.float64)


def recognise_rule(
    flops: np.ndarray,
    *,
    params: np.ndarray,
    tokens: np.ndarray,
    params_non_embedding: np.ndarray | None,
) -> FlopRule:
    """Name the rule that a FLOP column follows.

    Parameters
    ----------
    flops
        Training compute as recorded, FLOP, > 0. Shape ``(run,)``.
    params, tokens
        Parameters and training tokens, counts, > 0. Shape ``(run,)``.
    params_non_embedding
        Non-embedding parameters, count, > 0, if known. Shape ``(run,)``.

    Returns
    -------
    str
        A 6ND rule if every run agrees with it within 1 %, else ``"column"``.
    """
    counts: list[tuple[FlopRule, np.ndarray | None]] = [
        ("6ND", params),
        ("6ND_non_embedding", params_non_embedding),
    ]
    for rule, count in counts:
        if count is not None:
            ratio = flops / training_flops(count, tokens)
            if np.all(np.abs(ratio - 1.0) <= _SAME_RULE_TOLERANCE):
                return rule
    return "column"
