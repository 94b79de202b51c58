"""Options of calls that carriers stream over WebSockets: Twilio Media Streams, Exotel AgentStream."""

from typing import Literal

from pydantic import Field

from engine.config.base import Options
from engine.config.services import Url


class TwilioStreamOptions(Options):
    """Twilio Media Streams at ``/ws/twilio``; ``docs/operator/twilio-streams.md`` explains it."""

    unsigned: bool = False
    """Whether streams are taken that neither are signed nor bring a ticket: anybody who finds the address talks to your
    agents then. For a laboratory."""

    lead_ms: int = Field(200, ge=60, le=800)
    """How far the agent's audio is sent ahead of what the caller hears by then: the reserve against a jerky network.
    At an interruption what was sent is cleared; only its way there is heard."""

    piece_ms: int = Field(100, ge=20, le=400)
    """Length of a message with audio. Behind each goes a mark: the shorter, the closer it is known what was heard."""

    api_url: Url = "https://api.twilio.com"
    """Twilio's REST API, for handing over and hanging up. Another region has another one."""

    api_key_env: str = "TWILIO_API_KEY"
    """Environment variable with an API key's SID, which signs requests in instead of account and auth token
    (``carriers.twilio``)."""

    api_secret_env: str = "TWILIO_API_SECRET"
    """Environment variable with that key's secret."""

    hand_over: Literal["api", "close"] = "api"
    """How callers are handed over: ``api`` gives the call a ``<Dial>``; ``close`` ends the stream, so that the verb
    after ``<Connect>`` runs, which then must know where to go."""

    after_dial_url: str = Field("", max_length=1000)
    """URL that Twilio asks for TwiML when a human to whom a caller was handed over has hung up, or did not answer:
    TwiML that connects the stream again brings the caller back to the agent, who knows them. Empty: the call ends."""

    caller_id: str = Field("", pattern=r"^(\+[1-9][0-9]{5,14})?$")
    """Number that the human's phone shows; one of your account. Empty: the caller's, as Twilio does by itself."""


class ExotelStreamOptions(Options):
    """Exotel AgentStream (Voicebot applet) at ``/ws/exotel``; ``docs/operator/exotel-streams.md`` explains it."""

    unsigned: bool = False
    """Whether streams are taken that bring neither password nor token (``carriers.exotel.stream_token_env``) nor come
    from ``carriers.exotel.networks``: anybody who finds the address talks to your agents then. For a laboratory."""

    user_env: str = "EXOTEL_STREAM_USER"
    """Environment variable with the user name of ``wss://USER:PASSWORD@host/ws/exotel``."""

    password_env: str = "EXOTEL_STREAM_PASSWORD"
    """Environment variable with its password."""

    chunk_bytes: int = Field(3200, ge=320, le=100_000, multiple_of=320)
    """Bytes of a message with audio: Exotel wants 3,200 to 100,000, in multiples of 320. Its own programs also send
    1,600. Less is quicker to interrupt and more messages."""

    lead_ms: int = Field(400, ge=60, le=800)
    """How far the agent's audio is sent ahead of what the caller hears by then; at least one message. At an
    interruption what was sent is cleared."""

    pace: float = Field(0.9, ge=0.5, le=1.0)
    """Seconds in which a second of audio is sent while the lead grows: Exotel was seen to end calls to which a whole
    greeting was sent at once."""

    both_spellings: bool = True
    """Whether keys are sent as ``stream_sid`` and as ``streamSid``, with numbers of messages: Exotel's documents and
    its programs differ. Off: only what the reference page has."""


class CarrierStreamOptions(Options):
    """Calls over the WebSocket streams of carriers."""

    twilio: TwilioStreamOptions = TwilioStreamOptions()
    exotel: ExotelStreamOptions = ExotelStreamOptions()

    max_streams: int = Field(500, ge=1)
    """Streams at once; more are refused (1013), and the carrier goes on with its flow."""

    max_minutes: int = Field(60, ge=1, le=1440)
    """Longest stream; then it is closed. Exotel itself ends them after 60."""

    start_wait_s: float = Field(10.0, gt=0)
    """Longest wait for the message ``start`` of a stream that was opened."""

    silence_s: float = Field(20.0, ge=2)
    """A stream on which nothing came for so long is lost: carriers send audio all the time, silence too."""
