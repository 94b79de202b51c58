"""What a call is made of before it runs: its dialplan, its codec, the legs that it can be bridged to."""

from dataclasses import dataclass, field

from engine.standin.headers import CODECS, Codec
from engine.standin.wire import Header

PlanAction = tuple[str, str]
"""Application and its data, as in a dialplan."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """How the other leg of ``bridge`` behaves: it fails with ``cause``, or answers after ``answer_s`` and hangs up
    ``talk_s`` later."""

    cause: str = ""
    answer_s: float = 0.04
    talk_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Setup:
    """A call to be placed. ``extensions``: the dialplan that transfers find, and the called number's own actions."""

    caller: str = "15550100"
    user: str = ""
    """User of the SIP From; empty: the caller's number."""

    asserted: str = ""
    """P-Asserted-Identity, if the trunk sends one."""

    caller_name: str = "Test Caller"
    called: str = "1000"
    codec: Codec = CODECS["PCMU"]
    variables: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, list[PlanAction]] = field(default_factory=dict)
    bridges: dict[str, Bridge] = field(default_factory=dict)
    """Legs that ``bridge`` reaches, by a part of their address. Others fail, but for those that ``sipleg.is_real`` says
    are called over the network."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of an application; ``message``: sent by a controller, not by the dialplan."""

    app: str
    data: str
    uuid: str
    name: str = ""
    message: bool = False

    def headers(self) -> list[Header]:
        """What CHANNEL_EXECUTE says of it."""
        data = [("Application-Data", self.data)] if self.data else []
        return [("Application", self.app), *data]

    def identity(self) -> list[Header]:
        """Its uuid, and the name the controller gave it."""
        return [("Application-UUID", self.uuid), *([("Application-UUID-Name", self.name)] if self.name else [])]
