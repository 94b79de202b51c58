"""Records: rows of tables and objects of JSON, as blocks. Pure.

A record with a question and an answer is a pair; any other is a sentence that keeps its headers: "Plan: small, price:
ten dollars.".
"""

from collections.abc import Iterator, Sequence

from engine.knowledge.reading.blocks import Block, Pair, Source, Text

QUESTIONS = frozenset("""
question questions q faq frage fragen pregunta प्रश्न सवाल ചോദ്യം கேள்வி utterance utterances
""".split())  # noqa: SIM905
ANSWERS = frozenset("""
answer answers a reply response réponse reponse antwort respuesta उत्तर जवाब ഉത്തരം பதில்
""".split())  # noqa: SIM905
SAYS = frozenset({"say", "say aloud", "spoken", "spoken answer"})
TOPICS = frozenset({"category", "topic", "section", "catégorie", "categorie", "rubrique", "thème", "विषय", "വിഭാഗം",
                    "பிரிவு"})

Field = tuple[str, str]
"""Name and value."""


def is_faq(names: Sequence[str]) -> bool:
    """Whether these are the names of a table of questions and answers."""
    tidy = {_tidy(name) for name in names}
    return bool(tidy & QUESTIONS and tidy & (ANSWERS | SAYS))


def row(header: Sequence[str], cells: Sequence[str], source: Source, number: int = 0, page: int = 0) -> Iterator[Block]:
    """A row of a table; ``number`` for errors: its line or row."""
    yield from record([(header[place] if place < len(header) else "", cell) for place, cell in enumerate(cells)],
                      source, number, page)


def record(fields: Sequence[Field], source: Source, number: int = 0, page: int = 0) -> Iterator[Block]:
    """Nothing, a pair, or a sentence. Fields without a value are left out. A name may come more than once."""
    fields = [(name.strip().rstrip(":"), " ".join(value.split())) for name, value in fields if value.strip()]
    if not is_faq([name for name, _ in fields]):
        if fields:
            yield Text(_sentence(fields), page)
        return
    found: dict[str, list[Field]] = {"question": [], "answer": [], "say": [], "topic": [], "": []}
    for name, value in fields:
        found[_part(name)].append((name, value))
    say = source.say(" ".join(value for _, value in found["say"]), number)
    answer = [value for _, value in found["answer"]] or [say]
    if found[""]:
        answer.append(_sentence(found[""]))
    yield Pair(tuple(dict.fromkeys(value for _, value in found["question"])), tuple(answer), say,
               tuple(value for _, value in found["topic"]), page)


def _tidy(name: str) -> str:
    return " ".join(name.lower().replace("_", " ").split()).rstrip(":")


def _part(name: str) -> str:
    tidy = _tidy(name)
    for part, names in (("question", QUESTIONS), ("answer", ANSWERS), ("say", SAYS), ("topic", TOPICS)):
        if tidy in names:
            return part
    return ""


def _sentence(fields: Sequence[Field]) -> str:
    last = len(fields) - 1
    text = ", ".join((f"{name}: " if name else "") + (value if place == last else value.rstrip(".;,"))
                     for place, (name, value) in enumerate(fields))
    return text if text.endswith((".", "!", "?", "\u0964")) else text + "."
