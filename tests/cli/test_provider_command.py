"""``trunkline provider``: an operator sees that a model or a voice works before a caller does."""

import wave

import numpy as np
import pytest

from engine.cli import provider
from engine.cli.main import main
from tests.providers.fake_openai import KEY, FakeOpenAi


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(provider, "WARM_S", 0.02)
    monkeypatch.setenv("THE_KEY", KEY)
    server = FakeOpenAi()
    server.audio = np.full(24000, 5000, np.int16)
    yield server
    server.close()


@pytest.fixture
def command(tmp_path, server):
    path = tmp_path / "c.yaml"
    path.write_text(f"""providers:
  gpt: {{kind: openai_chat, base_url: "{server.url}/v1", model: gpt-test, api_key_env: THE_KEY}}
  nova: {{kind: openai_speech, base_url: "{server.url}/v1", api_key_env: THE_KEY}}
  wrong: {{kind: openai_chat, base_url: "{server.url}/v1", model: none, api_key_env: THE_KEY}}
""")
    return lambda *words: main(["provider", "--config", str(path), *words])


def test_without_a_name_all_are_listed(command, server, capsys):
    assert command() == 0
    out = capsys.readouterr().out
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["gpt", "openai_chat"], ["nova", "openai_speech"], ["wrong", "openai_chat"]]
    assert main(["provider"]) == 0 and "providers.md" in capsys.readouterr().out
    assert not server.requests


def test_a_model_answers_and_its_times_are_told(command, server, capsys):
    assert command("gpt", "Hello?") == 0
    out, err = capsys.readouterr()
    assert out == "Hello there.\n" and "first word after" in err and "12 tokens in, 3 out" in err
    assert server.requests[-1].json["messages"] == [{"role": "user", "content": "Hello?"}]


def test_a_voice_speaks_into_a_file(command, tmp_path, capsys):
    out = tmp_path / "sub" / "nova.wav"
    assert command("nova", "Hello.", "--out", str(out)) == 0
    with wave.open(str(out)) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (24000, 24000, 1)
    assert "1.0 s at 24000 Hz" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "said"), [
    ("wrong", "wrong: HTTP 404: model_not_found"), ("none", "there is no 'none'; there are: gpt, nova, wrong")])
def test_what_does_not_work_is_one_line_and_exit_code_2(command, name, said, capsys):
    assert command(name) == 2
    assert said in capsys.readouterr().err
