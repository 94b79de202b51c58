"""Findings as JSON, as annotations of a GitHub check, and counted. Text for people is the command's."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from engine.dialplan.rules.rule import SEVERITIES, Finding, Severity
from engine.dialplan.source import SourceFile

LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}
"""What GitHub calls them."""


def at_least(findings: list[Finding], severity: Severity) -> list[Finding]:
    """The findings of this severity and worse ones."""
    wanted = SEVERITIES[:SEVERITIES.index(severity) + 1]
    return [finding for finding in findings if finding.severity in wanted]


def counts(findings: list[Finding]) -> dict[Severity, int]:
    """How many there are of each severity."""
    found = Counter(finding.severity for finding in findings)
    return {severity: found[severity] for severity in SEVERITIES}


def shown(path: Path, base: Path | None = None) -> str:
    """A path as a reader can open it from where he is: relative to ``base`` (default: here) where it is below it."""
    relative = os.path.relpath(path, base or Path.cwd())
    return str(path) if relative.startswith("..") else relative


def source_line(sources: dict[Path, SourceFile], finding: Finding) -> str:
    """The line of the file a finding is in; empty where the file was not read."""
    source = sources.get(finding.place.file)
    return source.line(finding.place.line) if source else ""


def as_json(sources: dict[Path, SourceFile], findings: list[Finding], every: list[Finding]) -> str:
    """One document: what is shown, and the counts of all."""
    document: dict[str, Any] = {
        "files": len(sources),
        "summary": counts(every),
        "findings": [
            {
                "rule": finding.rule.id, "severity": finding.severity, "title": finding.rule.title,
                "file": shown(finding.place.file), "line": finding.place.line, "column": finding.place.column,
                "message": finding.message, "mend": finding.mend, "source": source_line(sources, finding),
            }
            for finding in findings
        ],
    }  # fmt: skip
    return json.dumps(document, ensure_ascii=False, indent=2)


def as_github(findings: list[Finding]) -> str:
    """One workflow command a finding; GitHub shows them at the lines of a pull request."""
    return "\n".join(_annotation(finding) for finding in findings)


def _annotation(finding: Finding) -> str:
    place = finding.place
    properties = {"file": shown(place.file), "line": place.line, "col": place.column,
                  "title": f"{finding.rule.id} {finding.rule.title}"}
    listed = ",".join(f"{name}={_escaped(str(value), True)}" for name, value in properties.items())
    return f"::{LEVELS[finding.severity]} {listed}::{_escaped(f'{finding.message}. {finding.mend}', False)}"


def _escaped(text: str, in_property: bool) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
