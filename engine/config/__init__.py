"""Every option of the engine, with unit, default and reason. One tree; a call keeps the tree that it began with.

The unit is the suffix of the name: ``_ms`` milliseconds, ``_s`` seconds, ``_hz`` hertz. ``engine/configfile.py`` reads
YAML over these defaults and the environment over YAML; a key that is not here is an error there.
"""

from pydantic import Field

from engine.config.agent import AgentOptions
from engine.config.base import Options
from engine.config.knowledge import KnowledgeOptions
from engine.config.media import MediaOptions, RecordOptions, VadOptions
from engine.config.speech import SpeechOptions
from engine.config.switch import EventSocketOptions, SwitchOptions
from engine.config.telephony import TelephonyOptions, TransferTarget
from engine.config.turns import TurnOptions
from engine.config.web import HttpOptions


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
    telephony: TelephonyOptions = TelephonyOptions()
    http: HttpOptions = HttpOptions()
    record: RecordOptions = RecordOptions()
    drain_s: float = Field(60.0, ge=0)
    """How long SIGTERM waits for calls to end by themselves before they go to the dialplan's next action."""


__all__ = [
    "AgentOptions", "Config", "EventSocketOptions", "HttpOptions", "KnowledgeOptions", "MediaOptions", "Options",
    "RecordOptions", "SpeechOptions", "SwitchOptions", "TelephonyOptions", "TransferTarget", "TurnOptions",
    "VadOptions",
]  # fmt: skip
