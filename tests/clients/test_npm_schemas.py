"""The schemas of OpenAI's JavaScript SDK are stricter than those of its Python SDK, and it silently drops what does not
fit. So the events of a random client and a random engine are held against them."""

import json

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from npm_packages import PACKAGES, needs_packages, run

from tests.realtime.realtime_machine import RealtimeMachine
from tests.realtime.realtime_script import Session, without_supersets

NO_SCHEMA = {
    "input_audio_buffer.dtmf_event_received", "input_audio_buffer.timeout_triggered", "response.mcp_call.failed",
    "conversation.item.input_audio_transcription.segment",
}
"""Types that the SDK does not know; it hands them to whoever listens for them."""


def shape(value):
    """What a schema may tell apart: names, types, which words."""
    if isinstance(value, dict):
        return {name: part if name in ("type", "role", "status", "reason") else shape(part)
                for name, part in value.items()}
    if isinstance(value, list):
        return sorted({json.dumps(shape(part), sort_keys=True) for part in value})
    return type(value).__name__


@needs_packages
def test_every_event_fits_the_schemas_of_the_javascript_sdk(monkeypatch):
    """Rule: never null where a field may only be missing. One event of each shape is checked."""
    kinds = {}
    take = Session._take

    def recording(self, step):
        fresh = take(self, step)
        for event in fresh:
            if not event["type"].startswith("extension."):
                kinds.setdefault(json.dumps(shape(event), sort_keys=True), event)
        return fresh

    monkeypatch.setattr(Session, "_take", recording)
    run_state_machine_as_test(
        RealtimeMachine, settings=settings(max_examples=60, stateful_step_count=30, deadline=None))
    events = [json.dumps(without_supersets(event)) for event in kinds.values()]
    told = run("zod_events.mjs", str(PACKAGES), input="\n".join(events))
    assert told["wrong"] == []
    assert set(told["unknown"]) <= NO_SCHEMA
    assert len({event["type"] for event in kinds.values()}) > 30
