"""How words sound: one key a word, so that what was misheard or spelled otherwise can still be found."""

import re

_WORD = re.compile(r"\w+")


def keys(text: str, language: str = "") -> list[str]:
    """One key a word: for now the word itself in lower case, whatever the language."""
    return [word.lower() for word in _WORD.findall(text)]
