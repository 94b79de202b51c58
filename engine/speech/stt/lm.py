"""The recogniser's language model, built from what the knowledge base says and from how callers ask for it.

A recogniser that knows the vocabulary and the questions makes a fifth of the errors of one that knows English at large.
Sentences alone do not do it: callers ask, documents state. So the documents' phrases are put into the templates of
questions, beside digits, numbers and the words of courtesy and control that every call has.
"""

import hashlib
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from engine import paths
from engine.speech.stt import english, grammars, lexicon
from engine.speech.stt.arpa import Trigrams
from engine.speech.stt.words import cardinal, sentences

VERSION = 2  # of this recipe and of the lexicon's: part of the cache's key
ARPA = "model.arpa"
DICTIONARY = "words.dict"

MAX_PHRASES = 1500
UTTERANCE_WEIGHT = 12.0  # a question as callers put it tells more than a sentence of a document
PHRASE_WEIGHT = 2.0  # shared out among the templates
EVERYDAY_WEIGHT = 0.02  # of each of the 12,000 combinations of everyday English: enough to have the words


def build_language_model(texts: Iterable[str], utterances: Iterable[str] = ()) -> Path:
    """A folder with the model of these texts (sentences or whole documents) and of these utterances, which are
    questions as callers put them. Kept in the cache by its content, so that asking again is quick.

    Takes about a second per thousand sentences: not for the hub's thread while calls go on.
    """
    texts, utterances = list(texts), list(utterances)
    key = hashlib.sha256(repr((VERSION, english.source(), texts, utterances)).encode()).hexdigest()[:20]
    folder = paths.cache() / "language-models" / key
    if (folder / DICTIONARY).is_file():
        return folder
    model = Trigrams()
    for sentence, weight in corpus(texts, utterances):
        model.add(sentence, weight)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        with (scratch / ARPA).open("w", encoding="ascii") as out:
            model.write(out)
        with (scratch / DICTIONARY).open("w", encoding="ascii") as out:
            for line in lexicon.dictionary(model.vocabulary | grammars.vocabulary()):
                out.write(line + "\n")
        scratch.rename(folder)
    except OSError:
        if not (folder / DICTIONARY).is_file():  # else another process was quicker
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def corpus(texts: Iterable[str], utterances: Iterable[str]) -> Iterable[tuple[list[str], float]]:
    """Every sentence that the model counts, with its weight."""
    stated = [sentence for text in texts for sentence in sentences(text)]
    asked = [sentence for text in utterances for sentence in sentences(text)]
    for sentence in stated:
        yield sentence, 1.0
    for sentence in asked:
        yield sentence, UTTERANCE_WEIGHT
    for phrases, templates in ((noun_phrases(stated + asked), english.lines("noun_templates")),
                               (verb_phrases(stated + asked), english.lines("verb_templates"))):
        for phrase in phrases:
            for template in templates:
                yield template.format(phrase).split(), PHRASE_WEIGHT / len(templates)
    for line in english.lines("common"):
        yield line.split(), 2.0
    for line in _numbers():
        yield line.split(), 0.2
    for line in _everyday():
        yield line.split(), EVERYDAY_WEIGHT


def noun_phrases(spoken: list[list[str]]) -> list[str]:
    """Runs of one to three content words, the most frequent first: a parser's work done by a stop list."""
    counts: Counter[str] = Counter()
    function_words = english.words("function_words")
    for sentence in spoken:
        run: list[str] = []
        for word in [*sentence, "the"]:
            if word not in function_words:
                run.append(word)
                continue
            for size in (1, 2, 3):
                counts.update(" ".join(run[at:at + size]) for at in range(len(run) - size + 1))
            run = []
    return [phrase for phrase, _ in counts.most_common(MAX_PHRASES)]


def verb_phrases(spoken: list[list[str]]) -> list[str]:
    """What follows "to", "can", "must" ..., and the beginnings of sentences without a subject (instructions): two to
    five words, the most frequent first. "your" becomes "my", as the caller would say it."""
    counts: Counter[str] = Counter()
    function_words, before_verb = english.words("function_words"), english.words("before_verb")
    for sentence in spoken:
        starts = [at + 1 for at, word in enumerate(sentence) if word in before_verb]
        if sentence[0] not in function_words:
            starts.append(0)
        for start in starts:
            phrase = ["my" if word == "your" else word for word in sentence[start:start + 5]]
            for size in range(2, len(phrase) + 1):
                if phrase[size - 1] not in function_words:
                    counts[" ".join(phrase[:size])] += 1
    return [phrase for phrase, _ in counts.most_common(MAX_PHRASES)]


def _everyday() -> Iterable[str]:
    verbs = sorted(english.words("verbs"))
    for first, second in ((english.lines("heads"), english.lines("askers")), (english.lines("wishes"), verbs),
                          (verbs, english.lines("objects")), (["", "the", "my", "a"], english.words("everyday"))):
        for pair in itertools.product(first, sorted(second)):
            yield " ".join(pair)


def _numbers() -> Iterable[str]:
    ones = [*cardinals(range(10)), "oh"]
    for digits in itertools.product(ones, repeat=3):
        yield " ".join(digits)
    yield from cardinals(range(10, 100))
    for frame in ("my number is {}", "my customer number is {}", "the number is {}", "it is {}", "{}", "{} o'clock"):
        for digit in ones:
            yield frame.format(digit)


def cardinals(numbers: Iterable[int]) -> list[str]:
    """The numbers as they are spoken."""
    return [" ".join(cardinal(number)) for number in numbers]
