"""A table with a row a call: what is known of all calls, as arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt


class RowTable:
    """``data`` is a structured array; rows come and go with calls and the table grows by doubling.

    ``data`` is replaced when the table grows: take it anew after ``open``.
    """

    def __init__(self, fields: list[Any], rows: int = 16) -> None:
        self.data: npt.NDArray[Any] = np.zeros(rows, fields)
        self._free = list(range(rows - 1, -1, -1))

    def open(self) -> int:
        """The number of a free row; its fields are zero."""
        if not self._free:
            size = len(self.data)
            self.data = np.concatenate([self.data, np.zeros_like(self.data)])
            self._free = list(range(2 * size - 1, size - 1, -1))
        row = self._free.pop()
        self.data[row] = np.zeros((), self.data.dtype)
        return row

    def close(self, row: int) -> None:
        """Give the row back. It must be open."""
        self._free.append(row)
