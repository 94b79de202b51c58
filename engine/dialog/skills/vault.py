"""Secrets of a call, a PIN or a card number: skills get them, models and logs only see a handle."""

import re
from typing import Any

_HANDLE = re.compile(r"secret:\d{1,4}")


class Vault:
    """Gone with the call; never written anywhere."""

    def __init__(self) -> None:
        """Empty."""
        self._values: dict[str, str] = {}

    def put(self, value: str) -> str:
        """Keep ``value``; the handle, ``secret:1``, stands for it in arguments of skills."""
        handle = f"secret:{len(self._values) + 1}"
        self._values[handle] = value
        return handle

    def reveal(self, value: Any) -> Any:
        """JSON data with the values in place of handles. A handle that was never given stays as it is."""
        if isinstance(value, str):
            return self._values.get(value, value) if _HANDLE.fullmatch(value) else value
        if isinstance(value, dict):
            return {name: self.reveal(item) for name, item in value.items()}
        return [self.reveal(item) for item in value] if isinstance(value, list) else value
