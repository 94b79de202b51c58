"""All streams of carriers of an engine: what they share, and how a ``start`` becomes a call."""

import logging
import os
import secrets
from collections.abc import Callable, Mapping

from engine.arrival import Visitor
from engine.carriers.exotel_stream import ExotelStream
from engine.carriers.numbers import e164
from engine.carriers.stream import Started
from engine.carriers.twilio_stream import TwilioStream
from engine.config.carrier_streams import ExotelStreamOptions
from engine.media.carrierleg import Sending
from engine.media.linecodec import LineCodec
from engine.media.messageleg import MessageLegs
from engine.service import Engine
from engine.streams.call import StreamCall
from engine.streams.returns import Returns
from engine.streams.session import GOING_AWAY, TRY_LATER, Refused, Socket, StreamSession, Wire
from engine.streams.transfers import Transfers, transfers_of
from engine.streams.waysout import ExotelWayOut, TwilioApi, TwilioWayOut, WayOut

log = logging.getLogger(__name__)

NOT_FOR_AGENTS = frozenset({"token"})
"""Parameters that stay here."""

Check = Callable[[Started], str]
"""``check(started)``: the agent that a ticket names, "" for none. Raises ``Refused`` for a stream that nobody may open.
"""


class StreamServer:
    """One an engine. ``hold_twilio`` and ``hold_exotel`` keep one stream until its end."""

    def __init__(self, engine: Engine, environ: Mapping[str, str] = os.environ) -> None:
        """The engine need not be started yet."""
        self.engine = engine
        self.options = engine.config.carrier_streams
        self.twilio = TwilioApi(self.options.twilio, engine.config.carriers.twilio, environ)
        self.streams: dict[str, StreamSession] = {}
        self._transfers: Transfers = transfers_of(engine)
        self._returns = Returns()
        self._legs: MessageLegs | None = None
        engine.closing.append(self.twilio.close)

    def hold_twilio(self, socket: Socket, check: Check) -> None:
        """Serve one stream of Twilio's until it is over."""
        wire, options = TwilioStream(), self.options.twilio
        sending = Sending(options.lead_ms, options.piece_ms)

        def way_out(session: StreamSession, started: Started) -> WayOut:
            return TwilioWayOut(self.twilio, started.account_sid, started.call_sid, self._transfers,
                                lambda why: session.close(1000, why))

        self._hold(socket, wire, "twilio", check, lambda codec: sending, way_out)

    def hold_exotel(self, socket: Socket, check: Check, rate: int) -> None:
        """Serve one stream of Exotel's until it is over. ``rate``: what its address says, in Hz; 0: nothing."""
        options = self.options.exotel
        wire = ExotelStream(rate, both_spellings=options.both_spellings)
        frame_ms = self.engine.config.media.frame_ms

        def way_out(session: StreamSession, started: Started) -> WayOut:
            return ExotelWayOut(started.call_sid, self._transfers, lambda why: session.close(1000, why))

        self._hold(socket, wire, "exotel", check, lambda codec: exotel_sending(options, codec, frame_ms), way_out)

    # ------------------------------------------------------------ inside

    def _hold(self, socket: Socket, wire: Wire, transport: str, check: Check, sending: Callable[[LineCodec], Sending],
              way_out: Callable[[StreamSession, Started], WayOut]) -> None:
        engine = self.engine
        if not engine.accepting:
            socket.finish(GOING_AWAY, "the engine takes no new calls")
            return
        if sum(one.pending for one in self.streams.values()) >= self.options.max_streams:
            socket.finish(TRY_LATER, "too many streams that have not started")
            return

        def make(session: StreamSession, started: Started) -> StreamCall:
            agent = check(started) or started.parameters.get("agent", "")
            self._end_older(started.call_sid, session)
            if sum(one.call is not None for one in self.streams.values()) >= self.options.max_streams:
                raise Refused("as many streams as may be (carrier_streams.max_streams)")
            session.uuid = f"st_{secrets.token_hex(12)}"
            who = visitor(session.uuid, transport, started, agent, engine.config.carriers.country_code)
            codec = LineCodec(started.encoding, started.rate)
            call = StreamCall(engine.surroundings, self._shared_legs(), who, transport, codec, session, sending(codec),
                              way_out(session, started), lambda why: session.close(1000, why), started,
                              self._returns)
            engine.session_began(session)
            return call

        session = StreamSession(socket, wire, self.options, make)
        key = secrets.token_hex(8)
        self.streams[key] = session
        try:
            session.hold()
        finally:
            del self.streams[key]
            engine.session_ended(session)

    def _end_older(self, call_sid: str, newer: StreamSession) -> None:
        """A carrier that connects a call again has lost its first connection, whatever we still think of that one."""
        for session in self.streams.values():
            if session is not newer and session.call is not None and session.call.started.call_sid == call_sid:
                log.warning("call %s has a new stream; its older one ends", call_sid)
                session.call.give_way()
                session.let_go("the carrier has connected the call again")

    def _shared_legs(self) -> MessageLegs:
        if self._legs is None or self._legs.clock is not self.engine.clock:
            self._legs = MessageLegs(self.engine.clock, self.engine.config.media.frame_ms)
        return self._legs


def visitor(uuid: str, transport: str, started: Started, agent: str, country: str) -> Visitor:
    """Who comes, as agents are chosen by: numbers in E.164 (``country``: of those that come without one), parameters
    as variables. ``twilio_call_sid`` or ``exotel_call_sid`` says which call it is to the carrier, whose webhooks are
    joined by it."""
    variables = {name: value for name, value in started.parameters.items() if name not in NOT_FOR_AGENTS}
    caller = e164(started.caller or variables.get("caller", ""), country)
    called = e164(started.called or variables.get("called", ""), country)
    variables[f"{transport}_call_sid"] = started.call_sid
    if agent:
        variables["trunkline_agent"] = agent
    return Visitor(uuid, caller, called, variables)


def exotel_sending(options: ExotelStreamOptions, codec: LineCodec, frame_ms: int) -> Sending:
    """How audio goes to Exotel: in whole frames of ours that are whole units of theirs."""
    frame = codec.line_bytes(frame_ms)
    frames = max(1, -(-options.chunk_bytes // frame))
    while frames * frame % 320:
        frames += 1
    piece_ms = frames * frame_ms
    return Sending(max(options.lead_ms, piece_ms), piece_ms, whole_pieces=True, pace=options.pace)


__all__ = ["Check", "StreamServer", "exotel_sending", "visitor"]
