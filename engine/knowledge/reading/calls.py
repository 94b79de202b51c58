"""Calls that were written down: "Caller: ... / Agent: ..." in plain text, subtitles (.vtt, .srt), our own event logs.

What a caller says and what the agent answers becomes a pair, like a question of an FAQ with its answer. An agent's turn
that only asks back answers nothing, and what our own agent said without knowing it is left out.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.knowledge.reading import decode
from engine.knowledge.reading.blocks import Block, Draft, Pair, Source, Text
from engine.knowledge.words.text import sentences

CALLERS = frozenset("""
caller customer client user citizen guest patient student parent visitor appelant appelante visiteur q
""".split())  # noqa: SIM905
AGENTS = frozenset("""
agent assistant advisor adviser operator representative rep support bot desk clerk staff officer conseiller conseillère
téléconseiller a
""".split())  # noqa: SIM905

MIN_ASKED, MIN_ANSWERED = 3, 4
"""Words of a caller's turn that may be a question, and of the agent's that may be its answer: not "yes please"."""

_TURN = re.compile(r"^\s*(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?[\])]?\s*(?:-\s*)?)?"
                   r"([^\W\d_][\w .'-]{0,30}?)\s*(?:[\[(]\d{1,2}:\d{2}(?::\d{2})?[\])]\s*)?:\s*(.*)$")
_CUE = re.compile(r"^\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}\s*-->\s*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}")
_VOICE = re.compile(r"<v(?:\.[^ >]*)?\s+([^>]{1,60})>")
_TAG = re.compile(r"<[^>]{0,80}>")
_MASKED = "***"


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said; ``who`` is ``caller``, ``agent``, another name, or "" where nobody is named."""

    who: str
    text: str


def parse_subtitles(source: Source) -> Draft:
    """A ``.vtt`` or ``.srt`` file. Raises ``DocumentError`` when there is no cue in it."""
    text = decode.lenient(source)
    if not any(_CUE.match(line) for line in text.split("\n")):
        raise source.fault("there is no line like '00:01.000 --> 00:04.000' in it: these are no subtitles")
    return Draft(blocks(_joined(_cues(text))))


def parse_log(source: Source, lines: Iterable[tuple[int, Any]]) -> Draft:
    """The event log of a call (``events.jsonl``), given as ``(line number, value)``."""
    title = ""
    turns: list[Turn] = []
    decisions: dict[object, str] = {}
    said: dict[object, int] = {}
    for number, line in lines:
        if not isinstance(line, dict) or not isinstance(line.get("event"), str):
            raise source.fault("this line of a call's event log is no event", number)
        event, text = line["event"], line.get("text")
        if event == "call_started" and isinstance(line.get("started"), str):
            title = f"Call of {line['started'][:10]}"
        elif event == "grounds" and isinstance(line.get("gen"), int):
            decisions[line["gen"]] = str(line.get("decision"))
        elif event in ("user_said", "agent_said") and isinstance(text, str) and _MASKED not in text:
            caller = event == "user_said"
            gen = line.get("gen") if isinstance(line.get("gen"), int) else None
            if not caller:
                said[gen] = len(turns)
            if caller or (decisions.get(gen, "answer") == "answer" and not line.get("interrupted")):
                turns.append(Turn("caller" if caller else "agent", text))
            else:
                turns.append(Turn("nobody", ""))  # parts the question from what is said later
        elif event == "agent_heard" and isinstance(line.get("gen"), int) and line["gen"] in said:
            turns[said[line["gen"]]] = Turn("nobody", "")
    return Draft([block for block in blocks(_joined(turns)) if isinstance(block, Pair)], title)


def turns_of_text(body: str) -> list[Turn]:
    """The turns of a text in which callers and agents are named line by line; nothing if it is another text."""
    lines = [line for line in body.split("\n") if line.strip()]
    found = [_TURN.match(line) for line in lines]
    roles = [_role(match[1]) for match in found if match]
    if 2 * sum(role in ("caller", "agent") for role in roles) < len(lines) or not {"caller", "agent"} <= {*roles} \
            or {match[1].strip().lower() for match in found if match} <= {"q", "a", "question", "answer"}:
        return []
    turns: list[Turn] = []
    for line, match in zip(lines, found, strict=True):
        if match:
            turns.append(Turn(_role(match[1]), match[2]))
        else:
            turns.append(Turn(turns[-1].who if turns else "", line.strip()))
    return _joined(turns)


def blocks(turns: Sequence[Turn]) -> list[Block]:
    """Pairs of a caller's turn and the answer; where nobody is caller and agent, paragraphs of what was said."""
    if not {"caller", "agent"} <= {turn.who for turn in turns}:
        return [Text(turn.text) for turn in turns if turn.text]
    found: list[Block] = []
    for asked, answered in zip(turns, [*turns[1:], Turn("", "")], strict=True):
        if asked.who == "caller" and answered.who == "agent" and len(asked.text.split()) >= MIN_ASKED:
            told = [one for one in sentences(answered.text) if not one.rstrip("\"'").endswith("?")]
            if sum(len(one.split()) for one in told) >= MIN_ANSWERED:
                found.append(Pair((asked.text,), (" ".join(told),)))
    return found or [Text(turn.text) for turn in turns if turn.text]


def _role(name: str) -> str:
    tidy = name.strip().lower()
    words = set(tidy.split())
    return "caller" if words & CALLERS else "agent" if words & AGENTS else tidy


def _joined(turns: Iterable[Turn]) -> list[Turn]:
    """Turns that follow each other by the same speaker are one."""
    joined: list[Turn] = []
    for turn in turns:
        text = " ".join(turn.text.split())
        if joined and joined[-1].who == turn.who:
            joined[-1] = Turn(turn.who, f"{joined[-1].text} {text}".strip())
        else:
            joined.append(Turn(turn.who, text))
    return joined


def _cues(text: str) -> Iterator[Turn]:
    """The lines of the cues; a speaker is named by a voice tag or before a colon, and speaks until another is named."""
    who, inside = "", False
    for line in text.split("\n"):
        if _CUE.match(line):
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            if voice := _VOICE.search(line):
                who, line = _role(voice[1]), line[voice.end():]
            elif (named := _TURN.match(_TAG.sub("", line))) and _role(named[1]) in ("caller", "agent"):
                who, line = _role(named[1]), named[2]
            yield Turn(who, _TAG.sub("", line).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
