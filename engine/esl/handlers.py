"""Which handlers get an event: greenswitch's rules, without its faults."""

import logging
from collections.abc import Callable

import gevent

from engine.esl.event import Event
from engine.esl.wire import DISCONNECT, LOG

log = logging.getLogger(__name__)

Handler = Callable[[Event], object]


class Handlers:
    """Handlers by event name.

    The name is ``Event-Name``; the subclass for CUSTOM events; ``DISCONNECT`` for disconnect notices, ``log`` for log
    lines. Handlers of ``*`` get the events that have no handler of their own.
    """

    def __init__(self) -> None:
        """No handlers yet."""
        self.by_name: dict[str, list[Handler]] = {}

    def add(self, name: str, handler: Handler) -> None:
        """Adding one twice does nothing."""
        handlers = self.by_name.setdefault(name, [])
        if handler not in handlers:
            handlers.append(handler)

    def remove(self, name: str, handler: Handler) -> None:
        """Raises ``ValueError`` for one that is not there."""
        if handler not in self.by_name.get(name, ()):
            raise ValueError(f"No handlers found for event: {name}")
        self.by_name[name].remove(handler)
        if not self.by_name[name]:
            del self.by_name[name]

    def of(self, event: Event) -> list[Handler]:
        """The handlers for this event, in the order in which they were added."""
        if not self.by_name:
            return []
        name = event.name
        if not name:
            kind = event.get("Content-Type")
            name = {DISCONNECT: "DISCONNECT", LOG: "log"}.get(kind or "", "")
        elif name == "CUSTOM":
            name = event.subclass
        return list(self.by_name.get(name) or self.by_name.get("*") or ())


def run(handler: Handler, event: Event) -> None:
    """Call one handler; what it raises is logged and stops nobody else."""
    try:
        handler(event)
    except (Exception, gevent.Timeout):
        log.exception("handler %s failed on %r", getattr(handler, "__name__", handler), event)
