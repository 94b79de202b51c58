"""What a question asks for, and a question that leans on what was said before made to stand by itself. Pure, by rules,
in English, French, Hindi, Malayalam and Tamil, the last three also typed in Latin letters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.knowledge.words.asking import COURTESY, LIGHT, OPENERS, POINTING, TRAILING, WANTS, Wants
from engine.knowledge.words.stems import stem_in
from engine.knowledge.words.text import words
from engine.language.identify import identify
from engine.language.smallwords import is_small, latin_language

LANGUAGES = ("en", "fr", "hi", "ml", "ta")
SURE = 0.85
"""How likely the classifier must be of a text in Latin letters that has no small words to tell by."""

_MARKS = re.compile(r"[?!.,;:\u00ab\u00bb\u0964\"()\u2026]")

MAX_FRAGMENT, MAX_TRAILING, MAX_POINTING, MAX_BARE = 8, 4, 10, 6
"""Words that a question may have and still be taken for a fragment, one with a pronoun, one without a subject."""

MAX_TOPIC, MAX_BACK = 6, 3
"""Words of a topic that are carried on; how many questions back a topic is looked for."""

_DAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays "
    "sundays weekend weekends holiday holidays today tomorrow",
    "lundi mardi mercredi jeudi vendredi samedi dimanche demain week-end weekend",
    "सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार रविवार इतवार आज कल somvar mangalvar budhvar guruvar shukravar "
    "shanivar ravivar shaniwar raviwar itvar",
    "തിങ്കളാഴ്ച ചൊവ്വാഴ്ച ബുധനാഴ്ച വ്യാഴാഴ്ച വെള്ളിയാഴ്ച ശനിയാഴ്ച ഞായറാഴ്ച ഇന്ന് നാളെ thinkalazhcha chovvazhcha budhanazhcha "
    "vyazhazhcha velliyazhcha shaniyazhcha njayarazhcha",
    "திங்கட்கிழமை செவ்வாய்க்கிழமை புதன்கிழமை வியாழக்கிழமை வெள்ளிக்கிழமை சனிக்கிழமை ஞாயிற்றுக்கிழமை இன்று நாளை",
)
DAYS = frozenset(" ".join(_DAYS).split())
"""Words of which one takes the place of another in a question: "open on Saturday?" "And on Sunday?"."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, understood. ``language`` is one of five, or what was told; ``romanised``: an Indian language in Latin
    letters. ``wants`` is the kind of the answer, "" where the question does not say."""

    text: str
    language: str
    romanised: bool
    wants: Wants


def analyse(text: str, language: str = "") -> Question:
    """Understands a question. ``language``: what the call is in, if known; the text may still be in another one."""
    hint = language.partition("-")[0]
    spoken, romanised = language_of(text, hint)
    of_text = spoken or hint
    return Question(text, of_text, romanised, wanted(text, of_text))


def language_of(text: str, hint: str = "") -> tuple[str, bool]:
    """The language of a text, and whether it is an Indian one in Latin letters. ``hint``: what it is likely in."""
    guess = identify(text)
    if guess.script != "Latn" and guess.language:
        return guess.language, False
    found = words(text)
    told = latin_language(found, hint)
    if told == "en" and guess.script == "Latn" and not any(is_small(word, "en") for word in found):
        told = guess.language if guess.language in LANGUAGES and guess.probability >= SURE else hint or "en"
    return told, bool(found) and told in _DROPPING


def wanted(text: str, language: str) -> Wants:
    """What kind of answer the question wants."""
    line = " ".join(_MARKS.sub(" ", text.lower().replace("\u2019", "'")).split())
    for kind, pattern in WANTS.get(language, ()):
        if pattern.search(line):
            return kind
    return wanted(text, "en") if language not in ("en", "fr") and text.isascii() else ""


def resolve(text: str, context: Sequence[tuple[str, str]]) -> str:
    """The question with its topic, where it leans on what was said before; else ``text`` itself. ``context``: (who,
    text), oldest first, who is ``user`` or ``agent``; ``text`` may be its last entry.

    It leans if it is a fragment that goes on ("and for children?"), if it points ("how much is it?") and has no subject
    of its own, or if it asks for a fee or a time of nothing. In doubt it is left as it is."""
    return _resolve(text, list(context), MAX_BACK)


def _resolve(text: str, past: list[tuple[str, str]], depth: int) -> str:
    if past and past[-1] == ("user", text):
        past = past[:-1]
    at = next((at for at in range(len(past) - 1, -1, -1) if past[at][0] == "user"), None)
    said = words(text)
    if at is None or not said:
        return text
    language = language_of(text)[0]
    fragment = _fragment(text, said, language)
    if not fragment and not _leans(said, text, language):
        return text
    asked = past[at][1]
    if depth:
        asked = _resolve(asked, past[:at], depth - 1)
    answer = next((line for who, line in past[at:] if who == "agent"), "")
    if fragment:
        return _joined(asked, fragment) if _subject(asked) else text
    topic = _topic(asked) or _topic(answer.split(". ")[0])
    return _pointed(text, topic, language) if topic else text


def _content(found: Sequence[str], language: str) -> list[str]:
    """The words that are not small."""
    return [word for word in found if not is_small(word, language)]


def _is_light(word: str, language: str) -> bool:
    return word in LIGHT or stem_in(word, language) in LIGHT


def _topic(text: str) -> str:
    """What a question or an answer is about: its words that are neither small nor light, in their order."""
    found = words(text)
    language = latin_language(found)
    about = [word for word in _content(found, language) if not _is_light(word, language)]
    return " ".join(dict.fromkeys(about[:MAX_TOPIC]))


def _subject(text: str) -> bool:
    """Whether there is anything in a question to go on from."""
    found = words(text)
    return bool(_content(found, latin_language(found)))


def _fragment(text: str, said: Sequence[str], language: str) -> str:
    """What a fragment adds to the question before it, "" if the text is none. "What about", "and" are taken off."""
    if len(said) > MAX_FRAGMENT:
        return ""
    bare = " ".join(text.split()).strip(" ?.!,")
    for pattern in OPENERS.get(language, ()):
        found = pattern.match(bare)
        if found:
            rest = bare[found.end():].strip(" ,")
            of_rest = words(rest)
            complete = found["sure"] is None and (wanted(rest, language) or len(of_rest) > 5)
            own = [word for word in _content(of_rest, language) if word not in COURTESY]
            return rest if own and not complete else ""
    trails = TRAILING[language].search(bare) if language in TRAILING else None
    if trails and len(said) <= MAX_TRAILING and not wanted(bare, language) and _content(said, language):
        return _unasked(bare) if language == "ml" else bare
    return ""


def _unasked(text: str) -> str:
    """Malayalam without the -o that asks: കുട്ടികൾക്കോ to കുട്ടികൾക്ക്, ഞായറാഴ്ചയോ to ഞായറാഴ്ച."""
    if text.endswith("\u0d2f\u0d4b"):
        return text[:-2]
    return text[:-1] + "\u0d4d" if text.endswith("\u0d4b") else text.removesuffix("yo").removesuffix("o")


def _leans(said: Sequence[str], text: str, language: str) -> bool:
    """Whether a question points at something, or asks for a fee, a time of nothing, and has no subject of its own."""
    own = [word for word in _content(said, language) if not _is_light(word, language)]
    if own or len(said) > MAX_POINTING:
        return False
    kind = wanted(text, language)
    if POINTING[language].search(" ".join(said)):
        return bool(kind)
    of_nothing = len(said) <= MAX_BARE and kind in _OF_SOMETHING
    return of_nothing and (language in _DROPPING or bool(_MONEY & set(said)))


_DROPPING = ("hi", "ml", "ta")
"""Languages that leave a subject out that was named before."""
_OF_SOMETHING = ("how_much", "how_long", "how_many", "when", "where")
_MONEY = frozenset("fee fees cost price charge tariff deadline frais prix tarif date".split())  # noqa: SIM905


def _joined(asked: str, fragment: str) -> str:
    """The question before with what the fragment adds: a day for a day, "birth certificate" for "income certificate",
    else at its end."""
    base = asked.strip().rstrip("?!. ")
    old, new = words(base), words(fragment)
    language = latin_language(old)
    days = [word for word in old if word in DAYS], [word for word in new if word in DAYS]
    if len(days[0]) == 1 and days[1]:
        written = re.search(re.escape(days[1][0]), fragment, re.IGNORECASE)
        return _swapped(base, days[0][0], written[0] if written else days[1][0]) + "?"
    added = _content(new, latin_language(new))
    stems = {stem_in(word, language): word for word in _content(old, language)}
    shared = [word for word in added if stem_in(word, language) in stems]
    if len(shared) == 1 and len(added) > 1:
        head = stems[stem_in(shared[0], language)]
        at = old.index(head)
        before = at
        while before and not is_small(old[before - 1], language) and not _is_light(old[before - 1], language):
            before -= 1
        if before < at:
            return " ".join([*old[:before], *added, *old[at + 1:]]) + "?"
    return f"{base} {fragment}?"


def _swapped(text: str, old: str, new: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, text, flags=re.IGNORECASE)


def _pointed(text: str, topic: str, language: str) -> str:
    """The question with its topic where it pointed, else before its words (hi, ml, ta) or behind them."""
    mark = text.rstrip()[-1:] if text.rstrip()[-1:] in "?!." and text.strip() else "?"
    bare = text.strip().rstrip("?!. ")
    if language in _DROPPING:
        return f"{topic} {bare}{mark}"
    pointing = POINTING[language].search(bare.lower())
    if language == "en" and pointing and len(bare) == len(bare.lower()):
        return f"{bare[:pointing.start()]}{topic}{bare[pointing.end():]}{mark}"
    return f"{bare} {topic}{mark}"
