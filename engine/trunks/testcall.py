"""One short call with a tone, for ``trunkline trunk test --call``: whether a call really gets out and is answered."""

import time
from contextlib import suppress
from uuid import uuid4

import gevent

from engine.esl.errors import CommandRefused, EslError
from engine.esl.inbound import InboundClient
from engine.trunks.finding import Finding, failed, passed

ANSWER_S = 30
TONE_S = 3.0
TONE = "tone_stream://%(400,200,440);loops=20"
"""Played by ``uuid_broadcast``: the argument of an application in ``originate`` ends at its first closing bracket."""

MOST_S = 15
"""FreeSWITCH itself ends the call after so long, whatever becomes of this program."""


def call(client: InboundClient, gateway: str, number: str, caller_id: str) -> Finding:
    """Call ``number`` (checked by the caller), let it hear a tone for three seconds and hang up."""
    uuid, began = str(uuid4()), time.monotonic()
    variables = {"ignore_early_media": "true", "execute_on_answer": f"sched_hangup +{MOST_S}"}
    try:
        client.originate(f"sofia/gateway/{gateway}/{number}", "&park()", variables=variables, caller_number=caller_id,
                         uuid=uuid, answer_timeout_s=ANSWER_S)
    except CommandRefused as refused:
        cause = refused.reply.replace("-ERR", "").strip() or "no cause"
        return failed("call", f"{number}: {cause} after {time.monotonic() - began:.1f} s", _advice(cause))
    answered_s = time.monotonic() - began
    codec = client.getvar(uuid, "rtp_use_codec_name") or "codec not known"
    with suppress(EslError):
        client.api("uuid_broadcast", f"{uuid} {TONE}")
        gevent.sleep(TONE_S)
    with suppress(EslError):  # they may have hung up first
        client.kill(uuid)
    return passed("call", f"{number} answered after {answered_s:.1f} s, {codec}; a tone of {TONE_S:.0f} s was "
                          "played: whoever answered says whether it was heard")


def _advice(cause: str) -> str:
    return {
        "GATEWAY_DOWN": "the finding on the gateway says why",
        "CALL_REJECTED": "the carrier refuses: caller id not of the account, or this address not on its list (403)",
        "INVALID_NUMBER_FORMAT": "E.164 with a plus: +14155550100",
        "INCOMPATIBLE_DESTINATION": "no common codec, or SRTP on one side only (488)",
        "RECOVERY_ON_TIMER_EXPIRE": "nothing came back: firewall, wrong port or transport",
        "NORMAL_TEMPORARY_FAILURE": "the connection failed, or the carrier answered 503",
    }.get(cause, "sofia global siptrace on, call again, and read the carrier's answer")


__all__ = ["call"]
