"""Every option of the engine, with unit, default and reason. One tree; a call keeps the tree that it began with.

The unit is the suffix of the name: ``_ms`` milliseconds, ``_s`` seconds, ``_hz`` hertz. ``engine/configfile.py`` reads
YAML over these defaults and the environment over YAML; a key that is not here is an error there.
"""

from collections.abc import Mapping

from pydantic import Field

from engine.config.agent import AgentOptions, AgentsOptions
from engine.config.base import Options
from engine.config.carrier_streams import CarrierStreamOptions
from engine.config.carriers import CarriersOptions
from engine.config.compatible import CompatibleOptions, WritingOptions
from engine.config.knowledge import KnowledgeOptions
from engine.config.media import MediaOptions, RecordOptions, VadOptions
from engine.config.providers import Provider
from engine.config.realtime import RealtimeOptions
from engine.config.routing import RoutingOptions
from engine.config.rtp import RtpOptions
from engine.config.sip import SipOptions
from engine.config.skills import SkillOptions
from engine.config.speech import SpeechOptions
from engine.config.store import RetentionOptions, StoreOptions
from engine.config.switch import EventSocketOptions, SwitchOptions
from engine.config.telephony import TelephonyOptions, TransferTarget
from engine.config.turns import TurnOptions
from engine.config.upstream import UpstreamOptions
from engine.config.vectorstores import VectorStoreOptions
from engine.config.web import HttpOptions


class Config(Options):
    """The whole tree."""

    event_socket: EventSocketOptions = EventSocketOptions()
    switch: SwitchOptions = SwitchOptions()
    media: MediaOptions = MediaOptions()
    sip: SipOptions = SipOptions()
    rtp: RtpOptions = RtpOptions()
    vad: VadOptions = VadOptions()
    turns: TurnOptions = TurnOptions()
    speech: SpeechOptions = SpeechOptions()
    routing: RoutingOptions = RoutingOptions()
    knowledge: KnowledgeOptions = KnowledgeOptions()
    skills: SkillOptions = SkillOptions()
    agent: AgentOptions = AgentOptions()
    agents: AgentsOptions = AgentsOptions()
    telephony: TelephonyOptions = TelephonyOptions()
    http: HttpOptions = HttpOptions()
    carriers: CarriersOptions = CarriersOptions()
    compatible: CompatibleOptions = CompatibleOptions()
    writing: WritingOptions = WritingOptions()
    realtime: RealtimeOptions = RealtimeOptions()
    upstream: UpstreamOptions = UpstreamOptions()
    carrier_streams: CarrierStreamOptions = CarrierStreamOptions()
    record: RecordOptions = RecordOptions()
    store: StoreOptions = StoreOptions()
    providers: Mapping[str, Provider] = {}
    """Who thinks and speaks besides the embedded set, each under a name of your choice, described by the options of its
    ``kind``; ``docs/operator/providers.md`` has examples."""

    vector_stores: Mapping[str, VectorStoreOptions] = {}
    """Vector stores on other machines, each under a name of your choice, described by the options of its ``kind``;
    ``knowledge.store`` picks one. ``docs/operator/vector-stores.md`` has examples."""

    drain_s: float = Field(60.0, ge=0)
    """How long SIGTERM waits for calls to end by themselves before they go to the dialplan's next action."""


__all__ = [
    "AgentOptions", "AgentsOptions", "CarrierStreamOptions", "CarriersOptions", "CompatibleOptions", "Config",
    "EventSocketOptions", "HttpOptions", "KnowledgeOptions", "MediaOptions", "Options", "Provider", "RealtimeOptions",
    "RecordOptions", "RetentionOptions", "RoutingOptions", "RtpOptions", "SipOptions", "SkillOptions", "SpeechOptions",
    "StoreOptions", "SwitchOptions", "TelephonyOptions", "TransferTarget", "TurnOptions", "UpstreamOptions",
    "VadOptions", "VectorStoreOptions", "WritingOptions",
]  # fmt: skip
