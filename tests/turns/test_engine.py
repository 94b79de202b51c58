"""Rules of the turn engine that are seen best event by event."""

from engine.config import AgentOptions, TurnOptions
from engine.turns import events as ev
from engine.turns.engine import TurnEngine


class Call:
    """A turn engine that is told things. Of the last step, ``do`` are the actions and ``notes`` the names of notes."""

    def __init__(self, **options: object) -> None:
        self.engine = TurnEngine(TurnOptions(**options), AgentOptions())
        self.do: list[ev.Action] = []
        self.notes: list[str] = []

    def tell(self, now: float, event: ev.Event) -> list[ev.Action]:
        actions = self.engine.step(now, event)
        self.do = [action for action in actions if not isinstance(action, ev.Note | ev.TurnOver)]
        self.notes = [action.name for action in actions if isinstance(action, ev.Note)]
        return self.do

    def tick(self) -> list[ev.Action]:
        assert self.engine.deadline is not None
        return self.tell(self.engine.deadline, ev.Tick())

    def utterance(self, start: float, end: float, text: str) -> list[ev.Action]:
        self.tell(start + 0.06, ev.VoiceOn(start))
        self.tell(end + 0.16, ev.VoiceOff(end))
        return self.tell(end + 0.2, ev.Transcript(text, True, start, end))

    def reply(self, generation: int, at: float, seconds: float = 5.0) -> None:
        """Of this generation, begun: the turn before it is history."""
        self.tell(at, ev.ReplyReady(generation, seconds))
        self.tell(at, ev.ReplyDone(generation, seconds=seconds))
        self.tell(at, ev.PlayoutStarted(generation, at))
        self.tell(at + 0.3, ev.Tick())


def test_nothing_speculative_is_heard_before_the_decision() -> None:
    """Audio that is ready early waits for the end of the turn, then goes out at once."""
    call = Call()
    assert call.utterance(0.5, 2.5, "hello") == [ev.Think(1, "hello", speculative=True)]
    assert call.tell(2.8, ev.ReplyReady(1)) == []
    assert call.engine.deadline == 3.0
    assert call.tick() == [ev.Decided(1), ev.Release(1)]
    assert call.notes == ["turn", "speculation_hit"]


def test_the_turn_is_history_only_when_its_answer_is_under_way() -> None:
    """A caller who goes on before that is still in the same turn, and nothing has to be taken back."""
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.tell(3.1, ev.ReplyReady(1))
    assert call.tell(3.12, ev.PlayoutStarted(1, 3.12)) == []
    assert call.tick() == [ev.CommitUser("hello", 0.5, 2.5)]
    assert [(line.who, line.text) for line in call.engine.history] == [("user", "hello")]


def test_a_resumed_caller_gets_one_merged_turn() -> None:
    """Words before the first frame cancel the reply and join what was said before."""
    call = Call(speculate=False)
    call.utterance(0.5, 2.5, "I want a table")
    assert call.tick() == [ev.Think(1, "I want a table", speculative=False)]
    assert call.utterance(3.2, 4.0, "for two people")[0] == ev.Cancel(1)
    assert call.tick() == [ev.Think(2, "I want a table for two people", speculative=False)]


def test_a_stale_generation_changes_nothing() -> None:
    """Events of a cancelled reply are on their way when it is cancelled; none of them may let it be heard."""
    call = Call(speculate=False)
    call.utterance(0.5, 2.5, "I want a table")
    call.tick()
    call.utterance(3.2, 4.0, "for two people")
    call.tick()
    for event in (ev.ReplyReady(1), ev.ReplyDone(1), ev.ReplyFailed(1, "x"), ev.PlayoutStarted(1, 5.0),
                  ev.PlayoutFinished(1, 5.0, "x"), ev.PlayoutCut(1, 5.0, "x")):
        assert call.tell(5.0, event) == []
    assert len(call.engine.history) == 0


def test_the_pause_comes_with_the_voice_and_the_decision_with_the_words() -> None:
    """With the default of 60 ms the agent pauses the moment the voice is told."""
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.1)
    assert call.tell(5.06, ev.VoiceOn(5.0)) == [ev.Pause(1)]
    assert call.tell(5.4, ev.Transcript("what about", False, 5.0, 5.4)) == [ev.Cut(1)]
    assert call.tell(5.4, ev.PlayoutCut(1, 5.4, "We are")) == [ev.CommitAgent(1, "We are", interrupted=True)]
    assert [(line.who, line.text, line.interrupted) for line in call.engine.history] == [
        ("user", "hello", False), ("agent", "We are", True)]


def test_a_reply_that_ends_within_the_time_of_a_barge_in_is_not_paused() -> None:
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.0, seconds=2.0)
    assert call.tell(4.76, ev.VoiceOn(4.7)) == []


def test_a_late_pause_is_not_made_up_for() -> None:
    """Told 200 ms late (a blocked hub), the voice still pauses at once: times are those of the audio."""
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.1)
    assert call.tell(5.3, ev.VoiceOn(5.0)) == [ev.Pause(1)]


def test_a_hallucinated_interruption_does_not_leave_the_caller_in_silence() -> None:
    """The agent was cut by a partial that the recogniser then took back: the caller is asked to say it again."""
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.1)
    call.tell(5.06, ev.VoiceOn(5.0))
    call.tell(5.2, ev.Transcript("stop", False, 5.0, 5.2))
    call.tell(5.2, ev.PlayoutCut(1, 5.2, "We are"))
    call.tell(5.56, ev.VoiceOff(5.4))
    call.tell(5.7, ev.Transcript("", True, 5.0, 5.4))
    (said,) = call.tick()
    assert isinstance(said, ev.Say) and said.text == AgentOptions().not_heard


def test_hanging_up_ends_every_timer() -> None:
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    assert call.tell(2.9, ev.HungUp(2.9)) == [ev.Cancel(1), ev.CommitUser("hello", 0.5, 2.5)]
    assert call.engine.deadline is None
    assert call.tell(9.0, ev.Tick()) == []


def test_what_was_heard_is_history_even_if_the_caller_hangs_up() -> None:
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.1)
    assert call.tell(4.0, ev.HungUp(4.0)) == [ev.Cut(1)]
    assert call.tell(4.0, ev.PlayoutCut(1, 4.0, "We are")) == [ev.CommitAgent(1, "We are", interrupted=True)]
    assert [line.text for line in call.engine.history] == ["hello", "We are"]


def test_an_interrupt_silences_even_protected_speech() -> None:
    """An operator or an application that says stop means it."""
    call = Call()
    call.tell(0.0, ev.SayRequest("This call is recorded.", interruptible=False))
    call.reply(1, 0.2)
    assert call.tell(1.0, ev.Interrupt(1.0)) == [ev.Cut(1)]


def test_a_cut_that_is_never_confirmed_does_not_block_the_call() -> None:
    call = Call()
    call.tell(0.0, ev.SayRequest("Hello, this is a long greeting."))
    call.reply(1, 0.2)
    call.tell(1.0, ev.Interrupt(1.0))
    call.tick()
    assert call.utterance(3.0, 4.0, "hello") == [ev.Think(2, "hello", speculative=True)]


def test_announcements_that_wait_are_bounded() -> None:
    """A runaway application must not fill the memory; the oldest is dropped and noted."""
    call = Call()
    call.tell(0.0, ev.SayRequest("Hello."))
    for number in range(16):
        call.tell(0.1, ev.SayRequest(f"Number {number}."))
        assert call.notes == []
    call.tell(0.1, ev.SayRequest("One more."))
    assert call.notes == ["say_dropped"]


def test_an_unset_apology_lets_the_call_go() -> None:
    """With nothing to say when it fails, the engine hands the caller to the dialplan's next action."""
    engine = TurnEngine(TurnOptions(), AgentOptions(apology=""))
    engine.step(0.0, ev.Written("hello", 0.0))
    engine.step(0.1, ev.ReplyFailed(1, "x"))
    assert engine.step(0.2, ev.ReplyFailed(2, "x"))[-1] == ev.EndCall("fault")


def test_history_reads_as_a_sequence() -> None:
    call = Call()
    call.tell(0.0, ev.SayRequest("Hello."))
    call.reply(1, 0.2, seconds=1.0)
    call.tell(1.2, ev.PlayoutFinished(1, 1.2, "Hello."))
    assert call.engine.history[0].who == "agent"
    assert [line.text for line in call.engine.history[-5:]] == ["Hello."]


def test_words_that_the_vad_missed_count_in_the_agents_silence_only() -> None:
    """Over its speech they are its echo; before it they are the caller's, however late they are told."""
    call = Call()
    call.utterance(0.5, 2.5, "hello")
    call.tick()
    call.reply(1, 3.0, seconds=2.0)
    assert call.tell(4.5, ev.Transcript("we are open", False, 3.4, 4.4)) == []
    call.tell(5.0, ev.PlayoutFinished(1, 5.0, "We are open."))
    assert call.tell(5.4, ev.Transcript("we are open", True, 3.4, 4.9)) == []
    assert call.notes == ["unvoiced"]
    assert call.tell(7.0, ev.Transcript("and on Sunday?", True, 6.0, 6.8)) == [
        ev.Think(2, "and on Sunday?", speculative=True)]


def test_a_hold_ends_when_the_last_reason_for_it_does() -> None:
    """A caller who presses hold and back again while a human is being called does not end the wait for the human."""
    call = Call()
    call.tell(1.0, ev.Held(1.0, "hand-over"))
    assert call.notes == ["held"]
    call.tell(2.0, ev.Held(2.0))
    call.tell(3.0, ev.Unheld(3.0))
    assert call.tell(3.1, ev.SayRequest("I am back.")) == []
    call.tell(3.2, ev.Unheld(3.2))
    assert call.do == []
    assert call.tell(9.0, ev.Unheld(9.0, "hand-over")) == [ev.Say(1, "I am back.", interruptible=True)]


def test_a_tool_that_took_a_hold_is_not_late_afterwards() -> None:
    """A human who rings for longer than a tool may take: when the caller is back, the reply has its time again to say
    that nobody answered, and no apology comes before it."""
    call = Call()
    call.utterance(0.5, 2.5, "a human please")
    call.tick()
    call.tell(3.1, ev.ReplyReady(1, 1.0))
    call.tell(3.1, ev.PlayoutStarted(1, 3.1))
    call.tell(3.5, ev.ToolCalled(1, "t1", "transfer", words=2))
    call.tell(3.6, ev.Held(3.6, "hand-over"))
    assert call.tell(40.0, ev.Unheld(40.0, "hand-over")) == [ev.Resume(1)]
    assert call.tell(40.1, ev.ToolReturned("t1", "nobody answered")) == []
    assert call.tell(41.0, ev.ReplyReady(1, 3.0)) == []


def test_what_was_heard_on_hold_is_no_turn_however_late_its_transcript() -> None:
    """Recognisers take their time: the words of the music come when the hold is over."""
    call = Call()
    call.tell(1.0, ev.Held(1.0))
    call.tell(5.0, ev.Unheld(5.0))
    assert call.tell(5.4, ev.Transcript("all our agents are busy", True, 2.0, 5.1)) == []
    assert call.tell(6.6, ev.Transcript("hello again", True, 4.9, 6.5)) == [ev.Think(1, "hello again", True)]
