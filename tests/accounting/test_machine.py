"""What compute is on a machine, against arithmetic by hand."""

import pytest

import bayesscale as bs
from bayesscale.errors import DomainError

MACHINE = bs.Machine(peak=1e15, utilization=0.5, price_per_hour=2.0, devices=10)


def test_a_bill_is_arithmetic():
    bill = MACHINE.bill([8.64e19, 1.8e18])
    assert bill["pflop_days"].tolist() == pytest.approx([1.0, 1 / 48])
    assert bill["device_hours"].tolist() == pytest.approx([48.0, 1.0])  # 5e14 FLOP/s
    assert bill["days"].tolist() == pytest.approx([0.2, 1 / 240])
    assert bill["money"].tolist() == pytest.approx([96.0, 2.0])
    assert "money" not in bs.Machine(peak=1e15, utilization=0.5).bill(1e20)


def test_money_buys_what_the_bill_says():
    assert MACHINE.bill(MACHINE.money([10.0, 200.0]).flops)["money"].tolist() == pytest.approx(
        [10.0, 200.0]
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"peak": 0}, "peak"),
     ({"utilization": 1.2}, "share of the peak"),
     ({"utilization": 0}, "utilization"),
     ({"price_per_hour": -1}, "price_per_hour"),
     ({"devices": 0}, "devices")],
    ids=str,
)  # fmt: skip
def test_what_is_refused(wrong, said):
    with pytest.raises(DomainError, match=said):
        bs.Machine(**({"peak": 1e15, "utilization": 0.4} | wrong))
    with pytest.raises(DomainError, match="price_per_hour"):
        bs.Machine(peak=1e15, utilization=0.4).money(100)
