"""What ``trunkline doctor`` looks at for search by meaning: whether what the configuration names can be loaded, and how
fast it is. An endpoint is asked for nothing: most take money for it."""

from collections.abc import Callable, Iterator, Mapping
from time import perf_counter
from typing import Literal

import gevent

from engine.config import Config
from engine.errors import TrunklineError
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.endpoint import Endpoint
from engine.knowledge.embedding.glossed import Glossed
from engine.knowledge.embedding.interface import Embedder, is_remote
from engine.knowledge.embedding.minilm import MiniLM, has_onnxruntime
from engine.offhub import off_hub

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, what was found, what to do about it."""

SLOW_MS = 50.0
"""A question of more is felt by callers, and by the other calls of this machine."""

_QUESTION = "how much is the late fee if I pay my bill"


def embedding(config: Config, environ: Mapping[str, str], wait_s: float) -> Iterator[Row]:
    """Of ``knowledge.embedding``."""
    try:
        with gevent.Timeout(wait_s * 10, TrunklineError(f"not loaded after {wait_s * 10:g} s")):
            model = off_hub(choose.embedder, config.knowledge, config.providers, environ)
    except TrunklineError as fault:
        yield "fail", str(fault), "correct knowledge.embedding; docs/operator/embeddings.md"
        return
    if model is None:
        wanted = config.knowledge.embedding == "none"
        yield ("pass" if wanted else "warn", "keyword search only",
               "" if wanted else "trunkline models install minilm, then ingest again")
    elif is_remote(model):
        yield "pass", f"vectors by {_endpoint(model)}; its connection is looked at under providers", ""
    else:
        yield _timed(model.name + _how(model), lambda: off_hub(model.encode, [_QUESTION]))


def reranker(config: Config, wait_s: float) -> Iterator[Row]:
    """Of ``knowledge.reranker``."""
    try:
        with gevent.Timeout(wait_s * 10, TrunklineError(f"not loaded after {wait_s * 10:g} s")):
            model = off_hub(choose.reranker, config.knowledge)
    except TrunklineError as fault:
        yield "fail", str(fault), "correct knowledge.reranker; docs/operator/embeddings.md"
        return
    if model is None:
        return
    texts = ["The late fee is six dollars. It is charged when a bill is more than fourteen days late. " * 3] * 8
    started = perf_counter()
    late = off_hub(model.score, _QUESTION, texts) is None
    text = f"{model.name}: 8 passages in {(perf_counter() - started) * 1000:.0f} ms"
    yield "warn" if late else "pass", text, (
        "it would never be waited for: raise knowledge.rerank_timeout_ms, or take a smaller model" if late else "")


def _timed(name: str, encode: Callable[[], object]) -> Row:
    encode()
    started = perf_counter()
    encode()
    took_ms = (perf_counter() - started) * 1000
    slow = took_ms > SLOW_MS
    return ("warn" if slow else "pass", f"{name}: a question in {took_ms:.0f} ms",
            "a smaller model, minilm-int8, or pip install 'trunkline[fast]'" if slow else "")


def _how(model: Embedder) -> str:
    if not isinstance(model.plain if isinstance(model, Glossed) else model, MiniLM):
        return " by onnxruntime"
    return " by numpy (onnxruntime is twice as fast: pip install 'trunkline[fast]')" if not has_onnxruntime() else (
        " by onnxruntime")


def _endpoint(model: Embedder) -> str:
    return f"{model.provider} ({model.name})" if isinstance(model, Endpoint) else model.name
