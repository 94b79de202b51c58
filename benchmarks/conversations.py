"""Conversations made up for the turn-taking figures: seeded, from varied texts, timings and pause lengths.

The recogniser in them gives a word in a partial transcript 150 ms after the middle of the word, and the final one
200 ms after the voice (``FINAL_S``), which varies in some sets. The brain gives its first token after 250 ms and its
last after 600, the voice its first audio 150 ms after a clause.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from engine.config import AgentOptions, TurnOptions, VadOptions
from engine.replay.cases import Case
from engine.replay.rows import Answer, Happening, Rendering, Row, Speech

FINAL_S, PARTIAL_S = 0.2, 0.15
FIRST_TOKEN_S, LAST_TOKEN_S, FIRST_AUDIO_S = 0.25, 0.6, 0.15

QUESTIONS = (
    "when do you open on Saturday", "how much is a ticket for two adults", "what time does the last bus leave",
    "can I change my booking to Friday", "do you have a table for four tonight", "where is the nearest office",
    "is there parking near the station", "who do I talk to about a refund", "could you repeat the address please",
    "how long will the repair take", "what documents do I need to bring", "does the price include breakfast",
    "I would like to cancel my order", "please send me the invoice again", "I need a new password",
    "my card was charged twice last week", "the internet has been down since yesterday", "I lost my membership card",
    "tell me about the evening classes", "book me an appointment for tomorrow morning", "yes", "no thank you",
    "that is fine", "tomorrow at nine", "two adults and one child", "the blue one", "I am calling about my bill",
    "nothing else", "is Doctor Menon available today", "which bus goes to the airport",
)
REPLIES = (
    "Yes, certainly. We are open from nine in the morning until six in the evening, and on Saturday until one.",
    "I see. The last bus leaves at half past eleven from the main gate, and the next one at six in the morning.",
    "Of course. I have moved your booking to Friday at ten, and you will get a message with the new time.",
    "No problem. The nearest office is on the second floor of the town hall, just opposite the post office.",
    "All right. A ticket for two adults is fourteen euros, and children under six travel free of charge.",
    "Thank you. I have written that down, and somebody will call you back before the end of the day.",
)
LONG_REPLY = (
    "There are three ways to do that. You can come to our office with your card, and we will do it for you in ten "
    "minutes. You can also write to us, but then it takes about a week. The fastest way is our website, where you "
    "find the form under services."
)
BACKCHANNELS = (
    ("en", ("uh-huh", "mm-hmm", "mhm", "yeah", "yeah yeah", "okay", "ok", "right", "right right", "I see", "sure",
            "yes yes", "oh okay", "ah I see", "go on", "got it", "mmm", "hmm okay", "all right", "okay sure", "yep yep",
            "oh right", "of course", "ah okay yeah", "oh wow", "okay great", "mm yeah", "exactly", "aha",
            "I understand", "that makes sense", "perfect", "good good", "alright then", "oh yes", "cool cool",
            "yes I know", "hm right")),
    ("hi", ("haan", "haan ji", "ji", "ji ji", "achha", "theek hai", "achha theek hai", "हाँ", "जी हाँ", "ठीक है",
            "okay ji", "haan haan", "हम्म", "sahi hai")),
    ("ml", ("sheri", "sheri sheri", "athe", "aa", "ശരി", "അതെ", "ഉം", "okay sheri", "aa sheri", "manasilayi")),
    ("ta", ("sari", "aama", "aama aama", "சரி", "ஆமாம்", "ம்ம்", "okay sari", "seri seri")),
    ("fr", ("oui", "oui oui", "d'accord", "ah oui", "ouais", "je vois", "très bien", "ok d'accord", "hum", "voilà")),
)
INTERRUPTIONS = (
    ("en", ("stop", "wait a minute", "no", "no no that's wrong", "excuse me", "sorry what was that", "hold on",
            "I already have the form", "what does it cost", "can I talk to a person", "the website does not work",
            "Tuesday", "actually I want something else", "yes but how long does it take", "okay and where is it",
            "can you say that again", "that is not my question", "I am in a hurry", "a human please", "skip that",
            "how do I get there", "never mind", "let me tell you what happened", "uh no", "right but what about fees",
            "hello are you listening", "my address has changed", "speak slower please", "I don't understand")),
    ("hi", ("ruko", "नहीं नहीं", "mujhe kuch aur chahiye", "ek minute", "kitna paisa lagega", "haan lekin kab")),
    ("ml", ("nirthu", "venda", "enikku vere karyam venam", "ethra aakum", "ഒരു മിനിറ്റ്", "sheri pakshe evide")),
    ("ta", ("niruthunga", "vendam", "evvalavu aagum", "ஒரு நிமிஷம்", "enakku vera venum")),
    ("fr", ("attendez", "non non", "combien ça coûte", "je veux parler à quelqu'un", "oui mais quand")),
)
# What is said before a pause, and after it. Open: the words themselves show that there is more to come.
OPEN = (
    ("I would like to", "book a table for two"), ("my name is", "Anita Joseph"), ("well", "I lost my key"),
    ("I'm calling about the", "second bill"), ("could you tell me when the", "office opens"),
    ("I need, um", "a new card"), ("it was on Monday or", "maybe Tuesday"), ("do you have a", "smaller size"),
    ("the problem is that", "nobody called me back"), ("I want to go from", "Kochi to Chennai"),
    ("we are two adults and", "three children"), ("please send it to my", "work address"),
    ("let me see", "it is the red one"), ("I think so but", "I am not sure"),
    ("one moment", "the order number is A twelve"),
)
NUMBERS = (
    ("my number is nine eight four", "seven one two three four five six"), ("it's 98471", "23456"),
    ("nine eight four seven one", "two three four five six"), ("five five five one two", "one four one nine eight"),
    ("my number is", "eight double nine one two zero zero three five four"),
    ("the number is zero four eight four", "two three six nine one five"),
)
# Nothing in the words tells that there is more to come; only the length of the silence does.
CLOSED = (
    ("I want to book a table", "for four people tonight"), ("my order has not arrived", "and I am leaving tomorrow"),
    ("can you help me", "with my bill"), ("I called you yesterday", "about the repair"),
    ("I have a question", "about fees"),
    ("send me the invoice", "for last month please"), ("is the doctor there", "on Saturday afternoon"),
)


@dataclass(frozen=True)
class Made:
    """A case, where the caller's utterances in question begin and end (s), and their words."""

    case: Case
    spans: tuple[tuple[float, float], ...]
    texts: tuple[str, ...] = ()


class Script:
    """Rows of a case, one after another in time."""

    def __init__(self, name: str, rng: random.Random, language: str = "en", partials: bool = True) -> None:
        self.name, self.rng, self.language, self.partials = name, rng, language, partials
        self.rows: list[Row] = []

    def voice(self, at: float, text: str, final_s: float = FINAL_S) -> float:
        """The caller says it from ``at`` on; returns when the voice ends."""
        begin, heard, words = at, "", text.split()
        told: list[tuple[float, str]] = []
        for word in words:
            length = 0.12 + 0.045 * min(len(word), 9) * self.rng.uniform(0.8, 1.3)
            heard = f"{heard} {word}".strip()
            told.append((at + length / 2 + PARTIAL_S, heard))
            at += length
        end = round(at, 3)
        self.rows.append(Speech(begin, end, "", 0.0, final=False))
        if self.partials:
            self.rows += [Happening("transcript", when, (part, False, begin, min(when, end))) for when, part in told
                          if when < end + final_s]
        self.rows.append(Happening("transcript", end + final_s, (text, True, begin, end)))
        return end

    def noise(self, at: float, seconds: float, final_s: float = FINAL_S) -> float:
        """A noise in which the recogniser finds no words."""
        self.rows.append(Speech(at, at + seconds, "", final_s))
        return at + seconds

    def answer(self, question: str, reply: str, seconds: float) -> None:
        """What is answered to it, and how long that takes to say."""
        self.rows.append(Answer(reply, FIRST_TOKEN_S, LAST_TOKEN_S, question))
        self.rows.append(Rendering(seconds, FIRST_AUDIO_S, FIRST_AUDIO_S, reply))

    def made(self, spans: list[tuple[float, float]], texts: list[str]) -> Made:
        """The case."""
        case = Case(self.name, "", tuple(self.rows), (), TurnOptions(), AgentOptions(), VadOptions(),
                    language=self.language)
        return Made(case, tuple(spans), tuple(texts))


def talks(count: int = 20, turns: int = 6, seed: int = 1, partials: bool = True) -> Iterator[Made]:
    """Conversations of complete utterances without pauses."""
    rng = random.Random(seed)
    for number in range(count):
        script, at, spans, texts = Script(f"talk {number}", rng, partials=partials), 0.5, [], []
        for question in rng.sample(QUESTIONS, turns):
            end = script.voice(at, question)
            seconds = rng.uniform(3.0, 6.0)
            script.answer(question, rng.choice(REPLIES), seconds)
            spans.append((at, end))
            texts.append(question)
            at = round(end + 1.2 + seconds + rng.uniform(0.3, 2.0), 3)
        yield script.made(spans, texts)


def _over_the_reply(name: str, rng: random.Random, language: str) -> tuple[Script, float]:
    """A long reply is on its way; the script, and a time within it."""
    script = Script(name, rng, language)
    script.voice(0.5, "how do I renew my card")
    script.answer("how do I renew my card", LONG_REPLY, rng.uniform(12.0, 16.0))
    return script, round(rng.uniform(4.0, 11.0), 3)


def _pick(rng: random.Random, pool: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[str, str]:
    language, texts = rng.choices(pool, [len(texts) for _, texts in pool])[0]
    return language, rng.choice(texts)


def backchannels(count: int = 100, seed: int = 2) -> Iterator[Made]:
    """One "uh-huh" over a long reply, two in a row in two of five."""
    rng = random.Random(seed)
    for number in range(count):
        language, text = _pick(rng, BACKCHANNELS)
        if rng.random() < 0.4:
            text += rng.choice((" ", ", ")) + rng.choice(dict(BACKCHANNELS)[language])
        script, at = _over_the_reply(f"backchannel {number}", rng, language)
        text = text.capitalize() + rng.choice(("", ".", ".", "!")) if rng.random() < 0.5 else text
        end = script.voice(at, text, rng.uniform(0.15, 0.5))
        yield script.made([(at, end)], [text])


def interruptions(count: int = 100, seed: int = 3) -> Iterator[Made]:
    """The caller takes the floor in the middle of a long reply; before it there may have been noises."""
    rng = random.Random(seed)
    for number in range(count):
        language, text = _pick(rng, INTERRUPTIONS)
        script, at = _over_the_reply(f"interruption {number}", rng, language)
        for _ in range(rng.choice((0, 0, 0, 1, 2))):
            at = script.noise(at, rng.uniform(0.1, 0.5)) + rng.uniform(0.8, 1.6)
        end = script.voice(at, text, rng.uniform(0.15, 0.5))
        script.answer(text, "Of course. Let us do that instead.", 2.0)
        yield script.made([(at, end)], [text])


def noises(count: int = 100, seed: int = 4) -> Iterator[Made]:
    """One noise over a long reply."""
    rng = random.Random(seed)
    for number in range(count):
        script, at = _over_the_reply(f"noise {number}", rng, "en")
        end = script.noise(at, rng.uniform(0.08, 1.2), rng.uniform(0.1, 0.35))
        yield script.made([(at, end)], [""])


def pausing(count: int = 300, seed: int = 5) -> Iterator[Made]:
    """Callers who pause in the middle of what they say: after open words and within numbers for up to 1.3 s, where the
    words look complete for 0.15 to 0.9 s, mostly less than 0.5. The caller of each has said two turns before, one in
    two of them with a pause of the same kind."""
    rng = random.Random(seed)
    for number in range(count):
        kind = rng.choices((OPEN, NUMBERS, CLOSED), (50, 25, 25))[0]
        script, at, spans, texts = Script(f"pausing {number}", rng), 0.5, [], []
        for turn in range(3):
            if turn < 2 and rng.random() < 0.5:
                text = rng.choice(QUESTIONS)
                end = script.voice(at, text)
            else:
                before, after = rng.choice(kind)
                pause = min(0.9, 0.15 + rng.expovariate(1 / 0.18)) if kind is CLOSED else rng.uniform(0.3, 1.3)
                middle = script.voice(at, before, rng.uniform(0.15, 0.3))
                end = script.voice(round(middle + pause, 3), after)
                text = f"{before} {after}"
                spans.append((at, end))
                texts.append(text)
            seconds = rng.uniform(2.0, 4.0)
            script.answer(text, rng.choice(REPLIES), seconds)
            at = round(end + 3.5 + seconds + rng.uniform(0.3, 2.0), 3)
        yield script.made(spans, texts)

