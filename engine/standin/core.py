"""The switch that the stand-in pretends to be: all its calls, events between them, and the crash. Pure."""

import random
import uuid
from collections.abc import Iterable

from engine.standin import api
from engine.standin.actions import Crash
from engine.standin.channel import Channel
from engine.standin.headers import WITHOUT_VARIABLES, Codec, event_head
from engine.standin.session import Session
from engine.standin.setup import Setup
from engine.standin.unicast import DEFAULT_LOCAL_PORT, DEFAULT_REMOTE_PORT, Unicast
from engine.standin.wire import Command, Header


class Switch:
    """All calls of one stand-in. ``epoch``: seconds since 1970 at time 0 of the clock; ``seed`` repeats every random
    value (UUIDs, tags, ports)."""

    def __init__(self, epoch: float = 0.0, seed: int | None = None) -> None:
        """An empty switch."""
        self.epoch = epoch
        self.dice = random.Random(seed)
        self.core_uuid = self.new_uuid()
        self.channels: dict[str, Channel] = {}
        self.crashed: str | None = None
        """What FreeSWITCH's assertion would say; once set every call is dead."""

        self.placed = self.peak = 0
        self._sequence = 500

    def place(self, setup: Setup, now: float) -> Channel:
        """A new call; it does nothing before its first ``frame``."""
        channel = Channel(self, setup, now)
        self.channels[channel.uuid] = channel
        self.peak = max(self.peak, len(self.channels))
        return channel

    def forget(self, channel: Channel) -> None:
        """The call is over and its connections are closed."""
        self.channels.pop(channel.uuid, None)

    def crash(self, channel: Channel, why: str) -> None:
        """FreeSWITCH aborts: from now on nothing answers."""
        channel.note(why)
        channel.actions.append(Crash(why))
        self.crashed = why

    def new_uuid(self) -> str:
        """A random UUID from the switch's dice."""
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def next_session(self) -> int:
        """The number of the next call."""
        self.placed += 1
        return self.placed

    def stamp(self, now: float) -> int:
        """A time of the clock as microseconds since 1970."""
        return int((self.epoch + now) * 1_000_000)

    def head(self, name: str, now: float) -> list[Header]:
        """The first headers of an event; counts it."""
        self._sequence += 1
        return event_head(name, self.stamp(now), self._sequence, self.core_uuid)

    def publish(
        self, name: str, before: Iterable[Header], after: Iterable[Header], channel: Channel | None, body: str = ""
    ) -> None:
        """Send an event to every controller that asked for it. ``channel`` None: an event of no channel."""
        sessions = self._listeners(name, channel)
        if not sessions:
            self._sequence += 1
            return
        now = channel.now if channel else sessions[0].channel.now
        headers = [*self.head(name, now), *before]
        if channel:
            headers += channel.headers()
            if name not in WITHOUT_VARIABLES:
                headers += channel.variable_headers()
        headers += after
        for session in sessions:
            if session.passes(headers):
                session.deliver(headers, body)

    def _listeners(self, name: str, channel: Channel | None) -> list[Session]:
        sessions = (session for other in self.channels.values() for session in other.sessions)
        return [session for session in sessions if session.listens(name, channel)]

    def unicast(self, message: Command, codec: Codec) -> Unicast | None:
        """What a ``unicast`` message asks for; None when it cannot be (a bad address, port or transport)."""
        headers = message.headers
        if headers.get("transport", "udp").lower() not in ("udp", "tcp"):  # tcp is accepted, and is UDP (:481)
            return None
        try:
            local = (headers.get("local-ip", "127.0.0.1"), int(headers.get("local-port") or DEFAULT_LOCAL_PORT))
            remote = (headers.get("remote-ip", "127.0.0.1"), int(headers.get("remote-port") or DEFAULT_REMOTE_PORT))
        except ValueError:
            return None
        native = codec.name if headers.get("flags", "").lower() == "native" else ""
        return Unicast(local, remote, codec.rate // 50 * 2, native)

    def api(self, line: str, now: float) -> str:
        """Run an API command; the text of its answer."""
        return api.run(self, line, now)
