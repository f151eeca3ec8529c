"""What compute is on a machine, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesscale._format import flops as write_flops, short_number, si_count
from bayesscale._sections import Section, Table
from bayesscale.accounting import Machine

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def bill_sections(machine: Machine, flops: ArrayLike) -> list[Section]:
    """Return one row a budget, FLOP: PFLOP-days, device-hours, days and, with a price, money."""
    columns = {
        "compute": lambda row: write_flops(row["flops"]),
        "PFLOP-days": lambda row: short_number(float(f"{row['pflop_days']:.3g}")),
        "device-hours": lambda row: si_count(row["device_hours"]),
        "days": lambda row: short_number(float(f"{row['days']:.3g}")),
    }
    if machine.price_per_hour is not None:
        columns[machine.currency] = lambda row: si_count(row["money"])
    devices = f"{machine.devices:,} device{'s' if machine.devices > 1 else ''}"
    note = (
        f"At {100 * machine.utilization:.3g} % of {machine.peak:.3g} FLOP a second; days with "
        f"{devices} at once."
    )
    return [Table.of(machine.bill(flops), columns, note)]
