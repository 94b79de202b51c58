"""``trunkline dialplan trace`` from the command line."""

import json

import pytest

from engine.cli.main import main

DIALPLAN = """<document>
<X-PRE-PROCESS cmd="set" data="prefix=^1"/>
<section name="dialplan">
<context name="public">
<extension name="open" continue="true">
<condition wday="2-6" time-of-day="09:00-18:00"><action application="set" data="open=yes" inline="true"/></condition>
</extension>
<extension name="did">
<condition field="destination_number" expression="$${prefix}(\\d+)$">
<action application="bridge" data="user/$1@${domain}"/>
<action application="set" data="x=${db(select/a/b)}"/>
<action application="transfer" data="9 XML public"/>
</condition>
</extension>
<extension name="tenant">
<condition field="${sip_h_X-Tenant}" expression="^(a.*)$"><action application="answer"/></condition>
</extension>
</context>
</section>
</document>
"""


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "freeswitch.xml").write_text(DIALPLAN)
    return tmp_path


def trace(conf, *words: str) -> int:
    return main(["dialplan", "trace", *words, "--conf", str(conf)])


def test_every_condition_is_shown_with_its_place_and_captures(conf, capsys):
    """What an engineer reads in the debug log of a call today, without the call."""
    assert trace(conf, "123", "--time", "2026-11-21T10:00") == 0
    out = capsys.readouterr().out
    assert f"FAIL date and time    {conf}/freeswitch.xml:6:1" in out
    assert f"PASS destination_number (123) =~ /^1(\\d+)$/    {conf}/freeswitch.xml:9:1" in out
    assert "$1=23" in out
    assert f" 1 bridge(user/23@${{domain}})    {conf}/freeswitch.xml:10:1" in out


def test_the_time_can_be_given(conf, capsys):
    """Business hours are tested at the desk, not at night."""
    trace(conf, "123", "--time", "2026-11-20T10:00")
    out = capsys.readouterr().out
    assert "PASS date and time" in out and "action inline set(open=yes)    open=yes" in out


@pytest.mark.parametrize(("zone", "when", "verdict"), [
    ("Europe/Berlin", "2026-07-01T12:00", "PASS"), ("Europe/Berlin", "2026-12-01T12:00", "FAIL"),
    ("Asia/Kolkata", "2026-07-01T12:00", "FAIL"), ("No/Where", "2026-07-01T12:00", "FAIL"),
])
def test_summer_time_is_that_of_the_machine(tmp_path, capsys, monkeypatch, zone, when, verdict):
    """``dst`` asks the clock of the machine, as FreeSWITCH does; TZ says which that is."""
    monkeypatch.setenv("TZ", zone)
    (tmp_path / "drop.xml").write_text('<extension name="x">\n<condition dst="true"/>\n</extension>')
    trace(tmp_path / "drop.xml", "1", "--time", when)
    assert f"{verdict} date and time" in capsys.readouterr().out


def test_variables_and_no_route(conf, capsys):
    """Exit 1 says that nothing matched; what was read and not given is named."""
    assert trace(conf, "999") == 1
    assert "read, and not given by --var: sip_h_X-Tenant" in capsys.readouterr().out
    assert trace(conf, "999", "--var", "sip_h_X-Tenant=acme") == 0
    assert "1 answer()" in capsys.readouterr().out


def test_a_call_can_be_followed(conf, capsys):
    """Variables are put in and the transfer is taken; an api call is answered as it is given, or said not to be."""
    assert trace(conf, "123", "--follow", "--var", "domain=d.example", "--api", "db(select/a/b)=v") == 1
    out = capsys.readouterr().out
    assert "run bridge(user/23@d.example)" in out and "run set(x=v)" in out
    assert "9 in context public" in out and "no route" in out
    trace(conf, "123", "--follow")
    assert "--api 'db(select/a/b)=VALUE'" in capsys.readouterr().out


def test_json_and_log(conf, capsys):
    """For scripts, and for a diff with FreeSWITCH's own log."""
    trace(conf, "123", "--json")
    data = json.loads(capsys.readouterr().out)
    assert data["entries"][0]["actions"][0]["data"] == "user/23@${domain}"
    assert [step["kind"] for step in data["entries"][0]["steps"]][:2] == ["extension", "time"]
    trace(conf, "123", "--log")
    assert "Dialplan: trace Regex (PASS) [did] destination_number(123) =~ /^1(\\d+)$/ break=on-false" in (
        capsys.readouterr().out.splitlines())


def test_an_unknown_context_and_a_broken_file_are_said(conf, capsys):
    """The two ways in which a trace can lie: nothing there, or FreeSWITCH would not load it."""
    assert trace(conf, "1", "--context", "nowhere") == 1
    assert "no context nowhere" in capsys.readouterr().out
    (conf / "freeswitch.xml").write_text(DIALPLAN.replace("</extension>", "", 1))
    trace(conf, "123")
    assert "FreeSWITCH would not load it as it stands" in capsys.readouterr().out


def test_a_fragment_says_which_globals_it_lacks(tmp_path, capsys):
    """Read alone it has no vars.xml; an empty expression matches everything, which must not go unsaid."""
    (tmp_path / "drop.xml").write_text('<extension name="x">\n<condition field="destination_number" '
                                       'expression="$${numbers}"/>\n</extension>')
    trace(tmp_path / "drop.xml", "1")
    assert "$${numbers}" in capsys.readouterr().out
    trace(tmp_path / "drop.xml", "1", "--global", "numbers=^2")
    out = capsys.readouterr().out
    assert "FAIL destination_number (1) =~ /^2/" in out and "$${numbers}" not in out


@pytest.mark.parametrize(("words", "message"), [
    (["1", "--var", "novalue"], "write NAME=VALUE"), (["1", "--time", "soon"], "write it as 2026-01-31"),
    (["1", "--api", "db(a=b)"], "write NAME=VALUE"),
])
def test_questions_that_cannot_be_asked(conf, capsys, words, message):
    """One line that says what to write, exit 2."""
    assert trace(conf, *words) == 2
    assert message in capsys.readouterr().err


def test_no_configuration(tmp_path, capsys):
    """Say which path, and what it should be."""
    assert trace(tmp_path / "missing", "1") == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_our_own_numbers_reach_the_engine(capsys):
    """The shipped dialplan sends a number to the engine, and knows what to do when it is away."""
    main(["dialplan", "trace", "919876543210", "--conf", "freeswitch-conf", "--follow", "--json"])
    ran = json.loads(capsys.readouterr().out)["entries"]
    assert any(one.get("executed") == "socket" and "async full" in one["data"] for one in ran)
