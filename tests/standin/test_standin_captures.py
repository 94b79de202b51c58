"""The stand-in beside recordings of a real FreeSWITCH: the controller's side of each is played into it, and what it
answers must have the same messages with the same headers in the same order and values of the same form.

What is left out of a comparison is named with its case.
"""

import re
from dataclasses import dataclass, field

import pytest
from standin_captures import Message, chunks, messages

from engine.standin.actions import Close, Connect, Crash, Send
from engine.standin.channel import FRAME_S
from engine.standin.core import Switch
from engine.standin.session import Session
from engine.standin.setup import Bridge, Setup


@dataclass
class Case:
    """One recording: the dialplan that the call met, and the caller's own acts (time, name, argument)."""

    name: str
    called: str = "1000"
    before: tuple[str, ...] = ("answer",)
    mode: str = "async full"
    after: tuple[tuple[str, str], ...] = ()
    acts: tuple[tuple[float, str, str], ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    asserted: str = ""
    connect_after: float = 0.0
    caller: tuple[str, str] = ("alice", "Test Caller")
    until: float = 1e9
    """Compare only what was said up to this second of the recording."""

    variables_until: float = 1e9
    """Compare the channel's variables only up to this second."""


EXTENSIONS = {"2001": [("answer", ""), ("playback", "tone_stream://%(1000,0,600);loops=-1")]}
HEADERS = {"sip_h_X-Tenant": "acme", "sip_h_X-Session-Id": "s-42"}


class Replay:
    """Runs a case on a virtual clock: the controller's chunks at their times, a frame every 20 ms."""

    def __init__(self, case: Case):
        self.case = case
        plan = [(word.partition(" ")[0], word.partition(" ")[2]) for word in case.before]
        plan += [("socket", f"127.0.0.1:8084 {case.mode}"), *case.after]
        number, name = case.caller
        setup = Setup(
            caller=number, user="alice", caller_name=name, called=case.called, variables=case.variables,
            asserted=case.asserted, extensions={case.called: plan, **EXTENSIONS},
            bridges={"human": Bridge(talk_s=1.42)},
        )  # fmt: skip
        self.switch = Switch(epoch=1_795_223_219, seed=1)
        self.channel = self.switch.place(setup, 0.0)
        self.session: Session | None = None
        self.out: list[tuple[float, bytes]] = []
        self.closed_at: float | None = None
        self.now = 0.0
        self.recorded = chunks(f"{case.name}.txt")
        self._renamed: dict[str, str] = {}

    def run(self) -> bytes:
        """The stand-in's bytes."""
        while self.session is None:
            self._frame()
        start = self.now
        while self.now - start < self.case.connect_after:
            self._frame()
        start = self.now
        uuid = next(chunk for chunk in self.recorded if chunk.who == "S").data
        self._renamed = {re.search(rb"Unique-ID: (\S+)", uuid)[1].decode(): self.channel.uuid}
        acts = [(chunk.at, "say", chunk.data) for chunk in self.recorded if chunk.who == "C"]
        acts += [(at, what, argument) for at, what, argument in self.case.acts]
        for at, what, argument in sorted(acts, key=lambda act: act[0]):
            if at > self.case.until:
                break
            while self.now + FRAME_S <= start + at:
                self._frame()
            self._act(start + at, what, argument)
        for _ in range(600):
            if self.closed_at is not None:
                break
            self._frame()
        return b"".join(data for _, data in self.out)

    def _act(self, now: float, what: str, argument):
        if what == "say":
            for old, new in self._renamed.items():
                argument = argument.replace(old.encode(), new.encode())
            if not self.session.closed:
                self.channel.receive(now, self.session, argument)
        elif what == "dtmf":
            self.channel.dtmf(now, argument, 120)
        elif what == "hangup":
            self.channel.caller_hangup(now)
        elif what == "drop":
            self.channel.dropped(now, self.session)
        self._carry_out(now)

    def _frame(self):
        self.now += FRAME_S
        self.channel.frame(self.now)
        self._carry_out(self.now)

    def _carry_out(self, now):
        for action in self.channel.take_actions():
            if isinstance(action, Connect):
                self.session = self.channel.connected(now, action.hosts[0][0])
            elif isinstance(action, Send):
                self.out.append((now, action.data))
            elif isinstance(action, Close | Crash):
                self.closed_at = now


def form(value: str) -> str:
    """A value with what differs from call to call made equal: UUIDs, numbers, hex and random words."""
    value = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>", value)
    value = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), ", "<day>, ", value)
    value = re.sub(r" (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ", " <month> ", value)
    value = re.sub(r"\(Version [^)]*\)", "(Version <v>)", value)
    value = re.sub(r"z9hG4bK\w+", "<branch>", value)
    return re.sub(r"\d+(\.\d+)?", "<n>", value)


# Values that describe the machine, the caller's phone or random words: only their presence and place are compared.
FREE = re.compile(
    r"FreeSWITCH-|variable_(sip_from_tag|sip_to_tag|sip_call_id|sip_full_|sip_from_display|sip_user_agent|switch_r_sdp|switch_m_sdp|"
    r"rtp_local_sdp_str|rtp_audio|digits_dialed|record_completion_cause|originated_legs|caller_id|hold_events)|"
    r"Content-Length"
)


CASES = [
    Case("01-answer-dtmf-hangup", called="1001", before=(), caller=("+15550100", "Al"), asserted="+15550100",
         variables=HEADERS, acts=((0.77, "dtmf", "1"), (2.19, "hangup", ""))),
    Case("02-unicast-call", acts=((0.64, "dtmf", "5"), (9.85, "hangup", ""))),
    # uuid_hold makes a re-INVITE, whose rewriting of every SIP variable the stand-in does not do
    Case("02b-unicast-record-displace-park", variables_until=9.0),
    Case("02c-unicast-before-answer", called="1001", before=()),
    Case("03-controller-drop", acts=((0.505, "drop", ""),)),
    Case("03b-controller-drop-resume", called="1004", before=("set socket_resume=true", "answer"),
         acts=((0.507, "drop", ""),)),
    # the second bridge in a row makes lists of the first one's variables, and Callee-ID comes and goes
    Case("04-transfer", acts=((1.17, "dtmf", "3"),), until=1.7),
    Case("05-bad-commands", connect_after=0.04),
    Case("05b-async-not-full", called="1008", before=(), mode="async", acts=((1.03, "hangup", ""),)),
    Case("06-recording", connect_after=0.04, acts=((2.49, "hangup", ""),)),
    Case("09-event-lock-and-hangup"),
    Case("10-json-events", connect_after=0.04, acts=((0.34, "dtmf", "8"), (0.72, "hangup", ""))),
]  # fmt: skip


def recorded(case: Case, until: float) -> list[Message]:
    """FreeSWITCH's messages up to a second of the recording."""
    said = (chunk.data for chunk in chunks(f"{case.name}.txt") if chunk.who == "S" and chunk.at <= until)
    return messages(b"".join(said))


def describe(message: Message, variables: bool) -> list[str]:
    """Headers in order, with the form of their values."""
    return [
        name if FREE.match(name) else f"{name}: {form(value)}"
        for name, value in message.fields()
        if variables or not name.startswith("variable_")
    ]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_same_messages_as_freeswitch(case: Case):
    """Names of the messages, then for each its headers: same names, same order, same form of values."""
    expected, given = recorded(case, case.until), messages(Replay(case).run())[: len(recorded(case, case.until))]
    assert [message.name for message in given] == [message.name for message in expected]
    with_variables = len(recorded(case, min(case.until, case.variables_until)))
    for number, (ours, theirs) in enumerate(zip(given, expected, strict=True)):
        variables = number < with_variables
        assert describe(ours, variables) == describe(theirs, variables), f"message {number}: {theirs.name}"
        assert form(ours.body) == form(theirs.body), f"message {number}: {theirs.name}"
