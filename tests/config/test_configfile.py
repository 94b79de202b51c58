"""Reading the configuration: what is accepted, and what the error says when it is not."""

from pathlib import Path

import pytest

from engine.config import Config
from engine.configfile import ConfigError, differences, load
from engine.configpage import reference
from engine.configtree import OPTIONS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "trunkline.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def problems(path: Path | None, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    return [str(problem).replace(str(path), "F") for problem in caught.value.problems]


def test_no_file_and_no_environment_are_the_defaults():
    assert load(None, {"PATH": "/bin", "TRUNKLINE_HOME": "/tmp"}) == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "turns:\n", "turns:\n  # endpoint_min_ms: 3\n", "{}", "---\n"])
def test_a_file_that_says_nothing_is_the_defaults(write, text):
    """Operators comment everything out to try; that must not be an error."""
    assert load(write(text), {}) == Config()


def test_the_file_wins_over_defaults_and_the_environment_over_the_file(write):
    path = write("turns: {endpoint_min_ms: 400, endpoint_max_ms: 2000}\ndrain_s: 5\n")
    config = load(path, {"TRUNKLINE_TURNS__ENDPOINT_MIN_MS": "350", "TRUNKLINE_HTTP__PORT": "0"})
    assert (config.turns.endpoint_min_ms, config.turns.endpoint_max_ms) == (350, 2000)
    assert (config.drain_s, config.http.port) == (5.0, 0)
    assert config.media == Config().media


def test_values_are_read_by_the_type_of_the_option(write):
    """YAML 1.1 would make ``no`` false, ``0123`` 83 and ``1:30`` 90: an operator's word must stay what was written."""
    path = write("turns: {stop_words: [no, yes, 1], barge_in: off}\nswitch: {password: 0123, host: 1:30}\ndrain_s: 1e1")
    config = load(path, {})
    assert config.turns.stop_words == ("no", "yes", "1")
    assert config.turns.barge_in is False
    assert (config.switch.password, config.switch.host, config.drain_s) == ("0123", "1:30", 10.0)


def test_lists_in_the_environment_are_separated_by_commas():
    config = load(None, {"TRUNKLINE_TURNS__STOP_WORDS": "stop, hold on ,no", "TRUNKLINE_TURNS__BACKCHANNELS": ""})
    assert config.turns.stop_words == ("stop", "hold on", "no")
    assert config.turns.backchannels == ()


def test_all_problems_are_told_at_once_each_with_its_place(write):
    """Whoever fixes a file at night does not want to learn of its faults one start at a time."""
    path = write("""turns:
  endpoint_min: 400
  endpoint_max_ms: 3s
  barge_in: maybe
media:
  frame_ms: 5
  idle: slience
endpoint_min_ms: 4
trns: {}
switch: [1]
""")
    environ = {"TRUNKLINE_MEDIA__PORT": "abc", "TRUNKLINE_SWITCH__PASWORD": "x", "TRUNKLINE_TURNS": "1"}
    assert problems(path, environ) == [
        "F:2:3: turns.endpoint_min: no such option; did you mean turns.endpoint_min_ms?",
        "F:3:20: turns.endpoint_max_ms: expected a whole number of milliseconds, at least 100 (the number alone), "
        "not '3s'",
        "F:4:13: turns.barge_in: expected true or false, not 'maybe'",
        "F:6:13: media.frame_ms: expected a whole number of milliseconds, from 10 to 60, not 5",
        "F:7:9: media.idle: expected one of silence, none, not 'slience'",
        "F:8:1: endpoint_min_ms: no such option; did you mean turns.endpoint_min_ms?",
        "F:9:1: trns: no such option; did you mean turns?",
        "F:10:9: switch: expected a group of options (name: value), not a list",
        "environment TRUNKLINE_MEDIA__PORT: media.port: expected a whole number, from 0 to 65535, not 'abc'",
        "environment TRUNKLINE_SWITCH__PASWORD: switch.pasword: no such option; did you mean "
        "TRUNKLINE_SWITCH__PASSWORD?",
        "environment TRUNKLINE_TURNS: turns is a group; name an option: TRUNKLINE_TURNS__NAME",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http: {port: 1, port: 2}", "F:1:17: http.port: given twice, first at F:1:8"),
        ("http: {port: 1}\nhttp: {port: 2}", "F:2:1: http: given twice, first at F:1:1"),
        ("http: {port: }", "F:1:13: http.port: expected a whole number, from 0 to 65535, not empty"),
        ('http: {port: "80"}', "F:1:14: http.port: expected a whole number, from 0 to 65535, without quotes, not '80'"),
        ("http: {port: 80.5}", "F:1:14: http.port: expected a whole number, from 0 to 65535, not '80.5'"),
        ("http: {port: [80]}", "F:1:14: http.port: expected a whole number, from 0 to 65535, not a list"),
        ("http: {host: }", 'F:1:13: http.host: expected text (write "" for an empty text), not empty'),
        ("http: {host: !env X}", "F:1:14: http.host: expected text (tags are not supported), not 'X'"),
        ("drain_s: .nan", "F:1:10: drain_s: expected a number of seconds, at least 0, not '.nan'"),
        ("drain_s: 1e999", "F:1:10: drain_s: expected a number of seconds, at least 0, not '1e999'"),
        ("turns: {stop_words: no}", "F:1:21: turns.stop_words: expected a list of texts, written [one, two], not 'no'"),
        ("turns: {stop_words: [[no]]}", "F:1:21: turns.stop_words: expected a list of texts, not a list"),
        ("- a", "F:1:1: the file: expected a group of options (name: value), not a list"),
        ("hello", "F:1:1: the file: expected a group of options (name: value), not 'hello'"),
        ("? [a]\n: 1", "F:1:3: ?: no such option; groups are "),
        ("turns: {&a [*a]: 1}", "F:1:9: turns.?: no such option"),
        ("vad: {threshold: 1}", "F:1:18: vad.threshold: expected a number, above 0 and below 1, not 1.0"),
        ("turns:\n\tendpoint_min_ms: 1", "F:2:1: not YAML: while scanning for the next token found character"),
        ("a: 1\n---\nb: 2", "F:2:1: not YAML: expected a single document in the stream but found another document"),
        (b"a: \xff", "F: not YAML: unacceptable character"),
        ("[" * 5000, "F: is nested too deeply"),
        ("# " + "x" * (1 << 20), "F: larger than 1048576 bytes: no configuration"),
    ],
)
def test_a_fault_names_its_place_and_what_was_expected(write, text, expected):
    assert problems(write(text))[0].startswith(expected)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert problems(tmp_path / "none.yaml") == ["F: cannot be read: No such file or directory"]
    assert problems(tmp_path) == ["F: cannot be read: Is a directory"]


def test_a_limit_broken_by_the_environment_names_the_variable():
    assert problems(None, {"TRUNKLINE_DRAIN_S": "-1"}) == [
        "environment TRUNKLINE_DRAIN_S: drain_s: expected a number of seconds, at least 0, not -1.0"
    ]


def test_secrets_are_never_shown(write):
    """Errors and logs are pasted into tickets."""
    assert "hush" not in " ".join(problems(write("switch: {password: [hush]}")))
    config = load(write("switch: {password: hush, host: fs}"), {})
    assert differences(config) == {"switch.host": "fs", "switch.password": "***"}


def test_differences_are_what_is_not_default():
    assert differences(Config()) == {}
    config = load(None, {"TRUNKLINE_TURNS__STOP_WORDS": "halt", "TRUNKLINE_DRAIN_S": "60.0"})
    assert differences(config) == {"turns.stop_words": ["halt"]}


def test_every_option_can_be_set_by_its_variable():
    """A type that the reader does not know would only be found by the operator who needs it."""
    for option in OPTIONS.values():
        value = option.default
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        assert load(None, {option.variable: text}) == Config(), option.path


def test_the_committed_reference_page_is_current():
    """Made by ``python -m engine.configpage > docs/operator/configuration.md``."""
    assert (ROOT / "docs/operator/configuration.md").read_text() == reference()
