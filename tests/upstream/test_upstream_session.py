"""A session with a strict fake of the service on real sockets: connections that are lost, refused, limited."""

import base64

import gevent
import pytest

from engine.config import Config
from engine.errors import ProviderFault
from engine.upstream.errors import UpstreamError
from engine.upstream.service import open_upstream
from engine.upstream.session import UpstreamSession
from tests.fakes.speech_server import CHAR_MS, KEY, MODEL, RATE_LIMIT, SpeechServer, tone
from tests.providers.fake_entra import FakeEntra
from tests.providers.fake_http import FakeHttp, error

CONFIGURED = {"type": "session.update", "event_id": "mine", "session": {"type": "realtime", "instructions": "Be kind."}}


class Ears:
    """A listener that writes down what it is told."""

    def __init__(self):
        self.told, self.events, self.session = [], [], None

    def opened(self, again):
        self.told.append(("opened", again))
        if not again:
            self.session.send(CONFIGURED)

    def event(self, event, text):
        self.events.append(event)

    def lost(self, why, wait_s, attempt):
        self.told.append(("lost", attempt))

    def limited(self, wait_s):
        self.told.append(("limited", wait_s))

    def failed(self, why):
        self.told.append(("failed", why))

    def named(self, kind):
        return [event for event in self.events if event["type"] == kind]

    def wait(self, condition, what="nothing came"):
        with gevent.Timeout(5, AssertionError(f"{what}: {self.told} {[event['type'] for event in self.events]}")):
            while not condition():
                gevent.sleep(0.005)

    def wait_for(self, kind, count=1):
        self.wait(lambda: len(self.named(kind)) >= count, f"no {kind}")
        return self.named(kind)[-1]


@pytest.fixture
def server(started):
    return started(SpeechServer())


def upstream_of(server, kind="openai_speech_to_speech", signed=None, environ=None, **options):
    where = {"deployment": MODEL} if kind.startswith("azure") else {"model": MODEL}
    provider = {"kind": kind, "base_url": server.url, **where, **(signed or {"api_key_env": "KEY"})}
    config = Config.model_validate({"providers": {"up": provider}, "upstream": {
        "provider": "up", "retry_first_ms": 20, "retry_longest_ms": 40, **options}})
    return open_upstream(config, environ or {"KEY": KEY})


@pytest.fixture
def begun(server, started):
    def begin(upstream=None, **options):
        ears = Ears()
        session = ears.session = started(UpstreamSession(started(upstream or upstream_of(server, **options)), ears))
        session.start()
        return ears

    return begin


def text(words):
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user",
                                                         "content": [{"type": "input_text", "text": words}]}}


def ask(ears, words="Hello?"):
    ears.session.send(text(words))
    ears.session.send({"type": "response.create"})


def test_a_turn(server, begun):
    """What is sent before the connection is there waits for it."""
    ears = begun()
    ask(ears)
    done = ears.wait_for("response.done")
    assert done["response"]["status"] == "completed" and not ears.named("error")
    assert server.sent("session.update") == [CONFIGURED]


def test_a_lost_connection_is_opened_again_and_told_the_session(server, begun):
    """The listener sees one session: no second session.created, nothing of the replay."""
    server.answers += ["We open at nine.", "Ten."]
    ears = begun()
    ask(ears, "When do you open?")
    ears.wait_for("response.done")
    before = len(ears.events)
    server.sessions[0].peer.drop()
    ears.wait(lambda: ("opened", True) in ears.told)
    ask(ears, "And on Sunday?")
    ears.wait_for("response.done", 2)
    session = server.sessions[1]
    assert session.config["instructions"] == "Be kind."
    assert [item["content"][0].get("text") or item["content"][0]["transcript"] for item in session.items] == [
        "When do you open?", "We open at nine.", "And on Sunday?", "Ten."]  # fmt: skip
    later = {event["type"] for event in ears.events[before:]}
    assert not later & {"session.created", "session.updated", "error"}
    assert len([event for event in ears.events[before:] if event["type"] == "conversation.item.added"]) == 2


def test_an_update_that_was_under_way_is_sent_again(server, begun):
    """Its answer is still owed to whoever sent it."""
    ears = begun()
    ears.wait_for("session.updated")
    peer = server.sessions[0].peer
    peer.deaf = True
    gevent.sleep(0.02)
    ears.session.send({"type": "session.update", "event_id": "later",
                       "session": {"type": "realtime", "instructions": "Be short."}})
    gevent.sleep(0.02)
    peer.connection.close()
    updated = ears.wait_for("session.updated", 2)
    assert updated["session"]["instructions"] == "Be short."


def test_it_gives_up_after_its_tries_and_says_why(server, begun):
    """Then the local providers take over."""
    ears = begun(tries=2)
    ears.wait_for("session.updated")
    server.refuse = 503, {}, "down"
    server.sessions[0].peer.drop()
    ears.wait(lambda: ears.told[-1][0] == "failed")
    assert [what for what, *_ in ears.told] == ["opened", "lost", "lost", "failed"]
    assert "503" in ears.told[-1][1] and ears.session.state == "failed"


def test_a_code_that_no_new_connection_cures_ends_it(server, begun):
    """1008: our request broke a rule; the next one would, too."""
    ears = begun()
    ears.wait_for("session.updated")
    server.sessions[0].peer.close(1008, "policy")
    ears.wait(lambda: ears.told[-1][0] == "failed")
    assert len(server.sessions) == 1


def test_a_session_that_expired_goes_on_in_another(server, begun):
    """OpenAI ends each after 60 minutes, with 1001."""
    ears = begun()
    ears.wait_for("session.updated")
    server.sessions[0].peer.close(1001, "Your session hit the maximum duration of 60 minutes.")
    ears.wait(lambda: ("opened", True) in ears.told)


def test_a_connection_that_went_silent_is_noticed(server, begun):
    """A cable that was cut sends no close frame: what does not answer within ``check_s`` is lost."""
    ears = begun(check_s=0.1)
    ears.wait_for("session.updated")
    server.sessions[0].peer.deaf = True
    ears.wait(lambda: ("opened", True) in ears.told, "the silence was not noticed")


def test_a_rate_limit_is_waited_out_and_the_response_asked_for_again(server, begun):
    """The caller must not hear silence because a limit was hit for a tenth of a second."""
    server.answers += [RATE_LIMIT, "Here I am."]
    ears = begun()
    ask(ears)
    began = gevent.get_hub().loop.now()
    ears.wait_for("response.done", 2)
    gevent.get_hub().loop.update_now()
    waited_s = gevent.get_hub().loop.now() - began
    assert [event["response"]["status"] for event in ears.named("response.done")] == ["failed", "completed"]
    assert waited_s >= 0.12 and ears.told[-1][0] == "limited"


def test_a_response_that_is_wanted_meanwhile_waits_for_the_limit(server, begun):
    """One response is asked for afterwards, not two."""
    server.answers += [RATE_LIMIT]
    ears = begun()
    ask(ears)
    ears.wait_for("response.done")
    ears.session.send({"type": "response.create", "response": {"instructions": "Say hi."}})
    assert len(server.sent("response.create")) == 1
    ears.wait_for("response.done", 2)
    gevent.sleep(0.05)
    assert [event.get("response") for event in server.sent("response.create")] == [None, {"instructions": "Say hi."}]
    assert not ears.named("error")


def test_audio_that_waits_is_bounded(server, begun):
    """The newest words count."""
    server.refuse = 503, {}, "down"
    ears = begun(tries=50)
    for number in range(30):
        ears.session.send({"type": "input_audio_buffer.append", "event_id": str(number),
                           "audio": base64.b64encode(bytes(48000)).decode()})
    ears.wait(lambda: ("lost", 2) in ears.told)
    server.refuse = None
    ears.wait(lambda: server.received and server.received[-1].get("event_id") == "29")
    assert 10 < len(server.sent("input_audio_buffer.append")) < 20


def test_a_spoken_turn_and_an_interruption(server, begun):
    """The fake is as strict as the tests that stand on it need it."""
    server.answers += ["A long answer to the caller."]
    server.hold = True
    ears = begun()
    ears.wait_for("session.updated")

    def say(seconds, loud=True):
        pcm = tone("x" * round(seconds * 1000 / CHAR_MS)) if loud else bytes(round(seconds * 48000))
        ears.session.send({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})

    say(0.5)
    say(0.4, loud=False)
    ears.wait_for("response.output_audio.delta")
    say(0.2)
    done = ears.wait_for("response.done")
    assert done["response"]["status_details"] == {"type": "cancelled", "reason": "turn_detected"}


# ---------------------------------------------------------------- signing


def test_azure_by_key(started, begun):
    """``api-key``, and the path of the GA API."""
    server = started(SpeechServer(azure=True))
    ears = begun(upstream_of(server, "azure_speech_to_speech"))
    ears.wait_for("session.updated")
    assert server.headers[0]["api-key"] == KEY and "authorization" not in server.headers[0]


def test_azure_by_entra_token_that_is_renewed_when_refused(started, begun):
    """A token can be revoked before its time."""
    server, entra = started(SpeechServer(azure=True)), started(FakeEntra())
    server.keys = {"token-2"}
    signed = {"entra": {"tenant_id": "tenant-1", "client_id": "app", "client_secret": "secret&1",
                        "token_url": entra.url + "/{tenant_id}/oauth2/v2.0/token"}}
    ears = begun(upstream_of(server, "azure_speech_to_speech", signed))
    ears.wait_for("session.updated")
    assert [headers["authorization"] for headers in server.headers] == ["Bearer token-1", "Bearer token-2"]


def test_a_wrong_key_fails_at_once(server, begun):
    """No number of tries makes it right."""
    ears = begun(upstream_of(server, environ={"KEY": "sk-wrong"}))
    ears.wait(lambda: ears.told and ears.told[-1][0] == "failed")
    assert "401" in ears.told[-1][1] and "sk-wrong" not in ears.told[-1][1]


class Secrets(FakeHttp):
    def answer(self, request):
        assert request.path == "/v1/realtime/client_secrets" and request.headers["authorization"] == f"Bearer {KEY}"
        return error(200, {"value": "ek_1", "expires_at": 1800000000, "session": {"id": "sess_1", **request.json}})


def test_a_client_secret(started):
    """A browser that talks to the service itself gets one that is good for minutes."""
    server = started(Secrets())
    config = Config.model_validate({"providers": {"up": {"kind": "openai_speech_to_speech", "model": MODEL,
                                                         "base_url": server.url + "/v1", "api_key": KEY}},
                                    "upstream": {"provider": "up"}})
    upstream = started(open_upstream(config, {}))
    secret = upstream.client_secret({"instructions": "Be kind."}, 60)
    assert (secret.value, secret.expires_at, secret.session["id"]) == ("ek_1", 1800000000, "sess_1")
    assert server.requests[0].json == {"expires_after": {"anchor": "created_at", "seconds": 60}, "session": {
        "type": "realtime", "model": MODEL, "instructions": "Be kind."}}
    server.fail_with = error(401, {"error": {"message": "no", "code": "invalid_api_key"}})
    with pytest.raises(ProviderFault):
        upstream.client_secret({})


# ---------------------------------------------------------------- who it is


def test_the_variables_of_the_origins_describe_one(started):
    """Deployments of the middle tier and of OKTI come over with the environment that they have."""
    azure = started(open_upstream(Config(), {
        "AZURE_OPENAI_ENDPOINT": "https://desk.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k",
        "AZURE_OPENAI_REALTIME_DEPLOYMENT": "gpt-realtime", "AZURE_OPENAI_REALTIME_VOICE_CHOICE": "echo"}))
    assert azure.url == "wss://desk.openai.azure.com/openai/v1/realtime?model=gpt-realtime"
    assert azure.options.voice == "echo"
    okti = started(open_upstream(Config(), {
        "OPENAI_API_KEY": "k", "OPENAI_REALTIME_MODEL": "gpt-realtime-mini", "OKTI_SYSTEM_PROMPT": "Tu es OKTI.",
        "OKTI_DEFAULT_VOICE": "verse", "OKTI_PROMPT_ID": "pmpt_1"}))
    assert okti.url == "wss://api.openai.com/v1/realtime?model=gpt-realtime-mini"
    assert (okti.options.instructions, okti.options.voice, okti.options.prompt_id) == ("Tu es OKTI.", "verse", "pmpt_1")
    assert open_upstream(Config(), {}) is None


def test_the_configuration_wins_over_the_variables(started):
    """It is the operator's own word."""
    config = Config.model_validate({"upstream": {"voice": "marin"}})
    upstream = started(open_upstream(config, {"OPENAI_API_KEY": "k", "OPENAI_REALTIME_MODEL": "m",
                                              "OKTI_DEFAULT_VOICE": "verse"}))
    assert upstream.options.voice == "marin"


def test_a_provider_of_another_kind_is_named():
    """A chat model cannot hold a Realtime session."""
    config = Config.model_validate({"providers": {"gpt": {"kind": "openai_chat", "model": "x", "api_key_env": "K"}},
                                    "upstream": {"provider": "gpt"}})
    with pytest.raises(UpstreamError, match="upstream.provider: 'gpt' is no provider of kind"):
        open_upstream(config, {"K": "k"})
