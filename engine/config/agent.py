"""What the agent says of itself, word for word, and who thinks for it; and where agents come from."""

from typing import Literal

from engine.config.base import Options


class AgentOptions(Options):
    """What the agent says of itself: the fixed phrases of one language. An agent's file gives them for each of its
    languages; these are those of a call without an agent's file."""

    brain: Literal["local", "realtime"] = "local"
    """Who holds the conversation. ``local``: the engine's turn-taking, recogniser, model or knowledge base, and voice.
    ``realtime``: a speech-to-speech model (``upstream``) that hears the caller and speaks itself; when it fails, the
    call goes on as with ``local``."""

    greeting: str = "Hello, this is the Trunkline help desk. How can I help you?"
    greeting_interruptible: bool = True
    go_ahead: str = "Please ask me your question."
    welcome: str = "You are welcome. Is there anything else?"
    unknown: str = "I am sorry, I do not know that. Could you ask in another way?"
    not_heard: str = "Sorry, I did not catch that. Could you say it again?"
    apology: str = "I am sorry, something went wrong. Please ask me again."
    away: str = "Are you still there?"
    goodbye: str = "Thank you for calling. Goodbye."

    filler: str = "One moment, please."
    """Said when looking something up takes longer."""

    busy: str = "This takes a little longer than usual. Please bear with me."
    """Said when a provider makes the caller wait."""

    transferring: str = "I am putting you through. Please hold the line."
    """Said before a hand-over whose target has no announcement of its own."""

    transfer_failed: str = "I am sorry, nobody can take your call right now. I am still here for you."
    """Said when the hand-over came to nothing."""

    language_changed: str = "All right, let us go on in English."
    """Said when the language has changed to this one."""

    ask_back: str = "Do you mean {first}, or {second}?"
    """Asked when two documents come equally near; ``{first}`` and ``{second}`` are their titles."""

    brief: str = "Call for you from the assistant. {summary} Press {accept} to take the call, {refuse} to refuse it."
    """Told to the human at a warm hand-over, again and again until one of the keys is pressed: ``{summary}`` is the
    agent's, ``{accept}`` and ``{refuse}`` are the keys, ``{caller}`` the caller's number."""

    position: str = "You are number {position} in the queue."
    """Said to callers who wait in a queue; ``{position}`` from 1. "" says nothing."""

    back: str = "I am back. Is there anything else I can do for you?"
    """Said to the caller who comes back to the agent after talking to a human. "" says nothing."""

    machine_message: str = "Hello. We have tried to reach you and will call you again. Goodbye."
    """Left on answering machines (`telephony.machine`)."""


class AgentsOptions(Options):
    """Where agents come from. How to write one: ``docs/operator/agents.md``."""

    folder: str = ""
    """Folder of your own agents, one ``NAME.yaml`` each; empty: ``agents/`` in the home folder. A relative one lies in
    the home folder. An agent of the same name takes the place of a shipped one."""

    shipped: bool = True
    """Whether the agents that come with Trunkline (``support``, ``okti``, ``kerala``) can be picked, too."""

    default: str = ""
    """The agent of calls that no other is for; empty: the one whose file says ``default: true``."""
