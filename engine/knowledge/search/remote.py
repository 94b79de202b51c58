"""Passages of a vector store on another machine.

The store is asked for the nearest vectors and, where it can, for the words; both lists are fused and scored here as
those of a local collection are. What the scores need of a passage's words and sounds is computed from its text.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar

import gevent
import numpy as np

from engine.errors import ProviderFault, TrunklineError
from engine.knowledge.scope import Scope
from engine.knowledge.search.found import Cosines, Floats, Passage
from engine.knowledge.search.found import Found as Scored
from engine.knowledge.search.lexical import Column, coverage, slots, weighed
from engine.knowledge.search.ranking import fuse
from engine.knowledge.search.source import Asked, Gathered, Source
from engine.knowledge.search.vocabulary import Vocabulary
from engine.knowledge.vectorstores.interface import Found, VectorStore
from engine.knowledge.vectorstores.local import passage_of, questions_of
from engine.knowledge.words.text import terms
from engine.language import sounds
from engine.offhub import off_hub

T = TypeVar("T")

log = logging.getLogger(__name__)

NEAREST, BEST_WORDS = 24, 16
"""Passages by vector and by words: fewer than of a local collection, because their text comes over the network, and a
millisecond's work is done for each that is new."""

KEPT = 4000
"""Passages whose words are kept: 4 kB each."""

REST_S = 10.0
"""After a fault the copy on this machine answers for so long, before the server is asked again."""

EPOCH_S = 60.0
"""The server does not tell of changes: what it found is not used again after so long."""

_EMPTY = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True)
class _Analysed:
    """A passage with the stems and sounds of all that it says. ``payload`` is what they were computed from."""

    payload: Mapping[str, Any]
    passage: Passage
    words: frozenset[str]
    sounds: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Lists:
    """What the store found for a question: by vector, by words, and the vectors of those found by words alone."""

    near: list[Found]
    words: list[Found]
    vectors: dict[str, Floats]


class RemoteSource:
    """A ``Source`` over a vector store. Called in the hub: it waits as sockets do."""

    def __init__(self, store: VectorStore, copy: Source | None = None, clock: Callable[[], float] = monotonic) -> None:
        """``copy``: the same collection on this machine, which answers while the store does not; it needs no index.
        ``clock`` in seconds."""
        self._store = store
        self._copy = copy
        self._clock = clock
        self._silent_until = 0.0
        self._size = 0
        self._kept: dict[str, _Analysed] = {}

    @property
    def epoch(self) -> int:
        """See ``Source``."""
        return int(self._clock() // EPOCH_S)

    def gather(self, asked: Sequence[Asked], scope: Scope) -> list[Gathered]:
        """See ``Source``. Questions are asked at the same time."""
        if self._copy is not None and self._clock() < self._silent_until:
            return self._copy.gather(asked, scope)
        try:
            lists = _at_once([partial(self._lists, one, scope) for one in asked])
            self._size = self._size or self._store.count()
        except ProviderFault as fault:
            if self._copy is None:
                raise
            self._rest(fault)
            return self._copy.gather(asked, scope)
        return off_hub(self._scored, asked, lists)

    def passage(self, key: str) -> Passage | None:
        """See ``Source``."""
        if self._copy is not None and self._clock() < self._silent_until:
            return self._copy.passage(key)
        try:
            found = self._store.get([key], vectors=False)
        except ProviderFault as fault:
            if self._copy is None:
                raise
            self._rest(fault)
            return self._copy.passage(key)
        return passage_of(found[0]) if found else None

    def _rest(self, fault: ProviderFault) -> None:
        pause_s = max(REST_S, fault.retry_after_s or 0.0)
        self._silent_until = self._clock() + pause_s
        log.warning("the copy on this machine answers for %g s, by words: %s", pause_s, fault)

    def _lists(self, asked: Asked, scope: Scope) -> _Lists:
        store, vector = self._store, asked.vector
        if vector is None and not store.finds_words:
            raise ProviderFault(store.name, "unavailable", "it finds by vectors alone, and the question has none")
        requests: list[Callable[[], list[Found]]] = []
        if vector is not None:
            requests.append(partial(store.query, vector, "", NEAREST, scope))
        if store.finds_words:
            requests.append(partial(store.query, None, asked.text, BEST_WORDS, scope))
        found = _at_once(requests)
        near = found[0] if vector is not None else []
        words = found[-1] if store.finds_words else []
        has = {one.id for one in near}
        lacking = [one.id for one in words if one.id not in has]
        if vector is None or not lacking:
            return _Lists(near, words, {})
        vectors = {point.id: point.vector for point in store.get(lacking) if point.vector.shape == vector.shape}
        return _Lists(near, words, vectors)

    # ------------------------------------------------------------ in a pool thread

    def _scored(self, asked: Sequence[Asked], lists: Sequence[_Lists]) -> list[Gathered]:
        return [self._score(one, found) for one, found in zip(asked, lists, strict=True)]

    def _score(self, asked: Asked, lists: _Lists) -> Gathered:
        """Words are as rare as they are among what was found: the store does not tell it of the whole collection."""
        there = {one.id: self._analysed(one) for one in (*lists.near, *lists.words)}
        words = Counter(key for one in there.values() for key in one.words)
        heard = Counter(key for one in there.values() for key in one.sounds)
        counts: dict[tuple[Column, str], int] = {("words", key): count for key, count in words.items()}
        counts.update({("sounds", key): count for key, count in heard.items()})
        asked_for = weighed(slots(asked.pieces, Vocabulary(heard).near), counts, max(self._size, len(there)))

        cosines = {one.id: one.score for one in lists.near}
        if asked.vector is not None:
            cosines.update({key: float(vector @ asked.vector) for key, vector in lists.vectors.items()})
        by_words = {one.id: one.score for one in lists.words} or {
            key: share for key, one in there.items() if (share := coverage(asked_for, one.words, one.sounds)) > 0}
        fused = fuse([(1.0, [one.id for one in lists.near]), (1.0, sorted(by_words, key=lambda key: -by_words[key]))])
        best_words, best = max(by_words.values(), default=0.0) or 1.0, max(fused.values(), default=0.0) or 1.0
        return [Scored(there[key].passage, there[key].words, there[key].sounds,
                       Cosines(cosines[key], _EMPTY, _EMPTY) if key in cosines else None,
                       max(0.0, by_words.get(key, 0.0) / best_words), place / best)
                for key, place in fused.items()], asked_for

    def _analysed(self, found: Found) -> _Analysed:
        known = self._kept.get(found.id)
        if known is not None and known.payload == found.payload:
            return known
        passage = passage_of(found)
        whole = "\n".join((passage.title, *passage.heading, passage.text, *questions_of(found)))
        made = _Analysed(found.payload, passage, frozenset(terms(whole, passage.language)),
                         frozenset(sounds.keys(whole, passage.language)))
        if len(self._kept) >= KEPT:
            self._kept.clear()
        self._kept[found.id] = made
        return made


def _at_once(requests: Sequence[Callable[[], T]]) -> list[T]:
    """What all of them return, in order. Raises the first fault when all are done."""
    if len(requests) == 1:
        return [requests[0]()]
    asking = [gevent.spawn(_caught, request) for request in requests]
    try:
        found = [one.get() for one in asking]
    finally:
        gevent.killall(asking)
    results = []
    for one in found:
        if isinstance(one, TrunklineError):
            raise one
        results.append(one)
    return results


def _caught(request: Callable[[], T]) -> T | TrunklineError:
    try:
        return request()
    except TrunklineError as fault:  # given on, because the greenlet would print it
        return fault
