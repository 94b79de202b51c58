"""``trunkline dialplan trace`` against a real FreeSWITCH: the same steps, in the same order, with the same words.

FreeSWITCH logs every condition and action of a hunt at level debug; a trace can write the same lines. Each call here is
one hunt on a channel without media that has just the variables that are given.
"""

import re
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from measured import Figures
from switchboard import ROOT, FreeSwitch, find_freeswitch, wait_for

from engine.dialplan.api import answering
from engine.dialplan.channel import FIELDS, Channel
from engine.dialplan.follow import Executed, follow
from engine.dialplan.hunt import Hunt
from engine.dialplan.noted import CORE_VARIABLES
from engine.dialplan.reader import Configuration, read

pytestmark = pytest.mark.switch

HERE = Path(__file__).parent
CALLER = "5550100"

CALLS = [
    *(("traced", number, {}) for number in (
        "10", "101", "1012", "1012x", "11", "123", "12a3", "913", "201", "202", "203", "211", "212", "221", "23", "241",
        "242", "25", "26", "275", "301", "302", "9999")),
    *(("combined", number, {}) for number in ("301", "302", "302z", "309", "310", "3245", "3145", "331", "339", "91",
                                              "345", "350", "351", "352", "36", "37", "38")),
    ("combined", "317", {"want": "^31"}),
    ("combined", "303", {"caller_id_number": "303"}),
    *(("nested", number, {}) for number in ("401", "402", "411", "412", "421", "422", "4301", "4309")),
    ("nested", "401", {"deep": "yes"}),
    ("timed", "50", {}),
    ("timed", "50", {"tod_tz_offset": "5"}),
    ("timed", "50", {"tod_tz_offset": "-11"}),
    ("timed", "50", {"tod_tz_offset": "x"}),
    ("timed", "51", {}),
    ("timed", "510", {}),
    *(("odd", number, {}) for number in ("60", "61", "62", "abc7", "ABC8", "632345", "6312", "6412", "651(x)", "7upper",
                                         "75", "81", "82", "86", "67", "68", "69")),
    ("odd", "66", {}),
    ("odd", "66x", {"tail": "x"}),
    ("odd", "69", {"auto_hunt": "true"}),
    ("odd", "global", {"auto_hunt": "true"}),
    ("ODD", "60", {}),
    ("nowhere", "1", {}),
    *(("public", number, {}) for number in ("919876543210", "+14155550100", "100", "trunkline_queue", "abc",
                                            "trunkline_failover")),
    ("public", "trunkline_queue", {"trunkline_queue": "support@default"}),
]


agreed: list[int] = []


def filled(text: str, now: datetime) -> str:
    """The dialplan of the tests with its times: of today, and of not now."""
    day = now.timetuple()
    first = (now.replace(day=1).isoweekday()) % 7
    values = {
        "wday": now.isoweekday() % 7 + 1, "wday_name": now.strftime("%a").lower(), "mon": day.tm_mon,
        "mday": f"{day.tm_mday},31", "year": f"{day.tm_year - 1}-{day.tm_year}", "yday": day.tm_yday,
        "week": (day.tm_yday - 1) // 7 + 1, "mweek": (day.tm_mday + first - 1) // 7 + 1,
        "other_hours": f"{(day.tm_hour + 2) % 24}-{(day.tm_hour - 2) % 24}",
        "later": f"{(now + timedelta(hours=2)):%H:%M}-{(now + timedelta(hours=4)):%H:%M:%S}",
        "range": f"{(now - timedelta(days=1)):%Y-%m-%d %H:%M:%S}~{(now + timedelta(days=1)):%Y-%m-%d %H:%M:%S}",
    }
    return re.sub(r"@(\w+)@", lambda match: str(values[match.group(1)]), text)


class TracedSwitch(FreeSwitch):
    """FreeSWITCH with a copy of the shipped configuration, to which the dialplan of these tests is added."""

    def __init__(self, folder: Path) -> None:
        self.conf = folder / "conf/freeswitch-conf"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "freeswitch-conf", self.conf)
        shutil.copytree(ROOT / "dialplans", folder / "conf/dialplans")
        text = filled((HERE / "tracing.xml").read_text(encoding="utf-8"), datetime.now().astimezone())
        (self.conf / "dialplan/zz_tracing.xml").write_text(text, encoding="utf-8")
        # With the uuid before each line mod_logfile takes quotes and backslashes out of it.
        logfile = self.conf / "autoload_configs/logfile.conf.xml"
        logfile.write_text(logfile.read_text().replace('name="uuid" value="true"', 'name="uuid" value="false"'))
        super().__init__(find_freeswitch(), folder, 9)
        self._command[self._command.index("-conf") + 1] = str(self.conf)
        self.environment = dict(self._env)

    def call(self, context: str, number: str, variables: dict[str, str], name: str) -> tuple[list[str], list[str]]:
        """Call the number on a channel without media; the lines of the first hunt, and the applications it ran."""
        before = len(self.log())
        given = {"origination_caller_id_number": CALLER, "origination_caller_id_name": "tracer", **variables}
        if "caller_id_number" in given:
            given["origination_caller_id_number"] = given.pop("caller_id_number")
        pairs = ",".join(f"{key}='{value}'" for key, value in given.items())
        answer = wait_for(lambda: self._originated(f"{{{pairs}}}null/{name} {number} XML {context}"), 20,
                          f"a channel for {number} in {context}")
        begins = f"->{number} in context {context}"
        # The hunt is over when the channel runs its actions, or is hung up for want of them.
        over = re.compile(rf"null/{name} Standard EXECUTE|No Route, Aborting")
        wait_for(lambda: begins in self.log()[before:] and over.search(self.log()[before:].split(begins, 1)[1]), 10,
                 f"the hunt of {number} in {context}")
        if context == "public":
            self.api(f"uuid_kill {answer.split()[1]}")
        wait_for(lambda: f"Hangup null/{name} " in self.log()[before:], 10, f"the end of {number} in {context}")
        log = self.log()[before:].split(begins, 1)[1]
        end = over.search(log).start()
        hunted = [match.group() for match in re.finditer(r"(?:\|-[-]* )?Dialplan: .*(?=\n)", log[:end])]
        return hunted, re.findall(rf"EXECUTE \[depth=0\] null/{name} (.*)\n", log[end:])

    def _originated(self, what: str) -> str:
        """FreeSWITCH's answer; empty when it makes no more channels this second (``sessions-per-second``)."""
        answer = self.api(f"originate {what}")
        assert answer.startswith("+OK") or "DESTINATION_OUT_OF_ORDER" in answer, answer
        return answer if answer.startswith("+OK") else ""


@pytest.fixture(scope="module")
def traced(folder: Path) -> Iterator[TracedSwitch]:
    switch = TracedSwitch(folder / "tracing")
    try:
        switch.start()
        assert "+OK" in switch.api("load mod_loopback")
        yield switch
    finally:
        switch.stop()


@pytest.fixture(scope="module")
def configuration(traced: TracedSwitch) -> Configuration:
    core = {name: traced.api(f"global_getvar {name}") for name in CORE_VARIABLES}
    return read(traced.conf, traced.environment, core)


def channel(configuration: Configuration, context: str, number: str, variables: dict[str, str], name: str) -> Channel:
    """What the channel of such a call has."""
    fields = {"destination_number": number, "context": context, "dialplan": "XML", "chan_name": f"null/{name}",
              "caller_id_number": CALLER, "caller_id_name": "tracer"}
    made = Channel(fields, {key: one.value for key, one in configuration.variables.items()}, answering({}))
    for key, value in variables.items():
        if key in FIELDS:
            fields[key] = value
        else:
            made.set(key, value)
    return made


def lines(found: Hunt, name: str) -> list[str]:
    """The hunt as FreeSWITCH logs it."""
    return [line for step in found.steps if (line := step.line(f"null/{name}"))]


def test_there_are_enough_of_them() -> None:
    """The aim is forty numbers; the features need more."""
    assert len({(context, number, *variables.items()) for context, number, variables in CALLS}) >= 40


@pytest.mark.parametrize("index", range(len(CALLS)), ids=lambda index: f"{CALLS[index][0]}-{CALLS[index][1]}")
def test_the_trace_is_the_hunt(traced: TracedSwitch, configuration: Configuration, index: int) -> None:
    """Conditions, captures and actions line by line, then what runs: an engineer has to be able to trust it blindly."""
    context, number, variables = CALLS[index]
    name = f"t{index}"
    before = datetime.now().astimezone()
    hunted, executed = traced.call(context, number, variables, name)
    # The clock may have come to the next minute in between: what was true at either time will do.
    journeys = [follow(configuration, channel(configuration, context, number, variables, name), now)
                for now in (before, datetime.now().astimezone())]
    expected = [lines(journey.hunts[0], name) for journey in journeys]
    assert hunted == next((one for one in expected if one == hunted), expected[0])
    if context != "public":
        ran = [[f"{one.app}({one.data})" for one in journey.entries if isinstance(one, Executed)]
               for journey in journeys]
        assert executed == next((one for one in ran if one == executed), ran[0])
    agreed.append(index)


def test_how_many_agree(figures: Figures) -> None:
    """The row of the table of figures."""
    figures.add("dialplan trace: calls whose trace equals FreeSWITCH's hunt", len(agreed), f"of {len(CALLS)}")


def test_the_text_is_what_freeswitch_has_compiled(traced: TracedSwitch, configuration: Configuration) -> None:
    """Everything rests on it: the document FreeSWITCH parses, character by character."""
    compiled = (traced.folder / "log/freeswitch.xml.fsxml").read_text(encoding="utf-8")
    assert configuration.compiled.text == compiled
