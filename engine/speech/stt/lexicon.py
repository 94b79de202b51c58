"""Pronunciations in the phones of the recogniser's acoustic model (ARPAbet, as in the CMU dictionary).

A word is looked up in the recogniser's own dictionary, then in ``english.yaml``, then asked of espeak-ng where
that program is installed (one word in two is then exact, one phone in ten wrong), and else spelt by rules.
"""

import functools
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from engine.speech.stt import english

_VOWEL = re.compile("[aeiouy]")


def dictionary(words: Iterable[str]) -> list[str]:
    """The lines of a dictionary with every pronunciation of these words, sorted: ``word PH ON ES``."""
    known, hand = _known(), english.table("pronunciations")
    lines, unknown = [], []
    for word in sorted(set(words)):
        if word in known:
            lines += [f"{word}{'' if n == 1 else f'({n})'} {phones}" for n, phones in enumerate(known[word], 1)]
        elif word in hand:
            lines.append(f"{word} {hand[word]}")
        else:
            unknown.append(word)
    spoken = _by_espeak(unknown) if unknown else {}
    return sorted(lines + [f"{word} {spoken.get(word) or by_rule(word)}" for word in unknown])


def by_rule(word: str) -> str:
    """Letters to phones: letter by letter for what cannot be spoken as a word, else the longest rule first."""
    letters = re.sub("[^a-z]", "", word)
    if len(letters) < 2 or not _VOWEL.search(letters):
        return " ".join(english.table("letters")[letter] for letter in letters) or "AH"
    if len(letters) > 3 and letters.endswith("e") and not letters.endswith("ee"):
        letters = letters[:-1]
    return _longest_first(letters, english.table("spelling"))


def from_ipa(ipa: str) -> str:
    """espeak-ng's IPA to ARPAbet; marks of stress and length without a rule are left out."""
    return _longest_first(re.sub("[ˈˌ‍͡ ]", "", ipa), english.table("ipa"))


def _longest_first(text: str, rules: dict[str, str]) -> str:
    phones, at = [], 0
    while at < len(text):
        for size in (4, 3, 2, 1):
            if text[at:at + size] in rules and at + size <= len(text):
                phones.append(rules[text[at:at + size]])
                at += size
                break
        else:
            at += 1
    return " ".join(phones)


def _by_espeak(words: list[str]) -> dict[str, str]:
    """Pronunciations by the espeak-ng program, empty where it is not installed or fails."""
    program = shutil.which("espeak-ng")
    if program is None:
        return {}
    try:
        done = subprocess.run([program, "-q", "--ipa=3", "-v", "en-us", "--stdin"], input="\n".join(words) + "\n",
                              capture_output=True, encoding="utf-8", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if done.returncode or len(lines) != len(words):
        return {}
    return {word: from_ipa(line) for word, line in zip(words, lines, strict=True)}


@functools.lru_cache(maxsize=1)
def _known() -> dict[str, list[str]]:
    """The recogniser's dictionary: 130,000 words, read once when a model is built."""
    import pocketsphinx

    known: dict[str, list[str]] = {}
    for line in Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8").splitlines():
        word, _, phones = line.partition(" ")
        known.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(phones)
    return known
