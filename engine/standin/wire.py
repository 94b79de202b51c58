"""The event socket's bytes as FreeSWITCH reads and writes them. Pure: bytes in, commands out; values in, bytes out.

Forms (order of headers, what is encoded and what is not) are those of FreeSWITCH 1.11.2, recorded on real calls
(``tests/data/esl``).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

Header = tuple[str, str]

MAX_COMMAND_BYTES = 64 * 1024
"""Longest command that is read; FreeSWITCH's own limit is its buffer, ours keeps a test from eating memory."""

# switch_event_serialize encodes these and everything outside printable ASCII; "/", "," and "(" stay.
_UNSAFE = frozenset(b' \r\n#%&+:;<=>?@[\\]^`{|}"')
_ENCODED = {byte: f"%{byte:02X}" for byte in range(256) if byte in _UNSAFE or byte < 0x20 or byte > 0x7E}
_PLAIN = str.maketrans({chr(byte): text for byte, text in _ENCODED.items() if byte < 0x80})


def encode(value: str) -> str:
    """A header's value as FreeSWITCH writes it in a plain event."""
    if value.isascii():
        return value.translate(_PLAIN)
    return "".join(_ENCODED.get(byte, chr(byte)) for byte in value.encode())


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the controller: its first line, and the headers that followed (names in lower case)."""

    line: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """First word, in lower case."""
        return self.line.split(" ", 1)[0].lower()

    @property
    def argument(self) -> str:
        """What follows the first word, stripped."""
        return self.line.partition(" ")[2].strip()


class CommandParser:
    """Cuts the controller's bytes into commands. Lines end with LF or CRLF; an empty line ends a command."""

    def __init__(self) -> None:
        """Nothing read yet."""
        self._waiting = b""

    def feed(self, data: bytes) -> list[Command]:
        """Commands that are complete now. Raises ValueError when one grows beyond ``MAX_COMMAND_BYTES``."""
        self._waiting += data
        commands = []
        while True:
            block, found, rest = _cut(self._waiting)
            if not found:
                break
            self._waiting = rest
            command = _parse(block)
            if command is None:
                continue
            length = command.headers.get("content-length", "")
            if length.isdigit() and int(length):
                if len(rest) < int(length):
                    self._waiting = block + b"\n\n" + rest
                    break
                self._waiting = rest[int(length) :]
            commands.append(command)
        if len(self._waiting) > MAX_COMMAND_BYTES:
            raise ValueError(f"a command of more than {MAX_COMMAND_BYTES} bytes")
        return commands


def _cut(data: bytes) -> tuple[bytes, bool, bytes]:
    """The first block up to an empty line, whether there was one, and the rest."""
    plain, crlf = data.find(b"\n\n"), data.find(b"\n\r\n")
    if plain < 0 and crlf < 0:
        return b"", False, data
    if crlf < 0 or 0 <= plain < crlf:
        return data[:plain], True, data[plain + 2 :]
    return data[:crlf], True, data[crlf + 3 :]


def _parse(block: bytes) -> Command | None:
    lines = [line.rstrip("\r") for line in block.decode("utf-8", "replace").split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    if not lines:
        return None
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Command(lines[0].strip(), headers)


def plain_headers(headers: Iterable[Header]) -> str:
    """Header lines with encoded values."""
    return "".join(f"{name}: {encode(value)}\n" for name, value in headers)


def command_reply(text: str, extra: Iterable[Header] = ()) -> bytes:
    """The answer to a command; ``text`` is not encoded there."""
    return ("Content-Type: command/reply\n" f"Reply-Text: {text}\n" + raw_headers(extra) + "\n").encode()


def raw_headers(headers: Iterable[Header]) -> str:
    """Header lines with values as they are."""
    return "".join(f"{name}: {value}\n" for name, value in headers)


def connect_reply(channel: Iterable[Header], mode: str, control: str) -> bytes:
    """The answer to ``connect``: a CHANNEL_DATA event without Content-Length whose Reply-Text is encoded too."""
    tail = [("Content-Type", "command/reply"), ("Reply-Text", "+OK\n"), ("Socket-Mode", mode), ("Control", control)]
    # The content type is the one value that FreeSWITCH leaves alone: its "/" is safe.
    return (plain_headers(channel) + plain_headers(tail) + "\n").encode()


def api_response(text: str) -> bytes:
    """The answer to ``api``."""
    body = text.encode()
    return f"Content-Type: api/response\nContent-Length: {len(body)}\n\n".encode() + body


def event_plain(headers: Iterable[Header], body: str = "") -> bytes:
    """An event as ``text/event-plain``: length first, then type, as FreeSWITCH does."""
    text = plain_headers(headers)
    if body:
        text += f"Content-Length: {len(body.encode())}\n"
    inner = (text + "\n" + body).encode()
    return f"Content-Length: {len(inner)}\nContent-Type: text/event-plain\n\n".encode() + inner


def event_json(headers: Iterable[Header], body: str = "") -> bytes:
    """An event as ``text/event-json``: values are not encoded there."""
    fields = dict(headers)
    if body:
        fields |= {"Content-Length": str(len(body.encode())), "_body": body}
    inner = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    return f"Content-Length: {len(inner)}\nContent-Type: text/event-json\n\n".encode() + inner


def linger_notice(uuid: str, channel_name: str, seconds: int) -> bytes:
    """Sent at hangup when ``linger`` was asked for: the socket stays open for this long."""
    return _notice([("Controlled-Session-UUID", uuid), ("Content-Disposition", "linger"),
                    ("Channel-Name", channel_name), ("Linger-Time", str(seconds))], "")


def disconnect_notice(uuid: str) -> bytes:
    """The last message of a connection."""
    return _notice([("Controlled-Session-UUID", uuid), ("Content-Disposition", "disconnect")],
                   "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n")


def _notice(headers: list[Header], body: str) -> bytes:
    text = "Content-Type: text/disconnect-notice\n" + raw_headers(headers) + f"Content-Length: {len(body)}\n\n" + body
    return text.encode()
