"""Options of telephony: handing callers over, calling out. And ``TransferTarget``, whom an agent may hand over to.

Targets are the operator's: an agent's file names them, a model chooses among the names, and never makes up a number.
"""

from typing import Literal

from pydantic import Field, field_validator

from engine.config.agent import AgentOptions
from engine.config.base import Options

_NOT_IN_A_DESTINATION = frozenset("{}[]<>'\"\\|,^ \t\r\n\0")
"""What means something else to FreeSWITCH in a dial string: variables, several destinations, quotes."""

OUTSIDE_NUMBER = r"^(\+[1-9][0-9]{5,14}|sips?:[^\s<>\"']{3,200})?$"
"""What a carrier can be asked to call: a number in E.164 with ``+``, or a SIP address; or nothing."""


class TransferTarget(Options):
    """Somebody whom a caller may be handed over to."""

    kind: Literal["human", "queue"] = "human"
    """``human``: one dial string is called (``blind`` and ``warm``). ``queue``: a queue of mod_callcenter."""

    destination: str = Field(min_length=1)
    """A human: FreeSWITCH's dial string, e.g. ``sofia/gateway/mytrunk/+493055500`` or ``user/1001``.
    A queue: its name in ``callcenter.conf.xml``, e.g. ``support@default``."""

    number: str = Field("", pattern=OUTSIDE_NUMBER)
    """Where a human is called when the caller comes over a carrier's stream and not over FreeSWITCH: a number in E.164
    with ``+``, or a SIP address. "": the number at the end of ``destination``, if it is written so."""

    timeout_s: float = Field(30.0, ge=3, le=3600)
    """How long a human may ring, or a caller wait in the queue; then the agent goes on."""

    announcement: str = "One moment, please. I am connecting you."
    """Said to the caller before the hold music. "" says nothing: for an agent that announces it in its own words."""

    hold_music: str = ""
    """WAV file (16 bit, mono) that the caller hears meanwhile, again and again. "" is a soft ringing tone."""

    failed: str = "I am sorry, nobody is available at the moment. I am still here to help."
    """Said to a caller who comes back from a queue in which nobody took the call. "" says nothing. When a human does
    not answer, the agent knows why and finds its own words."""

    @field_validator("destination")
    @classmethod
    def _one_destination(cls, text: str) -> str:
        bad = sorted(_NOT_IN_A_DESTINATION & set(text)) or [c for c in text if not c.isprintable()]
        if bad or "${" in text:
            raise ValueError(f"must be one dial string or queue, without {bad[0] if bad else '${'!r}")
        return text


class TelephonyOptions(Options):
    """Handing callers over, digits, calls that the engine places. Hand-over and calling out need ``switch.enabled``."""

    brief: str = ""
    """Instead of the agent's phrase ``brief``, for all agents and languages: told to the human at a warm hand-over."""

    accept_timeout_s: float = Field(25.0, ge=5)
    """How long the human may take over accepting; then the agent goes on with the caller. A mailbox never accepts."""

    accept_digit: str = Field("1", pattern=r"^[0-9*#]$")
    """The human's key for "I take the call"."""

    refuse_digit: str = Field("2", pattern=r"^[0-9*#]$")
    """The human's key for "not now"."""

    position: str = ""
    """Instead of the agent's phrase ``position``, for all agents and languages: said to callers who wait in a queue. A
    "" that is given says nothing."""

    position_every_s: float = Field(30.0, ge=5)
    """How often callers in a queue are told their position; at once when they come in."""

    back: str = ""
    """Instead of the agent's phrase ``back``, for all agents and languages: said to the caller who comes back to the
    agent after talking to a human. A "" that is given says nothing."""

    after_human: Literal["agent", "hangup"] = "hangup"
    """What happens to the caller when the human hangs up: back to the agent, or the call ends."""

    dial_string: str = "sofia/gateway/{gateway}/{number}"
    """How `trunkline dial` reaches a number: FreeSWITCH's dial string. A trunk without registration, for example:
    `sofia/external/{number}@203.0.113.7`."""

    caller_number: str = Field("", pattern=r"^\+?[0-9]{0,20}$")
    """The number shown to those who are called; trunks refuse calls with one that is not theirs."""

    answer_timeout_s: int = Field(45, ge=5, le=300)
    """How long a called number may ring."""

    greeting_wait_ms: int = Field(1500, ge=0, le=5000)
    """Longest wait for the called party's own "hello?" before the agent greets. Whoever says it and falls silent is
    greeted at once. Whether a machine answered is found out meanwhile and afterwards, never waited for."""

    detect_ms: int = Field(2500, ge=500, le=10000)
    """Without a sign of a machine so long after the answer, it is a human. A beep or a machine's words can still turn
    it round for 30 s."""

    machine: Literal["hangup", "message", "talk"] = "hangup"
    """What is done with an answering machine: hang up, leave ``machine_message`` after the beep, or talk to it."""

    machine_message: str = ""
    """Instead of the agent's phrase ``machine_message``, for all agents and languages: left on answering machines; then
    the call ends."""

    machine_wait_s: float = Field(30.0, ge=1)
    """How long a beep is waited for; then the message is left all the same."""

    def phrase(self, name: Literal["position", "back", "machine_message"], agent: AgentOptions) -> str:
        """What is said: the phrase given here, which holds for everybody, else the agent's in its language."""
        text: str = getattr(self if name in self.model_fields_set else agent, name)
        return text
