"""Compute on a machine: PFLOP-days, device-hours and money."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bayesscale import _arguments
from bayesscale.accounting.lifetime import Money
from bayesscale.accounting.rules import counted
from bayesscale.errors import DomainError
from bayesscale.quantities import FLOPS

if TYPE_CHECKING:
    import pandas as pd

SECONDS_PER_HOUR = 3600.0

DEVICES_MAX = 10_000_000
"""Tens of times the largest cluster; bounds of stated numbers are as wide."""

PFLOP_DAY = 1e15 * 86_400
"""FLOP in a day at 1e15 FLOP per second: Kaplan et al. (2020), section 1.3."""


@counted
@dataclass(frozen=True, kw_only=True)
class Machine:
    """A device, how much of it training uses, and what it costs.

    Parameters
    ----------
    peak
        FLOP per second of one device at the training precision, > 0, as its maker states.
    utilization
        Share of the peak that training reaches, in (0, 1], measured on your own runs; there is no
        default.
    price_per_hour
        Price of a device-hour, > 0; None for no prices.
    devices
        Devices that work in parallel, >= 1.

    Examples
    --------
    >>> import bayesscale as bs
    >>> h100 = bs.Machine(peak=989e12, utilization=0.4, price_per_hour=2.0, devices=512)
    >>> float(h100.bill(1e22).loc[1e22, "money"].round())
    14044.0
    """

    peak: float
    utilization: float
    price_per_hour: float | None = None
    devices: int = 1
    currency: str = "USD"

    def __post_init__(self) -> None:
        _arguments.likely(
            "peak", self.peak, 1e9, 1e18, unit="FLOP per second of one device",
            slip="Makers state TFLOP a second: write 989e12 for 989.",
        )  # fmt: skip
        _arguments.likely(
            "utilization", self.utilization, 0.001, 1.0, unit="share of the peak",
            slip="Write 0.4 for 40 %.",
        )  # fmt: skip
        if self.price_per_hour is not None:
            _arguments.likely(
                "price_per_hour", self.price_per_hour, 1e-4, 1e4, unit="of one device",
                slip="Give the price of one device for an hour: not of the whole machine, nor for "
                "a month, nor in cents.",
            )  # fmt: skip
        if _arguments.whole_number("devices", self.devices, least=1) > DEVICES_MAX:
            raise DomainError(
                f"devices must be at most {DEVICES_MAX:,}, not {self.devices:,}: how many work at "
                "once on one run, and not their FLOP or hours."
            )
        _arguments.text("currency", self.currency)

    @property
    def flops_per_hour(self) -> float:
        """FLOP that one device does in an hour of training."""
        return self.peak * self.utilization * SECONDS_PER_HOUR

    @counted
    def bill(self, flops: ArrayLike) -> pd.DataFrame:
        """Convert amounts of compute into time and money on this machine.

        Parameters
        ----------
        flops
            Compute, FLOP, > 0, shape ``(flops,)`` or a scalar.

        Returns
        -------
        pandas.DataFrame
            Index ``flops``; ``pflop_days``, ``device_hours``, ``days`` with all devices at once,
            and ``money`` if there is a price.
        """
        import pandas as pd

        amounts = _arguments.positive_array("flops", flops, FLOPS.unit)
        hours = amounts / self.flops_per_hour
        table = {
            "pflop_days": amounts / PFLOP_DAY, "device_hours": hours,
            "days": hours / self.devices / 24,
        }  # fmt: skip
        if self.price_per_hour is not None:
            table["money"] = hours * self.price_per_hour
        return pd.DataFrame(table, index=pd.Index(amounts, name="flops"))

    @counted
    def flops(self, device_hours: float | str) -> float:
        """Return the compute that hours of one device do.

        Parameters
        ----------
        device_hours
            Hours, > 0: a number, or text such as ``"1000 H100-hours"``.

        Returns
        -------
        float
            Compute, FLOP, for ``flops=``.

        Examples
        --------
        >>> import bayesscale as bs
        >>> bs.Machine(peak=989e12, utilization=0.4).flops("1000 H100-hours")
        1.42416e+21
        """
        if isinstance(device_hours, str):
            device_hours = re.sub(r"\s*[\w-]*hours?$", "", device_hours)
        return _arguments.positive_scalar("device_hours", device_hours, "h") * self.flops_per_hour

    @counted
    def money(self, amount: ArrayLike) -> Money:
        """Return budgets in money at this machine's price of a FLOP, for ``flops=``."""
        if self.price_per_hour is None:
            raise DomainError("This machine has no price: give price_per_hour.")
        per_flop = self.price_per_hour / self.flops_per_hour
        return Money(np.asarray(amount, dtype=float), per_flop=per_flop, currency=self.currency)
