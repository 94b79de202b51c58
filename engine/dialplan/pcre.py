"""Expressions as FreeSWITCH matches them: PCRE2 without the UTF option, so byte by byte.

The system's own ``libpcre2-8`` is used, the library that FreeSWITCH itself is linked to; every Debian has it. Where it
is missing, Python's ``re`` stands in for the expressions that mean the same in both, and the others are refused: an
answer that is only probably right is no trace (facts: ``src/switch_regex.c``).
"""

import ctypes
import ctypes.util
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.dialplan.source import DialplanError

SONAME = "libpcre2-8.so.0"
"""Its name on Linux. Elsewhere it is searched for, which starts a program."""

CASELESS = 0x00000008
DOTALL = 0x00000020
INFO_CAPTURECOUNT = 4
UNSET = ctypes.c_size_t(-1).value

MAX_PATTERN = 65_536
"""Bytes of one expression; FreeSWITCH's own lines end at some 100 kB."""

ASTERISK = {"N": "[2-9]", "X": "[0-9]", "Z": "[1-9]", ".": ".*"}
"""What the letters of an expression that begins with ``_`` stand for."""

STRANGE = re.compile(
    rb"\(\?(?![:=!]|<[=!])|\(\*|\[\[:|\{,|[*+?}]\+|\\(?![^A-Za-z0-9]|[dDwWsSbBAnrtfx1-9])|\\[1-9][0-9]|\\x\{"
)
"""What PCRE2 and Python's ``re`` take differently, or only one of them takes."""


class BadExpression(DialplanError):
    """An expression that does not compile. ``offset``: where in it, in characters."""

    def __init__(self, message: str, offset: int = 0) -> None:
        """``message`` is the library's own."""
        super().__init__(message)
        self.offset = offset


class NotTheSame(DialplanError):
    """Without libpcre2 nobody can say what this expression does."""


@dataclass(frozen=True)
class Match:
    """``groups[0]`` is what matched, then the groups up to the last that took part; None for one that did not.
    ``groups`` is as long as the number that PCRE2 returns."""

    groups: tuple[str | None, ...]

    def group(self, number: int) -> str:
        """The text of a group; empty for one that is not there."""
        return (self.groups[number] or "") if 0 <= number < len(self.groups) else ""


@dataclass(frozen=True)
class Written:
    """An expression as it is written in a dialplan, taken apart: what is compiled, and how."""

    pattern: str
    caseless: bool = False
    dotall: bool = False
    start: int = 0
    """Where ``pattern`` begins in what was written; -1 where it was made of an Asterisk pattern."""


def written(expression: str) -> Written:
    """``/.../is`` has options, ``_NXX.`` is an Asterisk pattern, anything else is the expression itself.

    Raises BadExpression for a ``/`` without its partner.
    """
    start = 0
    if expression.startswith("_"):
        expression = "^" + "".join(ASTERISK.get(letter, letter) for letter in expression[1:]) + "$"
        start = -1
    if not expression.startswith("/"):
        return Written(expression, start=start)
    end = expression.rfind("/", 1)
    if end < 0:
        raise BadExpression("an expression that begins with / has to end with /")
    options = expression[end + 1 :]
    return Written(expression[1:end], "i" in options, "s" in options, start + 1 if start >= 0 else -1)


class Expression:
    """A compiled expression. ``groups``: how many pairs of capturing brackets it has."""

    def __init__(self, text: str) -> None:
        """Raises BadExpression; NotTheSame where libpcre2 is missing and would be needed."""
        parts = written(text)
        data = parts.pattern.encode("utf-8", "surrogateescape")
        if len(data) > MAX_PATTERN:
            raise BadExpression(f"longer than {MAX_PATTERN} bytes")
        library = _library()
        try:
            self._matcher: _Pcre | _Python = (_Pcre(library, data, parts) if library else _Python(data, parts))
        except BadExpression as fault:
            shift = max(0, parts.start)
            raise BadExpression(str(fault), fault.offset + shift) from None
        self.text = text
        self.groups = self._matcher.groups

    def search(self, subject: str) -> Match | None:
        """The first match anywhere in the subject."""
        found = self._matcher.search(subject.encode("utf-8", "surrogateescape"))
        if found is None:
            return None
        return Match(tuple(None if one is None else one.decode("utf-8", "surrogateescape") for one in found))


@lru_cache(2_000)
def compiled(text: str) -> Expression:
    """The expression, compiled once. Raises as ``Expression`` does."""
    return Expression(text)


class _Pcre:
    def __init__(self, library: Any, data: bytes, parts: Written) -> None:  # noqa: ANN401
        self._library = library
        number, offset = ctypes.c_int(0), ctypes.c_size_t(0)
        options = (CASELESS if parts.caseless else 0) | (DOTALL if parts.dotall else 0)
        self._code = library.pcre2_compile_8(data, len(data), options, ctypes.byref(number), ctypes.byref(offset), None)
        if not self._code:
            text = ctypes.create_string_buffer(256)
            library.pcre2_get_error_message_8(number, text, 256)
            characters = len(data[: offset.value].decode("utf-8", "replace"))
            raise BadExpression(text.value.decode("ascii", "replace"), characters)
        count = ctypes.c_uint32(0)
        library.pcre2_pattern_info_8(self._code, INFO_CAPTURECOUNT, ctypes.byref(count))
        self.groups = int(count.value)

    def __del__(self) -> None:
        if getattr(self, "_code", None):
            self._library.pcre2_code_free_8(self._code)

    def search(self, subject: bytes) -> list[bytes | None] | None:
        block = self._library.pcre2_match_data_create_from_pattern_8(self._code, None)
        try:
            count = self._library.pcre2_match_8(self._code, subject, len(subject), 0, 0, block, None)
            if count <= 0:
                return None
            pairs = self._library.pcre2_get_ovector_pointer_8(block)
            return [None if pairs[2 * group] == UNSET else subject[pairs[2 * group] : pairs[2 * group + 1]]
                    for group in range(count)]
        finally:
            self._library.pcre2_match_data_free_8(block)


class _Python:
    def __init__(self, data: bytes, parts: Written) -> None:
        strange = STRANGE.search(data)
        if strange:
            found = strange.group().decode("utf-8", "replace")
            raise NotTheSame(f"{parts.pattern!r}: {found!r} is not the same in Python as in PCRE2, and this machine "
                             "has no libpcre2-8. Install it (Debian: libpcre2-8-0)")
        flags = (re.IGNORECASE if parts.caseless else 0) | (re.DOTALL if parts.dotall else 0)
        try:
            self._pattern = re.compile(data, flags)
        except (re.error, OverflowError, RecursionError) as fault:
            raise BadExpression(str(fault), getattr(fault, "pos", 0) or 0) from None
        self.groups = self._pattern.groups

    def search(self, subject: bytes) -> list[bytes | None] | None:
        match = self._pattern.search(subject)
        if match is None:
            return None
        found = [match.group(), *match.groups()]
        while found[-1] is None:
            found.pop()
        return found


def _loaded(name: str | None) -> Any:  # noqa: ANN401
    try:
        return ctypes.CDLL(name) if name else None
    except OSError:
        return None


@lru_cache(1)
def _library() -> Any:  # noqa: ANN401
    """libpcre2-8 with its functions declared; None where there is none."""
    library = _loaded(SONAME) or _loaded(ctypes.util.find_library("pcre2-8"))
    if library is None:
        return None
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.pcre2_compile_8.restype = pointer
    library.pcre2_compile_8.argtypes = [ctypes.c_char_p, size, ctypes.c_uint32, ctypes.POINTER(ctypes.c_int),
                                        ctypes.POINTER(size), pointer]
    library.pcre2_get_error_message_8.argtypes = [ctypes.c_int, ctypes.c_char_p, size]
    library.pcre2_pattern_info_8.argtypes = [pointer, ctypes.c_uint32, pointer]
    library.pcre2_code_free_8.argtypes = [pointer]
    library.pcre2_match_data_create_from_pattern_8.restype = pointer
    library.pcre2_match_data_create_from_pattern_8.argtypes = [pointer, pointer]
    library.pcre2_match_8.argtypes = [pointer, ctypes.c_char_p, size, size, ctypes.c_uint32, pointer, pointer]
    library.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(size)
    library.pcre2_get_ovector_pointer_8.argtypes = [pointer]
    library.pcre2_match_data_free_8.argtypes = [pointer]
    return library


def substituted(match: Match, data: str, room: int) -> str:
    """``data`` with ``$1`` and ``${1}`` replaced by the groups of a match; ``$0`` is all that matched.

    FreeSWITCH writes into ``room`` bytes and stops there. Other ``$`` stay.
    """
    out: list[str] = []
    at = 0
    for found in re.finditer(r"\$(?:([0-9]{1,9})|\{([0-9]{1,9})\})", data):
        out.append(data[at : found.start()])
        number = int(found.group(1) or found.group(2))
        out.append(match.group(number) if number <= 256 else "")
        at = found.end()
    out.append(data[at:])
    return "".join(out).encode("utf-8", "surrogateescape")[: room - 1].decode("utf-8", "replace")
