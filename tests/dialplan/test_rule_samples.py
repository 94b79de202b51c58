"""Every rule finds what its failing sample has, where the sample says, and nothing in its passing one."""

import re
from pathlib import Path

import pytest

from engine.dialplan.reader import read
from engine.dialplan.rules import RULES, check

SAMPLES = Path(__file__).parent / "samples"
HEADER = re.compile(r"^<!-- finds (?:nothing|(?:(?P<file>\S+) )?(?P<line>\d+):(?P<column>\d+))"
                    r"(?:, profile (?P<profile>\S+))? -->")


def sample(rule: str, kind: str) -> Path:
    """``bad.xml`` or the folder ``bad``."""
    single = SAMPLES / rule / f"{kind}.xml"
    return single if single.exists() else SAMPLES / rule / kind / "freeswitch.xml"


def found(path: Path) -> tuple[re.Match[str], list[str]]:
    """What the sample says of itself, and the findings as ``FS000 file line:column``."""
    header = HEADER.match(path.read_text(encoding="utf-8"))
    assert header, f"{path}: its first line is no <!-- finds ... -->"
    findings = check(read(path, placeholders=True), (header["profile"] or "").split(",") if header["profile"] else ())
    return header, [f"{one.rule.id} {one.place.file.relative_to(path.parent)} {one.place.line}:{one.place.column}"
                    for one in findings]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_failing_sample_gives_this_rule_alone_at_its_place(rule: str) -> None:
    """A rule that finds something else too, or finds it elsewhere, sends an engineer to the wrong line."""
    path = sample(rule, "bad")
    header, findings = found(path)
    assert findings == [f"{rule} {header['file'] or path.name} {header['line']}:{header['column']}"]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_the_passing_sample_gives_nothing(rule: str) -> None:
    """What the rule tells people to write must be clean under every rule, or nobody can follow it."""
    assert found(sample(rule, "good"))[1] == []


def test_every_sample_is_of_a_rule() -> None:
    """A sample of a rule that is gone is read by nobody."""
    assert sorted(path.name for path in SAMPLES.iterdir()) == sorted(RULES)
