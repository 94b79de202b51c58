"""Who the agent is, as far as a brain with a language model needs to know: plain data, filled from the agent's file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from engine.dialog.actions import TransferMode


@dataclass(frozen=True, slots=True)
class HandoverChoice:
    """Where a caller may be handed to. ``when`` tells the model when; numbers and names of queues stay elsewhere."""

    when: str
    mode: TransferMode = "blind"
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is said without asking the model, in one language. ``fillers``: while a skill takes its time, in order."""

    not_heard: str
    apology: str
    goodbye: str
    fillers: tuple[str, ...]


PHRASES: Mapping[str, Phrases] = MappingProxyType({
    "en": Phrases(
        "Sorry, I did not catch that. Could you say it again?",
        "I am sorry, something went wrong. Please ask me again.",
        "Thank you for calling. Goodbye.",
        ("One moment, please.", "I am still on it.", "It will not take much longer."),
    ),
    "fr": Phrases(
        "Pardon, je n'ai pas bien compris. Pouvez-vous répéter ?",
        "Je suis désolé, quelque chose n'a pas marché. Pouvez-vous reposer votre question ?",
        "Merci de votre appel. Au revoir.",
        ("Un instant, s'il vous plaît.", "Je cherche encore.", "J'ai presque fini."),
    ),
    "hi": Phrases(
        "माफ़ कीजिए, मैं ठीक से सुन नहीं पाया। क्या आप फिर से कहेंगे?", "माफ़ कीजिए, कुछ गड़बड़ हो गई। कृपया फिर से पूछिए।",
        "फ़ोन करने के लिए धन्यवाद। नमस्ते।", ("एक क्षण, कृपया।", "मैं अभी देख रहा हूँ।", "बस थोड़ा समय और।"),
    ),
    "ml": Phrases(
        "ക്ഷമിക്കണം, എനിക്ക് വ്യക്തമായി കേട്ടില്ല. ഒന്നുകൂടി പറയാമോ?",
        "ക്ഷമിക്കണം, എന്തോ തകരാറുണ്ടായി. ദയവായി വീണ്ടും ചോദിക്കൂ.", "വിളിച്ചതിന് നന്ദി. നമസ്കാരം.",
        ("ഒരു നിമിഷം.", "ഞാൻ നോക്കുകയാണ്.", "അല്പം കൂടി കാത്തിരിക്കൂ."),
    ),
    "ta": Phrases(
        "மன்னிக்கவும், சரியாகக் கேட்கவில்லை. மீண்டும் சொல்ல முடியுமா?",
        "மன்னிக்கவும், ஏதோ தவறு நடந்துவிட்டது. தயவுசெய்து மீண்டும் கேளுங்கள்.", "அழைத்ததற்கு நன்றி. வணக்கம்.",
        ("ஒரு நிமிடம்.", "பார்த்துக்கொண்டிருக்கிறேன்.", "இன்னும் சற்று நேரம்."),
    ),
})


@dataclass(frozen=True)
class Persona:
    """``prompt`` is who the agent is and what it is for; rules for speaking on a telephone are added to it.

    ``skills``: names or patterns (``crm_*``) that the agent may use; nothing else is offered. (``report_grounding``
    makes citations exact and costs a round of the model before each answer.) ``transfer``: targets by name.
    ``grounding``: ``skill``: the model searches when it wants to; ``prompt``: passages are put before every question
    (one step less to wait, more tokens). ``max_tokens`` and ``temperature`` None: the model's own.
    """

    name: str
    prompt: str
    language: str = "en"
    languages: tuple[str, ...] = ("en",)
    skills: tuple[str, ...] = ("search", "end_call")
    transfer: Mapping[str, HandoverChoice] = field(default_factory=dict)
    grounding: Literal["skill", "prompt"] = "skill"
    passages: int = 4
    """Passages that a search gives at most."""
    max_steps: int = 5
    """Answers of the model within one reply: each round of skills needs another one."""
    max_tokens: int | None = 300
    """Of one answer: half a minute of speech is more than anybody listens to."""
    temperature: float | None = None
    history_tokens: int = 3000
    """What goes before the caller's turn; the oldest turns are left out first."""
    not_heard_below: float = 0.2
    """Confidence of the recogniser below which the caller is asked to repeat, without asking the model."""
    unsure_below: float = 0.5
    """Confidence below which the model is told that the words may be wrong."""
    phrases: Mapping[str, Phrases] = field(default_factory=dict)
    """The agent's own, by language; ``PHRASES`` for those that are not here."""

    def phrases_in(self, language: str) -> Phrases:
        """The fixed phrases in ``language`` (``fr`` or ``fr-CA``), else in the agent's own, else in English."""
        for wanted in (language, language[:2], self.language):
            for phrases in (self.phrases, PHRASES):
                if wanted in phrases:
                    return phrases[wanted]
        return PHRASES["en"]
