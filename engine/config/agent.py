"""What the agent says of itself."""

from engine.config.base import Options


class AgentOptions(Options):
    """What the agent says of itself."""

    greeting: str = "Hello, this is the Trunkline help desk. How can I help you?"
    greeting_interruptible: bool = True
    go_ahead: str = "Please ask me your question."
    welcome: str = "You are welcome. Is there anything else?"
    unknown: str = "I am sorry, I do not know that. Could you ask in another way?"
    not_heard: str = "Sorry, I did not catch that. Could you say it again?"
    apology: str = "I am sorry, something went wrong. Please ask me again."
    away: str = "Are you still there?"
    goodbye: str = "Thank you for calling. Goodbye."
