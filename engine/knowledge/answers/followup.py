"""What a short reply refers to: our offer of more, or our question which of two things was meant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.answers.phrases import ENGLISH, Phrases
from engine.knowledge.words.text import terms, words

Kind = Literal["more", "no_more", "first", "second", "neither", "which"]

MAX_WORDS = 6


@dataclass(frozen=True, slots=True)
class _Words:
    """Words by what they mean in a reply. English ones are understood in every language: callers mix."""

    yes: frozenset[str]
    no: frozenset[str]
    first: frozenset[str]
    second: frozenset[str]
    filler: frozenset[str]


def _words(yes: str, no: str, first: str, second: str, filler: str) -> _Words:
    return _Words(*(frozenset(text.split()) for text in (yes, no, first, second, filler)))


_ENGLISH = _words(
    "yes yeah yep sure please okay ok more on course right", "no nope thanks enough nothing neither none",
    "first former", "second latter last other",
    "yes please the one i mean meant want of thank you thanks well go tell me it that is would like to hear")

_WORDS = {
    "en": _ENGLISH,
    "fr": _words("oui ouais volontiers accord plus sûr bien", "non merci rien aucun aucune ni assez suffit",
                 "premier première", "second seconde deuxième dernier dernière autre",
                 "oui le la les l d' je veux voudrais dire dis dites moi en savoir de des s'il vous plaît c'est pour"),
    "hi": _words("हाँ हां जी ज़रूर और बताइए बताओ haan han ji zaroor aur bataiye", "नहीं मत बस nahi nahin bas",
                 "पहला पहली पहले pehla pehli", "दूसरा दूसरी दूसरे dusra doosra dusri",
                 "जी वाला वाली के बारे में है हाँ कृपया मुझे ji wala wali ke bare mein hai"),
    "ml": _words("അതെ ശരി ഉവ്വ് വേണം പറയൂ ആണ് കൂടുതൽ athe sheri venam parayu", "വേണ്ട ഇല്ല അല്ല മതി venda illa alla mathi",
                 "ആദ്യത്തെ ആദ്യത്തേത് ഒന്നാമത്തെ ഒന്നാമത്തേത് adyathe aadyathe",
                 "രണ്ടാമത്തെ രണ്ടാമത്തേത് മറ്റേത് randamathe", "ആണ് എനിക്ക് ഒന്ന് അത് aanu enikku athu"),
    "ta": _words("ஆம் ஆமாம் சரி வேண்டும் சொல்லுங்கள் மேலும் aamaam aam sari sollunga",
                 "வேண்டாம் இல்லை போதும் vendaam vendam illai podhum",
                 "முதல் முதலாவது முதலில் mudhal muthal", "இரண்டாவது மற்றது irandavadhu rendavadhu",
                 "எனக்கு அது தான் பற்றி enakku adhu thaan"),
}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """``question`` is the caller's earlier question, which the reply goes back to."""

    kind: Kind
    question: str


def follow_up(reply: str, context: Sequence[tuple[str, str]], phrases: Phrases = ENGLISH) -> FollowUp | None:
    """What ``reply`` refers to in what was said and heard before it (``(who, text)``, oldest first), or ``None`` for a
    question of its own. ``which``: it names one of the two by its words. ``phrases`` are what the agent says."""
    past = list(context)
    if past and past[-1] == ("user", reply):
        past.pop()
    said = next((text for who, text in reversed(past) if who == "agent"), "")
    asked = next((text for who, text in reversed(past) if who == "user"), "")
    heard = words(reply)
    if not asked or not heard:
        return None
    own = _WORDS.get(phrases.language, _ENGLISH)
    kind: Kind | None = None
    if phrases.offers(said):
        kind = _to_offer(heard, own)
    elif phrases.asks_back(said):
        kind = _to_question(heard, own)
    return FollowUp(kind, asked) if kind else None


def _to_offer(heard: list[str], own: _Words) -> Kind | None:
    yes, no = own.yes | _ENGLISH.yes, own.no | _ENGLISH.no
    rest = set(heard) - own.filler - _ENGLISH.filler
    if len(heard) > MAX_WORDS:
        return None
    plain_no = no - {"thanks", "merci"}
    if (rest <= no and rest & no) or (set(heard) & plain_no and rest <= no | yes):
        return "no_more"
    return "more" if rest <= yes and set(heard) & yes else None


def _to_question(heard: list[str], own: _Words) -> Kind:
    rest = set(heard) - own.filler - _ENGLISH.filler
    if rest and len(heard) <= MAX_WORDS:
        if rest <= own.first | _ENGLISH.first:
            return "first"
        if rest <= own.second | _ENGLISH.second:
            return "second"
        if rest <= own.no | _ENGLISH.no:
            return "neither"
    return "which"


def named(reply: str, titles: Sequence[str]) -> int | None:
    """Which of two titles the reply names: it has a word of the one that the other lacks, and none the other way."""
    heard = set(terms(reply))
    first, second = (set(terms(title)) for title in titles)
    to_first, to_second = heard & (first - second), heard & (second - first)
    if bool(to_first) == bool(to_second):
        return None
    return 0 if to_first else 1
