"""One reply of a language model on its way: rounds of words and skills, until there are only words."""

import logging
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from engine.dialog import prompt
from engine.dialog.brain import ClientCall, Farewell, Grounds, ReplyPart, Request, Terms, Text, Used
from engine.dialog.clauses import ClauseSplitter
from engine.dialog.errors import DialogError
from engine.dialog.middleware import Chain, TurnInfo
from engine.dialog.model import Message, Model, Tool, ToolCall, Usage, Words
from engine.dialog.persona import Persona
from engine.dialog.skills.executor import DECISION_S, CallSkills
from engine.dialog.skills.ledger import Run, Step, Turn
from engine.errors import TrunklineError

log = logging.getLogger(__name__)

LETTERS_A_SECOND = 15.0
"""About how fast a voice speaks: what was just said covers this much of the wait for a skill."""

LATE_SHARE = 0.8
"""For so much of the time that a reply takes to be spoken it is waited for what an earlier turn began."""

LOOK_S = 0.05
"""How often it is looked whether a turn has been decided while a slow skill runs on speculation."""

LONGEST_WAIT_S = 5.0
"""A run always ends, by its own deadline; the wait for it is looked after this often."""

END_OF_CLAUSE = "\n"
"""What comes before it is spoken now, however it ends."""

CITED = ("chunk_id", "document", "title", "heading", "score", "snippet")


@dataclass(slots=True)
class _Answer:
    """What the model gave in one round."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    usage: Usage | None = None
    first_ms: float | None = None


class ModelReply:
    """One request to ``model``; ``parts`` is used once."""

    def __init__(self, persona: Persona, model: Model, skills: CallSkills, chain: Chain, request: Request) -> None:
        """Nothing is asked yet."""
        self._terms = request.terms or Terms()
        if self._terms.instructions:
            persona = replace(persona, prompt=self._terms.instructions)
        self._persona = persona
        self._model = model
        self._skills = skills
        self._chain = chain
        self._request = request
        context = request.context
        self._language = context.language if context else persona.language
        self._phrases = persona.phrases_in(self._language)
        self._turn = Turn(request.generation, len(request.history), request.wait_decided, request.tool_called,
                          request.tool_returned)
        self._info = TurnInfo(request.generation, request.text, self._language, request.speculative, context)
        self._said = ""
        self._fillers = 0
        self._owing = True  # the model has said nothing since the last result
        self._model_spoke = False
        self._grounded = False
        self._cited: list[dict[str, Any]] = []
        self._succeeded = False

    def parts(self) -> Iterator[ReplyPart]:
        """The reply. Closing it ends the model's stream; skills that were started go on."""
        self._skills.begin(self._request.history, self._turn, self._request.context)
        try:
            if self._is_not_heard():
                yield from self._ask_back()
            else:
                yield from self._rounds()
        finally:
            self._count_words()
            self._tell_end()

    # ------------------------------------------------------------ the rounds

    def _rounds(self) -> Iterator[ReplyPart]:
        messages = self._messages()
        running = self._skills.ledger.running()
        farewell = False
        for number in range(self._persona.max_steps):
            answer = _Answer()
            try:
                yield from self._stream(number, messages, answer)
            except TrunklineError as fault:
                if not self._said.strip():
                    raise
                self._note_broken_off(number, fault)
                break
            if answer.usage is not None and self._request.terms is not None:
                yield Used(answer.usage.input_tokens, answer.usage.output_tokens)
            theirs = self._take_theirs(answer)
            if not answer.calls and not theirs:
                yield from self._tell_late(running)
                break
            if number == self._persona.max_steps - 1:
                log.warning("reply %d: the model wants skills for the %d. time; the reply ends", self._turn.generation,
                            number + 1)
                break
            if theirs:
                yield from self._hand_over(answer, theirs)
                break
            step = yield from self._use_skills(answer)
            ends = {attempt.run.skill.ends for attempt in step.attempts if attempt.run and attempt.result.success}
            if "call" in ends or "turn" in ends:
                farewell, self._owing = "call" in ends, False
                break
            messages[0] = self._instructions()  # the language may be another one now
            self._count_words()
            messages += self._skills.ledger.messages(step, answer.text.strip())
            self._skills.ledger.give([step], self._turn)
        if farewell and not self._model_spoke:
            yield self._say(self._phrases.goodbye)
        elif self._owing and self._said.strip():
            yield self._say(self._phrases.apology)  # all that was heard is "one moment, please"
        elif self._owing:
            raise DialogError(f"{self._model.name} gave no words")
        if not self._grounded:
            yield self._grounds()
        if farewell:
            yield Farewell()

    def _stream(self, number: int, messages: Sequence[Message], answer: _Answer) -> Iterator[ReplyPart]:
        """One answer of the model: its words are said, its calls collected."""
        persona, began = self._persona, monotonic()
        sentences = ClauseSplitter() if self._chain.on_sentences else None
        sent = self._chain.before_model(self._info, messages)
        terms = self._terms
        stream = self._tuned(number).stream(
            sent, self._tools(),
            temperature=persona.temperature if terms.temperature is None else terms.temperature,
            max_tokens=persona.max_tokens if terms.max_tokens is None else terms.max_tokens,
        )
        try:
            for part in stream:
                if answer.first_ms is None:
                    answer.first_ms = (monotonic() - began) * 1000
                if isinstance(part, Words):
                    answer.text += part.text
                    for text in [part.text] if sentences is None else self._checked(sentences.feed(part.text)):
                        yield from self._speak(text)
                elif isinstance(part, ToolCall):
                    answer.calls.append(part)
                else:
                    answer.usage = part
        finally:
            if hasattr(stream, "close"):
                stream.close()
        for text in self._checked(sentences.flush()) if sentences is not None else []:
            yield from self._speak(text)
        self._note_answer(number, answer, (monotonic() - began) * 1000)

    # ------------------------------------------------------------ tools of the client

    def _tools(self) -> list[Tool]:
        """What is offered to the model: skills, and tools of the client's under other names."""
        if self._terms.choice == "none":
            return []
        skills = self._skills.tools()
        own = {tool.name for tool in skills}
        return skills + [tool for tool in self._terms.tools if tool.name not in own]

    def _tuned(self, number: int) -> Model:
        """The model, told which tool it must call, if it must and can be told. Only its first answer is bound."""
        choice = self._terms.choice
        tuned = getattr(self._model, "tuned", None)
        if number or choice in ("auto", "none") or tuned is None:
            return self._model
        wanted = choice if choice == "required" else {"type": "function", "function": {"name": choice}}
        model: Model = tuned({"tool_choice": wanted})
        return model

    def _take_theirs(self, answer: _Answer) -> list[ToolCall]:
        """Calls of the client's tools, taken out of those of the answer."""
        own = self._skills.offered() if self._terms.tools else {}
        names = {tool.name for tool in self._terms.tools if tool.name not in own}
        theirs = [call for call in answer.calls if call.name in names]
        answer.calls = [call for call in answer.calls if call.name not in names]
        return theirs

    def _hand_over(self, answer: _Answer, calls: Sequence[ToolCall]) -> Iterator[ReplyPart]:
        """The client's turn to run them, once the caller's turn is decided; skills of the same answer run first."""
        if answer.calls:
            yield from self._use_skills(answer)
        elif answer.text.strip():
            yield Text(END_OF_CLAUSE)
        self._owing = False
        if self._turn.wait(DECISION_S):
            for call in calls:
                yield ClientCall(call.id or f"call_{self._turn.generation}", call.name, call.arguments)

    def _use_skills(self, answer: _Answer) -> Generator[ReplyPart, None, Step]:
        """Start what the model calls, wait for it, and cover a long wait with words. Returns the ``Step``."""
        if answer.text.strip():
            yield Text(END_OF_CLAUSE)
        self._count_words()
        step = self._skills.ask(self._turn, answer.calls,
                                lambda attempt: self._chain.on_tool(self._info, attempt.call))
        self._owing = True
        yield from self._wait(step, answer.text)
        for attempt in step.attempts:
            self._succeeded = self._succeeded or attempt.result.success
            if attempt.call.name == "set_language" and attempt.result.success:
                self._speak_now(str(attempt.result.data["language"]))
            if attempt.run is not None:
                self._cited += attempt.run.cited
        return step

    def _wait(self, step: Step, just_said: str) -> Iterator[ReplyPart]:
        """Until all runs of the step have ended."""
        options = self._skills.executor.options
        began = monotonic()
        due = began + options.filler_after_ms / 1000 + len(just_said) / LETTERS_A_SECOND
        for attempt in step.attempts:
            run = attempt.run
            while run is not None and run.result is None:
                left = due - monotonic()
                if run.skill.quiet or self._persona.written or self._fillers >= len(self._phrases.fillers):
                    run.done.wait(LONGEST_WAIT_S)
                elif left > 0:
                    run.done.wait(left)
                elif not self._turn.is_decided():
                    run.done.wait(LOOK_S)
                else:
                    text = self._filler(run, (monotonic() - began) * 1000)
                    due = monotonic() + options.filler_again_ms / 1000 + len(text) / LETTERS_A_SECOND
                    yield self._say(text + END_OF_CLAUSE)

    def _tell_late(self, running: Sequence[Run]) -> Iterator[ReplyPart]:
        """What an earlier turn began and ends while this reply is still being spoken: the caller is told at once."""
        spoken_s = 0.0 if self._persona.written else len(self._said) / LETTERS_A_SECOND
        until = monotonic() + LATE_SHARE * spoken_s
        for run in running:
            run.done.wait(max(until - monotonic(), 0))
        if not self._said.strip() or all(run.result is None for run in running) or not self._turn.is_decided():
            return
        self._count_words()
        messages = [*self._messages(), Message("assistant", self._said.strip()), Message("user", prompt.LATE)]
        try:
            yield Text(END_OF_CLAUSE)
            yield from self._stream(self._persona.max_steps, messages, _Answer())
        except TrunklineError as fault:
            self._note_broken_off(self._persona.max_steps, fault)  # the next turn will tell it

    # ------------------------------------------------------------ what is said

    def _messages(self) -> list[Message]:
        """What the model is given to begin with."""
        request, persona = self._request, self._persona
        unsure = 0 <= request.confidence < persona.unsure_below
        asked = prompt.question(request.text, request.alternatives if unsure else None, self._passages())
        after = {tool.call_id: tool.after for tool in request.tools}
        messages, steps = prompt.conversation(self._instructions().text, request.history, asked, self._skills.ledger,
                                              after, persona.history_tokens, self._terms.calls)
        self._skills.ledger.give(steps, self._turn)
        return messages

    def _instructions(self) -> Message:
        known = self._request.context.attributes if self._request.context else {}
        now = self._skills.executor.services.now()
        return Message("system", prompt.system_prompt(self._persona, self._language, now, known))

    def _speak_now(self, language: str) -> None:
        """The call's language was changed by a skill of this reply."""
        self._language, self._phrases = language, self._persona.phrases_in(language)

    def _passages(self) -> str:
        """What the knowledge base has for the caller's words, where the agent wants it in the prompt."""
        knowledge = self._skills.executor.services.knowledge
        if self._persona.grounding != "prompt" or knowledge is None or not self._request.text:
            return ""
        try:
            hits = knowledge.search(self._request.text, self._persona.passages)
        except TrunklineError as fault:
            log.warning("the knowledge base could not be searched: %s", fault)
            return ""
        self._cited = [hit.citation.as_dict() for hit in hits]
        return "\n\n".join(f"[{hit.citation.chunk_id}] {hit.text}" for hit in hits)

    def _speak(self, text: str) -> Iterator[ReplyPart]:
        """Words of the model."""
        if self._cited and not self._grounded and text.strip():
            yield self._grounds()
        if text.strip():
            self._owing, self._model_spoke = False, True
        yield self._say(text)

    def _say(self, text: str) -> Text:
        self._said += text
        return Text(text)

    def _checked(self, sentences: Sequence[str]) -> list[str]:
        """The sentences as the middleware wants them, each a clause of its own."""
        said = [self._chain.on_sentence(self._info, sentence) for sentence in sentences]
        return [text + END_OF_CLAUSE for text in said if text]

    def _filler(self, run: Run, after_ms: float) -> str:
        text = self._phrases.fillers[self._fillers]
        if not self._fillers:
            own = run.skill.filler
            text = own.get(self._language) or own.get(self._language[:2]) or text
        self._fillers += 1
        self._write("filler", text=text, skill=run.skill.name, after_ms=after_ms)
        return text

    def _is_not_heard(self) -> bool:
        """Whether the words were heard too badly to be asked about; twice in a row the model has to make do."""
        request, asked = self._request, self._phrases.not_heard
        said = [text for who, text in request.history[-2:] if who == "agent"]
        return 0 <= request.confidence < self._persona.not_heard_below and asked not in said

    def _ask_back(self) -> Iterator[ReplyPart]:
        self._write("ask_back", confidence=self._request.confidence)
        yield Grounds("ask_back", max(self._request.confidence, 0.0), detail={"why": "heard too badly"})
        yield self._say(self._phrases.not_heard)

    def _grounds(self) -> Grounds:
        """What the answer stands on: passages that the model reported, else those that were found."""
        self._grounded = True
        cited = [item for item in self._cited if item.get("reported")] or self._cited
        unique = {item["chunk_id"]: {name: item[name] for name in CITED if name in item} for item in cited}
        decision = "answer" if unique or self._succeeded else "model"
        score = max((float(item.get("score", 0.0)) for item in unique.values()), default=0.0)
        return Grounds(decision, score, tuple(unique.values()), {"model": self._model.name})

    # ------------------------------------------------------------ accounts

    def _count_words(self) -> None:
        self._turn.words = len(self._said.split())

    def _tell_end(self) -> None:
        """Tell the middleware, beside the reply, if the turn is decided or still may be."""
        executor = self._skills.executor
        if not self._chain.on_ends or executor.full:
            return
        turn, info, said = self._turn, self._info, self._said
        executor.start(lambda: self._chain.on_turn_end(info, said) if turn.wait(LONGEST_WAIT_S) else None)

    def _note_answer(self, number: int, answer: _Answer, ms: float) -> None:
        usage = answer.usage
        self._write("model_answer", step=number, model=self._model.name, first_ms=answer.first_ms, ms=ms,
                    calls=[call.name for call in answer.calls], input_tokens=usage.input_tokens if usage else None,
                    output_tokens=usage.output_tokens if usage else None)

    def _note_broken_off(self, number: int, fault: TrunklineError) -> None:
        log.warning("reply %d: the model broke off: %s", self._turn.generation, fault)
        self._write("model_broke_off", step=number, said=not self._owing, reason=str(fault))

    def _write(self, event: str, /, **fields: Any) -> None:
        if self._request.context is not None:
            self._request.context.write(event, gen=self._turn.generation, **fields)
