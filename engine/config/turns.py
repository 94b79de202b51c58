"""Options of turn-taking."""

from pydantic import Field

from engine.config.base import Options


class TurnOptions(Options):
    """Who speaks when. Times count from the caller's last voiced frame unless said otherwise."""

    answer: bool = True
    """Whether what the caller says is answered unasked. Off, it is heard and kept, and a reply comes only when somebody
    asks for one: a client of the Realtime server with ``create_response: false``, or an agent that only listens."""

    endpoint_min_ms: int = Field(500, ge=0)
    """Silence after which a finished sentence is answered, until it is known how this caller pauses."""

    endpoint_floor_ms: int = Field(250, ge=0)
    """What it falls to, turn by turn, for a caller who does not pause within a sentence; for one who does it rises, to
    ``endpoint_max_ms`` at most. Not less than the hangover of the VAD makes sense; as much as ``endpoint_min_ms``: it
    does not fall."""

    endpoint_max_ms: int = Field(3000, ge=100)
    """Silence after which the caller is answered whatever is missing (a final transcript, the end of a sentence)."""

    final_wait_ms: int = Field(1000, ge=0)
    """Silence after which the last partial transcript is taken for the final one that has not come. Recognisers give
    their final within 220 to 350 ms at the median, within 1000 ms nearly always."""

    number_digits: int = Field(10, ge=0)
    """Digits of a telephone number here. A number of three digits and more that is being dictated is waited out until
    it has so many."""

    collect_wait_ms: int = Field(3000, ge=100)
    """Silence after which a number that was asked for is taken as it is, though digits are missing."""

    unfinished: tuple[str, ...] = ()
    """Words that do not end a sentence: after one of them the caller is given more time. Empty, here and below: those
    of the call's language (en, hi, ml, ta and fr are built in, in their script and in Latin letters)."""

    barge_in: bool = True
    """Whether the caller can interrupt the agent at all. What is said meanwhile is answered afterwards."""

    barge_in_pause_ms: int = Field(60, ge=0)
    """Voice over the agent's speech for so long after its first frame pauses the agent. Pausing is undone easily. Each
    false interruption within a reply adds 150 ms for the rest of that reply, three times at most."""

    barge_in_greeting_ms: int = Field(200, ge=0)
    """The same for the greeting, over which people say "hello" and lines crackle."""

    barge_in_decide_ms: int = Field(500, ge=100)
    """Voice for so long makes the first word of a partial transcript an interruption; before it, a partial transcript
    needs two words (backchannels aside) or a stop word. A final transcript always decides."""

    barge_in_min_words: int = Field(1, ge=1)
    """Fewer words than this, backchannels aside, never interrupt; stop words always do."""

    words_need_voice: bool = True
    """Words over the agent's speech count only where the VAD heard a voice: a recogniser that hears the whole call
    finds the agent's own words in its echo. In the agent's silence words always count."""

    resume_ms: int = Field(400, ge=0)
    """Silence after a false interruption (noise, cough, "uh-huh") until the agent goes on from the same word."""

    backchannels: tuple[str, ...] = ()
    """Words that mean "I am listening". While the agent speaks they do not interrupt it."""

    hails: tuple[str, ...] = ()
    """Words that greet or ask whether somebody is there ("hello?"). Over the greeting, or while the agent thinks, they
    do not interrupt it."""

    stop_words: tuple[str, ...] = ()
    """Words that interrupt at once, however short."""

    farewells: tuple[str, ...] = ()
    """Words that answer a farewell: said over the agent's goodbye, they do not interrupt it either."""

    speculate: bool = True
    """Start thinking on a transcript before the turn is certain. Nothing of it is heard before the decision."""

    speculate_early: int = Field(4, ge=0)
    """How often a turn is thought about while the caller is still talking, each time that the words so far could be all
    of it. The last of them is often right and saves the recogniser's delay; each of the others is a request to the
    model in vain. 0 for a model that is dear or slow to cancel."""

    reply_timeout_ms: int = Field(4000, ge=500)
    """Longest silence of the agent when it owes a reply; then one retry, then an apology. The retry gets half of it."""

    away_ms: int = Field(15000, ge=1000)
    """Mutual silence after which the caller is asked whether they are still there."""

    away_limit: int = Field(2, ge=0)
    """How many such reminders before the call is ended politely."""

    max_call_s: int = Field(3600, ge=10)
    """Longest call."""
