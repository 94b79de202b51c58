"""Entra tokens: fetched once, renewed early by one greenlet, never trusted past their end. The clock is virtual."""

import gevent
import pytest

from engine.config.providers import AzureChatOptions, EntraOptions
from engine.dialog.model import Message, Words
from engine.dialog.models.openai_chat import OpenAiChat
from engine.errors import ProviderFault
from engine.net.credentials import RETRY_S, EntraToken
from tests.providers.fake_entra import FakeEntra
from tests.providers.fake_http import Response, error, settle
from tests.providers.fake_openai import FakeOpenAi


@pytest.fixture
def server(started):
    return started(FakeEntra())


@pytest.fixture
def clock():
    class Clock:
        now = 1000.0

        def __call__(self) -> float:
            return self.now

    return Clock()


@pytest.fixture
def token(server, started, clock):
    def token(secret="secret&1", **options):
        settings = EntraOptions(tenant_id="tenant-1", client_id="app", client_secret=secret,
                                token_url=server.url + "/{tenant_id}/oauth2/v2.0/token", **options)
        return started(EntraToken("azure", settings, secret, clock))

    return token


def bearer(number: int) -> dict[str, str]:
    return {"Authorization": f"Bearer token-{number}"}


def test_a_token_is_fetched_once_for_all(server, token):
    """A hundred calls that begin together must not ask a hundred times: Entra throttles."""
    server.latency_s = 0.02
    signer = token()
    jobs = [gevent.spawn(signer.headers) for _ in range(100)]
    gevent.joinall(jobs, timeout=5)
    assert [job.value for job in jobs] == [bearer(1)] * 100
    assert len(server.requests) == 1


def test_it_is_renewed_early_while_the_old_one_serves(server, token, clock):
    """No caller waits for a token in mid-call."""
    signer = token(refresh_before_s=300)
    signer.headers()
    clock.now += 3600 - 301
    assert signer.headers() == bearer(1)
    settle()
    assert len(server.requests) == 1
    clock.now += 2
    server.latency_s = 0.02
    assert [signer.headers() for _ in range(5)] == [bearer(1)] * 5
    gevent.sleep(0.03)
    settle()
    assert signer.headers() == bearer(2)
    assert len(server.requests) == 2


def test_an_expired_token_is_never_used(server, token, clock):
    signer = token()
    signer.headers()
    clock.now += 3600
    assert signer.headers() == bearer(2)


def test_a_short_token_is_not_renewed_all_the_time(server, token, clock):
    """A lifetime below the lead would make every request renew."""
    server.lasts_s = 100
    signer = token(refresh_before_s=300)
    signer.headers()
    clock.now += 40
    signer.headers()
    settle()
    assert len(server.requests) == 1
    clock.now += 20
    signer.headers()
    settle()
    assert len(server.requests) == 2


def test_a_renewal_that_fails_is_not_hammered(server, token, clock):
    signer = token()
    signer.headers()
    server.fail_with = error(503, {"error": "temporarily_unavailable"})
    clock.now += 3400
    for _ in range(5):
        assert signer.headers() == bearer(1)
        settle()
    assert len(server.requests) == 2
    clock.now += RETRY_S
    server.fail_with = None
    signer.headers()
    settle()
    assert signer.headers() == bearer(3)


def test_who_waits_is_told_why_there_is_none(server, token):
    server.latency_s = 0.02
    signer = token(secret="wrong")
    jobs = [gevent.spawn(signer.headers) for _ in range(3)]
    gevent.joinall(jobs, timeout=5)
    for job in jobs:
        assert isinstance(job.exception, ProviderFault) and job.exception.kind == "auth"
        assert "client_id" in str(job.exception) and "wrong" not in str(job.exception)
    assert len(server.requests) == 1
    with pytest.raises(ProviderFault):
        signer.headers()
    assert len(server.requests) == 2


@pytest.mark.parametrize(("response", "kind"), [
    (error(200, {"token_type": "Bearer"}), "broken"), (Response(200, "text/html", [b"<html>"]), "broken"),
    (error(200, {"access_token": "x", "expires_in": "soon"}), "broken"),
    (error(400, {"error": "invalid_request"}), "auth"), (error(500, {"error": "x"}), "unavailable"),
])
def test_what_is_no_token_is_not_taken_for_one(server, token, response, kind):
    server.fail_with = response
    with pytest.raises(ProviderFault) as caught:
        token().headers()
    assert caught.value.kind == kind


def test_killing_who_waits_leaves_the_renewal_to_the_others(server, token):
    server.latency_s = 0.05
    signer = token()
    first, second = gevent.spawn(signer.headers), gevent.spawn(signer.headers)
    gevent.sleep(0.01)
    first.kill()
    second.join(2)
    assert second.value == bearer(1) and len(server.requests) == 1


def test_warm_fetches_ahead(server, token):
    signer = token()
    signer.warm()
    settle()
    signer.headers()
    assert len(server.requests) == 1


def test_azure_takes_the_token_and_a_refused_one_is_replaced(server, token, started):
    """A token can be withdrawn before its end: the next request must not use it again."""
    azure = started(FakeOpenAi())
    azure.azure, azure.key, azure.token = True, None, "token-1"
    options = AzureChatOptions(base_url=azure.url, deployment="gpt-test", entra=EntraOptions(
        tenant_id="tenant-1", client_id="app", client_secret_env="X"))
    chat = started(OpenAiChat("azure", options, token()))
    ask = [Message("user", "Hello?")]
    assert Words("Hello") in list(chat.stream(ask))
    azure.token = "token-2"
    with pytest.raises(ProviderFault) as caught:
        list(chat.stream(ask))
    assert caught.value.kind == "auth"
    assert Words("Hello") in list(chat.stream(ask))
