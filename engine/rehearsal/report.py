"""Results as text and as JUnit XML."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.rehearsal.run import Result
from engine.replay.run import Entry

_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SHOWN = {
    "barge_in": "the caller interrupts", "backchannel": "the caller is listening", "dtmf": "key",
    "false_interruption": "no interruption", "not_heard": "not understood", "apology": "apology",
    "caller_away": "nobody speaks", "max_call": "longest call", "retry": "once more",
}  # fmt: skip


def transcript(result: Result) -> Iterator[str]:
    """The conversation, line by line, with its times in s."""
    if result.played is None:
        return
    for entry in result.played.run.entries:
        line = _line(entry)
        if line:
            yield f"{entry.at:8.2f}  {line}"


def _line(entry: Entry) -> str:
    fields = entry.fields
    match entry.name:
        case "user_said":
            return f"caller: {fields['text']}"
        case "agent_said":
            return f"agent:  {fields['text']}{' [interrupted]' if fields['interrupted'] else ''}"
        case "skill" if not fields["repeated"]:
            return f"        skill {fields['skill']} {fields['arguments']} {fields['failed']}".rstrip()
        case "transfer":
            return f"        hand-over to {fields['target']}: {'done' if fields['ok'] else fields['why']}"
        case "language":
            return f"        language: {fields['language']}"
        case "grounds":
            sources = ", ".join(map(str, fields["citations"]))  # type: ignore[call-overload]
            return f"        knowledge: {fields['decision']} ({fields['score']}) {sources}".rstrip()
        case "end_call":
            return f"        the call ends: {fields['reason']}"
        case "hangup":
            return "        the caller hangs up"
        case name if name in _SHOWN:
            what = fields.get("digit") or fields.get("why", "")
            return f"        {_SHOWN[name]}: {what}".rstrip(": ")
    return ""


def summary(results: Sequence[Result]) -> str:
    """``10 passed, 1 failed in 0.8 s``."""
    counts = [(name, sum(result.status == name for result in results)) for name in ("passed", "failed", "skipped")]
    told = ", ".join(f"{count} {name}" for name, count in counts if count) or "no tests"
    return f"{told} in {sum(result.seconds for result in results):.1f} s"


def junit(suites: Sequence[tuple[Path, Sequence[Result]]]) -> bytes:
    """The results of some files as JUnit XML: a suite a file, a case a test; what failed with its transcript."""
    root = ET.Element("testsuites")
    for path, results in suites:
        suite = ET.SubElement(root, "testsuite", {
            "name": path.name, "tests": str(len(results)), "errors": "0",
            "failures": str(sum(result.status == "failed" for result in results)),
            "skipped": str(sum(result.status == "skipped" for result in results)),
            "time": f"{sum(result.seconds for result in results):.3f}",
        })  # fmt: skip
        for result in results:
            case = ET.SubElement(suite, "testcase", {
                "classname": path.name.partition(".")[0], "name": _xml(result.script.name), "file": str(path),
                "line": str(result.where.line), "time": f"{result.seconds:.3f}",
            })  # fmt: skip
            if result.skipped:
                ET.SubElement(case, "skipped", {"message": _xml(result.skipped)})
            elif result.wrong:
                failure = ET.SubElement(case, "failure", {"message": _xml(str(result.wrong[0]))})
                failure.text = _xml("\n".join([*map(str, result.wrong), "", *transcript(result)]))
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _xml(text: str) -> str:
    """Without what XML cannot hold."""
    return _NOT_XML.sub("\ufffd", text)
