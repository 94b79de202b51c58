"""Calls that the engine places: one number by one gateway, connected with an agent when it is answered."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from engine.config import TelephonyOptions
from engine.errors import TrunklineError
from engine.esl.errors import BadArgument, CommandRefused
from engine.esl.inbound import InboundClient
from engine.telephony import causes

EXTENSION, CONTEXT = "trunkline_outbound", "public"
"""Where an answered call goes: the dialplan's extension that connects it to an engine."""

Result = Literal["answered", "busy", "no_answer", "refused", "wrong_number", "failed"]

_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_OURS = frozenset({"trunkline_outbound", "trunkline_agent", "trunkline_dialled", "origination_uuid",
                   "ignore_early_media", "originate_timeout", "origination_caller_id_number"})  # fmt: skip


class BadCall(TrunklineError):
    """The call cannot be placed as asked for; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Dialled:
    """What came of it. ``cause`` is FreeSWITCH's, ``why`` the same in words; ``ms`` from asking to knowing."""

    result: Result
    uuid: str
    cause: str
    why: str
    ms: int


def dial(
    client: InboundClient, options: TelephonyOptions, number: str, *, gateway: str, agent: str,
    variables: Mapping[str, str] | None = None,
) -> Dialled:
    """Call ``number``; returns when it is answered or known not to be. An answered call goes on by itself, with the
    engine that the dialplan names. Raises ``BadCall`` for input that is not safe or not possible, ``EslError`` when the
    switch cannot be asked."""
    endpoint = endpoint_of(options, number, gateway)
    given = channel_variables(agent, number, variables or {})
    uuid, began = str(uuid4()), time.monotonic()
    try:
        client.originate(
            endpoint, EXTENSION, variables=given, caller_number=options.caller_number, uuid=uuid,
            answer_timeout_s=options.answer_timeout_s, dialplan="XML", context=CONTEXT,
        )  # fmt: skip
    except BadArgument as bad:
        raise BadCall(str(bad)) from bad
    except CommandRefused as refused:
        cause = causes.cause_in(str(refused))
        return Dialled(_result(cause), uuid, cause, causes.in_words(cause), _ms(began))
    return Dialled("answered", uuid, "SUCCESS", "answered", _ms(began))


def endpoint_of(options: TelephonyOptions, number: str, gateway: str) -> str:
    """The dial string for a number. Raises ``BadCall``: what is dialled is digits, what it is dialled by is a name."""
    if not _NUMBER.fullmatch(number):
        raise BadCall(f"{number[:40]!r} is no number to dial: give 2 to 20 digits, with or without a plus before them")
    if "{gateway}" in options.dial_string and not _NAME.fullmatch(gateway):
        raise BadCall(f"{gateway[:40]!r} is not the name of a gateway: letters, digits, dots, dashes and underscores")
    return options.dial_string.replace("{gateway}", gateway).replace("{number}", number)


def channel_variables(agent: str, number: str, variables: Mapping[str, str]) -> dict[str, object]:
    """What the channel carries to the engine. Raises ``BadCall`` for names that are none, or are the engine's own."""
    if agent and not _NAME.fullmatch(agent):
        raise BadCall(f"{agent[:40]!r} is not the name of an agent: letters, digits, dots, dashes and underscores")
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise BadCall(f"{name[:40]!r} is not the name of a channel variable: letters, digits and underscores")
        if name in _OURS:
            raise BadCall(f"the variable {name} is set by trunkline itself")
    return {"trunkline_outbound": "true", "trunkline_agent": agent, "trunkline_dialled": number,
            "ignore_early_media": "true", **variables}  # fmt: skip


def _result(cause: str) -> Result:
    if cause in causes.BUSY:
        return "busy"
    if cause in causes.NO_ANSWER:
        return "no_answer"
    if cause in causes.REFUSED:
        return "refused"
    return "wrong_number" if cause in causes.WRONG_NUMBER else "failed"


def _ms(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


__all__ = ["BadCall", "Dialled", "channel_variables", "dial", "endpoint_of"]
