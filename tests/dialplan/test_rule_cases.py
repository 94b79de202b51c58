"""What the rules must find beside their samples, and what they must leave alone: cases that engineers meet."""

from pathlib import Path

import pytest

from engine.dialplan.reader import read
from engine.dialplan.rules import check


def found(folder: Path, text: str, *profiles: str) -> set[str]:
    """The rules that a configuration of this text breaks, notes apart."""
    path = folder / "case.xml"
    path.write_text(text, encoding="utf-8")
    return {one.rule.id for one in check(read(path, placeholders=True), profiles) if one.severity != "info"}


def condition(attributes: str, *actions: str) -> str:
    """A context with one extension of one condition."""
    body = "\n".join(f"<{action}/>" for action in actions or ['action application="answer"'])
    return (f'<include>\n<context name="default">\n<extension name="a">\n<condition {attributes}>\n{body}\n'
            "</condition>\n</extension>\n</context>\n</include>\n")


def number(expression: str) -> str:
    return f'field="destination_number" expression="{expression}"'


@pytest.mark.parametrize("expression", [
    "^100$", "^(100|200)$", "^100$|^200$", r"^\+?(91\d{10}|1\d{10})$", "^9(.*)$", "^9(.*)", "^00", r"^\+49", ".*", "",
    "^((?!6000)60\\d{2})$", "/^100$/i", "_1XX", "^$${numbers}$", "$${numbers}", "(?i)^desk$", "^[*]8$", r"^\*\*(\d+)$",
])
def test_expressions_that_say_what_they_mean(expression: str, tmp_path: Path) -> None:
    """Anchored, a prefix, everything, or known only where FreeSWITCH runs: none is a mistake."""
    assert found(tmp_path, condition(number(expression))) == set()


@pytest.mark.parametrize(("expression", "rule"), [
    ("100", "FS015"), ("^100|200$", "FS015"), ("100$", "FS015"), ("^(1|2)00", "FS015"), ("(100)", "FS015"),
    (r"^100\$", "FS015"), ("^1.2$", "FS017"), ("^91+80$", "FS017"), ("+91", "FS014"), ("^(1", "FS014"),
    ("^[1", "FS014"), ("^1)$", "FS014"), ("/^100$", "FS014"), ("^(?&lt;a>1", "FS014"),
])
def test_expressions_that_do_not(expression: str, rule: str, tmp_path: Path) -> None:
    """Each of them was written by somebody who meant something else."""
    assert found(tmp_path, condition(number(expression))) == {rule}


@pytest.mark.parametrize("text", [
    condition(number(r"^(?<rest>\d+)$"), 'action application="transfer" data="$1 XML default"'),
    condition(number(r"^(1)(2)$"), 'action application="set" data="a=$2$1"'),
    condition(number("^1$"), 'action application="set" data="a=${regex(${b}|^(.)$|%1)}"'),
    condition(number("^1$"), 'action application="set" data="price=5$"'),
    condition(number("^(${prefix})1$"), 'action application="set" data="a=$3"'),
    condition('regex="all"', 'regex field="destination_number" expression="^(1)$"',
              'action application="set" data="a=$1"'),
])
def test_groups_that_are_there(text: str, tmp_path: Path) -> None:
    """Named groups count; %1 is of ${regex()}; what a variable may bring is not known."""
    assert "FS016" not in found(tmp_path, text)


@pytest.mark.parametrize("text", [
    condition(number("^(1)$"), 'action application="bridge" data="user/$2"'),
    condition("", 'action application="transfer" data="$1 XML default"'),
    condition(number("^(1)$"), 'anti-action application="set" data="a=$1"'),
])
def test_groups_that_are_not(text: str, tmp_path: Path) -> None:
    """Beyond the last one, without an expression, and where nothing matched."""
    assert "FS016" in found(tmp_path, text)


PUBLIC = condition(number(r"^(\d+)$"), 'action application="bridge" data="sofia/gateway/t/$1"').replace(
    "default", "public")


@pytest.mark.parametrize("text", [
    PUBLIC,
    PUBLIC.replace("$1", "${destination_number}"),
    PUBLIC.replace("$1", "${sip_req_user}"),
    PUBLIC.replace("$1", "+$1").replace("sofia/gateway", "{originate_timeout=20}sofia/gateway"),
    PUBLIC.replace(number(r"^(\d+)$"), 'field="${sip_h_X-To}" expression="^(.+)$"'),
    PUBLIC.replace('bridge" data="sofia/gateway/t/$1', 'eavesdrop" data="${uuid}'),
    PUBLIC.replace(r"^(\d+)$", r"^(\d{7,15})$"),
])
def test_strangers_can_dial_out(text: str, tmp_path: Path) -> None:
    """However the number they choose gets into the dial string."""
    assert "FS037" in found(tmp_path, text)


@pytest.mark.parametrize("text", [
    PUBLIC.replace("public", "inside"),
    PUBLIC.replace(r"^(\d+)$", "^(10[01][0-9])$"),
    PUBLIC.replace("sofia/gateway/t/$1", "sofia/gateway/t/+493012345"),
    PUBLIC.replace("sofia/gateway/t/$1", "{sip_h_X-Did=$1}sofia/gateway/t/+493012345"),
    PUBLIC.replace("sofia/gateway/t/$1", "${trunkline_failover_to}"),
    PUBLIC.replace("<condition ", '<condition field="${sip_authorized}" expression="^true$"/>\n<condition '),
    PUBLIC.replace("<condition ", '<condition field="network_addr" expression="^10\\.0\\.0\\.5$"/>\n<condition '),
])
def test_strangers_cannot_dial_out(text: str, tmp_path: Path) -> None:
    """A context of the house, few digits, a number that is written here, or somebody who is known."""
    assert "FS037" not in found(tmp_path, text)


@pytest.mark.parametrize(("data", "found_one"), [
    ("/bin/pop ${caller_id_name}", True), ("/bin/pop ${sip_h_X-Name}", True), ("/bin/pop ${uuid}", False),
    ("/bin/pop $1", False), ("/bin/pop", False),
])
def test_commands_with_what_a_caller_writes(data: str, found_one: bool, tmp_path: Path) -> None:
    """A group of digits is no text of the caller's choice; a name is."""
    text = condition(number(r"^8(\d{3})$"), f'action application="system" data="{data}"')
    assert ("FS030" in found(tmp_path, text)) == found_one
    text = condition(number(r"^8(\d{3})$"), f'action application="set" data="a=${{system({data})}}"')
    assert ("FS030" in found(tmp_path, text)) == found_one


def test_a_group_of_any_text_in_a_command(tmp_path: Path) -> None:
    """SIP lets a caller dial any characters."""
    assert "FS030" in found(tmp_path, condition(number("^8(.*)$"), 'action application="system" data="/bin/pop $1"'))


@pytest.mark.parametrize("times", ['wday="mon-fri"', 'wday="2-6"', 'wday="1,7"', 'hour="22-5"', 'mday="1-7" mon="9"',
                                   'minute-of-day="540-1080"', 'time-of-day="09:00-18:00"', 'wday="$${days}"'])
def test_times_that_come(times: str, tmp_path: Path) -> None:
    """Days have names, ranges go round midnight."""
    assert found(tmp_path, condition(times)) == set()


@pytest.mark.parametrize("times", ['wday="0-6"', 'wday="8"', 'wday="holiday"', 'hour="24"', 'mon="0"', 'mday="32"'])
def test_times_that_never_come(times: str, tmp_path: Path) -> None:
    """Sunday is 1, midnight is 0."""
    assert found(tmp_path, condition(times)) == {"FS068"}


ENGINE = ('action application="sched_transfer" data="+5 rescue XML default"',
          'action application="socket" data="127.0.0.1:8084 async full"', 'action application="sched_cancel"',
          'action application="hangup"')


def test_the_extension_that_is_recommended_is_clean(tmp_path: Path) -> None:
    """The one of the documentation."""
    assert found(tmp_path, condition(number("^1$"), *ENGINE)) == set()


@pytest.mark.parametrize(("place", "instead", "rule"), [
    (0, 'action application="set" data="park_timeout=20"', "FS033"),
    (0, 'action application="log" data="INFO call"', "FS033"),
    (1, 'action application="socket" data="127.0.0.1:8084 full"', "FS031"),
    (1, 'action application="socket" data="8.8.8.8 async full"', "FS034"),
    (1, 'action application="socket" data="10.0.0.1:8084|127.0.0.1:8021 async full"', "FS035"),
    (2, 'action application="answer"', "FS050"),
])
def test_what_goes_wrong_around_the_engine(place: int, instead: str, rule: str, tmp_path: Path) -> None:
    """Each of these leaves callers in silence, or the engine without a call."""
    actions = list(ENGINE)
    actions[place] = instead
    assert rule in found(tmp_path, condition(number("^1$"), *actions))


def test_the_host_of_the_engine_may_be_known_in_a_call_only(tmp_path: Path) -> None:
    """${distributor()} chooses among engines."""
    actions = list(ENGINE)
    actions[1] = 'action application="socket" data="${distributor(engines)}:8084 async full"'
    assert found(tmp_path, condition(number("^1$"), *actions)) == set()
