"""Runs a case: the turn engine and the playout are the real ones; caller, recogniser, brain, voice and clock are not.

The clock is virtual: it jumps from one thing that happens to the next, so a minute of conversation takes milliseconds
and every run is the same. Frames are counted as they are written; on a real call the frames that are written ahead
(``media.lead_frames``) are still on their way for some 50 ms.
"""

import heapq
import re
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from math import ceil

import numpy as np

from engine.media.playout import Heard, Playout
from engine.replay.cases import Case
from engine.replay.errors import CaseError
from engine.replay.providers import Providers
from engine.replay.rows import Answer, Call, Happening, Speech, stretches
from engine.replay.run import FRAME_S, Entry, Frame, Run
from engine.turns import events as ev
from engine.turns.engine import TurnEngine

RATE = 8000
FRAME_BYTES = round(RATE * FRAME_S) * 2

QUIET_S = 6.0
"""A run ends when nothing has happened for so long."""

LONGEST_RUN_S = 900.0

STEPS = 8
"""Answers of the model within one reply; the tools of the last one are not run."""

_CLAUSE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def simulate(case: Case) -> Run:
    """Run ``case`` to its end. Raises ``CaseError`` if it does not come to one."""
    return Simulation(case).run()


class Simulation:
    """One run. Another kind of simulation (``engine/rehearsal``) takes over who calls and who thinks."""

    def __init__(self, case: Case) -> None:
        """Nothing has happened yet."""
        self._case = case
        self._run = Run()
        self._now = 0.0
        self._order = count()
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._last = 0.0
        self._last_input = 0.0
        self._engine = TurnEngine(case.turns, case.agent, case.scores.get, case.language)
        self._playout = Playout(RATE, FRAME_BYTES, max_queued_s=3600.0)
        self._playout.on_started = self._started
        self._playout.on_finished = self._finished
        self._playout.wake = self._start_ticking
        self._ticking = False
        self._deadline: float | None = None
        self._waiting: deque[ev.Event] = deque()
        self._telling = False
        self._alive: set[int] = set()
        self._decided: set[int] = set()
        self._early: dict[int, list[tuple[float, list[tuple[float, str]], str, Answer]]] = {}
        self._undecided: dict[int, Callable[[], None]] = {}
        self._samples: dict[int, int] = {}
        self._words: dict[int, int] = {}
        self._rendered: dict[int, float] = {}
        self._parts: dict[int, list[int]] = {}
        self._calls = 0
        self._providers = Providers(case)
        self._began: int | None = None
        self._fading = 0

    def run(self) -> Run:
        """Run to the end, once. Raises ``CaseError`` if there is none."""
        self._schedule_caller()
        self._arm()
        while self._heap and not self._run.ended:
            at, _, action = heapq.heappop(self._heap)
            if at > max(self._last, self._last_input) + QUIET_S:
                break
            if at > LONGEST_RUN_S:
                raise CaseError(f"case {self._case.id}: no end after {LONGEST_RUN_S:.0f} s")
            self._now = at
            action()
            self._happened()
        self._run.history = list(self._engine.history)
        self._run.until = self._now
        return self._run

    def _happened(self) -> None:
        """Something has just happened, and all that came of it at once."""

    # ------------------------------------------------------------ clock

    def _at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (round(max(when, self._now), 6), next(self._order), action))

    def _log(self, name: str, **fields: object) -> None:
        self._run.entries.append(Entry(self._now, name, fields))
        self._last = self._now

    # ------------------------------------------------------------ caller and recogniser

    def _schedule_caller(self) -> None:
        vad = self._case.vad
        onset, hangover = vad.onset_ms / 1000, vad.hangover_ms / 1000
        for start, end in stretches(self._case.rows_of(Speech), onset, hangover):
            self._input(start + onset, ev.VoiceOn(start), "voice_on", at=start)
            self._input(end + hangover, ev.VoiceOff(end), "voice_off", at=end)
        for row in self._case.rows_of(Speech):
            interim = " ".join(row.text.split()[:2])
            if interim:
                self._transcript(row.end + row.delay / 2, interim, False, row.start, row.end)
            if row.final:
                self._transcript(row.end + row.delay, row.text, True, row.start, row.end)
        for row in self._case.rows_of(Happening):
            self._happening(row)

    def _happening(self, row: Happening) -> None:
        match row.kind, row.values:
            case "collect", (digits,):
                self._input(row.at, ev.Collect(digits), "collect", digits=digits)
            case "collect_end", _:
                self._input(row.at, ev.CollectEnd(), "collect_end")
            case "language", (code,):
                self._input(row.at, ev.Language(code), "language", code=code)
            case "digit", (digit,):
                self._input(row.at, ev.Digit(digit, row.at), "dtmf", digit=digit)
            case "hangup", _:
                self._input(row.at, ev.HungUp(row.at), "hangup")
            case "hold", _:
                self._input(row.at, ev.Held(row.at), "hold")
            case "unhold", _:
                self._input(row.at, ev.Unheld(row.at), "unhold")
            case "interrupt", _:
                self._input(row.at, ev.Interrupt(row.at), "interrupt")
            case "write", (text,):
                self._input(row.at, ev.Written(text, row.at), "written", text=text)
            case "say", (text, interruptible, ends_call):
                event = ev.SayRequest(text, interruptible, ends_call)
                self._input(row.at, event, "say_request", text=text)
            case "transcript", (text, final, start, end):
                self._transcript(row.at, text, final, start, end)

    def _transcript(self, at: float, text: str, final: bool, start: float, end: float) -> None:
        self._input(at, ev.Transcript(text, final, start, end), "final" if final else "partial", text=text)

    def _input(self, when: float, event: ev.Event, name: str, **fields: object) -> None:
        self._last_input = max(self._last_input, when)

        def happen() -> None:
            self._log(name, **fields)
            self._tell(event)

        self._at(when, happen)

    # ------------------------------------------------------------ the turn engine

    def _tell(self, event: ev.Event) -> None:
        """As ``Conversation.tell``: one event at a time; what a cut has heard is told before anything else."""
        self._waiting.append(event)
        if self._telling:
            return
        self._telling = True
        while self._waiting:
            for action in self._engine.step(self._now, self._waiting.popleft()):
                self._carry_out(action)
        self._telling = False
        self._arm()

    def _arm(self) -> None:
        deadline = self._engine.deadline
        if deadline is not None and deadline != self._deadline:
            self._at(deadline, lambda: self._due(deadline))
        self._deadline = deadline

    def _due(self, deadline: float) -> None:
        if deadline == self._deadline:
            self._deadline = None
            self._tell(ev.Tick())

    def _carry_out(self, action: ev.Action) -> None:
        match action:
            case ev.Release() | ev.Pause() | ev.Resume() | ev.Cancel() | ev.Cut():
                self._play(action)
            case ev.Note(name, why, fields):
                self._log(name, **dict(fields), why=why)
            case ev.Think():
                self._think(action)
            case ev.Render(generation):
                self._speak_held(generation)
            case ev.Decided(generation):
                self._decided.add(generation)
                self._speak_held(generation)
                if generation in self._undecided:
                    self._at(self._now, self._undecided.pop(generation))
            case ev.Say(generation, text, interruptible):
                self._log("say", gen=generation, text=text, interruptible=interruptible)
                self._open(generation)
                self._render(generation, [(0.0, text)], text, Answer(text, 0.0, 0.0, None))
            case ev.CommitUser(text, start, end):
                self._log("user_said", text=text, start=start, end=end)
            case ev.CommitAgent(generation, text, interrupted):
                self._log("agent_said", gen=generation, text=text, interrupted=interrupted)
            case ev.EndCall(reason):
                self._log("end_call", reason=reason)
                self._run.ended = reason

    def _play(self, action: ev.Release | ev.Pause | ev.Resume | ev.Cancel | ev.Cut) -> None:
        match action:
            case ev.Release(generation):
                self._log("release", gen=generation)
                self._playout.release(generation)
            case ev.Pause(generation):
                self._log("pause", gen=generation)
                self._playout.pause()
            case ev.Resume(generation):
                self._log("resume", gen=generation)
                self._playout.resume()
            case ev.Cancel(generation):
                self._log("cancel", gen=generation)
                if generation in self._alive and generation not in self._decided:
                    self._providers.unasked(generation)
                self._alive.discard(generation)
                self._playout.cancel(generation)
            case ev.Cut(generation):
                self._alive.discard(generation)
                heard = self._playout.cut(generation)
                self._log("cut", gen=generation, heard=heard.text)
                self._waiting.appendleft(ev.PlayoutCut(generation, self._now, heard.text))

    # ------------------------------------------------------------ brain and voice

    def _open(self, generation: int) -> None:
        self._alive.add(generation)
        self._samples[generation] = self._words[generation] = 0
        self._rendered[generation] = self._now
        self._playout.open(generation)

    def _think(self, action: ev.Think) -> None:
        generation = action.generation
        self._log("think", gen=generation, text=action.text, speculative=action.speculative)
        self._open(generation)
        if not action.speculative:
            self._decided.add(generation)
        if action.early:
            self._early[generation] = []
        self._give(generation, self._providers.answer(action.text, generation))

    def _give(self, generation: int, answer: Answer | None, step: int = 0) -> None:
        """What the model answers: words, then perhaps tools, whose results it answers again. Tokens come evenly; a
        clause is known when its last token is."""
        if answer is None or not (answer.text or answer.tools or answer.fails or answer.hangs):
            event = ev.ReplyDone(generation, not self._samples[generation], self._seconds(generation))
            self._later(generation, max(answer.done if answer else 0.0, self._rendered[generation] - self._now), event)
            return
        clauses, chars, total = [], 0, len(answer.text)
        for clause in _CLAUSE.split(answer.text) if answer.text else ():
            chars += len(clause) + 1
            known = answer.first + (answer.done - answer.first) * min(1.0, chars / total)
            clauses.append((0.0 if answer.fails or answer.hangs else known, clause))
        if answer.tools and step < STEPS:
            if answer.text:
                self._render(generation, clauses, answer.text, answer)
            self._at(self._now + answer.done, partial(self._call_tools, generation, answer.tools, step))
        else:
            self._render(generation, clauses, answer.text, answer)

    def _render(self, generation: int, clauses: list[tuple[float, str]], text: str, answer: Answer) -> None:
        """Stage the clauses ``(when known, text)`` and end the reply as ``answer`` says."""
        self._log("staged", gen=generation, text=text)
        self._words[generation] += len(text.split())
        if generation in self._early:
            self._early[generation].append((self._now, clauses, text, answer))
        else:
            self._speak(generation, clauses, text, answer)

    def _speak_held(self, generation: int) -> None:
        """What was thought while the caller talked is rendered now, as far as it is known."""
        for then, clauses, text, answer in self._early.pop(generation, ()):
            ago = self._now - then
            known = [(max(0.0, when - ago), clause) for when, clause in clauses]
            self._speak(generation, known, text, replace(answer, done=max(0.0, answer.done - ago)))

    def _speak(self, generation: int, clauses: list[tuple[float, str]], text: str, answer: Answer) -> None:
        rendering = self._providers.rendering(text)
        if rendering.fails:
            after = max(clauses[0][0] if clauses else 0.0, self._rendered[generation] - self._now) + rendering.first
            self._rendered[generation] = self._now + after
            self._later(generation, after, None, failed="voice")
            return
        letters = max(1, sum(len(clause) for _, clause in clauses))
        when = self._rendered[generation] - self._now
        for number, (known, clause) in enumerate(clauses):
            when = max(known, when) + (rendering.first if number == 0 else 0.0)
            length = round(RATE * rendering.audio * len(clause) / letters)
            self._samples[generation] += length
            self._at(self._now + when, partial(self._stage, generation, clause, length, self._seconds(generation)))
        self._rendered[generation] = self._now + when
        if answer.fails:
            self._later(generation, max(answer.done, when), None, failed="brain")
        elif not answer.hangs and not answer.tools:
            known = clauses[-1][0] if clauses else 0.0
            event = ev.ReplyDone(generation, seconds=self._seconds(generation), ends_call=answer.ends_call)
            self._later(generation, max(when, known + rendering.done), event)

    def _seconds(self, generation: int) -> float:
        return self._samples[generation] / RATE

    def _stage(self, generation: int, clause: str, samples: int, seconds: float) -> None:
        if generation not in self._alive:
            return
        self._playout.add(generation, np.full(samples, 8000, np.int16), clause)
        self._log("ready", gen=generation, seconds=round(seconds, 3))
        self._tell(ev.ReplyReady(generation, seconds))

    def _later(self, generation: int, after: float, event: ev.Event | None, failed: str = "") -> None:
        """The end of a reply, good or bad."""

        def happen() -> None:
            if generation not in self._alive:
                return
            if failed:
                self._alive.discard(generation)
            self._playout.done(generation)
            self._log("reply_failed" if failed else "reply_done", gen=generation)
            self._tell(event if event is not None else ev.ReplyFailed(generation, failed))

        self._at(self._now + after, happen)

    # ------------------------------------------------------------ tools

    def _call_tools(self, generation: int, calls: tuple[Call, ...], step: int) -> None:
        """Run what the model asks for, side by side; a tool with effects only once the turn is decided."""
        if generation not in self._alive:
            return
        tools = [(call, self._providers.tool(call.name)) for call in calls]
        if generation not in self._decided and not all(tool is None or tool.reads for _, tool in tools):
            self._undecided[generation] = partial(self._call_tools, generation, calls, step)
            return
        results: list[str] = []
        for call, tool in tools:
            self._calls += 1
            name = f"call{self._calls}"
            if self._samples[generation]:
                self._parts.setdefault(generation, []).append(self._samples[generation])
            self._log("tool_called", gen=generation, id=name, tool=call.name, ran=tool is not None)
            self._tell(ev.ToolCalled(generation, name, call.name, call.arguments, self._words[generation]))
            result, error = self._providers.result(call, tool)
            when = self._now + (tool.seconds if tool is not None else 0.0)
            self._last_input = max(self._last_input, when)
            self._at(when, partial(self._tool_back, generation, name, result, error, results, len(calls), step))

    def _tool_back(
        self, generation: int, name: str, result: str, error: bool, results: list[str], of: int, step: int
    ) -> None:
        """A tool is done, and its result is kept whatever has become of the reply; the last one lets the model go on.
        """
        self._log("tool_returned", gen=generation, id=name, text=result, error=error)
        self._tell(ev.ToolReturned(name, result, error))
        results.append(result)
        if len(results) == of and generation in self._alive:
            self._give(generation, self._providers.after(results, generation), step + 1)

    # ------------------------------------------------------------ the frame clock

    def _start_ticking(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._at(ceil(self._now / FRAME_S - 1e-6) * FRAME_S, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        playout = self._playout
        playing, sample, fade = playout.generation, playout.position, playout.paused
        self._began = None
        if playout.next_frame() is None:
            return
        if playing is None:
            # Either the first frame of a reply, or what fades of one that was cut.
            playing, fade = (self._fading, True) if self._began is None else (self._began, False)
        self._fading = playing
        part = bisect_right(self._parts.get(playing, []), sample)
        self._run.frames.append(Frame(self._now, playing, sample, fade, part))
        self._last = self._now
        self._ticking = True
        self._at(self._now + FRAME_S, self._tick)

    def _started(self, generation: int) -> None:
        self._began = generation
        self._log("on_wire", gen=generation)
        self._tell(ev.PlayoutStarted(generation, self._now))

    def _finished(self, generation: int, heard: Heard) -> None:
        self._alive.discard(generation)
        self._log("playout_finished", gen=generation)
        self._tell(ev.PlayoutFinished(generation, self._now, heard.text))
