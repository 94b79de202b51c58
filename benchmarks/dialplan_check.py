"""``trunkline dialplan check``: how long two hundred files take, how many rules are proved by samples, false errors.

``python -m benchmarks dialplan_check`` prints the figures. Where ``FREESWITCH_VANILLA`` names the folder of
FreeSWITCH's own example configuration, that is checked too.
"""

import os
import statistics
import tempfile
from pathlib import Path
from time import process_time

from benchmarks.figure import Figure
from engine.dialplan.reader import read
from engine.dialplan.rules import all_rules, check

COMMAND = "python -m benchmarks dialplan_check"
FILES = 200
ROUNDS = 5
SAMPLES = Path(__file__).resolve().parent.parent / "tests" / "dialplan" / "samples"

EXTENSION = """\
  <extension name="desk_{number}">
    <condition field="destination_number" expression="^\\+?49301{number:04}(\\d{{2}})$"/>
    <condition field="${{sip_h_X-Tenant}}" expression="^$${{tenant}}$">
      <action application="set" data="hangup_after_bridge=true"/>
      <action application="set" data="continue_on_fail=true"/>
      <action application="set" data="call_timeout=30"/>
      <action application="bridge" data="{{originate_timeout=20}}sofia/gateway/carrier/+49301{number:04}$1"/>
      <action application="answer"/>
      <action application="playback" data="$${{hold_music}}"/>
      <action application="voicemail" data="default example.com {number}"/>
    </condition>
  </extension>
"""
MAIN = """\
<document type="freeswitch/xml">
  <X-PRE-PROCESS cmd="include" data="vars.xml"/>
  <section name="configuration">
    <configuration name="sofia.conf"><profiles><profile name="external">
      <gateways><gateway name="carrier">
        <param name="proxy" value="sip.example.com"/><param name="register" value="false"/>
      </gateway></gateways>
      <settings><param name="context" value="default"/><param name="auth-calls" value="true"/></settings>
    </profile></profiles></configuration>
  </section>
  <section name="dialplan">
    <context name="default">
      <X-PRE-PROCESS cmd="include" data="default/*.xml"/>
    </context>
  </section>
</document>
"""
VARS = """\
<include>
  <X-PRE-PROCESS cmd="set" data="tenant=acme"/>
  <X-PRE-PROCESS cmd="set" data="hold_music=local_stream://moh"/>
</include>
"""


def _seconds() -> float:
    """Reading and checking ``FILES`` files of five extensions each, 7,000 actions in all: CPU time of this one thread,
    the median."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "default").mkdir()
        (folder / "freeswitch.xml").write_text(MAIN, encoding="utf-8")
        (folder / "vars.xml").write_text(VARS, encoding="utf-8")
        for number in range(FILES - 2):
            body = "".join(EXTENSION.format(number=number * 5 + place) for place in range(5))
            (folder / "default" / f"{number:03}.xml").write_text(f"<include>\n{body}</include>\n", encoding="utf-8")
        times = []
        for _ in range(ROUNDS):
            began = process_time()
            configuration = read(folder, placeholders=True)
            check(configuration, ("public", "twilio", "exotel", "pci"))
            times.append(process_time() - began)
        if len(configuration.files) != FILES:
            raise RuntimeError(f"{len(configuration.files)} files were read, not {FILES}")
        return statistics.median(times)


def figures() -> list[Figure]:
    """The figures of this part."""
    seconds = _seconds()
    rules = all_rules()
    proved = sum(bool(list((SAMPLES / one.id).glob("bad*"))) and bool(list((SAMPLES / one.id).glob("good*")))
                 for one in rules)
    rows = [
        Figure(f"dialplan check of {FILES} files", round(seconds, 2), "s of CPU", "≤ 2", seconds <= 2, COMMAND),
        Figure("dialplan rules with a failing and a passing sample", proved, f"of {len(rules)}", "≥ 47, all",
               proved >= 47 and proved == len(rules), COMMAND),
    ]
    vanilla = os.environ.get("FREESWITCH_VANILLA")
    if vanilla:
        errors = sum(one.severity == "error" for one in check(read(Path(vanilla), placeholders=True)))
        rows.append(Figure("errors said of FreeSWITCH's vanilla configuration", errors, "errors", "0", not errors,
                           f"FREESWITCH_VANILLA=... {COMMAND}"))
    return rows
