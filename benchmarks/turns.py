"""Speed of the turn engine, its cases, and how it converses. ``python -m benchmarks.turns`` prints the figures.

The conversations are made up (``benchmarks/conversations.py`` says how the caller, the recogniser, the brain and the
voice behave in them) and run on a virtual clock: the turn engine and the playout are the real ones, no time is lost in
queues, sockets and codecs.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.conversations import Made, backchannels, interruptions, noises, pausing, talks
from benchmarks.figure import Figure
from engine.config import TurnOptions
from engine.replay.cases import Case, load
from engine.replay.checks import judge
from engine.replay.run import Run
from engine.replay.simulate import FRAME_BYTES, RATE, simulate
from engine.turns import events as ev
from engine.turns.engine import TurnEngine

CASES = Path(__file__).parents[1] / "tests" / "data" / "turns"
COMMAND = "python -m benchmarks.turns"
TURNS = 400
MISSED_S = 1.0
"""An interruption that has not silenced the agent so long after its end was missed."""


def _conversation(turns: int) -> float:
    """Seconds of CPU that a step takes, in a conversation in which every second reply is interrupted."""
    engine = TurnEngine(TurnOptions(max_call_s=10**6, endpoint_floor_ms=500))
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
    """From the caller's onset over the agent's speech to the agent's last frame, lead on the wire not included. None:
    nothing was paused, or not by a voice (a hold)."""
    run = simulate(case)
    pauses = run.named("pause")
    onsets = [float(str(entry.fields["at"])) for entry in run.named("voice_on") if pauses and entry.at <= pauses[0].at]
    if not onsets:
        return None
    before = [frame.at for frame in run.frames if frame.at <= pauses[0].at + 0.04]
    return (max(before) + 0.02 - onsets[-1]) * 1000 if before else None


def _waits_ms(conversations: Sequence[Made]) -> list[float]:
    """From the caller's last voiced frame to the agent's first frame, of every turn."""
    found = []
    for made in conversations:
        run = simulate(made.case)
        starts = [run.of(generation)[0].at for generation in run.generations()]
        found += [(next(at for at in starts if at >= end) - end) * 1000 for _, end in made.spans]
    return found


def _missed(made: Made, run: Run) -> bool:
    """The agent did not stop for the caller, or forgot what they said."""
    (begin, end), = made.spans
    cuts = [entry.at for entry in run.named("cut") if entry.at >= begin]
    said = [line.text for line in run.history if line.who == "user"]
    return not cuts or cuts[0] > end + MISSED_S or made.texts[0] not in said


def _words_off(run: Run) -> tuple[int, int]:
    """Of the reply that was cut: words in history that were not played, and played words that are not there. Played is
    a word whose last sample was written; samples are shared among the letters, as the voice of the cases does it."""
    cut = next((entry for entry in run.named("cut")), None)
    line = next((line for line in run.history if line.interrupted), None)
    if cut is None or not run.of(int(str(cut.fields["gen"]))):
        return 0, 0
    generation = int(str(cut.fields["gen"]))
    text = next(str(entry.fields["text"]) for entry in run.named("staged") if entry.fields["gen"] == generation)
    whole_s = max(float(str(entry.fields["seconds"])) for entry in run.named("ready")
                  if entry.fields["gen"] == generation)
    written = max(frame.sample for frame in run.of(generation)) + FRAME_BYTES // 2
    share = written / (whole_s * RATE)
    # The blanks between clauses have no samples; that shifts a word's end by less than half a letter a clause.
    ends = [at for at, char in enumerate(text + " ") if char == " "]
    sure = sum(end / len(text) <= share - 0.01 for end in ends)
    maybe = sum(end / len(text) <= share + 0.01 for end in ends)
    heard = len(line.text.split()) if line is not None else 0
    return max(0, heard - maybe), max(0, sure - heard)


def _share(found: Sequence[bool]) -> float:
    return round(100 * sum(found) / len(found), 1)


def _row(name: str, value: float, unit: str, most: float) -> Figure:
    return Figure(name, value, unit, f"<= {most:g}", value <= most, COMMAND)


def _engine_figures() -> list[Figure]:
    _conversation(50)
    step_us = _conversation(TURNS) * 1e6
    cases = [case for name in ("cases.json", "own.json") for case in load(CASES / name)]
    began = perf_counter()
    passed = sum(not any(judge(run, must) for must in case.musts) for case in cases for run in [simulate(case)])
    seconds = perf_counter() - began
    silences = [ms for case in cases if (ms := _silence_ms(case)) is not None]
    return [
        _row("turn engine, CPU of one step", round(step_us, 1), "us", 20),
        Figure("turn-taking cases that pass", passed, f"of {len(cases)}", "all", passed == len(cases), COMMAND),
        _row("all turn-taking cases, virtual clock", round(seconds, 2), "s", 3),
        _row("first pause: caller onset to last frame written, cases, p50", round(statistics.median(silences)), "ms",
             150),
        _row("first pause: caller onset to last frame written, cases, p95",
             round(statistics.quantiles(silences, n=20)[18]), "ms", 250),
    ]


def _conversation_figures() -> list[Figure]:
    waits, batch = _waits_ms(list(talks())), _waits_ms(list(talks(partials=False)))
    cut_in = [(made, simulate(made.case)) for made in interruptions()]
    onsets = [(min(e.at for e in run.named("pause") + run.named("cut") if e.at >= made.spans[0][0])
               - made.spans[0][0]) * 1000 for made, run in cut_in if run.named("cut")]
    resumed = [(entry.at - made.spans[0][1]) * 1000
               for made in noises() for entry in simulate(made.case).named("resume")]
    nods = [bool(simulate(made.case).named("cut")) for made in backchannels()]
    missed = [_missed(made, run) for made, run in cut_in]
    cut_off = [text not in [line.text for line in run.history if line.who == "user"]
               for made in pausing() for run in [simulate(made.case)] for text in made.texts]
    off = [_words_off(run) for _, run in cut_in]
    name = "last voiced frame to first agent frame (STT 200, model 250/600, voice 150 ms)"
    return [
        _row(f"{name}, p50", round(statistics.median(waits)), "ms", 450),
        _row(f"{name}, p95", round(statistics.quantiles(waits, n=20)[18]), "ms", 800),
        _row(f"{name}, recogniser without partial transcripts, p95", round(statistics.quantiles(batch, n=20)[18]), "ms",
             800),
        _row("caller onset to pause, p50", round(statistics.median(onsets)), "ms", 200),
        _row(f"end of noise to the agent's going on, longest of {len(resumed)}", round(max(resumed)), "ms", 500),
        _row(f"backchannels that cut, of {len(nods)}", _share(nods), "%", 2),
        _row(f"real interruptions missed, of {len(missed)}", _share(missed), "%", 2),
        _row(f"pausing callers cut off, of {len(cut_off)} utterances with a pause", _share(cut_off), "%", 3),
        _row("words in history that were never played", sum(wrong for wrong, _ in off), "words", 0),
        _row("words played but missing in history, most of a cut", max(missing for _, missing in off), "words", 1),
    ]


def figures() -> list[Figure]:
    """Step time, cases, and how the made-up conversations went."""
    return _engine_figures() + _conversation_figures()


if __name__ == "__main__":
    for row in figures():
        print(f"{'ok  ' if row.ok else 'FAIL'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
