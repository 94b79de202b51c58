"""Vectors from an OpenAI-compatible ``POST /embeddings``: OpenAI, Azure OpenAI, vLLM, Ollama, llama.cpp, LiteLLM proxy.

Fields are those of openai-python 3.52 (types.EmbeddingCreateParams, CreateEmbeddingResponse): ``input`` a list of
texts, ``encoding_format`` float or base64 (little-endian float32), ``dimensions``; the answer's ``data`` may come in
any order, ``index`` tells. Azure's addresses are those of ``engine/dialog/models/openai_chat.py``.

Works in any thread: each thread that asks has connections of its own, because a gevent socket belongs to its hub.
"""

import base64
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary

import gevent
import numpy as np

from engine.config.providers import AzureEmbeddingOptions, OpenAiEmbeddingOptions
from engine.errors import ProviderFault
from engine.knowledge.embedding.interface import Floats, PassageText, PassageVectors
from engine.knowledge.embedding.rest import Rest
from engine.knowledge.embedding.tokens import unit
from engine.net.credentials import Credentials
from engine.net.http import HttpClient

log = logging.getLogger(__name__)

LONGEST_ANSWER = 256 << 20
"""Bytes: 2048 texts of 4096 dimensions in JSON have about 170 MB."""

LONGEST_WAIT_S = 60.0
"""Between two tries while ingesting, also where the service asks for more."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What one thread talks over."""

    http: HttpClient
    credentials: Credentials


class Endpoint:
    """A ``RemoteEmbedder``."""

    languages: frozenset[str] = frozenset()
    """Not known: trusted with all."""

    def __init__(
        self, name: str, options: OpenAiEmbeddingOptions | AzureEmbeddingOptions, sign: Callable[[], Credentials], *,
        clock: Callable[[], float] = monotonic, sleep: Callable[[float], object] = gevent.sleep,
    ) -> None:
        """``name`` is what the configuration calls it; ``sign`` makes credentials, once a thread. Opens no
        connection. ``clock`` and ``sleep`` in seconds."""
        self.provider = name
        self.options = options
        self._path, self._query = "/embeddings", dict(options.query)
        if isinstance(options, AzureEmbeddingOptions):
            model, dated = options.deployment, bool(options.api_version)
            self._path = f"/openai/deployments/{model}/embeddings" if dated else "/openai/v1/embeddings"
            if dated:
                self._query.setdefault("api-version", options.api_version)
        else:
            model = options.model
        self._model = model
        habits = [options.question_prefix, options.passage_prefix]
        self.name = f"{options.kind}:{model}" + (f":{options.dimensions}" if options.dimensions else "") + (
            f":{json.dumps(habits)}" if any(habits) else "")
        self._sign, self._clock, self._sleep = sign, clock, sleep
        self._lines: WeakKeyDictionary[Any, _Line] = WeakKeyDictionary()
        self._rest = Rest(options.rest_s)
        self._dim = options.dimensions

    @property
    def dim(self) -> int:
        """Length of a vector. Where it is not configured and nothing was embedded yet, the endpoint is asked, once.
        Raises ``ProviderFault``."""
        if not self._dim:
            self.encode_now(["dimensions"])
        return self._dim

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of questions; of a text without words, zeros. Patient. Raises ``ProviderFault``."""
        return self._encode([self.options.question_prefix + text if text.strip() else "" for text in texts])

    def encode_now(self, texts: Sequence[str]) -> Floats:
        """One try, within ``question_timeout_s``, for a caller who waits. Raises ``ProviderFault``."""
        now, limit_s = self._clock(), self.options.question_timeout_s
        if (left_s := self._rest.left(now)) > 0:
            why = f"is left alone for {left_s:.1f} s: {self._rest.why}"
            raise ProviderFault(self.provider, "unavailable", why, left_s)
        ticket = self._rest.begin(now, limit_s)
        late = ProviderFault(self.provider, "timeout", f"no vectors after {limit_s:g} s")
        try:
            with gevent.Timeout(limit_s, late):
                found = self._ask_all([self.options.question_prefix + text if text.strip() else "" for text in texts],
                                      self._ask)
        except ProviderFault as fault:
            self._rest.bad(ticket, self._clock(), fault.kind, fault.retry_after_s, str(fault))
            raise
        except BaseException:  # the call has ended meanwhile
            self._rest.dropped(ticket)
            raise
        self._rest.good(ticket)
        return found

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """One text a passage, and with ``sentences`` one a sentence under its headings. Patient. Raises
        ``ProviderFault``."""
        texts, counts = [], []
        for passage in passages:
            above = f"{passage.above}. " if passage.above else ""
            own = [above + statement for statement in passage.statements] if self.options.sentences else []
            texts += [above + " ".join(passage.statements), *own]
            counts.append(len(own))
        vectors = self._encode([self.options.passage_prefix + text if text.strip() else "" for text in texts])
        found, at = [], 0
        for count in counts:
            found.append(PassageVectors(vectors[at], vectors[at + 1:at + 1 + count]))
            at += 1 + count
        return found

    def warm(self) -> None:
        """Open a connection and have a token, for questions of this thread. Never raises; returns at once."""
        line = self._line()
        line.credentials.warm()
        line.http.warm()

    def close(self) -> None:
        """Close the connections."""
        line = self._lines.pop(gevent.get_hub(), None)
        if line is not None:
            line.credentials.close()
            line.http.close()
        self._lines.clear()

    # ------------------------------------------------------------ requests

    def _encode(self, texts: Sequence[str]) -> Floats:
        return self._ask_all(texts, self._ask_again)

    def _ask_all(self, texts: Sequence[str], ask: Callable[[list[str]], Floats]) -> Floats:
        """Vectors of all, request by request; texts that are empty are not sent."""
        rows = [row for row, text in enumerate(texts) if text]
        parts = [ask(batch) for batch in self._batches([texts[row] for row in rows])]
        if not parts:
            return np.zeros((len(texts), self.dim if texts else self._dim), np.float32)
        vectors = np.zeros((len(texts), self._dim), np.float32)
        vectors[rows] = np.concatenate(parts)
        return vectors

    def _batches(self, texts: Sequence[str]) -> Iterator[list[str]]:
        batch: list[str] = []
        chars = 0
        for text in (text[:self.options.text_chars] for text in texts):
            if batch and (len(batch) >= self.options.batch_texts or chars + len(text) > self.options.batch_chars):
                yield batch
                batch, chars = [], 0
            batch.append(text)
            chars += len(text)
        if batch:
            yield batch

    def _ask_again(self, batch: list[str]) -> Floats:
        """One request, tried as often as ``attempts`` allows where trying again may help."""
        for attempt in range(1, self.options.attempts + 1):
            try:
                return self._ask(batch)
            except ProviderFault as fault:
                if fault.kind not in ("rate_limit", "timeout", "unavailable") or attempt == self.options.attempts:
                    raise
                wait_s = 2.0 ** (attempt - 1) if fault.retry_after_s is None else fault.retry_after_s
                wait_s = min(wait_s, LONGEST_WAIT_S)
                log.warning("%s; trying again in %.1f s (%d of %d)", fault, wait_s, attempt + 1, self.options.attempts)
                self._sleep(wait_s)
        raise AssertionError("unreachable")

    def _ask(self, batch: list[str]) -> Floats:
        line = self._line()
        body: dict[str, Any] = {"model": self._model, "input": batch, "encoding_format": self.options.encoding}
        if self.options.dimensions:
            body["dimensions"] = self.options.dimensions
        try:
            with line.http.stream("POST", self._path, {**body, **self.options.extra}, query=self._query,
                                  headers=line.credentials.headers()) as answer:
                content = answer.read_all(LONGEST_ANSWER)
        except ProviderFault as fault:
            if fault.kind == "auth":
                line.credentials.refused()
            raise
        try:
            vectors = understood(json.loads(content), len(batch))
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            raise ProviderFault(self.provider, "broken", f"its answer cannot be understood: {fault!s:.200}") from fault
        return self._checked(vectors)

    def _checked(self, vectors: Floats) -> Floats:
        """Of the length that all others have."""
        length = vectors.shape[1]
        if self._dim and length != self._dim:
            raise ProviderFault(self.provider, "broken", f"its vectors have {length} dimensions, not {self._dim}: "
                                "another model answers under this name. Correct model or dimensions, then ingest again")
        self._dim = length
        return unit(vectors)

    def _line(self) -> _Line:
        """The connections of this thread."""
        hub = gevent.get_hub()
        line = self._lines.get(hub)
        if line is None:
            options = self.options
            http = HttpClient(
                self.provider, options.base_url, headers=options.headers, connect_timeout_s=options.connect_timeout_s,
                first_byte_timeout_s=options.total_timeout_s, total_timeout_s=options.total_timeout_s,
                max_connections=options.max_connections)
            line = self._lines[hub] = _Line(http, self._sign())
        return line


def understood(answer: Any, count: int) -> Floats:
    """The vectors of an answer, in the order of the texts, shape (count, dim). Raises ``ValueError`` and what a strange
    shape raises."""
    data = answer["data"]
    if sorted(entry["index"] for entry in data) != list(range(count)):
        raise ValueError(f"it has {len(data)} vectors with wrong indexes for {count} texts")
    rows: list[Any] = [None] * count
    for entry in data:
        value = entry["embedding"]
        rows[entry["index"]] = (np.frombuffer(base64.b64decode(value, validate=True), "<f4") if isinstance(value, str)
                                else np.asarray(value, np.float32))
    if len({row.shape for row in rows}) != 1 or rows[0].ndim != 1 or not rows[0].size:
        raise ValueError("its vectors have different lengths, or none")
    vectors: Floats = np.stack(rows).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise ValueError("a vector has numbers that are none")
    if not vectors.any(axis=1).all():
        raise ValueError("a vector has only zeros")
    return vectors
