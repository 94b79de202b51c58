"""The switch as hand-over needs it: commands by the inbound event socket, and news of single channels."""

import logging
from collections.abc import Callable
from contextlib import suppress

from engine.esl import handlers
from engine.esl.errors import EslError
from engine.esl.event import Event
from engine.esl.handlers import Handler
from engine.esl.inbound import InboundClient

log = logging.getLogger(__name__)

# BACKGROUND_JOB before CUSTOM: whatever follows CUSTOM is taken for one of its subclasses.
EVENTS = ("BACKGROUND_JOB", "CHANNEL_BRIDGE", "CHANNEL_HANGUP_COMPLETE", "DTMF", "CUSTOM", "callcenter::info")
_UUID_HEADERS = ("Unique-ID", "Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "CC-Member-Session-UUID")


class Switch:
    """``client`` for commands; ``watch`` for events of one channel, whoever controls it.

    All calls of the switch come by here, so what nobody watches is dropped after a look at four headers.
    """

    def __init__(self, client: InboundClient) -> None:
        """Subscribes; may be called before the client is connected."""
        self.client = client
        self._watchers: dict[str, list[Handler]] = {}
        client.subscribe(*EVENTS)
        for name in EVENTS:
            if name not in ("BACKGROUND_JOB", "CUSTOM"):
                client.on(name, self._route)

    def watch(self, uuid: str, handler: Handler) -> Callable[[], None]:
        """Call ``handler(event)`` for news of this channel; it must not wait. Returns what ends it (idempotent)."""
        self._watchers.setdefault(uuid, []).append(handler)

        def end() -> None:
            watchers = self._watchers.get(uuid, [])
            if handler in watchers:
                watchers.remove(handler)
            if not watchers:
                self._watchers.pop(uuid, None)

        return end

    def is_up(self, uuid: str) -> bool:
        """Whether the channel exists. True as well when the switch cannot be asked: nothing is concluded from that."""
        try:
            return self.client.api("uuid_exists", uuid).strip() != "false"
        except EslError:
            return True

    def kill(self, uuid: str, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up a channel that may be gone already."""
        with suppress(EslError):
            self.client.kill(uuid, cause)

    def _route(self, event: Event) -> None:
        for uuid in {event.get(header) for header in _UUID_HEADERS} & self._watchers.keys():
            for handler in list(self._watchers.get(uuid or "", ())):
                handlers.run(handler, event)


__all__ = ["Switch"]
