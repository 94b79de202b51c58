"""Speed of the turn engine and of its cases. ``python -m benchmarks.turns`` prints the figures."""

import statistics
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.figure import Figure
from engine.config import TurnOptions
from engine.replay.cases import Case, load
from engine.replay.checks import judge
from engine.replay.simulate import simulate
from engine.turns import events as ev
from engine.turns.engine import TurnEngine

CASES = Path(__file__).parents[1] / "tests" / "data" / "turns"
COMMAND = "python -m benchmarks.turns"
TURNS = 400


def _conversation(turns: int) -> float:
    """Seconds of CPU that a step takes, in a conversation in which every second reply is interrupted."""
    engine = TurnEngine(TurnOptions(max_call_s=10**6))
    steps = generation = 0
    begin = process_time()

    def tell(now: float, event: ev.Event) -> None:
        nonlocal generation, steps
        steps += 1
        for action in engine.step(now, event):
            if isinstance(action, ev.Think | ev.Say):
                generation = action.generation

    for number in range(turns):
        at, text = number * 10.0, f"what is the number of room {number}"
        tell(at + 0.56, ev.VoiceOn(at + 0.5))
        for part in (1, 2, 3):
            tell(at + part / 2 + 0.1, ev.Transcript(text[: part * 8], False, at + 0.5, at + part / 2))
        tell(at + 2.16, ev.VoiceOff(at + 2.0))
        tell(at + 2.2, ev.Transcript(text, True, at + 0.5, at + 2.0))
        tell(at + 2.4, ev.ReplyReady(generation))
        tell(at + 2.5, ev.Tick())
        tell(at + 2.52, ev.PlayoutStarted(generation, at + 2.52))
        tell(at + 2.6, ev.ReplyDone(generation, seconds=4.0))
        tell(at + 2.82, ev.Tick())
        if number % 2:
            tell(at + 4.06, ev.VoiceOn(at + 4.0))
            tell(at + 4.3, ev.Transcript("stop", False, at + 4.0, at + 4.3))
            tell(at + 4.3, ev.PlayoutCut(generation, at + 4.3, "It is"))
            tell(at + 4.56, ev.VoiceOff(at + 4.4))
            tell(at + 4.6, ev.Transcript("stop", True, at + 4.0, at + 4.4))
            tell(at + 4.9, ev.Tick())
            tell(at + 5.0, ev.ReplyDone(generation, empty=True))
        else:
            tell(at + 6.52, ev.PlayoutFinished(generation, at + 6.52, "It is upstairs."))
    assert len(engine.history) == turns * 2 + turns // 2
    return (process_time() - begin) / steps


def _silence_ms(case: Case) -> float | None:
    """From the caller's onset over the agent's speech to the agent's last frame, lead on the wire not included."""
    run = simulate(case)
    pauses = run.named("pause")
    if not pauses:
        return None
    onsets = [float(str(entry.fields["at"])) for entry in run.named("voice_on") if entry.at <= pauses[0].at]
    last = max(frame.at for frame in run.frames if frame.at <= pauses[0].at + 0.04)
    return (last + 0.02 - onsets[-1]) * 1000


def figures() -> list[Figure]:
    """Step time, cases passed, time of all cases, onset to silence over the cases with a first pause."""
    _conversation(50)
    step_us = _conversation(TURNS) * 1e6
    cases = [case for name in ("cases.json", "own.json") for case in load(CASES / name)]
    began = perf_counter()
    passed = sum(not any(judge(run, must) for must in case.musts) for case in cases for run in [simulate(case)])
    seconds = perf_counter() - began
    silences = [ms for case in cases if (ms := _silence_ms(case)) is not None]
    p50, p95 = statistics.median(silences), statistics.quantiles(silences, n=20)[18]
    return [
        Figure("turn engine, CPU of one step", round(step_us, 1), "us", "<= 20", step_us <= 20, COMMAND),
        Figure("turn-taking cases that pass", passed, f"of {len(cases)}", "all", passed == len(cases), COMMAND),
        Figure("all turn-taking cases, virtual clock", round(seconds, 2), "s", "<= 3", seconds <= 3, COMMAND),
        Figure("first pause: caller onset to last frame written, cases, p50", round(p50), "ms", "<= 150", p50 <= 150,
               COMMAND),
        Figure("first pause: caller onset to last frame written, cases, p95", round(p95), "ms", "<= 250", p95 <= 250,
               COMMAND),
    ]


if __name__ == "__main__":
    for row in figures():
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
