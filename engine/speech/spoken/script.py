"""In which language a text's numbers are to be read, seen from its script. Pure."""

import re

_SCRIPTS = (("hi", re.compile(r"[\u0904-\u0939\u0958-\u0961]")), ("ml", re.compile(r"[\u0d05-\u0d39\u0d7a-\u0d7f]")),
            ("ta", re.compile(r"[\u0b85-\u0bb9]")))  # fmt: skip
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")


def reading(text: str, language: str) -> str:
    """The language to read ``text`` in, when the conversation is in ``language``.

    Text in another script is read in the language of that script. Latin words without any letter of the
    conversation's own script are English, so that "Your code is 1234" has no Malayalam numbers in it.
    """
    counts = [(len(pattern.findall(text)), code) for code, pattern in _SCRIPTS]
    most, code = max(counts)
    latin = len(_LATIN_WORD.findall(text))
    if most > latin:
        return language if (most, language) in counts else code
    if language in ("hi", "ml", "ta"):
        return language if most or latin < 2 else "en"
    return language
