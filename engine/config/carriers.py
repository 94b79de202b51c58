"""Options of what carriers send over HTTP: webhooks, status callbacks, FreeSWITCH's own records of calls."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from engine.config.base import Options
from engine.config.web import Networks


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc or parts.query):
        raise ValueError(f"'{text}' is no base URL: scheme, host and perhaps a path, as https://voice.example.org")
    return text.rstrip("/")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Number = Annotated[str, Field(pattern=r"^\+?[0-9]{0,15}$")]


class TwilioOptions(Options):
    """Twilio's webhooks; ``docs/operator/webhooks.md`` explains them."""

    auth_token_env: str = "TWILIO_AUTH_TOKEN"
    """Environment variable with the account's auth token: ``X-Twilio-Signature`` is checked with it."""

    account_sid_env: str = "TWILIO_ACCOUNT_SID"
    """Environment variable with the account's SID. Webhooks of other accounts are refused where it is set."""

    phone_number: Number = ""
    """Your number there. ``TWILIO_PHONE_NUMBER`` in the environment sets it, too."""

    unsigned: bool = False
    """Whether webhooks without a signature are taken: anybody who finds the address makes up calls then. For a
    laboratory; the log and /health say so."""

    answer: Literal["stream", "sip", "text"] = "stream"
    """What ``/voice/twilio`` does with a call. ``stream``: its audio comes over a WebSocket. ``sip``: it is put through
    to FreeSWITCH (``sip_uri``). ``text``: Twilio hears and speaks itself, the agent answers in writing."""

    sip_uri: str = Field("", pattern=r"^(sips?:[^\s<>\"'&]{1,200})?$")
    """FreeSWITCH as Twilio reaches it, ``sip:agent@voice.example.org;transport=tls``."""

    agent: str = ""
    """Who answers. Empty: as the called number says, or the default agent."""


class ExotelOptions(Options):
    """Exotel's webhooks. Exotel signs nothing: configure at least one proof. ``docs/operator/webhooks.md``."""

    secret_env: str = "WEBHOOK_SECRET"
    """Environment variable with the secret of ``X-Exotel-Signature``, which a signing gateway in front adds."""

    user_env: str = "EXOTEL_API_KEY"
    """Environment variable with the name in ``https://NAME:PASSWORD@host/webhook/exotel``."""

    password_env: str = "EXOTEL_API_TOKEN"
    """Environment variable with the password there."""

    token_env: str = "EXOTEL_WEBHOOK_TOKEN"
    """Environment variable with the token of ``https://host/webhook/exotel/TOKEN``: at least 16 characters that nobody
    guesses."""

    stream_token_env: str = "EXOTEL_STREAM_TOKEN"
    """Environment variable with the token of ``wss://host/ws/exotel/TOKEN``, which ``/voice/exotel`` tells Exotel."""

    networks: Networks = ()
    """Addresses that Exotel calls from, as it told you. Others are refused; without another proof they are the only
    one."""

    phone_number: Number = ""
    """Your ExoPhone. ``EXOTEL_PHONE_NUMBER`` in the environment sets it, too."""

    subdomain: str = Field("", pattern=r"^[A-Za-z0-9.-]{0,100}$")
    """Host of your account's API, ``api.in.exotel.com``. ``EXOTEL_SUBDOMAIN`` in the environment sets it, too."""

    unsigned: bool = False
    """Whether webhooks without any proof are taken: anybody who finds the address makes up calls then. For a
    laboratory; the log and /health say so."""

    agent: str = ""
    """Who answers in writing (``/exotel/call``, ``/exotel/dtmf``). Empty: the default agent."""


class SwitchRecordOptions(Options):
    """FreeSWITCH's records of calls: mod_json_cdr posts them to ``/webhook/freeswitch/cdr``."""

    user: str = "freeswitch"
    """Name of ``cred`` in ``json_cdr.conf.xml``."""

    password_env: str = "TRUNKLINE_CDR_PASSWORD"
    """Environment variable with the password of ``cred``. Without it records are refused."""


class CarriersOptions(Options):
    """What carriers send over HTTP."""

    webhook_base_url: BaseUrl = ""
    """Under which URL carriers know this server: ``https://voice.example.org``. Signatures are made over it. Empty: as
    the request says, where a proxy of ``http.trusted_proxies`` is between as that says.
    ``WEBHOOK_BASE_URL`` in the environment sets it, too."""

    twilio: TwilioOptions = TwilioOptions()
    exotel: ExotelOptions = ExotelOptions()
    freeswitch: SwitchRecordOptions = SwitchRecordOptions()

    country_code: str = Field("91", pattern=r"^[1-9][0-9]{0,2}$")
    """Country of numbers that come without one: ``08047361234`` is ``+918047361234``."""

    dtmf_intents: Mapping[str, str] = {}
    """What callers mean by their keys, where the agent answers in writing: ``"1": What are your opening hours?``. Keys
    without an entry are told as they are."""

    answer_s: float = Field(5.0, gt=0, le=12)
    """How long a carrier waits for the agent's answer in writing; then it gets ``late_texts``."""

    late_texts: Mapping[str, str] = {}
    """Said when the answer takes too long, by language: ``en: One moment longer.`` Without one it is "I'm sorry, I'm
    having trouble processing your request." in English, and the agent's phrase ``apology`` in other languages."""

    fault_texts: Mapping[str, str] = {}
    """Said when there is no answer, by language. Without one it is "An error occurred. Please try again." in English,
    and the agent's phrase ``apology`` in other languages."""

    webhooks_per_minute_per_call: int = Field(120, ge=0)
    """Webhooks about one call. 0: no limit."""

    max_calls: int = Field(10_000, ge=10)
    """Calls that are known from webhooks at the same time; beyond, the one that was quiet longest is over."""

    quiet_s: float = Field(14_400.0, ge=60)
    """A call that its carrier has not mentioned for so long is over."""
