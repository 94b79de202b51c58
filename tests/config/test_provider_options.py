"""``providers:`` in the configuration: free names, the options of each kind, what the errors say."""

import pytest

from engine.config import Config
from engine.config.providers import AnthropicOptions, AzureChatOptions, OpenAiChatOptions
from engine.configfile import ConfigError, differences, load
from engine.configtree import KINDS, REQUIRED, options


@pytest.fixture
def path(tmp_path):
    return tmp_path / "trunkline.yaml"


def problems(path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return [str(problem).replace(str(path), "F") for problem in caught.value.problems]


def test_each_name_gets_the_options_of_its_kind(path):
    path.write_text("""
providers:
  claude: {kind: anthropic, model: claude-haiku-4-5, api_key_env: KEY}
  local:
    base_url: http://127.0.0.1:8000/v1/
    model: qwen3
    extra: {top_k: 20, chat_template_kwargs: {enable_thinking: false}, stop: ["\\n"]}
    headers: {x-tenant: 7}
    kind: openai_chat
  azure: {kind: azure_chat, base_url: "https://x.openai.azure.com", deployment: gpt, api_key: k}
""")
    providers = load(path, {}).providers
    assert providers["claude"] == AnthropicOptions(model="claude-haiku-4-5", api_key_env="KEY")
    assert providers["local"] == OpenAiChatOptions(
        base_url="http://127.0.0.1:8000/v1", model="qwen3", headers={"x-tenant": "7"},
        extra={"top_k": 20, "chat_template_kwargs": {"enable_thinking": False}, "stop": ["\n"]})
    assert isinstance(providers["azure"], AzureChatOptions)
    assert list(providers) == ["claude", "local", "azure"]


def test_the_environment_sets_keys_of_the_file_and_adds_providers(path):
    """A container is often configured by its environment alone."""
    path.write_text("providers:\n  gpt: {kind: openai_chat, model: gpt-4o, api_key: from-file}\n")
    config = load(path, {
        "TRUNKLINE_PROVIDERS__GPT__API_KEY": "from-environment",
        "TRUNKLINE_PROVIDERS__MY_VOICE__KIND": "http_tts",
        "TRUNKLINE_PROVIDERS__MY_VOICE__BASE_URL": "http://127.0.0.1:5000",
        "TRUNKLINE_PROVIDERS__MY_VOICE__EXTRA": '{"length_scale": 0.9}',
    })
    assert config.providers["gpt"].api_key == "from-environment"
    assert config.providers["my_voice"].base_url == "http://127.0.0.1:5000"
    assert config.providers["my_voice"].extra == {"length_scale": 0.9}


def test_every_problem_is_told_with_its_place(path):
    assert problems(path, """providers:
  gpt:
    kind: openai_chat
    modle: x
    api_key_env: OPENAI_API_KEY
  Bad-Name: {kind: anthropic}
  talk: {kind: opnai_speech}
  mute: {}
  el: {kind: elevenlabs, voice: x}
  azure: {kind: azure_chat, base_url: x.openai.azure.com, deployment: d, api_key: sesame}
  slow: {kind: http_tts, base_url: "http://x", total_timeout_s: 0, extra: [1], headers: {a: [1]}}
  both: {kind: azure_chat, base_url: "https://x", deployment: "", api_key: sesame, entra: {tenant_id: t}}
  sleepy: {kind: openai_chat, model: m, base_url: "http://x", entra: {tenant_id: t}}
  sleepy: {kind: openai_chat, model: m, base_url: "http://y"}
""", {"TRUNKLINE_PROVIDERS__NEW__KIND": "x", "TRUNKLINE_PROVIDERS": "1", "TRUNKLINE_PROVIDERS__GPT": "1"}) == [
        "F:2:3: providers.gpt.model: must be given: text, not empty",
        "F:4:5: providers.gpt.modle: no such option; did you mean providers.gpt.model?",
        "F:6:3: providers: a name is small letters, digits and single _, and begins with a letter, not Bad-Name",
        f"F:7:3: providers.talk.kind: expected one of {', '.join(KINDS['providers'])}, not opnai_speech",
        f"F:8:3: providers.mute.kind: expected one of {', '.join(KINDS['providers'])}, not nothing",
        "F:9:3: providers.el: https://api.elevenlabs.io wants a key: give api_key_env, the name of the variable that "
        "holds it",
        "F:10:39: providers.azure.base_url: must be an address that begins with http:// or https://, in ASCII, "
        "without spaces",
        "F:11:75: providers.slow.extra: expected names with values, written {name: value}, not a list",
        "F:11:89: providers.slow.headers: expected names with texts, not ***",
        "F:11:65: providers.slow.total_timeout_s: expected a number of seconds, above 0, not 0.0",
        "F:12:63: providers.both.deployment: expected text, not empty, not ''",
        "F:12:84: providers.both.entra: tenant_id needs client_id and client_secret_env as well",
        "F:13:63: providers.sleepy.entra: no such option; did you mean providers.sleepy.extra?",
        "F:14:3: providers.sleepy: given twice, first at F:13:3",
        f"environment TRUNKLINE_PROVIDERS__NEW__KIND: providers.new.kind: expected one of "
        f"{', '.join(KINDS['providers'])}, not x",
        "environment TRUNKLINE_PROVIDERS: providers is a group; name an option: TRUNKLINE_PROVIDERS__NAME",
        "environment TRUNKLINE_PROVIDERS__GPT: providers.gpt is a group; name an option: "
        "TRUNKLINE_PROVIDERS__GPT__NAME",
    ]


@pytest.mark.parametrize(("text", "expected"), [
    ("providers: [a]", "F:1:12: providers: expected names, each with its options, not a list"),
    ("providers: {&a [*a]: 1}", "F:1:13: providers: a name is small letters, digits and single _"),
    ("providers: {a: {kind: &a [*a]}}", "F:1:13: providers.a.kind: expected one of"),
    ("providers: {a: 3}", "F:1:13: providers.a.kind: expected one of"),
    ("providers: {a: {kind: anthropic, kind: openai_chat, api_key: k, model: m}}",
     "F:1:34: providers.a.kind: given twice, first at F:1:17"),
    ("providers: {a: {kind: http_tts, base_url: 'http://x', extra: {a: 2026-01-01}}}",
     "F:1:62: providers.a.extra: expected names with values (numbers, texts, true, false, lists and names with"),
    ("providers: {a: {kind: http_tts, base_url: 'http://x', extra: {a: .inf}}}", "F:1:62: providers.a.extra: expected"),
    ("providers: {a: {kind: http_tts, base_url: 'http://x', api_key: a, api_key_env: b}}",
     "F:1:13: providers.a: give api_key or api_key_env, not both"),
])
def test_a_fault_in_a_provider_names_its_place(path, text, expected):
    assert problems(path, text)[0].startswith(expected)


@pytest.mark.parametrize(("field", "said"), [
    ("base_url: 'http://x/a b'", "without spaces"), ("base_url: 'http://ü/'", "in ASCII"),
    ("base_url: 'http://x/?a=b'", "no user, ? or #"), ("base_url: 'http://me:pw@x'", "no user, ? or #"),
    ("base_url: 'http://'", "must have a host"), ("base_url: 'http://x:99999'", "Port out of range"),
    ("base_url: 'ftp://x'", "begins with http"), ('base_url: "http://x/\\r\\nHost: y"', "without spaces"),
    ('base_url: "http://x", headers: {a: "b\\r\\nc: d"}', "printable ASCII"),
    ("base_url: 'http://x', headers: {'a b': c}", "names of letters"),
    ("base_url: 'http://x', headers: {a: ü}", "printable ASCII"),
    ("base_url: 'http://x', rate_hz: 12500", "must be one of 8000"),
])
def test_what_could_never_be_sent_or_played_is_refused_at_once(path, field, said):
    """A fault in the middle of the first call would tell nobody which line is wrong."""
    (problem,) = problems(path, f"providers: {{a: {{kind: http_tts, {field}}}}}")
    assert said in problem and problem.startswith("F:1:")


def test_an_empty_mapping_is_no_provider(path):
    path.write_text("providers:\n  # gpt:\n")
    assert load(path, {}) == Config()


def test_keys_of_providers_are_never_shown(path):
    """Errors and logs are pasted into tickets; gateways carry their secrets in headers."""
    text = "providers: {gpt: {kind: openai_chat, base_url: 'http://x', model: m, api_key: hush, headers: {a: hush}}}"
    path.write_text(text)
    assert differences(load(path, {})) == {
        "providers.gpt.base_url": "http://x", "providers.gpt.api_key": "***", "providers.gpt.headers": "***",
        "providers.gpt.model": "m"}
    assert "hush" not in str(problems(path, text.replace("model: m", "api_key_env: E, headers: {a: [hush]}")))


def test_every_option_of_every_kind_has_a_place_and_a_reason_to_be_there():
    """What the reference page prints: an option without a type in words would be unreadable there."""
    for kinds in KINDS.values():
        for kind, model in kinds.items():
            for option in options(model):
                assert "typing" not in option.expected and "<class" not in option.expected, (kind, option.path)
                if option.default is REQUIRED:
                    assert option.path in ("kind", "model", "voice", "base_url", "deployment"), (kind, option.path)
