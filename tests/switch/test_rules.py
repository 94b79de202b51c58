"""Rules of ``trunkline dialplan check`` against a real FreeSWITCH: what a rule says happens to calls, happens.

One configuration breaks each of these rules once. The check has to find it, and FreeSWITCH has to do what the rule
warns of: refuse, pass over, or hang up, as its log tells.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from switchboard import ROOT, FreeSwitch, find_freeswitch, wait_for

from engine.dialplan.reader import read
from engine.dialplan.rules import check, tables

pytestmark = pytest.mark.switch

GATEWAYS = """<include>
  <gateway name="bad name">
    <param name="proxy" value="127.0.0.1"/>
    <param name="register" value="false"/>
  </gateway>
  <gateway name="pinged">
    <param name="proxy" value="127.0.0.1"/>
    <param name="register" value="false"/>
    <param name="ping" value="3"/>
  </gateway>
  <gateway name="nobody">
    <param name="proxy" value="127.0.0.1"/>
  </gateway>
  <gateway name="nowhere">
    <param name="register" value="false"/>
  </gateway>
  <gateway name="plain">
    <param name="proxy" value="127.0.0.1:9"/>
    <param name="register" value="false"/>
  </gateway>
  <gateway name="secured">
    <param name="proxy" value="127.0.0.1"/>
    <param name="register" value="false"/>
    <param name="register-transport" value="tls"/>
  </gateway>
</include>
"""


class RuledSwitch(FreeSwitch):
    """FreeSWITCH with a copy of the shipped configuration and the mistakes added to it."""

    def __init__(self, folder: Path) -> None:
        self.conf = folder / "conf/freeswitch-conf"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "freeswitch-conf", self.conf)
        shutil.copytree(ROOT / "dialplans", folder / "conf/dialplans")
        shutil.copy(Path(__file__).with_name("ruled.xml"), self.conf / "dialplan/zz_ruled.xml")
        (self.conf / "sip_profiles/external/zz_ruled.xml").write_text(GATEWAYS, encoding="utf-8")
        super().__init__(find_freeswitch(), folder, 9)
        self._command[self._command.index("-conf") + 1] = str(self.conf)
        self.rules = {one.rule.id for one in check(read(self.conf, self._env, placeholders=True))
                      if one.place.file.name == "zz_ruled.xml"}

    def call(self, number: str, context: str = "ruled") -> str:
        """What is logged of a call to this number on a channel without media."""
        before = len(self.log())
        answer = self.api(f"originate null/r{number} {number} XML {context}")
        assert answer.startswith("+OK"), answer
        wait_for(lambda: re.search(rf"Hangup null/r{number} ", self.log()[before:]), 15, f"the end of {number}")
        return self.log()[before:]


@pytest.fixture(scope="module")
def ruled(folder: Path) -> Iterator[RuledSwitch]:
    switch = RuledSwitch(folder / "ruled")
    try:
        switch.start()
        assert re.search(r"\+OK|already loaded", switch.api("load mod_loopback"), re.IGNORECASE)
        switch.api("fsctl sps 1000")  # Calls of tests come faster than calls of people.
        yield switch
    finally:
        switch.stop()


@pytest.mark.parametrize(("rule", "said"), [
    ("FS043", r"Ignoring invalid name 'bad name'"),
    ("FS055", r"ERROR: invalid ping!"),
    ("FS056", r"ERROR: username param is REQUIRED!"),
    ("FS042", r"ERROR: unsupported transport"),
])
def test_what_freeswitch_says_of_gateways_at_its_start(ruled: RuledSwitch, rule: str, said: str) -> None:
    """Four gateways, none of which works: the check says so before the switch is started."""
    assert rule in ruled.rules
    wait_for(lambda: re.search(said, ruled.log()), 5, said)


@pytest.mark.parametrize(("rule", "variable", "value"), [
    ("FS003", "set_in_a_comment", "yes"),
    ("FS048", "on_the_line_of_include", "-ERR no reply"),
    ("FS049", "in_single_quotes", "-ERR no reply"),
])
def test_what_directives_do(ruled: RuledSwitch, rule: str, variable: str, value: str) -> None:
    """One in a comment works, one beside an <include> and one in single quotes do not."""
    assert rule in ruled.rules
    assert ruled.api(f"global_getvar {variable}") == value


REACHED = r"EXECUTE \[depth=0\] null/r\d+ log\(INFO reached\)"
MATCHED = r"EXECUTE \[depth=0\] null/r\d+ log\(INFO matched\)"


@pytest.mark.parametrize(("rule", "number", "seen", "unseen"), [
    ("FS014", "701", r"COMPILE ERROR", None),
    ("FS020", "702", r"Invalid Application anser", None),
    ("FS020", "702", r"Hangup null/r702 .*\[DESTINATION_OUT_OF_ORDER\]", None),
    ("FS072", "703", r"This application cannot be executed inline", None),
    ("FS072", "703", REACHED, r"null/r703 Standard ANSWER"),
    ("FS074", "704", REACHED, r"log\(INFO looped\)"),
    ("FS016", "705", r"EXECUTE \[depth=0\] null/r705 log\(INFO got \[\$1\]\)", None),
    ("FS013", "706", r"Regex \(FAIL\) \[FS013\] destination\(\) =~ /\^706\$/", MATCHED),
    ("FS018", "707", r"Regex \(FAIL\) \[FS018\] \$\{set_late\}\(\) =~ /\^yes\$/", MATCHED),
    ("FS012", "708", r"Regex \(PASS\) \[FS012\] .* break=on-false", None),
    ("FS068", "709", r"Date/TimeMatch \(FAIL\) \[FS068\]", MATCHED),
    ("FS070", "710", r"parsing \[ruled->FS070\]", REACHED),
    ("FS073", "711", r"\[ringback\]=\[UNDEF\]", None),
    ("FS071", "712", r"Hangup null/r712 .*\[DESTINATION_OUT_OF_ORDER\]", REACHED),
    ("FS021", "713", r"Context away not found", None),
    ("FS023", "714", r"EXECUTE \[depth=0\] null/r714 hangup", REACHED),
    ("FS022", "715", r"Hangup null/r715 .*\[EXCHANGE_ROUTING_ERROR\]", None),
    ("FS011", "720", r"parsing \[ruled->FS011\]", r"\[FS011\]"),
    ("FS075", "718", r"SET null/r718 \[kept\]=\[UNDEF\]", None),
    ("FS019", "716", r"EXECUTE \[depth=0\] null/r716 log\(INFO the last one\)", REACHED),
])
def test_what_calls_get(ruled: RuledSwitch, rule: str, number: str, seen: str, unseen: str | None) -> None:
    """Each of these loads without a word, and does something else than it says."""
    assert rule in ruled.rules
    log = ruled.call(number, "circle" if rule == "FS022" else "ruled")
    assert re.search(seen, log), log
    assert unseen is None or not re.search(unseen, log), log


@pytest.mark.parametrize(("rule", "command", "answer"), [
    ("FS024", "originate sofia/gateway/nobodys/100 &park", r"-ERR INVALID_GATEWAY"),
    ("FS053", "originate sofia/gateway/plain/100;transport=tcp &park", r"-ERR DESTINATION_OUT_OF_ORDER"),
    ("FS067", "originate {originate_timeout=2 sofia/gateway/plain/100 &park", r"-ERR DESTINATION_OUT_OF_ORDER"),
    ("FS054", "sofia status gateway nowhere", r"Proxy\s+sip:nowhere\b"),
])
def test_what_dialling_gets(ruled: RuledSwitch, rule: str, command: str, answer: str) -> None:
    """Dial strings of the dialplan, dialled by hand."""
    assert rule in ruled.rules
    assert re.search(answer, ruled.api(command))


def test_a_second_context_is_dead(ruled: RuledSwitch) -> None:
    """Its extension is not even tried."""
    assert "FS008" in ruled.rules
    before = len(ruled.log())
    uuid = ruled.api("originate null/r717 717 XML public").split()[1]
    wait_for(lambda: "->717 in context public" in ruled.log()[before:], 10, "the hunt of 717")
    ruled.api(f"uuid_kill {uuid}")
    wait_for(lambda: "Hangup null/r717 " in ruled.log()[before:], 15, "the end of 717")
    assert "FS008" not in ruled.log()[before:]


def test_the_table_of_names_is_that_of_freeswitch(ruled: RuledSwitch) -> None:
    """Every application this FreeSWITCH has is known to the rules, with its module."""
    applications = {row["name"]: row["ikey"] for row in json.loads(ruled.api("show application as json"))["rows"]}
    assert len(applications) > 100
    known = {name: tables.application(name) for name in applications}
    assert [name for name, found in known.items() if found is None] == []
    # The core's own are said to be of CORE_..._MODULE.
    assert [name for name, found in known.items() if found and found[0] and found[0] != applications[name]] == []
