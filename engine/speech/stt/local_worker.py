"""A worker process of a local recogniser: ``python -m engine.speech.stt.local_worker``. No gevent here.

Speaks ``wire``: PREPARE is JSON {"kind", "folder", "threads", "language", "vocabulary"}, START is JSON {"rate"};
answers have ``text``, ``confidence`` and ``language``. What a package prints goes to standard error, answers alone to
standard output. An utterance that was cancelled while another one was being decoded is not decoded.
"""

import contextlib
import json
import os
import select
import signal
import sys
from collections import deque
from pathlib import Path
from typing import Any, BinaryIO

from engine.speech.stt import wire
from engine.speech.stt.local_engines import ENGINES, Engine, Utterance, Widened

NICENESS = 5
"""Decoding may wait for the frame clock, not the other way round."""


class Desk:
    """The utterances in progress."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._engine: Engine | None = None
        self._failure = "the model is not loaded"
        self._utterances: dict[int, tuple[Utterance, Widened]] = {}
        self._texts: dict[int, str] = {}

    def take(self, number: int, kind: int, payload: bytes) -> None:
        """Work on one frame. A fault costs that utterance only."""
        try:
            if kind == wire.PREPARE:
                self._prepare(**json.loads(payload))
            elif kind == wire.START:
                if self._engine is None:
                    raise RuntimeError(self._failure)
                self._utterances[number] = self._engine.begin(), Widened(json.loads(payload)["rate"])
            elif number in self._utterances:
                self._go_on(number, kind, payload)
        except Exception as fault:  # noqa: BLE001 -- reported to the engine, which counts and logs it
            self._forget(number)
            self._answer(utterance=number, final=True, text="", confidence=-1.0, language="",
                         error=f"{type(fault).__name__}: {fault}")

    def _prepare(self, kind: str, folder: str, threads: int, language: str, vocabulary: list[str]) -> None:
        try:
            self._engine = ENGINES[kind](Path(folder), threads, language, vocabulary)
        except Exception as fault:
            self._failure = f"{folder} cannot be loaded: {fault}"
            raise
        self._answer(ready=True)

    def _go_on(self, number: int, kind: int, payload: bytes) -> None:
        utterance, widened = self._utterances[number]
        if kind == wire.AUDIO:
            text = utterance.feed(widened.feed(payload))
            if text and text != self._texts.get(number):
                self._texts[number] = text
                self._answer(utterance=number, final=False, text=text)
            return
        self._forget(number)
        if kind == wire.END:
            text, confidence, language = utterance.end()
            self._answer(utterance=number, final=True, text=text, confidence=confidence, language=language)

    def _forget(self, number: int) -> None:
        self._utterances.pop(number, None)
        self._texts.pop(number, None)

    def _answer(self, **content: Any) -> None:
        self._out.write(json.dumps(content).encode() + b"\n")
        self._out.flush()


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which then closes our input
    os.nice(NICENESS)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    source, frames, desk = sys.stdin.fileno(), wire.Frames(), Desk(out)
    waiting: deque[tuple[int, int, bytes]] = deque()
    while True:
        while not waiting or select.select([source], [], [], 0)[0]:  # read all there is before the next piece of work
            data = os.read(source, 1 << 16)
            if not data:
                return
            waiting.extend(frames.feed(data))
        number, kind, payload = waiting.popleft()
        if kind == wire.CANCEL or not any(other == number and later == wire.CANCEL for other, later, _ in waiting):
            desk.take(number, kind, payload)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # the engine is gone
        main()
