"""One call inside the stand-in: commands and times in, messages and actions out. Pure.

The model is FreeSWITCH's session thread: it runs the dialplan's actions one after the other; ``socket`` parks it, and a
parked thread looks at its message queue once per audio frame. Hangup, transfer and park are changes of state that
unwind whatever runs. Nothing here reads a clock or touches a socket: every entry takes the time in seconds, and what
has to be done is left in ``actions``.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.standin.actions import Action, Close, Send, StartUnicast, StopUnicast
from engine.standin.activities import Activity, Connecting, Park
from engine.standin.headers import (
    EXECUTE,
    HANGUP,
    PARK,
    ROUTING,
    STATE_NAMES,
    ChannelView,
    Codec,
    Profile,
    channel_headers,
    variable_headers,
)
from engine.standin.session import Session
from engine.standin.setup import PlanAction, Setup
from engine.standin.thread import SessionThread
from engine.standin.timers import Timers
from engine.standin.unicast import Unicast
from engine.standin.variables import BYE_BEFORE, SipLeg, Variables
from engine.standin.wire import Command, Header, disconnect_notice

if TYPE_CHECKING:
    from engine.standin.core import Switch

log = logging.getLogger(__name__)

FRAME_S = 0.02
FIRST_COMMAND_S = 25.0
"""How long FreeSWITCH waits for the first command (mod_event_socket.c:2712)."""


class Channel:
    """The state of one call. Inputs are methods that take the time; ``actions`` is what the edges must do."""

    def __init__(self, switch: "Switch", setup: Setup, now: float) -> None:
        """A new call, ringing, about to run its extension at the first ``frame``."""
        self.switch, self.setup, self.now, self.started = switch, setup, now, now
        self.uuid = switch.new_uuid()
        self.codec = setup.codec
        stamp = switch.stamp(now)
        port = switch.dice.randrange(20000, 60000)
        self.profile = Profile(
            username=setup.caller, name=setup.caller_name, number=setup.caller, destination=setup.called,
            uuid=self.uuid, channel_name=f"sofia/internal/{setup.user or setup.caller}@127.0.0.1:{port}", created=stamp,
            channel_created=stamp,
        )  # fmt: skip
        self.other: Profile | None = None
        self.sip = SipLeg(self.profile, self.codec, switch.dice)
        self.variables = Variables()
        self.variables.put_all(self.sip.invited(switch.next_session(), setup.asserted))
        self.variables.put_all(setup.variables)
        self.variables.put_all(self.sip.media())
        self.state = self.running_state = EXECUTE
        self.call_state, self.answer_state, self.cause = "RINGING", "ringing", ""
        self.by_caller = False
        self.ended = False
        self.answered_at: float | None = None
        self.plan: deque[PlanAction] = deque(setup.extensions.get(setup.called, []))
        self.done_actions: list[tuple[float, PlanAction]] = []
        self.last_app = ("", "")
        self.stack: list[Activity] = []
        self.messages: deque[Command] = deque()
        self.sessions: list[Session] = []
        self.all_sessions: list[Session] = []
        self.controller_gone = False
        self.resume_on_drop = False
        self.broken = False
        self.digits = ""
        self.recordings: dict[str, float] = {}
        self.log: list[tuple[float, str]] = []
        self.unicast: Unicast | None = None
        self.frames_heard = self.frames_sent = 0
        self.notes: list[tuple[float, str]] = []
        """What FreeSWITCH would log, with the time."""

        self.actions: list[Action] = []
        self.timers = Timers()
        self._thread = SessionThread(self)

    # ---- inputs

    def frame(self, now: float) -> None:
        """20 ms have passed: timers, messages, the end of what was running."""
        self.now = now
        self.timers.run(now)
        self._thread.settle()

    def connected(self, now: float, host: str) -> Session | None:
        """A controller accepted. ``host``: which one, for ``socket_host``. None: the call has left meanwhile."""
        self.now = now
        connecting = next((entry for entry in self.stack if isinstance(entry, Connecting)), None)
        if connecting is None:
            return None
        execution = connecting.execution
        words = execution.data.split() if execution else []
        session = Session(self, full="full" in words[1:])
        self.sessions.append(session)
        self.all_sessions.append(session)
        self.controller_gone = False
        self.variables.put("socket_host", host)
        park = Park(by_socket=True)
        park.execution = execution
        self.stack[self.stack.index(connecting)] = park
        self.emit("CHANNEL_PARK")
        self.later(FIRST_COMMAND_S, "first command", session.first_command_due)
        return session

    def refused(self, now: float) -> None:
        """No host accepted: the next dialplan action runs at once."""
        self.now = now
        for entry in self.stack:
            if isinstance(entry, Connecting):
                entry.over = True
        self._thread.settle()

    def receive(self, now: float, session: Session, data: bytes) -> None:
        """Bytes of a controller."""
        self.now = now
        session.receive(data)
        self.wake()

    def dropped(self, now: float, session: Session) -> None:
        """A controller's connection has ended (FIN or RST, or its ``exit``)."""
        self.now = now
        if session.closed:
            return
        session.closed = True
        self.sessions.remove(session)
        if not session.greeted:
            self.note("the controller closed before its first command: parked in silence, the next action does not run")
            return
        self.controller_gone = True
        if self.resume_on_drop or self.variables.get("socket_resume") == "true":
            for entry in self.stack:
                entry.cut = not isinstance(entry, Park)

    def caller_hangup(self, now: float) -> None:
        """The caller's BYE."""
        self.now = now
        if not self.cause:
            self.by_caller = True
            self.variables.put_all(BYE_BEFORE)
            self.hangup("NORMAL_CLEARING" if self.answer_state == "answered" else "ORIGINATOR_CANCEL")
            self.variables.put("sip_user_agent", self.sip.user_agent)
            self.variables.put("sip_hangup_disposition", "recv_bye")
        self._thread.settle()

    def dtmf(self, now: float, digit: str, duration_ms: int) -> None:
        """A digit has ended. FreeSWITCH gives its length in samples at 8 kHz."""
        self.now = now
        if not self.cause:
            self.digits += digit
            self.emit("DTMF", after=[("DTMF-Digit", digit), ("DTMF-Duration", str(duration_ms * 8)),
                                     ("DTMF-Source", "RTP")])  # fmt: skip

    def unicast_failed(self, now: float, unicast: Unicast, why: str) -> None:
        """The edge could not bind: a line in FreeSWITCH's log, nothing on the socket."""
        self.now = now
        self.note(f"[CRIT] Failure creating unicast connection: {unicast.local[0]}:{unicast.local[1]}: {why}")
        self.unicast = None
        for entry in self.stack:
            if isinstance(entry, Park) and entry.unicast is unicast:
                entry.unicast = None

    def codec_changed(self, now: float, codec: Codec) -> None:
        """A re-INVITE changed codec or packet time: unicast is dead, nothing says so."""
        self.now, self.codec = now, codec
        self.variables.put_all({"read_codec": codec.name, "read_rate": codec.rate, "write_codec": codec.name,
                                "write_rate": codec.rate})  # fmt: skip
        self.stop_unicast()

    def held(self, now: float, on: bool) -> None:
        """A re-INVITE ``sendonly``, or the one that ends it. FreeSWITCH tells who subscribed to it."""
        self.now = now
        self.call_state = "HELD" if on else "UNHELD"
        self.emit("CHANNEL_HOLD" if on else "CHANNEL_UNHOLD")

    # ---- for the edges

    def take_actions(self) -> list[Action]:
        """What is to be done now; the list is emptied."""
        actions, self.actions = self.actions, []
        return actions

    @property
    def leaving(self) -> bool:
        """Whether hangup, transfer or park waits for what runs to be unwound."""
        return self.state != self.running_state

    def restless(self, now: float) -> bool:
        """Whether ``frame`` has something to do. Most frames of most calls have not: parked, and nothing happened."""
        return (
            bool(self.messages)
            or self.leaving
            or not self.stack
            or type(self.stack[-1]) is not Park
            or self.controller_gone
            or self.timers.due(now)
        )

    # ---- what applications and commands use

    def note(self, text: str) -> None:
        """A line as FreeSWITCH would log it."""
        self.notes.append((self.now, text))
        log.info("%s %s", self.uuid, text)

    def later(self, seconds: float, kind: str, job: Callable[[], None]) -> None:
        """Run ``job`` at the first frame after ``seconds``."""
        self.timers.add(self.now + seconds, kind, job)

    def take_break(self) -> bool:
        """Whether what runs on top has been broken (``uuid_break``); uses the break up."""
        broken, self.broken = self.broken, False
        return broken

    def answer(self) -> None:
        """200 OK; the ACK follows with the next frame."""
        if self.answer_state == "answered":
            return
        if self.answer_state == "ringing":
            self.variables.put_all(self.sip.local_media())
        self.answer_state, self.answered_at = "answered", self.now
        self.profile = self.profile.at(answered=self.switch.stamp(self.now))
        self.emit("CHANNEL_ANSWER")
        self.call_state = "ACTIVE"
        self.variables.put("endpoint_disposition", "ANSWER")
        self.later(0.0, "ack", lambda: self.variables.put_all(self.sip.acknowledged()))

    def pre_answer(self) -> None:
        """Early media."""
        if self.answer_state == "ringing":
            self.variables.put_all(self.sip.local_media())
            self.answer_state = self.call_state = "early"
            self.call_state = "EARLY"
            self.emit("CHANNEL_PROGRESS_MEDIA")
            self.variables.put("endpoint_disposition", "EARLY MEDIA")

    def hangup(self, cause: str) -> None:
        """The call ends; what runs is unwound when the current input has been handled."""
        if not self.cause:
            self.cause, self.state, self.answer_state = cause, HANGUP, "hangup"
            self.emit("CHANNEL_HANGUP")

    def transfer(self, extension: str, context: str = "default", dialplan: str = "XML") -> None:
        """``uuid_transfer``: the thread leaves what it does at its next frame and runs ``extension``."""
        if self.cause:
            return
        stamp = self.switch.stamp(self.now)
        source = f"{stamp // 1_000_000}:{self.switch.new_uuid()}:bl_xfer:{extension}/{context}/{dialplan}"
        hops = int(self.variables.get("max_forwards", "70")) - 1
        self.variables.put_all({"max_forwards": hops, "transfer_history": source, "transfer_source": source})
        self.profile = replace(self.profile, index=self.profile.index + 1, created=stamp, transfer_source=source,
                               rdnis=self.profile.destination, destination=extension)  # fmt: skip
        self.state = ROUTING

    def park(self) -> None:
        """``uuid_park``: parked for ever, whatever the controller does."""
        if not self.cause:
            self.state = PARK

    def activate_unicast(self, unicast: Unicast) -> None:
        """``unicast``: +OK whatever comes of it. Before any media it aborts FreeSWITCH."""
        park = next((entry for entry in reversed(self.stack) if isinstance(entry, Park)), None)
        if park is None or park.unicast is not None:
            self.note("unicast: this park has one already (alive or dead): +OK and nothing")
            return
        park.unicast = self.unicast = unicast
        self.actions.append(StartUnicast(unicast))
        if self.answer_state == "ringing":
            self.switch.crash(self, "src/switch_ivr.c:1102: switch_ivr_park: Assertion `read_frame' failed.")

    def stop_unicast(self) -> None:
        """Both directions end; the park keeps the dead pointer."""
        if self.unicast is not None:
            self.actions.append(StopUnicast(self.unicast))
            self.unicast = None

    def queue_application(self, app: str, data: str) -> None:
        """Run an application as if a controller had sent it (``uuid_broadcast``)."""
        headers = {"call-command": "execute", "execute-app-name": app, "execute-app-arg": data}
        self.messages.append(Command("sendmsg", headers))

    def wake(self) -> None:
        """Hangup is noticed at once, not at the next frame."""
        if self.cause:
            self._thread.settle()

    def send(self, session: Session, data: bytes) -> None:
        """Bytes to a controller."""
        if not session.closed:
            self.actions.append(Send(session, data))

    def finish_session(self, session: Session) -> None:
        """The final notice, then the end of the connection; for the call this is a controller that went."""
        self.send(session, disconnect_notice(self.uuid))
        self.close_session(session)

    def close_session(self, session: Session) -> None:
        """End the connection without a word."""
        self.actions.append(Close(session))
        self.dropped(self.now, session)

    def emit(self, name: str, before: Iterable[Header] = (), after: Iterable[Header] = ()) -> None:
        """Publish an event of this channel. ``before`` stands ahead of the channel's headers, ``after`` at the end."""
        self.log.append((self.now, name))
        self.switch.publish(name, before, after, self)

    def headers(self) -> list[Header]:
        """The channel's basic headers now."""
        return channel_headers(ChannelView(
            STATE_NAMES[self.running_state], self.call_state, self.state, self.answer_state, self.cause, self.codec,
            self.profile, self.other,
        ))  # fmt: skip

    def variable_headers(self) -> list[Header]:
        """Its variables now."""
        return variable_headers(self.variables.items())
