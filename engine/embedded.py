"""The embedded default: hearing, thinking and speaking with nothing but this machine.

Demo-grade recognition, English only, and said so: the recogniser knows the words of the collection it serves.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from engine.config import Config
from engine.dialog.brain import Brain
from engine.dialog.clauses import clauses
from engine.dialog.knowledge_brain import KnowledgeBrain
from engine.knowledge.base import KnowledgeBase
from engine.speech.interfaces import Recogniser, Vad, Voice
from engine.speech.spoken import speakable
from engine.speech.stt.lm import build_language_model
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser
from engine.speech.tts.phrases import PhraseCache
from engine.speech.vad import make_vad
from engine.speech.voices import make_voice

log = logging.getLogger(__name__)

READY_TIMEOUT_S = 30.0
"""How long the start waits for the recogniser's processes; calls that come before they are ready only wait longer."""

PATIENCE_MS = 60_000
"""Longest wait for a final of a recording: nobody is on the line."""


@dataclass(frozen=True)
class Providers:
    """Who hears, thinks and speaks for an engine."""

    vad: Vad
    recogniser: Recogniser
    voice: Voice
    brain: Brain
    knowledge: KnowledgeBase | None = None
    """What the brain answers from, where it is a knowledge base."""

    transcriber: Callable[[], Recogniser] | None = None
    """Makes a recogniser for recordings, apart from that of the calls; None: recordings are heard by that one."""

    def close(self) -> None:
        """End their processes and connections."""
        self.recogniser.close()
        self.voice.close()


def providers(config: Config) -> Providers:
    """The embedded set for ``config``. Raises ``TrunklineError`` saying what is missing and how to get it; what had
    been started is ended then."""
    knowledge = KnowledgeBase.open(options=config.knowledge, providers=config.providers,
                                   stores=config.vector_stores)
    if not knowledge.by_meaning:
        log.warning("the knowledge base is searched by keywords alone: %s", knowledge.why_keywords)
    with ExitStack() as undo:
        vad = make_vad(config.vad)
        voice = PhraseCache(make_voice(config.speech), limit_mb=config.speech.phrase_cache_mb)
        undo.callback(voice.close)
        voice.warm(fixed_phrases(config))
        model = build_language_model(*knowledge.language_material(config.speech.language))
        recogniser = PocketsphinxRecogniser(config.speech, config.vad, model)
        undo.callback(recogniser.close)
        if not recogniser.wait_ready(READY_TIMEOUT_S):
            log.warning("the recogniser is not ready after %g s; first callers may have to repeat", READY_TIMEOUT_S)
        undo.pop_all()
    patient = config.speech.model_copy(update={"recogniser_workers": 1, "final_timeout_ms": PATIENCE_MS})
    return Providers(vad, recogniser, voice, KnowledgeBrain(knowledge, config.agent), knowledge,
                     lambda: PocketsphinxRecogniser(patient, config.vad, model))


def fixed_phrases(config: Config) -> list[str]:
    """What the agent says word for word: rendered before the first call."""
    agent = config.agent
    texts = [text for text in agent.model_dump().values() if isinstance(text, str) and text and "{" not in text]
    # The greeting is spoken whole, what a brain says clause by clause.
    said = texts + [clause for text in texts for clause in clauses(text)]
    return list(dict.fromkeys(speakable(text, config.speech.language).text for text in said))
