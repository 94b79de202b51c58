"""The misheard questions of the question sets: said by synthetic callers, heard by our recogniser, once at 16 kHz
(group ``misheard``) and once over a telephone (group ``telephone``).

    python -m benchmarks.hear_questions                 every set below benchmarks/data/knowledge that has a said.jsonl
    python -m benchmarks.hear_questions desk            one set
    ... --dry                                           print what was heard, write nothing
    ... --dry --band "16 kHz"                           one of the two only

A set's ``said.jsonl`` has what callers say: ``{"half", "said", "document", "fact", "language"}``, English only. The
set's English documents are ingested into a temporary home (the recogniser hears English only, and a language model of
French words would be worse), the recogniser gets the language model of that collection, and what it makes of each
question replaces the rows of the two groups in ``tuning.jsonl`` and ``evaluation.jsonl``. A question of which
no word was heard is left out and named; every other one is kept, however badly it was heard.

Voices, level, room, telephone band and noise are those of ``benchmarks.by_ear``. Calls have at most four questions; the
voices take turns. The same documents and code give the same rows. Needs flite, espeak-ng and the models in
``$TRUNKLINE_HOME``.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.by_ear import BANDS, QUESTIONS_A_CALL, over, rate_of, words
from benchmarks.voices import VOICES
from engine import configfile, paths
from engine.config import Config
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.measure.evaluate import HeardQuestion
from engine.language.identify import identify
from engine.speech.ears import Ears
from engine.speech.interfaces import Recogniser
from engine.speech.offline import FINAL_WAIT_S, Line
from engine.speech.stt.lm import build_language_model
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser
from engine.speech.vad import make_vad

SETS = Path(__file__).parent / "data/knowledge"
SAID = "said.jsonl"
HALVES = ("tuning", "evaluation")
GROUPS = ("clean", "romanised", "misheard", "telephone", "none")
GROUP_OF = {"16 kHz": "misheard", "telephone band": "telephone"}
"""The group of questions that were heard in a band."""
SHUFFLE = 7

Row = dict[str, Any]
"""One line of a question set; ``benchmarks/data/knowledge/README.md`` has the fields."""


def hear(folder: Path, config: Config, band: str) -> list[tuple[Row, str, HeardQuestion]]:
    """Every line of a set's ``said.jsonl`` with its voice and what was heard, in the order of the file.

    Works below ``$TRUNKLINE_HOME``, which gets the set as a collection. Raises ``KnowledgeError``, ``TimeoutError``,
    and ``OSError`` where a voice's program is missing."""
    said = read(folder / SAID)
    english = paths.home() / "documents" / folder.name
    copy_english(folder / "documents", english)
    ingest([english], folder.name, None)
    material = KnowledgeBase.open(folder.name, config.knowledge).language_material("en")
    speech = config.speech.model_copy(update={"recogniser_workers": 1, "final_timeout_ms": FINAL_WAIT_S * 1000})
    recogniser = PocketsphinxRecogniser(speech, config.vad, build_language_model(*material))
    try:
        if not recogniser.wait_ready(60.0):
            raise TimeoutError("the recogniser did not load")
        heard = {}
        for voice, numbers in calls([row["half"] for row in said]):
            heard |= _call(voice, {number: said[number]["said"] for number in numbers}, recogniser, config, band)
    finally:
        recogniser.close()
    return [(row, *heard[number]) for number, row in enumerate(said)]


def copy_english(documents: Path, target: Path) -> None:
    """The documents of a set that are not in another language than English (of a table it may be unknown), with their
    folders."""
    for path in sorted(documents.rglob("*")):
        if path.is_file() and identify(path.read_text(encoding="utf-8")).language in ("en", ""):
            copy = target / path.relative_to(documents)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def calls(halves: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Who asks which questions, by their numbers: at most four a call. ``halves`` is the half of each question. The
    voices take turns within each half, so that both halves have the same voices equally often."""
    asked: dict[str, list[int]] = {voice: [] for voice in VOICES}
    for half in HALVES:
        numbers = [number for number, name in enumerate(halves) if name == half]
        random.Random(SHUFFLE).shuffle(numbers)
        for place, number in enumerate(numbers):
            asked[VOICES[place % len(VOICES)]].append(number)
    return [(voice, numbers[first:first + QUESTIONS_A_CALL]) for voice, numbers in asked.items()
            for first in range(0, len(numbers), QUESTIONS_A_CALL)]


def _call(voice: str, asked: dict[int, str], recogniser: Recogniser, config: Config, band: str
          ) -> dict[int, tuple[str, HeardQuestion]]:
    line = Line(Ears(make_vad(config.vad), config.vad), recogniser, rate_of(band))
    try:
        return {number: (voice, words(line, over(band, voice, number, text))) for number, text in asked.items()}
    finally:
        line.close()


def misheard(row: Row, voice: str, heard: HeardQuestion, group: str = "misheard") -> Row:
    """The line of the question set for a question that was heard."""
    return {"question": heard.text, "document": row["document"], "fact": row["fact"], "group": group,
            "language": row["language"], "said": row["said"], "confidence": round(heard.confidence, 3),
            "alternatives": list(heard.alternatives), "voice": voice}


def replaced(rows: list[Row], fresh: list[Row], group: str = "misheard") -> list[Row]:
    """A half with other questions of a group, its groups one after the other."""
    kept = [row for row in rows if row["group"] != group] + fresh
    return sorted(kept, key=lambda row: GROUPS.index(row["group"]))


def read(path: Path) -> list[Row]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, rows: list[Row]) -> None:
    """Rows to a file of JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@contextmanager
def temporary_home() -> Iterator[None]:
    """An empty ``$TRUNKLINE_HOME`` that has the models of the real one."""
    models, before = paths.models().absolute(), os.environ.get("TRUNKLINE_HOME")
    with tempfile.TemporaryDirectory(prefix="trunkline-hear-") as folder:
        (Path(folder) / "models").symlink_to(models)
        os.environ["TRUNKLINE_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("TRUNKLINE_HOME")
            if before is not None:
                os.environ["TRUNKLINE_HOME"] = before


def main() -> None:
    """Hear the sets, print what became of each question, and write the halves anew."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hear_questions", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="names of folders below benchmarks/data/knowledge")
    parser.add_argument("--band", choices=BANDS, help="only this one")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    args = parser.parse_args()
    names = args.sets or sorted(path.parent.name for path in SETS.glob(f"*/{SAID}"))
    for name, band in product(names, [args.band] if args.band else BANDS):
        group = GROUP_OF[band]
        with temporary_home():
            found = hear(SETS / name, configfile.load(None, os.environ), band)
        for row, voice, heard in found:
            print(f"{name}\t{group}\t{voice}\t{heard.confidence:.2f}\t{row['said']}\t"
                  f"{heard.text or '(nothing: left out)'}")
        for half in () if args.dry else HALVES:
            fresh = [misheard(*entry, group) for entry in found if entry[0]["half"] == half and entry[2].text.strip()]
            path = SETS / name / f"{half}.jsonl"
            write(path, replaced(read(path), fresh, group))


if __name__ == "__main__":
    sys.exit(main())
