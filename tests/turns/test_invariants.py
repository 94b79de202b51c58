"""What holds in every conversation, however the caller, the recogniser, the brain and the voice behave."""

from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from turn_scripts import cases

from engine.config import TurnOptions
from engine.replay import simulate as simulation
from engine.replay.cases import Case
from engine.replay.run import Run
from engine.turns import events as ev
from engine.turns.engine import TurnEngine

many = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

OWED_S = 40.0
"""4 s, a retry of 2 s, and the same again for the apology, each as long again while the caller makes noise."""


class Watched(TurnEngine):
    """A turn engine that is looked at after each step."""

    last: "Watched"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.now = 0.0
        self.live: int | None = None
        self.ready: set[int] = set()
        self.decided: set[int] = set()
        self.released: set[int] = set()
        self.paused: set[int] = set()
        self.ended = False
        Watched.last = self

    def step(self, now: float, event: ev.Event) -> list[ev.Action]:
        assert now >= self.now
        self.now = now
        if isinstance(event, ev.ReplyReady):
            self.ready.add(event.generation)
        if isinstance(event, ev.PlayoutFinished | ev.PlayoutCut) and event.generation == self.live:
            self.live = None
        actions = super().step(now, event)
        for action in actions:
            self.follow(action)
        assert self.deadline is None or self.deadline > now, "every timer ends: what is due was done"
        return actions

    def follow(self, action: ev.Action) -> None:
        assert not self.ended or isinstance(action, ev.CommitAgent | ev.CommitUser), "nothing is done after the end"
        match action:
            case ev.Think(generation, _, speculative):
                assert self.live is None, "one reply at a time"
                self.live = generation
                if not speculative:
                    self.decided.add(generation)
            case ev.Say(generation):
                assert self.live is None, "one reply at a time"
                self.live = generation
                self.decided.add(generation)
            case ev.Note("speculation_hit", _, fields):
                self.decided.add(dict(fields)["gen"])
            case ev.Release(generation):
                assert generation == self.live and generation in self.ready and generation in self.decided
                self.released.add(generation)
            case ev.Pause(generation):
                assert generation in self.released and generation not in self.paused
                self.paused.add(generation)
            case ev.Resume(generation):
                self.paused.remove(generation)
            case ev.Cut(generation):
                assert generation == self.live and generation in self.released
            case ev.Cancel(generation):
                assert generation == self.live
                self.live = None
            case ev.EndCall():
                self.ended = True


def watched(case: Case) -> Run:
    with patch.object(simulation, "TurnEngine", Watched):
        return simulation.simulate(case)


@many
@given(cases)
def test_no_audio_of_a_stale_generation(case: Case) -> None:
    """A reply is heard only between its release and its end; a cancelled one was never heard.
    Peers start a reply over a caller who has resumed, because nothing is checked at the first frame."""
    run = watched(case)
    released = {entry.fields["gen"]: entry.at for entry in run.named("release")}
    ended = {entry.fields["gen"]: entry.at for entry in run.named("cut")}
    cancelled = {entry.fields["gen"] for entry in run.named("cancel")}
    for frame in run.frames:
        assert frame.generation not in cancelled
        assert released[frame.generation] <= frame.at
        if not frame.fade:
            assert frame.at <= ended.get(frame.generation, frame.at)


@many
@given(cases)
def test_no_reply_starts_over_a_caller_who_speaks(case: Case) -> None:
    """Interruptible speech begins in the caller's silence, or after voice that went on for seconds without a word.
    The gate is the first frame, not the decision to think."""
    run = watched(case)
    protected = {entry.fields["gen"] for entry in run.named("say") if not entry.fields["interruptible"]}
    edges = sorted([(e.at, "on") for e in run.named("voice_on")] + [(e.at, "off") for e in run.named("voice_off")])
    for entry in run.named("release"):
        before = [(at, edge) for at, edge in edges if at <= entry.at]
        if entry.fields["gen"] not in protected and before and before[-1][1] == "on":
            assert entry.at - before[-1][0] >= 3.0 - 0.1


@many
@given(cases)
def test_history_holds_only_what_was_played(case: Case) -> None:
    """The agent's lines are what the ledger gave, each reply once, whole words from its beginning.
    Peers credit words by a text clock that runs on while they are paused."""
    run = watched(case)
    staged: dict[object, str] = {}
    for entry in run.named("staged"):
        staged[entry.fields["gen"]] = f"{staged.get(entry.fields['gen'], '')} {entry.fields['text']}".strip()
    heard = {entry.fields["gen"]: entry.fields["heard"] for entry in run.named("cut")}
    said = [entry.fields for entry in run.named("agent_said")]
    assert len({fields["gen"] for fields in said}) == len(said)
    for fields in said:
        words = str(fields["text"]).split()
        assert words == staged[fields["gen"]].split()[: len(words)]
        assert run.of(int(str(fields["gen"]))) or not words
        if fields["gen"] in heard:
            assert fields["text"] == heard[fields["gen"]]
    lines = " ".join(line.text for line in run.history if line.who == "agent")
    assert lines.split() == " ".join(str(fields["text"]) for fields in said).split()


@many
@given(cases)
def test_a_tool_runs_for_a_decided_turn_and_its_result_is_kept(case: Case) -> None:
    """What has an effect never runs ahead of the decision; whatever the caller does then, it stands in history once,
    with its result. Peers lose the result of an interrupted tool, and the model orders a second time."""
    run = watched(case)
    decided = {e.fields["gen"]: e.at for name in ("think", "speculation_hit") for e in reversed(run.named(name))
               if name != "think" or not e.fields["speculative"]}
    lines = [line.tool for line in run.history if line.tool is not None]
    assert len({use.call_id for use in lines}) == len(lines)
    kept = {use.call_id: use for use in lines}
    back = {entry.fields["id"]: entry.fields for entry in run.named("tool_returned")}
    for entry in run.named("tool_called"):
        name, ident = str(entry.fields["tool"]), str(entry.fields["id"])
        if not entry.fields["ran"] or case.tools[name].reads:
            continue
        assert decided[entry.fields["gen"]] <= entry.at
        assert kept[ident].name == name
        if ident in back:
            assert (kept[ident].result, kept[ident].error) == (back[ident]["text"], back[ident]["error"])


@many
@given(cases)
def test_never_silent_for_good(case: Case) -> None:
    """Whoever was promised a reply gets one, or an apology, or the end of the call; nothing is left open at the end.
    Stuck until the caller speaks again is what users of peers complain of most."""
    run = watched(case)
    moments = ("on_wire", "empty_reply", "joined", "end_call", "hangup", "interrupted")
    for turn in run.named("turn"):
        later = [entry.at for name in moments for entry in run.named(name) if entry.at >= turn.at]
        assert later, "the turn came to nothing"
        assert min(later) - turn.at <= OWED_S
    state = Watched.last._state
    if not run.ended and not run.named("hangup"):
        assert state.reply is None
        assert not state.turn.pieces and state.answering is None and not state.queue


@many
@given(cases)
def test_every_word_of_a_turn_is_committed_once(case: Case) -> None:
    """Every decided turn becomes one line of the caller, in the order in which they were spoken.
    A turn that goes on is merged into one line; nothing half committed is left."""
    run = watched(case)
    decided, joined = len(run.named("turn")), len(run.named("joined"))
    said = [entry.fields for entry in run.named("user_said")]
    assert decided - joined <= len(said) <= decided + 2  # words that the end of the call left unanswered
    assert len([line for line in run.history if line.who == "user"]) == len(said)
    ends = [float(str(fields["end"])) for fields in said]
    assert ends == sorted(ends)


@many
@given(cases)
def test_what_is_thought_early_is_bounded(case: Case) -> None:
    """A turn costs no more requests to the model than allowed while the caller talks, whatever the recogniser says."""
    run = watched(case)
    talking = False
    early = 0
    for entry in run.entries:
        talking = entry.name == "voice_on" or (talking and entry.name != "voice_off")
        if entry.name in ("turn", "cut"):
            early = 0
        early += entry.name == "think" and talking and bool(entry.fields["speculative"])
        assert early <= case.turns.speculate_early


events = st.one_of(
    st.builds(ev.VoiceOn, st.floats(0, 50)),
    st.builds(ev.VoiceOff, st.floats(0, 50)),
    st.builds(ev.Transcript, st.sampled_from(("", "hello", "yeah", "stop", "what is it")), st.booleans(),
              st.floats(0, 50), st.floats(0, 50)),
    st.builds(ev.ReplyReady, st.integers(1, 5)),
    st.builds(ev.ReplyDone, st.integers(1, 5), st.booleans(), st.floats(0, 5), st.booleans()),
    st.builds(ev.ReplyFailed, st.integers(1, 5), st.just("why")),
    st.builds(ev.ToolCalled, st.integers(1, 5), st.sampled_from("ab"), st.just("book"), st.just(""), st.integers(0, 9)),
    st.builds(ev.ToolReturned, st.sampled_from("ab"), st.just("Booked."), st.booleans()),
    st.builds(ev.PlayoutStarted, st.integers(1, 5), st.floats(0, 50)),
    st.builds(ev.PlayoutFinished, st.integers(1, 5), st.floats(0, 50), st.just("What is it?")),
    st.builds(ev.PlayoutCut, st.integers(1, 5), st.floats(0, 50), st.sampled_from(("", "What"))),
    st.builds(ev.Digit, st.just("1"), st.floats(0, 50)),
    st.builds(ev.Collect, st.integers(0, 3), st.sampled_from(("#", ""))),
    st.just(ev.CollectEnd()),
    st.builds(ev.Language, st.sampled_from(("ml", "xx", ""))),
    st.builds(ev.SayRequest, st.sampled_from(("", "Hello.")), st.booleans(), st.booleans()),
    st.builds(ev.Written, st.sampled_from(("", "hello")), st.floats(0, 50)),
    st.builds(ev.Interrupt, st.floats(0, 50)),
    st.builds(ev.Held, st.floats(0, 50), st.sampled_from((ev.BY_CALLER, "hand-over"))),
    st.builds(ev.Unheld, st.floats(0, 50), st.sampled_from((ev.BY_CALLER, "hand-over"))),
    st.just(ev.Tick()),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(0, 6), events), max_size=60))
def test_nonsense_is_survived(script: list[tuple[float, ev.Event]]) -> None:
    """Events in any order, with any times and generations, neither raise nor leave a deadline in the past.
    Late, doubled and reordered events happen on every bad day of a network."""
    engine = TurnEngine(TurnOptions(max_call_s=200))
    now = 0.0
    for after, event in script:
        now += after
        while engine.deadline is not None and engine.deadline <= now:
            at = engine.deadline
            engine.step(at, ev.Tick())
            assert engine.deadline is None or engine.deadline > at
        engine.step(now, event)
        assert engine.deadline is None or engine.deadline > now
    engine.step(now, ev.HungUp(now))
    assert engine.deadline is None
