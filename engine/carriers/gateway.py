"""What every webhook passes: proof, reading, and whether it came before. Pure: told the time.

    gateway = Gateway(Proofs(...))
    gateway.prove(request)                      # raises Unproven
    seen = gateway.first(key, now_s)            # None: it is the first; else what was kept for it
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Generic, TypeVar

from engine.carriers.errors import Unproven
from engine.carriers.message import Message
from engine.carriers.normal import CarrierEvent
from engine.carriers.signatures import (
    EXOTEL_HEADER,
    TWILIO_HEADER,
    verify_address,
    verify_basic,
    verify_exotel,
    verify_token,
    verify_twilio,
)

T = TypeVar("T")

AGAIN_S = 3600.0
"""How long a webhook counts as the same one that came before."""

SAME_KEYS_S = 10.0
"""The same of keys without a time: a caller may press 1 in every menu."""

MOST_SEEN = 20_000


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as far as it proves anything. ``url``: as the carrier knows it. ``headers``: names in small letters.
    ``token``: of the path. ``query``: raw."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    message: Message
    address: str = ""
    token: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class TwilioProof:
    """How Twilio proves itself. ``token`` "": it cannot."""

    token: str = field(repr=False)
    account: str = ""
    unsigned: bool = False

    def check(self, sent: Sent) -> None:
        """Raises ``Unproven``."""
        signature = sent.headers.get(TWILIO_HEADER.lower(), "")
        if not signature and self.unsigned:
            return
        if not self.token:
            raise Unproven("Twilio's auth token is not configured (carriers.twilio.auth_token_env), so that nothing "
                           "proves that Twilio sent this")
        if not signature:
            raise Unproven(f"there is no {TWILIO_HEADER}")
        body = sent.body if sent.body and not sent.message.is_form else None
        if not verify_twilio(self.token, sent.url, sent.message.form, signature, body):
            raise Unproven(f"{TWILIO_HEADER} is wrong for this URL and these parameters; a proxy may have changed "
                           "scheme or host: set carriers.webhook_base_url")
        account = sent.message.get("AccountSid")
        if self.account and account and account != self.account:
            raise Unproven("it is of another Twilio account")


@dataclass(frozen=True, slots=True)
class ExotelProof:
    """How Exotel proves itself: any of signature, password and token, from one of ``networks`` where there are some."""

    secret: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    networks: Sequence[IPv4Network | IPv6Network] = ()
    unsigned: bool = False

    @property
    def any(self) -> bool:
        """Whether there is any way to prove it."""
        return bool(self.secret or (self.user and self.password) or self.token or self.networks)

    def check(self, sent: Sent) -> None:
        """Raises ``Unproven``."""
        signature = sent.headers.get(EXOTEL_HEADER.lower(), "")
        if signature and self.secret:
            # A GET has no body: what it says is in the query, so that is signed.
            if not verify_exotel(self.secret, sent.body or sent.query.encode(), signature):
                raise Unproven(f"{EXOTEL_HEADER} is wrong for this body")
            proven = True
        else:
            proven = (bool(self.user) and verify_basic(sent.headers.get("authorization", ""), self.user, self.password)
                      or verify_token(sent.token, self.token))
        if self.networks and not verify_address(sent.address, self.networks):
            raise Unproven("the address is not in carriers.exotel.networks")
        if proven or self.unsigned:
            return
        if self.secret or self.password or self.token:
            raise Unproven(f"there is neither {EXOTEL_HEADER} nor a password nor a token that is right")
        if not self.networks:
            raise Unproven("nothing is configured that proves that Exotel sent this: carriers.exotel")


class Seen(Generic[T]):
    """What was kept for webhooks that came, by key; bounded, with a time."""

    def __init__(self, most: int = MOST_SEEN) -> None:
        """Nothing came yet."""
        self._most = most
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def find(self, key: str, now_s: float, again_s: float = AGAIN_S) -> T | None:
        """What was kept for it not longer ago than ``again_s``."""
        at, kept = self._kept.get(key, (0.0, None))
        return kept if kept is not None and now_s - at <= again_s else None

    def keep(self, key: str, value: T, now_s: float) -> None:
        """From now on it came."""
        self._kept[key] = now_s, value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most or next(iter(self._kept.values()))[0] < now_s - AGAIN_S:
            self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """As if it had not come: nothing was made of it."""
        self._kept.pop(key, None)


def key_of(event: CarrierEvent, message: Message, where: str, idempotency: str = "") -> str:
    """What makes a webhook the same one. Carriers repeat what was not answered in time, to the letter; Twilio says so
    by a header (``I-Twilio-Idempotency-Token``)."""
    digest = hashlib.sha256()
    for part in (event.carrier, where, event.call, event.kind, event.word, idempotency):
        digest.update(f"{len(part)}:{part}".encode("utf-8", "replace"))
    if not idempotency:
        for name in sorted(message.fields):
            digest.update(f"{name}={message.fields[name]}\n".encode("utf-8", "replace"))
    return digest.hexdigest()


def again_s(event: CarrierEvent, idempotency: str = "") -> float:
    """How long the same key is the same webhook."""
    timeless = event.kind in ("digits", "speech") and event.at is None and not idempotency
    return SAME_KEYS_S if timeless else AGAIN_S
