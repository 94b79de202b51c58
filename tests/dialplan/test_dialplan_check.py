"""``trunkline dialplan check`` from the outside: what it prints, exit codes, waivers, profiles, real configurations."""

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cli.main import main
from engine.dialplan.reader import read
from engine.dialplan.rules import RULES, Finding, all_rules, check
from engine.dialplan.rules.page import page
from engine.dialplan.rules.tables import ENGINE_VARIABLES
from engine.dialplan.source import DialplanError

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = Path(__file__).parent / "samples"
UNANCHORED = '<condition field="destination_number" expression="100">\n<action application="answer"/>\n</condition>\n'


def fragment(body: str) -> str:
    return f'<include>\n<context name="default">\n{body}</context>\n</include>\n'


def extension(name: str, before: str = "") -> str:
    return f'{before}<extension name="{name}">\n{UNANCHORED}</extension>\n'


def findings(folder: Path, text: str, *profiles: str) -> list[str]:
    """Rule and line of what is found in a file of this text."""
    path = folder / "dialplan.xml"
    path.write_text(text, encoding="utf-8")
    return [f"{one.rule.id} {one.place.line}" for one in check(read(path, placeholders=True), profiles)]


# -- what is printed --


def test_text_shows_the_line_with_a_caret_under_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An engineer has to see what is meant without opening the file; tabs must not move the caret."""
    path = tmp_path / "dialplan.xml"
    path.write_text(fragment(extension("desk").replace("<condition", "\t<condition")), encoding="utf-8")
    assert main(["dialplan", "check", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"\S+dialplan\.xml:4:\d+ FS015 warning ", lines[0])
    assert lines[1].index('100"') == lines[2].index("^")
    assert lines[3].startswith("    mend: ")
    assert lines[-1] == "1 file: 0 errors, 1 warning, 0 notes"


def test_output_for_programs_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets every field by itself, and the counts of what --severity hides too."""
    assert main(["dialplan", "check", str(SAMPLES / "FS016/bad.xml"), "--format", "json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["summary"] == {"error": 1, "warning": 0, "info": 0} and shown["files"] == 1
    (finding,) = shown["findings"]
    assert (finding["rule"], finding["severity"], finding["line"], finding["column"]) == ("FS016", "error", 6, 46)
    assert finding["file"].endswith("FS016/bad.xml") and "$1" in finding["source"] and finding["mend"]


def test_output_for_a_pull_request_is_one_command_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GitHub reads % and line ends as its own; commas and colons end a property."""
    path = tmp_path / "a,b.xml"
    path.write_text(fragment(extension("desk").replace('"100"', '"100%"')), encoding="utf-8")
    assert main(["dialplan", "check", str(path), "--format", "github", "--fail-on", "warning"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("::warning file=") and "a%2Cb.xml,line=4,col=" in line and "100%25" in line


def test_what_is_clean_says_nothing_to_a_pull_request(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty annotation would be shown."""
    assert main(["dialplan", "check", str(SAMPLES / "FS016/good.xml"), "--format", "github"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("arguments", "code"), [
    (["FS015/bad.xml"], 0),
    (["FS015/bad.xml", "--fail-on", "warning"], 1),
    (["FS016/bad.xml"], 1),
    (["FS016/bad.xml", "--rule", "fs015"], 0),
    (["FS015/good.xml", "FS016/bad.xml"], 1),
    (["FS999/bad.xml"], 2),
    (["FS015/bad.xml", "--rule", "FS999"], 2),
    (["FS015/bad.xml", "--profile", "telex"], 2),
    (["FS015/bad.xml", "--env", "NAME"], 2),
])
def test_exit_codes(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """0 clean enough, 1 not, 2 the question is wrong: a CI job has to tell them apart."""
    paths = [str(SAMPLES / word) if word.endswith(".xml") else word for word in arguments]
    assert main(["dialplan", "check", *paths]) == code
    assert (capsys.readouterr().err != "") == (code == 2)


def test_explain_tells_a_rule_and_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The number in a finding must lead to why it matters."""
    assert main(["dialplan", "explain", "fs037"]) == 0
    assert "toll fraud" in capsys.readouterr().out
    assert main(["dialplan", "explain"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(RULES)
    assert main(["dialplan", "explain", "FS999"]) == 2


def test_the_page_of_the_rules_is_that_of_the_rules() -> None:
    """Made again by: python -m engine.dialplan.rules.page > docs/engineer/dialplan-rules.md"""
    assert (ROOT / "docs/engineer/dialplan-rules.md").read_text(encoding="utf-8") == page()


def test_the_variables_of_the_engine_are_known() -> None:
    """A channel variable the engine begins to read, and the table does not have, would be called a misspelling."""
    elsewhere = ("web", "dialplan", "store")
    extensions = {"trunkline_failover"}
    folder = ROOT / "engine"
    named = {name for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in elsewhere
             for name in re.findall(r'"(trunkline_[a-z_]+)"', path.read_text(encoding="utf-8"))}
    assert named - extensions <= ENGINE_VARIABLES


def test_rules_are_numbered_without_gaps_and_say_what_to_do() -> None:
    """A gap looks like a rule that was hidden; a rule without a way out is a complaint."""
    rules = all_rules()
    assert [one.id for one in rules] == [f"FS{number:03}" for number in range(1, len(rules) + 1)]
    assert all(one.title and one.why.endswith(".") and one.mend for one in rules)


# -- waivers --


def test_a_waiver_counts_for_the_element_that_follows_it_only(tmp_path: Path) -> None:
    """A waiver that reached further would hide what comes later."""
    waiver = "<!-- check: allow FS015 the old exchange dials so -->\n"
    assert findings(tmp_path, fragment(extension("a", waiver) + extension("b"))) == ["FS015 10"]


def test_a_waiver_before_the_first_element_counts_for_the_file(tmp_path: Path) -> None:
    """A generated file cannot have one for each line."""
    waiver = "<!-- check: allow FS015 generated by the exchange -->\n"
    assert findings(tmp_path, waiver + fragment(extension("a") + extension("b"))) == []


def test_a_waiver_can_name_several_rules(tmp_path: Path) -> None:
    """One reason often lets two rules pass."""
    waiver = "<!-- check: allow FS015, FS009 both are the old exchange's -->\n"
    assert findings(tmp_path, fragment(extension("a") + extension("a", waiver))) == ["FS015 4"]


def test_a_waiver_counts_for_a_directive(tmp_path: Path) -> None:
    """Directives are no elements after loading, but they are what is written."""
    directive = '<X-PRE-PROCESS cmd="exec-set" data="node=hostname"/>\n'
    waiver = "<!-- check: allow FS005 hostname is a program of the system -->\n"
    assert findings(tmp_path, f"<include>\n{waiver}{directive}{directive}</include>\n") == ["FS005 4"]


@pytest.mark.parametrize("waiver", [
    "<!-- check: allow FS015 -->",
    "<!-- check: allow FS015 - -->",
    "<!-- check: allow everything because -->",
    "<!-- check: ignore FS015 because -->",
])
def test_a_waiver_needs_a_rule_and_a_reason(waiver: str, tmp_path: Path) -> None:
    """Without a reason nobody after you can judge it; it lets nothing pass and is told."""
    assert findings(tmp_path, fragment(extension("a", f"{waiver}\n"))) == ["FS065 3", "FS015 5"]


def test_a_waiver_of_a_rule_that_is_not_broken_is_told(tmp_path: Path) -> None:
    """It would hide the next mistake in its place. With --rule, waivers of other rules are left alone."""
    waiver = "<!-- check: allow FS015,FS030,FS998 the old exchange dials so -->\n"
    assert findings(tmp_path, fragment(extension("a", waiver))) == ["FS065 3", "FS065 3"]
    configuration = read(tmp_path / "dialplan.xml")
    assert check(configuration, rules=[RULES["FS015"]]) == []


def test_other_comments_are_no_waivers(tmp_path: Path) -> None:
    """People write "check" in comments."""
    assert findings(tmp_path, fragment(extension("a", "<!-- check the number with sales -->\n"))) == ["FS015 5"]


# -- what the switch is for, and what is not known --


def severities(path: Path, *profiles: str) -> dict[str, str]:
    return {one.rule.id: one.severity for one in check(read(path, placeholders=True), profiles)}


def test_a_switch_on_the_internet_gets_errors_for_what_is_a_warning_inside() -> None:
    """ClueCon behind a firewall is untidy; on the internet it is remote code execution."""
    assert severities(SAMPLES / "FS040/bad.xml") == {"FS040": "warning"}
    assert severities(SAMPLES / "FS040/bad.xml", "public") == {"FS040": "error"}
    assert severities(SAMPLES / "FS038/bad.xml", "public") == {"FS038": "error"}
    assert severities(SAMPLES / "FS047/bad.xml", "pci") == {"FS047": "error"}


def test_a_profile_that_there_is_not_is_refused() -> None:
    """A misspelt profile would switch off what was asked for."""
    with pytest.raises(DialplanError, match="no profile 'twillio'"):
        check(read(SAMPLES / "FS040/bad.xml"), ["twillio"])


def test_what_only_the_machine_knows_is_not_taken_for_empty(tmp_path: Path) -> None:
    """A number from the environment makes no catch-all of the expression it stands in."""
    text = ('<document type="freeswitch/xml">\n<X-PRE-PROCESS cmd="env-set" data="numbers=$NUMBERS"/>\n'
            '<section name="dialplan">\n<context name="default">\n'
            + extension("a").replace('"100"', '"$${numbers}"') + extension("b").replace('"100"', '"^100$"')
            + "</context>\n</section>\n</document>\n")
    assert findings(tmp_path, text) == []


def test_a_fragment_is_not_blamed_for_what_stands_elsewhere(tmp_path: Path) -> None:
    """Variables, contexts, gateways and modules of a whole configuration are not missing in a part of it."""
    text = fragment('<extension name="a">\n<condition field="destination_number" expression="^$${desk}$">\n'
                    '<action application="db" data="insert/a/b/c"/>\n'
                    '<action application="transfer" data="1 XML away"/>\n'
                    '</condition>\n</extension>\n')
    assert findings(tmp_path, text) == []


def test_a_media_timeout_in_seconds_is_an_error(tmp_path: Path) -> None:
    """FreeSWITCH counts milliseconds: 300 ends every call in which the caller pauses."""
    text = fragment(extension("a").replace('"100"', '"^100$"').replace(
        '<action application="answer"/>', '<action application="set" data="media_timeout=300"/>'))
    assert findings(tmp_path, text) == ["FS059 5"]
    assert findings(tmp_path, text.replace("=300", "=300000")) == []


# -- real configurations --


FLOWS = ("DID_TO_AGENT", "BUSINESS_HOURS", "AFTER_HOURS_VOICEMAIL", "IVR_MENU", "LANGUAGE_MENU", "RECORDING_CONSENT",
         "QUEUE_WITH_AI", "OUTBOUND", "RESCUE", "BLUE_GREEN")
SWITCHED_ON = {
    "FREESWITCH_TWILIO": "tls", "FREESWITCH_TWILIO_CALLS_IN": "on", "FREESWITCH_EXOTEL": "tcp",
    "FREESWITCH_TRUNK": "on", "FREESWITCH_PHONES": "on", "FREESWITCH_BROWSER_CALLS": "on", "FREESWITCH_SIP_TLS": "on",
    **{f"FREESWITCH_FLOW_{flow}": "on" for flow in FLOWS},
}


@pytest.mark.parametrize(("environ", "profiles"), [
    ({}, ()), (SWITCHED_ON, ("public", "twilio", "exotel", "pci")),
    ({**SWITCHED_ON, "FREESWITCH_TWILIO": "udp", "FREESWITCH_EXOTEL": "tls"}, ("public", "twilio", "exotel", "pci")),
], ids=["as shipped", "all on", "all on, other transports"])
def test_our_own_configuration_is_clean(environ: dict[str, str], profiles: tuple[str, ...]) -> None:
    """What we ship must stand its own check, whatever is switched on."""
    every: list[Finding] = check(read(ROOT / "freeswitch-conf", environ, placeholders=True), profiles)
    assert [str(one) for one in every if one.severity != "info"] == []


@pytest.mark.parametrize("flow", sorted(path.name for path in (ROOT / "dialplans").iterdir() if path.is_dir()))
def test_each_call_flow_is_clean_by_itself(flow: str) -> None:
    """They are drop-ins: somebody checks one in a configuration of his own."""
    every = check(read(ROOT / "dialplans" / flow, placeholders=True))
    assert [str(one) for one in every if one.severity != "info"] == []


@pytest.mark.skipif("FREESWITCH_VANILLA" not in os.environ, reason="FREESWITCH_VANILLA names no vanilla configuration")
def test_the_vanilla_configuration_has_no_error() -> None:
    """FreeSWITCH's own example works: whoever starts from it must not be told that it fails."""
    every = check(read(Path(os.environ["FREESWITCH_VANILLA"]), placeholders=True))
    assert [str(one) for one in every if one.severity == "error"] == []
    assert every, "and yet there is something to say of it"


PIECES = st.sampled_from([
    "<include>", "</include>", '<context name="public">', "</context>", '<extension name="a">', "</extension>",
    '<condition field="destination_number" expression="^(1', '$1', '(', '[', "${", "}", '">', "</condition>", "<regex",
    '<action application="bridge" data="{sofia/gateway/twilio/', '"/>', '<action application="socket" data="', ":|:|/",
    "<!-- check: allow FS015", "-->", "<X-PRE-PROCESS cmd=", '"include" data="*"/>', "<gateway", "<profile>",
    '<param name="ping" value="', "<settings>", "9999999999999999999", "\x00", "\n", " ", "$${a}", 'wday="', 'loop="x"',
    "%{b}", "ÿ", "|" * 50,
])


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40))
def test_no_text_makes_a_rule_fail(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    """Whatever somebody is in the middle of typing, the check answers."""
    folder = tmp_path_factory.mktemp("any")
    (folder / "any.xml").write_text("".join(pieces), encoding="utf-8")
    for one in check(read(folder / "any.xml", placeholders=True), ["public", "twilio", "exotel", "pci"]):
        assert one.place.line >= 1 and one.place.column >= 1 and one.message and one.mend
