"""What a caller says that is not a question: thanks, farewells, "yes please", "say that again". Pure.

Only a whole utterance counts, courtesy words aside, so that "no, how do I pay" stays a question.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

Courtesy = Literal["greeting", "thanks", "goodbye", "repeat", "yes", "no"]

_PHRASES: dict[str, tuple[tuple[Courtesy, str], ...]] = {
    "en": (
        ("goodbye", r"(good ?bye|bye|bye bye|that is all|that's all|that will be all|nothing else|i am done|i'm done)"),
        ("thanks", r"(thank you|thanks|thank you very much|thanks a lot|many thanks|great thanks|perfect)"),
        (
            "repeat",
            r"(repeat that|say that again|pardon|what did you say|come again|repeat|once more|could you repeat that|"
            r"can you repeat that|please repeat that|please say that again)",
        ),
        ("greeting", r"(hello|hi|hey|good morning|good afternoon|good evening|hello there)"),
        ("yes", r"(yes|yeah|yep|yes please|please|sure|ok|okay|of course|please do|go on|go ahead)"),
        ("no", r"(no|nope|no thanks|no thank you|not really)"),
    ),
    "fr": (
        ("goodbye", r"(au revoir|à bientôt|bonne journée|bonne soirée|c'est tout|ce sera tout|rien d'autre)"),
        ("thanks", r"(merci|merci beaucoup|merci bien|je vous remercie|parfait|super merci)"),
        ("repeat", r"(répétez|vous pouvez répéter|pouvez-vous répéter|pardon|comment|encore une fois)"),
        ("greeting", r"(bonjour|bonsoir|salut|allô)"),
        ("yes", r"(oui|ouais|d'accord|ok|bien sûr|volontiers|oui merci|s'il vous plaît|oui s'il vous plaît)"),
        ("no", r"(non|non merci|pas vraiment)"),
    ),
    "hi": (
        ("goodbye", r"(अलविदा|बस इतना ही|और कुछ नहीं|फिर मिलेंगे|बाय)"),
        ("thanks", r"(धन्यवाद|शुक्रिया|बहुत धन्यवाद|बहुत बहुत धन्यवाद|थैंक यू)"),
        ("repeat", r"(फिर से कहिए|फिर से बोलिए|दोबारा बोलिए|क्या कहा|एक बार और)"),
        ("greeting", r"(नमस्ते|नमस्कार|हेलो|हैलो)"),
        ("yes", r"(हाँ|हां|जी|जी हाँ|जी हां|ठीक है|ज़रूर)"),
        ("no", r"(नहीं|जी नहीं|नहीं धन्यवाद)"),
    ),
    "ml": (
        ("goodbye", r"(ബൈ|അത്രയേ ഉള്ളൂ|അത്രയേയുള്ളൂ|വേറെ ഒന്നുമില്ല|ഒന്നുമില്ല|പോകട്ടെ)"),
        ("thanks", r"(നന്ദി|വളരെ നന്ദി|ഒരുപാട് നന്ദി|താങ്ക്യൂ|താങ്ക് യൂ)"),
        ("repeat", r"(ഒന്നുകൂടി പറയൂ|ഒന്നുകൂടി പറയാമോ|ഒന്നു കൂടി പറയാമോ|എന്താ പറഞ്ഞത്|വീണ്ടും പറയൂ)"),
        ("greeting", r"(നമസ്കാരം|നമസ്തേ|ഹലോ|ഹലൊ)"),
        ("yes", r"(അതെ|ശരി|ഉവ്വ്|ഓക്കെ|വേണം)"),
        ("no", r"(അല്ല|വേണ്ട|ഇല്ല)"),
    ),
    "ta": (
        ("goodbye", r"(போய் வருகிறேன்|அவ்வளவுதான்|வேறு ஒன்றும் இல்லை|பை)"),
        ("thanks", r"(நன்றி|மிக்க நன்றி|ரொம்ப நன்றி|தேங்க்யூ)"),
        ("repeat", r"(மீண்டும் சொல்லுங்கள்|இன்னொரு முறை சொல்லுங்கள்|என்ன சொன்னீர்கள்|திரும்ப சொல்லுங்கள்)"),
        ("greeting", r"(வணக்கம்|ஹலோ)"),
        ("yes", r"(ஆம்|ஆமாம்|சரி|ஓகே|வேண்டும்)"),
        ("no", r"(இல்லை|வேண்டாம்)"),
    ),
}


@lru_cache(maxsize=16)
def _patterns(language: str) -> tuple[tuple[Courtesy, re.Pattern[str]], ...]:
    """English ones are understood in every language: callers mix."""
    phrases = _PHRASES.get(language, ()) + (() if language == "en" else _PHRASES["en"])
    return tuple((kind, re.compile(unicodedata.normalize("NFC", pattern))) for kind, pattern in phrases)


def courtesy(utterance: str, language: str = "en") -> Courtesy | None:
    """Which courtesy the whole of ``utterance`` is; None if it is something else. Two in a row: the last one counts
    ("no thank you, goodbye")."""
    text = unicodedata.normalize("NFC", utterance.lower().replace("\u2019", "'"))
    # Letters, marks (the vowels of the Indic scripts) and digits; joiners inside words are dropped.
    kept = (char if char in "'-" or unicodedata.category(char)[0] in "LMN" else " " for char in text
            if char not in "\u200c\u200d")
    rest = " ".join("".join(kept).split())
    found: Courtesy | None = None
    while rest:
        matches = [(len(m.group()), kind) for kind, pattern in _patterns(language) if (m := _whole(pattern, rest))]
        if not matches:
            return None
        length, found = max(matches)
        rest = rest[length:].strip()
    return found


def _whole(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """A match at the start of ``text`` that ends at a word's end; the longest alternative wins."""
    candidates = [m for end in _word_ends(text) if (m := pattern.fullmatch(text, 0, end))]
    return candidates[-1] if candidates else None


def _word_ends(text: str) -> list[int]:
    return [m.end() for m in re.finditer(r"\S+", text)]
