"""In which language a text's numbers are to be read, seen from its script. Pure."""

import re

_NATIVE = re.compile(r"[\u0620-\u06d5\u0904-\u0939\u0958-\u0dff]")
_SCRIPTS = {"hi": re.compile(r"[\u0904-\u0939\u0958-\u0961]"), "ml": re.compile(r"[\u0d05-\u0d39\u0d7a-\u0d7f]"),
            "ta": re.compile(r"[\u0b85-\u0bb9]")}  # fmt: skip
_SAME_SCRIPT = {"mr": "hi", "ne": "hi"}
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_LATIN_LANGUAGES = frozenset(("en", "fr", "de", "es", "it", "pt", "nl", "sv", "tr", "id"))


def reading(text: str, language: str) -> str:
    """The language to read ``text`` in, when the conversation is in ``language``.

    Text in another script is read in the language of that script. Latin words without any letter of the
    conversation's own script are English, so that "Your code is 1234" has no Malayalam numbers in it.
    """
    native = len(_NATIVE.findall(text))
    latin = len(_LATIN_WORD.findall(text))
    if native > latin:
        code = max(_SCRIPTS, key=lambda name: len(_SCRIPTS[name].findall(text)))
        known = _SCRIPTS[code].search(text) is not None
        return code if known and _SAME_SCRIPT.get(language) != code else language
    return language if language in _LATIN_LANGUAGES or native or latin < 2 else "en"
