"""``python -m engine.dialplan.rules.page > docs/engineer/dialplan-rules.md``: all rules, with their samples."""

import re
import sys
from pathlib import Path

from engine.dialplan.rules import PROFILES, Rule, all_rules

SAMPLES = Path(__file__).resolve().parents[3] / "tests" / "dialplan" / "samples"
LONGEST = 20
"""Lines of a sample that is shown whole."""
ABOVE = 3
"""Elements shown around a line of a longer one."""
LEVELS = {
    "load": "Loading: what FreeSWITCH reads, and what it does not",
    "dialplan": "Dialplan: what a call does",
    "engine": "Engine: the socket application and what stands around it",
    "security": "Security: who can do what",
    "trunks": "Trunks: gateways, numbers, codecs, ports",
}
HEAD = """\
# Rules of `trunkline dialplan check`

Made by `python -m engine.dialplan.rules.page` out of the rules and their samples; a test keeps it in step. How to use
the check: [dialplan-check.md](dialplan-check.md).

**error**: calls fail, or anybody can misuse the switch. **warning**: probably not what was meant, or fails under
conditions that will come. **info**: worth knowing, shown with `--severity info`. Where one finding of a rule is worse
or better than the rule, the finding says so.
"""


def page(samples: Path = SAMPLES) -> str:
    """The whole page. Raises OSError for a rule without samples."""
    profiles = "\n".join(f"- `{name}`: {text}" for name, text in PROFILES.items())
    parts = [HEAD, f"Profiles (`--profile`):\n\n{profiles}\n"]
    parts.append("| rule | severity | what it finds |\n|---|---|---|\n" + "\n".join(
        f"| [{one.id}](#{one.id.lower()}) | {one.severity} | {_prose(one.title)} |" for one in all_rules()) + "\n")
    for level, title in LEVELS.items():
        parts.append(f"## {title}\n")
        parts += [_rule(one, samples) for one in all_rules() if one.level == level]
    return "\n".join(parts)


def _rule(one: Rule, samples: Path) -> str:
    bad, good = _sample(samples / one.id, "bad"), _sample(samples / one.id, "good")
    return (f"### {one.id}\n\n**{_prose(one.title)}** ({one.severity})\n\n{_prose(one.why)}\n\n*Mend:* "
            f"{_prose(one.mend)}\n\nFound:\n\n{bad}\nClean:\n\n{good}")


def _prose(text: str) -> str:
    """Tags as code, or Markdown takes them for HTML."""
    return re.sub(r"<!--.*?-->|</?[A-Za-z][^<>]*>|<\?", lambda match: f"`{match.group()}`", text)


def _sample(folder: Path, kind: str) -> str:
    """The files of a sample as code, without the comment that says what is found."""
    single = folder / f"{kind}.xml"
    files = [single] if single.exists() else sorted(path for path in (folder / kind).rglob("*") if path.is_file())
    shown = []
    for path in files:
        name = "" if path == single else f"`{path.relative_to(folder / kind)}`\n\n"
        shown.append(f"{name}```xml\n{_telling(folder, path)}\n```\n")
    return "\n".join(shown)


def _telling(folder: Path, path: Path) -> str:
    """Of a long sample, the place that is found, the lines that its counterpart does not have, and what they stand
    in."""
    text = path.read_text(encoding="utf-8")
    header = re.match(r"<!-- finds (?:nothing|(?:\S+ )?(\d+):\d+).*?-->\n", text)
    lines = text[header.end() if header else 0:].splitlines()
    other = folder / ("good.xml" if path.name == "bad.xml" else "bad.xml")
    if len(lines) <= LONGEST or path.name not in ("good.xml", "bad.xml"):
        return "\n".join(lines)
    counterpart = set(other.read_text(encoding="utf-8").splitlines())
    wanted = {number for number, line in enumerate(lines) if line not in counterpart}
    if header and header.group(1):
        wanted.add(int(header.group(1)) - 2)
    for number in sorted(wanted):
        wanted |= set(_above(lines, number)[:ABOVE])
    return "\n".join(_with_gaps(lines, sorted(wanted))) if wanted else "\n".join(lines)


def _above(lines: list[str], number: int) -> list[int]:
    """The lines of the elements that a line stands in, the nearest first."""
    found, depth = [], _indent(lines[number])
    for above in range(number - 1, -1, -1):
        if _indent(lines[above]) < depth:
            found.append(above)
            depth = _indent(lines[above])
    return found


def _with_gaps(lines: list[str], wanted: list[int]) -> list[str]:
    shown: list[str] = []
    margin = min(_indent(lines[number]) for number in wanted)
    before = wanted[0] - 1
    for number in wanted:
        if number > before + 1:
            shown.append(" " * (_indent(lines[number]) - margin) + "...")
        shown.append(lines[number][margin:])
        before = number
    return shown


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip()) if line.strip() else 999


if __name__ == "__main__":
    sys.stdout.write(page())
