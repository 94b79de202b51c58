"""What a Realtime session's ``turn_detection`` means to the turn engine. Pure."""

from collections.abc import Mapping
from typing import Any

from engine.config import TurnOptions

NEVER_MS = 10**9
"""Nobody is asked whether they are still there, and no call is too long: a session has deadlines of its own."""

EAGERNESS = {"low": 8000, "medium": 4000, "high": 2000}
"""Longest wait for the end of a sentence, in ms: as OpenAI documents ``semantic_vad``. ``auto`` is ``medium``."""

DEFAULT_SILENCE_MS = 500
"""``server_vad``'s own ``silence_duration_ms``: taken for "as the agent has it"."""


def threshold_of(session: Mapping[str, Any]) -> float:
    """How sure the detector of voices must be, 0 to 1; 0.5 is as the engine has it."""
    found = (session["audio"]["input"]["turn_detection"] or {}).get("threshold")
    return 0.5 if found is None else float(found)


def turn_options(base: TurnOptions, session: Mapping[str, Any]) -> TurnOptions:
    """The agent's options ``base`` as the session's configuration changes them. A session that answers in writing, or
    only transcribes, has its turns answered by nobody here."""
    update: dict[str, Any] = {"away_ms": NEVER_MS, "max_call_s": NEVER_MS // 1000}
    detection = session["audio"]["input"]["turn_detection"]
    spoken = session["type"] == "realtime" and session["output_modalities"] == ["audio"]
    if detection is None:
        update.update(answer=False, barge_in=False, speculate=False)
        return base.model_copy(update=update)
    update["answer"] = base.answer and spoken and bool(detection["create_response"])
    update["barge_in"] = base.barge_in and bool(detection["interrupt_response"])
    if detection["type"] == "semantic_vad":
        longest = EAGERNESS.get(detection["eagerness"], EAGERNESS["medium"])
        update["endpoint_max_ms"] = longest
        update["endpoint_min_ms"] = min(base.endpoint_min_ms, longest)
    elif detection["silence_duration_ms"] != DEFAULT_SILENCE_MS:
        silence = int(detection["silence_duration_ms"])
        update["endpoint_min_ms"] = silence
        update["endpoint_floor_ms"] = min(base.endpoint_floor_ms, silence) if silence < DEFAULT_SILENCE_MS else silence
        update["endpoint_max_ms"] = max(base.endpoint_max_ms, silence, 100)
    return base.model_copy(update=update)


__all__ = ["threshold_of", "turn_options"]
