"""What FreeSWITCH does to the text of its configuration before it parses it as XML.

It works line by line and knows no XML: a directive inside a comment is active, a line with a directive or with
``<include>`` is dropped whole, ``$${name}`` is replaced by the value the variable has at that line (facts: FreeSWITCH
1.10/1.11 ``src/switch_xml.c``, the function that pre-processes a file). Nothing is ever executed here: ``exec``,
``exec-set`` and ``stun-set`` are noted, their result is taken to be empty.
"""

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.dialplan.noted import Directive, Fault, How, Use, Variable
from engine.dialplan.source import Compiled, Place, SourceFile, Span

LINE = re.compile(r"[^\r\n]*[\r\n]|[^\r\n]+")
PARKED = re.compile(r"<[\w-]*x-pre-process.*?(?:/>|$)", re.IGNORECASE | re.DOTALL)
"""A directive that somebody has renamed to switch it off (``<XX-PRE-PROCESS``)."""

BRACES = re.compile(r"[{}]")

MAX_DEPTH = 100
"""Includes within includes; FreeSWITCH stops there too."""

MAX_INCLUSIONS = 20_000
"""Files put together in all. A real configuration has some hundreds; more is a loop."""

MAX_FILE_BYTES = 16_000_000
"""One file; the largest of FreeSWITCH's own configurations has 60 kB."""

MAX_TEXT = 64_000_000
"""Characters of the compiled document: variables that double themselves line by line end here."""


@dataclass
class _Line:
    """A line after ``$${}``: its text, and for each run of it (start, length, offset in the file, literal)."""

    text: str
    runs: list[tuple[int, int, int, bool]]


@dataclass
class Preprocessor:
    """Puts files together. Feed roots by ``file``; the result is in the fields."""

    environ: Mapping[str, str]
    placeholders: bool = False
    """Whether a variable whose value cannot be known is put in as ``%{name}``, not as nothing: for who judges a text
    and must not take it for empty."""
    base: Path | None = None
    """Where paths are named from, for those that lie below it; None leaves them as they are."""
    compiled: Compiled = field(default_factory=Compiled)
    files: dict[Path, SourceFile] = field(default_factory=dict)
    directives: list[Directive] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    variables: dict[str, Variable] = field(default_factory=dict)
    _open: list[Path] = field(default_factory=list)
    _inclusions: int = 0
    _expanded: int = 0
    _full: bool = False

    def file(self, path: Path, folder: Path, included_by: Place | None = None) -> None:
        """Read ``path`` into the text. ``folder`` is what relative includes of this file start from."""
        if included_by is not None and (problem := self._refusal(path)):
            self.faults.append(Fault(included_by, "error", problem, "include"))
            return
        source = self._load(path, included_by)
        if source is None:
            return
        self._inclusions += 1
        self._open.append(path)
        start = self.compiled.length
        _FileRun(self, source, folder).run()
        self.compiled.spans.append(Span(source, start, self.compiled.length))
        self._open.pop()

    def variable(self, name: str) -> Variable | None:
        """The variable as it stands now; names are not case sensitive."""
        return self.variables.get(name.lower())

    def define(self, name: str, value: str, place: Place | None, how: How, known: bool = True) -> None:
        """Set a global variable. ``${`` in a value becomes ``%{``: the core disarms it."""
        self.variables[name.lower()] = Variable(name, re.sub(r"\$(\\*)\{", r"%\1{", value), place, how, known)

    def room(self, source: SourceFile, offset: int, wanted: int) -> bool:
        """Whether so many characters more may be read or put in; said once when not."""
        self._expanded += wanted
        if self.compiled.length + wanted <= MAX_TEXT and self._expanded <= 2 * MAX_TEXT:
            return True
        if not self._full:
            self._full = True
            self.faults.append(Fault(source.place(offset), "error", f"the configuration grows beyond {MAX_TEXT} "
                                     "characters; the rest is not read", "size"))
        return False

    def _refusal(self, path: Path) -> str:
        if path in self._open:
            return f"{path} includes itself; FreeSWITCH would go {MAX_DEPTH} times round"
        if len(self._open) > MAX_DEPTH:
            return f"{path} is not read: includes are more than {MAX_DEPTH} deep"
        if self._inclusions >= MAX_INCLUSIONS:
            return f"{path} is not read: more than {MAX_INCLUSIONS} files"
        return ""

    def _load(self, path: Path, included_by: Place | None) -> SourceFile | None:
        if path in self.files:
            return self.files[path]
        place = included_by or Place(path, 1, 1)
        try:
            if path.is_dir():
                return None
            if path.stat().st_size > MAX_FILE_BYTES:
                self.faults.append(Fault(place, "error", f"{path} is larger than {MAX_FILE_BYTES} bytes; it is not "
                                         "read", "size"))
                return None
            data = path.read_bytes()
        except OSError as fault:
            self.faults.append(Fault(place, "error", f"{path} cannot be read: {fault.strerror}", "unreadable"))
            return None
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            text = data.decode("latin-1")
            line = data.count(b"\n", 0, fault.start) + 1
            column = fault.start - (data.rfind(b"\n", 0, fault.start) + 1) + 1
            self.faults.append(Fault(Place(path, line, column), "warning", "not UTF-8; FreeSWITCH takes the bytes as "
                                     "they are. Save the file as UTF-8", "encoding"))
        source = self.files[path] = SourceFile(path, text, included_by)
        return source


@dataclass
class _FileRun:
    """One pass over one file."""

    to: Preprocessor
    source: SourceFile
    folder: Path
    skipping: bool = False
    """Inside an old-style directive (``<!--#``) that goes over several lines."""

    def run(self) -> None:
        for match in LINE.finditer(self.source.text):
            if not self.to.room(self.source, match.start(), len(match.group())):
                return
            self._line(match.group(), match.start())

    def _line(self, raw: str, offset: int) -> None:
        if "\0" in raw:
            raw = raw[: raw.index("\0")]
        line, seen = self._expanded(raw, offset)
        if "<include>" in seen or "</include>" in seen or "<?" in seen:
            self._lost(re.sub(r"</?include>|<\?.*?(\?>|$)", "", seen), offset, "include> or <?")
            return
        start = 0
        if self.skipping:
            end = line.text.find("-->")
            if end < 0:
                return
            self.skipping = False
            start = end + 3
        lowered = line.text.lower()
        at = lowered.find("x-pre-process", start)
        if at >= 0:
            self._directive(line, at, offset)
        elif (at := line.text.find("<!--#", start)) >= 0:
            self._old_directive(line, start, at, offset)
        else:
            self._emit(line, start, len(line.text))

    def _expanded(self, raw: str, offset: int) -> tuple[_Line, str]:
        """The line with its variables, and the part in which FreeSWITCH looks for ``<include>``: it has cut the
        buffer at the end of the first variable."""
        at = raw.find("$${")
        if at < 0:
            return _Line(raw, [(0, len(raw), offset, True)]), raw
        text = ""
        runs: list[tuple[int, int, int, bool]] = []
        seen, begin = raw, 0
        while at >= 0:
            close = _closing(raw, at + 2)
            place = self.source.place(offset + at)
            if close < 0:
                self.to.faults.append(Fault(place, "error", "$${ without }: FreeSWITCH leaves it as it is",
                                            "unterminated"))
                break
            if seen is raw:
                seen = raw[:close]
            runs.append((len(text), at - begin, offset + begin, True))
            text += raw[begin:at]
            name = raw[at + 3 : close]
            variable = self.to.variable(name)
            self.to.uses.append(Use(name, place, variable is not None, self.source.in_comment(offset + at)))
            value = variable.value if variable else self._unknown(name)
            if not self.to.room(self.source, offset + at, len(value)):
                value = ""
            runs.append((len(text), len(value), offset + at, False))
            text += value
            begin = close + 1
            at = raw.find("$${", begin)
        runs.append((len(text), len(raw) - begin, offset + begin, True))
        return _Line(text + raw[begin:], runs), seen

    def _emit(self, line: _Line, start: int, end: int) -> None:
        for at, length, offset, literal in line.runs:
            first, last = max(at, start), min(at + length, end)
            if first < last:
                self.to.compiled.add(line.text[first:last], self.source,
                                     offset + first - at if literal else offset, literal)

    def _origin(self, line: _Line, index: int) -> int:
        """The offset in the file of character ``index`` of an expanded line."""
        for at, length, offset, literal in reversed(line.runs):
            if at <= index and (length or index == at):
                return offset + (index - at if literal else 0)
        return line.runs[0][2]

    def _lost(self, text: str, offset: int, because: str) -> None:
        rest = re.sub(r"<!--.*?(-->|$)|^.*?-->", "", text, flags=re.DOTALL).strip()
        if rest and not self.source.in_comment(offset):
            self.to.faults.append(Fault(
                self.source.place(offset), "error", f"FreeSWITCH drops this whole line, because of <{because} in it: "
                f"{rest[:60]!r} is lost. Put it on a line of its own", "lost-text"))

    def _directive(self, line: _Line, at: int, offset: int) -> None:
        """``<X-PRE-PROCESS cmd="..." data="..."/>``: the rest of the line is dropped, whatever it is."""
        text = line.text
        where = self._origin(line, max(0, at - 1))
        if at == 0 or text[at - 1] != "<":
            self._lost(PARKED.sub("", text), offset, "X-PRE-PROCESS")
            return
        end = text.find("/>", at)
        self._lost(text[: at - 1] + " " + (text[end + 2 :] if end >= 0 else ""), offset, "X-PRE-PROCESS")
        body = text[at : end + 2] if end >= 0 else text[at:]
        cmd, data = _attribute(body, "cmd", 0), None
        if cmd is not None and cmd.closed:
            data = _attribute(body, "data", cmd.end)
        if cmd is None or data is None:
            self.to.faults.append(Fault(self.source.place(where), "error", 'X-PRE-PROCESS needs cmd="..." and '
                                        'data="..." in double quotes on one line; FreeSWITCH drops it', "directive"))
            return
        self._do(cmd.value, data.value, where, self.source.in_comment(where))

    def _old_directive(self, line: _Line, start: int, at: int, offset: int) -> None:
        """``<!--#include "..."-->``: what older configurations have."""
        text = line.text
        where = self._origin(line, at)
        self._emit(line, start, at)
        end = text.find("-->", at)
        body = text[at + 5 : end] if end >= 0 else text[at + 5 :]
        if end >= 0:
            self._emit(line, end + 3, len(text))
        else:
            self.skipping = True
        cmd, space, argument = re.split(r"[\r\n]", body, maxsplit=1)[0].partition(" ")
        if space:
            quoted = re.search(r'"([^"]*)"', argument)
            self._do(cmd, quoted.group(1) if quoted else argument, where, False, old=True)

    def _do(self, cmd: str, data: str, offset: int, in_comment: bool, old: bool = False) -> None:
        place = self.source.place(offset)
        files: list[Path] = []
        known = cmd.lower()
        if known == "include":
            files = self._matches(data, place)
        self.to.directives.append(Directive(cmd, data, place, in_comment, tuple(files)))
        name, equals, value = data.partition("=")
        if known in ("set", "exec-set", "stun-set") and equals:
            name = name.rstrip(" ")
            if known == "set":
                self.to.define(name, value.lstrip(" "), place, "set")
            else:
                self.to.define(name, self._unknown(name), place, "exec-set" if known == "exec-set" else "stun-set",
                               known=False)
        elif known == "env-set" and not old and equals and value.startswith("$"):
            given = self.to.environ.get(value[1:])
            if given is not None:
                self.to.define(name, given, place, "env-set")
            elif self.to.variable(name) is None:
                self.to.define(name, self._unknown(name), place, "env-set", known=False)
        elif known not in ("include", "exec", "comment"):
            self.to.faults.append(Fault(
                place, "warning", f'X-PRE-PROCESS cmd="{cmd}" data="{data}" does nothing: cmd is one of set, env-set, '
                "include, exec, exec-set, stun-set, and a set needs name=value (env-set: name=$NAME)", "directive"))
        for path in files:
            self.to.file(path, path.parent, place)

    def _unknown(self, name: str) -> str:
        return f"%{{{name}}}" if self.to.placeholders else ""

    def _matches(self, pattern: str, place: Place) -> list[Path]:
        """The files of an include, sorted by their bytes as FreeSWITCH's glob does it."""
        full = pattern if pattern.startswith("/") else os.path.join(glob.escape(str(self.folder)), pattern)  # noqa: PTH118
        try:
            found = sorted(glob.glob(full), key=os.fsencode)  # noqa: PTH207
            return [_shorter(path, self.to.base) for path in found]
        except (OSError, ValueError, re.error) as fault:
            self.to.faults.append(Fault(place, "error", f"include {pattern!r}: {fault}", "include"))
            return []


def _shorter(path: str, base: Path | None) -> Path:
    """The path as a person would write it: without ``folder/..`` where that is the same file, and from ``base``."""
    short = Path(os.path.normpath(path)) if ".." in path else Path(path)
    if short != Path(path) and not (short.exists() and short.samefile(path)):
        short = Path(path)
    return short.relative_to(base) if base and short.is_relative_to(base) else short


@dataclass(frozen=True)
class _Quoted:
    value: str
    end: int
    closed: bool


def _attribute(body: str, word: str, at: int) -> _Quoted | None:
    """What FreeSWITCH takes for an attribute of a directive: the word, then the next =, then the next double quote."""
    at = body.lower().find(word, at)
    for mark in "=\"":
        at = body.find(mark, at) if at >= 0 else -1
    if at < 0:
        return None
    end = body.find('"', at + 1)
    return _Quoted(body[at + 1 : end if end >= 0 else len(body)], end + 1, end >= 0)


def _closing(text: str, at: int) -> int:
    """The index of the brace that closes the one at ``at``; -1 without one."""
    depth = 0
    for match in BRACES.finditer(text, at):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return match.start()
    return -1
