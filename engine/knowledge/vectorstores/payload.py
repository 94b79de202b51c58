"""What all vector stores make of points and scopes: checks, filter values, words, keys, ranks. Pure."""

import base64
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import numpy as np

from engine.knowledge.embedding.interface import Floats
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.words.text import terms

T = TypeVar("T")

FIRST_DAY, LAST_DAY = 0, 9999_12_31
"""Days for documents that hold since ever, or for ever."""

RRF_K = 60
"""Constant of reciprocal rank fusion, as in the paper of Cormack, Clarke and Buettcher (2009)."""

MOST_TERMS = 256
"""Of a question."""

LONGEST_TEXT = 10_000
"""Characters of a question that are looked at."""

NO_VECTOR: Floats = np.empty(0, np.float32)
DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Facets:
    """What filters look at. ``from_day`` and ``until_day`` are dates as numbers, 20260531, because most stores compare
    only numbers."""

    tags: tuple[str, ...]
    language: str
    from_day: int
    until_day: int


def facets(point: Point) -> Facets:
    """The filter values of a point. Raises ``KnowledgeError`` for a date that is none."""
    payload = point.payload
    return Facets(tuple(payload.get("tags") or ()), payload.get("language") or "",
                  _day(payload.get("valid_from"), f"{point.id}: valid_from") or FIRST_DAY,
                  _day(payload.get("valid_until"), f"{point.id}: valid_until") or LAST_DAY)


def scope_day(scope: Scope) -> int:
    """The scope's date as a number, 0 for none. Raises ``KnowledgeError``."""
    return _day(scope.on, "scope")


def _day(text: str | None, where: str) -> int:
    if not text:
        return 0
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise KnowledgeError(f"{where}: not a date as 2026-05-31: {text!r}") from None
    return day.year * 10000 + day.month * 100 + day.day


def words(payload: Mapping[str, Any]) -> list[str]:
    """The terms that text is matched with: title, headings, text and questions, each occurrence."""
    parts = [payload.get("title") or "", *(payload.get("heading") or ()), payload.get("text") or "",
             *(payload.get("questions") or ())]
    return terms("\n".join(parts))


def asked_terms(text: str) -> list[str]:
    """The terms of a question, each once, at most 256: engines limit the clauses of a query."""
    return list(dict.fromkeys(terms(text[:LONGEST_TEXT])))[:MOST_TERMS]


def check_points(points: Sequence[Point], dim: int, store: str) -> None:
    """Raises ``KnowledgeError`` for what no store may be given: another dimension, numbers that are none, no id."""
    for point in points:
        if not point.id:
            raise KnowledgeError(f"{store}: a point without an id")
        check_vector(point.vector, dim, f"{store}: point {point.id}")


def check_vector(vector: Floats, dim: int, where: str) -> None:
    """Raises ``KnowledgeError`` unless it is a vector of ``dim`` finite numbers that are not all 0."""
    if vector.shape != (dim,):
        raise KnowledgeError(f"{where}: a vector of {' x '.join(map(str, vector.shape))} numbers, but the collection "
                             f"has {dim}; use the model that it was made with, or make another collection")
    if not (np.isfinite(vector).all() and vector.any()):
        raise KnowledgeError(f"{where}: a vector that has no direction (all 0, or not finite)")


def other_dimension(store: str, has: int, wanted: int) -> KnowledgeError:
    """A collection that was made for another model."""
    return KnowledgeError(f"{store} holds vectors of {has} numbers, the model gives {wanted}: use the model that it "
                          "was made with, or another collection")


def numbers(vector: Floats) -> list[float]:
    """As JSON numbers, with 8 places: float32 has no more for a vector of length 1, and requests are half as long."""
    return np.round(vector.astype(np.float64), 8).tolist()


def digest(point: Point) -> str:
    """Of payload and vector, without the digest itself: equal points, equal digests, on every store."""
    payload = {key: value for key, value in point.payload.items() if key != DIGEST}
    plain = json.dumps(payload, sort_keys=True, ensure_ascii=False, default=list).encode("utf-8", "surrogatepass")
    return hashlib.sha256(plain + b"\0" + np.asarray(point.vector, "<f4").tobytes()).hexdigest()[:32]


_ENCODED = "b64="


def safe_key(point_id: str) -> str:
    """An id for stores that take only letters, digits, ``-``, ``_`` and ``=``, no ``_`` first: the id itself where that
    is allowed (chunk ids nearly always), else in base64. ``original_id`` undoes it."""
    if re.fullmatch(r"[A-Za-z0-9=-][A-Za-z0-9_=-]{0,511}", point_id) and not point_id.startswith(_ENCODED):
        return point_id
    key = _ENCODED + base64.urlsafe_b64encode(point_id.encode()).decode()
    if len(key) > 512:
        raise KnowledgeError(f"an id of {len(point_id)} characters is too long: {point_id[:40]!r}...")
    return key


def original_id(key: str) -> str:
    """What ``safe_key`` was given."""
    return base64.urlsafe_b64decode(key.removeprefix(_ENCODED)).decode() if key.startswith(_ENCODED) else key


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of at most ``size``."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def fuse(lists: Sequence[Sequence[Found]], k: int) -> list[Found]:
    """The best ``k`` of several ranked lists by reciprocal rank fusion; ties by id."""
    scores: Counter[str] = Counter()
    found: dict[str, Found] = {}
    for ranked in lists:
        for rank, one in enumerate(ranked, 1):
            scores[one.id] += 1 / (RRF_K + rank)  # type: ignore[assignment]  # Counter adds floats as well
            found.setdefault(one.id, one)
    order = sorted(found, key=lambda one: (-scores[one], one))[:k]
    return [Found(one, float(scores[one]), found[one].payload) for one in order]


def by_words(found: Sequence[Found], text: str) -> list[Found]:
    """Those of ``found`` that share a term with ``text``, ordered by BM25 within ``found``."""
    asked = set(asked_terms(text))
    held = [Counter(words(one.payload)) for one in found]
    length = sum(map(Counter.total, held)) / len(held) if held else 1
    scored = []
    for one, counts in zip(found, held, strict=True):
        score = 0.0
        for term in asked & counts.keys():
            holders = sum(term in other for other in held)
            rarity = math.log(1 + (len(held) - holders + 0.5) / (holders + 0.5))
            score += rarity * term_weight(counts[term], counts.total(), length)
        if score > 0:
            scored.append(Found(one.id, score, one.payload))
    return sorted(scored, key=lambda one: (-one.score, one.id))


def term_weight(count: int, length: int, usual_length: float) -> float:
    """BM25's part of a term within its passage (k1 1.2, b 0.75)."""
    return count * 2.2 / (count + 1.2 * (0.25 + 0.75 * length / max(usual_length, 1)))
