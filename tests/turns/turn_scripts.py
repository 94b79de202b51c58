"""Random conversations for hypothesis: rows of a case, and the case around them."""

from hypothesis import strategies as st

from engine.config import AgentOptions, TurnOptions, VadOptions
from engine.replay.cases import Case
from engine.replay.rows import Answer, Call, Happening, Rendering, Row, Speech, Tool

WORDS = (
    "hello", "when are you open", "I want to", "book a table for two", "uh-huh", "yeah", "mm-hmm, okay", "stop",
    "no wait", "my number is five five five", "one two three four", "yes", "thank you, bye", "what time is it?", "",
)
REPLIES = (
    "We are open from nine to five. You can also call us on Saturday morning.", "Yes.", "Shall I book it for you?",
    "I'm doing well, thank you!", "",
)

seconds = st.floats(0, 5).map(lambda value: round(value, 2))


@st.composite
def speeches(draw: st.DrawFn) -> list[Row]:
    """The caller's voice: stretches one after another, transcripts in time, late, twice or never."""
    rows: list[Row] = []
    at = 0.0
    for _ in range(draw(st.integers(0, 7))):
        at += 0.05 + draw(seconds)
        end = round(at + draw(st.sampled_from((0.1, 0.3, 0.45, 0.9, 1.5, 3.0, 7.0))), 2)
        text, delay = draw(st.sampled_from(WORDS)), draw(st.sampled_from((0.05, 0.2, 0.45, 0.9, 2.5)))
        final = draw(st.booleans()) or draw(st.booleans())
        rows.append(Speech(round(at, 2), end, text, delay, final))
        if text and draw(st.integers(0, 5)) == 0:
            rows.append(Happening("transcript", end + delay + draw(seconds), (text, True, round(at, 2), end)))
        at = end
    return rows


TOOLS = {
    "book": Tool(1.5, "Booked."), "look_up": Tool(0.3, "Sunny.", reads=True), "slow": Tool(7.0, "Done."),
    "broken": Tool(0.2, fails="no network"),
}

answers = st.builds(
    lambda text, first, more, end, tools: Answer(
        text, first, first + more, None, tuple(map(Call, tools)), fails=end == "fails", hangs=end == "hangs",
        ends_call=end == "farewell",
    ),
    st.sampled_from(REPLIES),
    st.sampled_from((0.0, 0.1, 0.6, 2.0, 5.0)),
    st.sampled_from((0.0, 0.3, 2.0)),
    st.sampled_from(("", "", "", "", "fails", "hangs", "farewell")),
    st.sampled_from(((), (), (), ("book",), ("look_up",), ("slow",), ("broken", "book"), ("unknown",))),
)

renderings = st.builds(
    lambda audio, first, more, fails: Rendering(audio, first, first + more, None, fails),
    st.sampled_from((0.1, 1.0, 3.0, 10.0)),
    st.sampled_from((0.0, 0.2, 1.0, 4.5)),
    st.sampled_from((0.0, 0.3)),
    st.sampled_from((False, False, False, False, True)),
)

happenings = st.one_of(
    st.builds(lambda at: Happening("digit", at, ("5",)), seconds),
    st.builds(lambda at: Happening("interrupt", at * 3), seconds),
    st.builds(lambda at: Happening("write", at * 3, ("I would rather write",)), seconds),
    st.builds(lambda at, i, e: Happening("say", at * 3, ("We close in ten minutes.", i, e)), seconds, st.booleans(),
              st.sampled_from((False, False, True))),
    st.builds(lambda at: Happening("hangup", at * 4), seconds),
    st.builds(lambda at, digits: Happening("collect", at * 2, (digits,)), seconds, st.sampled_from((0, 1, 4))),
    st.builds(lambda at: Happening("collect_end", at * 4), seconds),
    st.builds(lambda at: Happening("language", at * 3, ("hi",)), seconds),
    st.builds(lambda at: Happening("digit", at * 2, ("#",)), seconds),
)

turn_options = st.builds(
    lambda barge_in, speculate, away, longest, end_min: TurnOptions(
        barge_in=barge_in, speculate=speculate, away_ms=away, max_call_s=longest, endpoint_min_ms=end_min
    ),
    st.sampled_from((True, True, True, False)),
    st.booleans(),
    st.sampled_from((3000, 15000)),
    st.sampled_from((12, 3600)),
    st.sampled_from((0, 500)),
)

cases = st.builds(
    lambda said, thought, spoken, else_, options: Case(
        "random", "", (*said, *thought, *spoken, *else_), (), options, AgentOptions(), VadOptions(), tools=TOOLS
    ),
    speeches(),
    st.lists(answers, max_size=6),
    st.lists(renderings, max_size=6),
    st.lists(happenings, max_size=4),
    turn_options,
)
