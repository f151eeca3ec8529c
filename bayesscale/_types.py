"""Types that many signatures name, and a dictionary that stays as it is."""

from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]


class ReadOnly[K, V](dict[K, V]):
    """A dictionary that cannot be changed; unlike a mapping proxy it can be pickled."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This mapping is read-only, part of a result: change a copy, dict(...).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse  # pyright: ignore

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)
