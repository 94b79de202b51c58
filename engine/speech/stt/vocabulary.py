"""Words that a recogniser should expect: chosen from the knowledge base, and given to vendors in their own way."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

PROMPT_CHARACTERS = 600
"""Whisper reads the last 224 tokens of a prompt; names cost about one token for three letters."""

KEYTERM_TOKENS = 500
"""Deepgram's limit for all keyterms of a stream (developers.deepgram.com/docs/keyterm); beyond, transcription stops."""

_NAME = re.compile(r"(?<![.!?:\n] )(?<!^)\b[A-Z][\w&'-]*(?: [A-Z][\w&'-]*){0,3}", re.MULTILINE)
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{2,20}\b")

Hint = Literal["auto", "prompt", "keywords", "none"]


def keyterms(texts: Iterable[str], limit: int = 60) -> tuple[str, ...]:
    """Names and codes of these texts, the most frequent first: what no recogniser can guess. Capitalised words count
    where they do not begin a sentence."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(match.group() for pattern in (_NAME, _CODE) for match in pattern.finditer(text))
    names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if len(name) > 2]
    return tuple(names[:limit])


def openai_hints(model: str, terms: Sequence[str], how: Hint = "auto") -> dict[str, object]:
    """The terms as fields of an OpenAI transcription: ``keywords`` for the models that have them (gpt-transcribe,
    gpt-live-transcribe), nothing for gpt-realtime-whisper, which has neither, ``prompt`` for all others. Source: the
    types AudioTranscription and TranscriptionCreateParams of openai-python 3.52."""
    if how == "auto":
        how = ("keywords" if model.startswith(("gpt-transcribe", "gpt-live-transcribe"))
               else "none" if model.startswith("gpt-realtime-whisper") else "prompt")
    if not terms or how == "none":
        return {}
    if how == "keywords":
        return {"keywords": list(terms)}
    prompt = ""
    for term in terms:
        longer = f"{prompt}, {term}" if prompt else term
        if len(longer) > PROMPT_CHARACTERS:
            break
        prompt = longer
    return {"prompt": prompt}


def within_tokens(terms: Sequence[str], tokens: int = KEYTERM_TOKENS) -> tuple[str, ...]:
    """As many of the terms as surely fit: a token is counted for every three bytes of a word, and one a word."""
    kept: list[str] = []
    for term in terms:
        tokens -= sum(1 + len(word.encode()) // 3 for word in term.split())
        if tokens < 0:
            break
        kept.append(term)
    return tuple(kept)


__all__ = ["Hint", "keyterms", "openai_hints", "within_tokens"]
