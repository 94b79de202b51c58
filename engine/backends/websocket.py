"""The back-end for a FreeSWITCH with mod_audio_stream (its free build): the module streams the caller to the engine
over a WebSocket, and FreeSWITCH plays what the agent says from files that the module writes.

What the module and FreeSWITCH 1.11.2 do, read in their sources and seen in real calls:

* ``uuid_audio_stream start`` answers +OK also where nobody can be reached; ``mod_audio_stream::error`` says so later.
* It is a media bug: it survives ``playback``, codec changes and transfers, until it is stopped. After the WebSocket has
  ended it stays on the channel, and has to be stopped before it can be started again.
* ``streamAudio`` becomes a file in FreeSWITCH's folder for temporary files, and ``mod_audio_stream::play`` has its path
  and every other field of the message. Files are deleted when the stream is stopped or the call ends.
* With ``event-lock`` files are played in order, the next one right behind the one before. ``uuid_break all`` ends the
  one that plays and drops those that wait.
* ``playback`` stops at a key (``*``) unless ``playback_terminators`` is ``none``.
"""

import base64
import json
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from secrets import token_urlsafe
from typing import Protocol

import gevent
from gevent.event import Event as Flag

from engine.backends.backend import Lost
from engine.backends.playing import Playing, Sender
from engine.config import Config
from engine.esl import command
from engine.esl.channel import Channel
from engine.esl.control import CallControl
from engine.esl.errors import CommandRefused
from engine.esl.event import Event
from engine.esl.inbound import InboundClient
from engine.media.clock import FrameClock
from engine.media.errors import MediaError
from engine.media.fileleg import FileLeg
from engine.media.messageleg import MessageLegs
from engine.net.errors import SocketClosed

log = logging.getLogger(__name__)

MODULE = "mod_audio_stream"
PLAY, FAILED = f"{MODULE}::play", f"{MODULE}::error"
PATH = "/ws/freeswitch"

VARIABLES = {"playback_terminators": "none", "STREAM_HEART_BEAT": "20", "STREAM_BUFFER_SIZE": "20"}
"""Of a channel while it is streamed: keys do not stop the agent; the module pings; a message is a frame."""

IDLE = "send_silence_when_idle"
"""FreeSWITCH sends silence to the caller while a parked channel plays nothing. It is read when the park begins."""

TRIES = 2
SETTLE_S = 0.1
"""What ends the WebSocket may be the end of the call: that is told within this."""

PATIENCE_S = 2.0
"""How long FreeSWITCH may take to reach the engine, TLS and the network between included."""

UNKNOWN = 1008
"""Close code for who brings no token that is expected."""


class Socket(Protocol):
    """The WebSocket that FreeSWITCH has opened."""

    def send(self, message: str | bytes) -> None:
        """Queue a message. Raises ``SocketClosed``."""

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message. Raises ``SocketClosed`` after the last one."""

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End it."""


class AudioStreams:
    """Which streams are expected, and the legs of all. ``refused`` counts WebSockets that nobody expected."""

    def __init__(self, config: Config, clock: FrameClock, http_port: int) -> None:
        """``http_port``: where the engine's HTTP listens."""
        self.config = config
        self.refused = 0
        self.lines = 0
        self.legs = MessageLegs(clock, config.media.frame_ms)
        self.http_port = http_port
        self._expected: dict[str, StreamLine] = {}

    def backend(self, reached_by: str) -> "StreamBackend":
        """For a FreeSWITCH that reaches this host by the address ``reached_by``."""
        http = self.config.http
        host = f"[{reached_by}]" if ":" in reached_by else reached_by
        base = self.config.media.stream_url or f"{'wss' if http.certificate else 'ws'}://{host}:{self.http_port}"
        return StreamBackend(self, base.rstrip("/"))

    def expect(self, line: "StreamLine") -> str:
        """A token that nobody can guess, good for one WebSocket, which is this line's."""
        token = token_urlsafe(24)
        self._expected[token] = line
        return token

    def forget(self, token: str) -> None:
        """It is not expected any more."""
        self._expected.pop(token, None)

    def hold(self, token: str, socket: Socket) -> None:
        """One WebSocket until its end. Whoever brings no token that is expected is sent away."""
        line = self._expected.pop(token, None)
        if line is None:
            self.refused += 1
            socket.close(UNKNOWN, "nobody expects this stream")
        else:
            line.hold(socket)

    def close(self) -> None:
        """No legs any more."""
        self.legs.close()


class StreamBackend:
    """For the channels of one FreeSWITCH, which reaches the engine's HTTP at ``base``."""

    def __init__(self, streams: AudioStreams, base: str) -> None:
        """Opens nothing."""
        self._streams = streams
        self._base = base

    def open(self, channel_rate: int, codec: str, lost: Lost) -> "StreamLine":
        """As the protocol says; any codec. The leg has 16 kHz where the caller has at least that, else 8."""
        return StreamLine(self._streams, self._base, 16000 if channel_rate >= 16000 else 8000, lost)


class StreamLine:
    """One channel's audio by mod_audio_stream. Its WebSocket may end and another take its place; the leg goes on."""

    backend = "websocket"
    in_place = True

    def __init__(self, streams: AudioStreams, base: str, rate: int, lost: Lost) -> None:
        """Made by ``StreamBackend.open``."""
        self.leg = FileLeg(streams.legs, rate, self)
        self._streams = streams
        self._base = base
        self._lost = lost
        self._token = self._uuid = ""
        self._socket: Socket | None = None
        self._playing: Playing | None = None
        self._followed: CallControl | None = None
        self._others: list[Callable[[], None]] = []
        self._pending = b""
        self._failed = Flag()
        self._why = ""
        self._up = self._closed = False
        self._telling: gevent.Greenlet | None = None
        streams.lines += 1

    @property
    def address(self) -> str:
        """Where FreeSWITCH connects to."""
        return self._base

    # ------------------------------------------------------------------ the channel

    def attach(self, session: CallControl, leaving: Flag) -> int | None:
        """As the protocol says."""
        assert session.channel is not None
        began = time.monotonic()
        self._require_module(session.api("module_exists", MODULE))
        self._follow(session)
        self._uuid = session.channel.uuid
        session.connection.send_all(self._variables(VARIABLES))
        for _ in range(TRIES):
            self._start(session.send)
            gevent.wait([self.leg.first_frame, session.ended, leaving, self._failed], timeout=PATIENCE_S, count=1)
            session.raise_if_disconnected()
            if leaving.is_set():
                return None
            if self.leg.first_frame.is_set():
                self._up = True
                return round((time.monotonic() - began) * 1000)
        raise MediaError(f"FreeSWITCH did not reach the engine at {self._base} by WebSocket: "
                         f"{self._why or f'nothing came within {PATIENCE_S:g} s'}; check http.host, http.port and "
                         "media.stream_url")

    def attach_other(self, client: InboundClient, uuid: str) -> None:
        """As the protocol says. Nobody tells when its files are played: time alone does."""
        self._require_module(client.api("module_exists", MODULE))
        self._uuid = uuid
        client.subscribe("CUSTOM", PLAY)
        self._others.append(client.on(PLAY, self._on_play))
        for setting in self._variables(VARIABLES):
            client.send(setting)
        self._start(client.send, told=False)

    def came_back(self, lost: Flag) -> bool:
        """A WebSocket that has ended does not."""
        return False

    def rejoin(self, channel: Channel) -> None:
        """Nothing to do: it may have any codec."""

    def let_go(self, session: CallControl) -> None:
        """No stream any more, nothing that plays, and the variables as they were."""
        assert session.channel is not None
        self._up = False
        playing, self._playing = self._playing, None
        commands = []
        if playing is not None:
            if playing.busy:
                commands.append(command.api("uuid_break", f"{self._uuid} all"))
            playing.close()
        self.leg.lose()
        commands.append(command.api("uuid_audio_stream", f"{self._uuid} stop"))
        before = session.channel.variables
        commands += self._variables({name: before.get(name) or "" for name in VARIABLES})
        session.connection.send_all(commands)

    def leave(self, session: CallControl) -> None:
        """The same."""
        self.let_go(session)

    def keep(self, session: CallControl) -> None:
        """It is streamed again."""
        try:
            session.connection.send_all(self._variables(VARIABLES))
            self._start(session.send)
            self._up = True
        except MediaError as fault:
            self._lost(str(fault), 0)

    def figures(self) -> dict[str, object]:
        """None: TCP loses nothing."""
        return {}

    def close(self) -> None:
        """Stop both directions; the channel goes on. Idempotent."""
        if self._closed:
            return
        self._closed, self._up = True, False
        self._streams.lines -= 1
        self._streams.forget(self._token)
        if self._telling is not None:
            self._telling.kill(block=False)
        for end in self._others:
            end()
        if self._playing is not None:
            self._playing.close()
        socket, self._socket = self._socket, None
        if socket is not None:
            with suppress(SocketClosed):
                socket.close()
        self.leg.close()

    # ------------------------------------------------------------------ the WebSocket

    def hold(self, socket: Socket) -> None:
        """Listen to it until it ends."""
        if self._closed:
            socket.close(UNKNOWN, "the call is over")
            return
        self._socket = socket
        self.leg.come()
        why = "the WebSocket ended"
        try:
            while True:
                message = socket.receive()
                if isinstance(message, bytes) and len(message) % 2 == 0:
                    self.leg.take_line(message)
                elif message is not None:
                    self.leg.bad_frames += 1
        except SocketClosed as end:
            why = f"the WebSocket ended: {end}"
        finally:
            if self._socket is socket:
                self._socket = None
                self.leg.lose()
                if self._up:
                    self._telling = gevent.spawn_later(SETTLE_S, self._tell_lost, why)

    # ------------------------------------------------------------------ what the leg says (see carrierleg.Line)

    def play(self, audio: bytes) -> None:
        """It is sent with its name, by ``mark``."""
        self._pending = audio

    def mark(self, name: str) -> None:
        """A piece: the module writes it to a file and says where that is."""
        socket, audio, self._pending = self._socket, self._pending, b""
        if socket is None:
            return
        data = {"audioDataType": "raw", "sampleRate": self.leg.rate, "name": name,
                "audioData": base64.b64encode(audio).decode("ascii")}
        with suppress(SocketClosed):  # whoever holds it hears of that
            socket.send(json.dumps({"type": "streamAudio", "data": data}))

    def clear(self) -> None:
        """The caller hears no more of what was sent."""
        if self._playing is not None:
            self._playing.stop()

    # ------------------------------------------------------------------ inside

    def _require_module(self, exists: str) -> None:
        if exists.strip() != "true":
            raise MediaError(f"media.backend is websocket, and FreeSWITCH has no {MODULE}: install it there and load "
                             "it in modules.conf.xml, or set media.backend to auto, which needs no module")

    def _variables(self, values: Mapping[str, str]) -> list[command.Command]:
        return [command.api("uuid_setvar", f"{self._uuid} {name} {command.escape(value)}".rstrip())
                for name, value in values.items()]

    def _start(self, send: Sender, told: bool = True) -> None:
        """Have the channel streamed, anew where it was before: by this engine, or by one that has died."""
        self._failed.clear()
        self._why, self._socket = "", None
        self.leg.lose()
        self._streams.forget(self._token)
        self._token = self._streams.expect(self)
        if self._playing is not None:
            self._playing.close()
        self._playing = Playing(send, self._uuid, self.leg.files, told)
        with suppress(CommandRefused):  # there is nothing to stop
            _require(send, command.api("uuid_audio_stream", f"{self._uuid} stop"))
        rate = "16k" if self.leg.rate == 16000 else "8k"
        asked = f"{self._uuid} start {self._base}{PATH}/{self._token} mono {rate}"
        try:
            _require(send, command.api("uuid_audio_stream", asked))
        except CommandRefused as fault:
            raise MediaError(f"FreeSWITCH does not stream the call to {self._base}: {fault}; check media.stream_url, "
                             "and that nothing else streams this channel") from fault

    def _follow(self, session: CallControl) -> None:
        if self._followed is session:
            return
        self._followed = session
        session.subscribe("CUSTOM", PLAY, FAILED)
        for name, handler in ((PLAY, self._on_play), (FAILED, self._on_failed), ("CHANNEL_EXECUTE", self._on_execute),
                              ("CHANNEL_EXECUTE_COMPLETE", self._on_complete)):
            session.on(name, handler)

    def _on_play(self, event: Event) -> None:
        """A file is there."""
        if event.uuid != self._uuid or self._playing is None:
            return
        told = _json(event)
        name, path = told.get("name"), told.get("file")
        if isinstance(name, str) and isinstance(path, str):
            self._playing.play(name, path)

    def _on_failed(self, event: Event) -> None:
        if event.uuid == self._uuid:
            message = _json(event).get("message")
            self._why = str(message.get("error") or "") if isinstance(message, dict) else ""
            self._failed.set()
            if self._up:
                self._tell_lost(f"FreeSWITCH does not reach {self._base}: {self._why}")

    def _on_execute(self, event: Event) -> None:
        if self._playing is not None:
            self._playing.began(event.get("Application-UUID") or "", time.monotonic())

    def _on_complete(self, event: Event) -> None:
        if event.get("Application") == "socket":
            self._up = False  # somebody has transferred the caller: what plays there is not ours
            if self._playing is not None:
                self._playing.close()
        elif self._playing is not None:
            name = self._playing.ended(event.get("Application-UUID") or "")
            if name:
                self.leg.marked(name)

    def _tell_lost(self, why: str) -> None:
        session = self._followed
        if self._up and not self._closed and session is not None and session.hangup_cause is None:
            self._up = False
            self._lost(why, 0)


def _json(event: Event) -> dict[str, object]:
    """The body of one of the module's events."""
    try:
        told = json.loads(event.body or "")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _require(send: Sender, message: command.Command) -> None:
    reply = send(message)
    if not reply.ok:
        raise CommandRefused(message.label, reply.text)


__all__ = ["IDLE", "PATH", "AudioStreams", "StreamBackend", "StreamLine"]
