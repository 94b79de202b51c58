"""What a skill gives back, always in the same shape: ``{"success": bool, "data" or "error", "message"}``. Pure."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """``error`` is a short code for programs (``not_found``, ``timeout``), ``message`` a sentence for the model.

    ``sure`` false: whether something was done is not known (a deadline passed, a fault in the middle). ``fault``: the
    skill itself is broken or out of reach, so the circuit breaker counts it.
    """

    success: bool
    data: Any = None
    error: str = ""
    message: str = ""
    sure: bool = True
    fault: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The shape above, for models, logs and HTTP."""
        what = {"data": self.data} if self.success else {"error": self.error}
        return {"success": self.success, **what, "message": self.message}

    def as_text(self, limit: int) -> str:
        """JSON text of at most about ``limit`` characters. Longer data is cut, and says so."""
        text = _json(self.as_dict())
        if len(text) <= limit:
            return text
        note = f"{self.message} The data was longer than {limit} characters and is cut.".strip()
        whole = self.data if isinstance(self.data, str) else _json(self.data)
        message = note if len(note) <= limit else note[: limit // 2]
        cut = Result(self.success, whole[:limit], self.error, message)
        return _json({**cut.as_dict(), "truncated": True})


class Failed(Exception):
    """Raised by a skill that cannot do what is asked: a ``failed`` result from anywhere in its code."""

    def __init__(self, error: str, message: str) -> None:
        """``error``: a short code; ``message``: a sentence that the model may pass on."""
        super().__init__(message)
        self.error = error
        self.message = message


def done(data: Any = None, message: str = "") -> Result:
    """It worked; ``data`` is anything that JSON can hold."""
    return Result(True, data, message=message)


def failed(error: str, message: str) -> Result:
    """It did not work, and nothing was changed: ``failed("not_found", "There is no order 47.")``."""
    return Result(False, error=error, message=message)


def result_of(value: Any) -> Result:
    """The result that a skill meant by what it returned: a ``Result``, a dict in our shape, or plain data."""
    if isinstance(value, Result):
        return value
    if isinstance(value, dict) and isinstance(value.get("success"), bool):
        message = str(value.get("message") or "")
        if value["success"]:
            return Result(True, value.get("data"), message=message)
        return Result(False, error=str(value.get("error") or "failed"), message=message)
    return Result(True, value)


def _json(value: Any) -> str:
    """JSON; what it cannot hold (dates, decimals) as text."""
    return json.dumps(value, ensure_ascii=False, default=str)
