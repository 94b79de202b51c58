"""freeswitch-conf/ and dialplans/ as files: every setting is defined, can come from the environment, is described."""

import re
from pathlib import Path

import pytest

from engine.dialplan.reader import read
from engine.dialplan.rules import check

ROOT = Path(__file__).parents[2]
CONF, FLOWS = ROOT / "freeswitch-conf", ROOT / "dialplans"
CORE = {"conf_dir", "log_dir", "certs_dir", "recordings_dir"}
"""Variables that FreeSWITCH itself sets."""

VARS = (CONF / "vars.xml").read_text()
SETTINGS = dict(re.findall(r'cmd="set" data="(\w+)=([^"]*)"', VARS))
FILES = [path for folder in (CONF, FLOWS) for path in sorted(folder.rglob("*.xml"))]
FOLDERS = sorted(path.parent for path in FLOWS.glob("*/on.xml"))


def test_every_setting_can_come_from_the_environment():
    """Its name in capitals after FREESWITCH_, at once after its default: so that secrets stay out of the file."""
    assert len(SETTINGS) > 90
    lines = [line.strip() for line in VARS.splitlines() if "<X-PRE-PROCESS" in line]
    for line, following in zip(lines[::2], lines[1::2], strict=True):
        name = re.search(r'cmd="set" data="(\w+)=', line)[1]
        assert following == f'<X-PRE-PROCESS cmd="env-set" data="{name}=$FREESWITCH_{name.upper()}"/>'


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_variable_is_defined(path):
    """An undefined ``$${name}`` is an empty text without an error."""
    used = set(re.findall(r"\$\$\{(\w+)\}", path.read_text()))
    assert used <= set(SETTINGS) | CORE, used - set(SETTINGS) - CORE


def test_no_setting_is_idle():
    """A line of vars.xml that nothing reads promises what does not happen. (FreeSWITCH reads media_timeout itself.)"""
    text = "".join(path.read_text() for path in FILES)
    idle = {name for name in SETTINGS if f"${{{name}}}" not in text}
    assert idle == {"media_timeout"}


def test_everything_is_off_as_shipped():
    """No profile, carrier or flow of vars.xml is on before the operator says so, and no door is open."""
    switches = ["twilio", "exotel", "trunk", "phones", "browser_calls", "sip_tls", "twilio_calls_in"]
    assert {SETTINGS[name] for name in [*switches, *(name for name in SETTINGS if name.startswith("flow_"))]} == {"off"}
    assert SETTINGS["outbound_numbers"] == "^$"
    assert SETTINGS["esl_engine_password"] == SETTINGS["phone_password"] == SETTINGS["cdr_url"] == ""
    assert SETTINGS["esl_peers"] == SETTINGS["phone_peers"] == SETTINGS["exotel_signalling"] == "255.255.255.255/32"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_flow_is_switched_on_and_described(folder):
    """Included where its variable says so, listed, and every setting that it reads stands in its README."""
    switch = f"flow_{folder.name.replace('-', '_')}"
    include = f'data="$${{dialplans_dir}}/{folder.name}/$${{{switch}}}.xml"'
    assert include in (CONF / "dialplan/public.xml").read_text() + (CONF / "dialplan/default.xml").read_text()
    assert f"({folder.name}/)" in (FLOWS / "README.md").read_text()
    readme = (folder / "README.md").read_text()
    assert f"`{switch}`" in readme
    flow = (folder / "on.xml").read_text()
    own = {name for name in re.findall(r"\$\{(\w+)\}", flow) if name in SETTINGS} - {"trunkline_watchdog_s"}
    prefixes = {name for name in own if f"`{name}`" not in readme and not named_in_a_row(name, readme)}
    assert not prefixes
    calls = "".join(tests.read_text() for tests in (ROOT / "tests/switch/flows").glob("test_*.py"))
    for test in re.findall(r"`(test_\w+)`", readme):
        assert f"def {test}(" in calls, test


def named_in_a_row(name, readme):
    """Whether a README names it as one of a row: `language_1` … `language_3`, `engine_blue_weight` …"""
    stem = re.sub(r"_(\d|blue|green)(?=_|$)", "_X", name)
    rows = {re.sub(r"_(\d|blue|green)(?=_|$)", "_X", other) for other in re.findall(r"`(\w+)`", readme)}
    return stem in rows


def test_nothing_in_public_dials_what_a_caller_chose():
    """Toll fraud: in the context of trunks a bridge goes to a setting of the operator, never to the dialled number."""
    included = re.findall(r"dialplans_dir\}/([\w-]+)/", (CONF / "dialplan/public.xml").read_text())
    files = [*FLOWS.glob("*.xml"), *(FLOWS / name / "on.xml" for name in included)]
    assert "outbound" not in included
    fields = set()
    for path in files:
        text = path.read_text()
        for bridge in re.finditer(r'application="bridge" data="([^"]*)"', text):
            assert bridge[1] == "$1", path
            fields.add(re.findall(r'<condition field="([^"]+)"', text[: bridge.start()])[-1])
    assert fields == {"${ivr_0_to}", "${rescue_to}", "${trunkline_failover_to}"}


def on(**more):
    """The environment of a switch with all flows, profiles and carriers on."""
    switches = {f"FREESWITCH_{name.upper()}": "on" for name in SETTINGS if name.startswith("flow_")}
    carriers = {"twilio": "tls", "twilio_domain": "acme.pstn.twilio.com", "twilio_calls_in": "on", "exotel": "tls",
                "exotel_account_sid": "acme", "trunk": "on", "sip_tls": "on", "sip_transport": "udp,tcp",
                "phones": "on", "browser_calls": "on", "phone_password": "9-of-the-phones-7", **more}
    return switches | {f"FREESWITCH_{name.upper()}": value for name, value in carriers.items()}


@pytest.mark.parametrize("environ", [{}, on(), on(twilio="udp", exotel="tcp")], ids=["off", "tls", "udp and tcp"])
def test_our_configuration_is_clean(environ):
    """``trunkline dialplan check`` finds nothing to complain of, whatever is switched on."""
    configuration = read(CONF, environ, placeholders=True)
    found = [(one.rule.id, one.message) for one in check(configuration) if one.severity != "info"]
    assert found == []
