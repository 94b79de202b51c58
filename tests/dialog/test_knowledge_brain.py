"""The brain that answers from the knowledge base: courtesies, references back, and what it says of the unknown."""

import pytest

from engine.config import AgentOptions
from engine.dialog.brain import Farewell, Grounds, Request, Text
from engine.dialog.knowledge_brain import KnowledgeBrain
from engine.knowledge.answers.answer import Answer
from engine.knowledge.answers.phrases import ENGLISH

AGENT = AgentOptions()


class Knowledge:
    """Answers everything, or nothing."""

    def __init__(self, decision="answer", text="At nine."):
        self.decision, self.text, self.asked = decision, text, []

    def answer(self, question, *, spoken, context=(), confidence=-1.0, alternatives=(), phrases=ENGLISH):
        self.asked.append((question, spoken, tuple(context)))
        return Answer(self.decision, phrases.unknown if self.decision == "unknown" else self.text, (), 0.8, "because")


def reply(text, *history, knowledge=None):
    """Words, farewell or not, grounds, and what the knowledge base was asked."""
    knowledge = knowledge or Knowledge()
    parts = list(KnowledgeBrain(knowledge, AGENT).reply(Request(text, tuple(history), 1, False)))
    words = " ".join(part.text for part in parts if isinstance(part, Text))
    (grounds,) = [part for part in parts if isinstance(part, Grounds)]
    return words, any(isinstance(part, Farewell) for part in parts), grounds, knowledge.asked


def test_a_question_is_answered_with_its_grounds():
    history = (("agent", "Hello."),)
    words, farewell, grounds, asked = reply("when do you open", *history)
    assert (words, farewell, grounds.decision, grounds.score) == ("At nine.", False, "answer", 0.8)
    assert asked == [("when do you open", True, history)]


def test_what_is_not_known_is_said_in_the_words_of_the_agent():
    words, farewell, grounds, _ = reply("who are you", knowledge=Knowledge("unknown", "internal text"))
    assert (words, farewell, grounds.decision) == (AGENT.unknown, False, "unknown")


@pytest.mark.parametrize(
    ("said", "before", "words", "ends"),
    [
        ("thank you", "At nine.", AGENT.welcome, False),
        ("hello", AGENT.greeting, AGENT.go_ahead, False),
        ("yes please", AGENT.welcome, AGENT.go_ahead, False),
        ("no", AGENT.welcome, AGENT.goodbye, True),
        ("no", "At nine.", AGENT.welcome, False),
        ("goodbye", "At nine.", AGENT.goodbye, True),
        ("thanks, bye", "At nine.", AGENT.goodbye, True),
        ("say that again", "At nine.", "At nine.", False),
        ("say that again", "", AGENT.go_ahead, False),
    ],
)
def test_courtesies_need_no_knowledge(said, before, words, ends):
    """A farewell ends the call once it was heard; "no" does so only to "anything else?"."""
    history = (("agent", before),) if before else ()
    answer, farewell, grounds, asked = reply(said, *history)
    assert (answer, farewell, grounds.decision, asked) == (words, ends, "courtesy", [])


@pytest.mark.parametrize("before", [f"At nine. {ENGLISH.offer}", "Do you mean one, or two?"])
@pytest.mark.parametrize("said", ["yes please", "no"])
def test_yes_and_no_to_an_offer_or_a_question_back_are_answers(said, before):
    """Only the knowledge base knows what they refer to, and it reads that from the history."""
    _, _, grounds, asked = reply(said, ("user", "when"), ("agent", before))
    assert grounds.decision == "answer" and asked == [(said, True, (("user", "when"), ("agent", before)))]


def test_say_that_again_repeats_what_was_heard_not_what_was_meant():
    """The history holds the words that were played; an answer that was cut is repeated as far as it came."""
    words, *_ = reply("pardon", ("agent", "At nine. On Sundays"), ("user", "stop"))
    assert words == "At nine. On Sundays"
