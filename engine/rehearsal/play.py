"""Plays a script: the turn engine and the playout are those of a call, the brain is a real one; the caller does the
script's steps one after the other, each when the agent is silent, or over its speech.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.agents.agent import Agent
from engine.config import Config, Options
from engine.dialog.actions import CallContext
from engine.dialog.agent_persona import persona_of
from engine.dialog.brain import Brain, Farewell, Grounds, Request, Text
from engine.dialog.clauses import ClauseSplitter
from engine.dialog.knowledge_brain import KnowledgeBrain
from engine.dialog.model_brain import ModelBrain
from engine.errors import ProviderFault, TrunklineError
from engine.knowledge.several import Collections
from engine.rehearsal.brain import ScriptedModel, Stopwatch, Timed
from engine.rehearsal.listen import Recording
from engine.rehearsal.script import Script, Step
from engine.rehearsal.skills import RehearsedSkills
from engine.rehearsal.stage import Stage
from engine.rehearsal.thought import Thought
from engine.replay.cases import Case
from engine.replay.run import Entry, Run
from engine.replay.simulate import RATE, Simulation
from engine.speech.interfaces import Heard
from engine.turns import events as ev

DIGIT_S = 0.3
LETTER_S = 0.06
"""The agent's speech, a letter."""

SHORTEST_S = 0.4
"""The caller's voice, however short the words."""

_REFUSED = ("bad_arguments", "unknown_skill")
"""Why a skill did not run at all, by a mistake of the model's: here, of the script's."""

OVER_S = 0.5
"""From the last step to the caller's hanging up."""


@dataclass
class Moment:
    """What became of a step. Times are call time in s; generations from ``first`` on are its own. ``over`` is the one
    that was being heard when it began."""

    step: Step
    began: float
    first: int
    voice: tuple[float, float]
    over: int | None = None
    language: str = ""
    ended: str = ""


@dataclass
class Played:
    """All that happened. ``faults``: what was wrong with the script itself, or broke."""

    run: Run
    moments: list[Moment] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def play(script: Script, agent: Agent, config: Config, knowledge: Collections | None,
         recordings: dict[int, Recording]) -> Played:
    """Play ``script`` to its end. ``recordings`` are those of its steps, by their number. Raises ``CaseError``."""
    watch = Stopwatch()
    with RehearsedSkills(config.skills, script, knowledge, watch) as skills:
        rehearsal = _Rehearsal(script, agent, config, knowledge, recordings, watch, skills)
        try:
            run = rehearsal.run()
        finally:
            rehearsal.close()
    return rehearsal.played(run, skills.faults)


class _Rehearsal(Simulation):
    def __init__(self, script: Script, agent: Agent, config: Config, knowledge: Collections | None,
                 recordings: dict[int, Recording], watch: Stopwatch, skills: RehearsedSkills) -> None:
        language = script.language or agent.language
        turns = agent.turns(config.turns)
        given: Options = script.turns
        turns = turns.model_copy(update=given.model_dump(exclude_none=True))
        self._phrases = agent.phrases(language)
        super().__init__(Case(script.name, "", (), (), turns, self._phrases, config.vad, language=language))
        self._script = script
        self._agent = agent
        self._knowledge = knowledge
        self._recordings = recordings
        self._watch = watch
        self._skills = skills
        self._stage_of_call = Stage(agent, script, self._log, self._changed, self._announce, language)
        self._model = ScriptedModel(script.model, script.timings, self._watch) if script.model else None
        self._model_brain = self._made_of(self._model) if self._model is not None else None
        self._brains: dict[str, Brain] = {}
        self._thoughts: dict[int, Thought] = {}
        self._staged: dict[int, _Staged] = {}
        self._faults: list[str] = []
        self._moments: list[Moment] = []
        self._thinking: Thought | None = None
        self._calls_made: dict[tuple[int, str], dict[str, Any]] = {}
        self._newest = 0
        self._acts_until = 0.0
        self._coming = False

    def close(self) -> None:
        """End brains that still wait."""
        for thought in self._thoughts.values():
            thought.cancel()
        if self._model_brain is not None:
            self._model_brain.call_ended(self._script.name)

    def played(self, run: Run, faults: list[str]) -> Played:
        """The run with its steps, and with faults of the skills."""
        if self._moments:
            self._moments[-1].ended = run.ended
            self._moments[-1].language = self._stage_of_call.language
        faults = list(dict.fromkeys(self._faults + faults))
        if self._model is not None:
            # Guesses at what the caller may be about to say need no answer.
            decided = {str(entry.fields["text"]) for entry in run.named("user_said")}
            faults += [f"the model was asked {text!r}, and nothing is written down for it"
                       for text in dict.fromkeys(self._model.unanswered) if text in decided]
        return Played(run, self._moments, faults)

    # ------------------------------------------------------------ the caller

    def _schedule_caller(self) -> None:
        self._moments.append(Moment(Step(), 0.0, 1, (0.0, 0.0)))
        if self._phrases.greeting:
            event = ev.SayRequest(self._phrases.greeting, self._phrases.greeting_interruptible)
            self._input(0.0, event, "say_request", text=self._phrases.greeting)
        if self._script.steps[0].action == "listen" and self._script.steps[0].over_agent_ms is None:
            self._moments[0].step = self._script.steps[0]
            self._next = 1
        else:
            self._next = 0

    def _happened(self) -> None:
        """Begin the next step when its time has come."""
        if self._coming or self._run.ended or self._now < self._acts_until:
            return
        step = self._script.steps[self._next] if self._next < len(self._script.steps) else None
        if step is not None and step.over_agent_ms is not None:
            started = [entry for entry in self._run.named("on_wire")
                       if int(str(entry.fields["gen"])) >= self._moments[-1].first]
            if started:
                self._soon(started[-1].at + step.over_agent_ms / 1000, step)
                return
        if not self._engine.idle or self._playout.generation is not None:
            return
        if self._stage_of_call.handed_over:
            self._run.ended = "transferred"
        elif step is not None:
            if step.over_agent_ms is not None:
                self._faults.append(f"step {self._next + 1} is to be over the agent's speech, but it said nothing")
            self._soon(self._now + step.after_ms / 1000, step)
        elif self._script.steps[-1].action != "hangup":
            self._coming = True
            self._input(self._now + OVER_S, ev.HungUp(self._now + OVER_S), "hangup")

    def _soon(self, when: float, step: Step) -> None:
        self._coming = True
        self._last_input = max(self._last_input, when)
        self._at(when, partial(self._begin, step))

    def _begin(self, step: Step) -> None:
        self._coming = False
        self._moments[-1].language = self._stage_of_call.language
        number, self._next = self._next, self._next + 1
        end = self._act(step, number)
        moment = Moment(step, self._now, self._newest + 1, (self._now, end), self._playout.generation)
        self._moments.append(moment)
        self._log("step", number=number + 1, action=step.action)

    def _act(self, step: Step, number: int) -> float:
        """Schedule what the caller does; the end of the voice. Nothing more is done before ``_acts_until``."""
        now, timings = self._now, self._script.timings
        stt = (timings.stt_ms if step.stt_ms is None else step.stt_ms) / 1000
        match step.action:
            case "caller":
                end = now + max(SHORTEST_S, len(step.caller.split()) * timings.word_ms / 1000)
                self._caller_says(now, end, step.caller, stt, step.final)
            case "noise_ms":
                end = now + (step.noise_ms or 0) / 1000
                self._caller_says(now, end, "", stt, step.final)
            case "wav":
                end = now
                for piece in self._recordings[number].pieces:
                    end = now + piece.end
                    self._caller_says(now + piece.start, end, piece.heard.text, stt, step.final, piece.heard)
            case "digits":
                end = now
                for place, digit in enumerate(step.digits):
                    end = now + place * DIGIT_S
                    self._input(end, ev.Digit(digit, end), "dtmf", digit=digit)
            case "hangup":
                end = now
                self._input(now, ev.HungUp(now), "hangup")
            case _:
                end = now
                self._last_input = self._acts_until = now + (step.silence_s or 0.0)
        self._acts_until = max(self._acts_until, self._last_input)
        self._at(self._acts_until + 1e-3, lambda: None)  # look again when it is done
        return end

    def _caller_says(
        self, start: float, end: float, text: str, stt: float, final: bool, heard: Heard | None = None
    ) -> None:
        vad = self._case.vad
        if end - start >= vad.onset_ms / 1000:
            self._input(start + vad.onset_ms / 1000, ev.VoiceOn(start), "voice_on", at=start)
            self._input(end + vad.hangover_ms / 1000, ev.VoiceOff(end), "voice_off", at=end)
        words = text.split()
        if len(words) > 2:
            self._transcript((start + end) / 2 + stt, " ".join(words[: len(words) // 2]), False, start, end)
        if final:
            sure, others = (heard.confidence, heard.alternatives) if heard is not None else (-1.0, ())
            event = ev.Transcript(text, True, start, end, sure, others)
            self._input(end + max(stt, vad.hangover_ms / 1000 + 1e-3), event, "final", text=text)

    # ------------------------------------------------------------ the brain

    def _carry_out(self, action: ev.Action) -> None:
        match action:
            case ev.Think(generation, text, speculative):
                self._newest = generation
                self._log("think", gen=generation, text=text, speculative=speculative)
                self._ask(action)
                return
            case ev.Decided(generation):
                self._decide(generation)
                return
            case ev.Say(generation, _, _):
                self._newest = generation
            case ev.Cancel(generation) | ev.Cut(generation):
                self._forget(generation)
        super()._carry_out(action)

    def _ask(self, think: ev.Think) -> None:
        generation = think.generation
        self._open(generation)
        history = tuple((line.who, line.text) for line in self._engine.history if line.tool is None)

        def request(wait_decided: Callable[[float], bool]) -> Request:
            return Request(
                think.text, history, generation, think.speculative, think.confidence, context=self._context(),
                wait_decided=wait_decided, alternatives=think.alternatives,
            )

        thought = Thought(self._brain(), request, self._watch)
        self._thoughts[generation] = thought
        self._staged[generation] = _Staged(self._now)
        self._go_on(generation)

    def _context(self) -> CallContext:
        script, stage = self._script, self._stage_of_call
        return CallContext(script.name, self._agent.name, stage.language, script.caller, script.called, stage,
                           write=self._write)

    def _write(self, event: str, /, **fields: Any) -> None:
        """A line of the brain's: what skills ran, with which arguments, and what came of it."""
        if event == "tool_call":
            told = {"gen": fields["gen"], "skill": fields["skill"], "arguments": fields["arguments"],
                    "guess": bool(fields["speculative"]), "repeated": bool(fields["repeated"])}
            if fields["repeated"]:  # it has run before, and its result is given again
                self._log("skill", **told, failed="")
            self._calls_made[fields["gen"], fields["id"]] = told
        elif event == "tool_result":
            failed = "" if fields["success"] else f"{fields['error']}: {fields['result'].get('message', '')}"
            told = self._calls_made.get((fields["gen"], fields["id"]), {})
            if fields["error"] in _REFUSED:
                self._faults.append(f"the call of {fields['skill']} was refused: {failed}")
            elif told:
                self._log("skill", **told, failed=failed)

    def _decide(self, generation: int) -> None:
        thought = self._thoughts.get(generation)
        if thought is not None and not thought.decided:
            thought.decided = True
            if thought.waits:
                staged = self._staged[generation]
                staged.began = max(staged.began, self._now - thought.ms / 1000)
                self._go_on(generation)

    def _forget(self, generation: int) -> None:
        thought = self._thoughts.pop(generation, None)
        if thought is not None:
            thought.cancel()

    def _brain(self) -> Brain:
        language = self._stage_of_call.language
        if language not in self._brains:
            self._brains[language] = self._made(language)
        return self._brains[language]

    def _made(self, language: str) -> Brain:
        if self._model_brain is not None:
            return self._model_brain
        if self._knowledge is None:
            raise TrunklineError(f"{self._agent.name} has no collections, so the test needs 'model' with its answers")
        brain = KnowledgeBrain(self._knowledge, self._agent.phrases(language), language)
        return Timed(brain, self._watch, self._script.timings.search_ms)

    def _made_of(self, model: ScriptedModel) -> ModelBrain:
        return ModelBrain(persona_of(self._agent), model, self._skills.executor)

    def _go_on(self, generation: int) -> None:
        """Let the brain run as far as it can, and stage what it says."""
        thought, staged = self._thoughts[generation], self._staged[generation]
        self._thinking = thought
        thought.run()
        parts, thought.parts = thought.parts, []
        for ms, part in parts:
            staged.known = staged.began + ms / 1000
            match part:
                case Text(text):
                    for clause in staged.splitter.feed(text):
                        self._clause(generation, staged, clause)
                case Grounds():
                    citations = [str(citation.get("document", "")) for citation in part.citations]
                    self._log("grounds", gen=generation, decision=part.decision, score=round(part.score, 3),
                              citations=citations)
                case Farewell():
                    staged.ends_call = True
        if not thought.done:
            return
        staged.known = staged.began + thought.ms / 1000
        if thought.fault is not None:
            if not isinstance(thought.fault, ProviderFault):
                self._faults.append(f"the brain failed: {type(thought.fault).__name__}: {thought.fault}")
            self._later(generation, staged.after(self._now), None, failed="brain")
            return
        for clause in staged.splitter.flush():
            self._clause(generation, staged, clause)
        done = ev.ReplyDone(generation, not staged.samples, staged.samples / RATE, staged.ends_call)
        self._later(generation, staged.after(self._now), done)

    def _clause(self, generation: int, staged: "_Staged", clause: str) -> None:
        voice = self._script.timings.voice_ms / 1000
        samples = round(RATE * max(0.2, len(clause) * LETTER_S))
        staged.samples += samples
        staged.voiced = max(staged.voiced, staged.known + voice)
        total = staged.samples / RATE
        self._at(staged.voiced, partial(self._stage, generation, clause, samples, total))

    # ------------------------------------------------------------ what skills do

    def _changed(self, language: str) -> None:
        self._phrases = self._agent.phrases(language)
        self._engine.use(self._phrases)
        self._at(self._now, partial(self._tell, ev.Language(language)))

    def _announce(self, text: str) -> None:
        """Said between what the model says before and after the skill."""
        if self._thinking is not None:
            self._thinking.say(text)


@dataclass
class _Staged:
    """How far a reply is rendered. ``began``: when it was asked for, later by what it waited; ``known``: when its
    newest text was; ``voiced``: when the voice has rendered it."""

    began: float
    known: float = 0.0
    voiced: float = 0.0
    samples: int = 0
    ends_call: bool = False
    splitter: ClauseSplitter = field(default_factory=ClauseSplitter)

    def after(self, now: float) -> float:
        """Seconds from ``now`` until all of it is there."""
        return max(self.known, self.voiced, now) - now


__all__ = ["Entry", "Moment", "Played", "play"]
