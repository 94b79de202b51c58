"""Carriers' webhooks over HTTP: who sent it, what it means, once; then to the calls, and an answer the carrier takes.

| path | from | answer |
|---|---|---|
| POST /voice/twilio | Twilio's "a call comes in" | TwiML by ``carriers.twilio.answer`` |
| POST /webhook/twilio, /voice/twilio/status | status callbacks, and all else of Twilio | 204, or TwiML to who asks |
| GET, POST /webhook/exotel | Passthru applet, status callbacks | 200 |
| POST /exotel/call, /exotel/dtmf | a flow that speaks and listens itself | the agent's words as ExoML, JSON or text |
| GET, POST /voice/exotel | Voicebot applet's dynamic URL | ``{"url": "wss://..."}`` |
| GET, POST /exotel/connect | Connect applet's dynamic URL | the number to be called |

Every path of Exotel may end in its token. What proves them is in ``engine/carriers/gateway.py``.
"""

import logging
import os
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from time import monotonic

import gevent
from gevent.event import AsyncResult

from engine.carriercalls import CarrierCalls
from engine.carriers import exotel, twilio
from engine.carriers.errors import CarrierError, Unproven, Unreadable
from engine.carriers.gateway import ExotelProof, Seen, Sent, TwilioProof, again_s, key_of
from engine.carriers.message import MOST_BYTES, Message, read
from engine.carriers.normal import CarrierEvent
from engine.carriers.publicurl import public_base, public_url
from engine.config.carriers import ExotelOptions, TwilioOptions
from engine.lifecycle import ENDS
from engine.service import Engine
from engine.telemetry.state import Component
from engine.web.carriertalk import CarrierTalk, Said
from engine.web.clients import Networks
from engine.web.errors import ApiError
from engine.web.limits import Buckets
from engine.web.route import Answer, Asked, Route
from engine.web.streamtickets import tickets_of

log = logging.getLogger(__name__)

SHORTEST_TOKEN = 16
"""Letters of the token in Exotel's path; shorter ones can be guessed."""

SAME_ANSWER_S = 12.0
"""How long a webhook that came again waits for the answer of the first; carriers wait 15 s."""

NumberFor = Callable[[str], str]
"""The number (E.164) that this call of Exotel's is to be connected to; "" for none. Each is told once."""


def routes(engine: Engine, environ: Mapping[str, str] = os.environ, number_for: NumberFor = lambda call: "",
           ) -> list[Route]:
    """All paths of carriers. ``environ`` has their secrets."""
    of = Webhooks(engine, environ, number_for)
    xml, text = (twilio.XML,), ("text/plain",)

    def route(method: str, path: str, handle: Callable[[Asked], Answer], summary: str, produces: tuple[str, ...] = (),
              ) -> list[Route]:
        paths = [path, f"{path}/<token>"] if "exotel" in path else [path]
        return [Route(method, one, handle, summary, raw=True, max_bytes=MOST_BYTES, produces=produces)
                for one in paths]

    return [
        *route("POST", "/webhook/twilio", of.twilio, "Events of Twilio's calls.", xml),
        *route("POST", "/voice/twilio", of.twilio_voice, "What Twilio is to do with a call: TwiML.", xml),
        *route("POST", "/voice/twilio/status", of.twilio, "Status callbacks of Twilio's calls.", xml),
        *route("POST", "/webhook/exotel", of.exotel, "Events of Exotel's calls.", text),
        *route("GET", "/webhook/exotel", of.exotel, "The same of the Passthru applet.", text),
        *route("POST", "/exotel/call", of.exotel_call, "The agent's greeting for a call of Exotel's.", xml),
        *route("GET", "/exotel/call", of.exotel_call, "The same for applets with a dynamic URL.", text),
        *route("POST", "/exotel/dtmf", of.exotel_keys, "The agent's answer to what a caller pressed.", xml),
        *route("GET", "/exotel/dtmf", of.exotel_keys, "The same for applets with a dynamic URL.", text),
        *route("GET", "/voice/exotel", of.exotel_voice, "Where Exotel streams a call's audio to."),
        *route("POST", "/voice/exotel", of.exotel_voice, "The same."),
        *route("GET", "/exotel/connect", of.exotel_connect, "Whom the Connect applet calls."),
        *route("POST", "/exotel/connect", of.exotel_connect, "The same."),
    ]


class Webhooks:
    """The handlers."""

    def __init__(self, engine: Engine, environ: Mapping[str, str], number_for: NumberFor) -> None:
        """Warns of what is taken without proof."""
        options = self._options = engine.config.carriers
        self._engine, self._number_for = engine, number_for
        self._twilio = _twilio_proof(options.twilio, environ)
        self._exotel = _exotel_proof(options.exotel, environ)
        self._stream_token = environ.get(options.exotel.stream_token_env, "")
        self._proxies = Networks(engine.config.http.trusted_proxies)
        self._tls = bool(engine.config.http.certificate)
        self.calls = CarrierCalls(engine, options)
        self._talk = CarrierTalk(engine, options)
        self._seen: Seen[AsyncResult] = Seen()
        self._per_call = Buckets()
        unsigned = [name for name, one in (("twilio", options.twilio), ("exotel", options.exotel)) if one.unsigned]
        for name in unsigned:
            log.warning("carriers.%s.unsigned is on: webhooks are taken from anybody, who can make up calls", name)
        if unsigned:
            told = f"webhooks of {' and '.join(unsigned)} are taken without a signature (carriers.*.unsigned)"
            engine.components["webhooks"] = lambda: Component("degraded", detail=told)

    # ------------------------------------------------------------ Twilio

    def twilio(self, asked: Asked) -> Answer:
        """An event; TwiML where Twilio asks what to do."""
        event, message = self._receive(asked, self._of_twilio)
        if event.kind in ("call", "digits", "speech"):
            return self._once(asked, event, message, lambda: self._voice(asked, event))
        return self._once(asked, event, message, lambda: Answer(status=204))

    def twilio_voice(self, asked: Asked) -> Answer:
        """TwiML, whatever is asked: for a call that is over, nothing."""
        event, message = self._receive(asked, self._of_twilio)
        return self._once(asked, event, message, lambda: self._voice(asked, event))

    def _voice(self, asked: Asked, event: CarrierEvent) -> Answer:
        options, agent = self._options.twilio, self._agent(asked, self._options.twilio.agent)
        if event.state in ENDS or event.kind == "dial":
            return Answer(twilio.nothing().encode(), twilio.XML)
        if options.answer == "text":
            answers = event.kind in ("digits", "speech")
            said = self._talk.answer(event, agent) if answers else self._talk.greet(event, agent)
            action = public_url(self._base(asked), "/voice/twilio")
            xml = twilio.say(said.text, said.language) if said.ended else twilio.ask(said.text, action, said.language)
        elif options.answer == "sip" and options.sip_uri:
            xml = twilio.sip(options.sip_uri, event.call, public_url(self._base(asked), "/voice/twilio"))
        else:
            self._check_accepting()
            parameters = {"token": tickets_of(self._engine).make(event.call, agent), "agent": agent,
                          "from": event.caller, "to": event.called}
            xml = twilio.stream(public_url(self._base(asked), "/ws/twilio", socket=True), parameters,
                                public_url(self._base(asked), "/voice/twilio/status"))
        return Answer(xml.encode(), twilio.XML)

    def _of_twilio(self, sent: Sent) -> CarrierEvent:
        self._twilio.check(sent)
        return twilio.event(sent.message, self._options.country_code)

    # ------------------------------------------------------------ Exotel

    def exotel(self, asked: Asked) -> Answer:
        """An event. What the Passthru applet asks is answered with its branch A."""
        event, message = self._receive(asked, self._of_exotel)
        return self._once(asked, event, message, lambda: Answer(mimetype="text/plain"))

    def exotel_call(self, asked: Asked) -> Answer:
        """The greeting."""
        event, message = self._receive(asked, self._asks_of_exotel)
        agent = self._agent(asked, self._options.exotel.agent)
        return self._once(asked, event, message, lambda: self._spoken(asked, self._talk.greet(event, agent)))

    def exotel_keys(self, asked: Asked) -> Answer:
        """The answer to what was pressed. Nothing pressed: the greeting again."""
        event, message = self._receive(asked, self._asks_of_exotel)
        agent = self._agent(asked, self._options.exotel.agent)
        answer = self._talk.answer if event.digits else self._talk.greet
        return self._once(asked, event, message, lambda: self._spoken(asked, answer(event, agent)))

    def exotel_voice(self, asked: Asked) -> Answer:
        """The address of the stream, with the token by which it is known again."""
        event, message = self._receive(asked, self._asks_of_exotel)
        path = "/ws/exotel" + (f"/{self._stream_token}" if self._stream_token else "")
        url = public_url(self._base(asked), path, socket=True)

        def stream() -> Answer:
            self._check_accepting()
            return Answer.json({"url": url})

        return self._once(asked, event, message, stream)

    def exotel_connect(self, asked: Asked) -> Answer:
        """Whom the Connect applet calls."""
        event, message = self._receive(asked, self._asks_of_exotel)

        def connect() -> Answer:
            number = self._number_for(event.call)
            return Answer.json(exotel.connect([number] if number else []))

        return self._once(asked, event, message, connect)

    def _spoken(self, asked: Asked, said: Said) -> Answer:
        """In the format of who asks: ExoML; with ``?as=gather`` JSON for the Gather applet; for a GET, or ``?as=text``,
        the bare text, as applets take it that read a text from a URL."""
        kind = asked.request.args.get("as", "") or ("text" if asked.request.method == "GET" else "xml")
        if kind == "gather":
            return Answer(exotel.gather(said.text).encode(), "application/json")
        if kind == "text":
            return Answer(said.text.encode(), "text/plain")
        token = asked.path.get("token", "")
        action = public_url(self._base(asked), "/exotel/dtmf" + (f"/{token}" if token else ""))
        return Answer(exotel.spoken(said.text, "" if said.ended else action).encode(), twilio.XML)

    def _of_exotel(self, sent: Sent) -> CarrierEvent:
        self._exotel.check(sent)
        return exotel.event(sent.message, self._options.country_code)

    def _asks_of_exotel(self, sent: Sent) -> CarrierEvent:
        self._exotel.check(sent)
        return exotel.event(sent.message, self._options.country_code, asks=True)

    # ------------------------------------------------------------ all of them

    def _receive(self, asked: Asked, understand: Callable[[Sent], CarrierEvent]) -> tuple[CarrierEvent, Message]:
        """Read, prove, understand. Raises ``ApiError``."""
        request, body = asked.request, asked.data
        query = request.query_string.decode("latin-1")
        headers = {name.lower(): value for name, value in asked.headers.items()}
        try:
            message, unreadable = read(request.content_type or "", query, body), None
        except Unreadable as fault:
            message, unreadable = Message({}), fault  # who sent it comes first
        try:
            sent = Sent(public_url(self._base(asked), request.path, query), headers, body, message, asked.remote,
                        asked.path.get("token", ""), query)
            event = understand(sent)
            if unreadable is not None:
                raise unreadable
        except Unproven as fault:
            log.warning("a webhook at %s from %s is refused: %s", request.url_rule, asked.remote, fault)
            raise ApiError(401, "unproven", str(fault), type="authentication_error",
                           headers={"WWW-Authenticate": 'Basic realm="webhooks"'}) from fault
        except CarrierError as fault:
            raise ApiError(400, "invalid_webhook", str(unreadable or fault)) from fault
        limit = self._options.webhooks_per_minute_per_call
        left = self._per_call.take(f"{event.carrier} {event.call}", limit, monotonic())
        if left.wait_s > 0:
            raise ApiError(429, "rate_limit_exceeded", f"more than {limit} webhooks a minute about one call",
                           type="rate_limit_error", headers={"Retry-After": str(int(left.wait_s) + 1)})
        return event, message

    def _once(self, asked: Asked, event: CarrierEvent, message: Message, make: Callable[[], Answer]) -> Answer:
        """The answer of ``make``; for a webhook that came before, the answer of then."""
        idempotency = asked.headers.get("I-Twilio-Idempotency-Token", "")
        where = f"{asked.request.method} {asked.request.path} {asked.request.args.get('as', '')}"
        key, now = key_of(event, message, where, idempotency), monotonic()
        before = self._seen.find(key, now, again_s(event, idempotency))
        if before is not None:
            return self._again(before)
        result: AsyncResult = AsyncResult()
        self._seen.keep(key, result, now)
        try:
            self.calls.deliver(event)
            if event.state in ENDS:
                self._talk.over(event)
            answer = make()
        except BaseException as fault:
            self._seen.forget(key)
            result.set_exception(fault if isinstance(fault, Exception) else ApiError(503, "unavailable", str(fault)))
            raise
        result.set(answer)
        return answer

    @staticmethod
    def _again(before: AsyncResult) -> Answer:
        try:
            answer = before.get(timeout=SAME_ANSWER_S)
        except gevent.Timeout:
            raise ApiError(503, "busy", "the same webhook came before and is not answered yet",
                           type="server_error", headers={"Retry-After": "2"}) from None
        assert isinstance(answer, Answer)
        return answer

    def _check_accepting(self) -> None:
        """An error sends the carrier to its fallback URL; a stream that is refused later would end the call."""
        if not self._engine.accepting:
            raise ApiError(503, "draining", "this engine takes no new calls", type="server_error",
                           headers={"Retry-After": "30"})

    def _base(self, asked: Asked) -> str:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        scheme = "https" if self._tls else "http"
        trusted = (asked.request.remote_addr or "") in self._proxies
        return public_base(self._options.webhook_base_url, scheme, headers, trusted)

    @staticmethod
    def _agent(asked: Asked, configured: str) -> str:
        """Who answers: the ``agent`` of the URL that the carrier was given, which is part of what it proves, else that
        of the configuration."""
        return asked.request.args.get("agent", "")[:80] or configured


def _twilio_proof(options: TwilioOptions, environ: Mapping[str, str]) -> TwilioProof:
    return TwilioProof(environ.get(options.auth_token_env, ""), environ.get(options.account_sid_env, ""),
                       options.unsigned)


def _exotel_proof(options: ExotelOptions, environ: Mapping[str, str]) -> ExotelProof:
    token = environ.get(options.token_env, "")
    if token and len(token) < SHORTEST_TOKEN:
        log.error("%s is shorter than %d characters and can be guessed: it opens nothing", options.token_env,
                  SHORTEST_TOKEN)
        token = ""
    return ExotelProof(environ.get(options.secret_env, ""), environ.get(options.user_env, ""),
                       environ.get(options.password_env, ""), token,
                       tuple(ip_network(one, strict=False) for one in options.networks), options.unsigned)
