"""A client of the Model Context Protocol over streamable HTTP: the tools of other systems.

One POST a message: the answer is JSON, or a stream of events in which it comes last. Written after the revisions in
``VERSIONS``: ``initialize`` opens a session, whose id and version go with every later request; 404 to a known session
means that it is gone, and a new one is opened. Not done: the stream that a GET opens, resuming, sampling.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

import httpx2
from gevent.lock import BoundedSemaphore

from engine import __version__
from engine.dialog.skills.endpoint import read_body
from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.services import Services
from engine.net.sse import SseReader

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26")
"""Revisions of the protocol that are spoken; the first is offered."""

MAX_STREAM = 4 << 20
"""Bytes of one stream of events."""

MAX_TOOLS = 200
"""Tools of one server that are listed."""


class McpError(SkillError):
    """A server that cannot be used. ``said_no``: it has understood and refused, so it is not broken."""

    def __init__(self, message: str, said_no: bool = False) -> None:
        """``message`` names the server."""
        super().__init__(message)
        self.said_no = said_no


class McpClient:
    """One server. Any number of greenlets may ask at once; a session is opened when first needed."""

    def __init__(self, name: str, url: str, headers: Mapping[str, str], services: Services) -> None:
        """``headers`` go with every request (``Authorization``)."""
        self.name = name
        self._url = url
        self._headers = dict(headers)
        self._services = services
        self._ids = count(1)
        self._opening = BoundedSemaphore(1)
        self._version = ""
        self._session = ""

    def tools(self) -> list[dict[str, Any]]:
        """The tools as the server describes them: ``name``, ``description``, ``inputSchema``. Raises ``McpError``."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < MAX_TOOLS:
            page = self._ask("tools/list", {"cursor": cursor} if cursor else {})
            tools = page.get("tools")
            if not isinstance(tools, list) or not all(isinstance(tool, dict) and tool.get("name") for tool in tools):
                raise McpError(f"{self.name}: tools/list without a list of tools")
            found += tools
            cursor = page.get("nextCursor")
            if not cursor or not tools:
                break
        return found[:MAX_TOOLS]

    def call(self, tool: str, arguments: Mapping[str, Any], key: str = "") -> dict[str, Any]:
        """Run a tool; the result as it came. Raises ``McpError``. ``key``: the same for every attempt at one thing."""
        params: dict[str, Any] = {"name": tool, "arguments": dict(arguments)}
        if key:
            params["_meta"] = {"trunkline/idempotency-key": key}
        return self._ask("tools/call", params)

    def close(self) -> None:
        """End the session. Never raises."""
        session, self._session = self._session, ""
        if session:
            with suppress(httpx2.HTTPError):  # the server forgets sessions by itself, too
                self._services.http.delete(self._url, headers=self._all_headers(session), timeout=2.0)
        self._version = ""

    # ------------------------------------------------------------ messages

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """A request within a session; a session that is gone is opened once more (nothing was done then)."""
        session = self._open()
        try:
            return self._request(method, params, session)
        except _SessionGone:
            if self._session == session:
                self._version = self._session = ""
            try:
                return self._request(method, params, self._open())
            except _SessionGone as fault:
                raise McpError(f"{self.name}: it forgets its sessions at once") from fault

    def _open(self) -> str:
        """The id of the session; "" where the server has none."""
        with self._opening:
            if self._version:
                return self._session
            wanted = {"protocolVersion": VERSIONS[0], "capabilities": {},
                      "clientInfo": {"name": "trunkline", "version": __version__}}
            headers: dict[str, str] = {}
            result = self._request("initialize", wanted, "", headers)
            version = result.get("protocolVersion")
            if version not in VERSIONS:
                raise McpError(f"{self.name}: it speaks revision {version}; known are {', '.join(VERSIONS)}")
            self._version, self._session = version, headers.get("mcp-session-id", "")
            try:
                self._send({"jsonrpc": "2.0", "method": "notifications/initialized"}, self._session)
            except BaseException:
                self._version = self._session = ""
                raise
            return self._session

    def _request(self, method: str, params: dict[str, Any], session: str, headers: dict[str, str] | None = None
                 ) -> dict[str, Any]:
        """POST a request and wait for its response; ``headers`` takes those of the answer."""
        number = next(self._ids)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        sent = self._all_headers(session)
        try:
            with self._services.http.stream("POST", self._url, json=message, headers=sent) as answer:
                self._check(answer, session)
                if headers is not None:
                    headers.update(answer.headers)
                if answer.headers.get("content-type", "").startswith("text/event-stream"):
                    response = self._from_stream(answer, number, session)
                else:
                    response = json.loads(read_body(answer))
        except httpx2.HTTPError as fault:
            raise McpError(f"{self.name}: {method}: {type(fault).__name__}: {fault}") from fault
        except ValueError as fault:
            raise McpError(f"{self.name}: {method}: the answer is not JSON") from fault
        if not isinstance(response, dict) or response.get("id") != number:
            raise McpError(f"{self.name}: {method}: not the response to this request")
        if error := response.get("error"):
            raise McpError(f"{self.name}: {method}: {error.get('message', error)}", said_no=True)
        result = response.get("result")
        if not isinstance(result, dict):
            raise McpError(f"{self.name}: {method}: a response without a result")
        return result

    def _from_stream(self, answer: httpx2.Response, number: int, session: str) -> Any:
        """The response in a stream of events; what the server asks meanwhile is answered."""
        for event in _events(answer):
            message = json.loads(event)
            if isinstance(message, dict) and "method" not in message and message.get("id") == number:
                return message
            if isinstance(message, dict) and "method" in message and "id" in message:
                known = message["method"] == "ping"
                what = {"result": {}} if known else {"error": {"code": -32601, "message": "not supported"}}
                self._send({"jsonrpc": "2.0", "id": message["id"], **what}, session)
        raise McpError(f"{self.name}: the stream ended without the response")

    def _send(self, message: dict[str, Any], session: str) -> None:
        """POST what has no response."""
        try:
            answer = self._services.http.post(self._url, json=message, headers=self._all_headers(session))
        except httpx2.HTTPError as fault:
            raise McpError(f"{self.name}: {type(fault).__name__}: {fault}") from fault
        self._check(answer, session)

    def _check(self, answer: httpx2.Response, session: str) -> None:
        status = answer.status_code
        if status == 404 and session:
            raise _SessionGone
        if status in (401, 403):
            raise McpError(f"{self.name}: it answered {status}: look at the headers of this server in the MCP file")
        if not 200 <= status < 300:
            raise McpError(f"{self.name}: {self._url} answered {status}")

    def _all_headers(self, session: str) -> dict[str, str]:
        headers = {**self._headers, "Accept": "application/json, text/event-stream"}
        if self._version:
            headers["MCP-Protocol-Version"] = self._version
        if session:
            headers["Mcp-Session-Id"] = session
        return headers


class _SessionGone(Exception):
    """The server does not know the session any more."""


def _events(answer: httpx2.Response) -> Iterator[str]:
    """The data of each server-sent event, as it comes."""
    reader, size = SseReader(), 0
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > MAX_STREAM:
            raise McpError(f"{answer.url}: more than {MAX_STREAM} bytes in one stream")
        yield from reader.feed(piece)
