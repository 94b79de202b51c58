"""Options of the Realtime server."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from engine.config.base import Options

_TARGET = re.compile(r"(tel|sip):[A-Za-z0-9+@.*:_#-]{1,250}")


def _targets(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        if not _TARGET.fullmatch(text):
            raise ValueError(f"'{text}' is no pattern of targets: tel:+4930555*, sip:*@pbx.example.org")
    return texts


class RealtimeOptions(Options):
    """Clients of the OpenAI Realtime protocol (``/v1/realtime``, ``/ws/realtime``): browsers, SDKs, other programs."""

    mode: Literal["local", "relay"] = "local"
    """Who holds sessions where the client does not say (``?mode=``): the engine's own providers, or the
    speech-to-speech model of ``upstream``, with the agent's instructions and skills, hidden from the client. Clients
    of the path ``/realtime`` are relayed wherever there is an upstream."""

    model: str = "trunkline"
    """The name of the model where a client names none (``?model=``). Whatever is named is said back and changes
    nothing: who hears, thinks and speaks is the agent's (``?agent=``)."""

    max_sessions: int = Field(2000, ge=1)
    """Sessions at once; more are refused (503). One that was never spoken in takes some 60 KB."""

    max_session_minutes: int = Field(60, ge=1)
    """Longest session. Its client gets ``session_expired``, then the connection is closed (1001)."""

    lead_ms: int = Field(200, ge=20, le=5000)
    """How far the agent's audio is sent ahead of what the client plays by then: the client's reserve against a jerky
    network. What was sent and not played is not counted as heard."""

    delta_ms: int = Field(60, ge=20, le=1000)
    """Least length of one piece of the agent's audio: longer ones are fewer messages."""

    greet: bool = False
    """Whether the agent greets clients as it greets callers. SDKs do not expect it; ``?greet=1`` asks for it."""

    show_tools: bool = True
    """Whether clients see what skills of the engine are run (``mcp_call`` items), with arguments and results."""

    client_instructions: bool = True
    """Whether a client's ``instructions`` take the place of the agent's own. Off, they are said back and not heeded."""

    client_tools: bool = True
    """Whether a model may call tools of the client's."""

    max_asides: int = Field(4, ge=1, le=16)
    """Responses outside of the conversation (``conversation: "none"``, or text only) that one session has made at a
    time; more wait."""

    secret_s: int = Field(600, ge=10, le=7200)
    """How long an ephemeral secret (``POST /v1/realtime/client_secrets``) opens sessions, where its maker does not say.
    """

    max_sidebands: int = Field(8, ge=1, le=100)
    """Clients that may be attached to one telephone call (``?call_id=``) at a time."""

    refer_targets: Annotated[tuple[str, ...], AfterValidator(_targets)] = ()
    """Where ``POST /v1/realtime/calls/{call_id}/refer`` may send callers: ``tel:+4930555*``, ``sip:*@pbx.example.org``;
    a ``*`` stands for any characters. None: nowhere. A number that costs money is somebody's income: be strict."""

    refer_by: Literal["refer", "dialplan"] = "refer"
    """How: ``refer`` asks the trunk (a SIP REFER, which it must allow); ``dialplan`` transfers the call to the number
    of a ``tel:`` target in the dialplan context that it came by."""

    refer_host: str = Field("", pattern=r"^([A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?)?$")
    """Host of the SIP address that a ``tel:`` target becomes in a REFER (FreeSWITCH sends no ``tel:`` there): the
    trunk's. Empty: the host that the caller's own address has."""

    words_wait_ms: int = Field(3000, ge=0)
    """Longest wait for the words of what a client has committed, before a response that it asked for is made without
    them."""

