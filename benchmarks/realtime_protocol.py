"""The Realtime protocol under random clients and a random engine, and what it costs.

Each run is a session of up to 15 random steps (``tests/realtime/realtime_machine.py``); every event that leaves it is
checked against the SDK's own types and against the rules of order. ``python -m benchmarks realtime_protocol``.
"""

import base64
import tracemalloc
from collections import Counter
from statistics import median
from time import perf_counter

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from benchmarks.figure import Figure
from engine.realtime import happenings as happen
from engine.realtime.config import SessionConfig
from engine.realtime.protocol import Protocol
from tests.realtime.realtime_machine import SERVER_EVENT_TYPES, RealtimeMachine
from tests.realtime.realtime_script import NOW, counting

RUNS, STEPS = 10_000, 15
COMMAND = "python -m benchmarks realtime_protocol"

# What OpenAI's servers can send and ours does not: beta's conversation.created and item.created, segments of diarised
# transcripts, and MCP servers that do answer.
NEVER_SENT = {"conversation.created", "conversation.item.created", "mcp_list_tools.completed",
              "conversation.item.input_audio_transcription.segment"}


class Counted(RealtimeMachine):
    """A machine whose events are counted."""

    runs = 0
    seen: Counter = Counter()

    def teardown(self):
        super().teardown()
        Counted.runs += 1
        Counted.seen.update(event["type"] for event in self.session.sent)


def _violations() -> tuple[int, str]:
    try:
        run_state_machine_as_test(Counted, settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck)))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the figure
        return 1, f"{type(error).__name__}: {error}"[:200]
    return 0, ""


def _protocol() -> Protocol:
    return Protocol(SessionConfig("sess_1", "local", expires_at=int(NOW) + 3600), counting())


def _microseconds(work) -> float:
    """Of one call, median of 2,000."""
    times = []
    for _ in range(2000):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return round(median(times) * 1e6, 1)


def _costs() -> list[Figure]:
    protocol = _protocol()
    append = '{"type":"input_audio_buffer.append","audio":"' + base64.b64encode(bytes(960)).decode() + '"}'
    protocol.happened(happen.ReplyBegun(1), NOW)
    audio = happen.ReplyAudio(1, bytes(4800), 100)
    append_us = _microseconds(lambda: protocol.receive(append, NOW))
    delta_us = _microseconds(lambda: protocol.happened(audio, NOW))
    update = '{"type":"session.update","session":{"type":"realtime","instructions":"Be brief."}}'
    update_us = _microseconds(lambda: protocol.receive(update, NOW))
    _protocol()
    tracemalloc.start()
    idle = [_protocol() for _ in range(200)]
    for one in idle:
        one.opened()
    kilobytes = round(tracemalloc.get_traced_memory()[0] / len(idle) / 1024, 1)
    tracemalloc.stop()
    return [
        Figure("Realtime protocol: taking 20 ms of audio", append_us, "µs", "<= 100", append_us <= 100, COMMAND),
        Figure("Realtime protocol: telling 100 ms of audio", delta_us, "µs", "<= 100", delta_us <= 100, COMMAND),
        Figure("Realtime protocol: a session.update", update_us, "µs", "<= 1000", update_us <= 1000, COMMAND),
        Figure("Realtime protocol: an idle session", kilobytes, "KB", "<= 20", kilobytes <= 20, COMMAND),
    ]


def figures() -> list[Figure]:
    """Violations in 10,000 runs, which events were seen in them, and costs."""
    costs = _costs()
    violations, what = _violations()
    if what:
        print(what, flush=True)
    missing = SERVER_EVENT_TYPES - NEVER_SENT - set(Counted.seen)
    if missing:
        print("not seen:", ", ".join(sorted(missing)), flush=True)
    seen = len(set(Counted.seen) & SERVER_EVENT_TYPES)
    return [
        Figure(f"Realtime protocol: violations in {Counted.runs} random sessions, {sum(Counted.seen.values())} events",
               violations, "", "0", violations == 0 and Counted.runs >= RUNS, COMMAND),
        Figure("Realtime protocol: kinds of server event seen in them", seen, f"of {len(SERVER_EVENT_TYPES)}",
               f"{len(SERVER_EVENT_TYPES - NEVER_SENT)}", not missing, COMMAND),
        *costs,
    ]
