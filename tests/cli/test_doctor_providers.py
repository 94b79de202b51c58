"""``trunkline doctor`` on ``providers:``: missing keys and services that do not listen, before a caller finds out."""

import gevent.server
import pytest

from engine.cli import provider_checks
from engine.configfile import load


@pytest.fixture
def listening():
    server = gevent.server.StreamServer(("127.0.0.1", 0), lambda sock, address: sock.close())
    server.start()
    yield server.server_port
    server.stop()


def test_each_provider_has_its_line(tmp_path, listening):
    path = tmp_path / "c.yaml"
    path.write_text(f"""providers:
  up: {{kind: http_tts, base_url: "http://127.0.0.1:{listening}"}}
  down: {{kind: openai_chat, base_url: "http://127.0.0.1:1/v1", model: m}}
  nokey: {{kind: anthropic, base_url: "http://127.0.0.1:{listening}", model: m, api_key_env: THE_KEY}}
""")
    up, down, nokey = provider_checks.look(load(path, {}), {}, 1.0)
    assert up[0] == "pass" and f"127.0.0.1:{listening} listens" in up[1]
    assert down[0] == "warn" and "no connection to 127.0.0.1:1" in down[1] and "providers.down.base_url" in down[2]
    assert nokey[0] == "fail" and "the environment has no THE_KEY" in nokey[1]
    assert provider_checks.look(load(path, {}), {"THE_KEY": "secret"}, 1.0)[2][0] == "pass"


def test_without_providers_there_is_nothing_to_say():
    assert provider_checks.look(load(None, {}), {}, 1.0) == []
