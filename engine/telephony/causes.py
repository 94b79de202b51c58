"""FreeSWITCH's hangup causes (Q.850) in words that can be passed on."""

_WORDS = {
    "USER_BUSY": "the line is busy",
    "NO_ANSWER": "nobody answered",
    "NO_USER_RESPONSE": "nobody answered",
    "ALLOTTED_TIMEOUT": "nobody answered",
    "ORIGINATOR_CANCEL": "nobody answered in time",
    "PROGRESS_TIMEOUT": "nobody answered",
    "MEDIA_TIMEOUT": "nobody answered",
    "CALL_REJECTED": "the call was refused",
    "UNALLOCATED_NUMBER": "the number does not exist",
    "INVALID_NUMBER_FORMAT": "the number is not complete or not valid",
    "NUMBER_CHANGED": "the number has changed",
    "NO_ROUTE_DESTINATION": "there is no route to the number",
    "NO_ROUTE_TRANSIT_NET": "there is no route to the number",
    "SUBSCRIBER_ABSENT": "they cannot be reached",
    "USER_NOT_REGISTERED": "their phone is not registered",
    "DESTINATION_OUT_OF_ORDER": "their line is out of order",
    "OUTGOING_CALL_BARRED": "the trunk does not allow this call",
    "INVALID_GATEWAY": "there is no gateway of this name",
    "GATEWAY_DOWN": "the gateway is down",
    "NORMAL_CIRCUIT_CONGESTION": "all lines are busy",
    "SWITCH_CONGESTION": "the network is overloaded",
    "EXCHANGE_ROUTING_ERROR": "the call could not be routed",
    "CHAN_NOT_IMPLEMENTED": "FreeSWITCH does not know this kind of destination",
    "INCOMPATIBLE_DESTINATION": "no common codec",
    "NORMAL_TEMPORARY_FAILURE": "they cannot be reached at the moment",
    "RECOVERY_ON_TIMER_EXPIRE": "the trunk did not answer",
    "NORMAL_CLEARING": "they hung up",
    "PICKED_OFF": "somebody else took the call",
}

BUSY = frozenset({"USER_BUSY"})
NO_ANSWER = frozenset({"NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL", "PROGRESS_TIMEOUT",
                       "MEDIA_TIMEOUT"})  # fmt: skip
REFUSED = frozenset({"CALL_REJECTED"})
WRONG_NUMBER = frozenset({"UNALLOCATED_NUMBER", "INVALID_NUMBER_FORMAT", "NUMBER_CHANGED", "NO_ROUTE_DESTINATION",
                          "NO_ROUTE_TRANSIT_NET"})  # fmt: skip


def cause_in(text: str) -> str:
    """The cause in an answer of ``originate``: ``-ERR USER_BUSY`` -> ``USER_BUSY``; "" where there is none."""
    words = [word for word in text.replace(":", " ").split() if word.isupper() and word != "-ERR"]
    return words[-1] if words else ""


def in_words(cause: str) -> str:
    """``USER_BUSY`` -> "the line is busy"."""
    return _WORDS.get(cause, f"the call failed ({cause})" if cause else "the call failed")


__all__ = ["BUSY", "NO_ANSWER", "REFUSED", "WRONG_NUMBER", "cause_in", "in_words"]
