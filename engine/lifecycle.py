"""The life of a session, whatever carries it: the states, which may follow which, and what others' words for them mean.

    created -> ringing -> answered -> talking -> (queued ->) bridged -> talking ... -> wrap_up -> ended
                                                                 any of them -> failed, busy, no_answer, cancelled

Pure, and the only place where this stands: the event log, the tables, the API, the figures and the carriers' webhooks
all ask here. Carriers repeat themselves, lose messages and send them in any order. So a session may skip states, as
if what was lost had been told, and it never goes back: only between ``talking``, ``queued`` and ``bridged`` there is
a way in both directions, and only our own account of the call takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FOLLOWING: dict[str, frozenset[str]] = {
    "created": frozenset({"ringing", "answered", "talking", "queued", "bridged", "wrap_up"}),
    "ringing": frozenset({"answered", "talking", "queued", "bridged", "wrap_up"}),
    "answered": frozenset({"talking", "queued", "bridged", "wrap_up"}),
    "talking": frozenset({"queued", "bridged", "wrap_up"}),
    "queued": frozenset({"bridged", "talking", "wrap_up"}),
    "bridged": frozenset({"talking", "queued", "wrap_up"}),
    "wrap_up": frozenset(),
}
"""The states after each; the ends (``ENDS``) may follow any of them, nothing follows an end."""

ENDS = frozenset({"ended", "failed", "busy", "no_answer", "cancelled"})
STATES = (*FOLLOWING, *sorted(ENDS))

STATUS: dict[str, str] = dict.fromkeys(FOLLOWING, "active") | {
    "ended": "completed", "failed": "failed", "busy": "busy", "no_answer": "no_answer", "cancelled": "cancelled"}
"""The word of the API for each state."""

WORDS: dict[str, dict[str, str]] = {
    # CallStatus and the events of StatusCallback
    "twilio": {"queued": "created", "initiated": "created", "ringing": "ringing", "in-progress": "answered",
               "answered": "answered", "completed": "ended", "busy": "busy", "failed": "failed",
               "no-answer": "no_answer", "canceled": "cancelled"},
    # Status, CallStatus, DialCallStatus, EventType, and CallType of the Passthru applet
    "exotel": {"queued": "created", "call-attempt": "created", "incoming": "created", "ringing": "ringing",
               "in-progress": "answered", "answered": "answered", "stream-start": "answered", "completed": "ended",
               "voicemail": "ended", "busy": "busy", "failed": "failed", "no-answer": "no_answer",
               "incomplete": "no_answer", "client-hangup": "cancelled", "canceled": "cancelled",
               "cancelled": "cancelled"},
    # events of channels
    "freeswitch": {"CHANNEL_CREATE": "created", "CHANNEL_PROGRESS": "ringing", "CHANNEL_PROGRESS_MEDIA": "ringing",
                   "CHANNEL_ANSWER": "answered", "CHANNEL_BRIDGE": "bridged", "CHANNEL_UNBRIDGE": "talking",
                   "CHANNEL_HANGUP": "wrap_up"},
    # FreeSWITCH's causes of hanging up a call that was never answered; all others are ``failed``
    "cause": {"USER_BUSY": "busy", "NO_ANSWER": "no_answer", "NO_USER_RESPONSE": "no_answer",
              "ALLOTTED_TIMEOUT": "no_answer", "PROGRESS_TIMEOUT": "no_answer", "SUBSCRIBER_ABSENT": "no_answer",
              "ORIGINATOR_CANCEL": "cancelled", "NORMAL_CLEARING": "cancelled", "LOSE_RACE": "cancelled",
              "PICKED_OFF": "cancelled"},
    # events of the Realtime protocol, and states of a WebRTC connection
    "realtime": {"session.created": "created", "realtime.call.incoming": "ringing", "checking": "ringing",
                 "session.updated": "answered", "connected": "answered", "input_audio_buffer.speech_started": "talking",
                 "response.created": "talking", "disconnected": "wrap_up", "closed": "ended", "failed": "failed"},
    # lines of the event log of a call (engine/telemetry/vocabulary.py)
    "log": {"ringing": "ringing", "answered": "answered", "media_attached": "talking", "handover_queued": "queued",
            "handover_bridged": "bridged", "caller_back": "talking", "hangup": "wrap_up"},
}
"""What others say, and the state that it means."""


def of(who: str, word: object) -> str:
    """The state that a word of ``who`` (a key of ``WORDS``) means, in any case of letters, with ``_`` or a blank for
    ``-``; "" where it means none."""
    known = WORDS.get(who, {})
    text = str(word or "").strip()[:64]
    return known.get(text) or known.get(text.lower().replace("_", "-").replace(" ", "-")) or ""


def reached(state: str, told: str) -> str:
    """The state after ``told``: that one where it may follow, else ``state`` as it is."""
    if state in ENDS:
        return state
    return told if told in ENDS or told in FOLLOWING.get(state, ()) else state


def reached_from_outside(state: str, told: str) -> str:
    """The same where somebody tells it who may be late or repeat himself: the ways back are closed."""
    if state in ("queued", "bridged") and told == "talking" or state == "bridged" and told == "queued":
        return state
    return reached(state, told)


def end_of(answered: bool, cause: str, fault: bool = False, told: str = "") -> str:
    """The last state of a session. ``cause``: FreeSWITCH's, of the hangup; ``fault``: the call itself failed; ``told``:
    the end that the carrier told, which knows why nobody answered."""
    if fault:
        return "failed"
    if answered:
        return "ended"
    return told if told in ENDS and told != "ended" else WORDS["cause"].get(cause, "failed")


@dataclass(slots=True)
class Life:
    """The state of one session, from the lines of its event log."""

    state: str = "created"
    answered: bool = False
    fault: bool = False
    cause: str = ""
    told: str = ""

    def take(self, event: Mapping[str, Any]) -> str:
        """The state after a line, ``{"event": name, ...fields}``. A log may hold anything: nothing is raised."""
        name = event.get("event")
        if name == "carrier_told":
            return self._hear(str(event.get("means") or ""))
        if name == "call_ended":
            return self._become(end_of(self.answered, self.cause, self.fault, self.told))
        if name == "answered":
            self.answered = True
        elif name == "hangup":
            self.cause = str(event.get("cause") or "")
        elif name == "error" and event.get("where") == "call":
            self.fault = True
        return self._become(WORDS["log"].get(str(name), ""))

    def break_off(self) -> str:
        """There are no more lines, and the last one is missing."""
        self.fault = True
        return self._become("failed")

    def _hear(self, means: str) -> str:
        """A carrier's word. Its end of the call is not that of the session, whose log goes on to ``call_ended``."""
        if means in ENDS:
            self.told = self.told or means
            self.answered = self.answered or means == "ended"  # what is completed was answered
            return self._become("wrap_up")
        if means == "answered":
            self.answered = True
        self.state = reached_from_outside(self.state, means)
        return self.state

    def _become(self, told: str) -> str:
        self.state = reached(self.state, told)
        return self.state
