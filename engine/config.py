"""Every option of the engine, with unit, default and reason. One tree; a call keeps the tree that it began with.

The unit is the suffix of the name: ``_ms`` milliseconds, ``_s`` seconds, ``_hz`` hertz. ``engine/configfile.py`` reads
YAML over these defaults and the environment over YAML; a key that is not here is an error there.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Base of every group: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class EventSocketOptions(Options):
    """Where FreeSWITCH's ``socket`` application connects to, and how many calls are taken."""

    host: str = "127.0.0.1"
    """Listening address. Loopback, because whoever connects here can be given commands for the switch."""

    port: int = Field(8084, ge=0, le=65535)
    """Listening port; 8084 is the default of FreeSWITCH's ``socket`` application. 0 takes a free one."""

    max_calls: int = Field(400, ge=1)
    """Calls held at once. At this number the listening socket closes, so that the dialplan's next host or action
    takes the call at once; accepting and closing would leave it parked in silence."""

    connect_timeout_s: float = Field(5.0, gt=0)
    """How long a new connection may take to answer ``connect`` before it is dropped and its slot freed."""

    command_timeout_s: float = Field(10.0, gt=0)
    """How long any command may wait for its reply."""

    linger_s: int = Field(5, ge=1)
    """Seconds FreeSWITCH keeps the socket after hangup so that the last events arrive."""

    event_queue: int = Field(512, ge=16)
    """Events of one call that may wait for its handlers; beyond it reading stops, and TCP pushes back."""


class SwitchOptions(Options):
    """The inbound event socket of FreeSWITCH: health, originate, looking for orphans."""

    enabled: bool = False
    """Off by default: a call needs only the outbound socket."""

    host: str = "127.0.0.1"
    port: int = Field(8021, ge=1, le=65535)
    password: str = ""
    """From ``event_socket.conf.xml``. Give it by the environment: ``TRUNKLINE_SWITCH__PASSWORD``."""

    reconcile_every_s: float = Field(10.0, gt=0)
    """How often channels that this engine owns are compared with its calls, both ways."""


class MediaOptions(Options):
    """Audio between FreeSWITCH and the engine."""

    bind: str = "127.0.0.1"
    """Address of the engine's one UDP socket for unicast. FreeSWITCH must be on this host."""

    port: int = Field(0, ge=0, le=65535)
    """Port of that socket; 0 takes a free one."""

    switch_port: int = Field(9000, ge=1024, le=65535)
    """Port that FreeSWITCH binds for each call, on that call's own 127.x.y.z address."""

    frame_ms: int = Field(20, ge=10, le=60)
    """Length of a frame; FreeSWITCH fixes it when unicast starts, 20 ms on practically every trunk."""

    lead_frames: int = Field(3, ge=1, le=10)
    """Frames written ahead of real time while the agent speaks: 3 hide 40 ms of scheduling, and are what a caller
    still hears (about 50 ms) after the agent is stopped, because FreeSWITCH cannot flush them."""

    idle: Literal["silence", "none"] = "silence"
    """What is written while the agent is silent. Carriers drop calls without RTP, so: silence."""

    watchdog_ms: int = Field(300, ge=100)
    """No frame for so long means that unicast has died (it sends one every 20 ms, RTP or not): attach it anew."""

    max_reattach: int = Field(3, ge=0)
    """How often in one call media is attached anew before the call is given to the dialplan's next action."""


class VadOptions(Options):
    """When the caller's voice starts and stops."""

    engine: Literal["auto", "silero", "webrtc"] = "auto"
    """``auto``: Silero where its data is installed (``trunkline models install``), else webrtcvad."""

    threshold: float = Field(0.5, gt=0, lt=1)
    """Silero's probability from which a frame counts as voice."""

    aggressiveness: int = Field(3, ge=0, le=3)
    """webrtcvad's mode. 3 makes the fewest false starts on noisy lines."""

    onset_ms: int = Field(60, ge=20)
    """Voice must last this long to count as a start; the start is then dated back to its first frame."""

    hangover_ms: int = Field(160, ge=20)
    """Silence must last this long to count as a stop, dated back to the last voiced frame. Gaps between words are
    shorter; the turn engine adds its own patience on top."""

    preroll_ms: int = Field(400, ge=100, le=1000)
    """Audio before the start that the recogniser gets too, so that first syllables are not lost."""


class TurnOptions(Options):
    """Who speaks when. Times count from the caller's last voiced frame unless said otherwise."""

    endpoint_min_ms: int = Field(500, ge=0)
    """Silence after which a finished sentence is answered."""

    endpoint_max_ms: int = Field(3000, ge=100)
    """Silence after which the caller is answered whatever is missing (a final transcript, the end of a sentence)."""

    final_wait_ms: int = Field(1000, ge=0)
    """Silence after which the last partial transcript is taken for the final one that has not come. Recognisers give
    their final within 220 to 350 ms at the median, within 1000 ms nearly always."""

    unfinished: tuple[str, ...] = ("a", "an", "the", "my", "your", "our", "and", "or", "but", "because", "so", "if",
                                   "that", "with", "for", "to", "of", "in", "on", "at", "from", "about", "is", "are",
                                   "was", "i", "um", "uh", "er", "like")
    """Words that do not end a sentence: after one of them the caller is given more time."""

    barge_in: bool = True
    """Whether the caller can interrupt the agent at all. What is said meanwhile is answered afterwards."""

    barge_in_pause_ms: int = Field(60, ge=0)
    """Voice over the agent's speech for so long after its first frame pauses the agent. Pausing is undone easily. Each
    false interruption within a reply adds 150 ms for the rest of that reply, three times at most."""

    barge_in_decide_ms: int = Field(500, ge=100)
    """Voice for so long makes the first word of a partial transcript an interruption; before it, a partial transcript
    needs two words (backchannels aside) or a stop word. A final transcript always decides."""

    barge_in_min_words: int = Field(1, ge=1)
    """Fewer words than this, backchannels aside, never interrupt; stop words always do."""

    resume_ms: int = Field(400, ge=0)
    """Silence after a false interruption (noise, cough, "uh-huh") until the agent goes on from the same word."""

    backchannels: tuple[str, ...] = ("uh-huh", "uh huh", "mm-hmm", "mm hmm", "mhm", "yeah", "yes", "yep", "ok", "okay",
                                     "right", "sure", "i see", "go on", "hm", "hmm", "mm", "ah", "oh")
    """Words that mean "I am listening". While the agent speaks they do not interrupt it."""

    stop_words: tuple[str, ...] = ("stop", "wait", "no", "hold on", "sorry", "excuse me")
    """Words that interrupt at once, however short."""

    farewells: tuple[str, ...] = ("bye", "goodbye", "good bye", "thanks", "thank you", "you too", "take care",
                                  "no", "no thanks", "no thank you")
    """Words that answer a farewell: said over the agent's goodbye, they do not interrupt it either."""

    speculate: bool = True
    """Start thinking on a transcript before the turn is certain. Nothing of it is heard before the decision."""

    reply_timeout_ms: int = Field(4000, ge=500)
    """Longest silence of the agent when it owes a reply; then one retry, then an apology. The retry gets half of it."""

    away_ms: int = Field(15000, ge=1000)
    """Mutual silence after which the caller is asked whether they are still there."""

    away_limit: int = Field(2, ge=0)
    """How many such reminders before the call is ended politely."""

    max_call_s: int = Field(3600, ge=10)
    """Longest call."""


class SpeechOptions(Options):
    """Recogniser and voice of the embedded default."""

    language: str = "en"
    voice: str = "flite:slt"
    """``flite:slt|rms|awb|kal|kal16`` or ``espeak-ng:VOICE`` (a separate program)."""

    fallback_voice: str = "espeak-ng:en-us"
    """Used when the voice's program is not installed."""

    recogniser_workers: int = Field(2, ge=1, le=64)
    """Processes that recognise; each takes 24 MB and about 12 talking callers of a core."""

    final_timeout_ms: int = Field(1500, ge=200)
    """Longest wait for a final transcript after the caller's voice stopped; then it is empty, and an error counts."""

    voice_workers: int = Field(1, ge=1, le=16)
    """Processes that speak with flite, one clause at a time each: 20 to 50 times faster than it is heard."""


class KnowledgeOptions(Options):
    """What the agent knows, and when it says so. Figures behind the thresholds: ``docs/knowledge.md``."""

    collection: str = "sample"
    """Which collection answers (``trunkline ingest PATH --collection NAME`` fills it)."""

    embedding: Literal["auto", "none"] = "auto"
    """``auto``: search by meaning where the model is installed (``trunkline models install``); ``none``: keywords."""

    answer_score: float = Field(0.48, ge=0, le=1)
    """Spoken questions below this score are not answered. Higher than for typed ones: a recogniser makes words of the
    collection out of anything."""

    typed_score: float = Field(0.45, ge=0, le=1)
    """The same for typed questions."""

    ask_back_margin: float = Field(0.08, ge=0, le=1)
    """Two documents closer than this to a spoken question: the caller is asked which one is meant."""

    typed_margin: float = Field(0.03, ge=0, le=1)
    """The same for typed questions, whose words can be trusted."""

    answer_words: float = Field(0.5, ge=0, le=1)
    """Spoken questions, keyword search alone: least share of the question's words, rare ones counting more."""

    typed_words: float = Field(0.4, ge=0, le=1)
    """The same for typed questions."""

    words_margin: float = Field(0.06, ge=0, le=1)
    """Keyword search alone: closer than this, it is asked back."""

    words_weight: float = Field(0.1, ge=0, le=0.3)
    """Share of keywords in the score of typed questions: names and part numbers, which vectors blur. Spoken questions
    go by meaning alone, because misheard words are worse than none."""

    offer_more: bool = True
    """Offer a second sentence where one also fits ("Shall I tell you more?"). Never after a document's ``say``."""


class AgentOptions(Options):
    """What the agent says of itself."""

    greeting: str = "Hello, this is the Trunkline help desk. How can I help you?"
    greeting_interruptible: bool = True
    go_ahead: str = "Please ask me your question."
    welcome: str = "You are welcome. Is there anything else?"
    unknown: str = "I am sorry, I do not know that. Could you ask in another way?"
    not_heard: str = "Sorry, I did not catch that. Could you say it again?"
    apology: str = "I am sorry, something went wrong. Please ask me again."
    away: str = "Are you still there?"
    goodbye: str = "Thank you for calling. Goodbye."


class HttpOptions(Options):
    """Health over HTTP."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)


class RecordOptions(Options):
    """What a call leaves on disk below ``$TRUNKLINE_HOME/calls``."""

    audio: bool = True
    """A stereo WAV, caller left, agent right, written while the call goes on."""

    page: bool = True
    """The call page, one HTML file."""


class Config(Options):
    """The whole tree."""

    event_socket: EventSocketOptions = EventSocketOptions()
    switch: SwitchOptions = SwitchOptions()
    media: MediaOptions = MediaOptions()
    vad: VadOptions = VadOptions()
    turns: TurnOptions = TurnOptions()
    speech: SpeechOptions = SpeechOptions()
    knowledge: KnowledgeOptions = KnowledgeOptions()
    agent: AgentOptions = AgentOptions()
    http: HttpOptions = HttpOptions()
    record: RecordOptions = RecordOptions()
    drain_s: float = Field(60.0, ge=0)
    """How long SIGTERM waits for calls to end by themselves before they go to the dialplan's next action."""
