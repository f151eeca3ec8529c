"""Types that many signatures name."""

import numpy as np
from numpy.typing import NDArray

type Array = NDArray[np.float64]
