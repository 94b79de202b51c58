"""Errors of this room."""

from typing import Any

from engine.errors import TrunklineError


class WebError(TrunklineError):
    """An HTTP server cannot start; the text says why and what to do."""


class ApiError(TrunklineError):
    """A request is refused. It becomes ``{"error": {"type", "code", "message", "param", "request_id"}}``."""

    def __init__(self, status: int, code: str, message: str, param: str = "", type: str = "invalid_request_error",  # noqa: A002
                 headers: dict[str, str] | None = None) -> None:
        """``status``: of HTTP. ``code``: for programs. ``message``: for people. ``param``: the field at fault."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.param = param
        self.type = type
        self.headers = headers or {}

    def body(self, request_id: str) -> dict[str, Any]:
        """As it is sent, and as WebSockets and streams may send it."""
        return {"error": {"type": self.type, "code": self.code, "message": self.message, "param": self.param or None,
                          "request_id": request_id}}
