"""Questions asked aloud, off real time, of the same ears, recogniser and knowledge base that calls have.

    python -m benchmarks.by_ear                 what was heard of each question and what became of it
    python -m benchmarks.by_ear --set tuning    the set that thresholds and language model were chosen on
    ... --write benchmarks/data/knowledge-heard.jsonl

Twenty-millisecond frames go to the VAD as fast as the recogniser's processes take them. A voice asks its questions in
calls of four: as on the telephone, each call starts with a typical cepstral mean, which then follows the caller.
"""

import argparse
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gevent.pool import Pool

from benchmarks.voices import RATE, VOICES, in_room, say, say_all
from engine import configfile
from engine.config import Config
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.measure.evaluate import QUESTIONS, TUNING, HeardQuestion, Outcomes, Question, evaluate, load
from engine.speech.ears import Ears
from engine.speech.interfaces import Pcm
from engine.speech.offline import FINAL_WAIT_S, Line
from engine.speech.stt.lm import build_language_model
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser
from engine.speech.vad import make_vad
from engine.standin.line import telephone
from engine.turns.caller import Piece, Turn

BANDS = ("16 kHz", "telephone band")
SNR_DB = 30.0
QUESTIONS_A_CALL = 4
CALLS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Asked:
    """One question by one voice over one band: what was said, what was heard of it, and what became of it. The question
    of the outcome has the words that were heard."""

    said: Question
    voice: str
    band: str
    heard: HeardQuestion
    outcome: Outcomes


class Bench:
    """The embedded set without a call around it."""

    def __init__(self, config: Config) -> None:
        """Load; see ``ready``."""
        self.knowledge = KnowledgeBase.open(config.knowledge.collection, config.knowledge)
        speech = config.speech.model_copy(update={"recogniser_workers": 2, "final_timeout_ms": FINAL_WAIT_S * 1000})
        self.recogniser = PocketsphinxRecogniser(
            speech, config.vad, build_language_model(*self.knowledge.language_material("en"))
        )
        self._vad = config.vad
        if not self.recogniser.wait_ready(60.0):
            raise TimeoutError("the recogniser did not load")

    def ask(self, questions: list[Question], bands: tuple[str, ...] = BANDS) -> list[Asked]:
        """Every question by every voice over every band."""
        say_all([question.text for question in questions])
        order = list(range(len(questions)))
        random.Random(7).shuffle(order)
        calls = [(voice, band, order[first:first + QUESTIONS_A_CALL]) for band in bands for voice in VOICES
                 for first in range(0, len(order), QUESTIONS_A_CALL)]  # fmt: skip

        def hold(call: tuple[str, str, list[int]]) -> list[Asked]:
            voice, band, numbers = call
            asked = [questions[number] for number in numbers]
            with self._line(band) as line:
                heard = [words(line, over(band, voice, number, questions[number].text)) for number in numbers]
            outcomes = evaluate(self.knowledge, asked, spoken=True, heard=heard).outcomes
            return [Asked(said, voice, band, *entry) for said, *entry in zip(asked, heard, outcomes, strict=True)]

        return [asked for call in Pool(CALLS_AT_ONCE).imap(hold, calls) for asked in call]

    @contextmanager
    def _line(self, band: str) -> Iterator[Line]:
        # Ears of its own: frames of one call come in bursts here.
        line = Line(Ears(make_vad(self._vad), self._vad), self.recogniser, rate_of(band))
        try:
            yield line
        finally:
            line.close()

    def close(self) -> None:
        """End the recogniser's processes."""
        self.recogniser.close()


def words(line: Line, pcm: Pcm) -> HeardQuestion:
    """What is heard of a question, as the turn engine puts its stretches of voice together."""
    turn = Turn([Piece(heard.text, True, heard.start, heard.end, heard.confidence, heard.alternatives)
                 for heard in line.listen(pcm) if heard.text])
    return HeardQuestion(turn.text, turn.confidence, turn.alternatives)


def rate_of(band: str) -> int:
    """Samples a second on this band."""
    return RATE if band == BANDS[0] else 8000


def over(band: str, voice: str, number: int, text: str, snr_db: float | None = SNR_DB) -> Pcm:
    """A question as it comes out of the line. ``number`` seeds the noise, ``snr_db`` is that of a telephone line."""
    spoken = in_room(say(voice, text), seed=number)
    return spoken if band == BANDS[0] else telephone(spoken, RATE, snr_db=snr_db, seed=number)


def rates(asked: list[Asked]) -> dict[str, float]:
    """Percent of the answerable questions ``right``, ``wrong``, ``asked_back``, ``refused``, and of the others
    ``off_topic_answered``."""
    own = [entry.outcome.outcome for entry in asked if entry.said.documents]
    off = [entry.outcome.outcome for entry in asked if not entry.said.documents]
    found = {kind: 100 * own.count(kind) / len(own) for kind in ("right", "wrong", "asked_back", "refused")}
    return found | {"off_topic_answered": 100 * off.count("wrong") / len(off)}


def main() -> None:
    """Print every question, then the rates by voice and by band."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.by_ear", description=__doc__)
    parser.add_argument("--set", choices=("questions", "tuning"), default="questions")
    parser.add_argument("--write", type=Path, metavar="FILE", help="what was heard, as JSON lines")
    args = parser.parse_args()
    bench = Bench(configfile.load(None, os.environ))
    try:
        asked = bench.ask(load(QUESTIONS if args.set == "questions" else TUNING))
    finally:
        bench.close()
    if args.write:
        args.write.write_text("".join(_line(entry) for entry in asked), encoding="utf-8")
    for entry in asked:
        got = entry.outcome
        print(f"{entry.band}\t{entry.voice}\t{got.outcome}\t{got.answer.score:.2f}\t{entry.heard.confidence:.2f}\t"
              f"{entry.said.text}\t{entry.heard.text}")
    for band in BANDS:
        for voice in (*VOICES, ""):
            some = [entry for entry in asked if entry.band == band and entry.voice.startswith(voice)]
            print(band, voice or "all", {kind: round(rate, 1) for kind, rate in rates(some).items()})


def _line(entry: Asked) -> str:
    """A line of ``benchmarks/data/knowledge-heard.jsonl``."""
    return json.dumps({"question": entry.said.text, "voice": entry.voice, "band": entry.band,
                       "heard": entry.heard.text, "confidence": entry.heard.confidence,
                       "alternatives": entry.heard.alternatives}) + "\n"


if __name__ == "__main__":
    sys.exit(main())
