"""What one Realtime session knows, and what each event of the client's and each happening of the engine's is written
into. Pure data; ``requests`` and ``tidings`` change it, ``protocol`` is its face."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.realtime import clientevents as client
from engine.realtime import orders as order
from engine.realtime import serverevents as events
from engine.realtime.config import SessionConfig
from engine.realtime.hearing import Hearing
from engine.realtime.inputbuffer import InputBuffer
from engine.realtime.items import Bounds, Conversation, transcript_for_model
from engine.realtime.replies import Replies
from engine.realtime.responses import Response
from engine.realtime.serverevents import Event


@dataclass(slots=True)
class Step:
    """What comes of one thing: events for the client, orders for the engine."""

    sends: list[Event] = field(default_factory=list)
    orders: list[order.Order] = field(default_factory=list)


class Talk:
    """One session's state. ``queued``: a response that is wanted as soon as the running one is done; ``truncating``:
    items whose truncation was acknowledged and whose heard words are still to come; ``playing``: whose audio is heard
    on the phone."""

    def __init__(self, config: SessionConfig, make_id: Callable[[str], str], bounds: Bounds, phone: bool,
                 extensions: bool) -> None:
        """See ``Protocol``."""
        self.config = config
        self.make_id = make_id
        self.phone = phone
        self.extensions = extensions
        self.conversation_id = make_id("conv")
        self.conversation = Conversation(bounds)
        buffer = InputBuffer(config.whole["audio"]["input"]["format"], bounds.audio_bytes)
        self.hearing = Hearing(self.conversation, buffer, make_id)
        self.replies = Replies(self.conversation, self.conversation_id, make_id)
        self.truncating: set[str] = set()
        self.playing: Response | None = None
        self.queued: client.ResponseCreate | None = None

    @property
    def session(self) -> dict[str, Any]:
        """The configuration as the client sees it."""
        return self.config.whole

    @property
    def untouched(self) -> bool:
        """Nothing was heard, written or said yet."""
        return not (len(self.conversation) or self.replies.count or self.hearing.buffer.ms)

    @property
    def answers_turns(self) -> bool:
        """Whether the session itself answers what the caller says."""
        detection = self.session["audio"]["input"]["turn_detection"]
        return bool(detection and detection["create_response"])

    def items_for_model(self) -> tuple[dict[str, Any], ...]:
        """The conversation, oldest first, with the words that were heard."""
        return transcript_for_model(list(self.conversation))

    def playback_cleared(self) -> list[Event]:
        """What was being heard on the phone is cut off."""
        response, self.playing = self.playing, None
        return [events.event("output_audio_buffer.cleared", response_id=response.id)] if response else []
