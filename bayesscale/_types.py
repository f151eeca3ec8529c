"""Types that many signatures name, and a dictionary that stays as it is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray as xr

type Array = NDArray[np.float64]


def is_dataset(value: object) -> TypeGuard[xr.Dataset]:
    """Tell a dataset of xarray's, which is not imported for what cannot be one."""
    xarray = sys.modules.get("xarray")
    return xarray is not None and isinstance(value, xarray.Dataset)


class ReadOnly[K, V](dict[K, V]):
    """A dictionary that cannot be changed; unlike a mapping proxy it can be pickled."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This mapping is read-only, part of a result: change a copy, dict(...).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)
