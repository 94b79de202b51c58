"""From a line of configuration to a provider that answers: names, kinds, keys."""

import pytest

from engine.config import Config
from engine.configfile import load
from engine.configtree import KINDS
from engine.dialog.model import Message, Words
from engine.providers import MODELS, VOICES, ProviderError, make_model, make_voice
from tests.providers import fake_anthropic, fake_elevenlabs, fake_openai
from tests.providers.fake_anthropic import FakeAnthropic
from tests.providers.fake_elevenlabs import FakeElevenLabs
from tests.providers.fake_entra import FakeEntra
from tests.providers.fake_openai import FakeOpenAi

ASK = [Message("user", "Hello?")]


@pytest.fixture
def config(tmp_path):
    def config(**providers: str) -> Config:
        path = tmp_path / "trunkline.yaml"
        path.write_text("providers:\n" + "".join(f"  {name}: {text}\n" for name, text in providers.items()))
        return load(path, {})

    return config


def words(model) -> str:
    return "".join(part.text for part in model.stream(ASK) if isinstance(part, Words))


def test_each_kind_is_made_and_signs_in_its_own_way(config, started):
    """The fakes refuse a request that is signed in another vendor's way."""
    openai, claude, eleven, azure, entra = (
        started(kind()) for kind in (FakeOpenAi, FakeAnthropic, FakeElevenLabs, FakeOpenAi, FakeEntra))
    azure.azure, azure.token = True, "token-1"
    openai.audio = eleven.audio("ab", 24000)
    made = config(
        gpt=f"{{kind: openai_chat, base_url: '{openai.url}/v1', model: gpt-test, api_key_env: GPT}}",
        claude=f"{{kind: anthropic, base_url: '{claude.url}', model: claude-test, api_key_env: CLAUDE}}",
        azure=f"{{kind: azure_chat, base_url: '{azure.url}', deployment: gpt-test, api_key_env: GPT}}",
        entra=f"{{kind: azure_chat, base_url: '{azure.url}', deployment: gpt-test, entra: {{tenant_id: tenant-1, "
              f"client_id: app, client_secret_env: ENTRA, token_url: '{entra.url}/{{tenant_id}}/oauth2/v2.0/token'}}}}",
        nova=f"{{kind: openai_speech, base_url: '{openai.url}/v1', api_key_env: GPT}}",
        rachel=f"{{kind: elevenlabs, base_url: '{eleven.url}', voice: voice1, api_key_env: ELEVEN}}",
    )
    keys = {"GPT": fake_openai.KEY, "CLAUDE": fake_anthropic.KEY + "\n", "ELEVEN": fake_elevenlabs.KEY,
            "ENTRA": "secret&1"}
    for name in ("gpt", "claude", "azure", "entra"):
        assert words(started(make_model(name, made, keys))) == "Hello there.", name
    for name in ("nova", "rachel"):
        assert list(started(make_voice(name, made, keys)).render("Hello.")), name


@pytest.mark.parametrize(("make", "name", "said"), [
    (make_model, "gtp", "there is no 'gtp'; there are: gpt, piper"),
    (make_model, "piper", "kind http_tts is none that thinks; kinds that do: openai_chat, azure_chat, anthropic"),
    (make_voice, "gpt", "kind openai_chat is none that speaks"),
    (make_model, "gpt", "providers.gpt.api_key_env: the environment has no OPENAI_KEY"),
    (make_voice, "piper", "providers.piper.api_key: a key has only printable ASCII characters"),
])
def test_what_cannot_be_made_says_what_to_do(config, make, name, said):
    made = config(gpt="{kind: openai_chat, model: m, api_key_env: OPENAI_KEY}",
                  piper="{kind: http_tts, base_url: 'http://127.0.0.1:1', api_key: 'schlüssel'}")
    with pytest.raises(ProviderError, match=".") as caught:
        make(name, made, {})
    assert said in str(caught.value) and "schlüssel" not in str(caught.value)


def test_without_providers_the_error_says_so():
    with pytest.raises(ProviderError, match="there are: none"):
        make_model("gpt", Config(), {})


def test_an_embedded_voice_can_be_named_like_a_provider(started):
    """Routing falls back from a service to the voice of this machine by name alone."""
    assert started(make_voice("espeak-ng:en-us", Config())).name == "espeak-ng:en-us"


def test_every_kind_that_can_be_made_can_be_described():
    """An adapter whose options are missing from the configuration could never be used. Kinds that hear are made by a
    factory of their own."""
    assert {*MODELS, *VOICES} <= set(KINDS["providers"].values())
