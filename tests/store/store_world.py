"""Logs of calls, as the tests of the store write them."""


def started(name="a-call", **fields):
    """The first line of a log."""
    return {"t": 0.0, "event": "call_started", "id": name, "transport": "freeswitch", "caller": "15550100",
            "called": "1000", "node": "one:8084", "started": "2026-11-20T10:00:00.000+00:00", **fields}


def whole(*said, name="a-call", agent="clerk", language="en", cause="NORMAL_CLEARING", by="caller", **fields):
    """The log of a whole call in which the caller says these texts."""
    return [started(name, **fields), {"event": "answered", "ms": 100.0},
            {"event": "agent_picked", "name": agent, "variant": "", "why": "default", "language": language},
            {"event": "media_attached", "backend": "unicast", "rate": 8000, "ms": 30},
            *({"event": "user_said", "text": text, "start": 1.0, "end": 2.0} for text in said),
            {"event": "hangup", "cause": cause, "by": by}, {"event": "call_ended", "seconds": 30.0}]
