"""How long reading a configuration and tracing a number take: both are run on every save and in every CI job.

Processor time, so that the figure is the same on a machine that does other things too.
"""

import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.figure import Figure
from engine.dialplan.channel import Channel
from engine.dialplan.hunt import hunt
from engine.dialplan.reader import read

FILES = 200
COMMAND = "python -m benchmarks dialplan_read"

EXTENSION = """<extension name="did-{number}-{line}">
  <condition field="destination_number" expression="^\\+?{number}{line:02}(\\d*)$">
    <action application="set" data="hangup_after_bridge=true"/>
    <action application="bridge" data="sofia/gateway/$${{trunk}}/$1"/>
  </condition>
</extension>
"""


def figures() -> list[Figure]:
    """A configuration of 200 files with ten extensions each; the last number of all of them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dialplan").mkdir()
        (folder / "freeswitch.xml").write_text(
            '<document>\n<X-PRE-PROCESS cmd="set" data="trunk=main"/>\n<section name="dialplan">\n'
            '<context name="public">\n<X-PRE-PROCESS cmd="include" data="dialplan/*.xml"/>\n</context>\n'
            "</section>\n</document>\n")
        for number in range(FILES):
            text = "".join(EXTENSION.format(number=1000 + number, line=line) for line in range(10))
            (folder / f"dialplan/{number:03}.xml").write_text(f"<include>\n{text}</include>\n")
        reads = []
        for _ in range(5):
            begun = time.process_time()
            configuration = read(folder)
            configuration.contexts()
            reads.append(time.process_time() - begun)
        channel = Channel({"destination_number": f"{999 + FILES}097", "context": "public"})
        begun = time.process_time()
        found = hunt(configuration, channel, datetime.now(timezone.utc))
        hunted = time.process_time() - begun
    assert found.actions[-1].data == "sofia/gateway/main/7"
    best = min(reads) * 1000
    return [
        Figure("dialplan: 200 files read, 2,000 extensions", round(best, 1), "ms CPU", "<= 500", best <= 500, COMMAND),
        Figure("dialplan: a trace through 2,000 extensions", round(hunted * 1000, 1), "ms CPU", "<= 500", hunted <= 0.5,
               COMMAND),
    ]
