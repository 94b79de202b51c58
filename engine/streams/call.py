"""The call behind a carrier's stream: cast, leg, conversation, log and recording, as a call of FreeSWITCH has them."""

import logging
import time
from collections.abc import Callable

import gevent

from engine import holding
from engine.arrival import Arrival
from engine.carriers.stream import Started
from engine.conversation import Conversation
from engine.legcall import LegCall
from engine.media.carrierleg import CarrierLeg, Line, Sending
from engine.media.linecodec import LineCodec
from engine.media.messageleg import MessageLegs
from engine.streams.actions import StreamActions
from engine.streams.returns import Returns
from engine.streams.waysout import WayOut
from engine.surroundings import Surroundings
from engine.talk import Past, Talk
from engine.telemetry import logs

log = logging.getLogger(__name__)

MAY_RETURN = ("switch", "engine")
"""By whom a stream was ended whose call the carrier may connect again; neither caller nor agent has hung up."""

WAY_OUT_S = 6.0
"""How long the end of a call waits for what the carrier was asked last."""


class StreamCall(LegCall):
    """One call. ``close`` it when the stream is over; ``ended(why)`` asks for its end."""

    def __init__(self, around: Surroundings, legs: MessageLegs, arrival: Arrival, transport: str, codec: LineCodec,
                 line: Line, sending: Sending, way_out: WayOut, ended: Callable[[str], None],
                 started: Started, returns: Returns) -> None:
        """The caller is greeted, or welcomed back. ``started``: what the carrier says of it. ``ended(why)`` closes the
        stream, and so the call. Raises ``TrunklineError`` where nobody can take it; nothing is open then."""
        self.started = started
        self._returns = returns
        self._target = ""
        self._gave_way = False
        self._transport = transport
        self._way_out = way_out
        self._ended = ended
        self._leaving: gevent.Greenlet | None = None
        self.cause = ""
        """Why the agent's side ended it, where that is so."""
        super().__init__(around, arrival)
        self._opened_by(lambda: self._open(legs, codec, line, sending))

    def _open(self, legs: MessageLegs, codec: LineCodec, line: Line, sending: Sending) -> None:
        cast = self.cast = self._begin(self._transport, direction="inbound")
        told = self.started
        self.events.write("carrier_stream", carrier=self._transport, call=told.call_sid, stream=told.stream_sid,
                          encoding=told.encoding, rate=told.rate)
        leg = self.leg = CarrierLeg(legs, codec, line, sending)
        tape = self._attach(leg, "stream")
        self._setting = holding.Setting(leg, self.events, self._began, self.hang_up, self.uuid, tape)
        talk = self._talk = holding.begin(cast, self._setting, self._lost_model)
        self._hold(talk)
        self._follow_voice(talk)
        self.actions = StreamActions(self, self._way_out, cast.targets, cast.senses.voice)
        self._closes.insert(0, self.actions.close)
        cast.join(talk, self.actions)
        self._greet(talk)

    def _greet(self, talk: Talk) -> None:
        left = self._returns.come(self.started.call_sid)
        back = self._around.config.telephony.phrase("back", talk.phrases)
        if left is None or not self._returns.welcome(left, talk, back):
            talk.start()
        else:
            self.events.write("caller_back", why="the human hung up, or did not answer" if left.target else
                              "the carrier has connected the call again", away_s=round(time.monotonic() - left.at, 1))

    def _follow_voice(self, talk: Talk) -> None:
        """Where the carrier stops sending in the middle of a word, the word ends."""
        if isinstance(talk, Conversation):
            self.leg.open_voice = lambda: talk.listening.is_open

    def _lost_model(self, past: Past) -> None:
        """The model that held the conversation is lost: the engine's own providers hold the rest of it."""
        if not self._closed:
            self._talk = holding.go_on(self.cast, self._setting, self.actions, self._talk, past)
            self._hold(self._talk)
            self._follow_voice(self._talk)

    @property
    def conversation(self) -> Talk:
        """The agent's side of it."""
        return self._talk

    def digit(self, digit: str, duration_ms: int) -> None:
        """The caller pressed a key."""
        self._talk.digit(digit, duration_ms)

    def handed_over(self, target: str) -> None:
        """Somebody else has the caller: what ends now is the agent's part."""
        self._target, self.cause = target, f"handed over to {target}"

    def give_way(self) -> None:
        """The carrier has connected the call again: a newer stream's call goes on with what was said here."""
        self._talk.hung_up()  # last words are history then
        self._keep_account()
        self._gave_way = True

    def _keep_account(self) -> None:
        if self._talk_held is not None:
            self._returns.left(self.started.call_sid, self._talk, self._target)

    def hang_up(self, reason: str) -> None:
        """The agent is done: end the call. After a ``fault`` the carrier goes on with its flow instead. Returns at
        once."""
        if self._leaving is not None or self._closed:
            return
        if reason == "fault":
            self.cause = self.cause or "fault"
            self._leaving = logs.spawn(self._ended, "the conversation ended by a fault")
            return
        self.cause = self.cause or reason
        self._leaving = logs.spawn(self._way_out.hang_up)

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over. Returns at once."""
        self.events.note("told_to_end", why=why)
        self.hang_up(why)

    def close(self, cause: str, by: str = "caller") -> None:
        """Idempotent."""
        if hasattr(self, "actions") and not self._closed:
            self.actions.settle(WAY_OUT_S)
        may_return = not (self._closed or self._gave_way) and (self._target or by in MAY_RETURN)
        if self.cause:
            cause, by = self.cause, "engine" if self.cause == "fault" else "agent"
        super().close(cause, by)
        if may_return:
            self._keep_account()
        if self._leaving is not None and self._leaving is not gevent.getcurrent():
            self._leaving.join(WAY_OUT_S)
            self._leaving.kill(block=False)


__all__ = ["StreamCall"]
