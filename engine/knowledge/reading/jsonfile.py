"""JSON and JSON lines: questions with answers, titles with texts, and whatever else as "key: value" sentences."""

import json
from collections.abc import Iterator
from typing import Any

from engine.knowledge.reading import calls, decode, markdown
from engine.knowledge.reading.blocks import Block, Draft, Heading, Source, Text
from engine.knowledge.reading.records import Field, is_faq, record

TITLES = ("title", "heading", "headline", "name", "subject")
TEXTS = ("text", "content", "body", "chunk", "passage", "description", "markdown")
MAX_DEPTH = 12


def parse(source: Source) -> Draft:
    """One JSON value, or one a line. Raises ``DocumentError`` with the line at fault."""
    text = decode.strict(source)
    try:
        value = json.loads(text)
        title = next((_shown(value[key]) for key in TITLES if isinstance(value.get(key), str)), "") \
            if isinstance(value, dict) and not is_faq(list(value)) else ""
        return Draft(list(_blocks(value, source, 1)), title)
    except RecursionError as fault:
        raise source.fault("nested too deep") from fault
    except ValueError as fault:
        if source.path.suffix.lower() == ".json" and not _lines_look_whole(text):
            line = getattr(fault, "lineno", 0)
            raise source.fault(f"not JSON: {getattr(fault, 'msg', fault)}", line) from fault
    return parse_lines(source, text)


def parse_lines(source: Source, text: str = "") -> Draft:
    """One value a line; empty lines do not count. A call's event log is read as a call."""
    text = text or decode.strict(source)
    values: list[tuple[int, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                values.append((number, json.loads(line)))
            except RecursionError as fault:
                raise source.fault("nested too deep", number) from fault
            except ValueError as fault:
                raise source.fault(f"not JSON: {getattr(fault, 'msg', fault)}", number) from fault
    if values and isinstance(values[0][1], dict) and {"t", "event"} <= values[0][1].keys():
        return calls.parse_log(source, values)
    return Draft([block for number, value in values for block in _blocks(value, source, 1, number)])


def _lines_look_whole(text: str) -> bool:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return len(lines) > 1 and all(line[0] + line[-1] in ("{}", "[]") for line in lines)


def _blocks(value: Any, source: Source, level: int, number: int = 0) -> Iterator[Block]:
    if level > MAX_DEPTH:
        raise source.fault(f"nested more than {MAX_DEPTH} deep", number)
    if isinstance(value, dict):
        yield from _object(value, source, level, number)
    elif isinstance(value, list):
        for place, item in enumerate(value, 1):
            yield from _blocks(item, source, level + 1 if isinstance(item, list) else level, number or place)
    elif shown := _shown(value):
        yield Text(shown)


def _object(value: dict[str, Any], source: Source, level: int, number: int) -> Iterator[Block]:
    """Simple fields are a record of their own; fields that hold more stand under their names."""
    simple, nested = list(_simple(value)), [(key, inner) for key, inner in value.items() if _holds_more(inner)]
    names = {key.lower(): key for key in value if not _holds_more(value[key])}
    title = next((key for key in TITLES if key in names), "")
    text = next((key for key in TEXTS if key in names), "")
    if text and not is_faq(list(value)):
        if title:
            yield Heading(_shown(value[names[title]]), level + 1)
        yield from _under(markdown.blocks(str(value[names[text]]), source), level + 1 if title else level)
        simple = []  # the rest is an id, an address, a date: about the text, not of it
    elif title and nested and not is_faq(list(value)):
        yield Heading(_shown(value[names[title]]), level + 1)
        simple = [field for field in simple if field[0] != names[title]]
    yield from record(simple, source, number)
    for key, inner in nested:
        yield Heading(" ".join(key.replace("_", " ").split()), level + 2)
        yield from _blocks(inner, source, level + 2, number)
    if title or nested:
        yield Heading("", level + 1)


def _under(found: Iterator[Block], level: int) -> Iterator[Block]:
    for block in found:
        yield Heading(block.text, block.level + level) if isinstance(block, Heading) else block


def _simple(value: dict[str, Any]) -> Iterator[Field]:
    """Names and values; a list of simple values is one value, but for questions each is one of its own."""
    for key, inner in value.items():
        if isinstance(inner, list) and not _holds_more(inner):
            shown = [text for text in map(_shown, inner) if text]
            if key.lower() in ("questions", "utterances"):
                yield from ((key, text) for text in shown)
            else:
                yield key, ", ".join(shown)
        elif not _holds_more(inner):
            yield key, _shown(inner)


def _holds_more(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(one, dict | list) for one in value))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())
