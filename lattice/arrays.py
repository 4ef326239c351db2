"""The type of every numpy array in signatures: its shape and unit are told in the docstring, not in the type."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
