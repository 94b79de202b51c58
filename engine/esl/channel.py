"""What FreeSWITCH told of a call when it connected: a view of the ``connect`` reply under plain names."""

from dataclasses import dataclass
from functools import cached_property

from engine.esl.wire import Headers

_VARIABLE = "variable_"


@dataclass(frozen=True)
class Channel:
    """The channel at the time of ``connect``. ``headers`` holds everything, the properties what a call needs."""

    headers: Headers

    @property
    def uuid(self) -> str:
        """The channel's uuid."""
        return self._text("Unique-ID")

    @property
    def name(self) -> str:
        """The channel's name, e.g. ``sofia/internal/alice@host``."""
        return self._text("Channel-Name")

    @property
    def direction(self) -> str:
        """``inbound``: somebody called; ``outbound``: FreeSWITCH did."""
        return self._text("Call-Direction")

    @property
    def caller_number(self) -> str:
        """The caller's number; P-Asserted-Identity wins over From."""
        return self._text("Caller-Caller-ID-Number")

    @property
    def caller_name(self) -> str:
        """The caller's display name, chosen by the caller: never put it into a command unchecked."""
        return self._text("Caller-Caller-ID-Name")

    @property
    def destination(self) -> str:
        """The number or extension that the dialplan matched."""
        return self._text("Caller-Destination-Number")

    @property
    def answer_state(self) -> str:
        """``ringing``, ``early``, ``answered`` or ``hangup``."""
        return self._text("Answer-State")

    @property
    def codec_name(self) -> str:
        """Codec that the caller sends, e.g. ``PCMU``; "" before media is agreed."""
        return self._text("Channel-Read-Codec-Name")

    @property
    def codec_rate(self) -> int:
        """Its rate in Hz, 0 before media is agreed."""
        return self._number("Channel-Read-Codec-Rate")

    @property
    def ptime_ms(self) -> int:
        """Length of the caller's packets in ms, 0 before media is agreed."""
        return self._number("variable_rtp_use_codec_ptime")

    @property
    def full(self) -> bool:
        """Whether the dialplan said ``full``: without it ``linger``, ``api``, ``bgapi`` and ``event`` are refused."""
        return self._text("Control") == "full"

    @property
    def asynchronous(self) -> bool:
        """Whether the dialplan said ``async``: without it the channel does not park, and unicast does not run."""
        return self._text("Socket-Mode") == "async"

    @cached_property
    def variables(self) -> Headers:
        """The channel's variables."""
        return Headers(
            (name[len(_VARIABLE) :], value) for name, value in self.headers.items() if name.startswith(_VARIABLE)
        )

    def _text(self, name: str) -> str:
        return self.headers.get(name) or ""

    def _number(self, name: str) -> int:
        text = self._text(name)
        return int(text) if text.isascii() and text.isdigit() else 0

    @property
    def home(self) -> tuple[str, str, str]:
        """Extension, dialplan and context that the call came by: a transfer there brings it back."""
        return (self.destination, self.headers.get("Caller-Dialplan") or "XML",
                self.headers.get("Caller-Context") or "default")
