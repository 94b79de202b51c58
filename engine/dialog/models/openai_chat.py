"""Models behind the chat completions API: OpenAI, Azure OpenAI, vLLM, Ollama, llama.cpp, LiteLLM proxy.

The ``openai`` package builds, sends and pools the requests; the chunks are read here as plain JSON
(``engine/dialog/models/chat_chunks.py``), because to build the package's typed object of each takes 70 of the 85
microseconds that a token would cost.

Azure, by Microsoft's page "Azure OpenAI in Azure AI Foundry Models API lifecycle": the v1 API lies below
``/openai/v1``, the dated one below ``/openai/deployments/NAME`` with ``api-version``; both take the header ``api-key``
or a bearer token.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, TypeVar

import gevent
import httpx2
import openai

from engine.config.providers import OPENAI_URL, AzureChatOptions, OpenAiChatOptions
from engine.dialog.model import Message, ModelPart, Tool, Words
from engine.dialog.models.chat_chunks import ChatReader, message_json, tool_json
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.deadline import Deadline
from engine.net.faults import fault_of
from engine.net.http import DRAIN_S, IDLE_S
from engine.net.sse import SseReader

log = logging.getLogger(__name__)

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it writes a line for every request

Result = TypeVar("Result")


class OpenAiChat:
    """A ``Model``. A request runs in the greenlet that reads its answer."""

    def __init__(self, name: str, options: OpenAiChatOptions | AzureChatOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        self.name = name
        self._options = options
        self._credentials = credentials
        base_url, query = options.base_url, dict(options.query)
        if isinstance(options, AzureChatOptions):
            self._model = options.deployment
            base_url += f"/openai/deployments/{options.deployment}" if options.api_version else "/openai/v1"
            if options.api_version:
                query.setdefault("api-version", options.api_version)
        else:
            self._model = options.model
        new_name = isinstance(options, AzureChatOptions) or base_url == OPENAI_URL
        self._limit = options.max_tokens_field
        if self._limit == "auto":
            self._limit = "max_completion_tokens" if new_name else "max_tokens"
        self._http = openai.DefaultHttpxClient(
            limits=httpx2.Limits(max_connections=options.max_connections, keepalive_expiry=IDLE_S),
            follow_redirects=False,  # a key is not taken elsewhere
        )
        self._client = openai.OpenAI(
            api_key="not used: each request is signed by itself", base_url=base_url, default_query=query,
            timeout=openai.Timeout(None, connect=options.connect_timeout_s),  # the others are ours: see Deadline
            max_retries=0, http_client=self._http,
        )
        self._warming: gevent.Greenlet | None = None
        self._fields: Mapping[str, Any] = {}

    def tuned(self, fields: Mapping[str, Any]) -> "OpenAiChat":
        """See ``Tunable``. What the configuration says in ``extra`` wins."""
        other = copy(self)
        other._fields = {**self._fields, **fields}
        return other

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[ModelPart]:
        """The answer, part by part; tool calls and usage last. Raises ``ProviderFault``."""
        more: dict[str, Any] = {}
        if self._options.stream_usage:
            more["stream_options"] = {"include_usage": True}
        if tools:
            more["tools"] = [tool_json(tool) for tool in tools]
        if temperature is not None:
            more["temperature"] = temperature
        if max_tokens is not None:
            more[self._limit] = max_tokens
        deadline = Deadline(self.name, self._options.first_byte_timeout_s, self._options.total_timeout_s)
        headers = {"Accept-Encoding": "identity", **self._options.headers,
                   **deadline.run(self._credentials.headers)}
        plain: Any = [message_json(message) for message in messages]
        request = self._client.chat.completions.with_streaming_response.create(
            model=self._model, messages=plain, stream=True, extra_body={**self._fields, **more, **self._options.extra},
            extra_headers={"Authorization": openai.Omit(), **headers})
        answer = self._wait(deadline, request.__enter__)
        try:
            yield from self._parts(answer, deadline)
        finally:
            answer.close()

    def _parts(self, answer: "openai.APIResponse[Any]", deadline: Deadline) -> Iterator[ModelPart]:
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("text/event-stream"):
            raise ProviderFault(self.name, "broken", f"an answer of type '{kind}', not a stream: check base_url")
        packed = "content-encoding" in answer.headers  # nobody asked for it
        pieces = answer.iter_bytes() if packed else answer.http_response.iter_raw()
        events, reader = SseReader(), ChatReader()
        while piece := self._wait(deadline, lambda: next(pieces, b"")):
            for data in self._events(events, piece):
                if data == "[DONE]":
                    yield from self._finish(reader)
                    self._drain(pieces)
                    return
                text = self._words(reader, data)
                if reader.has_begun:
                    deadline.begun()
                if text:
                    yield Words(text)
        if not reader.finish_reason:
            raise ProviderFault(self.name, "broken", "the answer broke off")
        yield from self._finish(reader)

    def _finish(self, reader: ChatReader) -> list[ModelPart]:
        parts = reader.finish()
        if reader.finish_reason == "content_filter" and not reader.has_begun:
            raise ProviderFault(self.name, "refused", "the provider's content filter stopped the answer")
        return parts

    def _events(self, events: SseReader, piece: bytes) -> Iterator[str]:
        try:
            yield from events.feed(piece)
        except ValueError as fault:
            raise ProviderFault(self.name, "broken", f"its stream cannot be read: {fault}") from fault

    def _words(self, reader: ChatReader, data: str) -> str:
        """The words of an event. Errors come as events, too, once the stream has begun."""
        try:
            chunk = json.loads(data)
            if chunk.get("error"):
                raise fault_of(self.name, 0, {}, chunk)
            return reader.feed(chunk)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise ProviderFault(self.name, "broken", f"a chunk that cannot be understood: {fault!r:.100}") from fault

    def _wait(self, deadline: Deadline, wait: Callable[[], Result]) -> Result:
        """``wait()`` with the package's errors as ours."""
        try:
            return deadline.run(wait)
        except openai.APIStatusError as fault:
            status = fault.status_code
            if status == 401:
                self._credentials.refused()
            body = fault.body if fault.body is not None else fault.response.text
            raise fault_of(self.name, status, dict(fault.response.headers), body) from fault
        except openai.APIConnectionError as fault:  # and its timeouts, which only connecting has to itself
            late = isinstance(fault, openai.APITimeoutError)
            raise ProviderFault(self.name, "timeout" if late else "unavailable",
                                f"no connection: {fault.__cause__ or fault}") from fault
        except httpx2.HTTPError as fault:
            raise ProviderFault(self.name, "broken", f"the answer broke off: {fault}") from fault

    def _drain(self, pieces: Iterator[bytes]) -> None:
        """Read the end after the last event, so that the connection can be used again, if it comes at once."""
        with gevent.Timeout(DRAIN_S, False):  # type: ignore[arg-type]
            try:
                while next(pieces, b""):
                    pass
            except httpx2.HTTPError as fault:
                log.debug("%s: after the answer: %s", self.name, fault)

    def warm(self) -> None:
        """Open a connection, and have a token, ahead of the first request."""
        self._credentials.warm()
        if self._warming is None or self._warming.dead:
            self._warming = gevent.spawn(self._warm)

    def _warm(self) -> None:
        """Any answer will do: the connection is open then."""
        try:
            self._http.head(self._client.base_url, timeout=self._options.connect_timeout_s)
        except httpx2.HTTPError as fault:
            log.info("%s: no connection ahead of the first request: %s", self.name, fault)

    def close(self) -> None:
        """Close the connections."""
        if self._warming is not None:
            self._warming.kill()
        self._credentials.close()
        self._client.close()
